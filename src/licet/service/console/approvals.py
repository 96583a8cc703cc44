"""The inbox: what waits for a person, and the answer that they give in their credential's name."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.responses import RedirectResponse, Response

from licet.compiler.catalog import Tool
from licet.verifier.approvals import Approval, ApprovalError
from licet.verifier.guard import Guard

from ..callers import Role
from ..problems import Problem
from .excerpts import Excerpt, excerpt_of
from .pages import READERS, ROOT, Pages, Visit
from .rendering import json_inline

PAGES = Pages()
_SEERS = (Role.approver, *READERS)
_ID = re.compile(r"[0-9a-f-]{1,100}")
#: Approvals that a page lists.
_MOST = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """An approval for its page. `risks` says in words what agreeing lets happen; `objection` why
    this reader's answer would not count, None if it would; `agreed` whether it was given."""

    approval: Approval
    asked: datetime
    expires: datetime
    acts: str
    risks: tuple[str, ...]
    rules: tuple[tuple[str, str, int, tuple[str, ...], Excerpt | None], ...]
    answers: bool
    objection: str | None
    agreed: bool


@PAGES.get("/approvals", *_SEERS)
async def inbox(visit: Visit) -> Response:
    """What waits, the oldest first: it expires first."""

    def read(guard: Guard) -> list[Asked]:
        found = guard.pending(tenant=visit.tenant)
        return [_asked(visit, guard, one) for one in found[:_MOST]]

    with visit.service.guards.lease(visit.tenant) as guard:
        waiting = await asyncio.to_thread(read, guard)
    return visit.show("approvals.html", waiting=waiting, most=_MOST, answers=_answers(visit))


@PAGES.get("/approvals/{id}", *_SEERS)
async def approval(visit: Visit) -> Response:
    """One, whatever has become of it."""
    return await _show(visit, _id(visit))


@PAGES.post("/approvals/{id}/approve", Role.approver)
async def approve(visit: Visit) -> Response:
    """Whoever has signed in agrees."""
    return await _answer(visit, agrees=True)


@PAGES.post("/approvals/{id}/reject", Role.approver)
async def reject(visit: Visit) -> Response:
    """Whoever has signed in does not agree."""
    return await _answer(visit, agrees=False)


async def _answer(visit: Visit, *, agrees: bool) -> Response:
    id = _id(visit)

    def say(guard: Guard) -> None:
        act = guard.approve if agrees else guard.reject
        act(id, approver=visit.caller.principal, tenant=visit.tenant)

    with visit.service.guards.lease(visit.tenant) as guard:
        if await asyncio.to_thread(guard.approval, id, tenant=visit.tenant) is None:
            raise _unknown()
        try:
            await asyncio.to_thread(say, guard)
        except ApprovalError as error:
            return await _show(visit, id, str(error), 409)
    return RedirectResponse(f"{ROOT}/approvals/{id}", 303)


async def _show(visit: Visit, id: str, problem: str | None = None, status: int = 200) -> Response:
    def read(guard: Guard) -> Asked | None:
        found = guard.approval(id, tenant=visit.tenant)
        return None if found is None else _asked(visit, guard, found)

    with visit.service.guards.lease(visit.tenant) as guard:
        asked = await asyncio.to_thread(read, guard)
    if asked is None:
        raise _unknown()
    return visit.show("approval.html", status, asked=asked, problem=problem)


def _id(visit: Visit) -> str:
    id = str(visit.request.path_params["id"])
    if not _ID.fullmatch(id):
        raise _unknown()
    return id


def _unknown() -> Problem:
    return Problem(404, "there is no such approval")


def _answers(visit: Visit) -> bool:
    return Role.approver in visit.caller.roles


def _asked(visit: Visit, guard: Guard, one: Approval) -> Asked:
    me = visit.caller.principal
    answers = _answers(visit) and one.state == "open"
    tools = guard.program.catalog.find(one.tool)
    return Asked(
        one,
        _instant(one.asked),
        _instant(one.expires),
        _who(one.principal),
        tuple(_risks(one, tools[0] if len(tools) == 1 else None)),
        tuple(
            (r.name, r.message, r.needs, r.agreed, excerpt_of(guard.program.files, r.name))
            for r in one.rules
        ),
        answers,
        guard.objection(one.id, approver=me, tenant=visit.tenant) if answers else None,
        bool(one.rules) and all(me.get("id") in r.agreed for r in one.rules),
    )


def _instant(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def _who(principal: Mapping[str, object]) -> str:
    """Who acts, and for whom."""
    who = _name(principal.get("id", "somebody without an id"))
    behalf = principal.get("on_behalf_of")
    return who if behalf is None else f"{who}, on behalf of {_name(behalf)}"


def _name(value: object) -> str:
    return value if isinstance(value, str) else json_inline(value)


def _risks(one: Approval, tool: Tool | None) -> Iterable[str]:
    """What it means to agree: by the tool's hints, which are its source's word."""
    if tool is None:
        yield "The policy of today has no such tool: the call would be refused anyway."
        return
    if tool.destructive:
        yield "It destroys or replaces something: it may not be possible to take it back."
    elif tool.read_only:
        yield "It only reads, says the source of the tool."
    else:
        yield "It changes something outside: whether that can be taken back is not declared."
    if tool.dispatch:
        yield "It is a batch: every call inside it runs."
    if tool.atomic:
        yield "If it fails, it has done nothing."
    most = max((rule.needs for rule in one.rules), default=1)
    if most > 1:
        yield f"{most} different people have to agree; one who does not is enough to stop it."
    yield "Who agrees lets exactly this call run, once, within the limits that hold when it does."
