"""Proposed calls → their verdicts, told to the telemetry. Every route decides through here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from starlette.requests import Request

from licet.verifier.action import Action
from licet.verifier.guard import Guard, Waits
from licet.verifier.verdict import Verdict

from .state import caller_of, service_of
from .telemetry.requests import TRAIL


async def decide(
    request: Request, guard: Guard, call: Action | Mapping[str, object], *, commit: bool
) -> Verdict:
    """The verdict, in the caller's tenant. `commit`: once allowed, the call counts as made."""
    caller = caller_of(request)
    began = time.perf_counter()
    waits: Waits = {}
    verdict = await guard.acheck(call, tenant=caller.tenant, commit=commit, waits=waits)
    trail = request.scope.get(TRAIL)
    service_of(request).telemetry.decided(
        verdict, guard, caller, trail, time.perf_counter() - began, waits
    )
    return verdict


async def decide_all(
    request: Request, guard: Guard, calls: Sequence[Mapping[str, object]], *, commit: bool
) -> list[Verdict]:
    """The verdicts on calls in a row, each after those before it. To the telemetry each took its
    part of the time."""
    caller = caller_of(request)
    began = time.perf_counter()
    waits: Waits = {}
    verdicts = await guard.acheck_all(calls, tenant=caller.tenant, commit=commit, waits=waits)
    seconds = (time.perf_counter() - began) / max(1, len(calls))
    each: Waits = {stage: spent / len(calls) for stage, spent in waits.items()}
    trail = request.scope.get(TRAIL)
    telemetry = service_of(request).telemetry
    for verdict in verdicts:
        telemetry.decided(verdict, guard, caller, trail, seconds, each)
    return verdicts
