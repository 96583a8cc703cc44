"""What `licet lint` finds in an open policy, worked out beside the editor.

One policy at a time, with one worker: the machine is its author's. What nobody waits for any more
is given up between two questions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from licet import __version__
from licet.adapters.catalogs.locking import read
from licet.policy_lang import Diagnostic, Severity
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.analysis.keeping import Kept, usual_folder
from licet.verifier.analysis.linted import Finding
from licet.verifier.analysis.linting import LINT_SECONDS, Project, lint
from licet.verifier.analysis.settings import SettingsError, settings_of
from licet.verifier.solving import SolverPool

from .policies import Policy


class _NotWantedError(Exception):
    """The text has changed meanwhile."""


class Linting:
    """The solver's worker and the answers of earlier runs. Safe to share between threads."""

    def __init__(self) -> None:
        self._pool = SolverPool(1)
        self._kept = Kept(usual_folder())
        self._turn = threading.Lock()

    def findings(self, policy: Policy, wanted: Callable[[], bool]) -> tuple[Finding, ...] | None:
        """What the checks find, as the project weighs it; None where it is not `wanted` any more.

        A policy that does not compile has no findings: what is left of it is not what is meant.
        """
        if policy.program is None or any(d.severity is Severity.error for d in policy.diagnostics):
            return ()
        with self._turn:
            try:
                return tuple(self._found(policy, wanted))
            except _NotWantedError:
                return None

    def _found(self, policy: Policy, wanted: Callable[[], bool]) -> Iterator[Finding]:
        assert policy.program is not None

        def go_on(_: int = 0) -> None:
            if not wanted():
                raise _NotWantedError

        go_on()
        try:
            settings = settings_of(policy.root)
        except SettingsError as error:
            yield Finding(Diagnostic("LIC306", str(error), None, Severity.error))
            return
        lock, problem = read(settings.root)
        if problem is not None:
            yield Finding(problem)
            return
        seconds = LINT_SECONDS if settings.seconds is None else settings.seconds
        effort = Effort(seconds, settings.list_bound or Effort().list_bound)
        found = lint(
            policy.program,
            self._pool,
            effort,
            project=Project(settings.resolvers, None if lock is None else frozenset(lock.tools)),
            kept=self._kept,
            version=__version__,
            done=go_on,
        )
        for finding in found:
            for diagnostic in settings.weighed([finding.diagnostic]):
                yield replace(finding, diagnostic=diagnostic)

    def close(self) -> None:
        """Stop the worker."""
        self._pool.close()
