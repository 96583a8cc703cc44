"""What there is to tell of a request and of a verdict, with everything secret already left out.

Every sink sees these two records and nothing else: no arguments, no facts, no tickets, no
credentials, no messages (they quote values). Names come from the policy, the catalog and the
configuration; what a client made up is bounded, or not here at all. Those of every call are named
tuples, which are made in a third of the time of a frozen dataclass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from licet.verifier.driving import Waits
from licet.verifier.guard import Guard
from licet.verifier.verdict import Verdict

from ..callers import Caller

#: Where the trail is in a request's scope.
TRAIL = "licet.trail"
MAX_TEXT = 100
MAX_NAMES = 20
#: What a call's id looks like where it is an id. One that looks like a credential is not told.
_ID = re.compile(r"(?!.*licet[_1])[A-Za-z0-9_.:-]{1,100}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Trail:
    """What becomes known of a request on its way. Times are of `time.perf_counter`, in seconds."""

    __slots__ = ("authenticated", "caller", "id", "route", "started", "traceparent")

    def __init__(self, id: str, started: float, traceparent: str | None) -> None:
        self.id = id
        self.started = started
        self.traceparent = traceparent
        #: The route's template: never the path that was asked for.
        self.route: str | None = None
        self.caller: Caller | None = None
        #: Seconds that it took to know who asks.
        self.authenticated: float | None = None


class Decision(NamedTuple):
    """A verdict, as operators are told of it. `seconds` is what deciding took, `waits` what of it
    went into facts, memory and solver.

    `tool` is None where the catalog has no such tool; `call` is the client's own id of the call.
    `observed` is the refusal that observe mode let through. `budgets` are the rules whose limit
    refused, each with the part of it that was used.
    """

    id: str
    request: str | None
    tenant: str
    caller: str
    tool: str | None
    call: str | None
    outcome: str
    kind: str | None
    rules: tuple[str, ...]
    observed: str | None
    approval: str | None
    policy: str
    solver_unknown: bool
    budgets: tuple[tuple[str, float], ...]
    seconds: float
    waits: Waits
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Differed:
    """A call that the policy beside the active one decides otherwise. `id` is the verdict's."""

    id: str
    tenant: str
    tool: str | None
    outcome: str
    rules: tuple[str, ...]
    canary: str
    canary_outcome: str
    canary_rules: tuple[str, ...]


class Answered(NamedTuple):
    """An answer to a request. `route` is None where none matched, `tenant` and `caller` where
    nobody known asked."""

    request: str
    method: str
    route: str | None
    status: int
    tenant: str | None
    caller: str | None
    authenticated: float | None
    seconds: float


def decision_of(
    verdict: Verdict,
    guard: Guard,
    caller: Caller,
    trail: Trail | None,
    seconds: float,
    waits: Waits,
) -> Decision:
    """What is told of a verdict."""
    told = verdict if verdict.observed is None else verdict.observed
    known = verdict.allowed or bool(guard.program.catalog.find(verdict.tool))
    call = verdict.call_id
    # By their order, as the fields stand: names would cost a call as much again.
    return Decision(
        verdict.id,
        None if trail is None else trail.id,
        caller.tenant,
        bounded(caller.name),
        bounded(verdict.tool) if known else None,
        call if call and _ID.fullmatch(call) else None,
        verdict.outcome,
        told.kind,
        tuple([bounded(rule) for rule in told.rules[:MAX_NAMES]]),
        None if verdict.observed is None else told.outcome,
        told.approval,
        verdict.policy_digest,
        "solver_unknown" in [each.kind for each in told.violations],
        _used_budgets(told) if told.budgets else (),
        seconds,
        waits,
        None if trail is None else trail.traceparent,
    )


def _used_budgets(verdict: Verdict) -> tuple[tuple[str, float], ...]:
    return tuple(
        [
            (bounded(budget.rule), used)
            for budget in verdict.budgets[:MAX_NAMES]
            if (used := _used(budget.spent, budget.bound)) is not None
        ]
    )


def answered_of(trail: Trail, method: str, status: int, seconds: float) -> Answered:
    """What is told of an answer."""
    caller = trail.caller
    return Answered(
        trail.id,
        method if method in _METHODS else "other",
        trail.route,
        status,
        None if caller is None else caller.tenant,
        None if caller is None else bounded(caller.name),
        trail.authenticated,
        seconds,
    )


def bounded(text: str) -> str:
    """A text of at most `MAX_TEXT` characters."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _used(spent: object, bound: object) -> float | None:
    try:
        return float(str(spent)) / float(str(bound))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None  # an amount that is no plain number: a duration, a bound of zero
