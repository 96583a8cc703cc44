"""What a project says of its tools beyond what their sources say: `[hints]` of `licet.toml`.

    [hints]
    "api.search"   = { read_only = true, destructive = false }    # a POST that only reads
    "desk.batch_*" = { dispatch = true }

Keys are qualified names or globs. The project's word wins over the source's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from licet.compiler.catalog import Changed, Tool, ToolSource
from licet.compiler.exact_json import shortened
from licet.compiler.loading import CONFIG
from licet.policy_lang.diagnostics import Diagnostic

HINTS: Final = ("read_only", "destructive", "atomic", "dispatch")


@dataclass(frozen=True)
class Hints:
    """The hints by pattern, in the order written: of two that mean one tool, both hold."""

    by_pattern: Mapping[str, Mapping[str, bool]]

    def applied(self, given: Iterable[Tool | ToolSource]) -> tuple[Tool | ToolSource, ...]:
        """The same tools, with the project's hints."""
        salt = f"hints {sorted((p, sorted(h.items())) for p, h in self.by_pattern.items())}"
        return tuple(
            self.told(each) if isinstance(each, Tool) else Changed(each, self.told, salt)
            for each in given
        )

    def told(self, tool: Tool) -> Tool:
        """The tool, with the project's hints."""
        said: dict[str, Any] = {}
        for pattern, hints in self.by_pattern.items():
            if fnmatchcase(tool.qualified, pattern):
                said |= hints
        return replace(tool, **said) if said else tool


def read(root: Path) -> tuple[Hints | None, Diagnostic | None]:
    """The hints of a project; None where it has none. Malformed ones are a problem."""
    try:
        data = tomllib.loads((root / CONFIG).read_text("utf-8"))
    except (OSError, ValueError):  # what is wrong with the file is said where it is opened
        return None, None
    table = data.get("hints")
    if table is None:
        return None, None
    if not isinstance(table, dict):
        return None, Diagnostic("LIC215", f"`hints` in `{CONFIG}` is no table", None, help=_HELP)
    for pattern, said in table.items():
        if not _are_hints(said):
            message = f"the hints of {shortened(pattern)} in `{CONFIG}` are none"
            return None, Diagnostic("LIC215", message, None, help=_HELP)
    return Hints(table), None


_HELP: Final = "the hints are `read_only`, `destructive`, `atomic` and `dispatch`, true or false"


def _are_hints(said: object) -> bool:
    return (
        isinstance(said, dict)
        and set(said) <= set(HINTS)
        and all(isinstance(value, bool) for value in said.values())
    )
