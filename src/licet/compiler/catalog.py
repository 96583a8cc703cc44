"""The vocabulary of a policy: the tools that exist, with their arguments' types.

Importers in `adapters/catalogs` make tools out of the lists that teams have; inline `tool`
declarations make them too. Nothing here reads files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from .types import RecordType, Type


@dataclass(frozen=True, slots=True)
class Tool:
    """One operation that an agent may propose.

    `source` qualifies the name (`desk.refund`); inline tools have the source "". `result` is None
    where the source does not describe one. `digest` covers schema, description and hints.
    `read_only`, `destructive`: hints of the source, which a policy may read as `tool.read_only`.
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

    @property
    def qualified(self) -> str:
        return f"{self.source}.{self.name}" if self.source else self.name


@dataclass(frozen=True)
class Catalog:
    """Tools by qualified name, in the order given; qualified names are unique."""

    tools: tuple[Tool, ...] = ()
    digest: str = field(default="")

    @cached_property
    def by_name(self) -> dict[str, tuple[Tool, ...]]:
        """Every tool under its qualified and its short name."""
        names: dict[str, list[Tool]] = {}
        for tool in self.tools:
            names.setdefault(tool.qualified, []).append(tool)
            if tool.source:
                names.setdefault(tool.name, []).append(tool)
        return {name: tuple(tools) for name, tools in names.items()}

    @cached_property
    def qualified(self) -> dict[str, Tool]:
        """Every tool under its qualified name alone."""
        return {tool.qualified: tool for tool in self.tools}

    def find(self, name: str) -> tuple[Tool, ...]:
        """The tools that a name may mean: none, one, or several.

        A qualified name that is also another tool's short name means both: a source that calls
        its tool `desk.refund` must not be judged as the `refund` of `desk`, nor the other way.
        """
        return self.by_name.get(name, ())

    def __iter__(self) -> Iterator[Tool]:
        return iter(self.tools)

    def __len__(self) -> int:
        return len(self.tools)

    def names(self) -> Iterable[str]:
        """Every name that `find` answers with at least one tool."""
        return self.by_name.keys()
