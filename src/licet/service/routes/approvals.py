"""`/v1/approvals…`: what waits for a person, and what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from starlette.requests import Request

from licet.verifier.approvals import Approval, ApprovalError
from licet.verifier.guard import Guard

from ..callers import Role
from ..doors import Json, door, router
from ..problems import Problem
from ..state import caller_of, service_of

ROUTER = router()
Id = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[0-9a-f-]+$")]
_READERS = (Role.host, Role.approver, Role.auditor, Role.administrator)

ONE = {
    "type": "object",
    "required": ["id", "state", "tool", "args", "rules", "expires"],
    "properties": {
        "id": {"type": "string"},
        "state": {"enum": ["open", "approved", "rejected", "used", "expired"]},
        "args": {"type": "object", "description": "A model's words: show them quoted"},
    },
}
_EXAMPLE = {
    "id": "00064473e2c1b9d0-5f2a9c1b7e44",
    "state": "open",
    "tool": "refund",
    "args": {"order_id": "R1", "amount": 4000},
    "principal": {"id": "a1", "role": "support"},
    "session": "s1",
    "rules": [{"name": "large", "message": "A manager has to agree.", "needs": 1, "agreed": []}],
    "asked": "2026-11-22T15:00:00Z",
    "expires": "2026-11-23T15:00:00Z",
    "rejected_by": None,
}


@ROUTER.get(
    "/v1/approvals",
    tags=["approvals"],
    summary="What waits for somebody, oldest first",
    **door(
        *_READERS,
        answer={
            "type": "object",
            "required": ["approvals", "next"],
            "properties": {
                "approvals": {"type": "array", "items": ONE},
                "next": {"type": ["string", "null"]},
            },
        },
        answered={"approvals": [_EXAMPLE], "next": None},
        errors=(422,),
    ),
)
async def approvals(
    request: Request,
    after: Annotated[str, Query(max_length=100, description="the last id of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Json:
    """A page of the open approvals of the caller's tenant."""
    found: list[Approval] = await _asked(
        request, lambda guard, tenant: guard.pending(tenant=tenant)
    )
    page = [one for one in found if one.id > after][: limit + 1]
    following = page[limit - 1].id if len(page) > limit else None
    return Json({"approvals": [one.plain() for one in page[:limit]], "next": following})


@ROUTER.get(
    "/v1/approvals/{id}",
    tags=["approvals"],
    summary="One approval, whatever has become of it",
    **door(*_READERS, answer=ONE, answered=_EXAMPLE, errors=(404, 422)),
)
async def approval(request: Request, id: Id) -> Json:
    """One of the caller's tenant."""
    return Json((await _one(request, id)).plain())


@ROUTER.get(
    "/v1/approvals/{id}/wait",
    tags=["approvals"],
    summary="Wait until somebody has answered",
    **door(*_READERS, answer=ONE, answered=_EXAMPLE, errors=(404, 422)),
)
async def wait(
    request: Request, id: Id, seconds: Annotated[float, Query(ge=0, le=300)] = 20.0
) -> Json:
    """Answers when the approval is no longer open, or `seconds` have passed (the service has a
    limit of its own); ask again then."""
    service, caller = service_of(request), caller_of(request)
    seconds = min(seconds, service.settings.limits.wait)
    await _one(request, id)
    with service.guards.lease(caller.tenant) as guard:
        try:
            found = await guard.answered(id, tenant=caller.tenant, seconds=seconds)
        except LookupError:
            raise _unknown() from None
    return Json(found.plain())


@ROUTER.post(
    "/v1/approvals/{id}/{answer}",
    tags=["approvals"],
    summary="Agree, or do not",
    **door(Role.approver, answer=ONE, answered=_EXAMPLE, errors=(404, 409, 422)),
)
async def answer(request: Request, id: Id, answer: Literal["approve", "reject"]) -> Json:
    """Whoever answers is whom the credential says; the body is not read. An answer that does not
    count is refused with 409, and why."""
    caller = caller_of(request)
    await _one(request, id)

    def say(guard: Guard, tenant: str) -> Approval:
        act = guard.approve if answer == "approve" else guard.reject
        return act(id, approver=caller.principal, tenant=tenant)

    try:
        return Json((await _asked(request, say)).plain())
    except ApprovalError as error:
        raise Problem(409, str(error)) from None


async def _one(request: Request, id: str) -> Approval:
    found: Approval | None = await _asked(
        request, lambda guard, tenant: guard.approval(id, tenant=tenant)
    )
    if found is None:
        raise _unknown()
    return found


async def _asked(request: Request, ask: Callable[[Guard, str], Any]) -> Any:
    """Ask the guard beside the event loop."""
    service, caller = service_of(request), caller_of(request)
    with service.guards.lease(caller.tenant) as guard:
        return await asyncio.to_thread(ask, guard, caller.tenant)


def _unknown() -> Problem:
    return Problem(404, "there is no such approval")
