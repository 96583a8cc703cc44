"""`test` blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .expressions import Expr, RecordLiteral
from .node import Node
from .tools import ToolPattern


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
