"""Operations on symbolic values that do not depend on the IR."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Seq
from dataclasses import replace
from fractions import Fraction
from math import gcd
from typing import cast

from ..types import JsonType, OptionalType, Type
from .failures import EncodingFault
from .symbolic import (
    MAX_SCALE,
    Document,
    Entries,
    Fixed,
    Number,
    Optional,
    Part,
    Record,
    Sequence,
    Symbolic,
    Text,
)
from .terms import Term, Terms


class Algebra:
    """Operations on symbolic values that do not depend on the IR.

    `code_of` numbers interned texts; `open` makes a free truth value, for what is not known.
    """

    def __init__(
        self,
        terms: Terms,
        code_of: Callable[[str], int],
        open: Callable[[], Term],
    ) -> None:
        self.t = terms
        self._open = open
        self._code_of = code_of
        self._texts: dict[str, Text] = {}

    # --- text ----------------------------------------------------------------------------------

    def text(self, value: str) -> Text:
        """A literal."""
        if value not in self._texts:
            self._texts[value] = Text(
                lambda: self.t.integer(self._code_of(value)), lambda: self.t.text(value), value
            )
        return self._texts[value]

    def text_equal(self, a: Text, b: Text) -> Term:
        if a.literal is not None and b.literal is not None:
            return self.t.boolean(a.literal == b.literal)
        if a.has_code and b.has_code:
            return self.t.eq(a.code(), b.code())
        return self.t.eq(a.seq(), b.seq())

    # --- numbers -------------------------------------------------------------------------------

    def level(self, numbers: Seq[Number]) -> tuple[list[Term], int]:
        """The numbers' terms over one common scale (0: rationals), and that scale."""
        scale = 1
        for number in numbers:
            if number.scale == 0:
                return [self.rational(n) for n in numbers], 0
            scale = scale * number.scale // gcd(scale, number.scale)
        if scale > MAX_SCALE:
            return [self.rational(n) for n in numbers], 0
        return [self.t.scale(n.term, scale // n.scale) for n in numbers], scale

    def rational(self, number: Number) -> Term:
        if number.scale == 0:
            return number.term
        real = self.t.to_real(number.term)
        return real if number.scale == 1 else self.t.scale(real, Fraction(1, number.scale))

    def compare(self, a: Number, b: Number, strict: bool) -> Term:
        (x, y), _ = self.level((a, b))
        return self.t.lt(x, y) if strict else self.t.le(x, y)

    # --- optionals -----------------------------------------------------------------------------

    def flat(self, present: Term, make: Callable[[], Symbolic], type: Type) -> Optional:
        """A value where `present` holds; if it is optional itself, they become one optional."""
        if isinstance(type, OptionalType):
            inner = cast(Optional, make())
            both = self.t.and_((present, inner.present))
            return Optional(both, None if inner.empty else lambda: inner.value)
        if isinstance(type, JsonType):  # null is absence
            document = cast(Document, make())
            there = self.t.and_((present, self.t.not_(document.absent())))
            return Optional(there, lambda: document)
        return Optional(present, make)

    # --- all values ----------------------------------------------------------------------------

    def ite(self, c: Term, a: Symbolic, b: Symbolic) -> Symbolic:
        """`a` where `c` holds, else `b`; both of one type."""
        if c is self.t.true or a is b:
            return a
        if c is self.t.false:
            return b
        if isinstance(a, Term) and isinstance(b, Term):
            return self.t.ite(c, a, b)
        if isinstance(a, Number) and isinstance(b, Number):
            (x, y), scale = self.level((a, b))
            return Number(self.t.ite(c, x, y), scale)
        if isinstance(a, Text) and isinstance(b, Text):
            code = seq = None
            if a.has_code and b.has_code:
                code = lambda: self.t.ite(c, a.code(), b.code())  # noqa: E731
            if a.has_seq and b.has_seq:
                seq = lambda: self.t.ite(c, a.seq(), b.seq())  # noqa: E731
            if code is None and seq is None:
                raise EncodingFault("texts of two theories meet")
            return Text(code, seq)
        if isinstance(a, Optional) and isinstance(b, Optional):
            return self._ite_optional(c, a, b)
        if isinstance(a, Sequence) and isinstance(b, Sequence):
            return self._ite_sequence(c, a, b)
        if isinstance(a, Entries) and isinstance(b, Entries):
            return self._ite_entries(c, a, b)
        if isinstance(a, Record) and isinstance(b, Record):

            def field(name: str) -> Callable[[], Symbolic]:
                return lambda: self.ite(c, a.field(name), b.field(name))

            return Record({name: field(name) for name in a.names()})
        if isinstance(a, Document) and isinstance(b, Document):
            return ChosenDocument(self, c, a, b)
        raise EncodingFault("branches of different types")

    def _ite_optional(self, c: Term, a: Optional, b: Optional) -> Optional:
        make: Callable[[], Symbolic] | None
        if a.empty:
            make = None if b.empty else lambda: b.value
        elif b.empty:
            make = lambda: a.value  # noqa: E731
        else:
            make = lambda: self.ite(c, a.value, b.value)  # noqa: E731
        return Optional(self.t.ite(c, a.present, b.present), make)

    def _ite_sequence(self, c: Term, a: Sequence, b: Sequence) -> Sequence:
        other = self.t.not_(c)

        def aligned() -> list[tuple[Term, Symbolic]]:
            items: list[tuple[Term, Symbolic]] = []
            for i in range(max(len(a.items), len(b.items))):
                if i >= len(a.items):
                    guard, item = b.items[i]
                    items.append((self.t.and_((other, guard)), item))
                elif i >= len(b.items):
                    guard, item = a.items[i]
                    items.append((self.t.and_((c, guard)), item))
                else:
                    (g, x), (h, y) = a.items[i], b.items[i]
                    items.append((self.t.ite(c, g, h), self.ite(c, x, y)))
            return items

        def apart() -> list[tuple[Term, Symbolic]]:
            return [(self.t.and_((c, g)), x) for g, x in a.items] + [
                (self.t.and_((other, g)), x) for g, x in b.items
            ]

        dense = a.dense and b.dense
        size = None
        if a.size is not None and b.size is not None:
            size = self.t.ite(c, a.size, b.size)
        return Sequence(
            aligned if dense else apart,
            self.t.ite(c, a.unknown, b.unknown),
            dense,
            size,
            self._chosen_parts(c, a, b),
        )

    def _chosen_parts(self, c: Term, a: Sequence, b: Sequence) -> tuple[Part, ...] | None:
        if a.parts is None and b.parts is None:
            return None
        return (*self.parts_under(c, a), *self.parts_under(self.t.not_(c), b))

    def parts_under(self, c: Term, xs: Sequence) -> tuple[Part, ...]:
        """A list's elements where `c` holds, in parts."""
        parts = (Fixed(self.t.true, xs),) if xs.parts is None else xs.parts
        return tuple(replace(part, guard=self.t.and_((c, part.guard))) for part in parts)

    def _ite_entries(self, c: Term, a: Entries, b: Entries) -> Entries:
        other = self.t.not_(c)
        return Entries(
            lambda: (
                [(self.t.and_((c, g)), k, v) for g, k, v in a.items]
                + [(self.t.and_((other, g)), k, v) for g, k, v in b.items]
            ),
            self.t.ite(c, a.unknown, b.unknown),
            self.t.ite(c, a.size, b.size) if a.size is not None and b.size is not None else None,
            self._chosen_parts(c, a.pairs(), b.pairs()),
        )

    def length(self, xs: Sequence) -> Term:
        """The number of elements, where the list is known."""
        if xs.size is not None:
            return xs.size
        return self.count([g for g, _ in xs.items])

    def size(self, m: Entries) -> Term:
        """The number of keys, where the map is known."""
        return m.size if m.size is not None else self.count([g for g, _, _ in m.items])

    def count(self, guards: Seq[Term]) -> Term:
        one, zero = self.t.integer(1), self.t.integer(0)
        return self.t.add([self.t.ite(g, one, zero) for g in guards])

    def dense(self, xs: Sequence) -> Sequence:
        """The same list with its elements moved together: element j is the j-th that is there."""
        if xs.dense:
            return xs

        def make() -> list[tuple[Term, Symbolic]]:
            items: list[tuple[Term, Symbolic]] = []
            ranks = [self.t.integer(0)]
            for guard, _ in xs.items:
                ranks.append(
                    self.t.add((ranks[-1], self.t.ite(guard, self.t.integer(1), self.t.integer(0))))
                )
            for j in range(len(xs.items)):
                here = [
                    (self.t.and_((g, self.t.eq(ranks[i], self.t.integer(j)))), x)
                    for i, (g, x) in enumerate(xs.items)
                    if i >= j
                ]
                value = here[-1][1]
                for at, x in reversed(here[:-1]):
                    value = self.ite(at, x, value)
                items.append((self.t.not_(self.t.le(ranks[-1], self.t.integer(j))), value))
            return items

        return Sequence(make, xs.unknown, True, xs.size)

    def equal(self, a: Symbolic, b: Symbolic) -> Term:
        """Structural equality; of lists and maps that are unknown, what `open` makes."""
        if isinstance(a, Term) and isinstance(b, Term):
            return self.t.eq(a, b)
        if isinstance(a, Number) and isinstance(b, Number):
            (x, y), _ = self.level((a, b))
            return self.t.eq(x, y)
        if isinstance(a, Text) and isinstance(b, Text):
            return self.text_equal(a, b)
        if isinstance(a, Optional) and isinstance(b, Optional):
            same = self.t.eq(a.present, b.present)
            if a.empty or b.empty:
                return same
            inside = self.t.implies(a.present, self.equal(a.value, b.value))
            return self.t.and_((same, inside))
        if isinstance(a, Sequence) and isinstance(b, Sequence):
            xs, ys = self.dense(a), self.dense(b)
            parts = [self.t.eq(self.length(xs), self.length(ys))]
            for (g, item), (h, other) in zip(xs.items, ys.items, strict=False):
                parts.append(self.t.implies(self.t.and_((g, h)), self.equal(item, other)))
            return self._unless_unknown(a, b, self.t.and_(parts))
        if isinstance(a, Entries) and isinstance(b, Entries):
            parts = [self.t.eq(self.size(a), self.size(b))]
            for g, k, v in a.items:
                twins = [
                    self.t.and_((h, self.equal(k, j), self.equal(v, w))) for h, j, w in b.items
                ]
                parts.append(self.t.implies(g, self.t.or_(twins)))
            return self._unless_unknown(a, b, self.t.and_(parts))
        if isinstance(a, Record) and isinstance(b, Record):
            return self.t.and_(self.equal(a.field(n), b.field(n)) for n in a.names())
        if isinstance(a, Document) and isinstance(b, Document):
            return self.text_equal(a.content(), b.content())
        raise EncodingFault("equality of values that have none")

    def _unless_unknown(self, a: Sequence | Entries, b: Sequence | Entries, same: Term) -> Term:
        unknown = self.t.or_((a.unknown, b.unknown))
        if unknown is self.t.false:
            return same
        return self.t.ite(unknown, self._open(), same)


class ChosenDocument(Document):
    """`a` where `c` holds, else `b`."""

    def __init__(self, algebra: Algebra, c: Term, a: Document, b: Document) -> None:
        self._algebra, self._c, self._a, self._b = algebra, c, a, b

    def absent(self) -> Term:
        return self._algebra.t.ite(self._c, self._a.absent(), self._b.absent())

    def other(self) -> Term:
        return self._algebra.t.ite(self._c, self._a.other(), self._b.other())

    def step(self, name: str) -> Document:
        return ChosenDocument(self._algebra, self._c, self._a.step(name), self._b.step(name))

    def content(self) -> Text:
        made = self._algebra.ite(self._c, self._a.content(), self._b.content())
        assert isinstance(made, Text)
        return made

    def convert(self, target: Type) -> tuple[Term, Symbolic]:
        bad_a, a = self._a.convert(target)
        bad_b, b = self._b.convert(target)
        ite = self._algebra.ite
        return self._algebra.t.ite(self._c, bad_a, bad_b), ite(self._c, a, b)
