"""`POST /v1/explain`: what would be decided, with all reasons, and nothing done about it."""

from __future__ import annotations

from starlette.requests import Request

from ..callers import Role
from ..doors import Json, door, router
from ..messages import HostCall, Object, checked, read_json, schema_of
from ..state import caller_of, service_of
from .checks import CALL

ROUTER = router()


class Supposed(HostCall):
    """A call with whatever is to be supposed. `history` has the values of aggregates, in the form
    of facts; those that it leaves out are unknown."""

    history: Object | None = None


@ROUTER.post(
    "/v1/explain",
    tags=["policies"],
    summary="Suppose a call, and see why it would be decided so",
    **door(
        Role.host,
        Role.policy_author,
        Role.auditor,
        Role.administrator,
        body=schema_of(Supposed),
        example={**CALL, "principal": {"id": "a1", "role": "support"}},
        answer={"type": "object", "required": ["verdict"]},
        answered={"verdict": {"outcome": "deny", "rules": ["large"]}},
    ),
)
async def explain(request: Request) -> Json:
    """Nothing is reserved, asked of anybody, looked up or written down, and there is no ticket."""
    service, caller = service_of(request), caller_of(request)
    data = checked(Supposed, await read_json(request, service.settings.limits.body))
    call = {key: value for key, value in data.items() if value is not None}
    with service.guards.lease(caller.tenant) as guard:
        verdict = await guard.arecheck(call, tenant=caller.tenant)
    return Json({"verdict": verdict.for_operator()})
