"""Values from outside → run-time values of a type, or every reason why not.

Contract: what `validator(type, …)` returns conforms to the type; what does not is refused with
the path, never repaired, except for what the type says itself: defaults are filled in, a float
counts as the shortest decimal that prints as it, 3.0 is a whole number as in JSON Schema.
Only plain data is taken (None, bool, int, float, Decimal, Fraction, str, list, tuple, dict, date,
datetime, timedelta), by exact class: a subclass may lie about itself.

This is the hot path of a decision: a type is compiled once into nested closures.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal, Protocol, assert_never

from rapidfuzz import fuzz, process

from .clock import Clock, parse_date, parse_duration, parse_time
from .exact_json import MAX_DEPTH, bounded, is_text, shortened
from .regex import matcher
from .types import (
    MAX_DURATION,
    MAX_TIME,
    MIN_TIME,
    SECOND,
    BoolType,
    Choice,
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
    Shape,
    StringType,
    TimeType,
    Type,
    Value,
)
from .values import (
    DIGITS_BOUND,
    MAX_ITEMS,
    MAX_TEXT,
    conforms,
    identity,
    in_range,
    is_writable,
    quoted,
    render,
    show,
    survives_binary64,
)
from .world import UNKNOWN, Path

__all__ = [
    "MAX_NODES",
    "MAX_PROBLEMS",
    "BadValue",
    "Kind",
    "Problem",
    "Validator",
    "conforms",
    "nearest",
    "render",
    "show",
    "validator",
]

MAX_NODES = 100_000
MAX_PROBLEMS = 20
#: The built-in, under a name that parameters called `type` do not hide. `value.__class__` may lie.
class_of: Final = type
_PLAIN: Final = frozenset({type(None), bool, int, float, Decimal, str, list, tuple, dict})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)

Kind = Literal[
    "missing",
    "unknown_field",
    "wrong_type",
    "out_of_range",
    "not_a_label",
    "no_match",
    "wrong_length",
    "not_unique",
    "not_exact",
    "malformed",
    "unknown",
    "too_large",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a value was refused: `expected` and `found` are phrases without a full stop
    (`a number`, `the text "700"`); `suggestion` is the nearest valid name or label."""

    path: Path
    expected: str
    found: str
    kind: Kind
    suggestion: str | None = None


class BadValue(Exception):  # noqa: N818 - a value is bad; nothing went wrong here
    """A value that is not of the type: one to MAX_PROBLEMS problems, in the order of the type."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{p.path}: expected {p.expected}" for p in problems))
        self.problems = problems


class Validator(Protocol):
    """`validate(value, path)`: the run-time value, or `BadValue` with paths under `path`."""

    def __call__(self, value: object, path: Path = ()) -> Value: ...


class _Refused(Exception):  # noqa: N818 - control flow inside this module
    """Problems with paths relative to the value that was checked."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems


#: A compiled type. The list holds one number: how many more nodes the value may have.
_Check = Callable[[Any, list[int]], Value]
_MISSING: Final = object()
_REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class _Options:
    clock: Clock
    allow_unknown: bool
    #: The checks of shapes that have names, by (id of their definitions, name).
    defined: dict[tuple[int, str], _Check] = field(default_factory=dict)


def validator(type: Type, clock: Clock, *, allow_unknown: bool = False) -> Validator:
    """The compiled check of a type; `clock` reads local times that come without an offset.

    `allow_unknown` is for what the host supplies: `{"$unknown": true}` anywhere and a missing
    required field become UNKNOWN. Without it (arguments) both are problems.
    """
    check = _compile(type, _Options(clock, allow_unknown), 0)

    def validate(value: object, path: Path = ()) -> Value:
        try:
            return check(value, [MAX_NODES])
        except _Refused as refused:
            problems = refused.problems[:MAX_PROBLEMS]
        except RecursionError:
            problems = [_problem(f"nesting of at most {MAX_DEPTH}", value, "too_large")]
        raise BadValue(tuple(replace(p, path=path + p.path) for p in problems))

    return validate


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant; None where none is near."""
    found = process.extractOne(name[:100], list(names), scorer=fuzz.ratio, score_cutoff=60)
    return found[0] if found else None


def _problem(expected: str, value: object, kind: Kind, path: Path = ()) -> Problem:
    return Problem(path, expected, _found(value), kind)


def _refusal(expected: str, value: object, kind: Kind) -> _Refused:
    return _Refused([_problem(expected, value, kind)])


def _found(value: object) -> str:
    """What a value is, in a phrase."""
    if class_of(value) not in _PLAIN:
        return f"a value of type {shortened(class_of(value).__name__)}"
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) < DIGITS_BOUND else "a number of over 100 digits"
        case float():
            return (
                repr(value) if math.isfinite(value) else "NaN" if math.isnan(value) else "infinity"
            )
        case Decimal():
            return shortened(str(value)) if len(value.as_tuple().digits) < 200 else "a long number"
        case str():
            return f"the text {quoted(value, 40)}"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return "an object"


def _compile(type: Type, options: _Options, depth: int) -> _Check:
    check = _compile_known(type, options, depth)
    if not options.allow_unknown:
        return check

    def check_host(value: Any, budget: list[int]) -> Value:
        return UNKNOWN if value is UNKNOWN or _is_mark(value) else check(value, budget)

    return check_host


def _is_mark(value: Any) -> bool:
    return class_of(value) is dict and len(value) == 1 and value.get("$unknown") is True


def _compile_known(type: Type, options: _Options, depth: int) -> _Check:
    match type:
        case BoolType():
            return _check_bool
        case IntType():
            return _int_check(type)
        case DecimalType():
            return _decimal_check(type)
        case StringType():
            return _string_check(type)
        case EnumType():
            return _enum_check(type)
        case DateType():
            return _check_date
        case TimeType():
            return _time_check(options.clock, type.seconds)
        case DurationType():
            return _check_duration
        case RecordType():
            return _record_check(type, options, depth)
        case ListType():
            return _list_check(type, options, depth)
        case MapType():
            return _map_check(type, options, depth)
        case OptionalType(inner):
            return _optional_check(_compile(inner, options, depth))
        case JsonType(shape):
            document = _json_check(options, depth)
            return document if shape is None else _shaped(shape, document, options, depth)
        case _:
            assert_never(type)


# --- scalars -----------------------------------------------------------------------------------


def _check_bool(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
    if value is True or value is False:
        return value
    raise _refusal("true or false", value, "wrong_type")


def _number(value: Any, expected: str) -> int | Fraction:
    """The exact number that a value stands for; integral ones as int."""
    kind = class_of(value)
    if kind is int:
        if -DIGITS_BOUND < value < DIGITS_BOUND:
            whole: int = value
            return whole
        raise _refusal("a number of at most 100 digits", value, "too_large")
    if kind is float:
        number = _float(value)
        if number is not None:
            return number
        finite = math.isfinite(value)
        raise _refusal(expected, value, "too_large" if finite else "wrong_type")
    if kind is Decimal and value.is_finite():
        if bounded(value):
            return _whole(Fraction(value))
        raise _refusal("a number of at most 100 digits", value, "too_large")
    if kind is Fraction:
        if is_writable(value):
            return _whole(value)
        raise _refusal("a number of at most 100 digits", value, "too_large")
    raise _refusal(expected, value, "wrong_type")


def _whole(number: Fraction) -> int | Fraction:
    return number.numerator if number.denominator == 1 else number


@functools.lru_cache(maxsize=4096)
def _float(value: float) -> int | Fraction | None:
    """The shortest decimal that prints as a float; None if it is not finite or too long."""
    if not math.isfinite(value):
        return None
    decimal = Decimal(repr(value))
    return _whole(Fraction(decimal)) if bounded(decimal) else None


def _int_check(type: IntType) -> _Check:
    low = -DIGITS_BOUND + 1 if type.low is None else type.low
    high = DIGITS_BOUND - 1 if type.high is None else type.high
    step = type.step
    expected = _phrase("a whole number", type)

    def check(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
        number = value if class_of(value) is int else _number(value, expected)
        if class_of(number) is not int:
            raise _refusal(expected, value, "wrong_type")
        if not low <= number <= high:
            raise _refusal(expected, value, "out_of_range")
        if step is not None and number % step:
            raise _refusal(expected, value, "out_of_range")
        return number

    return check


def _decimal_check(type: DecimalType) -> _Check:
    expected = _phrase("a number", type)
    step, exact = type.step, type.exact
    unbounded = type.low is None and type.high is None

    def check(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
        number = _number(value, expected)
        if not unbounded and not in_range(number, type):
            raise _refusal(expected, value, "out_of_range")
        if step is not None and number % step:
            raise _refusal(expected, value, "out_of_range")
        if not exact and class_of(value) is not float and not survives_binary64(number):
            raise _refusal("a number that binary floating point keeps", value, "not_exact")
        return number

    return check


def _phrase(noun: str, type: Type) -> str:
    limits = str(type).partition(" ")[2]
    return f"{noun} {limits}" if limits else noun


def _string_check(type: StringType) -> _Check:
    low = type.min_length
    high = MAX_TEXT if type.max_length is None else min(type.max_length, MAX_TEXT)
    matchers = tuple((pattern, matcher(pattern)) for pattern in type.patterns)
    excluded = tuple((pattern, matcher(pattern)) for pattern in type.excluded)

    def check(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
        if class_of(value) is not str:
            raise _refusal("text", value, "wrong_type")
        text: str = value
        if not low <= len(text) <= high:
            expected = f"text of {low} to {high} characters"
            raise _Refused([Problem((), expected, f"{len(text)} characters", "wrong_length")])
        if not text.isascii() and not is_text(text):
            raise _refusal("text without halves of surrogate pairs", value, "malformed")
        for pattern, matches in matchers:
            if not matches(text):
                raise _refusal(f"text that matches /{_brief(pattern)}/", value, "no_match")
        for pattern, matches in excluded:
            if matches(text):
                raise _refusal(f"text that does not match /{_brief(pattern)}/", value, "no_match")
        return text

    return check


def _brief(pattern: str) -> str:
    """A pattern in a message: those made from Unicode's categories have thousands of characters."""
    return pattern if len(pattern) <= 200 else pattern[:199] + "…"


def _enum_check(type: EnumType) -> _Check:
    labels = {label: label for label in type.labels}
    few = ", ".join(quoted(label, 40) for label in type.labels[:12])
    expected = f"one of {few}" + (" …" if len(type.labels) > 12 else "")

    def check(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
        if class_of(value) is not str:
            raise _refusal(expected, value, "wrong_type")
        label = labels.get(value)
        if label is None:
            suggestion = nearest(value, type.labels)
            raise _Refused([Problem((), expected, _found(value), "not_a_label", suggestion)])
        return label

    return check


def _check_date(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
    expected = "a date such as `2026-11-22`"
    if class_of(value) is str:
        day = parse_date(value)
        if day is None:
            raise _refusal(expected, value, "malformed")
        return day
    if class_of(value) is date:
        return value.toordinal() - _EPOCH_DAY
    raise _refusal(expected, value, "wrong_type")


def _time_check(clock: Clock, seconds: bool) -> _Check:
    expected = "a time such as `2026-11-22T15:00:00Z`" + (" or seconds since 1970" * seconds)

    def check(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
        if class_of(value) is str:
            time = parse_time(value, clock)
            if time is None:
                raise _refusal(expected, value, "malformed")
            return time
        if class_of(value) is datetime and value.utcoffset() is not None:
            time = (value - _EPOCH) // _MICROSECOND
            if not MIN_TIME <= time <= MAX_TIME:
                raise _refusal("a time from 1900 to 2199", value, "out_of_range")
            return time
        if seconds:
            time = math.floor(_number(value, expected) * SECOND)
            if not MIN_TIME <= time <= MAX_TIME:
                raise _refusal("a time from 1900 to 2199", value, "out_of_range")
            return time
        raise _refusal(expected, value, "wrong_type")

    return check


def _check_duration(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
    expected = "a duration such as `30min`"
    if class_of(value) is str:
        duration = parse_duration(value)
        if duration is None:
            raise _refusal(expected, value, "malformed")
    elif class_of(value) is timedelta:
        duration = value // _MICROSECOND
    else:
        raise _refusal(expected, value, "wrong_type")
    if abs(duration) > MAX_DURATION:
        raise _refusal("a duration of at most 100 years", value, "out_of_range")
    return duration


# --- structures --------------------------------------------------------------------------------


def _optional_check(check: _Check) -> _Check:
    def check_optional(value: Any, budget: list[int]) -> Value:
        return None if value is None else check(value, budget)

    return check_optional


def _under(refused: _Refused, step: object) -> list[Problem]:
    return [replace(p, path=(step, *p.path)) for p in refused.problems]


def _record_check(type: RecordType, options: _Options, depth: int) -> _Check:
    absent = UNKNOWN if options.allow_unknown else _REQUIRED
    entries = tuple(
        (
            field.name,
            _compile(field.type, options, depth + 1),
            field.default
            if field.default is not None
            else None
            if isinstance(field.type, OptionalType)
            else absent,
            f"a value of type {field.type}",
        )
        for field in type.fields
    )
    names = frozenset(field.name for field in type.fields)
    open_record, exclusive = type.open, type.exclusive

    def check(value: Any, budget: list[int]) -> Value:
        if class_of(value) is not dict:
            raise _refusal("an object", value, "wrong_type")
        given: dict[Any, object] = value
        get = given.get
        result: dict[str, Value] = {}
        problems: list[Problem] = []
        seen = 0
        for name, check_field, fallback, expected in entries:
            item = get(name, _MISSING)
            if item is _MISSING:
                if fallback is _REQUIRED:
                    problems.append(Problem((name,), expected, "nothing", "missing"))
                result[name] = fallback
                continue
            seen += 1
            try:
                result[name] = check_field(item, budget)
            except _Refused as refused:
                problems += _under(refused, name)
        if seen != len(given) and not open_record:
            problems += _unknown_fields(given, names)
        if exclusive and not problems:
            _check_one(result, type)
        if problems:
            raise _Refused(problems[:MAX_PROBLEMS])
        return result

    return check


def _check_one(record: dict[str, Value], type: RecordType) -> None:
    """Of an exclusive record exactly one field is present, as far as that is known."""
    there = [name for name, value in record.items() if value is not None]
    if len(there) == 1 or any(record[name] is UNKNOWN for name in there):
        return
    names = [shortened(field.name) for field in type.fields]
    expected = f"exactly one of {', '.join(names[:12])}" + (" …" if len(names) > 12 else "")
    found = ", ".join(map(shortened, there[:12])) or "none of them"
    raise _Refused([Problem((), expected, found, "wrong_length")])


def _unknown_fields(given: dict[Any, object], names: frozenset[str]) -> list[Problem]:
    problems: list[Problem] = []
    free = sorted(names.difference(key for key in given if isinstance(key, str)))
    for key in given:
        if class_of(key) is not str:
            problems.append(Problem((), "keys that are text", _found(key), "wrong_type"))
        elif key not in names:
            suggestion = nearest(key, free) or nearest(key, names)
            problems.append(
                Problem((key,), "no such field", shortened(key), "unknown_field", suggestion)
            )
        if len(problems) == MAX_PROBLEMS:
            break
    return problems


def _spend(budget: list[int], nodes: int, value: object) -> None:
    budget[0] -= nodes
    if budget[0] < 0:
        raise _refusal(f"at most {MAX_NODES:,} values in one", value, "too_large")


def _list_check(type: ListType, options: _Options, depth: int) -> _Check:
    check_item = _compile(type.element, options, depth + 1)
    low = type.min_length
    high = MAX_ITEMS if type.max_length is None else min(type.max_length, MAX_ITEMS)
    unique = type.unique
    weight = _weight(type.element)

    def check(value: Any, budget: list[int]) -> Value:
        if class_of(value) is not list and class_of(value) is not tuple:
            raise _refusal("a list", value, "wrong_type")
        items: list[object] = value
        if not low <= len(items) <= high:
            expected = f"a list of {low} to {high} items"
            raise _Refused([Problem((), expected, f"{len(items)} items", "wrong_length")])
        _spend(budget, len(items) * weight, value)
        result: list[Value] = []
        problems: list[Problem] = []
        for index, item in enumerate(items):
            try:
                result.append(check_item(item, budget))
            except _Refused as refused:
                problems += _under(refused, index)
                if len(problems) >= MAX_PROBLEMS:
                    break
        if problems:
            raise _Refused(problems)
        if unique:
            known = [identity(item) for item in result if not _has_unknown(item)]
            if len(set(known)) != len(known):
                raise _refusal("a list without repetitions", value, "not_unique")
        return tuple(result)

    return check


def _weight(type: Type) -> int:
    """How many nodes a value of a type has at least, lists and maps counted where they stand."""
    match type:
        case RecordType(_, fields):
            return 1 + sum(_weight(field.type) for field in fields)
        case OptionalType(inner):
            return _weight(inner)
        case _:
            return 1


def _has_unknown(value: Value) -> bool:
    match value:
        case tuple():
            return any(map(_has_unknown, value))
        case dict():
            return any(map(_has_unknown, value.values()))
        case _:
            return value is UNKNOWN


def _map_check(type: MapType, options: _Options, depth: int) -> _Check:
    check_key = _compile_known(type.key, options, depth + 1)
    check_item = _compile(type.value, options, depth + 1)
    weight = _weight(type.value)
    low = type.min_length
    high = MAX_ITEMS if type.max_length is None else min(type.max_length, MAX_ITEMS)

    def check(value: Any, budget: list[int]) -> Value:
        if class_of(value) is not dict:
            raise _refusal("an object", value, "wrong_type")
        given: dict[Any, object] = value
        if not low <= len(given) <= high:
            expected = f"{low:,} to {high:,} entries" if low else f"at most {high:,} entries"
            raise _Refused([Problem((), expected, f"{len(given)} entries", "wrong_length")])
        if _is_mark(value):
            raise _refusal("a known value", "$unknown", "unknown")
        _spend(budget, len(given) * weight, value)
        result: dict[str, Value] = {}
        problems: list[Problem] = []
        for key, item in given.items():
            step = key if isinstance(key, str) else "(key)"
            try:
                check_key(key, budget)
                result[key] = check_item(item, budget)
            except _Refused as refused:
                problems += _under(refused, step)
                if len(problems) >= MAX_PROBLEMS:
                    break
        if problems:
            raise _Refused(problems)
        return {key: result[key] for key in sorted(result)}

    return check


def _json_check(options: _Options, depth: int) -> _Check:
    deepest = MAX_DEPTH - depth

    def check(value: Any, budget: list[int]) -> Value:
        return convert(value, budget, 0)

    def convert(value: Any, budget: list[int], level: int) -> Value:
        kind = class_of(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return check_text(value, budget)
        if kind is int or kind is float or kind is Decimal or kind is Fraction:
            number = _number(value, "a number")
            if class_of(number) is not int and kind is not float and not survives_binary64(number):
                raise _refusal("a number that binary floating point keeps", value, "not_exact")
            return number
        if kind is not dict and kind is not list and kind is not tuple:
            if value is UNKNOWN and options.allow_unknown:
                return UNKNOWN
            raise _refusal("a JSON value", value, "wrong_type")
        if level >= deepest:
            raise _refusal(f"nesting of at most {MAX_DEPTH}", value, "too_large")
        if _is_mark(value):
            if options.allow_unknown:
                return UNKNOWN
            raise _refusal("a known value", "$unknown", "unknown")
        _spend(budget, len(value), value)
        return convert_items(value, budget, level + 1)

    def convert_items(value: Any, budget: list[int], level: int) -> Value:
        steps: Iterable[Any] = value if class_of(value) is dict else range(len(value))
        found: dict[Any, Value] = {}
        for step in steps:
            try:
                if class_of(value) is dict:
                    check_text(step, budget)
                found[step] = convert(value[step], budget, level)
            except _Refused as refused:
                raise _Refused(_under(refused, step)) from None
        if class_of(value) is dict:
            return {key: found[key] for key in sorted(found)}
        return tuple(found.values())

    check_text = _string_check(StringType())
    return check


def _shaped(shape: Shape, document: _Check, options: _Options, depth: int) -> _Check:
    """The check of a document that has a shape: its value is the document, as rules read it."""
    fits = _shape_check(shape, options, depth)

    def check(value: Any, budget: list[int]) -> Value:
        found = document(value, budget)
        if found is not UNKNOWN:
            fits(value, budget)
        return found

    return check


def _shape_check(shape: Shape, options: _Options, depth: int) -> _Check:
    if isinstance(shape, Choice):
        return _choice_check(shape, options, depth)
    name, definitions = shape.name, shape.definitions

    def check(value: Any, budget: list[int]) -> Value:
        # Compiled where it is first needed: a definition may contain itself.
        key = (id(definitions), name)
        known = options.defined.get(key)
        if known is None:
            kind = definitions.types[name]
            known = options.defined[key] = _compile_known(kind, options, depth)
        _spend(budget, 1, value)
        return known(value, budget)

    return check


def _choice_check(shape: Choice, options: _Options, depth: int) -> _Check:
    checks = tuple(_compile_known(option, options, depth) for option in shape.options)
    names = ", ".join(dict.fromkeys(str(option) for option in shape.options))
    expected = f"one of {shortened(names, 200)}"

    def check(value: Any, budget: list[int]) -> Value:
        fitting = 0
        nearest_miss: list[Problem] = []
        for check_option in checks:
            try:
                check_option(value, budget)
            except _Refused as refused:
                if _depth(refused.problems) > _depth(nearest_miss):
                    nearest_miss = refused.problems
                continue
            fitting += 1
            if not shape.exactly_one:
                return value
        if fitting == 1:
            return value
        if fitting:
            several = f"exactly {expected}"
            raise _Refused([Problem((), several, f"a value of {fitting} of them", "wrong_type")])
        # What came furthest into an alternative was most likely meant as it.
        raise _Refused(nearest_miss) if nearest_miss else _refusal(expected, value, "wrong_type")

    return check


def _depth(problems: list[Problem]) -> int:
    """How far into a value it was found wrong; 0 for at its top."""
    return max((len(p.path) for p in problems), default=0)
