"""Small questions about decoded JSON Schemas, and about types that stand for alternatives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from licet.compiler.exact_json import bounded
from licet.compiler.types import (
    JSON,
    STRING,
    Choice,
    DateType,
    DecimalType,
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
)

#: What is not looked at: a type may allow more.
UNCHECKED: Final = (
    *("not", "if", "dependentRequired", "dependentSchemas", "dependencies", "contains"),
    *("patternProperties", "prefixItems", "unevaluatedItems", "$dynamicRef", "$recursiveRef"),
)
#: What says nothing of values.
ANNOTATIONS: Final = frozenset(
    (
        *("title", "description", "examples", "example", "deprecated", "readOnly", "writeOnly"),
        *("$comment", "$id", "$schema", "$defs", "definitions", "default", "nullable"),
        *("xml", "externalDocs", "$anchor", "contentEncoding", "contentMediaType"),
    )
)


def assertions(schema: Mapping[str, Any], without: str) -> dict[str, Any]:
    """What a schema says beside one keyword, notes for people and extensions (`x-…`) aside."""
    return {
        key: value
        for key, value in schema.items()
        if key != without and key not in ANNOTATIONS and not key.startswith("x-")
    }


def is_null(option: object) -> bool:
    """Whether a schema allows null and nothing else, as far as it says so at once."""
    if not isinstance(option, Mapping):
        return False
    return (
        option.get("type") in ("null", ["null"])
        or ("const" in option and option["const"] is None)
        or option.get("enum") == [None]
    )


def is_number(value: object) -> bool:
    """Whether a value is a number within the caps of intake."""
    match value:
        case bool():
            return False
        case int():
            return -(10**100) < value < 10**100
        case float():
            return math.isfinite(value) and bounded(Decimal(repr(value)))
        case Decimal():
            return value.is_finite() and bounded(value)
        case _:
            return False


def are_lists(left: object, right: object) -> bool:
    """Whether both are lists."""
    return isinstance(left, list) and isinstance(right, list)


def is_kind(value: object, kind: str) -> bool:
    """Whether a value is of a JSON type, by name; 1.0 is an integer."""
    match kind:
        case "string":
            return isinstance(value, str)
        case "number":
            return is_number(value)
        case "integer":
            return is_number(value) and Fraction(str(value)).denominator == 1
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "array":
            return isinstance(value, list)
        case _:
            return isinstance(value, Mapping)


def common(left: object, right: object) -> object:
    """What two `type`s or two `enum`s both allow."""
    first = left if isinstance(left, list) else [left]
    second = right if isinstance(right, list) else [right]
    both = [item for item in first if item in second]
    if "integer" in (*first, *second) and "number" in (*first, *second) and "integer" not in both:
        both.append("integer")
    return both


def joined(types: list[Type]) -> Type | None:
    """The one type of several alternatives; None where no type but Json holds them all."""
    inner = [t.inner if isinstance(t, OptionalType) else t for t in types]
    optional = any(isinstance(t, OptionalType) for t in types)
    first = inner[0]
    joined: Type | None = None
    if all(identical(t, first) for t in inner):
        joined = first
    elif all(isinstance(t, EnumType) for t in inner):
        labels = [label for t in inner if isinstance(t, EnumType) for label in t.labels]
        joined = EnumType("", tuple(dict.fromkeys(labels)))
    elif all(isinstance(t, (EnumType, StringType)) for t in inner) and STRING in inner:
        joined = STRING
    elif all(t in (IntType(), DecimalType()) for t in inner):
        joined = DecimalType()
    elif any(isinstance(t, JsonType) and t.shape is None for t in inner):
        joined = JSON
    if joined is None:
        return None
    return OptionalType.of(joined) if optional else joined


def parts(kind: Type) -> tuple[Type, ...]:
    """The types that a type is made of; what a name stands for is not part of it."""
    match kind:
        case OptionalType(inner):
            return (inner,)
        case ListType(element):
            return (element,)
        case MapType(key, value):
            return key, value
        case RecordType(_, fields):
            return tuple(field.type for field in fields)
        case JsonType(Choice(options)):
            return options
        case _:
            return ()


def identical(a: Type, b: Type) -> bool:
    """Whether two types are one, the shapes of documents included, which `==` leaves out."""
    return a is b or (a == b and _shapes(a) == _shapes(b))


def _shapes(kind: Type) -> list[object]:
    found: list[object] = []
    if isinstance(kind, JsonType):
        match kind.shape:
            case Choice(options, exactly_one):
                found.append((len(options), exactly_one))
            case shape:
                found.append(shape)
    for part in parts(kind):
        found += _shapes(part)
    return found


def disjoint(types: list[Type]) -> bool:
    """Whether surely no value is of two of the types; also where two are one, since nobody means
    that nothing fits."""
    return all(
        identical(a, b) or _apart(a, b) for place, a in enumerate(types) for b in types[place + 1 :]
    )


def _apart(a: Type, b: Type) -> bool:
    if isinstance(a, JsonType) or isinstance(b, JsonType):
        return False
    if _json_kind(a) != _json_kind(b):
        return True
    match a, b:
        case EnumType(_, first), EnumType(_, second):
            return not set(first) & set(second)
        case RecordType(_, fields), RecordType():
            return any(
                isinstance(f.type, EnumType)
                and (other := b.field(f.name)) is not None
                and isinstance(other.type, EnumType)
                and not set(f.type.labels) & set(other.type.labels)
                for f in fields
            )
        case _:
            return False


def _json_kind(kind: Type) -> str:
    match kind:
        case StringType() | EnumType() | DateType() | TimeType():
            return "text"
        case IntType() | DecimalType():
            return "number"
        case RecordType() | MapType():
            return "object"
        case _:
            return type(kind).__name__
