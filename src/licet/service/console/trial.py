"""The playground's process: a policy and a call in, what lint and the guard say of them out.

Nothing is read from a disk: imports and tools are those of the try's ground, or not there. Every
try has a memory of its own, in which nothing has happened yet.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from licet import __version__
from licet.compiler.exact_json import JsonError, decode
from licet.compiler.json_text import json_line
from licet.compiler.pipeline import compile_sources
from licet.compiler.program import Program
from licet.policy_lang import Diagnostic, Source, render_json
from licet.verifier.action import Action, ActionError
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.analysis.keeping import Kept
from licet.verifier.analysis.linting import Project, lint
from licet.verifier.guard import Guard, UnsetParamsError
from licet.verifier.solving import SolverPool
from licet.verifier.solving.child import confined

from .grounds import Ground

#: Bytes of a request.
MAX_REQUEST: Final = 32 << 20
#: Parts of a try's seconds: for the solver's work on one refusal, on one of lint's questions, and
#: for all of lint.
_REFUSAL: Final = 1 / 4
_QUESTION: Final = 1 / 15
_LINT: Final = 2 / 3


class _OverError(Exception):
    """Lint has had its time."""


@dataclass
class _Policy:
    """The last policy, compiled: most tries change the call alone."""

    of: tuple[str, Mapping[str, Any]]
    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    guard: Guard | None = None
    tries: int = 0


class Trial:
    """Answers one try after the other."""

    def __init__(self) -> None:
        self._policy: _Policy | None = None
        self._pool = SolverPool(1, polite=True)

    def answer(self, request: Mapping[str, Any]) -> dict[str, object]:
        """The answer to a request of `trying`."""
        policy = self._compiled(str(request["policy"]), request["ground"])
        seconds = float(request["seconds"])
        if request["work"] == "lint":
            return self._linted(policy, seconds)
        told: dict[str, object] = {"diagnostics": render_json(policy.diagnostics)}
        if policy.program is not None:
            told |= self._decided(policy, policy.program, str(request["call"]), seconds)
        return told

    def close(self) -> None:
        """Stop the solvers' processes."""
        self._forget()
        self._pool.close()

    def _forget(self) -> None:
        if self._policy is not None and self._policy.guard is not None:
            self._policy.guard.close()
        self._policy = None

    def _compiled(self, text: str, plain: Mapping[str, Any]) -> _Policy:
        if self._policy is None or self._policy.of != (text, plain):
            self._forget()
            self._policy = _Policy((text, plain), *_compile(text, Ground.read(plain)))
        return self._policy

    def _decided(
        self, policy: _Policy, program: Program, text: str, seconds: float
    ) -> dict[str, object]:
        try:
            action = Action.from_mapping(decode(text))
        except JsonError as error:
            return {"problem": f"the call is no JSON: {error.message}"}
        except ActionError as error:
            return {"problem": f"the call cannot be read: {error.message}"}
        try:
            if policy.guard is None:
                policy.guard = Guard(program, seconds=seconds * _REFUSAL, audit=False)
            policy.tries += 1
            tenant = f"try {policy.tries}"  # where nothing has been done yet
            policy.guard.activate(tenant=tenant)
            verdict = policy.guard.check(action, tenant=tenant)
        except UnsetParamsError as error:
            return {"problem": f"{error}: give each a default, as in `param most: Int = 5`"}
        return {"verdict": verdict.for_operator(), "model": verdict.for_model()}

    def _linted(self, policy: _Policy, seconds: float) -> dict[str, object]:
        if policy.program is None:
            return {"findings": [], "whole": True}
        until = time.monotonic() + seconds * _LINT

        def go_on(_done: int) -> None:
            if time.monotonic() > until:
                raise _OverError

        try:
            found = lint(
                policy.program,
                self._pool,
                Effort(seconds * _QUESTION, 3),
                project=Project(),
                kept=Kept(None),
                version=__version__,
                done=go_on,
            )
        except _OverError:
            return {"findings": [], "whole": False}
        return {"findings": render_json([each.diagnostic for each in found]), "whole": True}


def _compile(text: str, ground: Ground) -> tuple[Program | None, tuple[Diagnostic, ...]]:
    def read(name: str) -> Source | None:
        found = ground.imports.get(name)
        return None if found is None else Source(name, found)

    others = [Source(name, other) for name, other in ground.roots.items()]
    return compile_sources(
        sorted([Source(ground.file, text), *others], key=lambda source: source.name),
        params=ground.params,
        read=read,
        read_tools=ground.read_tools,
    )


def main(memory: int, parent: int) -> None:
    """Answer line by line, as long as `parent` lives."""
    answers = confined(memory, parent)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    trial = Trial()
    for line in sys.stdin.buffer:
        try:
            told: dict[str, object] = trial.answer(decode(line, max_size=MAX_REQUEST))
        except Exception as error:
            told = {"problem": f"this cannot be tried: {type(error).__name__}"}
        answers.write(json_line(told).encode("ascii") + b"\n")
        answers.flush()
