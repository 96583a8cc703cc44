"""`GET /v1/decisions`: the audit of the caller's tenant, newest first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.requests import Request

from licet.verifier.audit.bodies import KINDS
from licet.verifier.audit.entries import EntryError, body_of, envelope
from licet.verifier.history import AuditEntry, Store, StoreError

from ..callers import Role
from ..doors import Json, door, router
from ..problems import Problem
from ..state import caller_of, service_of

ROUTER = router()
#: Entries that one request looks at, and that it reads at once.
SCANNED = 5_000
_PAGE = 500

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
        errors=(422, 503),
    ),
)
async def decisions(
    request: Request,
    before: Annotated[
        int | None, Query(ge=1, le=2**62, description="`next` of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    kind: Annotated[str | None, Query(max_length=40)] = None,
    outcome: Literal["allow", "escalate", "deny"] | None = None,
    tool: Annotated[str | None, Query(max_length=512)] = None,
    rule: Annotated[str | None, Query(max_length=512)] = None,
    id: Annotated[str | None, Query(max_length=512, description="of a verdict")] = None,
) -> Json:
    """Entries that fit all that is asked for. A page may be short of `limit` though `next` is set:
    one request looks at so many entries and no more."""
    service, caller = service_of(request), caller_of(request)
    wanted = {"kind": kind, "outcome": outcome, "tool": tool, "rule": rule, "id": id}
    asked = {name: value for name, value in wanted.items() if value is not None}
    try:
        found, following = await asyncio.to_thread(
            _search, service.store, caller.tenant, before, limit, asked
        )
    except StoreError:
        raise Problem(503, "the store failed") from None
    return Json({"entries": found, "next": following})


def _search(
    store: Store, tenant: str, before: int | None, limit: int, asked: Mapping[str, str]
) -> tuple[list[dict[str, Any]], int | None]:
    with store.begin(tenant) as tx:
        last = tx.head().audit_seq
    end = last if before is None else min(before - 1, last)
    found: list[dict[str, Any]] = []
    lowest = max(0, end - SCANNED)
    while end > lowest:
        start = max(lowest, end - _PAGE)
        for entry in reversed(store.audit(tenant, start, end - start)):
            shown = _fitting(entry, asked)
            if shown is not None:
                found.append(shown)
                if len(found) == limit:
                    return found, entry.seq if entry.seq > 1 else None
        end = start
    return found, lowest + 1 if lowest > 0 else None


def _fitting(entry: AuditEntry, asked: Mapping[str, str]) -> dict[str, Any] | None:
    """An entry as JSON, or None where it is not what is asked for."""
    try:
        head = envelope(entry.text)
        if asked.get("kind", head.kind) != head.kind:
            return None
        body = body_of(entry.text)
    except EntryError:  # somebody wrote into the store: `licet audit verify` says more
        return None
    verdict = body.get("verdict")
    said: Mapping[str, Any] = verdict if isinstance(verdict, dict) else {}
    tool = said.get("tool", body.get("tool"))
    if "outcome" in asked and said.get("outcome") != asked["outcome"]:
        return None
    if "tool" in asked and tool != asked["tool"]:
        return None
    if "rule" in asked and asked["rule"] not in (said.get("rules") or ()):
        return None
    if "id" in asked and said.get("id") != asked["id"]:
        return None
    return {
        "seq": entry.seq,
        "at": head.at,
        "kind": head.kind,
        "hash": entry.hash,
        "body": body,
    }
