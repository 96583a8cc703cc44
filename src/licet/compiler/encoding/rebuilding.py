"""Run-time values out of a solver's choices.

In: places, the values chosen for their leaves, and what was known before. Out: complete values of
the declared types: what the rules read is as chosen, what they do not read is as it was known, or
else the plainest value of its type.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import assert_never, cast

from .. import regex
from ..types import (
    MAX_DATE,
    MIN_DATE,
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
    Type,
    Value,
)
from ..world import UNKNOWN
from .document_places import ABSENT, OBJECT, JsonPlace
from .documents import read_as, text_fits
from .failures import EncodingFault
from .places import ListPlace, MapPlace, OptionalPlace, RecordPlace, ScalarPlace
from .soil import Place, Variable


def plain(type: Type, serial: int = 0) -> Value:
    """The plainest value of a type; with another `serial` another one, where it has more.

    Raises EncodingFault for types of which none is found.
    """
    match type:
        case BoolType():
            return serial % 2 == 1
        case IntType(low, high, step):
            return _number(low, high, False, False, Fraction(step or 1), serial, whole=True)
        case DecimalType(low, high, low_open, high_open, step):
            grain = step if step is not None else Fraction(1)
            return _number(low, high, low_open, high_open, grain, serial, whole=step is not None)
        case StringType():
            return _text(type, serial)
        case EnumType(_, labels):
            return labels[serial % len(labels)]
        case DateType():
            return min(max(serial, MIN_DATE), MAX_DATE)
        case TimeType() | DurationType():
            return serial
        case RecordType(_, fields):
            made = {f.name: plain(f.type, serial) for f in fields}
            return _one_present(made, type) if type.exclusive else made
        case ListType(element, low, _, unique):
            return tuple(plain(element, i if unique else 0) for i in range(low))
        case MapType(key, value, low):
            entries = {str(plain(key, serial + i)): plain(value, serial) for i in range(low)}
            if len(entries) < low:
                raise EncodingFault("not enough keys for a map were found")
            return dict(sorted(entries.items()))
        case OptionalType() | JsonType():
            return None
        case _:
            assert_never(type)


def _one_present(
    record: dict[str, Value], kind: RecordType, taken: Container[str] = ()
) -> dict[str, Value]:
    """A record of an exclusive type with one field present, not one of `taken` if none was."""
    if any(value is not None for value in record.values()):
        return record
    for field in kind.fields:
        if field.name not in taken and isinstance(field.type, OptionalType):
            return {**record, field.name: plain(field.type.inner)}
    raise EncodingFault("no field of an exclusive record is present")


def _number(
    low: int | Fraction | None,
    high: int | Fraction | None,
    low_open: bool,
    high_open: bool,
    grain: Fraction,
    serial: int,
    *,
    whole: bool,
) -> int | Fraction:
    """A multiple of `grain` in the range, near zero; between the ends, if none is needed."""
    first = None if low is None else ceil(low / grain)
    if first is not None and low_open and first * grain == low:
        first += 1
    last = None if high is None else floor(high / grain)
    if last is not None and high_open and last * grain == high:
        last -= 1
    if first is not None and last is not None and first > last:
        if whole or low is None or high is None or low > high:
            raise EncodingFault("a range without values")
        middle = (Fraction(low) + Fraction(high)) / 2
        return middle.numerator if middle.denominator == 1 else middle
    if first is not None and first > 0:
        count = first + serial
    elif last is not None and last < 0:
        count = last - serial
    else:
        count = serial
    if (last is not None and count > last) or (first is not None and count < first):
        count = last if last is not None else cast(int, first)
    value = count * grain
    return value.numerator if value.denominator == 1 else value


def _text(kind: StringType, serial: int) -> str:
    """A text of a type."""
    if kind.patterns:
        found = _shortest(regex.parse(kind.patterns[0]))
        if not text_fits(found, kind):
            raise EncodingFault("no text of a pattern was found")
        return found
    text = (letters(serial) if serial else "").ljust(kind.min_length, "a")
    if kind.excluded and not text_fits(text, kind):
        raise EncodingFault("no text was found that a type does not exclude")
    return text


def letters(number: int) -> str:
    """`a`, `b`, … `z`, `aa`, …: short texts, all different, for 1, 2, …"""
    text = ""
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(ord("a") + digit) + text
    return text


def _shortest(node: regex.Regex) -> str:
    """A short text that a pattern matches."""
    match node:
        case regex.Chars(ranges):
            for wanted in (ord("a"), ord("A"), ord("0"), ord(" ")):
                if any(low <= wanted <= high for low, high in ranges):
                    return chr(wanted)
            return chr(ranges[0][0])
        case regex.Empty():
            return ""
        case regex.Concat(items):
            return "".join(map(_shortest, items))
        case regex.Union(options):
            return min(map(_shortest, options), key=len)
        case regex.Repeat(item, low, _):
            return _shortest(item) * low if low else ""
        case _:
            assert_never(node)


def complete(base: Value, type: Type) -> Value:
    """`base`, its unknown parts made plain. Raises EncodingFault where `plain` does."""
    if base is UNKNOWN:
        return plain(type)
    match type:
        case OptionalType(inner):
            return None if base is None else complete(base, inner)
        case RecordType(_, fields):
            record = cast(dict[str, Value], base)
            return {f.name: complete(record.get(f.name, UNKNOWN), f.type) for f in fields}
        case ListType(element):
            items = cast(tuple[Value, ...], base)
            return tuple(complete(item, element) for item in items)
        case MapType(_, inner):
            entries = cast(dict[str, Value], base)
            return {k: complete(v, inner) for k, v in sorted(entries.items())}
        case JsonType():
            return _known_document(base)
        case _:
            return base


class Rebuilder:
    """Builds values from `chosen`: a variable's value, or UNKNOWN where none was chosen."""

    def __init__(self, chosen: Callable[[Variable], Value]) -> None:
        self._chosen = chosen

    def build(self, place: Place, base: Value) -> Value:
        """The value at a place; `base` is what was known of it, UNKNOWN if nothing."""
        match place:
            case ScalarPlace():
                for leaf in place.leaves:
                    value = self._chosen(leaf)
                    if value is not UNKNOWN:
                        return value
                return complete(base, place.spot.type)
            case OptionalPlace():
                return self._optional(place, base)
            case RecordPlace():
                return self._record(place, base)
            case ListPlace():
                return self._list(place, base)
            case MapPlace():
                return self._map(place, base)
            case JsonPlace():
                return self._document(place, base)
            case _:
                raise EncodingFault("an unknown kind of place")

    def _optional(self, place: OptionalPlace, base: Value) -> Value:
        assert isinstance(place.spot.type, OptionalType)
        present = UNKNOWN if place.present is None else self._chosen(place.present)
        if present is UNKNOWN:
            return complete(base, place.spot.type)
        if not present:
            return None
        inner = UNKNOWN if base is None else base
        if place.inner is None:
            return complete(inner, place.spot.type.inner)
        return self.build(place.inner, inner)

    def _record(self, place: RecordPlace, base: Value) -> Value:
        assert isinstance(place.spot.type, RecordType)
        before = cast(Mapping[str, Value], base) if isinstance(base, dict) else {}
        made: dict[str, Value] = {}
        for field in place.spot.type.fields:
            known = before.get(field.name, UNKNOWN)
            grown = place.fields.get(field.name)
            made[field.name] = (
                complete(known, field.type) if grown is None else self.build(grown, known)
            )
        if place.spot.type.exclusive:
            return _one_present(made, place.spot.type, taken=place.fields)
        return made

    def _list(self, place: ListPlace, base: Value) -> Value:
        assert isinstance(place.spot.type, ListType)
        length = UNKNOWN if place.length is None else self._chosen(place.length)
        if length is UNKNOWN:
            return complete(base, place.spot.type)
        kind = place.spot.type
        before = base if isinstance(base, tuple) else ()
        items: list[Value] = []
        for i in range(_sized(length)):
            known = before[i] if i < len(before) else UNKNOWN
            if i < len(place.elements):
                items.append(self.build(place.elements[i], known))
            elif known is UNKNOWN:
                items.append(plain(kind.element, i if kind.unique else 0))
            else:
                items.append(complete(known, kind.element))
        return tuple(items)

    def _map(self, place: MapPlace, base: Value) -> Value:
        assert isinstance(place.spot.type, MapType)
        length = UNKNOWN if place.length is None else self._chosen(place.length)
        if length is UNKNOWN:
            return complete(base, place.spot.type)
        kind = place.spot.type
        before = base if isinstance(base, dict) else {}
        made: dict[str, Value] = {}
        for i in range(_sized(length)):
            if i < len(place.items):
                key, item = place.items[i]
                name = str(self.build(key, sorted(before)[i] if i < len(before) else UNKNOWN))
                made[name] = self.build(item, before.get(name, UNKNOWN))
                continue
            spare = [k for k in sorted(before) if k not in made]
            serial = i
            name = spare[0] if spare else str(plain(kind.key, serial))
            while name in made and serial < 1_000:
                serial += 1
                name = str(plain(kind.key, serial))
            made[name] = complete(before.get(name, UNKNOWN), kind.value)
        if len(made) != length:
            raise EncodingFault("a map with a key twice")
        return dict(sorted(made.items()))

    def _document(self, place: JsonPlace, base: Value) -> Value:
        kind = UNKNOWN if place.kind is None else self._chosen(place.kind)
        if kind is UNKNOWN:
            return _known_document(base)
        if kind == ABSENT:
            return None
        whole = UNKNOWN if place.whole is None else self._chosen(place.whole)
        read = [
            self.build(inner, UNKNOWN)
            for wrong, inner in place.readings.values()
            if self._chosen(wrong) is False
        ]
        # A document that only has to differ from others is a text: what is read of it says more.
        chosen = whole is not UNKNOWN and not (read and isinstance(whole, str))
        if chosen and isinstance(whole, dict) == (kind == OBJECT):
            return whole
        if kind != OBJECT:
            value = read[0] if read else _unreadable(place)
            return base if not read and base is not UNKNOWN and _is_other(base) else value
        before = base if isinstance(base, dict) else {}
        made: dict[str, Value] = dict(cast(dict[str, Value], _known_document(before)))
        for value in read:
            if isinstance(value, dict):  # what no rule gets to is chosen without sense
                made |= value
        for name, step in place.steps.items():
            made[name] = self.build(step, before.get(name, UNKNOWN))
        return made


def _sized(length: Value) -> int:
    """A chosen length, if it is one that can be built."""
    if not isinstance(length, int) or not 0 <= length <= 10_000:
        raise EncodingFault("a length out of bounds")
    return length


def _is_other(value: Value) -> bool:
    return value is not None and not isinstance(value, dict)


def _unreadable(place: JsonPlace) -> Value:
    """A value that is neither object nor null and of none of the types it is read as."""
    for candidate in ((), True, 0, ""):
        if not any(read_as(candidate, target)[0] for target in place.readings):
            return candidate
    raise EncodingFault("no value of another type was found")


def _known_document(value: Value) -> Value:
    """A document with null for what is unknown of it."""
    if value is UNKNOWN:
        return None
    if isinstance(value, dict):
        return {k: _known_document(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_known_document, value))
    return value
