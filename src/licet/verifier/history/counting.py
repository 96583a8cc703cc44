"""What a call adds to an index.

What of it cannot be worked out (its result is not what the tool promised, or a later policy asks
what was not recorded) makes every value unknown that it might be part of.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import cast

from licet.compiler.clock import Clock
from licet.compiler.digests import canonical
from licet.compiler.evaluation import Binder, UnknownRead, prepared
from licet.compiler.evaluation.places import Located
from licet.compiler.history import Index
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN

from .naming import pots_of, unknown_pot
from .past import NotKnown, PastCall
from .summaries import Addition, Summary


class Counter:
    """How the calls of one tool add to one index, prepared. Safe to share between threads."""

    __slots__ = ("_binder", "_clock", "_condition", "_joins", "_kept", "_per", "_settled", "_value",
                 "index")  # fmt: skip

    def __init__(self, index: Index, tool: str, clock: Clock) -> None:
        plan = index.plans[tool]
        self.index = index
        self._clock = clock
        self._binder = Binder(plan.lets, clock)
        self._condition = prepared(plan.condition, clock)
        self._per = None if plan.per is None else prepared(plan.per, clock)
        self._value = None if plan.value is None else prepared(plan.value, clock)
        self._settled = None if plan.settled is None else prepared(plan.settled, clock)
        self._joins = tuple((prepared(join.own, clock), join.many) for join in index.joins)
        kept = () if index.scan is None else index.kept
        self._kept = tuple(prepared(expr, clock) for expr in kept)

    @property
    def minds_endings(self) -> bool:
        """Whether how a call ended changes what it adds, beside that nothing is left of one that
        was given back."""
        return self.index.call is not None or self._settled is not None

    def additions(self, call: PastCall) -> Sequence[Addition]:
        """What a call adds to the pots of the index."""
        index, world, clock = self.index, call.world, self._clock
        if index.call is None and call.released:
            return ()
        if index.reach == "session" and call.session is None:
            return ()  # it is of no session that anybody asks for
        at = call.at
        reach: Value = UNKNOWN
        try:
            bound = self._bound(call)
            if bound is None:
                return ()
            reach = self._reach(call, bound)
            if not self._condition(world, bound):
                return ()
            joined = self._joined(call, bound) if self._joins else _NO_KEYS
            summary = Summary.of(self._amount(call, bound), at)
            payload = ""
            if index.scan is not None:
                payload = canonical(tuple([read(world, bound) for read in self._kept]))
        except NotKnown:
            return (unknown_call(index, at, clock, reach),)
        tree = index.is_tree
        return [
            Addition(pots_of(index, reach, keys, at, clock)[0], tree, summary, payload)
            for keys in joined
        ]

    def reach(self, call: PastCall) -> Value:
        """Whose call it is, by the index's reach; UNKNOWN where it adds nothing for anybody. Raises
        `NotKnown`."""
        bound = self._bound(call)
        return UNKNOWN if bound is None else self._reach(call, bound)

    def amount(self, call: PastCall) -> int | Fraction:
        """What a call adds to a limit's sum. Raises `NotKnown`."""
        bound = self._bound(call)
        if call.released or bound is None or not self._condition(call.world, bound):
            return 0
        return self._amount(call, bound)

    def _bound(self, call: PastCall) -> dict[int, Value] | None:
        """The variables; None where a let is absent, so that the call does not count."""
        call.world.result = UNKNOWN if call.result is None else call.result
        bound: dict[int, Value] = {}
        if self.index.call is not None:
            bound[self.index.call.slot] = Located(("calls",), call.record())
        return bound if self._binder.bind(call.world, bound) else None

    def _reach(self, call: PastCall, bound: dict[int, Value]) -> Value:
        match self.index.reach:
            case "session":
                return call.session
            case "key":
                assert self._per is not None
                return self._per(call.world, bound)
            case "tenant":
                return None

    def _joined(self, call: PastCall, bound: dict[int, Value]) -> Sequence[tuple[Value, ...]]:
        found: list[list[Value]] = []
        for read, many in self._joins:
            value = read(call.world, bound)
            found.append(list(dict.fromkeys(cast(tuple[Value, ...], value))) if many else [value])
        return list(product(*found))

    def _amount(self, call: PastCall, bound: dict[int, Value]) -> int | Fraction:
        if self._value is None:
            return 1
        if self._settled is not None and call.outcome == "ok":
            try:
                settled = self._settled(call.world, bound)
            except NotKnown:
                settled = None  # an answer that does not say: what was reserved stays
            if settled is not None and cast(Fraction, settled) >= 0:
                return cast(Fraction, settled)
        value = self._value(call.world, bound)
        if value is None:
            raise UnknownRead(("amount",))
        amount: int | Fraction = value  # type: ignore[assignment]  # the policy's types say so
        # Nothing that a limit adds up may make room for more.
        return 0 if self.index.call is None and amount < 0 else amount


_NO_KEYS: Sequence[tuple[Value, ...]] = ((),)


def unknown_call(index: Index, at: int, clock: Clock, reach: Value = UNKNOWN) -> Addition:
    """What a call adds of which no more is known than its instant, and perhaps whose it is."""
    return Addition(unknown_pot(index, reach, at, clock), index.is_tree, Summary.of(None, at))
