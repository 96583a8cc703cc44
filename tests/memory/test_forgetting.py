"""A guard whose store is in memory lets go of what is over, and forgives nothing by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licet import Guard, Verdict
from licet.compiler.history import Window
from licet.verifier import forgetting
from licet.verifier.redeeming import RedeemError
from support.desk_memory import ClockedStore, load

TEXT = """
principal { id: String, manager: Bool? }
tool verify(user: String) -> { ok: Bool }
tool pay(user: String, amount: Int in 0 .. 1_000)
tool wire(amount: Int in 0 .. 1_000)
permit all on any
forbid unverified on pay
  unless any(c in calls(verify, within 30min): c.outcome == ok and c.args.user == args.user)
forbid many on pay when count(c in calls(pay, per principal.id): true) > 100_000
forbid most on pay when (max(c in calls(pay, within 2h): c.args.amount) ?? 0) > 999
limit hour on pay sum(args.amount) per args.user within 1h <= 1_000
limit day on pay sum(args.amount) within day <= 100_000
limit ever on pay sum(args.amount) per principal.id <= 1_000_000
escalate large on wire when args.amount > 500 to approver.manager ?? false
"""
DAY = 86_400


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept but what has to be."""
    monkeypatch.setattr(forgetting, "KEPT", 0)


@pytest.fixture
def store() -> ClockedStore:
    return ClockedStore()


@pytest.fixture
def guard(tmp_path: Path, store: ClockedStore) -> Iterator[Guard]:
    with load(tmp_path, TEXT, store=store) as made:
        yield made


def check(guard: Guard, tool: str, args: dict[str, Any], **more: Any) -> Verdict:
    return guard.check(
        {"tool": tool, "args": args, "principal": {"id": "ann"}, "session": "s", **more}
    )


def run(guard: Guard, tool: str, args: dict[str, Any], **more: Any) -> None:
    verdict = check(guard, tool, args, **more)
    assert verdict.allowed, verdict.message
    with guard.redeem(verdict.ticket, args) as call:
        call.result = {"ok": True} if tool == "verify" else None


def pass_time(guard: Guard, store: ClockedStore, seconds: float, steps: int = 15) -> None:
    """Let time pass, in steps in which something is decided each time, under another's name."""
    for _ in range(steps):
        store.advance(seconds / steps)
        run(guard, "verify", {"user": "nobody"}, principal={"id": "eve"})


def kept(store: ClockedStore) -> dict[str, int]:
    """How many rows of each kind the store holds."""
    rows = store._store._tenants["default"]
    counted = {
        "leaves": sum(leaf is not None for pot in rows.pots.values() for leaf in pot.leaves),
        "slots": sum(len(pot.leaves) for pot in rows.pots.values()),
        "places": sum(len(places) for places in rows.of_call.values()),
    }
    names = ("calls", "by_id", "by_nonce", "changes", "reserved", "of_call", "pots", "nodes",
             "approvals", "covered")  # fmt: skip
    return counted | {name: len(getattr(rows, name)) for name in names}


@pytest.mark.slow
def test_a_long_life_keeps_no_more_than_a_short_one(guard: Guard, store: ClockedStore) -> None:
    sizes = []
    for number in range(900):
        user, own = f"user {number % 7}", {"id": f"c{number}"} if number % 3 == 0 else {}
        store.advance(600)
        if number % 5 == 0:
            run(guard, "verify", {"user": user})
            check(guard, "wire", {"amount": 501 + number % 400})
        verdict = check(guard, "pay", {"user": user, "amount": 1}, **own)
        if verdict.allowed and number % 4:
            guard.redeem(verdict.ticket, {"user": user, "amount": 1})
            if number % 4 == 1:
                guard.settle(str(verdict.ticket), "ok")
        check(guard, "pay", {"user": user, "amount": 2}, commit=True, session=f"s{number}")
        if number % 300 == 299:
            sizes.append(kept(store))
    for name, most in sizes[0].items():
        assert sizes[2][name] <= 1.3 * most + 30, (name, sizes)


def test_what_a_limit_adds_up_stays(guard: Guard, store: ClockedStore, tmp_path: Path) -> None:
    run(guard, "verify", {"user": "x"})
    run(guard, "pay", {"user": "x", "amount": 700})
    pass_time(guard, store, 600)
    assert check(guard, "pay", {"user": "x", "amount": 301}).rules == ("hour",)
    pass_time(guard, store, 2 * DAY, 25)
    run(guard, "verify", {"user": "x"})
    ever = TEXT.replace("per principal.id <= 1_000_000", "per principal.id <= 1_000")
    with load(tmp_path, ever.replace("limit ever", "limit always"), store=store) as renamed:
        refused = check(renamed, "pay", {"user": "x", "amount": 301})
        assert (refused.rules, refused.budgets[0].spent) == (("always",), 700)
        assert check(renamed, "pay", {"user": "x", "amount": 300}).allowed


def test_what_a_policy_added_up_is_let_go_of_once_another_is_active(
    guard: Guard, store: ClockedStore, tmp_path: Path
) -> None:
    """But for what it reads without a window: it may become active again."""
    run(guard, "verify", {"user": "x"})
    for _ in range(10):
        run(guard, "pay", {"user": "x", "amount": 50})
    pots = store._store._tenants["default"].pots
    ever = guard.program.history["ever.spent"].pots
    assert len({pot[:16] for pot in pots}) > 3
    with load(
        tmp_path,
        "principal { id: String }\ntool verify(user: String) -> { ok: Bool }\n"
        "permit all on any\nlimit much on verify count() <= 1_000",
        store=store,
    ) as other:
        store.advance(2 * DAY)
        for _ in range(60):
            run(other, "verify", {"user": "y"})
        mine = other.program.history["much.spent"].pots
    unwindowed = {i.pots for i in guard.program.history.values() if i.window == Window()}
    assert {ever, mine} <= {pot[:16] for pot in pots} <= unwindowed | {mine}
    guard.activate()
    assert check(guard, "pay", {"user": "x", "amount": 1}).rules == ("unverified",)
    run(guard, "verify", {"user": "x"})
    assert check(guard, "pay", {"user": "x", "amount": 1_000}).allowed


@pytest.mark.parametrize(
    ("old", "new", "after", "kind"),
    [
        # another sum, over all there ever was: it is not known any more
        ("sum(args.amount) per principal.id <=", "sum(args.amount * 2) per principal.id <=",
         2 * DAY, "undetermined"),
        # another sum, over what is past by now: it began after the calls that are not kept
        ("sum(args.amount) within day", "sum(args.amount * 2) within day", 2 * DAY, None),
        ("per args.user within 1h", "per args.user within 2h", 2 * DAY, None),
        # the calls are not kept, and the window reaches them
        ("per args.user within 1h", "per args.user within 90d", 2 * DAY, "undetermined"),
        # a sum of other calls
        ("\nescalate", "\nlimit wired on wire sum(args.amount) <= 100\nescalate", 2 * DAY, None),
    ],
)  # fmt: skip
def test_a_later_policy_does_not_know_what_is_not_kept(
    guard: Guard, store: ClockedStore, tmp_path: Path, old: str, new: str, after: int, kind: Any
) -> None:
    run(guard, "verify", {"user": "x"})
    run(guard, "pay", {"user": "x", "amount": 700})
    pass_time(guard, store, after, 25)
    run(guard, "verify", {"user": "x"})
    assert TEXT.count(old) == 1
    with load(tmp_path, TEXT.replace(old, new), store=store) as later:
        verdict = check(later, "pay", {"user": "x", "amount": 1})
        assert verdict.kind == kind
        guard.activate()  # to which nothing is unknown
        assert check(guard, "pay", {"user": "x", "amount": 1}).allowed


def test_the_latest_calls_are_kept_for_a_later_policy(
    guard: Guard, store: ClockedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "KEPT", 1_000)
    run(guard, "verify", {"user": "x"})
    run(guard, "pay", {"user": "x", "amount": 700})
    pass_time(guard, store, 2 * DAY, 25)
    run(guard, "verify", {"user": "x"})
    twice = TEXT.replace("sum(args.amount) per principal.id <= 1_000_000",
                         "sum(args.amount * 2) per principal.id <= 1_500")  # fmt: skip
    with load(tmp_path, twice, store=store) as later:
        assert check(later, "pay", {"user": "x", "amount": 51}).rules == ("ever",)
        assert check(later, "pay", {"user": "x", "amount": 50}).allowed


def test_an_id_is_known_for_a_day_after_its_ticket(guard: Guard, store: ClockedStore) -> None:
    args = {"amount": 5}
    run(guard, "wire", args, id="c1")
    pass_time(guard, store, DAY)
    assert "has been made already" in check(guard, "wire", args, id="c1").message
    assert "was used for another call" in check(guard, "wire", {"amount": 6}, id="c1").message
    pass_time(guard, store, 400, 25)
    assert check(guard, "wire", args, id="c1").allowed


def test_a_ticket_of_long_ago_runs_nothing(guard: Guard, store: ClockedStore) -> None:
    run(guard, "verify", {"user": "x"})
    args = {"user": "x", "amount": 5}
    verdict = check(guard, "pay", args)
    guard.redeem(verdict.ticket, args)
    guard.settle(str(verdict.ticket), "ok")
    never = check(guard, "pay", args)
    pass_time(guard, store, 2 * DAY, 25)
    for ticket in (verdict.ticket, never.ticket):
        with pytest.raises(RedeemError):
            guard.redeem(ticket, args)


def test_what_runs_for_hours_is_settled(guard: Guard, store: ClockedStore) -> None:
    run(guard, "verify", {"user": "x"})
    args = {"user": "x", "amount": 5}
    verdict = check(guard, "pay", args)
    with guard.redeem(verdict.ticket, args):
        pass_time(guard, store, 0.9 * DAY)
    with store.begin("default") as tx:
        call = tx.call_by_nonce(verdict.ticket.nonce)
        assert call is not None
        assert call.state == "ok"


def test_where_both_engines_run_all_is_kept(tmp_path: Path, store: ClockedStore) -> None:
    """The history is compared with its sums, so it has to be there."""
    with load(tmp_path, TEXT, store=store, engine="both") as guard:
        for _ in range(5):
            run(guard, "verify", {"user": "x"})
            run(guard, "pay", {"user": "x", "amount": 5})
            store.advance(2 * DAY)
        assert kept(store)["calls"] == 10
        run(guard, "verify", {"user": "x"})
        assert check(guard, "pay", {"user": "x", "amount": 5}).allowed
