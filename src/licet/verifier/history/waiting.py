"""When a rolling window comes to a value that fits, if nothing more is done until then.

Exact to the microsecond, from the store's own sums: a look-up at an instant to come says what a
check at that instant would read. It takes a few look-ups for each doubling of the calls that have
to leave.
"""

from __future__ import annotations

from collections.abc import Callable

from licet.compiler.clock import Clock
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN

from .pots import Query, pot_of, values
from .store import Transaction


def fits_at(
    tx: Transaction, query: Query, now: int, clock: Clock, fits: Callable[[Value], bool]
) -> int | None:
    """The earliest instant after `now` at which the value of a look-up over a rolling window fits.

    At `now` it does not; `fits` never goes back to False while calls leave the window. None where
    it does not fit an empty window either, or the value is not known.
    """
    window = query.index.window.microseconds
    pot = pot_of(query, now, clock)
    assert window is not None

    def good(instant: int) -> bool:
        [value] = values(tx, [query], instant, clock)
        return value is not UNKNOWN and fits(value)

    low, high = now, now + window  # not good, good
    if pot is None or not good(high):
        return None

    def left_at(slot: int) -> int:
        """When the call at a slot has left the window, with all in front of it."""
        [leaf] = tx.leaves(pot, slot, 1)
        return leaf.at + window

    # By the calls that leave it, in the order in which they were counted: mostly a few have to ...
    first, end, width = tx.leaves_until(pot, now - window), tx.leaves_until(pot, now), 1
    while first + width <= end:
        instant = left_at(first + width - 1)
        if good(instant):
            end, high = first + width - 1, instant
            break
        first, low, width = first + width, instant, 2 * width
    while first < end:
        middle = (first + end) // 2
        instant = left_at(middle)
        if good(instant):
            end, high = middle, instant
        else:
            first, low = middle + 1, instant
    # ... and where one was counted late, it has left before those that stand in front of it.
    if not good(high - 1):
        return high
    high -= 1
    while high - low > 1:
        between = (low + high) // 2
        if good(between):
            high = between
        else:
            low = between
    return high
