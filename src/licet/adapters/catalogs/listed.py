"""Tools that are at hand, as one source."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from licet.compiler.catalog import Alias, Tool


class Listed:
    """A source of tools that have been read; a `ToolSource`. Names are unique."""

    def __init__(self, name: str, tools: Sequence[Tool]) -> None:
        self._name = name
        self.tools = tuple(tools)
        self._by_name = {tool.name: tool for tool in tools}

    @property
    def name(self) -> str:
        return self._name

    @property
    def digest(self) -> str:
        parts = sorted(f"{tool.name} {tool.digest}" for tool in self.tools)
        return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def names(self) -> Sequence[str]:
        return tuple(self._by_name)

    def aliases(self) -> Mapping[str, Alias]:
        return {}

    def tool(self, name: str) -> Tool:
        return self._by_name[name]
