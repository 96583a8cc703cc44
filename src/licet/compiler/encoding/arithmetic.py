"""Numbers, dates and times: arithmetic on terms over a scale, and the clock of a zone."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, assert_never, cast

from ..types import DAY, TimeType, Type
from . import calendar
from .algebra import Algebra
from .failures import EncodingFault
from .symbolic import MAX_SCALE, Number
from .terms import Term

ArithmeticOp = Literal["+", "-", "*", "/", "div", "%", "date_difference", "date_shift"]
ClockPart = Literal["hour", "weekday", "date", "year", "month", "day"]


class Numbers:
    """Operations on numbers; `transitions` are those of the policy's zone."""

    def __init__(self, algebra: Algebra, transitions: Sequence[tuple[int, int]]) -> None:
        self._algebra = algebra
        self._t = algebra.t
        self._transitions = transitions
        self._locals: dict[Term, Term] = {}

    def negate(self, a: Number) -> Number:
        """`-a`."""
        return Number(self._t.scale(a.term, -1), a.scale)

    def better(self, least: bool, a: Number, b: Number) -> Number:
        """The lesser, or the greater, of two numbers."""
        (x, y), scale = self._algebra.level((a, b))
        first = self._t.le(x, y) if least else self._t.le(y, x)
        return Number(self._t.ite(first, x, y), scale)

    def apply(self, op: ArithmeticOp, a: Number, b: Number) -> Number:
        """`a op b`, as `ir.Arithmetic` has it."""
        match op:
            case "+" | "-":
                (x, y), scale = self._algebra.level((a, b))
                if op == "-":
                    y = self._t.scale(y, -1)
                return Number(self._t.add((x, y), x.sort), scale)
            case "*":
                scale = a.scale * b.scale
                if 0 < scale <= MAX_SCALE:
                    return Number(self._t.mul(a.term, b.term), scale)
                return Number(self._t.mul(self._algebra.rational(a), self._algebra.rational(b)), 0)
            case "/":
                divisor = _literal(b)
                if a.scale and a.scale * abs(divisor.numerator) <= MAX_SCALE:
                    factor = divisor.denominator * (1 if divisor > 0 else -1)
                    return Number(self._t.scale(a.term, factor), a.scale * abs(divisor.numerator))
                return Number(self._t.scale(self._algebra.rational(a), 1 / divisor), 0)
            case "div" | "%":
                divisor = _literal(b)
                quotient = self._floored(a, divisor)
                if op == "div":
                    return quotient
                whole = Number(self._t.scale(quotient.term, divisor.numerator))
                return self.apply("-", a, whole)
            case "date_difference":
                return Number(self._t.scale(self._t.sub(a.term, b.term), DAY))
            case "date_shift":
                return Number(self._t.add((a.term, self._floored(b, Fraction(DAY)).term)))
            case _:
                assert_never(op)

    def _floored(self, a: Number, divisor: Fraction) -> Number:
        """The whole number below a / divisor, for a whole positive divisor."""
        if divisor.denominator != 1 or divisor <= 0:
            raise EncodingFault("floored division by a constant that is not a positive integer")
        if a.scale == 0:
            return Number(self._t.floor(self._t.scale(a.term, 1 / divisor)))
        return Number(self._t.div(a.term, a.scale * divisor.numerator))

    def clock_part(self, part: ClockPart, operand: Term, type: Type) -> Number:
        """A part of a Time in the policy's zone, or of a Date."""
        t = self._t
        if isinstance(type, TimeType):
            if operand not in self._locals:
                self._locals[operand] = calendar.local(t, operand, self._transitions)
            here = self._locals[operand]
            if part == "hour":
                return Number(calendar.hour(t, here))
            operand = calendar.date(t, here)
        match part:
            case "date":
                return Number(operand)
            case "weekday":
                return Number(calendar.weekday(t, operand))
            case "year" | "month" | "day":
                parts = calendar.civil(t, operand)
                return Number(parts[("year", "month", "day").index(part)])
            case "hour":
                raise EncodingFault("the hour of a date")
            case _:
                assert_never(part)


def _literal(number: Number) -> Fraction:
    """The number that a constant divisor is."""
    if number.term.op != "lit" or not number.term.payload:
        raise EncodingFault("division by something other than a constant")
    value = Fraction(cast(Fraction, number.term.payload))
    return value / number.scale if number.scale else value
