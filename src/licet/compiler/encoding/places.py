"""Where values stand: lazily grown trees of places, with solver constants at their leaves.

A place is a root (`args`), the result of a fact or builtin at one *site*, or a part of one. Only
places that the rules read are grown. Each knows two things: its symbolic value, and how to bind
a run-time value to its leaves. Binding what is unknown binds nothing, except that lists and maps
that may be unknown (`Capacity.unknown`) are told so.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from collections.abc import Sequence as Elements
from fractions import Fraction
from typing import Any, cast

from ..lowering import KEY
from ..types import (
    BoolType,
    DateType,
    DecimalType,
    DurationType,
    EnumType,
    IntType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    TimeType,
    Value,
)
from ..world import UNKNOWN
from .document_places import JsonPlace
from .failures import EncodingFault
from .soil import Aspect, Binder, Capacity, Codec, Place, Soil, Spot, Variable
from .symbolic import (
    MAX_SCALE,
    Entries,
    Long,
    Number,
    Optional,
    Part,
    Record,
    Sequence,
    Source,
    Symbolic,
    Text,
    pair,
)
from .terms import Sort, Term


def grow(soil: Soil, spot: Spot) -> Place:
    """The place of a type at a spot."""
    match spot.type:
        case OptionalType():
            return OptionalPlace(soil, spot)
        case RecordType():
            return RecordPlace(soil, spot)
        case ListType():
            return ListPlace(soil, spot)
        case MapType():
            return MapPlace(soil, spot)
        case JsonType():
            return JsonPlace(soil, spot, grow)
        case _:
            return ScalarPlace(soil, spot)


def scale_of(type: DecimalType) -> int:
    """The scale that keeps every value of a type an integer; 0 if there is none worth having."""
    if type.step is None:
        return 0
    scale = Fraction(type.step).denominator
    return scale if scale <= MAX_SCALE else 0


class ScalarPlace:
    """One number, text, truth value or enum label."""

    __slots__ = ("_soil", "_value", "leaves", "spot")

    def __init__(self, soil: Soil, spot: Spot) -> None:
        self._soil, self.spot = soil, spot
        self.leaves: tuple[Variable, ...] = ()
        self._value: Symbolic | None = None

    def _leaf(self, sort: Sort, codec: Codec, scale: int = 1, labels: tuple[str, ...] = ()) -> Term:
        spot = self.spot
        leaf = self._soil.variable(sort, codec, spot.type, spot.path, spot.owner, scale, labels)
        self.leaves = (*self.leaves, leaf)
        return leaf.term

    def value(self) -> Symbolic:
        if self._value is None:
            self._value = self._grown()
        return self._value

    def _grown(self) -> Symbolic:
        match self.spot.type:
            case BoolType():
                return self._leaf("Bool", "bool")
            case IntType() | DateType() | TimeType() | DurationType():
                return Number(self._leaf("Int", "int"))
            case EnumType(_, labels):
                return Number(self._leaf("Int", "enum", labels=labels))
            case DecimalType():
                scale = scale_of(self.spot.type)
                if scale == 1:
                    return Number(self._leaf("Int", "scaled"))
                if scale:
                    return Number(self._leaf("Int", "scaled", scale), scale)
                return Number(self._leaf("Real", "real", 0), 0)
            case StringType():
                if self.spot.abstract[0] is Aspect.free:
                    code, seq = self._leaf("Int", "code"), self._leaf("String", "seq")
                    return Text(lambda: code, lambda: seq)
                if self._soil.is_sequence(self.spot.abstract):
                    seq = self._leaf("String", "seq")
                    return Text(None, lambda: seq)
                code = self._leaf("Int", "code")
                return Text(lambda: code, None)
            case _:
                raise EncodingFault(f"a leaf of type {self.spot.type}")

    def bind(self, value: Value, binder: Binder) -> None:
        if value is not UNKNOWN:
            for leaf in self.leaves:
                binder.put(leaf, value)


class OptionalPlace:
    """A value that may be absent."""

    __slots__ = ("_optional", "_soil", "inner", "present", "spot")

    def __init__(self, soil: Soil, spot: Spot) -> None:
        self._soil, self.spot = soil, spot
        self.present: Variable | None = None
        self.inner: Place | None = None
        self._optional: Optional | None = None

    def value(self) -> Optional:
        if self._optional is None:
            path = (*self.spot.path, Aspect.present)
            self.present = self._soil.variable("Bool", "bool", None, path, self.spot.owner)
            self._optional = Optional(self.present.term, self._inner)
        return self._optional

    def _inner(self) -> Symbolic:
        if self.inner is None:
            assert isinstance(self.spot.type, OptionalType)
            self.inner = grow(self._soil, self.spot.inside(self.spot.type.inner))
        return self.inner.value()

    def bind(self, value: Value, binder: Binder) -> None:
        if self.present is None:
            return
        if value is not UNKNOWN:
            binder.put(self.present, value is not None)
        if value is not None and self.inner is not None:
            self.inner.bind(value, binder)


class RecordPlace:
    """A record; its fields grow when they are read."""

    __slots__ = ("_record", "_soil", "_types", "fields", "spot")

    def __init__(self, soil: Soil, spot: Spot) -> None:
        assert isinstance(spot.type, RecordType)
        self._soil, self.spot = soil, spot
        self.fields: dict[str, Place] = {}
        self._types = {f.name: f.type for f in spot.type.fields}
        self._record = Record({name: self._maker(name) for name in self._types})

    def _maker(self, name: str) -> Callable[[], Symbolic]:
        def make() -> Symbolic:
            place = grow(self._soil, self.spot.below(self._types[name], name, name))
            self.fields[name] = place
            return place.value()

        return make

    def value(self) -> Symbolic:
        return self._record

    def bind(self, value: Value, binder: Binder) -> None:
        if value is UNKNOWN:
            for place in self.fields.values():
                place.bind(UNKNOWN, binder)
        elif isinstance(value, dict):
            for name, place in self.fields.items():
                place.bind(value.get(name, UNKNOWN), binder)
        else:
            raise EncodingFault("a record is not a dict")


class StretchPlace:
    """Places for a few elements of a long list or map, bound to one stretch of it after another.

    `element` makes one: its value, and what binds it.
    """

    def __init__(
        self,
        soil: Soil,
        spot: Spot,
        width: int,
        element: Callable[[int], tuple[Symbolic, Callable[[Any, Binder], None]]],
    ) -> None:
        path = (*spot.path, Aspect.length)
        self.width = width
        self._length = soil.variable("Int", "int", None, path, spot.owner)
        made = [element(i) for i in range(width)]
        self._binds = [bind for _, bind in made]
        t, length = soil.terms, self._length.term
        items = [(t.lt(t.integer(i), length), value) for i, (value, _) in enumerate(made)]
        self.sequence = Sequence(lambda: items, t.false, True, length)

    def bind(self, elements: Elements[Any], binder: Binder) -> None:
        """Give the leaves below their values: of `width` elements at most."""
        binder.put(self._length, len(elements))
        for bind, element in zip(self._binds, elements, strict=False):
            bind(element, binder)


class _CollectionPlace:
    """What lists and maps have in common: how many elements there are, as far as that is known."""

    __slots__ = ("_soil", "capacity", "length", "spot", "stretched", "unknown")

    def __init__(self, soil: Soil, spot: Spot) -> None:
        self._soil, self.spot = soil, spot
        self.length: Variable | None = None
        self.unknown: Variable | None = None
        self.capacity = Capacity(None)
        #: Whether templates read it.
        self.stretched = False

    @property
    def size(self) -> Term:
        assert self.length is not None
        return self.length.term

    def _extend(self, place: Source) -> tuple[Term, tuple[Part, ...] | None]:
        """Grow the length, once; the unknown term, and the parts of a long one."""
        self.length, self.unknown, self.capacity, unknown = _extent(self._soil, self.spot)
        return unknown, _parts(self._soil, self.capacity, place)

    def _bind_extent(
        self, place: Place, value: Value, kind: type, unrolled: bool, binder: Binder
    ) -> bool:
        """Bind all but the elements; whether these may be bound. `unrolled`: some have places."""
        if self.length is None:
            return False
        if value is UNKNOWN:
            if self.unknown is not None:
                binder.put(self.unknown, True)
            elif self.capacity.elements is not None:
                binder.overflow(self.spot.abstract, -1)
            return False
        if not isinstance(value, kind):
            raise EncodingFault(f"a list or map is not a {kind.__name__}")
        length = len(cast(Sized, value))
        if self.unknown is not None:
            binder.put(self.unknown, False)
        is_whole = unrolled or not self._soil.is_long(self.capacity)
        if self.capacity.elements is None or (is_whole and length > self.capacity.elements):
            binder.overflow(self.spot.abstract, length)
            return False
        if self.stretched:
            binder.elements(place, value)
        binder.put(self.length, length)
        return True


class ListPlace(_CollectionPlace):
    """A list, unrolled to the capacity of its abstract path; a long one where it has to be."""

    __slots__ = ("_sequence", "elements")

    def __init__(self, soil: Soil, spot: Spot) -> None:
        super().__init__(soil, spot)
        self.elements: list[Place] = []
        self._sequence: Sequence | None = None

    def value(self) -> Sequence:
        if self._sequence is None:
            unknown, parts = self._extend(self)
            self._sequence = Sequence(self._items, unknown, True, self.size, parts)
        return self._sequence

    @property
    def whole(self) -> Sequence:
        return self.value()

    def stretch(self, soil: Soil, width: int) -> StretchPlace:
        self.stretched = True

        def element(i: int) -> tuple[Symbolic, Callable[[Any, Binder], None]]:
            assert isinstance(self.spot.type, ListType)
            place = grow(soil, self.spot.below(self.spot.type.element, i, "*"))
            return place.value(), place.bind

        return StretchPlace(soil, self.spot, width, element)

    def _items(self) -> list[tuple[Term, Symbolic]]:
        assert isinstance(self.spot.type, ListType)
        assert self.length is not None
        self._soil.unrolled(self.spot.abstract, self.capacity)
        items: list[tuple[Term, Symbolic]] = []
        for i in range(self.capacity.elements or 0):
            place = grow(self._soil, self.spot.below(self.spot.type.element, i, "*"))
            self.elements.append(place)
            guard = self._soil.terms.lt(self._soil.terms.integer(i), self.length.term)
            items.append((guard, place.value()))
        return items

    def bind(self, value: Value, binder: Binder) -> None:
        if self._bind_extent(self, value, tuple, bool(self.elements), binder):
            for place, item in zip(self.elements, cast(tuple[Value, ...], value), strict=False):
                place.bind(item, binder)


class MapPlace(_CollectionPlace):
    """A map as a list of entries in the order of their keys."""

    __slots__ = ("_entries", "items")

    def __init__(self, soil: Soil, spot: Spot) -> None:
        super().__init__(soil, spot)
        self.items: list[tuple[Place, Place]] = []
        self._entries: Entries | None = None

    def value(self) -> Entries:
        if self._entries is None:
            unknown, parts = self._extend(self)
            self._entries = Entries(self._items, unknown, self.size, parts)
        return self._entries

    @property
    def whole(self) -> Sequence:
        return self.value().pairs()

    def stretch(self, soil: Soil, width: int) -> StretchPlace:
        self.stretched = True

        def element(i: int) -> tuple[Symbolic, Callable[[Any, Binder], None]]:
            key, item = self._entry(soil, i)

            def bind(entry: tuple[str, Value], binder: Binder) -> None:
                key.bind(entry[0], binder)
                item.bind(entry[1], binder)

            return pair("key", key.value(), "value", item.value()), bind

        return StretchPlace(soil, self.spot, width, element)

    def _entry(self, soil: Soil, i: int) -> tuple[Place, Place]:
        assert isinstance(self.spot.type, MapType)
        below = Spot(
            self.spot.type.key,
            (*self.spot.path, i, Aspect.key),
            (*self.spot.abstract, KEY),
            self.spot.owner,
        )
        return grow(soil, below), grow(soil, self.spot.below(self.spot.type.value, i, "*"))

    def _items(self) -> list[tuple[Term, Symbolic, Symbolic]]:
        assert self.length is not None
        self._soil.unrolled(self.spot.abstract, self.capacity)
        made: list[tuple[Term, Symbolic, Symbolic]] = []
        for i in range(self.capacity.elements or 0):
            key, item = self._entry(self._soil, i)
            self.items.append((key, item))
            guard = self._soil.terms.lt(self._soil.terms.integer(i), self.length.term)
            made.append((guard, key.value(), item.value()))
        return made

    def bind(self, value: Value, binder: Binder) -> None:
        if self._bind_extent(self, value, dict, bool(self.items), binder):
            found = cast(dict[str, Value], value)
            for (key, item), name in zip(self.items, sorted(found), strict=False):
                key.bind(name, binder)
                item.bind(found[name], binder)


def _parts(soil: Soil, capacity: Capacity, place: Source) -> tuple[Part, ...] | None:
    return (Long(soil.terms.true, place),) if soil.is_long(capacity) else None


def _extent(soil: Soil, spot: Spot) -> tuple[Variable, Variable | None, Capacity, Term]:
    """The length, the `unknown` flag if one is needed, the capacity, and the unknown term."""
    capacity = soil.capacity(spot.abstract)
    length = soil.variable("Int", "int", None, (*spot.path, Aspect.length), spot.owner)
    if soil.long_is_unknown:
        elements = capacity.elements or 0
        longer = soil.terms.lt(soil.terms.integer(elements), length.term)
        return length, None, Capacity(elements), longer
    if capacity.elements is None:
        return length, None, capacity, soil.terms.true
    if not capacity.unknown:
        return length, None, capacity, soil.terms.false
    unknown = soil.variable("Bool", "bool", None, (*spot.path, Aspect.unknown), spot.owner)
    return length, unknown, capacity, unknown.term
