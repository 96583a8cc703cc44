"""Calendar periods on a policy's clock, and what windows have left behind."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from licet.compiler.clock import Clock
from licet.compiler.history import Window

_EPOCH = date(1970, 1, 1)


def period_of(calendar: str, instant: int, clock: Clock) -> str:
    """The name of the day, week, month or year that an instant is in."""
    return _name_of(calendar, clock.date(instant))


def period_end(calendar: str, instant: int, clock: Clock) -> int:
    """The instant at which the period that an instant is in is over."""
    return clock.midnight(_following(calendar, clock.date(instant)))


def left_behind(window: Window, at: int, clock: Clock) -> int | None:
    """Up to which instant no decision from `at` on reads what a window holds; None: all is read."""
    if window.microseconds is not None:
        return at - window.microseconds
    if window.calendar is None:
        return None
    return clock.midnight(_first(window.calendar, clock.date(at))) - 1


def is_over(window: Window, last: int, at: int, clock: Clock) -> bool:
    """Whether no decision from the instant `at` on reads what a window holds up to `last`."""
    if last >= at:
        return False
    edge = left_behind(window, at, clock)
    return edge is not None and last <= edge


@lru_cache(1_024)
def _name_of(calendar: str, days: int) -> str:
    day = _date(days)
    match calendar:
        case "day":
            return day.isoformat()
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case "month":
            return f"{day.year:04}-{day.month:02}"
        case _:
            return f"{day.year:04}"


@lru_cache(1_024)
def _following(calendar: str, days: int) -> int:
    """The first day after the day, week, month or year of a day."""
    first = _date(_first(calendar, days))
    match calendar:
        case "day":
            following = first + timedelta(days=1)
        case "week":
            following = first + timedelta(days=7)
        case "month":
            following = (first + timedelta(days=31)).replace(day=1)
        case _:
            following = first.replace(year=first.year + 1)
    return (following - _EPOCH).days


@lru_cache(1_024)
def _first(calendar: str, days: int) -> int:
    """The first day of the day, week, month or year of a day."""
    day = _date(days)
    match calendar:
        case "day":
            return days
        case "week":
            return days - day.weekday()
        case "month":
            return days - day.day + 1
        case _:
            return (day.replace(month=1, day=1) - _EPOCH).days


def _date(days: int) -> date:
    return _EPOCH + timedelta(days=days)
