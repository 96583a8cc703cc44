"""The clock in terms: offsets of a time zone, days, and the civil calendar."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import DAY, HOUR
from .terms import Term, Terms


def local(t: Terms, time: Term, transitions: Sequence[tuple[int, int]]) -> Term:
    """The local time of an instant: a balanced search over the zone's (start, offset) pairs."""

    def search(low: int, high: int) -> Term:
        if high - low == 1:
            return t.integer(transitions[low][1])
        middle = (low + high) // 2
        later = t.le(t.integer(transitions[middle][0]), time)
        return t.ite(later, search(middle, high), search(low, middle))

    return t.add((time, search(0, len(transitions)))) if transitions else time


def hour(t: Terms, local_time: Term) -> Term:
    """0 to 23."""
    return t.mod(t.div(local_time, HOUR), 24)


def date(t: Terms, local_time: Term) -> Term:
    """Days since 1970-01-01."""
    return t.div(local_time, DAY)


def weekday(t: Terms, days: Term) -> Term:
    """0 is Monday; 1970-01-01 was a Thursday."""
    return t.mod(t.add((days, t.integer(3))), 7)


def civil(t: Terms, days: Term) -> tuple[Term, Term, Term]:
    """(year, month, day) of the proleptic Gregorian calendar, by whole-number arithmetic.

    Years are counted from March, so that the leap day ends a year, in eras of 400 years
    (146,097 days), the first of which began 719,468 days before 1970.
    """
    shifted = t.add((days, t.integer(719_468)))
    era = t.div(shifted, 146_097)
    day_of_era = t.mod(shifted, 146_097)
    year_of_era = t.div(
        t.add(
            (
                day_of_era,
                t.scale(t.div(day_of_era, 1_460), -1),
                t.div(day_of_era, 36_524),
                t.scale(t.div(day_of_era, 146_096), -1),
            )
        ),
        365,
    )
    before = t.add(
        (
            t.scale(year_of_era, 365),
            t.div(year_of_era, 4),
            t.scale(t.div(year_of_era, 100), -1),
        )
    )
    day_of_year = t.sub(day_of_era, before)
    month_from_march = t.div(t.add((t.scale(day_of_year, 5), t.integer(2))), 153)
    first = t.div(t.add((t.scale(month_from_march, 153), t.integer(2))), 5)
    day = t.add((t.sub(day_of_year, first), t.integer(1)))
    early = t.le(month_from_march, t.integer(9))
    month = t.add((month_from_march, t.ite(early, t.integer(3), t.integer(-9))))
    year = t.add(
        (
            year_of_era,
            t.scale(era, 400),
            t.ite(t.le(month, t.integer(2)), t.integer(1), t.integer(0)),
        )
    )
    return year, month, day
