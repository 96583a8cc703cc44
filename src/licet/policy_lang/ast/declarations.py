"""What stands at the top of a file, `test` blocks apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .expressions import Expr, StringLiteral, Window
from .node import Node
from .tools import Message, ToolPattern
from .types import FieldDecl, TypeExpr


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
