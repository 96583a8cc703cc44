"""Calls in a row have the verdicts that each would have had alone, after those before it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from licet import Guard
from licet.verifier.history import StoreError
from licet.verifier.verdict import Verdict
from support.accounts import SteppingStore
from support.desk_memory import BOSS, SUPPORT, ClockedStore, load

POLICY = """
enum Role { support, manager }
principal { id: String, role: Role }
fact account(user: String) -> { open: Bool }
tool batch(calls: List<{ tool: String, args: Json }>) dispatch
tool pay(user: String, amount: Int in 0 .. 10_000) -> { paid: Int }
tool owe(user: String, amount: Int in 0 .. 10_000)
tool wire(amount: Int in 0 .. 100_000)
tool note(text: String)
permit all on batch, pay, wire, note
permit open on owe when account(args.user).open
limit day on pay sum(args.amount) per principal.id within day <= 100
forbid second on note unless count(c in calls(note, within 1d): true) < 2
escalate big on wire when args.amount > 500 to approver.role == manager
"""
WHO = {"principal": SUPPORT, "session": "s", "now": "2026-11-25T15:00:00Z"}


def call(tool: str, id: str | None = None, **args: object) -> dict[str, Any]:
    made: dict[str, Any] = {"tool": tool, "args": args, **WHO}
    return made if id is None else {**made, "id": id}


def pay(amount: int, id: str | None = None) -> dict[str, Any]:
    return call("pay", id, user="u", amount=amount)


CALLS: list[Any] = [
    pay(60, "a"),
    pay(30),
    pay(60),  # passes the limit
    pay(60, "a"),  # the first once more
    pay(61, "a"),  # another under its id
    pay(10),
    call("note", text="one"),
    call("refnd"),
    call("note", text="two"),
    call("note", text="three"),  # one too many
    call("note", text=3),
    {"surprise": 1},
    7,
    call("wire", amount=400),
    call("wire", amount=600),  # asks somebody
    call("wire", amount=500),
    call("owe", user="u", amount=1),
    call("owe", user="closed", amount=1),
    call("owe", user="lost", amount=1),
    {**call("pay", user="u", amount=1), "history": {}},
    call("batch", calls=[{"tool": "note", "args": {"text": "in"}}, {"tool": "x", "args": {}}]),
    call("batch", calls=[{"tool": "wire", "args": {"amount": 1}}]),
    pay(1),
]


def make(folder: Path, **options: Any) -> Guard:
    folder.mkdir(exist_ok=True)
    guard = load(folder, POLICY, **options)

    @guard.fact
    def account(user: str) -> dict[str, bool]:
        if user == "lost":
            raise OSError("down")
        return {"open": user != "closed"}

    return guard


def told(verdict: Verdict) -> tuple[Any, ...]:
    """All of a verdict but what is new each time, and what a solver has only so much time for."""
    plain = verdict.for_operator()
    for name in ("id", "approval", "because", "repair", "message", "explained"):
        plain.pop(name, None)
    if verdict.kind == "undetermined":
        plain = {"kind": verdict.kind, "outcome": verdict.outcome}
    tickets = (verdict.ticket, *verdict.parts)
    return plain, [None if t is None else (t.tool, t.digest) for t in tickets]


def kinds(store: ClockedStore) -> list[str]:
    """What the audit's entries are of, and how their bodies begin."""
    found = store.audit("default", 0, 1_000)
    return [entry.text.partition('"kind": ')[2][:30] for entry in found]


@pytest.mark.parametrize("options", [{}, {"audit": True}, {"engine": "both"}])
def test_each_has_the_verdict_that_it_would_have_alone(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    one = ClockedStore()
    with make(tmp_path / "alone", store=one, **options) as guard:
        alone = [told(guard.check(each)) for each in CALLS]
    assert [plain["outcome"] for plain, _ in alone].count("allow") == 10
    for size in (5, len(CALLS)):
        row = ClockedStore()
        with make(tmp_path / f"by {size}", store=row, **options) as guard:
            rows = [CALLS[start : start + size] for start in range(0, len(CALLS), size)]
            assert [told(v) for calls in rows for v in guard.check_all(calls)] == alone
        assert kinds(row) == kinds(one)


def test_the_same_without_blocking_the_loop(tmp_path: Path) -> None:
    calls = CALLS[:9]
    with make(tmp_path / "a", store=ClockedStore()) as guard:
        alone = [told(guard.check(each)) for each in calls]
    with make(tmp_path / "b", store=f"sqlite:///{tmp_path / 'state.db'}") as guard:
        given = [{**each, "now": None} for each in calls]
        outcomes = [v.outcome for v in asyncio.run(guard.acheck_all(given))]
    assert outcomes == [plain["outcome"] for plain, _ in alone]


def test_most_share_a_transaction(tmp_path: Path) -> None:
    steps: list[str] = []
    with make(tmp_path / "p", store=SteppingStore(ClockedStore(), steps.append)) as guard:
        steps.clear()
        verdicts = guard.check_all([pay(1) for _ in range(50)])
    assert all(verdict.allowed for verdict in verdicts)
    assert len({str(verdict.ticket) for verdict in verdicts}) == 50
    assert steps.count("begin") == 1


def test_commit_counts_at_once(tmp_path: Path) -> None:
    with make(tmp_path / "p") as guard:
        first, second = guard.check_all([pay(60, "a"), pay(60, "b")], commit=True)
        assert (first.allowed, second.rules) == (True, ("day",))
        assert guard.check_all([pay(60, "a")])[0].kind == "fault"  # it has been made


@pytest.mark.parametrize("at", ["begin", "put_call", "put_leaves", "set_head", "commit"])
def test_a_store_that_fails_allows_none_of_them(tmp_path: Path, at: str) -> None:
    failing: list[str] = []

    def step(name: str) -> None:
        if name in failing:
            raise StoreError("the disk is full")

    with make(tmp_path / "p", store=SteppingStore(ClockedStore(), step)) as guard:
        failing.append(at)
        verdicts = guard.check_all([pay(60), pay(30), {"surprise": 1}, call("refnd")])
        assert [v.kind for v in verdicts] == ["fault", "fault", "bad_argument", "fault"]
        failing.clear()
        assert guard.check(pay(100)).allowed  # nothing of them counts


def test_another_active_policy_refuses_all(tmp_path: Path) -> None:
    store = ClockedStore()
    with make(tmp_path / "old", store=store) as old:
        load(tmp_path, POLICY + 'forbid never on note when args.text == "x"\n', store=store).close()
        verdicts = old.check_all([pay(1), call("note", text="a")])
        assert [v.kind for v in verdicts] == ["fault", "fault"]
        assert "another policy" in verdicts[0].violations[0].message


def test_what_was_approved_runs_in_a_row(tmp_path: Path) -> None:
    with make(tmp_path / "p") as guard:
        [asked] = guard.check_all([call("wire", "w", amount=600)])
        assert asked.approval is not None
        guard.approve(asked.approval, approver=BOSS)
        verdicts = guard.check_all([pay(1), call("wire", "w", amount=600), pay(1)])
        assert [v.allowed for v in verdicts] == [True, True, True]
