"""Lists and maps: what folds them and what makes them.

Part of `expressions`, with its contract. Each function unrolls the collection to its guarded
elements; where the collection is unknown, a fold is a free value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import pairwise
from typing import Literal, Protocol, cast

from .. import ir
from ..types import BOOL, IntType, ListType, MapType, OptionalType, StringType, Type
from .algebra import Algebra
from .failures import EncodingFault
from .places import MapPlace
from .sites import Sites
from .symbolic import (
    Entries,
    Fixed,
    Long,
    Number,
    Optional,
    Part,
    Record,
    Sequence,
    Symbolic,
    Text,
    pair,
)
from .templates import Op, Templates
from .terms import Term

_SIZE = IntType(low=0)

Quantity = Literal["any", "all"]
Extreme = Literal["min", "max"]


class Again(Protocol):
    """Makes something of a list as it would have been made before."""

    def __call__(self, make: Callable[[Sequence], Sequence], xs: Sequence) -> Sequence: ...


class Reading(Protocol):
    """What reading a list's expressions needs of `expressions.Reader`."""

    variables: dict[int, Symbolic]
    sites: Sites
    tracking: bool
    templating: bool

    @property
    def templates(self) -> Templates: ...

    def read(self, e: ir.Expr) -> Symbolic: ...

    def truth(self, e: ir.Expr) -> Term: ...

    def refuses(self, e: ir.Expr) -> bool: ...

    def under(self, condition: Term) -> AbstractContextManager[None]: ...

    def apart(self) -> AbstractContextManager[list[Term]]: ...

    def in_turn(self, steps: list[tuple[list[Term], Term]]) -> None: ...

    def refuse(self, condition: Term) -> None: ...

    def free(self, type: Type) -> Symbolic: ...

    def again(self, *, with_sites: bool = False) -> Again: ...

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
            case ir.ListConcat(operands):
                return self._joined([self._sequence(o) for o in operands])
            case ir.Length(operand):
                return self._length(self._reader.read(operand))
            case ir.Contains(item, collection):
                wanted, inside = self._reader.read(item), self._reader.read(collection)
                return self._contains(wanted, inside)
            case ir.Subset(left, right):
                xs, ys = self._sequence(left), self._sequence(right)
                return self._quantifier("all", xs, lambda some: self._subset(some, ys))
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
                return self._entries(operand).pairs()
            case ir.Quantifier(quantity, var, operand, body):
                return self._quantifier(
                    quantity,
                    self._sequence(operand),
                    lambda some: self._holds(quantity, some, var, body),
                )
            case ir.Count(var, operand, body):

                def counted(some: Sequence) -> Symbolic:
                    held = [t.and_((g, cast(Term, b))) for g, b in self._each(some, var, body)]
                    return self._known(some, _SIZE, body, Number(self._algebra.count(held)))

                return self._sum(self._sequence(operand), counted)
            case ir.Sum(var, operand, body, type):

                def summed(some: Sequence) -> Symbolic:
                    each = [(g, cast(Number, v)) for g, v in self._each(some, var, body)]
                    return self._known(some, type, body, self._total(each))

                return self._sum(self._sequence(operand), summed)
            case ir.Extremum(op, var, operand, body, type):

                def best(some: Sequence) -> Symbolic:
                    known = self._best(op, self._each(some, var, body))
                    return self._known(some, type, body, known)

                return self._extremum(op, self._sequence(operand), body, best)
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

    def _known(self, xs: Sequence, type: Type, body: ir.Expr, known: Symbolic) -> Symbolic:
        """What folding `body` over a list gives: a free value where the list is unknown."""
        refusing = self._reader.refuses(body)
        return self._reader.unless_unknown(xs.unknown, type, refusing, known)

    def _joined(self, lists: list[Sequence]) -> Sequence:
        t, parts = self._t, None
        if any(xs.parts is not None for xs in lists):
            parts = tuple(p for xs in lists for p in self._algebra.parts_under(t.true, xs))
        return Sequence(
            lambda: [item for xs in lists for item in xs.items],
            t.or_(xs.unknown for xs in lists),
            parts=parts,
        )

    # --- folds, part by part -------------------------------------------------------------------

    def _parts(self, xs: Sequence | Entries) -> tuple[Part, ...] | None:
        """What a fold goes through one by one, if some of it is of a long list."""
        return None if self._reader.templating else xs.parts

    def _over(self, op: Op, part: Part, fold: Callable[[Sequence], Symbolic]) -> Symbolic:
        """What a fold comes to over one part."""
        if isinstance(part, Fixed):
            return fold(part.elements)
        return self._reader.templates.fold(op, part, fold)

    def _quantifier(self, op: Quantity, xs: Sequence, fold: Callable[[Sequence], Term]) -> Term:
        """Whether any or all elements are such as `fold` says of some of them."""
        parts = self._parts(xs)
        if parts is None:
            return fold(xs)
        each = [
            (part.guard, partial(cast(Callable[..., Term], self._over), op, part, fold))
            for part in parts
        ]
        return self._together(op, self._in_turn(op, each))

    def _in_turn(self, op: Quantity, each: Iterable[tuple[Term, Callable[[], Term]]]) -> list[Term]:
        """What each says, under its guard, of whether any or all hold: those after it are read
        where it does not settle that."""
        t = self._t
        found: list[Term] = []
        steps: list[tuple[list[Term], Term]] = []
        for guard, holds in each:
            with self._reader.apart() as inside, self._reader.under(guard):
                held = holds()
            if op == "any":
                found.append(t.and_((guard, held)))
                steps.append((inside, t.not_(found[-1])))
            else:
                found.append(t.implies(guard, held))
                steps.append((inside, found[-1]))
        self._reader.in_turn(steps)
        return found

    def _together(self, op: Quantity, found: Iterable[Term]) -> Term:
        return self._t.or_(found) if op == "any" else self._t.and_(found)

    def _sum(self, xs: Sequence, fold: Callable[[Sequence], Symbolic]) -> Symbolic:
        """The sum of what `fold` says of some of the elements."""
        parts = self._parts(xs)
        if parts is None:
            return fold(xs)
        each: list[tuple[Term, Number]] = []
        for part in parts:
            with self._reader.under(part.guard):
                each.append((part.guard, cast(Number, self._over("sum", part, fold))))
        return self._total(each)

    def _extremum(
        self, op: Extreme, xs: Sequence, body: ir.Expr, fold: Callable[[Sequence], Symbolic]
    ) -> Symbolic:
        """The best of what `fold` says of some of the elements."""
        parts = None if isinstance(body.type, StringType) else self._parts(xs)
        if parts is None:
            return fold(xs)
        each: list[tuple[Term, Symbolic]] = []
        for part in parts:
            with self._reader.under(part.guard):
                best = cast(Optional, self._over(op, part, fold))
            if not best.empty:
                each.append((self._t.and_((part.guard, best.present)), best.value))
        return self._best(op, each)

    # --- folds of elements that stand in the formula -------------------------------------------

    def _holds(self, op: Quantity, xs: Sequence, var: ir.Var, body: ir.Expr) -> Term:
        def holds(item: Symbolic) -> Term:
            self._reader.variables[var.slot] = item
            return self._reader.truth(body)

        t = self._t
        refusing = self._reader.refuses(body)
        found = self._in_turn(op, [(guard, partial(holds, item)) for guard, item in xs.items])
        if refusing and xs.unknown is not t.false:
            wrong = cast(Term, self._reader.free(BOOL))
            self._reader.refuse(t.and_((xs.unknown, wrong)))
        return self._together(op, [*found, self._rest(xs, any_of=op == "any")])

    def _comprehension(
        self, xs: Sequence, var: ir.Var, condition: ir.Expr | None, element: ir.Expr
    ) -> Sequence:
        def made(some: Sequence) -> Sequence:
            return self._comprehended(some, var, condition, element)

        parts = self._parts(xs)
        if parts is None:
            return made(xs)
        reader = self._reader
        # Elements are made where they are read, which may be later; what they refuse is refused
        # here, where the list is.
        again = reader.again()
        seen: list[Part] = []
        for part in parts:
            with reader.under(part.guard):
                if isinstance(part, Fixed):
                    seen.append(Fixed(part.guard, made(part.elements)))
                    continue
                if reader.tracking and self._may_refuse(condition, element):
                    self._over("nothing", part, lambda some: made(some).unknown)
            seen.append(part.then(lambda some: again(made, some)))
        dense = xs.dense and condition is None
        size = xs.size if condition is None else None
        whole = reader.again(with_sites=True)
        return Sequence(lambda: whole(made, xs).items, xs.unknown, dense, size, tuple(seen))

    def _may_refuse(self, condition: ir.Expr | None, element: ir.Expr) -> bool:
        refuses = self._reader.refuses
        return refuses(element) or (condition is not None and refuses(condition))

    def _comprehended(
        self, xs: Sequence, var: ir.Var, condition: ir.Expr | None, element: ir.Expr
    ) -> Sequence:
        items: list[tuple[Term, Symbolic]] = []
        for guard, item in xs.items:
            self._reader.variables[var.slot] = item
            with self._reader.under(guard):
                kept = self._t.true if condition is None else self._reader.truth(condition)
                with self._reader.under(kept):
                    items.append((self._t.and_((guard, kept)), self._reader.read(element)))
        if self._may_refuse(condition, element) and xs.unknown is not self._t.false:
            wrong = cast(Term, self._reader.free(BOOL))
            self._reader.refuse(self._t.and_((xs.unknown, wrong)))
        size = xs.size if condition is None else None
        dense = xs.dense and condition is None
        return Sequence(lambda: items, xs.unknown, dense, size)

    def _length(self, value: Symbolic) -> Number:
        if isinstance(value, Text):
            return Number(self._t.length(value.seq()))
        xs = value.pairs() if isinstance(value, Entries) else cast(Sequence, value)
        if xs.size is not None:
            return Number(xs.size)

        def counted(some: Sequence) -> Symbolic:
            count = Number(self._algebra.length(some))
            return self._reader.unless_unknown(some.unknown, _SIZE, False, count)

        return cast(Number, self._sum(xs, counted))

    def _contains(self, wanted: Symbolic, inside: Symbolic) -> Term:
        t = self._t
        if isinstance(inside, Entries):
            parts = inside.parts or (Fixed(t.true, inside.pairs()),)
            return t.or_(t.and_((part.guard, self._has_key(part, wanted))) for part in parts)

        def found(some: Sequence) -> Term:
            held = [t.and_((g, self._algebra.equal(wanted, x))) for g, x in some.items]
            return t.or_((*held, self._rest(some, any_of=True)))

        return self._quantifier("any", cast(Sequence, inside), found)

    def _has_key(self, part: Part, wanted: Symbolic) -> Term:
        if isinstance(part, Long):
            site = self._reader.sites.entry(cast(MapPlace, part.source), wanted, BOOL)
            return cast(Term, site.place.value())
        found = [self._t.and_((g, here)) for g, here, _ in self._at(part.elements, wanted)]
        return self._t.or_((*found, self._rest(part.elements, any_of=True)))

    def _at(self, pairs: Sequence, key: Symbolic) -> Iterator[tuple[Term, Term, Symbolic]]:
        """The guards of a map's entries, whether each is at a key, and their values."""
        for guard, entry in pairs.items:
            assert isinstance(entry, Record)
            same = self._algebra.equal(key, entry.field("key"))
            yield guard, same, entry.field("value")

    def _subset(self, xs: Sequence, ys: Sequence) -> Term:
        held = [self._t.implies(g, self._contains(x, ys)) for g, x in xs.items]
        return self._t.and_((*held, self._rest(xs, any_of=False)))

    def _rest(self, xs: Sequence, *, any_of: bool) -> Term:
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
        parts = m.parts or (Fixed(self._t.true, m.pairs()),)
        found = [(part.guard, self._entry(part, key, collection, type)) for part in parts]
        if len(found) == 1 and found[0][0] is self._t.true:
            return found[0][1]
        # A key is in one part at most.
        there = [(self._t.and_((g, o.present)), o.value) for g, o in found if not o.empty]
        return self._first(there, BOOL)

    def _entry(
        self, part: Part, key: Symbolic, collection: ir.Expr, type: OptionalType
    ) -> Optional:
        """The value at a key of some of a map's entries."""
        kind = collection.type
        assert isinstance(kind, MapType)
        if isinstance(part, Long):
            site = self._reader.sites.entry(cast(MapPlace, part.source), key, type)
            return cast(Optional, site.place.value())
        pairs = part.elements
        found = [(self._t.and_((g, here)), v) for g, here, v in self._at(pairs, key)]
        known = self._first(found, kind.value)
        return cast(Optional, self._reader.unless_unknown(pairs.unknown, type, False, known))

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
        parts = self._parts(lists)
        if parts is None:
            return self._flattened(lists)
        seen: list[Part] = []
        for part in parts:
            if isinstance(part, Fixed):
                seen.append(Fixed(part.guard, self._flattened(part.elements)))
            else:
                seen.append(part.then(self._flattened))
        unknown = self._quantifier("any", lists, lambda some: self._flattened(some).unknown)
        return Sequence(lambda: self._flattened(lists).items, unknown, parts=tuple(seen))

    def _flattened(self, lists: Sequence) -> Sequence:
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
                both = pair("first", first, "second", second)
                pairs.append((self._t.and_((known, guard)), both))
            return pairs

        return Sequence(make, xs.unknown, True)

    def _total(self, each: list[tuple[Term, Number]]) -> Number:
        """The sum of the numbers whose guards hold."""
        t = self._t
        terms, scale = self._algebra.level([number for _, number in each])
        sort = terms[0].sort if terms else "Int"
        zero = t.number(0, sort)
        held = [t.ite(g, v, zero) for (g, _), v in zip(each, terms, strict=True)]
        return Number(t.add(held, sort), scale)

    def _best(self, op: Extreme, each: list[tuple[Term, Symbolic]]) -> Optional:
        """The least or greatest of the values whose guards hold."""
        if not each:
            return Optional(self._t.false, None)
        found, best = each[0]
        for guard, value in each[1:]:
            beats = (
                self._reader.less(value, best, True)
                if op == "min"
                else self._reader.less(best, value, True)
            )
            taken = self._t.and_((guard, self._t.or_((self._t.not_(found), beats))))
            best = self._algebra.ite(taken, value, best)
            found = self._t.or_((found, guard))
        return Optional(found, lambda: best)
