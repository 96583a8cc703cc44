"""What the calls of an index come to, for the keys of a look-up: read from a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from licet.compiler.clock import Clock
from licet.compiler.digests import restored
from licet.compiler.evaluation import evaluate
from licet.compiler.history import Index
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN, World

from .naming import pots_of
from .past import NotKnown
from .store import Transaction
from .summaries import Summary, leaf_parts, totals

#: Calls that one fold may have to go through, where no index answers for it.
MOST_SCANNED = 10_000


@dataclass(frozen=True, slots=True)
class Query:
    """One look-up: the index, the keys of the look-up, and the session that asks."""

    index: Index
    keys: tuple[Value, ...]
    session: str | None


def pot_of(query: Query, now: int, clock: Clock) -> str | None:
    """The pot in which the calls of a look-up are added up, if that can be told."""
    asked = _Asked.of(query, now, clock)
    return None if asked is None else asked.pot


def values(tx: Transaction, queries: Sequence[Query], now: int, clock: Clock) -> list[Value]:
    """The values of some look-ups at an instant; UNKNOWN where they cannot be told."""
    asked = [_Asked.of(query, now, clock) for query in queries]
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
    now: int
    clock: Clock

    @staticmethod
    def of(query: Query, now: int, clock: Clock) -> _Asked | None:
        """None: the reach of the look-up is not known."""
        index, keys = query.index, query.keys
        reach: Value = None
        if index.reach == "session":
            if query.session is None:
                return None
            reach = query.session
        elif index.reach == "key":
            reach, keys = keys[0], keys[1:]
        bound: dict[int, Value] = {}
        if index.keys or keys:
            bound = dict(zip([var.slot for var in index.keys], keys, strict=True))
        gate = True
        wanted: tuple[Value, ...] = ()
        if index.gate is not None or index.joins:
            world = World("", {}, now=now)
            try:
                gate = index.gate is None or bool(evaluate(index.gate, world, clock, bound))
                joins = index.joins if gate else ()
                wanted = tuple([evaluate(join.wanted, world, clock, bound) for join in joins])
            except NotKnown:
                return None
        pot, unknown = pots_of(index, reach, wanted, now, clock)
        since = now - (index.window.microseconds or 0)
        return _Asked(index, pot, unknown, since, bound, gate, now, clock)

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
            value = evaluate(index.scan, World("", {}, now=self.now), self.clock, bound)
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
