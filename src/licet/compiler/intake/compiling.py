"""Values from outside → run-time values of a type, or every reason why not.

Contract: what `validator(type, …)` returns conforms to the type; what does not is refused with
the path, never repaired, except for what the type says itself: defaults are filled in, a float
counts as the shortest decimal that prints as it, 3.0 is a whole number as in JSON Schema.
Only plain data is taken (None, bool, int, float, Decimal, Fraction, str, list, tuple, dict, date,
datetime, timedelta), by exact class: a subclass may lie about itself.

This is the hot path of a decision: a type is compiled once into nested closures.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, assert_never

from ..clock import Clock
from ..exact_json import MAX_DEPTH
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
    Type,
    Value,
)
from ..world import UNKNOWN, Path
from .documents import json_check, shaped
from .problems import (
    MAX_NODES,
    MAX_PROBLEMS,
    BadValue,
    Check,
    Options,
    Refused,
    class_of,
    is_mark,
    problem,
)
from .scalars import (
    check_bool,
    check_date,
    check_duration,
    decimal_check,
    enum_check,
    int_check,
    string_check,
    time_check,
)
from .structures import list_check, map_check, optional_check, record_check


class Validator(Protocol):
    """`validate(value, path)`: the run-time value, or `BadValue` with paths under `path`."""

    def __call__(self, value: object, path: Path = ()) -> Value: ...


def validator(type: Type, clock: Clock, *, allow_unknown: bool = False) -> Validator:
    """The compiled check of a type; `clock` reads local times that come without an offset.

    `allow_unknown` is for what the host supplies: `{"$unknown": true}` anywhere and a missing
    required field become UNKNOWN. Without it (arguments) both are problems.
    """
    check = _compile(type, Options(clock, allow_unknown, _compile, _compile_known), 0)

    def validate(value: object, path: Path = ()) -> Value:
        try:
            return check(value, [MAX_NODES])
        except Refused as refused:
            problems = refused.problems[:MAX_PROBLEMS]
        except RecursionError:
            problems = [problem(f"nesting of at most {MAX_DEPTH}", value, "too_large")]
        raise BadValue(tuple(replace(p, path=path + p.path) for p in problems))

    return validate


def _compile(type: Type, options: Options, depth: int) -> Check:
    check = _compile_known(type, options, depth)
    if not options.allow_unknown:
        return check

    def check_host(value: Any, budget: list[int]) -> Value:
        if value is UNKNOWN or (class_of(value) is dict and is_mark(value)):
            return UNKNOWN
        return check(value, budget)

    return check_host


def _compile_known(type: Type, options: Options, depth: int) -> Check:
    match type:
        case BoolType():
            return check_bool
        case IntType():
            return int_check(type)
        case DecimalType():
            return decimal_check(type)
        case StringType():
            return string_check(type)
        case EnumType():
            return enum_check(type)
        case DateType():
            return check_date
        case TimeType():
            return time_check(options.clock, type.seconds)
        case DurationType():
            return check_duration
        case RecordType():
            return record_check(type, options, depth)
        case ListType():
            return list_check(type, options, depth)
        case MapType():
            return map_check(type, options, depth)
        case OptionalType(inner):
            return optional_check(_compile(inner, options, depth))
        case JsonType(shape):
            document = json_check(options, depth)
            return document if shape is None else shaped(shape, document, options, depth)
        case _:
            assert_never(type)
