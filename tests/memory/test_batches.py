"""A batch is judged with every call in it: all are reserved under one ticket, or none is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from licet import Guard, Verdict
from licet.verifier.history.memory import MemoryStore
from licet.verifier.redeeming import RedeemError, SettleError
from support.desk_memory import BOSS, SUPPORT, ClockedStore, load

POLICY = """
enum Role { support, manager }
principal { id: String, role: Role }
fact account(user: String) -> { open: Bool }
tool batch(calls: List<{ tool: String, args: Json }>) dispatch
tool together(calls: List<{ tool: String, args: Json }>) atomic dispatch
tool pass_on(name: String, arguments: Json) dispatch
tool pay(user: String, amount: Int in 0 .. 10_000) -> { paid: Int }
tool verify(user: String) -> { ok: Bool }
tool ship(user: String)
tool wire(amount: Int in 0 .. 100_000)
tool secret()
permit batches on batch, together, pass_on
permit all on pay when account(args.user).open
permit others on verify, ship, wire
limit day on pay sum(args.amount) per principal.id within day <= 100
forbid unverified on ship
  unless any(c in calls(verify, within 1d): c.outcome == ok and c.args.user == args.user)
escalate big on wire when args.amount > 500 to approver.role == manager
"""


def call(tool: str, **args: object) -> dict[str, object]:
    return {"tool": tool, "args": args}


def pay(amount: int, user: str = "u") -> dict[str, object]:
    return call("pay", user=user, amount=amount)


def make(tmp_path: Path, **options: Any) -> Guard:
    guard = load(tmp_path, POLICY, **options)

    @guard.fact
    def account(user: str) -> dict[str, bool] | None:
        if user == "lost":
            raise OSError("down")
        return {"open": user != "closed"}

    return guard


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    with make(tmp_path) as made:
        yield made


def check(guard: Guard, *calls: object, tool: str = "batch", **more: Any) -> Verdict:
    session = guard.session(principal=SUPPORT, session="s")
    return session.check(tool, {"calls": list(calls)}, **more)


def left(guard: Guard) -> int:
    """How much can still be paid: the most that one call is allowed, given back at once."""
    session = guard.session(principal=SUPPORT, session="s")
    low, high = 0, 100
    while low < high:
        middle = (low + high + 1) // 2
        verdict = session.check("pay", {"user": "u", "amount": middle})
        if verdict.allowed:
            assert verdict.ticket is not None
            guard.settle(verdict.ticket, "cancelled")
            low = middle
        else:
            high = middle - 1
    return low


def test_all_or_nothing(guard: Guard) -> None:
    refused = check(guard, pay(60), pay(60))
    assert (refused.outcome, refused.tool, refused.rules) == ("deny", "batch", ("day",))
    assert refused.message.startswith("call 2 of the batch, `pay`: ")
    assert refused.ticket is None
    assert refused.parts == ()
    assert left(guard) == 100
    allowed = check(guard, pay(60), pay(40))
    assert allowed.allowed
    assert len(allowed.parts) == 2
    assert left(guard) == 0


@pytest.mark.parametrize(
    ("inner", "kind", "path"),
    [
        (call("secret"), "no_permit", None),
        (call("transfer_all"), "unknown_tool", "args.calls[1].args"),
        (call("pay", user="u"), "bad_argument", "args.calls[1].args.amount"),
        (pay(1, "closed"), "no_permit", None),
        (pay(1, "lost"), "undetermined", None),
        (call("ship", user="u"), "forbidden", None),
        ("rm -rf /", "bad_argument", "args.calls[1]"),
        ({"tool": "pay"}, "bad_argument", "args.calls[1].args"),
        (call(""), "bad_argument", "args.calls[1].args"),
    ],
)
def test_one_wrong_call_refuses_the_batch(
    guard: Guard, inner: object, kind: str, path: str | None
) -> None:
    refused = check(guard, pay(10), inner)
    assert (refused.outcome, refused.kind) == ("deny", kind)
    if path is not None:
        assert refused.violations[0].path == path
    assert left(guard) == 100


def test_the_batch_needs_a_permit_of_its_own(tmp_path: Path) -> None:
    with load(tmp_path, POLICY.replace("on batch, together", "on together")) as guard:
        assert check(guard, call("verify", user="u")).kind == "no_permit"


def test_batches_in_batches(guard: Guard) -> None:
    inner = call("batch", calls=[pay(60)])
    assert check(guard, inner, pay(60)).rules == ("day",)
    assert len(check(guard, inner, pay(40)).parts) == 3
    for _ in range(4):
        inner = call("batch", calls=[inner])
    assert "deeper than 4" in check(guard, inner).message


def test_a_call_that_is_passed_on(guard: Guard) -> None:
    session = guard.session(principal=SUPPORT, session="s")
    arguments = {"user": "u", "amount": 101}
    assert session.check("pass_on", {"name": "pay", "arguments": arguments}).rules == ("day",)
    arguments["amount"] = 100
    assert session.check("pass_on", {"name": "pay", "arguments": arguments}).allowed
    assert left(guard) == 0


def test_one_ticket_runs_it(guard: Guard) -> None:
    verdict = check(guard, call("verify", user="u"), pay(10), id="b1")
    assert check(guard, call("verify", user="u"), pay(10), id="b1").ticket == verdict.ticket
    assert check(guard, call("verify", user="u"), pay(10), id="b1").parts == verdict.parts
    args = {"calls": [call("verify", user="u"), pay(10)]}
    for part, own in zip(verdict.parts, args["calls"], strict=True):
        with pytest.raises(RedeemError, match="part of a batch"):
            guard.redeem(part, own["args"])  # type: ignore[arg-type]
        with pytest.raises(SettleError, match="has not run"):
            guard.settle(part, "cancelled")
    with pytest.raises(RedeemError, match="not those"):
        guard.redeem(verdict.ticket, {"calls": [pay(11)]})
    with guard.redeem(verdict.ticket, args) as running:
        assert running.args == args
    with pytest.raises(RedeemError, match="already"):
        guard.redeem(verdict.ticket, args)


def test_how_the_parts_ended_is_said_of_each(guard: Guard) -> None:
    calls = [call("verify", user="u"), call("verify", user="v")]
    verdict = check(guard, *calls)
    with guard.redeem(verdict.ticket, {"calls": calls}):
        pass
    session = guard.session(principal=SUPPORT, session="s")
    assert session.check("ship", {"user": "u"}).rules == ("unverified",)  # nobody said how it went
    guard.settle(verdict.parts[0], "ok", {"ok": True})
    guard.settle(verdict.parts[1], "error")
    assert session.check("ship", {"user": "u"}).allowed
    assert session.check("ship", {"user": "v"}).rules == ("unverified",)


def test_what_is_never_run_is_given_back_together(guard: Guard) -> None:
    verdict = check(guard, pay(60), pay(40))
    assert verdict.ticket is not None
    guard.settle(verdict.ticket, "cancelled")
    assert left(guard) == 100


@pytest.mark.parametrize(("tool", "after"), [("batch", 0), ("together", 100)])
def test_a_batch_that_failed(guard: Guard, tool: str, after: int) -> None:
    calls = [pay(60), pay(40)]
    verdict = check(guard, *calls, tool=tool)
    with pytest.raises(OSError, match="lost"), guard.redeem(verdict.ticket, {"calls": calls}):
        raise OSError("lost")
    assert left(guard) == after


def test_the_parts_expire_with_it(tmp_path: Path) -> None:
    store = ClockedStore()
    with make(tmp_path, store=store, ticket_seconds=60) as guard:
        verdict = check(guard, pay(60), pay(40))
        assert left(guard) == 0
        store.advance(61)
        assert left(guard) == 100
        with pytest.raises(RedeemError, match="expired"):
            guard.redeem(verdict.ticket, {"calls": [pay(60), pay(40)]})


def test_somebody_is_asked_for_the_call_inside(guard: Guard) -> None:
    calls = [pay(10), call("wire", amount=600)]
    asked = check(guard, *calls)
    assert (asked.outcome, asked.tool) == ("escalate", "batch")
    assert asked.ticket is None
    assert left(guard) == 100
    assert [(a.tool, a.args) for a in guard.pending()] == [("wire", {"amount": 600})]
    assert asked.approval is not None
    guard.approve(asked.approval, approver=BOSS)
    assert check(guard, *calls).allowed
    assert check(guard, *calls).outcome == "escalate"  # used


def test_two_calls_need_two_approvals(guard: Guard) -> None:
    wire = call("wire", amount=600)
    first = check(guard, wire, wire).approval
    assert first is not None
    guard.approve(first, approver=BOSS)
    again = check(guard, wire, wire)  # the one approval covers one of the two
    assert (again.outcome, again.ticket) == ("escalate", None)
    assert check(guard, wire).allowed  # and what the batch did not do has not used it up


def test_a_history_that_is_brought_along_is_refused(guard: Guard) -> None:
    action = {"tool": "batch", "args": {"calls": [pay(10)]}, "history": {}}
    assert guard.check({**action, "principal": SUPPORT}).kind == "fault"


def test_commit_counts_at_once(guard: Guard) -> None:
    assert check(guard, pay(60), pay(40), commit=True).allowed
    assert left(guard) == 0


def test_observe_mode_lets_through_what_exists(tmp_path: Path) -> None:
    until = datetime(2999, 1, 1, tzinfo=UTC)
    with make(tmp_path, observe_until=until) as guard:
        verdict = check(guard, pay(60), pay(60), call("secret"))
        assert verdict.allowed
        assert verdict.observed is not None
        assert verdict.observed.rules == ("day",)
        assert check(guard, call("transfer_all")).kind == "unknown_tool"


def test_asynchronously(guard: Guard) -> None:
    session = guard.session(principal=SUPPORT, session="s")

    async def both() -> list[str]:
        batches = ({"calls": [pay(60), pay(amount)]} for amount in (60, 40))
        return [(await session.acheck("batch", batch)).outcome for batch in batches]

    assert asyncio.run(both()) == ["deny", "allow"]


def test_nothing_of_the_tickets_reaches_a_model(guard: Guard) -> None:
    verdict = check(guard, pay(60))
    told = repr((verdict, verdict.for_model(), verdict.for_operator(), verdict.message))
    assert all(part.nonce not in told and str(part) not in told for part in verdict.parts)


def test_many_at_once_share_one_budget(tmp_path: Path) -> None:
    with make(tmp_path, store=MemoryStore(seconds=60)) as guard:
        outcomes: list[str] = []
        threads = [
            threading.Thread(target=lambda: outcomes.append(check(guard, pay(15), pay(15)).outcome))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["allow"] * 3 + ["deny"] * 5


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_is_durable(tmp_path: Path, url: str) -> None:
    with make(tmp_path, store=url) as guard:
        verdict = check(guard, pay(60), pay(40), id="b1")
        assert not check(guard, pay(1)).allowed
    with make(tmp_path, store=url) as guard:
        assert check(guard, pay(60), pay(40), id="b1").parts == verdict.parts
        with guard.redeem(verdict.ticket, {"calls": [pay(60), pay(40)]}):
            pass
        guard.settle(verdict.parts[0], "ok", {"paid": 60})
        assert not check(guard, pay(1)).allowed
