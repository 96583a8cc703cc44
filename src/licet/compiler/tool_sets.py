"""Pass 3: the tools that an `on` means.

A name is a group, a tool by its qualified or (where unambiguous) its short name, a glob over both,
or `any`. Every pattern has to mean at least one tool.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from licet.policy_lang import Note, ast

from .catalog import Catalog, Tool
from .gathering import Entry, Unit
from .names import alternatives, suggestion
from .reporting import Reporter
from .resolution import Index


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
        self._order = {tool.qualified: place for place, tool in enumerate(catalog)}
        self._groups: dict[Entry, tuple[Tool, ...] | None] = {}

    def check_groups(self) -> None:
        """Work out every group, so that wrong ones that nothing uses are found too."""
        for entry in self._index.entries("group"):
            self.group(entry)

    def resolve(self, patterns: Sequence[ast.ToolPattern], unit: Unit) -> tuple[Tool, ...]:
        """The tools of a list of patterns, each once, in the catalog's order."""
        found: dict[str, Tool] = {}
        for pattern in patterns:
            for tool in self._pattern(pattern, unit):
                found[tool.qualified] = tool
        return tuple(sorted(found.values(), key=lambda tool: self._order[tool.qualified]))

    def group(self, entry: Entry) -> tuple[Tool, ...]:
        """The tools of a group; nothing (and an error) for one that contains itself."""
        if entry in self._groups:
            tools = self._groups[entry]
            if tools is None:
                self._reporter.error(
                    "LIC105",
                    f"the group `{entry.name}` contains itself",
                    entry.span,
                    "name the tools in one of the groups of the circle",
                )
            return tools or ()
        self._groups[entry] = None
        assert isinstance(entry.declaration, ast.GroupDecl)
        if clash := self.catalog.find(entry.name):
            self._reporter.error(
                "LIC103",
                f"the group `{entry.name}` has the name of a tool",
                entry.span,
                "rename the group",
                (Note(f"the tool is `{clash[0].qualified}`"),),
            )
        tools = self.resolve(entry.declaration.members, entry.unit)
        self._groups[entry] = tools
        return tools

    def _pattern(self, pattern: ast.ToolPattern, unit: Unit) -> Sequence[Tool]:
        text = pattern.text
        if text == "any" and not pattern.quoted:
            return self._some(self.catalog.tools, pattern)
        if pattern.is_glob:
            glob = re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)
            return self._some(
                [
                    tool
                    for tool in self.catalog
                    if glob.fullmatch(tool.qualified) or glob.fullmatch(tool.name)
                ],
                pattern,
            )
        if not pattern.quoted and (entry := self._index.find("group", text, unit, pattern.span)):
            return self.group(entry)
        tools = self.catalog.find(text)
        exact = [tool for tool in tools if tool.qualified == text]
        if len(tools) == 1 or exact:
            return exact or tools
        if tools:
            self._reporter.error(
                "LIC104",
                f"`{text}` may mean several tools",
                pattern.span,
                f"write {alternatives(tool.qualified for tool in tools)}",
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

    def _some(self, tools: Sequence[Tool], pattern: ast.ToolPattern) -> Sequence[Tool]:
        if not tools and self._complete:
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
        return tools
