"""Observe mode: what would be refused is let through and said, and it ends by itself."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licet import Guard, PolicyError, Verdict
from support.desk_memory import ClockedStore, load

TEXT = """
principal { id: String, role: String? }
fact known(user: String) -> Bool
tool pay(user: String, amount: Int in 0 .. 1_000)
tool look(user: String)
permit pays on pay
forbid strangers on pay when not known(args.user)
limit day on pay sum(args.amount) within day <= 100
escalate big on pay when args.amount > 80 to approver.id == "boss"
"""


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def check(guard: Guard, amount: Any = 1, known: bool | None = True, **more: Any) -> Verdict:
    facts = {} if known is None else {"known": [{"key": ["x"], "value": known}]}
    call: dict[str, Any] = {"tool": "pay", "args": {"user": "x", "amount": amount}, "facts": facts}
    return guard.check({**call, "principal": {"id": "ann"}, "session": "s", **more})


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return None if request.param == "memory" else f"sqlite:///{tmp_path / 'state.db'}"


def test_lets_through_and_says_what_would_have_been(tmp_path: Path, url: str | None) -> None:
    with load(tmp_path, TEXT, store=url, observe_until=later(600)) as guard:
        plain = check(guard, 60)
        assert (plain.outcome, plain.observed) == ("allow", None)
        for verdict, outcome, rules in (
            (check(guard, 60), "deny", ("day",)),
            (check(guard, known=False), "deny", ("strangers", "day")),
            (check(guard, known=None), "deny", None),
            (
                check(guard, tool="look", args={"user": "x"}, facts={}),
                "deny",
                (),
            ),
        ):
            assert verdict.outcome == "allow"
            assert verdict.observed is not None
            assert verdict.observed.outcome == outcome
            assert rules is None or verdict.observed.rules == rules
            assert verdict.observed.ticket is None
            assert verdict.ticket is not None
        # what was let through counts
        assert check(guard, 0).observed is not None
        args = {"user": "x", "amount": 70}
        again = check(guard, 70, id="c1")
        assert check(guard, 70, id="c1").ticket == again.ticket
        guard.redeem(again.ticket, args)


def test_asks_nobody(tmp_path: Path) -> None:
    with load(tmp_path, TEXT, observe_until=later(600)) as guard:
        verdict = check(guard, 90)
        assert verdict.outcome == "allow"
        assert verdict.observed is not None
        assert (verdict.observed.outcome, verdict.observed.rules) == ("escalate", ("big",))
        assert guard.pending() == []


def test_still_refuses_what_is_none_of_the_policy(tmp_path: Path, url: str | None) -> None:
    with load(tmp_path, TEXT, store=url, observe_until=later(600)) as guard:
        for verdict, kind in (
            (check(guard, tool="pya"), "unknown_tool"),
            (check(guard, "1"), "bad_argument"),
            (check(guard, -1), "bad_argument"),
            (check(guard, nonsense=1), "bad_argument"),
            (check(guard, principal={"id": 7}), "fault"),
            (check(guard, facts={"known": [{"key": ["x"], "value": "yes"}]}), "fault"),
            (check(guard, now="2001-01-01T00:00Z"), None),
        ):
            if kind is not None:
                assert (verdict.outcome, verdict.kind, verdict.ticket) == ("deny", kind, None)
        guard.store.close()
        if url is not None:
            assert (check(guard).outcome, check(guard).kind) == ("deny", "fault")


def test_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with load(tmp_path, TEXT, observe_until=later(600)) as guard:
        assert check(guard, known=False).allowed
    real, began = time.time, time.monotonic()
    with load(tmp_path, TEXT, observe_until=later(1)) as guard:
        check(guard, known=False)  # on a busy machine it may be over by now
        time.sleep(max(0.0, began + 1.1 - time.monotonic()))
        assert check(guard, known=False).outcome == "deny"
        # nor does a clock that goes back bring it back
        monkeypatch.setattr(time, "time", lambda: real() - 3600)
        assert check(guard, known=False).outcome == "deny"


def test_over_before_it_began(tmp_path: Path) -> None:
    with load(tmp_path, TEXT, observe_until=later(-1)) as guard:
        assert check(guard, known=False).outcome == "deny"


def test_has_a_time_zone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="time zone"):
        load(tmp_path, TEXT, observe_until=datetime(2030, 1, 1))


def test_ids_hold_for_what_is_let_through(tmp_path: Path) -> None:
    store = ClockedStore()
    with load(tmp_path, TEXT, store=store, observe_until=later(600)) as guard:
        first = check(guard, 60, known=False, id="c1")
        assert first.observed is not None
        other = check(guard, 61, known=False, id="c1")
        assert (other.outcome, other.kind) == ("deny", "fault")


def test_one_id_is_let_through_once(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'state.db'}"
    with load(tmp_path, TEXT, store=store, observe_until=later(600)) as guard:
        with ThreadPoolExecutor(6) as pool:
            verdicts = list(pool.map(lambda _: check(guard, 70, known=False, id="c1"), range(6)))
        assert {verdict.outcome for verdict in verdicts} == {"allow"}
        assert len({str(verdict.ticket) for verdict in verdicts}) == 1


def test_what_the_project_says_is_heeded_and_an_argument_wins(tmp_path: Path) -> None:
    (tmp_path / "p.licet").write_text(TEXT, "utf-8")
    until = later(3_600)
    (tmp_path / "licet.toml").write_text(f"[guard]\nobserve_until = {until.isoformat()}\n", "utf-8")
    with Guard.load(tmp_path) as guard:
        assert guard.observe_until == until
        verdict = check(guard, known=False)
        assert verdict.allowed
        assert verdict.observed is not None
    with Guard.load(tmp_path, observe_until=None) as guard:
        assert not check(guard, known=False).allowed
    (tmp_path / "licet.toml").write_text("[guard]\nobserve_until = 2020-01-01T00:00:00Z\n", "utf-8")
    with Guard.load(tmp_path) as guard:
        assert not check(guard, known=False).allowed
    (tmp_path / "licet.toml").write_text("[guard]\nobserve_until = 'soon'\n", "utf-8")
    with pytest.raises(PolicyError, match="LIC306"):
        Guard.load(tmp_path)
