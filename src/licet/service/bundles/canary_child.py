"""The process that decides by a canary: a call a line in, its outcome a line out.

    {"call": {…}, "history": {digest of an index: entries}, "approved": […]}
    {"outcome": "deny", "kind": "forbidden", "rules": ["large"]}

It decides on what it is given, and looks nothing up: what it lacks is unknown, and so is its
outcome then. It has no store, no ticket, no time for a solver, and nothing that it does counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from licet.compiler.clock import clock
from licet.compiler.exact_json import decode
from licet.compiler.json_text import json_line
from licet.compiler.program import Program
from licet.loading import load_program
from licet.verifier.admission import Admission
from licet.verifier.guard import Guard
from licet.verifier.solving.child import confined, giving_way

#: Address space of this process, in bytes.
MEMORY = 4 << 30
#: Seconds of processor time, its start included, after which it gives way to all others.
LONG = 3.0
MAX_LINE = 16_000_000
MAX_DEPTH = 80


def main() -> None:
    """Decide what standard input says, until it ends."""
    answers = confined(MEMORY, int(sys.argv[2]))
    os.nice(10)  # whoever decides comes first
    giving_way(LONG)

    def say(answer: Mapping[str, object]) -> None:
        answers.write(json_line(answer).encode() + b"\n")
        answers.flush()

    told = decode(sys.stdin.buffer.readline(), max_size=MAX_LINE)
    program = load_program([Path(path) for path in told["paths"]], params=told["params"]).program
    if program is None:
        return
    decides = _Canary(program)
    say({"ready": True})
    for line in sys.stdin.buffer:
        say(decides.decided(decode(line, max_size=MAX_LINE, max_depth=MAX_DEPTH)))


class _Canary:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._admission = Admission(program, clock(program.zone))
        self._guard = Guard(program, seconds=0.0)

    def decided(self, job: Mapping[str, Any]) -> dict[str, object]:
        call, known = job["call"], job["history"]
        history = {
            name: known[index.digest]
            for name, index in self._program.history.items()
            if index.digest in known
        }
        given = {**self._admission.fitting(call), "history": history}
        if "now" in call:
            given["now"] = call["now"]
        verdict = self._guard.recheck(given, job["approved"])
        return {"outcome": verdict.outcome, "kind": verdict.kind, "rules": list(verdict.rules)}
