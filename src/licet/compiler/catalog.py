"""The vocabulary of a policy: the tools that exist, with their arguments' types.

Importers in `adapters/catalogs` make tools out of the descriptions that teams have; inline `tool`
declarations make them too. Nothing here reads files. Tools of a large source are read when they
are first asked for: the names are enough to say what exists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from .types import RecordType, Type


@dataclass(frozen=True, slots=True)
class Tool:
    """One operation that an agent may propose.

    `source` qualifies the name (`desk.refund`); inline tools have the source "". `result` is None
    where the source does not describe one. `digest` covers schema, description and hints.
    `read_only`, `destructive`: hints of the source, which a policy may read as `tool.read_only`.
    `locked`: whether it is what the project's lock file says; None where there is no lock.
    `from_agent`: an agent's own code described it, so that what the agent has when it runs can be
    compared with it.
    """

    name: str
    source: str
    params: RecordType
    result: Type | None = None
    description: str = ""
    read_only: bool = False
    destructive: bool = False
    atomic: bool = False
    dispatch: bool = False
    tags: tuple[str, ...] = ()
    digest: str = ""
    locked: bool | None = None
    from_agent: bool = False

    @property
    def qualified(self) -> str:
        return f"{self.source}.{self.name}" if self.source else self.name

    @property
    def unlocked(self) -> bool:
        """It is not what the project's lock file says: no call of it is allowed."""
        return self.locked is False


@dataclass(frozen=True, slots=True)
class Alias:
    """What a name that is no tool is instead (`an IAM action`), and the tools that it stands for,
    by short name."""

    what: str
    tools: tuple[str, ...]


class ToolSource(Protocol):
    """The tools of one source, read one by one. Safe to share between threads.

    `name` qualifies the tools' names. `digest` covers every tool, so that two sources with one
    digest have the same tools; it is known without reading them.
    """

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def names(self) -> Sequence[str]:
        """The short names of all tools, each once."""

    def tool(self, name: str) -> Tool:
        """A tool by its short name, the same each time. Raises KeyError."""

    def aliases(self) -> Mapping[str, Alias]:
        """Names that are no tools, though people take them for some."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A source whose tools are read through a function; it must not change their names."""

    inner: ToolSource
    change: Callable[[Tool], Tool]
    salt: str
    _made: dict[str, Tool] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.salt} {self.inner.digest}".encode()).hexdigest()

    def names(self) -> Sequence[str]:
        return self.inner.names()

    def aliases(self) -> Mapping[str, Alias]:
        return self.inner.aliases()

    def tool(self, name: str) -> Tool:
        made = self._made.get(name)
        if made is None:
            made = self._made.setdefault(name, self.change(self.inner.tool(name)))
        return made


@dataclass(frozen=True, slots=True)
class Renamed:
    """A source under another name."""

    inner: ToolSource
    name: str
    _made: dict[str, Tool] = field(default_factory=dict, compare=False, repr=False)

    @property
    def digest(self) -> str:
        return self.inner.digest

    def names(self) -> Sequence[str]:
        return self.inner.names()

    def aliases(self) -> Mapping[str, Alias]:
        return self.inner.aliases()

    def tool(self, name: str) -> Tool:
        made = self._made.get(name)
        if made is None:
            tool = replace(self.inner.tool(name), source=self.name)
            made = self._made.setdefault(name, tool)
        return made


@dataclass(frozen=True)
class Catalog:
    """Tools by qualified name, in the order given; qualified names are unique.

    `tools` are at hand; those of `sources` are read when they are needed.
    """

    tools: tuple[Tool, ...] = ()
    digest: str = field(default="")
    sources: tuple[ToolSource, ...] = ()

    @cached_property
    def qualified(self) -> Mapping[str, Tool]:
        """Every tool under its qualified name alone."""
        return _Qualified(self._at_hand, self._places) if self.sources else self._at_hand

    @cached_property
    def _at_hand(self) -> dict[str, Tool]:
        return {tool.qualified: tool for tool in self.tools}

    @cached_property
    def _places(self) -> dict[str, tuple[ToolSource, str]]:
        """Where each tool that is not at hand is read, by its qualified name."""
        return {
            f"{source.name}.{name}": (source, name)
            for source in self.sources
            for name in source.names()
        }

    @cached_property
    def _meanings(self) -> Mapping[str, tuple[str, ...]]:
        """The qualified names that each name, qualified or short, may mean."""
        names: dict[str, list[str]] = {}
        for tool in self.tools:
            names.setdefault(tool.qualified, []).append(tool.qualified)
            if tool.source:
                names.setdefault(tool.name, []).append(tool.qualified)
        for qualified, (_, short) in self._places.items():
            names.setdefault(qualified, []).append(qualified)
            names.setdefault(short, []).append(qualified)
        return {name: tuple(meant) for name, meant in names.items()}

    def short_name(self, qualified: str) -> str | None:
        """A tool's name without its source, read from nowhere; None for one that is not there."""
        place = self._places.get(qualified)
        if place is not None:
            return place[1]
        return self._at_hand[qualified].name if qualified in self._at_hand else None

    def meanings(self, name: str) -> tuple[str, ...]:
        """The qualified names of the tools that a name may mean: none, one, or several.

        A qualified name that is also another tool's short name means both: a source that calls
        its tool `desk.refund` must not be judged as the `refund` of `desk`, nor the other way.
        """
        return self._meanings.get(name, ())

    def find(self, name: str) -> tuple[Tool, ...]:
        """The tools that a name may mean; see `meanings`."""
        return tuple(self.qualified[meant] for meant in self.meanings(name))

    @cached_property
    def aliases(self) -> Mapping[str, Alias]:
        """Names that are no tools, by source and name (`s3.ListAllMyBuckets`); the tools of each
        are qualified."""
        return {
            f"{source.name}.{name}": replace(
                alias, tools=tuple(f"{source.name}.{tool}" for tool in alias.tools)
            )
            for source in self.sources
            for name, alias in source.aliases().items()
        }

    def __iter__(self) -> Iterator[Tool]:
        """All tools. Of large sources this reads every one."""
        return iter(self.qualified.values())

    def __len__(self) -> int:
        return len(self.qualified)

    def names(self) -> Sequence[str]:
        """Every name that `find` answers with at least one tool."""
        return tuple(self._meanings)


class _Qualified(Mapping[str, Tool]):
    """Tools at hand, then those that are still to be read."""

    def __init__(self, at_hand: dict[str, Tool], places: dict[str, tuple[ToolSource, str]]) -> None:
        self._at_hand = at_hand
        self._places = places

    def __getitem__(self, qualified: str) -> Tool:
        tool = self._at_hand.get(qualified)
        if tool is None:
            source, name = self._places[qualified]
            tool = source.tool(name)
        return tool

    def __contains__(self, qualified: object) -> bool:
        return qualified in self._at_hand or qualified in self._places

    def __iter__(self) -> Iterator[str]:
        yield from self._at_hand
        yield from self._places

    def __len__(self) -> int:
        return len(self._at_hand) + len(self._places)
