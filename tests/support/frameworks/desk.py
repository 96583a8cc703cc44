"""The desk that every framework's conformance is tested on: a policy, three tools, a session."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from licet import Guard, Verdict
from licet.compiler.program import Program
from licet.verifier.sessions import GuardSession

TOOLS = """
tool refund(order_id: String, amount: Decimal in 0 .. 10_000)
tool lookup(order_id: String)
tool close(order_id: String)
"""
RULES = """
principal { id: String, manager: Bool }
fact is_open(order_id: String) -> Bool
permit refunds on refund
permit lookups on lookup
permit closings on close when is_open(args.order_id)
forbid huge on refund when args.amount > 1_000
  message "A refund is at most 1000, not {args.amount}."
escalate large on refund when args.amount > 100 to approver.manager
limit small on refund sum(args.amount) per principal.id <= 100
  when args.amount <= 100
shown small
"""
POLICY = TOOLS + RULES

#: The same tools as a server called `desk` lists them, and the policy of those.
ORDER = {"order_id": {"type": "string"}}
AMOUNT = {"amount": {"type": "number", "minimum": 0, "maximum": 10_000}}
LISTED = [
    {
        "name": name,
        "inputSchema": {"type": "object", "properties": takes, "required": list(takes)},
    }
    for name, takes in (("refund", ORDER | AMOUNT), ("lookup", ORDER), ("close", ORDER))
]
SERVED = 'use tools mcp "desk.json" as desk\n' + re.sub(r"\bon (?=[rlc])", "on desk.", RULES)


class GuardError(Exception):
    """The guard is broken, on purpose."""


class Line:
    """A session as a remote client would offer it: what a gate needs, and each part can fail.

    `fails` names parts (`check`, `redeem`, `settle`) that raise; `hangs` those that never answer.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._session = guard.session(principal={"id": "a1", "manager": False}, session="s1")
        self.fails: set[str] = set()
        self.hangs: set[str] = set()
        self.endings: list[str] = []
        self.tickets: list[str] = []

    @property
    def guard(self) -> Line:
        return self

    @property
    def program(self) -> Program:
        return self._guard.program

    def _broken(self, part: str) -> None:
        if part in self.fails:
            raise GuardError("secret-of-the-operator")
        if part in self.hangs:
            import threading

            threading.Event().wait(5)

    async def _abroken(self, part: str) -> None:
        if part in self.hangs:
            await asyncio.sleep(5)
        self._broken(part)

    def _seen(self, verdict: Verdict) -> Verdict:
        if verdict.ticket is not None:
            self.tickets.append(str(verdict.ticket.nonce))
        return verdict

    def check(self, tool: str, args: Mapping[str, object], /, *, id: str | None) -> Verdict:
        self._broken("check")
        return self._seen(self._session.check(tool, args, id=id))

    async def acheck(self, tool: str, args: Mapping[str, object], /, *, id: str | None) -> Verdict:
        await self._abroken("check")
        return self._seen(await self._session.acheck(tool, args, id=id))

    def redeem(self, ticket: Any, args: Mapping[str, object], /) -> Any:
        self._broken("redeem")
        return self._guard.redeem(ticket, args)

    async def aredeem(self, ticket: Any, args: Mapping[str, object], /) -> Any:
        await self._abroken("redeem")
        return await self._guard.aredeem(ticket, args)

    def settle(self, ticket: Any, ending: Any, result: object = None, /) -> None:
        self._broken("settle")
        self._guard.settle(ticket, ending, result)
        self.endings.append(ending)

    async def asettle(self, ticket: Any, ending: Any, result: object = None, /) -> None:
        await self._abroken("settle")
        await self._guard.asettle(ticket, ending, result)
        self.endings.append(ending)

    def approve(self, id: str, *, approver: Mapping[str, object]) -> Any:
        return self._guard.approve(id, approver=approver)

    def reject(self, id: str, *, approver: Mapping[str, object]) -> Any:
        return self._guard.reject(id, approver=approver)


class LineGuard:
    """A guard for what wants one and no session: whoever calls, each part goes through the line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.program = line.program
        self.redeem, self.aredeem = line.redeem, line.aredeem
        self.settle, self.asettle = line.settle, line.asettle
        self.approve, self.reject = line.approve, line.reject

    def session(self, **_who: object) -> GuardSession[LineGuard]:
        return GuardSession(self, {}, {}, "s1", "default")

    def check(self, action: Mapping[str, Any], /, **_where: object) -> Verdict:
        return self._line.check(action["tool"], action["args"], id=action["id"])

    async def acheck(self, action: Mapping[str, Any], /, **_where: object) -> Verdict:
        return await self._line.acheck(action["tool"], action["args"], id=action["id"])


@dataclass
class Desk:
    """The tools, and what ran. An order `boom` fails; `slow` does not end until it is cancelled."""

    guard: Guard
    line: Line
    ran: list[tuple[str, str, float]] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)

    async def refund(self, order_id: str, amount: float) -> str:
        """Pay an order back."""
        self.ran.append(("refund", order_id, float(amount)))
        return await self._work(order_id)

    async def lookup(self, order_id: str) -> str:
        """Look an order up."""
        self.ran.append(("lookup", order_id, 0.0))
        return await self._work(order_id)

    async def close(self, order_id: str) -> str:
        """Close an order."""
        self.ran.append(("close", order_id, 0.0))
        return await self._work(order_id)

    async def wipe(self, order_id: str) -> str:
        """A tool of the agent that the policy does not know."""
        self.ran.append(("wipe", order_id, 0.0))
        return await self._work(order_id)

    async def _work(self, order_id: str) -> str:
        if order_id == "boom":
            raise ValueError("the desk is on fire")
        if order_id == "slow":
            self.started.set()
            await asyncio.sleep(60)
        return f"done {order_id}"


def open_desk(folder: Path, text: str = POLICY) -> Desk:
    (folder / "desk.json").write_text(json.dumps({"tools": LISTED}), "utf-8")
    policy = folder / "desk.licet"
    policy.write_text(text, "utf-8")
    guard = Guard.load(policy)
    return Desk(guard, Line(guard))


def spent(desk: Desk) -> str:
    """What of the budget of small refunds is spent, as a refusal says it."""
    verdict = desk.guard.check(
        {
            "tool": "refund",
            "args": {"order_id": "R2", "amount": 100},
            "principal": {"id": "a1", "manager": False},
            "session": "s1",
            "id": "probe",
        }
    )
    return "nothing" if verdict.allowed else str(verdict.budgets[0].spent)


async def settled(desk: Desk) -> None:
    """Until a call's end is written down."""
    for _ in range(3_000):
        if desk.line.endings:
            break
        await asyncio.sleep(0.01)
    assert desk.line.endings == ["cancelled"]


async def abandoned(desk: Desk, reached: asyncio.Event, run: Coroutine[Any, Any, Any]) -> None:
    """Cancel a run once it has reached a place between the check and the tool."""
    task = asyncio.ensure_future(run)
    await reached.wait()
    assert spent(desk) == "40"
    task.cancel()
    await asyncio.wait({task})
    await settled(desk)
    assert (desk.ran, spent(desk)) == ([], "nothing")
