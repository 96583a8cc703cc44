"""A guard with a memory does what a plain model in Python says, whatever is done to it in whatever
order, under a clock that also goes back."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from licet import Guard
from licet.adapters.stores import open_store
from licet.verifier.approvals import ApprovalError
from licet.verifier.history import Store
from licet.verifier.redeeming import RedeemError, SettleError
from licet.verifier.tickets import Ticket
from support.desk_memory import NOON, SECOND, ClockedStore, load
from support.examples import examples

POLICY = """
enum Role { support, manager }
principal { id: String, role: Role }
tool verify(user: String) -> { ok: Bool }
tool pay(user: String, amount: Int in 0 .. 1_000) -> { paid: Int >= 0 }
permit all on any
forbid unverified on pay
  unless any(c in calls(verify, per principal.id, within 30min):
             c.outcome == ok and c.result.ok ?? false and c.args.user == args.user)
limit hour on pay sum(args.amount) per principal.id within 1h <= 100
  settle at result.paid over result
limit day  on pay sum(args.amount) within day <= 180 settle at result.paid over result
escalate big on pay when args.amount > 60 to approver.role == manager
"""
TICKET, APPROVAL = 60, 600
SLACK = 5 * SECOND
HOUR = 3_600 * SECOND

WHO = st.sampled_from(["ann", "eve"])
USER = st.sampled_from(["x", "y"])
AMOUNT = st.sampled_from([0, 1, 10, 20, 30, 40, 50, 60, 61, 70, 100, 101])
PAID = st.sampled_from([0, 5, 30, 60, 90])


@dataclass(eq=False)
class Call:
    """A call that was allowed, as the model knows it."""

    who: str
    user: str
    amount: int
    id: str | None
    at: int
    issued: int
    ticket: Ticket
    state: str = "reserved"
    paid: int | None = None

    @property
    def counts(self) -> int:
        if self.state == "cancelled":
            return 0
        return self.amount if self.paid is None else self.paid

    @property
    def args(self) -> dict[str, Any]:
        return {"user": self.user, "amount": self.amount}


@dataclass(eq=False)
class Asked:
    id: str
    at: int
    state: str = "open"


@dataclass
class Verified:
    who: str
    user: str
    at: int
    #: None: the tool's answer was none.
    ok: bool | None


@dataclass
class Model:
    now: int = NOON
    last: int = 0
    calls: list[Call] = field(default_factory=list)
    verified: list[Verified] = field(default_factory=list)
    asked: dict[tuple[str, str, int], list[Asked]] = field(default_factory=dict)

    def expire(self) -> None:
        for call in self.calls:
            if call.state == "reserved" and call.issued + TICKET * SECOND <= self.now:
                call.state = "cancelled"

    def instant(self) -> int | None:
        """None: the clock went back too far."""
        return None if self.now < self.last - SLACK else max(self.now, self.last)

    def hour(self, who: str, at: int) -> int:
        return sum(c.counts for c in self.calls if c.who == who and c.at > at - HOUR)

    def day(self, at: int) -> int:
        return sum(c.counts for c in self.calls if _date(c.at) == _date(at))

    def refuses(self, who: str, user: str, amount: int, at: int) -> bool:
        recent = [v for v in self.verified if v.who == who and v.at > at - HOUR // 2]
        return (
            any(v.ok is None for v in recent)
            or not any(v.ok and v.user == user for v in recent)
            or self.hour(who, at) + amount > 100
            or self.day(at) + amount > 180
        )

    def named(self, who: str, id: str) -> Call | None:
        found = [c for c in self.calls if c.who == who and c.id == id]
        return found[-1] if found else None

    def standing(self, key: tuple[str, str, int]) -> Asked | None:
        newest = sorted(self.asked.get(key, []), key=lambda a: (a.at, a.id), reverse=True)
        for one in newest:
            if one.state not in ("open", "approved", "rejected"):
                continue
            if one.at + APPROVAL * SECOND <= self.now:
                one.state = "expired"
            elif one.at <= self.now + SLACK:
                return one
        return None


def _date(instant: int) -> str:
    return datetime.fromtimestamp(instant // SECOND, UTC).date().isoformat()


class Remembering(RuleBasedStateMachine):
    """What may happen to a guard. Each run is a tenant of its own."""

    guard: ClassVar[Guard]
    store: ClassVar[ClockedStore]
    numbers: ClassVar[Iterator[int]] = itertools.count()

    @initialize()
    def begin(self) -> None:
        self.tenant = f"tenant {next(self.numbers)}"
        self.model = Model()
        self.store.instant = self.model.now

    def session(self, who: str) -> Any:
        principal = {"id": who, "role": "support"}
        return self.guard.session(principal=principal, session=f"s {who}", tenant=self.tenant)

    @rule(
        seconds=st.sampled_from([1, 2, 3, 20, 59, 60, 61, 300, 1_799, 1_800, 3_599, 3_600, 86_400])
    )
    def time_goes_by(self, seconds: int) -> None:
        self.model.now += seconds * SECOND
        self.store.instant = self.model.now

    @rule(seconds=st.sampled_from([1, 2, 3, 4, 5, 6, 60, 700]))
    def the_clock_goes_back(self, seconds: int) -> None:
        self.model.now -= seconds * SECOND
        self.store.instant = self.model.now

    @rule(who=WHO, user=USER, ok=st.sampled_from([True, False, None, "error"]))
    def is_verified(self, who: str, user: str, ok: Any) -> None:
        self.verify(who, user, ok)

    def verify(self, who: str, user: str, ok: Any) -> None:
        model = self.model
        model.expire()
        at = model.instant()
        verdict = self.session(who).check("verify", {"user": user})
        assert verdict.outcome == ("deny" if at is None else "allow")
        if at is None:
            return
        assert verdict.ticket is not None
        model.last = at
        self.guard.redeem(verdict.ticket, {"user": user})
        if ok == "error":
            self.guard.settle(verdict.ticket, "error")
            return
        model.verified.append(Verified(who, user, at, ok))
        if ok is None:
            with pytest.raises(SettleError):
                self.guard.settle(verdict.ticket, "ok", {"ok": "yes"})
        else:
            self.guard.settle(verdict.ticket, "ok", {"ok": ok})

    @rule(
        who=WHO,
        user=USER,
        amount=AMOUNT,
        id=st.none() | st.sampled_from(["c1", "c2"]),
        verified=st.sampled_from([True, True, True, False]),
    )
    def check(self, who: str, user: str, amount: int, id: str | None, verified: bool) -> None:
        model = self.model
        if verified:
            self.verify(who, user, True)
        verdict = self.session(who).check("pay", {"user": user, "amount": amount}, id=id)
        model.expire()
        at = model.instant()
        if at is None:
            assert (verdict.outcome, verdict.kind) == ("deny", "fault")
            return
        known = None if id is None else model.named(who, id)
        if known is not None and known.state != "cancelled":
            if known.state == "reserved" and known.args == {"user": user, "amount": amount}:
                assert verdict.ticket == known.ticket
            else:
                assert (verdict.outcome, verdict.kind) == ("deny", "fault")
            return
        if model.refuses(who, user, amount, at):
            assert verdict.outcome == "deny", verdict
            return
        if amount > 60:
            key = (who, user, amount)
            standing = model.standing(key)
            if standing is None or standing.state == "open":
                assert verdict.outcome == "escalate"
                assert verdict.approval is not None
                if standing is None:
                    model.asked.setdefault(key, []).append(Asked(verdict.approval, model.now))
                else:
                    assert verdict.approval == standing.id
                return
            if standing.state == "rejected":
                assert (verdict.outcome, verdict.kind) == ("deny", "approval")
                return
            standing.state = "used"
        assert verdict.outcome == "allow", verdict
        assert verdict.ticket is not None
        model.last = at
        model.calls.append(Call(who, user, amount, id, at, model.now, verdict.ticket))

    def asked(self) -> list[Asked]:
        return [one for several in self.model.asked.values() for one in several]

    @precondition(lambda self: self.model.asked)
    @rule(data=st.data(), agrees=st.sampled_from([True, True, False]))
    def answer(self, data: st.DataObject, agrees: bool) -> None:
        one = data.draw(st.sampled_from(self.asked()))
        self.model.expire()
        answer = self.guard.approve if agrees else self.guard.reject
        boss = {"id": "boss", "role": "manager"}
        if one.state == "open" and one.at + APPROVAL * SECOND > self.model.now:
            one.state = answer(one.id, approver=boss, tenant=self.tenant).state
            assert one.state == ("approved" if agrees else "rejected")
        else:
            with pytest.raises(ApprovalError):
                answer(one.id, approver=boss, tenant=self.tenant)

    @precondition(lambda self: self.model.asked)
    @rule(data=st.data())
    def check_again(self, data: st.DataObject) -> None:
        who, user, amount = data.draw(st.sampled_from(sorted(self.model.asked)))
        self.check(who, user, amount, None, True)

    @precondition(lambda self: self.model.calls)
    @rule(data=st.data(), changed=st.sampled_from([False, False, False, True]))
    def redeem(self, data: st.DataObject, changed: bool) -> None:
        model = self.model
        call = self.one_of(data)
        args = {**call.args, "amount": call.amount + 1} if changed else call.args
        if not changed:
            model.expire()
        late = model.now < call.issued - SLACK
        if changed or call.state != "reserved" or late:
            with pytest.raises(RedeemError):
                self.guard.redeem(call.ticket, args)
        else:
            assert self.guard.redeem(str(call.ticket), args).args == call.args
            call.state = "redeemed"

    def one_of(self, data: st.DataObject) -> Call:
        """A call, often one that has not ended."""
        calls = self.model.calls
        waiting = [c for c in calls if c.state in ("reserved", "redeemed")]
        return data.draw(st.sampled_from(waiting or calls) | st.sampled_from(calls))

    @precondition(lambda self: self.model.calls)
    @rule(data=st.data(), ending=st.sampled_from(["ok", "ok", "error", "cancelled"]), paid=PAID)
    def settle(self, data: st.DataObject, ending: Any, paid: int) -> None:
        model = self.model
        call = self.one_of(data)
        model.expire()
        match call.state, ending:
            case "reserved", "cancelled":
                call.state = "cancelled"
            case "redeemed", "ok":
                call.state, call.paid = "ok", paid
            case "redeemed", _:
                call.state = "error"
            case ("cancelled", "cancelled") | ("error", "error" | "cancelled"):
                pass
            case "ok", "ok" if call.paid == paid:
                pass
            case _:
                with pytest.raises(SettleError):
                    self.guard.settle(call.ticket, ending, {"paid": paid})
                return
        self.guard.settle(call.ticket, ending, {"paid": paid} if ending == "ok" else None)

    @invariant()
    def sums_agree(self) -> None:
        model = self.model
        model.expire()
        at = max(model.now, model.last)
        with self.guard._memory.sit(self.tenant) as sitting:
            wanted = [("hour.spent", ("ann",)), ("hour.spent", ("eve",)), ("day.spent", ())]
            found = sitting.history(wanted, None, at)
            assert found == [sitting.by_definition(w, None, at) for w in wanted]
        assert found == [model.hour("ann", at), model.hour("eve", at), model.day(at)]
        assert model.hour("ann", at) <= 190  # what a tool says that it paid may be over
        assert {a.id for a in self.guard.pending(tenant=self.tenant)} == {
            a.id for a in self.asked() if a.state == "open" and a.at + APPROVAL * SECOND > model.now
        }


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "few", "most"), [("memory", 25, 50), ("sqlite", 8, 8)])
def test_whatever_happens(kind: str, few: int, most: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        inner: Store | None = None
        if kind == "sqlite":
            inner = open_store(f"sqlite:///{folder / 'state.db'}")
            stack.callback(inner.close)
        store = ClockedStore(inner)
        guard = stack.enter_context(
            load(
                folder,
                POLICY,
                store=store,
                ticket_seconds=TICKET,
                approval_seconds=APPROVAL,
                most_pending=1_000,
            )
        )
        machine = type("Machine", (Remembering,), {"guard": guard, "store": store})
        test = machine.TestCase
        test.settings = settings(max_examples=examples(few, most=most), stateful_step_count=40)
        test("runTest").runTest()
