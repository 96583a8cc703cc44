"""The process that examines a bundle: compiled, compared, linted, each told as soon as it is known.

It reads one line of JSON: `{"bundle": {"paths": […], "params": {…}}, "base": the same or null,
"seconds": …}`, and writes a line for each thing found:

    {"compiled": {"policy", "catalog", "name", "tools", "diagnostics"}}     first, and once
    {"compared": {"tool", "verdict", "presence", "changes"}}                for each tool
    {"shown": […], "hidden": […]}           what the model may read now, and no longer
    {"different": true}                     all tools were compared
    {"linted": […]}                         all findings
    {"done": true}

Whoever started it reads as far as time allows: what is not written is not known.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from licet import __version__
from licet.adapters.catalogs import locking
from licet.compiler.exact_json import decode
from licet.compiler.json_text import json_line
from licet.compiler.program import Program
from licet.loading import load_program
from licet.policy_lang import Diagnostic
from licet.verifier.analysis.differences import ToolDifference, compare_tool, tools_of
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.analysis.keeping import Kept
from licet.verifier.analysis.linting import Project, lint
from licet.verifier.analysis.settings import SettingsError, settings_of
from licet.verifier.analysis.spreading import spread
from licet.verifier.solving import SolverPool
from licet.verifier.solving.child import giving_way

#: Address space of this process, in bytes; each solver has a limit of its own.
MEMORY = 4 << 30
#: Seconds of processor time after which it runs where nobody else wants to.
LONG = 3.0
#: What is told of one thing, at most.
MAX_LISTED = 200
MAX_TEXT = 4_000
_WORKERS = 2
_LINE = threading.Lock()


def main() -> None:
    """Examine what standard input says."""
    _limit()
    asked = decode(sys.stdin.readline(), max_size=64_000_000)
    program, found = _compiled(asked["bundle"])
    _say(
        compiled={
            "policy": None if program is None else program.digest,
            "catalog": None if program is None else program.catalog.digest,
            "name": "" if program is None else program.name,
            "tools": 0 if program is None else len(program.catalog.names()),
            "unset": [] if program is None else sorted(program.unset_params),
            "diagnostics": [diagnostic_json(each) for each in found[:MAX_LISTED]],
        }
    )
    if program is None or program.unset_params:
        return
    base = None if asked["base"] is None else _compiled(asked["base"])[0]
    with SolverPool(_WORKERS, polite=True) as pool:
        if base is not None:
            _compare(base, program, pool)
        _lint(asked["bundle"], program, pool)
    _say(done=True)


def _limit() -> None:
    """Let a policy that takes more memory than it should fail here, where nothing else runs; and
    whoever decides calls come first, the more the longer it takes."""
    os.nice(10)
    giving_way(LONG)
    try:
        import resource
    except ImportError:  # not on this system
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _compiled(told: Mapping[str, Any]) -> tuple[Program | None, tuple[Diagnostic, ...]]:
    loaded = load_program([Path(path) for path in told["paths"]], params=told["params"])
    return loaded.program, loaded.diagnostics


# --- compared ------------------------------------------------------------------------------------


def _compare(base: Program, program: Program, pool: SolverPool) -> None:
    tools = tools_of(base, program)

    def one(tool: str) -> None:
        _say(compared=_difference(compare_tool(base, program, tool, pool, Effort())))

    spread(one, tools)
    _say(shown=_paths(program.shown - base.shown), hidden=_paths(base.shown - program.shown))
    _say(different=True)


def _paths(shown: frozenset[tuple[str, ...]]) -> list[str]:
    return sorted(".".join(path) for path in shown)[:MAX_LISTED]


def _difference(found: ToolDifference) -> dict[str, object]:
    return {
        "tool": found.tool,
        "verdict": found.verdict,
        "presence": found.presence,
        "changes": [
            {
                "kind": change.kind,
                "wider": change.wider,
                "before": change.before,
                "after": change.after,
                "rules": list(change.rules[:MAX_LISTED]),
                "reason": change.reason[:MAX_TEXT],
                "witness": None if change.witness is None else change.witness.call(),
                "example": "" if change.witness is None else str(change.witness)[:MAX_TEXT],
            }
            for change in found.changes[:MAX_LISTED]
        ],
    }


# --- linted --------------------------------------------------------------------------------------


def _lint(told: Mapping[str, Any], program: Program, pool: SolverPool) -> None:
    try:
        settings = settings_of(Path(told["paths"][0]))
    except SettingsError as error:
        _say(lint_settings=str(error).replace(f"{told['root']}/", "")[:MAX_TEXT])
        return
    lock, _ = locking.read(settings.root)
    project = Project(settings.resolvers, None if lock is None else frozenset(lock.tools))
    findings = lint(
        program, pool, Effort(2.0), project=project, kept=Kept(None), version=__version__
    )
    counting = settings.weighed(finding.diagnostic for finding in findings)
    _say(linted=[diagnostic_json(each) for each in islice(counting, MAX_LISTED)])


def diagnostic_json(found: Diagnostic) -> dict[str, object]:
    """A diagnostic as JSON: its place by file, line and column, from 1."""
    place: dict[str, object] = {"file": None, "line": None, "column": None}
    if found.span is not None:
        line, column = found.span.source.position(found.span.start)
        place = {"file": found.span.source.name, "line": line, "column": column}
    return {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message[:MAX_TEXT],
        **place,
        "notes": [note.message[:MAX_TEXT] for note in found.notes[:20]],
        "help": (found.help or "")[:MAX_TEXT],
    }


def _say(**told: object) -> None:
    line = (json_line(told) + "\n").encode()
    with _LINE:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(1, rest) :]
