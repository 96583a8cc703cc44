"""What a generated policy can talk about: record types of the roots, facts, tables, a zone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from licet.compiler.ir import FactSignature
from licet.compiler.types import (
    BOOL,
    INT,
    JSON,
    STRING,
    Field,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
    Value,
)

from .choosing import Choose
from .ir_types import NAMES, ROLE, SCALARS, SIDE, SMALL_SCALARS, draw_value, optional

ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")

Row = tuple[tuple[Value | None, ...], Value]


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    params: tuple[Type, ...]
    rows: tuple[Row, ...]
    result: Type


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`small`: what can be unknown has few values, so that all of them can be tried."""

    args: RecordType
    principal: RecordType
    context: RecordType
    session: RecordType
    facts: tuple[FactSignature, ...] = ()
    tables: tuple[Table, ...] = ()
    params: tuple[tuple[str, Type], ...] = ()
    zone: str = "UTC"
    small: bool = False

    def fact(self, name: str) -> FactSignature:
        return next(fact for fact in self.facts if fact.name == name)


def _record(
    choose: Choose, name: str, groups: tuple[tuple[Type, ...], ...], least: int, most: int
) -> RecordType:
    count = least + choose.number(most - least)
    fields = (Field(NAMES[i], choose.one(choose.one(groups))) for i in range(count))
    return RecordType(name, tuple(fields))


@cache
def _field_types(scalars: tuple[Type, ...], small: bool) -> tuple[tuple[Type, ...], ...]:
    """What a field of an inner record may be, in groups."""
    lists = tuple(_list(kind, small) for kind in scalars[:4])
    return (scalars, scalars[:6], tuple(map(optional, scalars)), lists)


def _list(element: Type, small: bool) -> ListType:
    return ListType(element, max_length=2) if small else ListType(element)


@cache
def _root_types(
    records: tuple[RecordType, ...], scalars: tuple[Type, ...], small: bool
) -> tuple[tuple[Type, ...], ...]:
    """What a field of a root may be, in groups that are met equally often."""
    groups: tuple[tuple[Type, ...], ...] = (
        scalars,
        tuple(_list(record, small) for record in records),
        tuple(map(optional, records)),
        records,
        tuple(map(optional, scalars[:6])),
    )
    if small:
        return (*groups, (_list(BOOL, True), _list(ROLE, True), optional(_list(BOOL, True))))
    lists: tuple[Type, ...] = (*map(ListType, scalars[:5]), ListType(INT, max_length=3))
    nested: tuple[Type, ...] = (
        *(ListType(ListType(STRING)), ListType(ListType(INT)), optional(ListType(STRING))),
        ListType(STRING, unique=True),
    )
    maps: tuple[Type, ...] = (
        *(MapType(STRING, INT), MapType(ROLE, records[0]), MapType(STRING, ListType(STRING))),
        *(MapType(SIDE, STRING), optional(MapType(STRING, STRING))),
    )
    return (*groups, lists, nested, maps, (JSON, OptionalType(JSON)))


def _fact(
    choose: Choose,
    name: str,
    records: tuple[RecordType, ...],
    scalars: tuple[Type, ...],
    small: bool,
) -> FactSignature:
    results: tuple[Type, ...] = (*records, *scalars[:6], _list(records[0], small))
    if not small:
        results += (ListType(STRING), JSON, MapType(STRING, INT))
    result = choose.one(results)
    keys = SCALARS[1:8] + SCALARS[:1]
    params = tuple((NAMES[i], choose.one(keys)) for i in range(choose.number(2)))
    return FactSignature(name, params, result if choose.chance(2) else optional(result))


def _table(choose: Choose, name: str) -> Table:
    params = tuple(choose.one((ROLE, BOOL, SIDE)) for _ in range(1 + choose.number(1)))
    result = choose.one((INT, BOOL, STRING, ROLE))
    rows: list[Row] = []
    for _ in range(choose.number(2)):
        keys = tuple(None if choose.chance(3) else draw_value(choose, p) for p in params)
        rows.append((keys, draw_value(choose, result)))
    rows.append((tuple(None for _ in params), draw_value(choose, result)))
    return Table(name, params, tuple(rows), result)


@st.composite
def vocabularies(draw: DrawFn, *, small: bool = False, params: bool = False) -> Vocabulary:
    """Vocabularies. `params` adds params without a value."""
    choose = Choose(draw)
    scalars = SMALL_SCALARS if small else SCALARS
    inside = _field_types(scalars, small)
    records = tuple(_record(choose, name, inside, 1, 2 if small else 3) for name in ("R", "S"))
    held = _root_types(records, scalars, small)
    asked = held if not small else _root_types(records, SCALARS, False)
    return Vocabulary(
        args=_record(choose, "", asked, 1, 5),
        principal=_record(choose, "", inside, 0, 2),
        context=_record(choose, "", held, 0, 2 if small else 3),
        session=_record(choose, "", inside, 0, 1),
        facts=tuple(
            _fact(choose, name, records, scalars, small)
            for name in ("f", "g", "h")[: choose.number(3)]
        ),
        tables=tuple(_table(choose, name) for name in ("t", "u")[: choose.number(1)]),
        params=(("p", choose.one(SCALARS)), ("q", choose.one(SCALARS))) if params else (),
        zone=choose.one(ZONES),
        small=small,
    )
