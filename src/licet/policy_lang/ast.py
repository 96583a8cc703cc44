"""The syntax of a policy: what the author wrote, before any name has a meaning.

Nodes are frozen and compare by content: the span of a node never takes part in equality, so that
`parse(format(tree)) == tree`. Unions are closed; a `match` over one ends in `assert_never`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from .source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What every node carries: where it stands."""

    span: Span = field(compare=False, repr=False)


# --- types -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bounds(Node):
    """`in LOW .. HIGH` (both ends included), or one-sided `>= LOW`, `> LOW`, `<= HIGH`, `<
    HIGH`."""

    low: Expr | None
    high: Expr | None
    low_open: bool = False
    high_open: bool = False


@dataclass(frozen=True, slots=True)
class NamedType(Node):
    """A built-in type, enum or record by name, perhaps narrowed by bounds, step or pattern."""

    name: str
    bounds: Bounds | None = None
    step: Expr | None = None
    pattern: str | None = None  # between the slashes, with `\/` already turned into `/`


@dataclass(frozen=True, slots=True)
class FieldDecl(Node):
    """`name: TYPE` in a record, scope, fact signature or tool; quoted names are unquoted here."""

    name: str
    type: TypeExpr


@dataclass(frozen=True, slots=True)
class RecordType(Node):
    """`{ a: T, b: U? }` written in place."""

    fields: tuple[FieldDecl, ...]


@dataclass(frozen=True, slots=True)
class ListType(Node):
    """`List<T>`."""

    element: TypeExpr


@dataclass(frozen=True, slots=True)
class MapType(Node):
    """`Map<K, T>`."""

    key: TypeExpr
    value: TypeExpr


@dataclass(frozen=True, slots=True)
class OptionalType(Node):
    """`T?`."""

    inner: TypeExpr


type_nodes = (NamedType, RecordType, ListType, MapType, OptionalType)
TypeExpr = NamedType | RecordType | ListType | MapType | OptionalType


# --- expressions -----------------------------------------------------------------------------


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


# --- tools and messages ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolPattern(Node):
    """`refund`, `desk.refund`, `update_*`, `"get-weather"`, a group's name, or `any`.

    `text` is the name without quotes; a `*` is a wildcard unless the pattern was quoted.
    """

    text: str
    quoted: bool = False

    @property
    def is_glob(self) -> bool:
        return "*" in self.text and not self.quoted


@dataclass(frozen=True, slots=True)
class Message(Node):
    """Text with `{expression}` holes; `{{` and `}}` stand for braces (already undone in
    `parts`)."""

    parts: tuple[str | Expr, ...]


# --- declarations ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PolicyDecl(Node):
    name: str


@dataclass(frozen=True, slots=True)
class TimezoneDecl(Node):
    zone: str


@dataclass(frozen=True, slots=True)
class UseTools(Node):
    """`use tools [FORMAT] "a.json", "b.json" [as NAME]`."""

    format: str | None
    sources: tuple[StringLiteral, ...]
    alias: str | None


@dataclass(frozen=True, slots=True)
class Import(Node):
    """`import "common.licet" with { fee: 50 }`."""

    path: str
    params: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class ToolDecl(Node):
    """`tool refund(amount: Decimal) -> { id: String } destructive tags "money"`.

    `flags` are in the order written, from `read_only destructive atomic dispatch`.
    """

    name: str
    params: tuple[FieldDecl, ...]
    result: TypeExpr | None
    flags: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EnumDecl(Node):
    name: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordDecl(Node):
    name: str
    fields: tuple[FieldDecl, ...]


@dataclass(frozen=True, slots=True)
class ValueDecl(Node):
    """`param NAME: TYPE [= DEFAULT]` (`is_param`), or `const NAME[: TYPE] = VALUE`."""

    name: str
    type: TypeExpr | None
    value: Expr | None
    is_param: bool


@dataclass(frozen=True, slots=True)
class TableRow(Node):
    """`regular, economy: 1`; a key `_` (Name) stands for every value of its column."""

    keys: tuple[Expr, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class TableDecl(Node):
    """`[param] table NAME(T, U) -> V { rows }`; the last row may end without `;`."""

    name: str
    params: tuple[TypeExpr, ...]
    result: TypeExpr
    rows: tuple[TableRow, ...]
    is_param: bool


@dataclass(frozen=True, slots=True)
class ScopeDecl(Node):
    """`principal { … }`, `context { … }`, `session { … }`."""

    scope: Literal["principal", "context", "session"]
    fields: tuple[FieldDecl, ...]


@dataclass(frozen=True, slots=True)
class FactDecl(Node):
    name: str
    params: tuple[FieldDecl, ...]
    result: TypeExpr


@dataclass(frozen=True, slots=True)
class GroupDecl(Node):
    name: str
    members: tuple[ToolPattern, ...]


@dataclass(frozen=True, slots=True)
class DefineDecl(Node):
    """`define NAME = body` (`params` None) or `define NAME(a, b) = body`."""

    name: str
    params: tuple[str, ...] | None
    body: Expr


@dataclass(frozen=True, slots=True)
class ChangeDecl(Node):
    """`change on TOOLS before EXPR after EXPR`: what a document was, and what it becomes."""

    on: tuple[ToolPattern, ...]
    before: Expr
    after: Expr


@dataclass(frozen=True, slots=True)
class ShownDecl(Node):
    paths: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Adjustable(Node):
    """One `TOOL(arg, arg.field)` of an `adjustable` declaration; each argument as its path."""

    tool: ToolPattern
    arguments: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class AdjustableDecl(Node):
    entries: tuple[Adjustable, ...]


@dataclass(frozen=True, slots=True)
class Let(Node):
    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Approval(Node):
    """`to CONDITION [needs N]`."""

    condition: Expr
    needs: int = 1


@dataclass(frozen=True, slots=True)
class RuleDecl(Node):
    """`permit`, `forbid` or `escalate`; `approval` is there for `escalate` alone."""

    kind: Literal["permit", "forbid", "escalate"]
    name: str
    on: tuple[ToolPattern, ...]
    lets: tuple[Let, ...] = ()
    when: Expr | None = None
    unless: Expr | None = None
    message: Message | None = None
    approval: Approval | None = None


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """`on TOOLS sum(amount)`, or `count()` with `amount` None."""

    on: tuple[ToolPattern, ...]
    kind: Literal["sum", "count"]
    amount: Expr | None


@dataclass(frozen=True, slots=True)
class LimitDecl(Node):
    name: str
    aggregates: tuple[Aggregate, ...]
    per: Expr | None
    within: Window | None
    op: Literal["<=", "<"]
    bound: Expr
    lets: tuple[Let, ...] = ()
    when: Expr | None = None
    unless: Expr | None = None
    settle_at: Expr | None = None
    otherwise: Approval | None = None
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class ProveDecl(Node):
    name: str
    mode: Literal["never", "always", "can"]
    on: tuple[ToolPattern, ...]
    when: Expr | None


# --- tests -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GivenScope(Node):
    scope: Literal["principal", "context", "session"]
    value: RecordLiteral


@dataclass(frozen=True, slots=True)
class GivenFact(Node):
    """`reservation("R1") { … }` or `= v`: `value`; `absent` and `unknown`: `state`."""

    name: str
    keys: tuple[Expr, ...]
    value: Expr | None
    state: Literal["value", "absent", "unknown"]


@dataclass(frozen=True, slots=True)
class GivenNow(Node):
    value: Expr


GivenItem = GivenScope | GivenFact | GivenNow


@dataclass(frozen=True, slots=True)
class Given(Node):
    """Holds for every call below, until a `given` that follows one of them."""

    items: tuple[GivenItem, ...]


@dataclass(frozen=True, slots=True)
class CallStep(Node):
    tool: ToolPattern
    args: RecordLiteral


@dataclass(frozen=True, slots=True)
class Then(Node):
    """`then deny by a, b`: `by` is exactly the set of rules that fired (None: not looked at).

    `result` says how the allowed call then ends: what its tool answers, or the Name `error`,
    `pending` (nothing is heard of it) or `cancelled`; None: well, without an answer.
    """

    outcome: Literal["allow", "deny", "escalate"]
    by: tuple[str, ...] | None = None
    result: Expr | None = None


@dataclass(frozen=True, slots=True)
class TestDecl(Node):
    name: str
    steps: tuple[Given | CallStep | Then, ...]


Declaration = (
    PolicyDecl
    | TimezoneDecl
    | UseTools
    | Import
    | ToolDecl
    | EnumDecl
    | RecordDecl
    | ValueDecl
    | TableDecl
    | ScopeDecl
    | FactDecl
    | GroupDecl
    | DefineDecl
    | ChangeDecl
    | ShownDecl
    | AdjustableDecl
    | RuleDecl
    | LimitDecl
    | ProveDecl
    | TestDecl
)


@dataclass(frozen=True, slots=True)
class File(Node):
    """One policy file: its declarations in the order written."""

    declarations: tuple[Declaration, ...]
