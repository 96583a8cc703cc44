"""What is announced of an approval is kept with it, or neither is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from licet import Guard
from licet.adapters.stores import open_store
from licet.verifier.history import Store, Transaction
from licet.verifier.history.memory import MemoryStore
from support.desk_memory import BOSS, SUPPORT, load


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    sqlite = request.param == "sqlite"
    made: Store = open_store(f"sqlite:///{tmp_path / 's.db'}") if sqlite else MemoryStore()
    with closing(made):
        yield made


class Announced:
    """Writes down what it is called with, and fails where it is told to."""

    broken = False

    def __call__(self, tx: Transaction, approval: str) -> None:
        kept = tx.approval(approval)
        assert kept is not None
        tx.put_document("announced", approval, kept.state)
        if self.broken:
            raise RuntimeError("no")

    def found(self, guard: Guard) -> list[tuple[str, str]]:
        with guard.store.begin(guard.tenant) as tx:
            return list(tx.documents("announced", "~", 9))


def test_of_each_that_is_asked_for_and_each_answer(tmp_path: Path, store: Store) -> None:
    announced = Announced()
    with load(tmp_path, store=store, announce=announced) as guard:
        session = guard.session(principal=SUPPORT, session="s")
        asked = session.check("wire", {"amount": 600}).approval
        assert announced.found(guard) == [(asked, "open")]
        sibling = guard.sibling(guard.program)
        assert asked is not None
        with sibling:
            sibling.approve(asked, approver=BOSS)
        assert announced.found(guard) == [(asked, "approved")]


def test_what_cannot_be_announced_is_not_asked_for(tmp_path: Path, store: Store) -> None:
    announced = Announced()
    announced.broken = True
    with load(tmp_path, store=store, announce=announced) as guard:
        session = guard.session(principal=SUPPORT, session="s")
        refused = session.check("wire", {"amount": 600})
        assert (refused.outcome, refused.kind, refused.approval) == ("deny", "fault", None)
        assert (guard.pending(), announced.found(guard)) == ([], [])


def test_nor_answered(tmp_path: Path, store: Store) -> None:
    announced = Announced()
    with load(tmp_path, store=store, announce=announced) as guard:
        session = guard.session(principal=SUPPORT, session="s")
        asked = session.check("wire", {"amount": 600}).approval
        assert asked is not None
        announced.broken = True
        with pytest.raises(RuntimeError):
            guard.approve(asked, approver=BOSS)
        assert [waiting.state for waiting in guard.pending()] == ["open"]
        assert announced.found(guard) == [(asked, "open")]
