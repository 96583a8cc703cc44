"""`POST /v1/check` and `/v1/check/batch`: a verdict for each proposed call."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from licet.verifier.verdict import Verdict

from ..answers import EXAMPLE, SCHEMA, told
from ..callers import Role
from ..calls import call_of, check_reach
from ..deciding import decide, decide_all
from ..doors import Json, door, router
from ..messages import Batch, HostCall, checked, read_json, schema_of
from ..problems import Problem
from ..state import caller_of, service_of

ROUTER = router()
#: After so many calls of a batch, others get their turn.
_TURN = 32

CALL = {"tool": "refund", "args": {"order_id": "R1", "amount": 900}, "id": "call_7"}


@ROUTER.post(
    "/v1/check",
    tags=["calls"],
    summary="Decide one proposed call",
    **door(
        Role.agent,
        Role.host,
        body=schema_of(HostCall),
        example=CALL,
        answer=SCHEMA,
        answered=EXAMPLE,
    ),
)
async def check(request: Request) -> Json:
    """The verdict. A refusal is an answer (200), not an error. What a host is allowed is reserved,
    and has a ticket; an agent's call counts as made once it is allowed."""
    service, caller = service_of(request), caller_of(request)
    data = checked(HostCall, await read_json(request, service.settings.limits.body))
    call = call_of(data, caller)
    with service.guards.lease(caller.tenant) as guard:
        check_reach(call, caller, guard.program.catalog)
        verdict = await decide(request, guard, call, commit=not caller.vouches)
        return Json(told(verdict, caller, service.guards.observes_until(caller.tenant)))


@ROUTER.post(
    "/v1/check/batch",
    tags=["calls"],
    summary="Decide many proposed calls",
    **door(
        Role.agent,
        Role.host,
        body=schema_of(Batch),
        example={"calls": [CALL]},
        answer={
            "type": "object",
            "required": ["verdicts"],
            "properties": {"verdicts": {"type": "array", "items": SCHEMA}},
        },
        answered={"verdicts": [EXAMPLE]},
    ),
)
async def check_batch(request: Request) -> Json:
    """The verdicts, in the order of the calls. Each is decided for itself, after those before it:
    what they reserved counts."""
    service, caller = service_of(request), caller_of(request)
    limits = service.settings.limits
    data = checked(Batch, await read_json(request, limits.body))
    if len(data["calls"]) > limits.batch:
        raise Problem(413, f"a batch has at most {limits.batch:,} calls", more={"path": "calls"})
    calls = [call_of(each, caller) for each in data["calls"]]
    service.rates.take_rest(caller, len(calls))
    with service.guards.lease(caller.tenant) as guard:
        for call in calls:
            check_reach(call, caller, guard.program.catalog)
        verdicts: list[Verdict] = []
        for start in range(0, len(calls), _TURN):
            some = calls[start : start + _TURN]
            verdicts += await decide_all(request, guard, some, commit=not caller.vouches)
            await asyncio.sleep(0)
        until = service.guards.observes_until(caller.tenant)
        return Json({"verdicts": [told(verdict, caller, until) for verdict in verdicts]})
