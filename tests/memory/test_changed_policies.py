"""What was spent stays spent, whatever the next policy calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from licet import Guard, Verdict
from support.desk_memory import ClockedStore, load

TEXT = """
principal { id: String, team: String? }
tool pay(user: String, amount: Decimal in 0 .. 1_000 step 0.01)
tool wire(amount: Decimal in 0 .. 1_000 step 0.01)
permit all on any
limit day on pay sum(args.amount) per principal.id within day <= 100
"""


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ClockedStore:
    if request.param == "memory":
        return ClockedStore()
    from licet.adapters.stores import open_store

    return ClockedStore(open_store(f"sqlite:///{tmp_path / 'state.db'}"))


def pay(guard: Guard, amount: Any, tool: str = "pay", **more: Any) -> Verdict:
    args = {"amount": amount, **({"user": "x"} if tool == "pay" else {})}
    call: dict[str, Any] = {"tool": tool, "args": args, "principal": {"id": "ann"}, "session": "s"}
    return guard.check({**call, **more})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("limit day", "limit night"),
        ("sum(args.amount)", "sum(args.amount + 0)"),
        ("limit day on pay sum(args.amount)", "limit both on pay, wire sum(args.amount)"),
        ("within day", "within 24h"),
        ("within day", "within month"),
        ("per principal.id ", ""),
        ("tool pay(user: String,", "tool pay(memo: String?, user: String,"),
        ("0 .. 1_000 step 0.01)\ntool wire", "0 .. 500)\ntool wire"),
        ("principal { id: String,", "principal { id: String, email: String?,"),
        (", team: String? }", " }"),
        (", team: String? }", ", team: Int? }"),
        ("\nlimit", "\nfact rate(user: String) -> Int\nlimit"),
    ],
)
def test_forgives_nothing(store: ClockedStore, tmp_path: Path, old: str, new: str) -> None:
    with load(tmp_path, TEXT, store=store) as before:
        assert pay(before, 60, principal={"id": "ann", "team": "a"}).allowed
        assert TEXT.count(old) == 1
        with load(tmp_path, TEXT.replace(old, new), store=store) as after:
            assert not pay(after, 60).allowed
            assert pay(after, 40).allowed
            before.activate()
            assert not pay(before, 1).allowed


def test_a_fact_that_is_declared_no_more(store: ClockedStore, tmp_path: Path) -> None:
    rated = TEXT.replace("sum(args.amount)", "sum(args.amount * rate(args.user))")
    text = rated.replace("\nlimit", "\nfact rate(user: String) -> Int in 1 .. 9\nlimit")
    with load(tmp_path, text, store=store) as before:
        facts = {"rate": [{"key": ["x"], "value": 1}]}
        assert pay(before, 60, facts=facts).allowed
        with load(tmp_path, TEXT, store=store) as after:
            assert not pay(after, 60).allowed
            assert pay(after, 40).allowed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # what was paid is none of today's amounts
        (
            "amount: Decimal in 0 .. 1_000 step 0.01)\ntool wire",
            "amount: Int in 0 .. 10)\ntool wire",
        ),
        # nobody knows whose it was
        ("principal { id: String,", "principal { id: String, badge: String,"),
    ],
)
def test_what_does_not_fit_today_is_not_forgotten(
    store: ClockedStore, tmp_path: Path, old: str, new: str
) -> None:
    with load(tmp_path, TEXT, store=store) as before:
        assert pay(before, 99.5).allowed
        with load(tmp_path, TEXT.replace(old, new), store=store) as after:
            principal = {"id": "ann", **({"badge": "7"} if "badge" in new else {})}
            refused = pay(after, 1, principal=principal)
            assert refused.outcome == "deny"
            assert refused.kind in ("limit", "undetermined")


def test_what_was_never_counted_is_counted_now(store: ClockedStore, tmp_path: Path) -> None:
    with load(tmp_path, TEXT, store=store) as before:
        # kept by a durable store, and by any that has been asked for its id
        assert pay(before, 60, "wire", id="c1").allowed
        text = TEXT + "limit wired on wire sum(args.amount) within day <= 100\n"
        with load(tmp_path, text, store=store) as after:
            assert not pay(after, 60, "wire").allowed


def test_settled_under_another_policy(store: ClockedStore, tmp_path: Path) -> None:
    with load(tmp_path, TEXT, store=store) as before:
        verdict = pay(before, 60)
        before.redeem(verdict.ticket, {"user": "x", "amount": 60})
        with load(tmp_path, TEXT.replace("limit day", "limit night"), store=store) as after:
            after.settle(str(verdict.ticket), "error")
            assert not pay(after, 60).allowed
