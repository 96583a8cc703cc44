"""The names of pots: an index, the keys, and the calendar period, if there is one."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from licet.compiler.clock import Clock
from licet.compiler.digests import canonical
from licet.compiler.history import Index
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN

from .windows import period_of

#: The pot of some keys, and those of what is not known: of their reach, and of all.
Pots = tuple[str, tuple[str, str]]


def pots_of(index: Index, reach: Value, joined: tuple[Value, ...], at: int, clock: Clock) -> Pots:
    """The pots in which calls are that have these keys and are in one window with `at`."""
    period = _period(index, at, clock)
    try:
        return _named(index.pots, reach, joined, period)
    except TypeError:  # a record among the keys
        return _named.__wrapped__(index.pots, reach, joined, period)


def unknown_pot(index: Index, reach: Value, at: int, clock: Clock) -> str:
    """The pot of what is not known: of one reach, or, where not even that is known, of all."""
    period = _period(index, at, clock)
    return _digest(index.pots, ("?", period) if reach is UNKNOWN else ("?", reach, period))


def _period(index: Index, at: int, clock: Clock) -> str:
    calendar = index.window.calendar
    return "" if calendar is None else period_of(calendar, at, clock)


@lru_cache(maxsize=4096)
def _named(pots: str, reach: Value, joined: tuple[Value, ...], period: str) -> Pots:
    """The values that one index puts in one place are of one type, so that equal ones (1 and True)
    are never mixed up in the cache."""
    unknown = _digest(pots, ("?", reach, period)), _digest(pots, ("?", period))
    return _digest(pots, ("=", reach, joined, period)), unknown


def _digest(pots: str, parts: tuple[Value, ...]) -> str:
    text = canonical(parts).encode("utf-8", "surrogatepass")
    return pots + hashlib.sha256(text).hexdigest()[:32]
