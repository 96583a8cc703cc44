"""`GET /v1/decisions`: the audit of the caller's tenant, newest first."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import Query
from starlette.requests import Request

from licet.verifier.audit.bodies import KINDS, Kind

from ..callers import Role
from ..doors import Json, door, router
from ..records import search
from ..state import caller_of, service_of

ROUTER = router()

_ENTRY = {
    "type": "object",
    "required": ["seq", "at", "kind", "hash", "body"],
    "properties": {"seq": {"type": "integer"}, "kind": {"enum": list(KINDS)}},
}


@ROUTER.get(
    "/v1/decisions",
    tags=["audit"],
    summary="Search what was decided and done",
    **door(
        Role.auditor,
        Role.administrator,
        answer={
            "type": "object",
            "required": ["entries", "next"],
            "properties": {
                "entries": {"type": "array", "items": _ENTRY},
                "next": {"type": ["integer", "null"]},
            },
        },
        answered={
            "entries": [
                {
                    "seq": 7,
                    "at": "2026-11-22T15:00:00.000000Z",
                    "kind": "verdict",
                    "hash": "sha256:…",
                    "body": {"verdict": {"outcome": "deny", "tool": "refund", "rules": ["large"]}},
                }
            ],
            "next": None,
        },
        errors=(422,),
    ),
)
async def decisions(
    request: Request,
    before: Annotated[
        int | None, Query(ge=1, le=2**62, description="`next` of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    kind: Kind | None = None,
    outcome: Literal["allow", "escalate", "deny"] | None = None,
    tool: Annotated[str | None, Query(max_length=512)] = None,
    rule: Annotated[str | None, Query(max_length=512)] = None,
    id: Annotated[str | None, Query(max_length=512, description="of a verdict")] = None,
    call: Annotated[
        str | None, Query(max_length=512, description="the client's id of a call: all of it")
    ] = None,
) -> Json:
    """Entries that fit all that is asked for. A page may be short of `limit` though `next` is set:
    one request looks at so many entries and no more."""
    service, caller = service_of(request), caller_of(request)
    wanted = {
        "kind": kind,
        "outcome": outcome,
        "tool": tool,
        "rule": rule,
        "id": id,
        "call": call,
    }
    asked = {name: value for name, value in wanted.items() if value is not None}
    found, following = await asyncio.to_thread(
        search, service.store, caller.tenant, before, limit, asked
    )
    return Json({"entries": [each.plain() for each in found], "next": following})
