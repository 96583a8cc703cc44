"""What a solver that picks values must keep to: types, and equal values for equal keys.

Each constraint holds only where its leaf means something: below what is present, and for positions
within the length. So a type without values, behind an optional, makes nothing vacuously true.

The ranges of dates, times and durations bound what comes from outside. What rules compute of them
has the same types and goes beyond: many durations within it add up to one that is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from fractions import Fraction
from itertools import combinations
from typing import cast

from ..types import (
    MAX_DATE,
    MAX_DURATION,
    MAX_TIME,
    MIN_DATE,
    MIN_TIME,
    DateType,
    DecimalType,
    DurationType,
    EnumType,
    IntType,
    ListType,
    MapType,
    RecordType,
    StringType,
    TimeType,
    Value,
)
from ..world import UNKNOWN
from .document_places import ABSENT, OBJECT, OTHER, JsonPlace
from .documents import text_fits
from .openness import Openness
from .patterns import language
from .places import ListPlace, MapPlace, OptionalPlace, RecordPlace, ScalarPlace
from .soil import Place, Soil, Variable
from .terms import Term


class Constraints:
    """Terms over the leaves of one encoding. `computed`: first steps of the paths to values that
    no intake has checked, since rules compute them."""

    def __init__(self, soil: Soil, bounded: bool, computed: Set[object]) -> None:
        self._soil = soil
        self._t = soil.terms
        self._bounded = bounded
        self._computed = computed
        #: Interned texts whose types leave texts out, and where each means something.
        self._choosy: list[tuple[Term, Variable, StringType]] = []

    # --- types ---------------------------------------------------------------------------------

    def types(self, place: Place, guard: Term) -> Iterator[Term]:
        """The types of all leaves below a place, where `guard` holds."""
        t = self._t
        match place:
            case ScalarPlace():
                for leaf in place.leaves:
                    # Every enum has labels: where nothing reads the leaf, it may as well be one.
                    always = t.true if leaf.codec == "enum" else guard
                    if leaf.codec == "code" and isinstance(leaf.type, StringType):
                        self._choose(guard, leaf, leaf.type)
                    for condition in self._scalar(leaf):
                        yield t.implies(always, condition)
            case OptionalPlace():
                if place.present is not None and place.inner is not None:
                    yield from self.types(place.inner, t.and_((guard, place.present.term)))
            case RecordPlace():
                for field in place.fields.values():
                    yield from self.types(field, guard)
                if isinstance(place.spot.type, RecordType) and place.spot.type.exclusive:
                    yield from self._exclusive(place, guard)
            case ListPlace():
                yield from self._list(place, guard)
            case MapPlace():
                yield from self._map(place, guard)
            case JsonPlace():
                yield from self._document(place, guard)

    def _exclusive(self, place: RecordPlace, guard: Term) -> Iterator[Term]:
        """At most one field is present; exactly one where rules read them all."""
        t = self._t
        assert isinstance(place.spot.type, RecordType)
        there = [
            field.present.term
            for field in place.fields.values()
            if isinstance(field, OptionalPlace) and field.present is not None
        ]
        for a, b in combinations(there, 2):
            yield t.implies(guard, t.not_(t.and_((a, b))))
        if len(there) == len(place.spot.type.fields):
            yield t.implies(guard, t.or_(there))

    def _scalar(self, leaf: Variable) -> Iterator[Term]:
        t, x = self._t, leaf.term
        match leaf.type:
            case IntType(low, high, step):
                yield from self._range(leaf, low, high, False, False)
                if step is not None and step > 1:
                    yield t.eq(t.mod(x, step), t.integer(0))
            case DecimalType(low, high, low_open, high_open, step):
                yield from self._range(leaf, low, high, low_open, high_open)
                if step is not None:
                    if leaf.scale:
                        grain = Fraction(step) * leaf.scale
                        if grain != 1:
                            yield t.eq(t.mod(x, int(grain)), t.integer(0))
                    else:
                        times = t.scale(x, 1 / Fraction(step))
                        yield t.eq(t.to_real(t.floor(times)), times)
            case EnumType(_, labels) if labels:
                yield t.le(t.integer(0), x)
                yield t.lt(x, t.integer(len(labels)))
            case DateType() | TimeType() | DurationType() if leaf.path[0] in self._computed:
                pass
            case DateType():
                yield from self._range(leaf, MIN_DATE, MAX_DATE, False, False)
            case TimeType():
                yield from self._range(leaf, MIN_TIME, MAX_TIME, False, False)
            case DurationType():
                yield from self._range(leaf, -MAX_DURATION, MAX_DURATION, False, False)
            case StringType() if leaf.codec == "seq":
                yield from self._text(leaf, leaf.type)

    def _range(
        self,
        leaf: Variable,
        low: int | Fraction | None,
        high: int | Fraction | None,
        low_open: bool,
        high_open: bool,
    ) -> Iterator[Term]:
        t = self._t
        scale = leaf.scale or 1

        def bound(value: int | Fraction) -> tuple[Term, Term]:
            """(factor · leaf, the bound in the same unit), whole where the leaf is."""
            exact = Fraction(value) * scale
            if leaf.term.sort == "Real":
                return leaf.term, t.real(exact)
            return t.scale(leaf.term, exact.denominator), t.integer(exact.numerator)

        if low is not None:
            x, end = bound(low)
            yield t.lt(end, x) if low_open else t.le(end, x)
        if high is not None:
            x, end = bound(high)
            yield t.lt(x, end) if high_open else t.le(x, end)

    def _text(self, leaf: Variable, kind: StringType) -> Iterator[Term]:
        t = self._t
        if kind.min_length:
            yield t.le(t.integer(kind.min_length), t.length(leaf.term))
        if kind.max_length is not None:
            yield t.le(t.length(leaf.term), t.integer(kind.max_length))
        for pattern in kind.patterns:
            yield t.in_re(leaf.term, language(t, pattern), pattern)
        for pattern in kind.excluded:
            yield t.not_(t.in_re(leaf.term, language(t, pattern), pattern))

    def _choose(self, guard: Term, leaf: Variable, kind: StringType) -> None:
        if kind.min_length or kind.max_length is not None or kind.patterns or kind.excluded:
            self._choosy.append((guard, leaf, kind))

    def fitting(self, texts: Mapping[str, int]) -> Iterator[Term]:
        """That interned texts are of the types of their leaves (those that `types` was given).

        `texts`: codes that have a text. The others stand for texts nobody has named, of which
        there are enough.
        """
        t = self._t
        for guard, leaf, kind in self._choosy:
            for text, code in texts.items():
                if not text_fits(text, kind):
                    yield t.implies(guard, t.not_(t.eq(leaf.term, t.integer(code))))

    def _extent(self, place: ListPlace | MapPlace, guard: Term) -> Iterator[Term]:
        t = self._t
        assert place.length is not None
        length = place.length.term
        kind = place.spot.type
        low, high = 0, None
        if isinstance(kind, ListType | MapType):
            low, high = kind.min_length, kind.max_length
        yield t.implies(guard, t.le(t.integer(low), length))
        if high is not None:
            yield t.implies(guard, t.le(length, t.integer(high)))
        if self._bounded:
            yield t.implies(guard, t.le(length, t.integer(place.capacity.elements or 0)))

    def _list(self, place: ListPlace, guard: Term) -> Iterator[Term]:
        if place.length is None:
            return
        yield from self._extent(place, guard)
        within = self._guards(place.length, len(place.elements), guard)
        for element, here in zip(place.elements, within, strict=True):
            yield from self.types(element, here)
        if isinstance(place.spot.type, ListType) and place.spot.type.unique:
            for (i, a), (j, b) in combinations(enumerate(place.elements), 2):
                if isinstance(a, ScalarPlace) and isinstance(b, ScalarPlace) and i < j:
                    same = self._soil.algebra.equal(a.value(), b.value())
                    yield self._t.implies(within[j], self._t.not_(same))

    def _map(self, place: MapPlace, guard: Term) -> Iterator[Term]:
        if place.length is None:
            return
        yield from self._extent(place, guard)
        t = self._t
        within = self._guards(place.length, len(place.items), guard)
        for (key, item), here in zip(place.items, within, strict=True):
            yield from self.types(key, here)
            yield from self.types(item, here)
        keys = [key.value() for key, _ in place.items]
        if keys and cast(ScalarPlace, place.items[0][0]).leaves[0].codec == "code":
            for (_, a), (j, b) in combinations(enumerate(keys), 2):
                yield t.implies(within[j], t.not_(self._soil.algebra.equal(a, b)))
            return
        for j in range(1, len(keys)):
            before = cast(ScalarPlace, place.items[j - 1][0]).leaves[0]
            after = cast(ScalarPlace, place.items[j][0]).leaves[0]
            if before.codec == "seq":
                ascending = t.not_(t.str_le(after.term, before.term))
            else:
                ascending = self._enum_before(before, after)
            yield t.implies(within[j], ascending)

    def _enum_before(self, before: Variable, after: Variable) -> Term:
        """Enum keys stand in the order of their labels as texts, not of their codes."""
        t = self._t
        order = sorted(range(len(before.labels)), key=lambda i: before.labels[i])
        pairs = [
            t.and_((t.eq(before.term, t.integer(a)), t.eq(after.term, t.integer(b))))
            for a, b in combinations(order, 2)
        ]
        return t.or_(pairs)

    def _guards(self, length: Variable, count: int, guard: Term) -> list[Term]:
        t = self._t
        return [t.and_((guard, t.lt(t.integer(i), length.term))) for i in range(count)]

    def _document(self, place: JsonPlace, guard: Term) -> Iterator[Term]:
        t = self._t
        if place.kind is None:
            return
        kind = place.kind.term
        yield t.implies(
            guard, t.and_((t.le(t.integer(ABSENT), kind), t.le(kind, t.integer(OTHER))))
        )
        there = t.and_((guard, t.not_(place.absent())))
        for target, (wrong, inner) in place.readings.items():
            fits = t.and_((there, t.not_(wrong.term)))
            yield from self.types(inner, fits)
            object_like = isinstance(target, RecordType | MapType)
            yield t.implies(fits, t.eq(kind, t.integer(OBJECT if object_like else OTHER)))
        for step in place.steps.values():
            yield from self.types(step, t.and_((guard, t.eq(kind, t.integer(OBJECT)))))

    # --- equality of places --------------------------------------------------------------------

    def same(self, a: Place, b: Place) -> Iterator[Term]:
        """That two places of one type hold the same value, as far as both are grown.

        Grow them alike first (`mirror`).
        """
        t = self._t
        match a, b:
            case ScalarPlace(), ScalarPlace():
                for x, y in zip(a.leaves, b.leaves, strict=False):
                    if x.term.sort == y.term.sort:
                        yield t.eq(x.term, y.term)
            case OptionalPlace(), OptionalPlace():
                if a.present is not None and b.present is not None:
                    yield t.eq(a.present.term, b.present.term)
                    if a.inner is not None and b.inner is not None:
                        for part in self.same(a.inner, b.inner):
                            yield t.implies(a.present.term, part)
            case RecordPlace(), RecordPlace():
                for name in a.fields.keys() & b.fields.keys():
                    yield from self.same(a.fields[name], b.fields[name])
            case ListPlace(), ListPlace():
                if a.length is not None and b.length is not None:
                    yield t.eq(a.length.term, b.length.term)
                    for i, (one, two) in enumerate(zip(a.elements, b.elements, strict=False)):
                        here = t.lt(t.integer(i), a.length.term)
                        for part in self.same(one, two):
                            yield t.implies(here, part)
            case MapPlace(), MapPlace():
                if a.length is not None and b.length is not None:
                    yield t.eq(a.length.term, b.length.term)
                    for i, (first, second) in enumerate(zip(a.items, b.items, strict=False)):
                        here = t.lt(t.integer(i), a.length.term)
                        keys, items = zip(first, second, strict=True)
                        for part in (*self.same(*keys), *self.same(*items)):
                            yield t.implies(here, part)
            case JsonPlace(), JsonPlace():
                yield from self._same_document(a, b)

    def _same_document(self, a: JsonPlace, b: JsonPlace) -> Iterator[Term]:
        t = self._t
        if a.kind is None or b.kind is None:
            return
        yield t.eq(a.kind.term, b.kind.term)
        if a.whole is not None and b.whole is not None:
            yield t.eq(a.whole.term, b.whole.term)
        there = t.not_(a.absent())
        for target in a.readings.keys() & b.readings.keys():
            (wrong, x), (wrong_too, y) = a.readings[target], b.readings[target]
            yield t.implies(there, t.eq(wrong.term, wrong_too.term))
            for part in self.same(x, y):
                yield t.implies(t.and_((there, t.not_(wrong.term))), part)
        for name in a.steps.keys() & b.steps.keys():
            for part in self.same(a.steps[name], b.steps[name]):
                yield t.implies(t.eq(a.kind.term, t.integer(OBJECT)), part)


def mirror(a: Place, b: Place) -> None:
    """Grow `b` wherever `a` is grown."""
    match a, b:
        case ScalarPlace(), ScalarPlace():
            if a.leaves:
                b.value()
        case OptionalPlace(), OptionalPlace():
            if a.present is not None:
                optional = b.value()
                if a.inner is not None:
                    _ = optional.value
                    assert b.inner is not None
                    mirror(a.inner, b.inner)
        case RecordPlace(), RecordPlace():
            for name, inner in a.fields.items():
                b.value().field(name)  # type: ignore[union-attr]
                mirror(inner, b.fields[name])
        case ListPlace(), ListPlace():
            if a.length is not None:
                sequence = b.value()
                if a.elements:
                    _ = sequence.items
                    for x, y in zip(a.elements, b.elements, strict=False):
                        mirror(x, y)
        case MapPlace(), MapPlace():
            if a.length is not None:
                entries = b.value()
                if a.items:
                    _ = entries.items
                    for (k, x), (j, y) in zip(a.items, b.items, strict=False):
                        mirror(k, j)
                        mirror(x, y)
        case JsonPlace(), JsonPlace():
            if a.kind is not None:
                b.absent()
            if a.whole is not None:
                b.content()
            for name, step in a.steps.items():
                mirror(step, b.step(name))
            for target, (_, inner) in a.readings.items():
                b.convert(target)
                mirror(inner, b.readings[target][1])


class Recorded:
    """Gathers what binding a value would put where; a `Binder`."""

    def __init__(self) -> None:
        self.values: dict[Variable, Value] = {}
        self.is_open = Openness()

    def put(self, variable: Variable, value: Value) -> None:
        self.values[variable] = value

    minds_open = True

    def elements(self, place: Place, value: Value) -> None:
        """Questions have no templates."""

    def overflow(self, path: object, length: int) -> None:
        """What does not fit says nothing."""

    def open_document(self) -> None:
        """What is open says nothing."""


def recorded(place: Place, value: Value) -> Recorded:
    """The leaves below a place with their values."""
    into = Recorded()
    if value is not UNKNOWN:
        place.bind(value, into)
    return into
