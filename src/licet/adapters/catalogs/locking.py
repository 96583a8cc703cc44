"""The lock file of a project: per tool the digest of schema, description and hints.

Where a project has one, a tool that is not in it, or not as it says, is denied until it is locked
again: what was reviewed is what runs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from licet.compiler.catalog import Catalog, Changed, Tool, ToolSource
from licet.compiler.digests import tool_digest
from licet.compiler.exact_json import JsonError, decode
from licet.policy_lang.diagnostics import Diagnostic

LOCK_FILE: Final = "licet.lock"
VERSION: Final = 1
MAX_SIZE: Final = 64_000_000


@dataclass(frozen=True)
class Lock:
    """The digests of tools, by qualified name."""

    tools: Mapping[str, str]

    @staticmethod
    def of(catalog: Catalog) -> Lock:
        """The lock of every tool that comes from a source; those of the policy are in its text."""
        return Lock({tool.qualified: tool_digest(tool) for tool in catalog if tool.source})

    def applied(self, given: Iterable[Tool | ToolSource]) -> tuple[Tool | ToolSource, ...]:
        """The same tools, each marked by whether it is as it was locked."""
        return tuple(
            self.checked(each)
            if isinstance(each, Tool)
            else Changed(each, self.checked, f"lock {self.digest}")
            for each in given
        )

    def checked(self, tool: Tool) -> Tool:
        """The tool, marked by whether it is as it was locked."""
        return replace(tool, locked=self.tools.get(tool.qualified) == tool_digest(tool))

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text().encode()).hexdigest()

    def text(self) -> str:
        """The file: sorted, a tool a line, so that a review sees what changed."""
        data = {"version": VERSION, "tools": dict(sorted(self.tools.items()))}
        return json.dumps(data, indent=1, ensure_ascii=True) + "\n"

    def write(self, root: Path) -> Path:
        """Write the lock file of a project, whole or not at all. Raises OSError."""
        path = root / LOCK_FILE
        fresh = root / f".{LOCK_FILE}.{os.getpid()}"
        fresh.write_text(self.text(), encoding="utf-8")
        fresh.replace(path)
        return path


def read(root: Path) -> tuple[Lock | None, Diagnostic | None]:
    """The lock of a project; None where it has none. A malformed one is a problem, not none."""
    path = root / LOCK_FILE
    if not path.exists():
        return None, None
    try:
        data = decode(path.read_bytes(), max_size=MAX_SIZE)
        version, tools = data["version"], data["tools"]
        good = version == VERSION and all(isinstance(each, str) for each in tools.values())
    except (OSError, JsonError, KeyError, TypeError, AttributeError):
        good = False
    if not good:
        help = "delete it and run `licet catalog lock`, after a look at what changed"
        return None, Diagnostic("LIC213", f"`{LOCK_FILE}` cannot be read", None, help=help)
    return Lock(tools), None
