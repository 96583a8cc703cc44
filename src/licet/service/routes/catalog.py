"""`GET /v1/catalog`: the tools that the policy knows, with their arguments."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request

from licet.compiler.catalog import Tool

from ..callers import Role
from ..doors import Json, door, router
from ..state import caller_of, service_of

ROUTER = router()


@ROUTER.get(
    "/v1/catalog",
    tags=["policies"],
    summary="The tools, by name",
    **door(
        Role.host,
        Role.approver,
        Role.policy_author,
        Role.auditor,
        Role.administrator,
        answer={
            "type": "object",
            "required": ["tools", "total", "next"],
            "properties": {
                "tools": {"type": "array", "items": {"type": "object"}},
                "total": {"type": "integer"},
                "next": {"type": ["string", "null"]},
            },
        },
        answered={
            "policy": "sha256:…",
            "catalog": "sha256:…",
            "total": 1,
            "tools": [
                {
                    "name": "refund",
                    "description": "",
                    "hints": ["destructive"],
                    "args": [{"name": "order_id", "type": "String"}],
                }
            ],
            "next": None,
        },
        errors=(422,),
    ),
)
async def catalog(
    request: Request,
    after: Annotated[
        str, Query(max_length=512, description="the last name of the page before")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Json:
    """A page of them. Tools of large sources are read when they are asked for."""
    service, caller = service_of(request), caller_of(request)
    with service.guards.lease(caller.tenant) as guard:
        known = guard.program.catalog
        names = sorted(known.names())
        page = [name for name in names if name > after][: limit + 1]
        tools = [_plain(known.qualified[name]) for name in page[:limit]]
        return Json(
            {
                "policy": guard.program.digest,
                "catalog": known.digest,
                "total": len(names),
                "tools": tools,
                "next": page[limit - 1] if len(page) > limit else None,
            }
        )


def _plain(tool: Tool) -> dict[str, Any]:
    hints = ("read_only", "destructive", "atomic", "dispatch")
    return {
        "name": tool.qualified,
        "description": tool.description,
        "hints": [hint for hint in hints if getattr(tool, hint)],
        "args": [{"name": field.name, "type": str(field.type)} for field in tool.params.fields],
    }
