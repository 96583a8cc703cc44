"""A value for an argument that was redacted, where it makes no difference: no rule reads it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import assert_never

from licet.compiler import ir
from licet.compiler.program import Program
from licet.compiler.types import (
    MIN_DATE,
    MIN_TIME,
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
from licet.compiler.values import conforms, render
from licet.compiler.walking import children

from .reproving import LEFT_OUT, CannotRedecide


def stand_in(program: Program, tool: str, argument: str) -> object:
    """JSON data for an argument that no rule of the tool reads, LEFT_OUT where it may be absent.

    Raises CannotRedecide where a rule reads it, or no value of its type is found.
    """
    found = program.catalog.qualified.get(tool)
    field = found.params.field(argument) if found is not None else None
    if field is None:
        raise CannotRedecide(f"the tool has no argument `{argument}`")
    for rule in program.rules[tool].rules:
        if argument in _arguments(rule):
            raise CannotRedecide(f"the rule {rule.name} reads what was redacted: args.{argument}")
    if isinstance(field.type, OptionalType):
        return LEFT_OUT
    value = _sample(field.type)
    if value is None or not conforms(value, field.type):
        raise CannotRedecide(f"no value can stand in for what was redacted: args.{argument}")
    return render(value, field.type)


class _Everything(frozenset[str]):
    """What a rule reads that uses its arguments as a whole."""

    def __contains__(self, name: object) -> bool:
        return True


def _arguments(rule: ir.Rule) -> frozenset[str]:
    """The arguments that a rule's decision reads; what its message reads plays no part."""
    names: set[str] = set()
    waiting: list[ir.Expr] = [let.value for let in rule.lets]
    waiting += [e for e in (rule.condition, rule.approver) if e is not None]
    while waiting:
        node = waiting.pop()
        match node:
            case ir.GetField(ir.Root("args"), name):
                names.add(name)
            case ir.Root("args"):
                return _Everything()
            case _:
                waiting.extend(children(node))
    return frozenset(names)


def _sample(kind: Type) -> Value:
    """Some simple value, which may not conform; None where there is none."""
    match kind:
        case BoolType():
            return False
        case EnumType(_, labels):
            return labels[0]
        case StringType(low):
            return "a" * low
        case IntType(low, high, step):
            return _nearest_zero(low, high, step)
        case DecimalType(low, high, _, _, step):
            number = _nearest_zero(low, high, step)
            if number is None and low is not None and high is not None:
                return Fraction(low + high) / 2
            return number
        case DateType():
            return max(0, MIN_DATE)
        case TimeType():
            return max(0, MIN_TIME)
        case DurationType():
            return 0
        case RecordType(_, fields):
            return {
                f.name: None if isinstance(f.type, OptionalType) else _sample(f.type)
                for f in fields
            }
        case ListType(element, low):
            return tuple(_sample(element) for _ in range(low))
        case MapType() | JsonType():
            return {}
        case OptionalType():
            return None
        case _:
            assert_never(kind)


def _nearest_zero(
    low: Fraction | int | None, high: Fraction | int | None, step: Fraction | int | None
) -> Fraction | int | None:
    for value in _candidates(low, high, step):
        if (low is None or value >= low) and (high is None or value <= high):
            return value
    return None


def _candidates(
    low: Fraction | int | None, high: Fraction | int | None, step: Fraction | int | None
) -> Iterator[Fraction | int]:
    yield 0
    for bound in (low, high):
        if bound is not None:
            yield bound if step is None else -(-bound // step) * step
            yield bound if step is None else bound // step * step
