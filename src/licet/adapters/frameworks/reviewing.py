"""The tools that an agent has when it runs, held against the catalog that its policy stands on.

A policy that was written for other tools still refuses what it does not know. But a tool that
changed under its name may mean something else now, so whatever differs is told to operators, and
where the project has a lock, the tool is refused: what was reviewed is what runs.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from licet.adapters.catalogs import tool_lists
from licet.adapters.catalogs.comparing import drift
from licet.compiler.catalog import Catalog, Tool
from licet.compiler.exact_json import canonical

from .describing import Describe

log = logging.getLogger("licet")


@dataclass(frozen=True, slots=True)
class _Seen:
    """One object of a framework that has been compared, how it described itself, and the result."""

    built: object
    told: bytes
    refused: bool


class Reviewer:
    """Holds one agent's tools against a catalog; None knows no catalog, and refuses nothing.

    Only tools that were listed from an agent are compared (`Tool.from_agent`): other descriptions
    have words and types of their own. Each is compared once, and again when it is another object
    that describes itself differently.
    """

    def __init__(self, catalog: Catalog | None, describe: Describe) -> None:
        self._catalog = catalog
        self._describe = describe
        self._seen: dict[str, _Seen] = {}
        self._lock = threading.Lock()

    def refuses(self, name: str, built: object) -> bool:
        """Whether the tool of this name is locked, and is not as it was locked. Raises nothing."""
        meant = () if self._catalog is None else self._catalog.meanings(name)
        if self._catalog is None or len(meant) != 1:
            return False
        with self._lock:
            seen = self._seen.get(name)
            if seen is not None and seen.built is built:
                return seen.refused
            try:
                seen = self._compared(self._catalog.qualified[meant[0]], built, seen)
            except Exception:
                log.exception("the tool %r cannot be compared with the policy's catalog", name)
                seen = _Seen(built, b"", refused=True)
            self._seen[name] = seen
        return seen.refused

    def _compared(self, known: Tool, built: object, seen: _Seen | None) -> _Seen:
        if not known.from_agent:
            return _Seen(built, b"", False)
        data = self._describe(built)
        told = canonical(data)
        if seen is not None and seen.told == told:
            return _Seen(built, told, seen.refused)
        tools, problems = tool_lists.read({"tools": [data]}, known.source, None, "mcp")
        found = drift(known, tools[0]) if tools else [problem.message for problem in problems]
        if found:
            log.warning(
                "the agent's tool %r is not what the policy's catalog says (%s): "
                "see `licet catalog diff`, save the tools again and review the rules",
                known.qualified,
                "; ".join(" ".join(str(each).split()) for each in found),
            )
        return _Seen(built, told, bool(found) and known.locked is True)
