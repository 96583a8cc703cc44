"""Earlier calls as rules read them, what each adds to an index, and the index's value.

`contributions` says what one call adds, `value` what all of them come to for the keys of a look-up,
read from a store; `by_definition` is the same value from the calls themselves, for tests and
for a guard that runs both engines. What a call adds that cannot be worked out (its result is not
what the tool promised, or a later policy asks what was not recorded) makes every value unknown
that it might be part of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Literal, cast

from licet.compiler import ir
from licet.compiler.clock import Clock
from licet.compiler.digests import canonical, restored
from licet.compiler.evaluation import UnknownRead, WrongType, evaluate
from licet.compiler.evaluation.places import AbsentUnwrapped, Located
from licet.compiler.history import Index, Plan, Window
from licet.compiler.types import OptionalType, Value
from licet.compiler.world import UNKNOWN, World

from .store import Transaction
from .summaries import Addition, Summary, leaf_parts, totals
from .windows import period_of

#: Calls that one fold may have to go through, where no index answers for it.
MOST_SCANNED = 10_000

NotKnown = (UnknownRead, WrongType, AbsentUnwrapped)


@dataclass(frozen=True, slots=True)
class PastCall:
    """An earlier call. `world` is what was known when it was allowed, its instant `world.now`.

    `result` is None where the tool has not answered, UNKNOWN where its answer is not of the
    promised type. `by` are the rules that applied.
    """

    world: World
    session: str | None
    outcome: Literal["pending", "ok", "error"]
    result: Value
    by: tuple[str, ...]
    #: Whether what it was reserved for is given back, though it stays in the history.
    released: bool = False

    @property
    def at(self) -> int:
        return cast(int, self.world.now)

    def record(self) -> dict[str, Value]:
        return {
            "tool": self.world.tool,
            "args": self.world.args,
            "result": self.result,
            "outcome": self.outcome,
            "at": self.world.now,
            "principal": self.world.principal,
            "by": self.by,
        }


# --- what a call adds -----------------------------------------------------------------------------


def contributions(index: Index, call: PastCall, clock: Clock) -> Sequence[Addition]:
    """What one call adds to the pots of an index."""
    plan = index.plans.get(call.world.tool)
    if plan is None or (index.call is None and call.released):
        return ()
    if index.reach == "session" and call.session is None:
        return ()  # it is of no session that anybody asks for
    at = call.at
    period = _period(index.window, at, clock)
    reach: Value = UNKNOWN
    try:
        reading = _Reading(index, call, clock)
        if not reading.bind(plan):
            return ()
        reach = reading.reach(plan)
        if not reading.counts(plan):
            return ()
        joined = [reading.joined(j.own, j.many) for j in index.joins]
        value = reading.value(plan)
        payload = reading.kept()
    except NotKnown:
        return (unknown_call(index, at, clock, reach),)
    summary, tree = Summary.of(value, at), index.is_tree
    return [
        Addition(_pots(index, reach, keys, period)[0], tree, summary, payload)
        for keys in (product(*joined) if joined else _NO_KEYS)
    ]


def unknown_call(index: Index, at: int, clock: Clock, reach: Value = UNKNOWN) -> Addition:
    """What a call adds of which no more is known than its instant, and perhaps whose it is."""
    pot = _unknown_pot(index, reach, _period(index.window, at, clock))
    return Addition(pot, index.is_tree, Summary.of(None, at))


_NO_KEYS: Sequence[tuple[Value, ...]] = ((),)


class _Reading:
    """One call, read for one index."""

    __slots__ = ("_bound", "_call", "_clock", "_index")

    def __init__(self, index: Index, call: PastCall, clock: Clock) -> None:
        self._index, self._call, self._clock = index, call, clock
        self._call.world.result = UNKNOWN if call.result is None else call.result
        self._bound: dict[int, Value] = {}
        if index.call is not None:
            self._bound[index.call.slot] = Located(("calls",), call.record())

    def _of(self, expr: ir.Expr) -> Value:
        if isinstance(expr, ir.Const):  # what most conditions come to
            return expr.value
        return evaluate(expr, self._call.world, self._clock, self._bound)

    def bind(self, plan: Plan) -> bool:
        """Whether all lets are there."""
        for let in plan.lets:
            value = self._of(let.value)
            if value is None and isinstance(let.value.type, OptionalType):
                return False
            self._bound[let.var.slot] = value
        return True

    def counts(self, plan: Plan) -> bool:
        return bool(self._of(plan.condition))

    def reach(self, plan: Plan) -> Value:
        match self._index.reach:
            case "session":
                return self._call.session
            case "key":
                assert plan.per is not None
                return self._of(plan.per)
            case "tenant":
                return None

    def joined(self, own: ir.Expr, many: bool) -> list[Value]:
        value = self._of(own)
        return list(dict.fromkeys(cast(tuple[Value, ...], value))) if many else [value]

    def value(self, plan: Plan) -> int | Fraction:
        if plan.value is None:
            return 1
        if plan.settled is not None and self._call.outcome == "ok":
            try:
                settled = self._of(plan.settled)
            except NotKnown:
                settled = None  # an answer that does not say: what was reserved stays
            if settled is not None and cast(Fraction, settled) >= 0:
                return cast(Fraction, settled)
        value = self._of(plan.value)
        if value is None:
            raise UnknownRead(("amount",))
        amount = cast("int | Fraction", value)
        # Nothing that a limit adds up may make room for more.
        return 0 if self._index.call is None and amount < 0 else amount

    def kept(self) -> str:
        index = self._index
        if index.scan is None:
            return ""
        return canonical(tuple([self._of(expr) for expr in index.kept]))


# --- where it is kept -----------------------------------------------------------------------------


def _pots(
    index: Index, reach: Value, joined: tuple[Value, ...], period: str
) -> tuple[str, tuple[str, str]]:
    """The pot of some keys, and those of what is not known: of their reach, and of all."""
    try:
        return _named(index.pots, reach, joined, period)
    except TypeError:  # a record among the keys
        return _named.__wrapped__(index.pots, reach, joined, period)


@lru_cache(maxsize=4096)
def _named(
    pots: str, reach: Value, joined: tuple[Value, ...], period: str
) -> tuple[str, tuple[str, str]]:
    """The values that one index puts in one place are of one type, so that equal ones (1 and True)
    are never mixed up in the cache."""
    unknown = _digest(pots, ("?", reach, period)), _digest(pots, ("?", period))
    return _digest(pots, ("=", reach, joined, period)), unknown


def _unknown_pot(index: Index, reach: Value, period: str) -> str:
    """The pot of what is not known: of one reach, or, where not even that is known, of all."""
    parts = ("?", period) if reach is UNKNOWN else ("?", reach, period)
    return _digest(index.pots, parts)


def _digest(pots: str, parts: tuple[Value, ...]) -> str:
    text = canonical(parts).encode("utf-8", "surrogatepass")
    return pots + hashlib.sha256(text).hexdigest()[:32]


def _period(window: Window, instant: int, clock: Clock) -> str:
    """The calendar period that an instant is in, on the policy's clock; empty: there is none."""
    if window.calendar is None:
        return ""
    return period_of(window.calendar, instant, clock)


# --- its value ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """One look-up: the index, the keys of the look-up, and the session that asks."""

    index: Index
    keys: tuple[Value, ...]
    session: str | None


def pot_of(query: Query, now: int, clock: Clock) -> str | None:
    """The pot in which the calls of a look-up are added up, if that can be told."""
    asked = _Asked.of(query, World("", {}, now=now), now, clock)
    return None if asked is None else asked.pot


def values(tx: Transaction, queries: Sequence[Query], now: int, clock: Clock) -> list[Value]:
    """The values of some look-ups at an instant; UNKNOWN where they cannot be told."""
    world = World("", {}, now=now)
    asked = [_Asked.of(query, world, now, clock) for query in queries]
    whole: list[str] = []
    since: dict[str, int] = {}
    for one in asked:
        if one is None:
            continue
        pots = one.unknown if one.index.scan is not None else (one.pot, *one.unknown)
        if one.index.rolling:
            since.update(dict.fromkeys(pots, one.since))
        else:
            whole += pots
    found = totals(tx, whole, since)
    return [UNKNOWN if one is None else one.value(tx, found) for one in asked]


@dataclass(slots=True)  # not frozen, which would take three times as long to make
class _Asked:
    """A look-up, with the names of the pots that answer it."""

    index: Index
    pot: str
    unknown: tuple[str, str]
    since: int
    bound: Mapping[int, Value]
    gate: bool
    world: World
    clock: Clock

    @staticmethod
    def of(query: Query, world: World, now: int, clock: Clock) -> _Asked | None:
        """None: the reach of the look-up is not known. `world` knows the instant `now` alone."""
        index, keys = query.index, query.keys
        reach: Value = None
        if index.reach == "session":
            if query.session is None:
                return None
            reach = query.session
        elif index.reach == "key":
            reach, keys = keys[0], keys[1:]
        bound = {var.slot: key for var, key in zip(index.keys, keys, strict=True)}
        period = _period(index.window, now, clock)
        try:
            gate = index.gate is None or bool(evaluate(index.gate, world, clock, bound))
            joins = index.joins if gate else ()
            wanted = [evaluate(join.wanted, world, clock, bound) for join in joins]
        except NotKnown:
            return None
        pot, unknown = _pots(index, reach, tuple(wanted), period)
        return _Asked(
            index,
            pot,
            unknown,
            now - (index.window.microseconds or 0),
            bound,
            gate,
            world,
            clock,
        )

    def value(self, tx: Transaction, found: Mapping[str, Summary]) -> Value:
        index = self.index
        if not self.gate:
            return _value(index, Summary())
        of_reach, of_all = self.unknown
        if found[of_reach].unknown or found[of_all].unknown:
            return UNKNOWN
        if index.scan is not None:
            return self._scanned(tx)
        summary = found[self.pot]
        return UNKNOWN if summary.unknown else _value(index, summary)

    def _scanned(self, tx: Transaction) -> Value:
        """Goes through what was kept of the calls that the joins leave."""
        index = self.index
        assert index.scan is not None
        assert index.source is not None
        first = tx.leaves_until(self.pot, self.since) if index.rolling else 0
        leaves = tx.leaves(self.pot, first, MOST_SCANNED + 1)
        if len(leaves) > MOST_SCANNED:
            return UNKNOWN
        try:
            records = tuple(
                {f"v{i}": value for i, value in enumerate(cast(tuple[Value, ...], restored(kept)))}
                for leaf in leaves
                for summary, kept in [leaf_parts(leaf)]
                if summary.first is not None and not (index.rolling and summary.first <= self.since)
            )
            bound = {**self.bound, index.source.slot: records}
            value = evaluate(index.scan, self.world, self.clock, bound)
        except NotKnown:
            return UNKNOWN
        match index.operation:
            case "any":
                return cast(int, value) > 0
            case "all":
                return value == 0
            case _:
                return value


def _value(index: Index, summary: Summary) -> Value:
    match index.operation:
        case "any":
            return summary.calls > 0
        case "all":
            return summary.calls == 0
        case "count":
            return summary.calls
        case "sum":
            return summary.total
        case "min":
            return summary.low
        case "max":
            return summary.high


def _plain(number: int | Fraction | None) -> Value:
    if isinstance(number, Fraction) and number.denominator == 1:
        return number.numerator
    return number


def by_definition(query: Query, calls: Iterable[PastCall], now: int, clock: Clock) -> Value:
    """The value of a look-up, from the calls as they were and the fold as it was written."""
    index, keys = query.index, query.keys
    if index.reach == "session" and query.session is None:
        return UNKNOWN
    within = [c for c in calls if c.world.tool in index.plans and _inside(index, c, now, clock)]
    try:
        mine = [c for c in within if _reaches(query, c, clock)]
        if index.call is None:
            return _plain(sum((_spent(index, c, clock) for c in mine), 0))
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


def _reaches(query: Query, call: PastCall, clock: Clock) -> bool:
    match query.index.reach:
        case "session":
            return call.session == query.session
        case "key":
            reading = _Reading(query.index, call, clock)
            plan = query.index.plans[call.world.tool]
            if not reading.bind(plan):
                return False
            return reading.reach(plan) == query.keys[0]
        case "tenant":
            return True


def _spent(index: Index, call: PastCall, clock: Clock) -> int | Fraction:
    plan = index.plans[call.world.tool]
    reading = _Reading(index, call, clock)
    if call.released or not reading.bind(plan) or not reading.counts(plan):
        return 0
    return reading.value(plan)
