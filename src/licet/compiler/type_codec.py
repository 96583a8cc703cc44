"""Types as JSON data and back, for catalogs on disk.

A table holds each different type once; parts are places in the table, so that what tools share is
written once and read once. Decoding trusts nothing: a malformed table raises `CodecError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, assert_never

from .types import (
    BOOL,
    DATE,
    DURATION,
    BoolType,
    Choice,
    DateType,
    DecimalType,
    Defined,
    Definitions,
    DurationType,
    EnumType,
    Field,
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

Node = list[Any]


class CodecError(ValueError):
    """Data that is no table of types."""


class TypeWriter:
    """A table of types that grows as types are written."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._places: dict[str, int] = {}
        self._known: dict[int, tuple[Type, int]] = {}
        self._scopes: dict[int, tuple[int, Definitions, dict[str, int | None]]] = {}

    def write(self, kind: Type) -> int:
        """The place of a type in the table."""
        known = self._known.get(id(kind))
        if known is None:
            node = self._node(kind)
            place = self._places.setdefault(repr(node), len(self.nodes))
            if place == len(self.nodes):
                self.nodes.append(node)
            known = self._known[id(kind)] = (kind, place)  # kept, so that its id stays its own
        return known[1]

    def scopes(self) -> list[dict[str, int]]:
        """The named types that the table speaks of, by scope; those of names are written too."""
        done = False
        while not done:
            done = True
            for _, definitions, named in list(self._scopes.values()):
                for name in [name for name, place in named.items() if place is None]:
                    named[name] = self.write(definitions.types[name])
                    done = False
        return [
            {name: place for name, place in named.items() if place is not None}
            for _, _, named in self._scopes.values()
        ]

    def _node(self, kind: Type) -> Node:
        match kind:
            case BoolType():
                return ["bool"]
            case IntType(low, high, step):
                return ["int", low, high, step]
            case DecimalType(low, high, low_open, high_open, step, exact):
                ends = [_fraction(end) for end in (low, high, step)]
                return ["decimal", *ends, low_open, high_open, exact]
            case StringType(low, high, patterns, excluded):
                return ["string", low, high, list(patterns), list(excluded)]
            case DateType():
                return ["date"]
            case TimeType(seconds):
                return ["time", seconds]
            case DurationType():
                return ["duration"]
            case EnumType(name, labels):
                return ["enum", name, list(labels)]
            case RecordType(name, fields, is_open, exclusive):
                parts = [[f.name, self.write(f.type), _value(f.default)] for f in fields]
                return ["record", name, parts, is_open, exclusive]
            case ListType(element, low, high, unique):
                return ["list", self.write(element), low, high, unique]
            case MapType(key, value, low, high):
                return ["map", self.write(key), self.write(value), low, high]
            case OptionalType(inner):
                return ["optional", self.write(inner)]
            case JsonType(None):
                return ["json"]
            case JsonType(Choice(options, exactly_one)):
                return ["choice", [self.write(option) for option in options], exactly_one]
            case JsonType(Defined(name, definitions)):
                return ["defined", self._scope(definitions, name), name]
            case JsonType():
                raise CodecError("an unknown shape")
            case _:
                assert_never(kind)

    def _scope(self, definitions: Definitions, name: str) -> int:
        fresh: tuple[int, Definitions, dict[str, int | None]] = (len(self._scopes), definitions, {})
        place, _, named = self._scopes.setdefault(id(definitions), fresh)
        named.setdefault(name, None)
        return place


class TypeReader:
    """The types of a table, each made when it is first asked for."""

    def __init__(self, nodes: Sequence[Any], scopes: Iterable[Mapping[str, Any]]) -> None:
        self._nodes = nodes
        self._made: dict[int, Type] = {}
        self._scopes = [Definitions(_Named(self, dict(scope))) for scope in scopes]

    def read(self, place: object) -> Type:
        """The type at a place. Raises CodecError."""
        if type(place) is not int or not 0 <= place < len(self._nodes):
            raise CodecError("a type that is not in the table")
        made = self._made.get(place)
        if made is None:
            node = self._nodes[place]
            try:
                made = self._type(place, *node)
            except (TypeError, ValueError, IndexError, KeyError, ZeroDivisionError) as error:
                raise CodecError("a malformed type") from error
            self._made[place] = made
        return made

    def _part(self, around: int, place: Any) -> Type:
        # Parts are written before what they are part of, so a table cannot go in circles.
        if type(place) is not int or place >= around:
            raise CodecError("a type inside itself")
        return self.read(place)

    def _type(self, at: int, kind: str, *parts: Any) -> Type:
        match kind, parts:
            case "bool", ():
                return BOOL
            case "int", (low, high, step):
                return IntType(_whole(low), _whole(high), _whole(step))
            case "decimal", (low, high, step, low_open, high_open, exact):
                ends = [None if end is None else Fraction(end) for end in (low, high, step)]
                return DecimalType(
                    ends[0], ends[1], low_open is True, high_open is True, ends[2], exact is True
                )
            case "string", (low, high, patterns, excluded):
                return StringType(
                    _whole(low) or 0,
                    _whole(high),
                    tuple(map(_text, patterns)),
                    tuple(map(_text, excluded)),
                )
            case "date", ():
                return DATE
            case "time", (seconds,):
                return TimeType(seconds is True)
            case "duration", ():
                return DURATION
            case "enum", (name, labels):
                return EnumType(_text(name), tuple(map(_text, labels)))
            case "record", (name, fields, is_open, exclusive):
                made = tuple(
                    Field(_text(field), self._part(at, place), _read_value(default))
                    for field, place, default in fields
                )
                return RecordType(_text(name), made, is_open is True, exclusive is True)
            case "list", (element, low, high, unique):
                inner = self._part(at, element)
                return ListType(inner, _whole(low) or 0, _whole(high), unique is True)
            case "map", (key, value, low, high):
                return MapType(
                    self._part(at, key), self._part(at, value), _whole(low) or 0, _whole(high)
                )
            case "optional", (inner,):
                return OptionalType.of(self._part(at, inner))
            case "json", ():
                return JsonType()
            case "choice", (options, exactly_one):
                kinds = tuple(self._part(at, option) for option in options)
                return JsonType(Choice(kinds, exactly_one is True))
            case "defined", (scope, name):
                definitions = self._scopes[scope]
                if _text(name) not in definitions.types:
                    raise CodecError("a name without a type")
                return JsonType(Defined(name, definitions))
            case _:
                raise CodecError("an unknown type")


class _Named(dict[str, Type]):
    """Named types that are read when they are first looked up."""

    def __init__(self, reader: TypeReader, places: Mapping[str, Any]) -> None:
        super().__init__()
        self._reader = reader
        self._places = places

    def __missing__(self, name: str) -> Type:
        found = self[name] = self._reader.read(self._places[name])
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._places


def _fraction(value: int | Fraction | None) -> str | None:
    return None if value is None else str(Fraction(value))


def _whole(value: object) -> int | None:
    if value is None or type(value) is int:
        return value
    raise CodecError("no whole number")


def _text(value: object) -> str:
    if type(value) is str:
        return value
    raise CodecError("no text")


def _value(value: Value) -> object:
    """A run-time value, None for none, as JSON data that says of which kind it is."""
    match value:
        case None | bool() | int() | str():
            return value
        case Fraction():
            return {"q": str(value)}
        case tuple():
            return list(map(_value, value))
        case dict():
            return {"m": [[key, _value(item)] for key, item in value.items()]}
        case _:
            raise CodecError("no run-time value")


def _read_value(data: Any) -> Value:
    match data:
        case None | bool() | int() | str():
            return data
        case {"q": str(text)}:
            return Fraction(text)
        case {"m": list(pairs)}:
            return {_text(key): _read_value(item) for key, item in pairs}
        case list():
            return tuple(map(_read_value, data))
        case _:
            raise CodecError("no run-time value")
