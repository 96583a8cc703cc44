"""Law: where a limit over a rolling window refuses, `room_at` is the first instant at which the
call is allowed, if nothing else is done: at it the call is allowed, a microsecond before it is not,
whichever way the window is added up."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licet import Guard
from licet.compiler.clock import clock, parse_time
from licet.verifier.history import summaries
from licet.verifier.verdict import Budget
from support.desk_memory import NOON, SECOND, ClockedStore, load
from support.examples import examples

TEXT = """
principal { id: String }
tool pay(user: String, amount: Int in 0 .. 200) -> { paid: Int >= 0 }
tool note(text: String)
permit all on any
limit hour on pay sum(args.amount) within 1h <= 100 settle at result.paid over result
limit half on pay sum(args.amount) on note count() per principal.id within 30min < 61
limit day on pay sum(args.amount) within day <= 150
shown hour
"""
UTC = clock("UTC")

STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 7 * SECOND, 60 * SECOND, 600 * SECOND, 1_800 * SECOND]),
        st.sampled_from(["ann", "ann", "eve"]),
        st.integers(0, 120),
        st.sampled_from(["ok", "error", "cancelled", "late", "pending"]),
        st.integers(0, 60),
    ),
    min_size=1,
    max_size=14,
)


def instant(budget: Budget) -> int | None:
    return None if budget.room_at is None else parse_time(budget.room_at, UTC)


def call(who: str, amount: int) -> dict[str, object]:
    return {
        "tool": "pay",
        "args": {"user": "x", "amount": amount},
        "principal": {"id": who},
        "session": "s",
    }


def make(guard: Guard, store: ClockedStore, steps: list[tuple[int, str, int, str, int]]) -> None:
    late = []
    for gap, who, amount, ending, paid in steps:
        store.instant += gap
        verdict = guard.check(call(who, amount))
        if not verdict.allowed:
            continue
        if ending == "cancelled":
            guard.settle(str(verdict.ticket), "cancelled")
        elif ending != "pending":
            guard.redeem(verdict.ticket, {"user": "x", "amount": amount})
            if ending == "late":
                late.append((str(verdict.ticket), paid))
            else:
                guard.settle(
                    str(verdict.ticket), ending, {"paid": paid} if ending == "ok" else None
                )  # type: ignore[arg-type]
    for ticket, paid in late:
        guard.settle(ticket, "ok", {"paid": paid})


@pytest.mark.slow
@given(STEPS, st.sampled_from(["ann", "eve"]), st.integers(0, 120), st.booleans())
@settings(max_examples=examples(16, share=3), suppress_health_check=[HealthCheck.too_slow])
def test_at_that_instant_and_not_before(
    steps: list[tuple[int, str, int, str, int]], who: str, amount: int, renewed: bool
) -> None:
    store = ClockedStore(instant=NOON)
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(summaries, "FAN", 2)  # a few calls make several levels
        folder = Path(name)
        with load(folder, TEXT, store=store, ticket_seconds=864_000, engine="both") as guard:
            make(guard, store, steps)
        # another policy adds up what it missed in the order in which the calls ended
        text = TEXT.replace("args.amount)", "args.amount + 0 * length(args.user))")
        with load(folder, text if renewed else TEXT, store=store, engine="both") as guard:
            refused = guard.check(call(who, amount))
            if refused.allowed:
                return
            rooms = [instant(budget) for budget in refused.budgets]
            if None in rooms:
                assert amount > 60  # more than a limit has for anybody
                return
            room = max(rooms)  # type: ignore[type-var]
            assert room is not None
            assert room > store.instant
            store.instant = room - 1
            assert not guard.check(call(who, amount)).allowed
            store.instant = room
            verdict = guard.check(call(who, amount))
            assert verdict.allowed, verdict.message
