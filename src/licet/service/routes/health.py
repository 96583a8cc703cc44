"""`GET /healthz` and `/readyz`, for what starts and stops replicas."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from ..doors import Json, door, router
from ..problems import Problem
from ..state import service_of

ROUTER = router()
_STATUS = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"type": "string"}},
}


@ROUTER.get(
    "/healthz",
    tags=["operations"],
    summary="Whether the process answers",
    **door(answer=_STATUS, answered={"status": "ok"}),
)
async def healthz(request: Request) -> Json:  # noqa: ARG001 - a door's form
    """Says nothing of the store: a replica is not restarted because its database is away."""
    return Json({"status": "ok"})


@ROUTER.get(
    "/readyz",
    tags=["operations"],
    summary="Whether calls can be decided here",
    **door(answer=_STATUS, answered={"status": "ready"}, errors=(503,)),
)
async def readyz(request: Request) -> Json:
    """The store answers, and the policy that is loaded here is the active one."""
    service = service_of(request)

    def is_stale() -> bool:
        tenant = service.tenant
        with service.guards.lease(tenant) as guard, service.store.begin(tenant) as tx:
            head, followed = tx.head(), guard.followed(tenant)
        if not head.policy:
            return False
        return head.policy != guard.program.digest or followed not in (0, head.activation)

    if await asyncio.to_thread(is_stale):
        raise Problem(503, "another policy is active by now: calls are refused")
    return Json({"status": "ready"})
