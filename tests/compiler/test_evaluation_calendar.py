"""The calendar, against Python's own."""

from datetime import date

from licet.compiler.evaluation.calendar import part_of_date
from licet.compiler.types import MAX_DATE, MIN_DATE, WEEKDAY

EPOCH = date(1970, 1, 1).toordinal()


def test_parts_are_those_of_pythons_calendar() -> None:
    edges = [MIN_DATE, MAX_DATE, *range(-26_000, -25_000), *range(10_900, 11_400)]
    for days in [*range(MIN_DATE, MAX_DATE, 997), *edges]:
        day = date.fromordinal(days + EPOCH)
        parts = [part_of_date(part, days) for part in ("year", "month", "day", "weekday")]
        assert parts == [day.year, day.month, day.day, WEEKDAY.labels[day.weekday()]]
