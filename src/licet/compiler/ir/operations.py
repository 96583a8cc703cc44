"""What is worked out of scalars: logic, comparisons, numbers, time, text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..types import BOOL, Type

if TYPE_CHECKING:
    from . import Expr


# --- logic and comparison ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple[Expr, ...]
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple[Expr, ...]
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class If:
    condition: Expr
    consequence: Expr
    alternative: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Equal:
    """Equality of two values of one type, structural for records, lists and maps.

    Inside structures, absent equals absent. Numbers compare as rationals, text by code points.
    """

    left: Expr
    right: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Less:
    """`left < right`, or `<=` if not `strict`.

    Numbers, Date, Time, Duration by size; String by code points; Enum by declared order.
    """

    left: Expr
    right: Expr
    strict: bool
    type: Type = BOOL


# --- numbers and time --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+ - * /` on rationals; `div` and `%` floored, on Int by a positive constant.

    `/` is exact and typed so that the divisor is a constant other than zero. The same node
    serves Time ± Duration, Time − Time, Date − Date (a Duration), Date ± whole-day Duration
    (`date_shift`), Duration ± Duration and Duration * Int: run-time values are integers of
    microseconds, except that Dates count days, for which the two `date_*` ops convert.
    """

    op: Literal["+", "-", "*", "/", "div", "%", "date_difference", "date_shift"]
    left: Expr
    right: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Negate:
    operand: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Pick:
    """`min(a, b, …)` or `max(a, b, …)` of at least one number, Date, Time or Duration."""

    op: Literal["min", "max"]
    operands: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class ClockPart:
    """`.hour` (Int 0..23), `.weekday` (WEEKDAY), `.date` (Date) of a Time in the policy's zone;
    of a Date (`.weekday` alone), and `.year .month .day` (Int) of a Date."""

    part: Literal["hour", "weekday", "date", "year", "month", "day"]
    operand: Expr
    type: Type


# --- text --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Concat:
    """`+` on strings, flattened."""

    operands: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class TextTest:
    """`text contains part`, `startswith`, `endswith`. The empty part is in every text."""

    op: Literal["contains", "startswith", "endswith"]
    text: Expr
    part: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Matches:
    """Whole-text match of a constant regular expression of the language (see `regex`).

    `like "a*b"` is compiled to a regular expression too: `*` is any text, all else itself.
    """

    text: Expr
    pattern: str
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Builtin:
    """A pure function of the host, the same Python code (`builtins`) for both engines.

    To the solver it is an uninterpreted function: known where its arguments are, else any value
    of its type. `name` is a key of `builtins.BUILTINS`; the safe views, `lower`, `mentions`.
    """

    name: str
    arguments: tuple[Expr, ...]
    type: Type
