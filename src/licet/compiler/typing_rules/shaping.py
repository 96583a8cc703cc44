"""How a part of a document gets the type that its use wants, for who wrote it without one."""

from __future__ import annotations

from ..types import (
    JSON,
    STRING,
    BoolType,
    DateType,
    DecimalType,
    IntType,
    ListType,
    MapType,
    OptionalType,
    StringType,
    TimeType,
    Type,
)
from .agreement import widened

#: An object whose keys nobody has declared.
ENTRIES = MapType(STRING, JSON)
#: A list of which nobody has said what it holds.
ITEMS = ListType(JSON)

_ANY = '`… ?? 0`, `… ?? ""`, `… ?? false`, `… ?? []`, `… ?? {}`'


def way_to(*wanted: Type) -> str:
    """The help of `LIC115` where one of these types is wanted; none: nobody can say."""
    ways = [f"`{_default(type_)}`" for type_ in wanted]
    if len(wanted) != 1:
        return f"give it a type by a default: {' or '.join(ways) or _ANY}"
    named = widened(_inner(wanted[0]))
    if isinstance(named, DateType | TimeType):
        return f"a document holds a {named} as text: {ways[0]}"
    return f"give it a type by a default, {ways[0]}, or after `has …` by name: `… as {named}`"


def _default(type_: Type) -> str:
    match _inner(type_):
        case BoolType():
            return "… ?? false"
        case IntType():
            return "… ?? 0"
        case DecimalType():
            return "… ?? 0.0"
        case StringType():
            return '… ?? ""'
        case DateType():
            return 'date(… ?? "")'
        case TimeType():
            return 'time(… ?? "")'
        case ListType(element=element) if element != JSON:
            return f"… as {ListType(widened(element))} ?? []"
        case ListType():
            return "… ?? []"
        case MapType(value=value) if value != JSON:
            return f"… as {widened(_inner(type_))} ?? {{}}"
        case MapType():
            return "… ?? {}"
        case named:
            return f"… as {named} ?? …"


def _inner(type_: Type) -> Type:
    return type_.inner if isinstance(type_, OptionalType) else type_
