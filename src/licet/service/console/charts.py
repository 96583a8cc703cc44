"""Numbers → shapes of an SVG. Words and numbers stand beside it, in the page: they do not shrink
with it. All is drawn on a field of `WIDTH` by `HEIGHT`, which the page stretches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from .series import OUTCOMES, Series, Standing

WIDTH = 600
HEIGHT = 48
_GAP = 1


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    number: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """The bars of one outcome over time, against the highest of their own."""

    outcome: str
    total: int
    highest: int
    bars: tuple[Bar, ...]


def rows(series: Series) -> list[Row]:
    """A row for each outcome."""
    width = WIDTH / len(series.counts)
    made = []
    for outcome in OUTCOMES:
        numbers = [counts[outcome] for counts in series.counts]
        highest = max(numbers)
        bars = tuple(
            Bar(
                round(position * width, 2),
                round(HEIGHT - _height(number, highest), 2),
                round(width - _GAP, 2),
                round(_height(number, highest), 2),
                number,
                series.instant_of(position),
            )
            for position, number in enumerate(numbers)
            if number
        )
        made.append(Row(outcome, sum(numbers), highest, bars))
    return made


def _height(number: int, highest: int) -> float:
    return max(2.0, HEIGHT * number / highest)  # one is seen beside a thousand


def line(standing: Standing, start: datetime, end: datetime) -> str:
    """The points of a line that shows what a limit stood at, up to its bound if it has one."""
    top = max([standing.bound or Fraction(0), *(spent for _, spent in standing.points)])
    length = (end - start).total_seconds()
    points: list[tuple[float, float]] = []
    for at, spent in standing.points:
        x = WIDTH * max(0.0, (at - start).total_seconds()) / length
        y = HEIGHT - (float(spent / top) * (HEIGHT - 2) if top else 0) - 1
        if points:
            points.append((x, points[-1][1]))
        points.append((x, y))
    points.append((WIDTH, points[-1][1]))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in _thinned(points))


def level(standing: Standing) -> float | None:
    """Where the bound is on the field of `line`."""
    if not standing.bound:
        return None
    top = max([standing.bound, *(spent for _, spent in standing.points)])
    return round(HEIGHT - float(standing.bound / top) * (HEIGHT - 2) - 1, 1)


def _thinned(
    points: Sequence[tuple[float, float]], most: int = 400
) -> Sequence[tuple[float, float]]:
    if len(points) <= most:
        return points
    every = -(-len(points) // most)
    return [*points[:-1:every], points[-1]]
