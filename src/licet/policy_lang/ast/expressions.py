"""Expressions, and the closed union of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from ..source import Span
from .node import Node
from .types import TypeExpr

if TYPE_CHECKING:
    from .tools import ToolPattern


@dataclass(frozen=True, slots=True)
class BoolLiteral(Node):
    value: bool


@dataclass(frozen=True, slots=True)
class NumberLiteral(Node):
    """`500`, `2_000` (is_int) or `0.05`; the value is exact."""

    value: Fraction
    is_int: bool


@dataclass(frozen=True, slots=True)
class StringLiteral(Node):
    value: str


@dataclass(frozen=True, slots=True)
class DateLiteral(Node):
    """`2026-11-22`: days since 1970-01-01."""

    days: int


@dataclass(frozen=True, slots=True)
class TimeLiteral(Node):
    """`2026-11-22T15:00Z`, `2026-11-22T15:00:00.5+01:00`, or local `2026-11-22T15:00` (offset
    None).

    `local` counts microseconds since 1970-01-01T00:00:00 on the clock that was written; `offset` is
    that clock's offset from UTC in seconds, None for the policy's own time zone.
    """

    local: int
    offset: int | None


@dataclass(frozen=True, slots=True)
class DurationLiteral(Node):
    """`30min`, `24h`: microseconds; `unit` is `s`, `min`, `h` or `d` as written."""

    microseconds: int
    unit: Literal["s", "min", "h", "d"]


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A bare word: variable, param, const, define, enum label, root (`args`, `now`, …) or rule
    name."""

    name: str


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`target.name` (or `target."odd name"`)."""

    target: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`target[key]`."""

    target: Expr
    key: Expr


@dataclass(frozen=True, slots=True)
class ReadAs(Node):
    """`document as TYPE`: a part of a document, read as a type; the type has no `?`, no bounds."""

    document: Expr
    type: TypeExpr


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`name(arguments)`: a fact, define, table, built-in function or safe view."""

    name: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    op: Literal["not", "-"]
    operand: Expr


BinaryOp = Literal["and", "or", "+", "-", "*", "/", "div", "%", "??"]


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`and`, `or`, `+` … associate to the left, `??` to the right."""

    op: BinaryOp
    left: Expr
    right: Expr


CompareOp = Literal["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """`first op operand op operand …`; a chain has one direction and no `!=`."""

    first: Expr
    rest: tuple[tuple[CompareOp, Expr], ...]


WordOp = Literal["in", "not in", "contains", "startswith", "endswith", "like", "subset", "under"]


@dataclass(frozen=True, slots=True)
class WordComparison(Node):
    """`left in right`, `left startswith right`, … : never chained."""

    op: WordOp
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Matches(Node):
    """`text matches /pattern/`."""

    text: Expr
    pattern: str
    pattern_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Has(Node):
    """`has PATH`."""

    path: Expr


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`if condition then consequence else alternative`."""

    condition: Expr
    consequence: Expr
    alternative: Expr


@dataclass(frozen=True, slots=True)
class ListLiteral(Node):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class RecordLiteral(Node):
    """`{ a: 1, "odd key": 2 }`: a record or a map, as the place expects."""

    fields: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Generator(Node):
    """`x in SOURCE`, or `k, v in MAP` / `a, b in adjacent(xs)`: one or two names."""

    names: tuple[str, ...]
    source: Expr


ComprehensionKind = Literal["all", "any", "count", "sum", "min", "max"]


@dataclass(frozen=True, slots=True)
class Comprehension(Node):
    """`any(x in xs: body)`."""

    kind: ComprehensionKind
    generator: Generator
    body: Expr


@dataclass(frozen=True, slots=True)
class ListComprehension(Node):
    """`[element for x in xs if condition]`."""

    element: Expr
    generator: Generator
    condition: Expr | None


@dataclass(frozen=True, slots=True)
class Window(Node):
    """`within 30min` (rolling: `microseconds`) or `within month` (`calendar`)."""

    microseconds: int | None
    calendar: Literal["day", "week", "month", "year"] | None


@dataclass(frozen=True, slots=True)
class HistoryCalls(Node):
    """`calls(TOOLS, per SCOPE, within WINDOW)`."""

    tools: tuple[ToolPattern, ...]
    per: Expr | None
    within: Window | None


Expr = (
    BoolLiteral
    | NumberLiteral
    | StringLiteral
    | DateLiteral
    | TimeLiteral
    | DurationLiteral
    | Name
    | Member
    | Index
    | ReadAs
    | Call
    | Unary
    | Binary
    | Comparison
    | WordComparison
    | Matches
    | Has
    | Conditional
    | ListLiteral
    | RecordLiteral
    | Comprehension
    | ListComprehension
    | HistoryCalls
)
