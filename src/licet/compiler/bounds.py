"""Between which numbers an expression lies, as its types and the conditions above it tell.

Sound, not complete: the value of an expression is never outside of what is answered. Limits ask
this of every term that they add up, which must not be negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeGuard

from . import ir
from .types import DecimalType, IntType, OptionalType, Type, Value

Number = int | Fraction


@dataclass(frozen=True, slots=True)
class Interval:
    """`low <= value <= high`; None: without bound on that side."""

    low: Number | None = None
    high: Number | None = None

    def hull(self, other: Interval) -> Interval:
        """The least interval around both."""
        low = None if self.low is None or other.low is None else min(self.low, other.low)
        high = None if self.high is None or other.high is None else max(self.high, other.high)
        return Interval(low, high)

    def narrowed(self, other: Interval) -> Interval:
        """What is in both, where a value is known to be."""
        lows = [b for b in (self.low, other.low) if b is not None]
        highs = [b for b in (self.high, other.high) if b is not None]
        return Interval(max(lows, default=None), min(highs, default=None))


ANY = Interval()


def interval(expr: ir.Expr, holds: ir.Expr | None = None) -> Interval:
    """The interval of a number, where the condition `holds` does."""
    return _Bounds(_conjuncts(holds)).of(expr)


def _conjuncts(expr: ir.Expr | None) -> tuple[ir.Expr, ...]:
    if isinstance(expr, ir.And):
        return tuple(part for operand in expr.operands for part in _conjuncts(operand))
    return () if expr is None else (expr,)


@dataclass(frozen=True, slots=True)
class _Bounds:
    holds: Sequence[ir.Expr]

    def of(self, expr: ir.Expr) -> Interval:
        found = self._by_form(expr).narrowed(_by_type(expr.type))
        for condition in self.holds:
            match condition:
                case ir.Less(ir.Const(low), part) if part == expr and _is_number(low):
                    found = found.narrowed(Interval(low, None))
                case ir.Less(part, ir.Const(high)) if part == expr and _is_number(high):
                    found = found.narrowed(Interval(None, high))
                case ir.Equal(part, ir.Const(value)) if part == expr and _is_number(value):
                    found = found.narrowed(Interval(value, value))
                case _:
                    pass
        return found

    def _by_form(self, expr: ir.Expr) -> Interval:
        match expr:
            case ir.Const(value):
                return Interval(value, value) if _is_number(value) else ANY
            case ir.Arithmetic(op, left, right):
                return _arithmetic(op, self.of(left), self.of(right))
            case ir.Negate(operand):
                inner = self.of(operand)
                return Interval(
                    None if inner.high is None else -inner.high,
                    None if inner.low is None else -inner.low,
                )
            case ir.Pick(op, operands):
                return _picked(op, [self.of(operand) for operand in operands])
            case ir.If(condition, consequence, alternative):
                then = _Bounds((*self.holds, *_conjuncts(condition))).of(consequence)
                return then.hull(self.of(alternative))
            case ir.Coalesce(optional, default):
                return self.of(optional).hull(self.of(default))
            case ir.WhenPresent(_, _, body):
                return self.of(body)
            case ir.Unwrap(inner) | ir.Some(inner):
                return self.of(inner)
            case ir.Count() | ir.Length():
                return Interval(0, None)
            case ir.Sum(_, _, body):
                inner = self.of(body)
                return Interval(
                    0 if inner.low is not None and inner.low >= 0 else None,
                    0 if inner.high is not None and inner.high <= 0 else None,
                )
            case ir.Extremum(_, _, _, body):
                return self.of(body)
            case ir.TableRead(_, _, rows):
                values = [value for _, value in rows if _is_number(value)]
                if values and len(values) == len(rows):
                    return Interval(min(values), max(values))
                return ANY
            case _:
                return ANY


def _by_type(kind: Type) -> Interval:
    match kind:
        case OptionalType(inner):
            return _by_type(inner)
        case IntType(low, high) | DecimalType(low, high):
            return Interval(low, high)
        case _:
            return ANY


def _arithmetic(op: str, a: Interval, b: Interval) -> Interval:
    match op:
        case "+":
            return Interval(_both(a.low, b.low, 1), _both(a.high, b.high, 1))
        case "-":
            return Interval(_both(a.low, b.high, -1), _both(a.high, b.low, -1))
        case "*":
            return _product(a, b)
        case "/" if b.low is not None and b.low == b.high and b.low != 0:
            return _product(a, Interval(Fraction(1) / b.low, Fraction(1) / b.low))
        case "div" if b.low is not None and b.low == b.high and b.low > 0:
            low = None if a.low is None else a.low // b.low
            return Interval(low, None if a.high is None else a.high // b.low)
        case "%" if b.low is not None and b.low == b.high and b.low > 0:
            return Interval(0, b.low - 1)
        case _:
            return ANY


def _both(a: Number | None, b: Number | None, sign: int) -> Number | None:
    return None if a is None or b is None else a + sign * b


def _product(a: Interval, b: Interval) -> Interval:
    if None not in (a.low, a.high, b.low, b.high):
        ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]  # type: ignore[operator]
        return Interval(min(ends), max(ends))
    if a.low is not None and b.low is not None and a.low >= 0 and b.low >= 0:
        return Interval(a.low * b.low, None)
    return ANY


def _picked(op: str, parts: list[Interval]) -> Interval:
    lows, highs = [p.low for p in parts], [p.high for p in parts]
    some_low = [low for low in lows if low is not None]
    some_high = [high for high in highs if high is not None]
    if op == "max":
        return Interval(
            max(some_low, default=None),
            max(some_high) if len(some_high) == len(parts) else None,
        )
    return Interval(
        min(some_low) if len(some_low) == len(parts) else None,
        min(some_high, default=None),
    )


def _is_number(value: Value) -> TypeGuard[Number]:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)
