"""Proposed calls → their verdicts, told to the telemetry. Every route decides through here.

A call that the guard refuses because another policy has become active is decided by that one, if it
is loaded here in time; else it stays refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from starlette.requests import Request

from licet.verifier.action import Action
from licet.verifier.driving import Waits
from licet.verifier.guard import Guard
from licet.verifier.remembering import STALE
from licet.verifier.verdict import Verdict

from .calls import check_reach
from .state import Service, caller_of, service_of
from .telemetry.events import TRAIL

#: How long a call waits for the policy that has become active meanwhile, in seconds.
_PATIENCE = 2.0
_PAUSE = 0.02

Call = Action | Mapping[str, object]


async def decide(request: Request, guard: Guard, call: Call, *, commit: bool) -> Verdict:
    """The verdict, in the caller's tenant. `commit`: once allowed, the call counts as made. Raises
    Problem 403 where a policy that has become active meanwhile shows a call in it that is not the
    caller's to make."""
    [verdict] = await decide_all(request, guard, [call], commit=commit)
    return verdict


async def decide_all(
    request: Request, guard: Guard, calls: Sequence[Call], *, commit: bool
) -> list[Verdict]:
    """The verdicts on calls in a row, each after those before it. To the telemetry each took its
    part of the time. Raises as `decide` does."""
    service, caller = service_of(request), caller_of(request)
    began = time.perf_counter()
    until = time.monotonic() + _PATIENCE
    waits: Waits = {}
    since = guard.followed(caller.tenant)
    verdicts = await _checked(guard, calls, caller.tenant, commit, waits)
    while (
        stale := [place for place, verdict in enumerate(verdicts) if _is_stale(verdict)]
    ) and await _caught_up(service, caller.tenant, since, until):
        with service.guards.lease(caller.tenant) as active:
            since = active.followed(caller.tenant)
            again = [calls[place] for place in stale]
            for call in again:
                check_reach(_plain(call), caller, active.program.catalog)
            found = await _checked(active, again, caller.tenant, commit, waits)
        for place, verdict in zip(stale, found, strict=True):
            verdicts[place] = verdict
        guard = active
    number = max(1, len(calls))
    seconds = (time.perf_counter() - began) / number
    each: Waits = {stage: spent / number for stage, spent in waits.items()}
    trail = request.scope.get(TRAIL)
    for verdict in verdicts:
        service.telemetry.decided(verdict, guard, caller, trail, seconds, each)
    return verdicts


async def _checked(
    guard: Guard, calls: Sequence[Call], tenant: str, commit: bool, waits: Waits
) -> list[Verdict]:
    if len(calls) == 1:
        return [await guard.acheck(calls[0], tenant=tenant, commit=commit, waits=waits)]
    return await guard.acheck_all(calls, tenant=tenant, commit=commit, waits=waits)


def _is_stale(verdict: Verdict) -> bool:
    return verdict.kind == "fault" and verdict.violations[0].message == STALE


async def _caught_up(service: Service, tenant: str, since: int, until: float) -> bool:
    """Whether a later activation than `since` decides here by now, waiting while it is loaded."""
    while time.monotonic() < until:
        found = service.policies.caught_up(tenant, since)
        if found is not None:
            return found
        await asyncio.sleep(_PAUSE)
    return False


def _plain(call: Call) -> Mapping[str, object]:
    return {"tool": call.tool, "args": call.args} if isinstance(call, Action) else call
