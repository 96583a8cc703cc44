"""The parts of an instant on the clock of a zone, and of a date.

The calendar is the proleptic Gregorian one, for every day that an integer can name, so that a
date computed beyond the years 1 to 9999 has its parts as well.
"""

from __future__ import annotations

from typing import Literal

from ..clock import Clock
from ..types import DAY, HOUR, WEEKDAY, Value

_ERA_DAYS = 146_097  # 400 years
_FROM_MARCH_0 = 719_468  # days from 0000-03-01 to 1970-01-01


def part_of_time(part: str, instant: int, clock: Clock) -> Value:
    """`hour`, or a part of the local date, of microseconds since 1970-01-01T00:00Z."""
    local = instant + clock.offset(instant)
    if part == "hour":
        return local % DAY // HOUR
    return part_of_date(part, local // DAY)


def part_of_date(part: str, days: int) -> Value:
    """A part of a date in days since 1970-01-01, which was a Thursday."""
    match part:
        case "date":
            return days
        case "weekday":
            return WEEKDAY.labels[(days + 3) % 7]
        case "year" | "month" | "day":
            return _civil(days)[part]
        case _:
            raise ValueError(f"a date has no {part}")


def _civil(days: int) -> dict[Literal["year", "month", "day"], int]:
    """Year, month and day, counted in years that begin on 1 March, after their leap day."""
    era, day_of_era = divmod(days + _FROM_MARCH_0, _ERA_DAYS)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    return {
        "year": era * 400 + year_of_era + (month <= 2),
        "month": month,
        "day": day_of_year - (153 * month_from_march + 2) // 5 + 1,
    }
