"""What a pot's tree comes to from any instant on is what its calls come to, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from licet.verifier.history.memory import MemoryStore
from licet.verifier.history.summaries import EMPTY, FAN, Addition, Summary, amend, append, totals


@dataclass
class One:
    """A call: when it was, and what it adds; None: nothing any more."""

    at: int
    value: int | Fraction | None


AT = st.integers(0, 40)
#: Of several denominators, that come and go.
NUMBER = st.integers(-5, 5) | st.sampled_from([Fraction(5, 2), Fraction(-1, 3), Fraction(7, 4)])
VALUE = st.none() | NUMBER
#: To the end; to the place of another, by a number that is cut to the row's length.
STEPS = st.lists(
    st.tuples(st.just("append"), AT, NUMBER)
    | st.tuples(st.just("amend"), st.integers(0, 10_000), VALUE)
    | st.tuples(st.just("many"), st.integers(1, FAN * FAN + 3), st.integers(0, 40)),
    max_size=12,
)


def naive(calls: list[One], since: int | None) -> tuple[object, ...]:
    mine = [c for c in calls if c.value is not None and (since is None or c.at > since)]
    values = [c.value for c in mine if c.value is not None]
    return (
        len(mine),
        sum(values),
        min(values, default=None),
        max(values, default=None),
        min((c.at for c in mine), default=None),
    )


def ends(summary: Summary) -> tuple[object, ...]:
    return summary.calls, summary.total, summary.low, summary.high, summary.first


def test_written_and_read() -> None:
    parts = [Summary.of(Fraction(n, d), 10 * n) for n, d in ((1, 3), (5, 2), (-7, 4))]
    whole = Summary.sum([*parts, Summary.of(None, 5)])
    assert (whole.total, whole.low, whole.high) == (
        Fraction(13, 12),
        Fraction(-7, 4),
        Fraction(5, 2),
    )
    assert Summary.read(whole.text()) == whole
    # as it was written before all numbers had one denominator
    assert Summary.read("4;13/12;1;-7/4;5/2;-70;4;50") == whole
    assert Summary.read("2;3;0;1/2;5/2;1;2;9") == Summary(2, 6, 2, 0, 1, 5, 1, 2, 9)
    assert Summary.read(EMPTY.text()) == EMPTY


@given(st.integers(0, 3 * FAN), STEPS)
@settings(max_examples=60)
def test_every_end_of_the_row(begin: int, steps: list[tuple[str, int, Any]]) -> None:
    store, calls = MemoryStore(), list[One]()
    with store.begin("t") as tx:

        def add(at: int, value: int | Fraction) -> None:
            calls.append(One(at, value))
            append(tx, len(calls), [Addition("pot", True, Summary.of(value, at))])

        for number in range(begin):
            add(number % 7 + number // 2, number % 5)
        for what, a, b in steps:
            match what:
                case "append":
                    add(a, b)
                case "many":
                    for number in range(a):
                        add(b + number // 20, number % 3)
                case _ if calls:
                    place = a % len(calls)
                    [leaf] = tx.leaves_of(place + 1)
                    one = calls[place] = One(calls[place].at, b)
                    new = None if b is None else Addition("pot", True, Summary.of(b, one.at))
                    amend(tx, leaf, new, tree=True)
        whole = totals(tx, ["pot"], {})["pot"]
        assert ends(whole) == naive(calls, None)
        for since in (-1, 0, 3, 10, 20, 30, 39, 45, 60):
            found = totals(tx, [], {"pot": since}).get("pot", EMPTY)
            assert ends(found) == naive(calls, since)
