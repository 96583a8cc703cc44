"""Lists and maps: what folds them and what makes them.

Part of `expressions`, with its contract. Each function unrolls the collection to its guarded
elements; where the collection is unknown, a fold is a free value.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Protocol, cast

from .. import ir
from ..types import BOOL, IntType, ListType, MapType, OptionalType, Type
from .failures import EncodingFault
from .symbolic import Algebra, Entries, Number, Optional, Record, Sequence, Symbolic, Text
from .terms import Term

_SIZE = IntType(low=0)


class Reading(Protocol):
    """What reading a list's expressions needs of `expressions.Reader`."""

    variables: dict[int, Symbolic]

    def read(self, e: ir.Expr) -> Symbolic: ...

    def truth(self, e: ir.Expr) -> Term: ...

    def refuses(self, e: ir.Expr) -> bool: ...

    def under(self, condition: Term) -> AbstractContextManager[None]: ...

    def apart(self) -> AbstractContextManager[list[Term]]: ...

    def in_turn(self, steps: list[tuple[list[Term], Term]]) -> None: ...

    def refuse(self, condition: Term) -> None: ...

    def free(self, type: Type) -> Symbolic: ...

    def unless_unknown(
        self, unknown: Term, type: Type, refusing: bool, known: Symbolic
    ) -> Symbolic: ...

    def less(self, a: Symbolic, b: Symbolic, strict: bool) -> Term: ...


class Listing:
    """Reads the expressions over lists and maps."""

    def __init__(self, reader: Reading, algebra: Algebra) -> None:
        self._reader = reader
        self._algebra = algebra
        self._t = algebra.t

    def _sequence(self, e: ir.Expr) -> Sequence:
        return cast(Sequence, self._reader.read(e))

    def _entries(self, e: ir.Expr) -> Entries:
        return cast(Entries, self._reader.read(e))

    def read(self, e: ir.Expr) -> Symbolic:
        """The value of an expression over lists or maps."""
        t = self._t
        match e:
            case ir.MakeList(parts):
                items = [(t.true, self._reader.read(p)) for p in parts]
                return Sequence(lambda: items, t.false, True, t.integer(len(items)))
            case ir.MakeRecord(parts):
                made = {name: self._reader.read(value) for name, value in parts}
                return Record({n: lambda v=v: v for n, v in made.items()})  # type: ignore[misc]
            case ir.ListConcat(parts):
                lists = [self._sequence(p) for p in parts]
                return Sequence(
                    lambda: [item for xs in lists for item in xs.items],
                    t.or_(xs.unknown for xs in lists),
                )
            case ir.Length(operand):
                return self._length(self._reader.read(operand))
            case ir.Contains(item, collection):
                wanted, inside = self._reader.read(item), self._reader.read(collection)
                return self._contains(wanted, inside)
            case ir.Subset(left, right):
                xs, ys = self._sequence(left), self._sequence(right)
                held = [t.implies(g, self._contains(x, ys)) for g, x in xs.items]
                return t.and_((*held, self._rest(xs, any_of=False)))
            case ir.Lookup(collection, key, type):
                return self._lookup(
                    self._entries(collection), self._reader.read(key), collection, type
                )
            case ir.End(op, operand, type):
                return self._end(op == "first", self._sequence(operand), operand, type)
            case ir.Flatten(operand):
                return self._flatten(self._sequence(operand))
            case ir.Distinct(operand):
                return self._distinct(self._sequence(operand))
            case ir.Adjacent(operand):
                return self._adjacent(self._sequence(operand))
            case ir.Entries(operand):
                m = self._entries(operand)
                return Sequence(
                    lambda: [(g, _pair("key", k, "value", v)) for g, k, v in m.items],
                    m.unknown,
                    False,
                    m.size,
                )
            case ir.Quantifier(op, var, operand, body):
                return self._quantifier(op == "any", var, self._sequence(operand), body)
            case ir.Count(var, operand, body):
                xs = self._sequence(operand)
                held = [t.and_((g, cast(Term, b))) for g, b in self._each(xs, var, body)]
                count = Number(self._algebra.count(held))
                return self._reader.unless_unknown(
                    xs.unknown, _SIZE, self._reader.refuses(body), count
                )
            case ir.Sum(var, operand, body, type):
                xs = self._sequence(operand)
                each = self._each(xs, var, body)
                terms, scale = self._algebra.level([cast(Number, v) for _, v in each])
                sort = terms[0].sort if terms else "Int"
                zero = t.number(0, sort)
                total = t.add(
                    [t.ite(g, v, zero) for (g, _), v in zip(each, terms, strict=True)], sort
                )
                known: Symbolic = Number(total, scale)
                return self._reader.unless_unknown(
                    xs.unknown, type, self._reader.refuses(body), known
                )
            case ir.Extremum(op, var, operand, body, type):
                xs = self._sequence(operand)
                known = self._extremum(op == "min", self._each(xs, var, body))
                return self._reader.unless_unknown(
                    xs.unknown, type, self._reader.refuses(body), known
                )
            case ir.ListComp(var, operand, condition, element):
                return self._comprehension(self._sequence(operand), var, condition, element)
            case _:
                raise EncodingFault("not a collection")

    def _each(self, xs: Sequence, var: ir.Var, body: ir.Expr) -> list[tuple[Term, Symbolic]]:
        """`body` for every element, with the element's guard."""
        results = []
        for guard, item in xs.items:
            self._reader.variables[var.slot] = item
            with self._reader.under(guard):
                results.append((guard, self._reader.read(body)))
        return results

    def _folded(self, xs: Sequence, type: Type, body: ir.Expr, known: Symbolic) -> Symbolic:
        """What folding `body` over a list gives: a free value where the list is unknown."""
        refusing = self._reader.refuses(body)
        return self._reader.unless_unknown(xs.unknown, type, refusing, known)

    def _quantifier(self, any_of: bool, var: ir.Var, xs: Sequence, body: ir.Expr) -> Symbolic:
        t = self._t
        refusing = self._reader.refuses(body)
        parts: list[Term] = []
        steps: list[tuple[list[Term], Term]] = []
        for guard, item in xs.items:
            self._reader.variables[var.slot] = item
            with self._reader.apart() as inside, self._reader.under(guard):
                held = self._reader.truth(body)
            parts.append(t.and_((guard, held)) if any_of else t.implies(guard, held))
            steps.append((inside, t.not_(parts[-1]) if any_of else parts[-1]))
        self._reader.in_turn(steps)
        if refusing and xs.unknown is not t.false:
            wrong = cast(Term, self._reader.free(BOOL))
            self._reader.refuse(t.and_((xs.unknown, wrong)))
        parts.append(self._rest(xs, any_of=any_of))
        return t.or_(parts) if any_of else t.and_(parts)

    def _comprehension(
        self, xs: Sequence, var: ir.Var, condition: ir.Expr | None, element: ir.Expr
    ) -> Sequence:
        items: list[tuple[Term, Symbolic]] = []
        for guard, item in xs.items:
            self._reader.variables[var.slot] = item
            with self._reader.under(guard):
                kept = self._t.true if condition is None else self._reader.truth(condition)
                with self._reader.under(kept):
                    items.append((self._t.and_((guard, kept)), self._reader.read(element)))
        refusing = self._reader.refuses(element) or (
            condition is not None and self._reader.refuses(condition)
        )
        if refusing and xs.unknown is not self._t.false:
            wrong = cast(Term, self._reader.free(BOOL))
            self._reader.refuse(self._t.and_((xs.unknown, wrong)))
        size = xs.size if condition is None else None
        dense = xs.dense and condition is None
        return Sequence(lambda: items, xs.unknown, dense, size)

    def _length(self, value: Symbolic) -> Number:
        if isinstance(value, Text):
            return Number(self._t.length(value.seq()))
        if isinstance(value, Sequence):
            if value.size is not None:
                return Number(value.size)
            count = Number(self._algebra.length(value))
        else:
            value = cast(Entries, value)
            if value.size is not None:
                return Number(value.size)
            count = Number(self._algebra.size(value))
        return cast(Number, self._reader.unless_unknown(value.unknown, _SIZE, False, count))

    def _contains(self, wanted: Symbolic, inside: Symbolic) -> Term:
        t = self._t
        xs = cast(Sequence | Entries, inside)
        there = [(g, x) for g, x, *_ in xs.items]
        found = [t.and_((g, self._algebra.equal(wanted, x))) for g, x in there]
        return t.or_((*found, self._rest(xs, any_of=True)))

    def _rest(self, xs: Sequence | Entries, *, any_of: bool) -> Term:
        """What the elements that are not known contribute to `any` (or `all`).

        Elements whose guards hold are in the list even where the rest of it is unknown.
        """
        t = self._t
        if xs.unknown is t.false:
            return t.boolean(not any_of)
        open = cast(Term, self._reader.free(BOOL))
        return t.and_((xs.unknown, open)) if any_of else t.implies(xs.unknown, open)

    def _lookup(
        self, m: Entries, key: Symbolic, collection: ir.Expr, type: OptionalType
    ) -> Symbolic:
        kind = collection.type
        assert isinstance(kind, MapType)
        found = [(self._t.and_((g, self._algebra.equal(key, k))), v) for g, k, v in m.items]
        known = self._first(found, kind.value)
        return self._reader.unless_unknown(m.unknown, type, False, known)

    def _first(self, found: list[tuple[Term, Symbolic]], element: Type) -> Optional:
        """The first value whose guard holds."""
        if not found:
            return Optional(self._t.false, None)
        present = self._t.or_(g for g, _ in found)

        def value() -> Symbolic:
            chosen = found[-1][1]
            for guard, item in reversed(found[:-1]):
                chosen = self._algebra.ite(guard, item, chosen)
            return chosen

        return self._algebra.flat(present, value, element)

    def _end(self, first: bool, xs: Sequence, operand: ir.Expr, type: OptionalType) -> Symbolic:
        kind = operand.type
        assert isinstance(kind, ListType)
        items = xs.items if first else list(reversed(xs.items))
        known = self._first(items, kind.element)
        return self._reader.unless_unknown(xs.unknown, type, False, known)

    def _flatten(self, lists: Sequence) -> Sequence:
        t = self._t
        inner = [(guard, cast(Sequence, xs)) for guard, xs in lists.items]

        def make() -> list[tuple[Term, Symbolic]]:
            return [(t.and_((g, h)), x) for g, xs in inner for h, x in xs.items]

        unknown = t.or_((lists.unknown, *(t.and_((g, xs.unknown)) for g, xs in inner)))
        return Sequence(make, unknown)

    def _distinct(self, xs: Sequence) -> Sequence:
        t = self._t

        def make() -> list[tuple[Term, Symbolic]]:
            items: list[tuple[Term, Symbolic]] = []
            for i, (guard, item) in enumerate(xs.items):
                twins = [t.and_((g, self._algebra.equal(x, item))) for g, x in xs.items[:i]]
                items.append((t.and_((guard, t.not_(t.or_(twins)))), item))
            return items

        return Sequence(make, xs.unknown)

    def _adjacent(self, xs: Sequence) -> Sequence:
        close = self._algebra.dense(xs)
        # Where part of a list is unknown, something may stand between two known elements.
        known = self._t.not_(xs.unknown)

        def make() -> list[tuple[Term, Symbolic]]:
            pairs: list[tuple[Term, Symbolic]] = []
            for (_, first), (guard, second) in pairwise(close.items):
                pair = _pair("first", first, "second", second)
                pairs.append((self._t.and_((known, guard)), pair))
            return pairs

        return Sequence(make, xs.unknown, True)

    def _extremum(self, least: bool, each: list[tuple[Term, Symbolic]]) -> Optional:
        if not each:
            return Optional(self._t.false, None)
        found, best = each[0]
        for guard, value in each[1:]:
            beats = (
                self._reader.less(value, best, True)
                if least
                else self._reader.less(best, value, True)
            )
            taken = self._t.and_((guard, self._t.or_((self._t.not_(found), beats))))
            best = self._algebra.ite(taken, value, best)
            found = self._t.or_((found, guard))
        return Optional(found, lambda: best)


def _pair(first: str, a: Symbolic, second: str, b: Symbolic) -> Record:
    return Record({first: lambda: a, second: lambda: b})
