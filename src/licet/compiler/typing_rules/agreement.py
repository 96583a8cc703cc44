"""When two types agree, and which type holds the values of both.

Constraints (bounds, steps, lengths, patterns) never make types disagree; the joined type promises
only what both promise, because the solver relies on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..types import (
    BOOL,
    DATE,
    DECIMAL,
    DURATION,
    INT,
    JSON,
    STRING,
    TIME,
    BoolType,
    DateType,
    DecimalType,
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
)


class PoisonType(JsonType):
    """The type of what is declared wrongly: reported there, silent everywhere else."""

    __slots__ = ()

    def __str__(self) -> str:
        return "?"


POISON = PoisonType()


def is_poisoned(type_: Type) -> bool:
    """Whether a value of the type has a wrongly declared type itself."""
    if isinstance(type_, OptionalType):
        return isinstance(type_.inner, PoisonType)
    return isinstance(type_, PoisonType)


def is_number(type_: Type) -> bool:
    return isinstance(type_, IntType | DecimalType)


def join(a: Type, b: Type) -> Type | None:
    """The type of a value that is of the one or the other; None where they do not agree."""
    if a == b:
        return a
    match a, b:
        case (OptionalType(), _) | (_, OptionalType()):
            inner = join(
                a.inner if isinstance(a, OptionalType) else a,
                b.inner if isinstance(b, OptionalType) else b,
            )
            return None if inner is None else OptionalType.of(inner)
        case IntType(), IntType():
            low = None if a.low is None or b.low is None else min(a.low, b.low)
            high = None if a.high is None or b.high is None else max(a.high, b.high)
            return IntType(low, high)
        case (IntType() | DecimalType(), IntType() | DecimalType()):
            return DECIMAL
        case StringType(), StringType():
            return STRING
        case EnumType(), EnumType():
            # In another order it is another type: the solver knows labels by their position.
            return a if a.labels == b.labels else None
        case ListType(), ListType():
            element = join(a.element, b.element)
            return None if element is None else ListType(element)
        case MapType(), MapType():
            key, value = join(a.key, b.key), join(a.value, b.value)
            return None if key is None or value is None else MapType(key, value)
        case RecordType(), RecordType():
            return _join_records(a, b)
        case _:
            return a if type(a) is type(b) and not isinstance(a, JsonType) else None


def _join_records(a: RecordType, b: RecordType) -> RecordType | None:
    if {f.name for f in a.fields} != {f.name for f in b.fields}:
        return None
    fields = []
    for field in a.fields:
        other = b.field(field.name)
        assert other is not None
        both = join(field.type, other.type)
        if both is None:
            return None
        fields.append(Field(field.name, both))
    return RecordType(a.name if a.name == b.name else "", tuple(fields))


def accepts(target: Type, given: Type) -> bool:
    """Whether a value of type `given` may stand where `target` is wanted, constraints aside."""
    if isinstance(target, DecimalType):
        return is_number(given)
    if isinstance(target, IntType):
        return isinstance(given, IntType)
    match target, given:
        case OptionalType(inner=inner), OptionalType(inner=other_inner):
            return accepts(inner, other_inner)
        case OptionalType(inner=inner), _:
            return accepts(inner, given)
        case ListType(element=element), ListType(element=other):
            return accepts(element, other)
        case MapType(key=key, value=value), MapType(key=other_key, value=other_value):
            return accepts(key, other_key) and accepts(value, other_value)
        case RecordType(), RecordType():
            return {f.name for f in target.fields} == {f.name for f in given.fields} and all(
                accepts(f.type, same.type)
                for f in target.fields
                if (same := given.field(f.name)) is not None
            )
        case _:
            return join(target, given) is not None and not isinstance(given, OptionalType)


def parts(type_: Type) -> Iterator[Type]:
    """The type and all types inside it."""
    yield type_
    match type_:
        case OptionalType(inner=inner) | ListType(element=inner):
            yield from parts(inner)
        case MapType(key=key, value=value):
            yield from parts(key)
            yield from parts(value)
        case RecordType(fields=fields):
            for field in fields:
                yield from parts(field.type)
        case _:
            pass


def is_ordered(type_: Type) -> bool:
    """Whether `<` is defined."""
    return isinstance(
        type_,
        IntType | DecimalType | DateType | TimeType | DurationType | StringType | EnumType,
    )


def widened(type_: Type) -> Type:
    """The type without its constraints (for results that need not keep them)."""
    match type_:
        case IntType():
            return INT
        case DecimalType():
            return DECIMAL
        case StringType():
            return STRING
        case ListType(element=element):
            return ListType(element)
        case BoolType():
            return BOOL
        case DateType():
            return DATE
        case TimeType():
            return TIME
        case DurationType():
            return DURATION
        case JsonType() | EnumType() | RecordType() | MapType() | OptionalType():
            return type_


__all__ = [
    "JSON",
    "POISON",
    "accepts",
    "is_number",
    "is_ordered",
    "is_poisoned",
    "join",
    "parts",
    "widened",
]
