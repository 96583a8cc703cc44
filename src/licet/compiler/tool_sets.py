"""Pass 3: the tools that an `on` means.

A name is a group, a tool by its qualified or (where unambiguous) its short name, a glob over both,
or `any`. Every pattern has to mean at least one tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from licet.policy_lang import Note, ast

from .catalog import Catalog, Tool
from .gathering import Entry, Unit
from .names import alternatives, suggestion
from .reporting import Reporter
from .resolution import Index


@dataclass(frozen=True, slots=True)
class Selected:
    """Tools by qualified name, read when they are looked at."""

    catalog: Catalog
    names: tuple[str, ...]

    def __iter__(self) -> Iterator[Tool]:
        return (self.catalog.qualified[name] for name in self.names)


class ToolSets:
    """Resolves tool patterns; each group is worked out once."""

    def __init__(
        self, index: Index, catalog: Catalog, reporter: Reporter, *, complete: bool = True
    ) -> None:
        """`complete` is False where a catalog could not be read: unknown tools may be in it."""
        self.catalog = catalog
        self._complete = complete
        self._index = index
        self._reporter = reporter
        self._order = {name: place for place, name in enumerate(catalog.qualified)}
        self._groups: dict[Entry, tuple[str, ...] | None] = {}

    def check_groups(self) -> None:
        """Work out every group, so that wrong ones that nothing uses are found too."""
        for entry in self._index.entries("group"):
            self.group(entry)

    def resolve(self, patterns: Sequence[ast.ToolPattern], unit: Unit) -> tuple[Tool, ...]:
        """The tools of a list of patterns, each once, in the catalog's order."""
        return tuple(self.catalog.qualified[name] for name in self.names(patterns, unit))

    def names(self, patterns: Sequence[ast.ToolPattern], unit: Unit) -> tuple[str, ...]:
        """The qualified names of the same tools, none of which is read for it."""
        found: set[str] = set()
        for pattern in patterns:
            found.update(self._pattern(pattern, unit))
        return tuple(sorted(found, key=self._order.__getitem__))

    def group(self, entry: Entry) -> tuple[str, ...]:
        """The tools of a group; nothing (and an error) for one that contains itself."""
        if entry in self._groups:
            names = self._groups[entry]
            if names is None:
                self._reporter.error(
                    "LIC105",
                    f"the group `{entry.name}` contains itself",
                    entry.span,
                    "name the tools in one of the groups of the circle",
                )
            return names or ()
        self._groups[entry] = None
        assert isinstance(entry.declaration, ast.GroupDecl)
        if clash := self.catalog.meanings(entry.name):
            self._reporter.error(
                "LIC103",
                f"the group `{entry.name}` has the name of a tool",
                entry.span,
                "rename the group",
                (Note(f"the tool is `{clash[0]}`"),),
            )
        names = self.names(entry.declaration.members, entry.unit)
        self._groups[entry] = names
        return names

    def _pattern(self, pattern: ast.ToolPattern, unit: Unit) -> Sequence[str]:
        text = pattern.text
        if text == "any" and not pattern.quoted:
            return self._some(tuple(self._order), pattern)
        if pattern.is_glob:
            glob = re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)
            return self._some(
                list(
                    dict.fromkeys(
                        meant
                        for name in self.catalog.names()
                        if glob.fullmatch(name)
                        for meant in self.catalog.meanings(name)
                    )
                ),
                pattern,
            )
        if not pattern.quoted and (entry := self._index.find("group", text, unit, pattern.span)):
            return self.group(entry)
        meant = self.catalog.meanings(text)
        exact = [name for name in meant if name == text]
        if len(meant) == 1 or exact:
            return exact or meant
        if meant:
            self._reporter.error(
                "LIC104",
                f"`{text}` may mean several tools",
                pattern.span,
                f"write {alternatives(meant)}",
            )
            return ()
        if not self._complete:
            return ()
        self._reporter.error(
            "LIC106",
            f"unknown tool `{text}`",
            pattern.span,
            suggestion(
                text,
                (*self.catalog.names(), *self._index.names("group", unit)),
                "declare it (`tool …`), or add its catalog with `use tools`",
            ),
        )
        return ()

    def _some(self, names: Sequence[str], pattern: ast.ToolPattern) -> Sequence[str]:
        if not names and self._complete:
            self._reporter.error(
                "LIC107",
                f"`{pattern.text}` matches no tool",
                pattern.span,
                suggestion(
                    pattern.text.replace("*", ""),
                    self.catalog.names(),
                    "declare a tool (`tool …`), or add a catalog with `use tools`",
                ),
            )
        return names
