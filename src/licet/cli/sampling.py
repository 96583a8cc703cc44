"""A simple value of a type, as the policy language writes it: arguments for a first test."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import assert_never

from licet.compiler.types import (
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
from licet.compiler.values import conforms, show
from licet.policy_lang.tokens import RESERVED

_TEXTS = (
    "a",
    "A",
    "1",
    "abc",
    "ABC",
    "A1",
    "a1b2c3",
    "2026-11-22",
    "2026-11-22T15:00:00Z",
    "a@example.com",
    "https://example.com/",
    "00000000-0000-4000-8000-000000000000",
    "192.0.2.1",
    "+15550100",
)
_DAY, _TIME, _MINUTE = 20_779, 20_779 * 86_400_000_000, 60_000_000  # 2026-11-22

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def sample(kind: Type) -> str | None:
    """Text of a value that conforms to the type; None where no simple one is found."""
    match kind:
        case RecordType(_, fields):
            wanted = [
                f for f in fields if not isinstance(f.type, OptionalType) and f.default is None
            ]
            parts = [(field.name, sample(field.type)) for field in wanted]
            if any(text is None for _, text in parts):
                return None
            inside = ", ".join(f"{name_text(name)}: {text}" for name, text in parts)
            return f"{{ {inside} }}" if inside else "{}"
        case ListType(element, low, _, unique):
            if low == 0:
                return "[]"
            item = sample(element)
            return None if item is None or (unique and low > 1) else f"[{', '.join([item] * low)}]"
        case MapType() | JsonType():
            return "{}"
        case OptionalType(inner):
            return sample(inner)
        case _:
            values = (value for value in _candidates(kind) if conforms(value, kind))
            return next((_text(value, kind) for value in values), None)


Scalar = (
    BoolType | IntType | DecimalType | StringType | EnumType | DateType | TimeType | DurationType
)


def _candidates(kind: Scalar) -> tuple[Value, ...]:
    match kind:
        case DateType():
            return (_DAY,)
        case TimeType():
            return (_TIME,)
        case DurationType():
            return (_MINUTE,)
        case BoolType():
            return (False,)
        case EnumType(_, labels):
            return labels[:1]
        case StringType(low):
            return (*_TEXTS, "a" * low)
        case IntType(low, high, step):
            return (1, 0, low, high, _up(low, step), step)
        case DecimalType(low, high, _, _, step):
            middle = (low + high) / 2 if low is not None and high is not None else None
            return tuple(
                _whole(value)
                for value in (Fraction(1), Fraction(0), low, high, _up(low, step), step, middle)
                if value is not None
            )
        case _:
            assert_never(kind)


def _up(low: Fraction | int | None, step: Fraction | int | None) -> Fraction | int | None:
    """The least multiple of a step that is not below a bound."""
    return None if low is None or step is None else -(-low // step) * step


def _whole(value: Fraction | int) -> Fraction | int:
    exact = Fraction(value)
    return exact.numerator if exact.denominator == 1 else exact


def _text(value: Value, kind: Type) -> str:
    if isinstance(kind, EnumType) and value in RESERVED:
        return f'"{value}"'
    return show(value, kind, limit=1_000_000)


def name_text(name: str) -> str:
    """A name of a field, in quotes where it needs them."""
    return name if _NAME.fullmatch(name) else quoted(name)


def tool_text(name: str) -> str:
    """A tool's name as a rule writes it, in quotes where it could be taken for something else."""
    plain = _NAME.fullmatch(name) and name not in RESERVED and name != "any"
    return name if plain else quoted(name)


def quoted(text: str) -> str:
    """A string of the policy language."""
    return show(text, StringType(), limit=1_000_000)
