"""Checks of values without parts."""

from __future__ import annotations

import functools
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ..clock import Clock, parse_date, parse_duration, parse_time
from ..exact_json import bounded, is_text
from ..regex import matcher
from ..types import (
    MAX_DURATION,
    MAX_TIME,
    MIN_TIME,
    SECOND,
    DecimalType,
    EnumType,
    IntType,
    StringType,
    Type,
    Value,
)
from ..values import (
    DIGITS_BOUND,
    MAX_TEXT,
    SAFE_INTEGER,
    in_range,
    is_multiple,
    is_writable,
    quoted,
    survives_binary64,
)
from .problems import (
    Check,
    Problem,
    Refused,
    class_of,
    found_phrase,
    nearest,
    refusal,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
#: What decimals of some forty digits take, in bytes.
_SHORT = Decimal(10**40).__sizeof__()


def check_bool(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
    if value is True or value is False:
        return value
    raise refusal("true or false", value, "wrong_type")


def number_of(value: Any, expected: str) -> int | Fraction:
    """The exact number that a value stands for; integral ones as int."""
    kind = class_of(value)
    if kind is int:
        if -DIGITS_BOUND < value < DIGITS_BOUND:
            whole: int = value
            return whole
        raise refusal("a number of at most 100 digits", value, "too_large")
    if kind is float:
        number = _float(value)
        if number is not None:
            return number
        finite = math.isfinite(value)
        raise refusal(expected, value, "too_large" if finite else "wrong_type")
    if kind is Decimal and value.is_finite():
        # only short ones are kept
        number = _read(value) if value.__sizeof__() <= _SHORT else _decimal(value)
        if number is not None:
            return number
        raise refusal("a number of at most 100 digits", value, "too_large")
    if kind is Fraction:
        if is_writable(value):
            return _whole(value)
        raise refusal("a number of at most 100 digits", value, "too_large")
    raise refusal(expected, value, "wrong_type")


def _whole(number: Fraction) -> int | Fraction:
    return number.numerator if number.denominator == 1 else number


def _decimal(value: Decimal) -> int | Fraction | None:
    """The number that a finite decimal is; None if it is too long."""
    return _whole(Fraction(value)) if bounded(value) else None


_read = functools.lru_cache(maxsize=4096)(_decimal)


@functools.lru_cache(maxsize=4096)
def _float(value: float) -> int | Fraction | None:
    """The shortest decimal that prints as a float; None if it is not finite or too long."""
    if not math.isfinite(value):
        return None
    decimal = Decimal(repr(value))
    return _whole(Fraction(decimal)) if bounded(decimal) else None


def int_check(type: IntType) -> Check:
    low = -DIGITS_BOUND + 1 if type.low is None else type.low
    high = DIGITS_BOUND - 1 if type.high is None else type.high
    step = type.step
    expected = _phrase("a whole number", type)

    def check(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
        number = value if class_of(value) is int else number_of(value, expected)
        if class_of(number) is not int:
            raise refusal(expected, value, "wrong_type")
        if not low <= number <= high:
            raise refusal(expected, value, "out_of_range")
        if step is not None and number % step:
            raise refusal(expected, value, "out_of_range")
        return number

    return check


def _whole_range(type: DecimalType) -> tuple[int, int]:
    """The whole numbers that a type has without a further look: most that come by are of these."""
    if type.step is not None and type.step.numerator != 1:
        return 0, -1
    least, most = -SAFE_INTEGER, SAFE_INTEGER
    if type.low is not None:
        least = max(least, math.floor(type.low) + 1 if type.low_open else math.ceil(type.low))
    if type.high is not None:
        most = min(most, math.ceil(type.high) - 1 if type.high_open else math.floor(type.high))
    return least, most


def decimal_check(type: DecimalType) -> Check:
    expected = _phrase("a number", type)
    step, exact = type.step, type.exact
    unbounded = type.low is None and type.high is None
    least, most = _whole_range(type)

    def check(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
        if class_of(value) is int and least <= value <= most:
            whole: int = value
            return whole
        number = number_of(value, expected)
        if not unbounded and not in_range(number, type):
            raise refusal(expected, value, "out_of_range")
        if step is not None and not is_multiple(number, step):
            raise refusal(expected, value, "out_of_range")
        if not exact and class_of(value) is not float and not survives_binary64(number):
            raise refusal("a number that binary floating point keeps", value, "not_exact")
        return number

    return check


def _phrase(noun: str, type: Type) -> str:
    limits = str(type).partition(" ")[2]
    return f"{noun} {limits}" if limits else noun


def string_check(type: StringType) -> Check:
    low = type.min_length
    high = MAX_TEXT if type.max_length is None else min(type.max_length, MAX_TEXT)
    matchers = tuple((pattern, matcher(pattern)) for pattern in type.patterns)
    excluded = tuple((pattern, matcher(pattern)) for pattern in type.excluded)

    def check(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
        if class_of(value) is not str:
            raise refusal("text", value, "wrong_type")
        text: str = value
        if not low <= len(text) <= high:
            expected = f"text of {low} to {high} characters"
            raise Refused([Problem((), expected, f"{len(text)} characters", "wrong_length")])
        if not text.isascii() and not is_text(text):
            raise refusal("text without halves of surrogate pairs", value, "malformed")
        for pattern, matches in matchers:
            if not matches(text):
                raise refusal(f"text that matches /{_brief(pattern)}/", value, "no_match")
        for pattern, matches in excluded:
            if matches(text):
                raise refusal(f"text that does not match /{_brief(pattern)}/", value, "no_match")
        return text

    return check


def _brief(pattern: str) -> str:
    """A pattern in a message: those made from Unicode's categories have thousands of characters."""
    return pattern if len(pattern) <= 200 else pattern[:199] + "…"


def enum_check(type: EnumType) -> Check:
    labels = {label: label for label in type.labels}
    few = ", ".join(quoted(label, 40) for label in type.labels[:12])
    expected = f"one of {few}" + (" …" if len(type.labels) > 12 else "")

    def check(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
        if class_of(value) is not str:
            raise refusal(expected, value, "wrong_type")
        label = labels.get(value)
        if label is None:
            suggestion = nearest(value, type.labels)
            raise Refused([Problem((), expected, found_phrase(value), "not_a_label", suggestion)])
        return label

    return check


def check_date(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
    expected = "a date such as `2026-11-22`"
    if class_of(value) is str:
        day = parse_date(value)
        if day is None:
            raise refusal(expected, value, "malformed")
        return day
    if class_of(value) is date:
        return value.toordinal() - _EPOCH_DAY
    raise refusal(expected, value, "wrong_type")


def time_check(clock: Clock, seconds: bool) -> Check:
    expected = "a time such as `2026-11-22T15:00:00Z`"
    if seconds:
        expected += ", a date, or seconds since 1970"

    def check(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
        if class_of(value) is str:
            time = parse_time(value, clock)
            if time is None and seconds and parse_date(value) is not None:
                time = parse_time(f"{value}T00:00", clock)
            if time is None:
                raise refusal(expected, value, "malformed")
            return time
        if class_of(value) is datetime and value.utcoffset() is not None:
            time = (value - _EPOCH) // _MICROSECOND
            if not MIN_TIME <= time <= MAX_TIME:
                raise refusal("a time from 1900 to 2199", value, "out_of_range")
            return time
        if seconds:
            time = math.floor(number_of(value, expected) * SECOND)
            if not MIN_TIME <= time <= MAX_TIME:
                raise refusal("a time from 1900 to 2199", value, "out_of_range")
            return time
        raise refusal(expected, value, "wrong_type")

    return check


def check_duration(value: Any, budget: list[int]) -> Value:  # noqa: ARG001
    expected = "a duration such as `30min`"
    if class_of(value) is str:
        duration = parse_duration(value)
        if duration is None:
            raise refusal(expected, value, "malformed")
    elif class_of(value) is timedelta:
        duration = value // _MICROSECOND
    else:
        raise refusal(expected, value, "wrong_type")
    if abs(duration) > MAX_DURATION:
        raise refusal("a duration of at most 100 years", value, "out_of_range")
    return duration
