"""The value of an index by its definition, from the calls themselves: for tests, and for a guard
that runs both engines."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from licet.compiler.clock import Clock
from licet.compiler.evaluation import evaluate
from licet.compiler.evaluation.places import Located
from licet.compiler.history import Index
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN, World

from .counting import Counter
from .past import NotKnown, PastCall
from .pots import Query
from .windows import period_of


def by_definition(query: Query, calls: Iterable[PastCall], now: int, clock: Clock) -> Value:
    """The value of a look-up, from the calls as they were and the fold as it was written."""
    index, keys = query.index, query.keys
    if index.reach == "session" and query.session is None:
        return UNKNOWN
    within = [c for c in calls if c.world.tool in index.plans and _inside(index, c, now, clock)]
    tools = {c.world.tool for c in within}
    counters = {tool: Counter(index, tool, clock) for tool in tools}
    try:
        mine = [c for c in within if _reaches(query, counters[c.world.tool], c)]
        if index.call is None:
            return _plain(sum((counters[c.world.tool].amount(c) for c in mine), 0))
        assert index.source is not None
        assert index.reference is not None
        rest = keys[1:] if index.reach == "key" else keys
        bound: dict[int, Value] = dict(zip((v.slot for v in index.keys), rest, strict=True))
        bound[index.source.slot] = tuple(Located(("calls",), c.record()) for c in mine)
        return evaluate(index.reference, World("", {}, now=now), clock, bound)
    except NotKnown:
        return UNKNOWN


def _inside(index: Index, call: PastCall, now: int, clock: Clock) -> bool:
    window = index.window
    if window.microseconds is not None:
        return call.at > now - window.microseconds
    return window.calendar is None or period_of(window.calendar, call.at, clock) == period_of(
        window.calendar, now, clock
    )


def _reaches(query: Query, counter: Counter, call: PastCall) -> bool:
    match query.index.reach:
        case "session":
            return call.session == query.session
        case "key":
            return counter.reach(call) == query.keys[0]
        case "tenant":
            return True


def _plain(number: int | Fraction) -> Value:
    if isinstance(number, Fraction) and number.denominator == 1:
        return number.numerator
    return number
