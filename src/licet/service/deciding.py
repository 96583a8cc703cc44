"""One proposed call → its verdict, told to the telemetry. Every route decides through here."""

from __future__ import annotations

import time
from collections.abc import Mapping

from starlette.requests import Request

from licet.verifier.action import Action
from licet.verifier.guard import Guard
from licet.verifier.verdict import Verdict

from .state import caller_of, service_of
from .telemetry.requests import TRAIL


async def decide(
    request: Request, guard: Guard, call: Action | Mapping[str, object], *, commit: bool
) -> Verdict:
    """The verdict, in the caller's tenant. `commit`: once allowed, the call counts as made."""
    caller = caller_of(request)
    started = time.perf_counter()
    verdict = await guard.acheck(call, tenant=caller.tenant, commit=commit)
    trail = request.scope.get(TRAIL)
    service_of(request).telemetry.decided(verdict, guard, caller, trail, started)
    return verdict
