"""A policy that adds up something else counts what was done before it, a part at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from licet import Guard
from licet.verifier import sitting
from licet.verifier.history import Store
from licet.verifier.history.memory import MemoryStore

HEAD = """
principal { id: String }
tool pay(amount: Decimal in 0 .. 100)
permit all on pay
"""
LIMIT = 'limit day on pay sum(args.amount) within day <= 50 message "{args.amount} is too much."\n'


def loaded(folder: Path, store: Store, text: str, *, activate: bool = True) -> Guard:
    path = folder / "p.licet"
    path.write_text(HEAD + text, "utf-8")
    return Guard.load(path, store=store, activate=activate)


def pay(guard: Guard, amount: int, name: str) -> str:
    return guard.check(
        {"tool": "pay", "args": {"amount": amount}, "principal": {"id": "a"}, "id": name,
         "session": "s"}
    ).outcome  # fmt: skip


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three calls a transaction."""
    monkeypatch.setattr(sitting, "BATCH", 3)
    monkeypatch.setattr(sitting, "BATCHES", 1)


@pytest.mark.usefixtures("small_steps")
def test_a_new_limit_counts_all_that_was_done(tmp_path: Path) -> None:
    store = MemoryStore()
    with loaded(tmp_path, store, "") as guard:
        assert [pay(guard, 1, f"c{n}") for n in range(40)] == ["allow"] * 40
    with loaded(tmp_path, store, LIMIT) as guard:
        assert pay(guard, 11, "d") == "deny"
        assert pay(guard, 10, "e") == "allow"
        assert pay(guard, 1, "f") == "deny"


@pytest.mark.usefixtures("small_steps")
def test_a_guard_that_finds_itself_behind_goes_on_where_it_was(tmp_path: Path) -> None:
    """Another process has decided meanwhile, with a policy that counts nothing."""
    store = MemoryStore()
    with loaded(tmp_path, store, LIMIT) as counting:
        with loaded(tmp_path, store, "") as guard:
            assert [pay(guard, 1, f"c{n}") for n in range(30)] == ["allow"] * 30
        counting.activate()
        with loaded(tmp_path, store, "", activate=False) as stale:
            assert pay(stale, 1, "x") == "deny"
        assert pay(counting, 21, "d") == "deny"
        assert pay(counting, 20, "e") == "allow"


def test_a_rule_that_adds_nothing_up_counts_nothing_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    with loaded(tmp_path, store, LIMIT) as guard:
        assert pay(guard, 30, "c") == "allow"
    counted: list[object] = []
    before: Callable[..., object] = sitting.Sitting._count

    def count(self: sitting.Sitting, call: object) -> object:
        counted.append(call)
        return before(self, call)

    monkeypatch.setattr(sitting.Sitting, "_count", count)
    with loaded(tmp_path, store, LIMIT + "forbid much on pay when args.amount > 90\n") as guard:
        assert pay(guard, 21, "d") == "deny"
        assert counted == []
