"""The options that the analysing verbs share: how hard to try, and what makes them fail."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from licet.policy_lang.diagnostics import Diagnostic, Severity

from .failures import Failed

if TYPE_CHECKING:
    from licet.verifier.analysis.inquiry import Effort

#: The longest lists that may be asked for.
_MOST_ELEMENTS = 16


def effort_arguments(parser: argparse.ArgumentParser) -> None:
    """`--seconds` and `--list-bound`; None where they are not given."""
    parser.add_argument(
        "--seconds", metavar="S", type=float, help="the solver's time for one question (5)"
    )
    parser.add_argument(
        "--list-bound",
        metavar="N",
        type=int,
        help="the longest list that is made up to find a call (4)",
    )


def effort_of(
    options: argparse.Namespace, seconds: float | None = None, list_bound: int | None = None
) -> Effort:
    """The effort of the command line, else of the configuration, else the usual. Raises Failed."""
    from licet.verifier.analysis.inquiry import Effort

    usual = Effort()
    time = next((s for s in (options.seconds, seconds) if s is not None), usual.seconds)
    bound = next((n for n in (options.list_bound, list_bound) if n is not None), usual.list_bound)
    if not 0 < time <= 3_600:
        raise Failed("the solver's time is more than 0 and at most 3600 seconds")
    if not 1 <= bound <= _MOST_ELEMENTS:
        raise Failed(f"the list bound is 1 to {_MOST_ELEMENTS}")
    return Effort(time, bound)


def threshold_argument(parser: argparse.ArgumentParser) -> None:
    """`--fail-on`."""
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning", "never"),
        default="error",
        help="the least finding that makes the exit code 1 (error)",
    )


def fails(findings: Iterable[Diagnostic], threshold: str) -> bool:
    """Whether some finding weighs as much as the threshold."""
    weights = {"error": (Severity.error,), "warning": (Severity.error, Severity.warning)}
    return any(finding.severity in weights.get(threshold, ()) for finding in findings)
