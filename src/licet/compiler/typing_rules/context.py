"""What typing an expression may look at, and what it yields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from licet.policy_lang import Note, Span, ast

from .. import ir
from ..catalog import Tool
from ..gathering import Entry, Unit
from ..history import Index as HistoryIndex
from ..names import suggestion
from ..reporting import Reporter
from ..resolution import Index
from ..tables import Table
from ..tool_sets import ToolSets
from ..types import EnumType, RecordType, Type
from .narrowing import NOTHING, Known

if TYPE_CHECKING:
    from .history import Source

#: How many expressions one rule may grow to once its defines are written out.
LARGEST_RULE = 50_000
#: How deep expressions may nest once defines are written out; chains of `and` and `or` are flat.
DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Typed:
    """A typed expression, and the paths that are present where it is true, and where false."""

    expr: ir.Expr
    when_true: Known = NOTHING
    when_false: Known = NOTHING

    @property
    def type(self) -> Type:
        return self.expr.type


@dataclass(frozen=True, slots=True)
class Delayed:
    """A define's argument: typed where the define uses it, so that labels find their type."""

    node: ast.Expr
    scope: Scope


#: What a name in scope stands for.
Binding = ir.Expr | Delayed


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that an expression sees.

    `known` are paths shown to be present; `trail` leads from the text of a define to its use;
    `defines` are those being written out here.
    """

    unit: Unit
    variables: Mapping[str, Binding] = field(default_factory=dict)
    known: Known = NOTHING
    trail: tuple[Note, ...] = ()
    defines: tuple[Entry, ...] = ()

    def knowing(self, more: Known) -> Scope:
        """The same names, with more paths known to be present."""
        return self if not more else replace(self, known=self.known | more)

    def binding(self, names: Mapping[str, Binding]) -> Scope:
        """The scope inside a binder."""
        return replace(self, variables={**self.variables, **names})


class Declared(Protocol):
    """The declarations of the policy, each worked out when it is first asked for."""

    index: Index
    reporter: Reporter
    tool_sets: ToolSets
    zone: str
    used_defines: set[Entry]

    def value(self, entry: Entry) -> ir.Expr | None: ...

    def resolved(self, node: ast.TypeExpr, unit: Unit) -> Type: ...

    def change(self, tool: Tool) -> Entry | None: ...

    def table(self, entry: Entry) -> Table | None: ...

    def fact(self, entry: Entry) -> ir.FactSignature | None: ...

    def scope_record(self, name: str) -> RecordType: ...

    def remember(self, index: HistoryIndex) -> HistoryIndex: ...

    def enums_with(self, label: str) -> tuple[EnumType, ...]: ...


class Context:
    """One run over one rule as it stands on one tool (or over a constant: no tool, no roots)."""

    def __init__(
        self,
        declared: Declared,
        roots: frozenset[str] = frozenset(),
        tool: Tool | None = None,
        others: Iterable[Tool] = (),
        result: Type | None = None,
    ) -> None:
        self.declared = declared
        self.reporter = declared.reporter
        self.roots = roots
        self.tool = tool
        self.others = others
        self.result = result
        self.reads_args = False
        self.reads_tool = False
        self.witnesses: dict[str, tuple[bool, ir.Expr]] = {}
        #: Whether what is typed now is gone through by a fold, which alone may read `calls(…)`.
        self.in_fold = False
        #: By slot, the variables that stand for `calls(…)`, and what they go through.
        self.sources: dict[int, Source] = {}
        #: Every Bool expression typed so far, inner ones first, with the text that it came from.
        self.written: list[tuple[Span, ir.Expr]] = []
        self._slots = 0
        self._left = LARGEST_RULE
        self.depth = 0
        #: What a rule needs to exist because it reads it, before its own lets; None: no rule.
        self.implied: dict[str, ir.Let] | None = None
        #: In a limit's aggregate an optional may stand bare: where it is absent, the limit refuses.
        self.absence_refuses = False
        #: The values that were taken bare so.
        self.bare: list[ir.Unwrap] = []

    def infer(self, node: ast.Expr, scope: Scope, expected: Type | None = None) -> Typed | None:
        """The typed expression; None where an error was reported."""
        raise NotImplementedError

    def variable(self, name: str, type_: Type) -> ir.Var:
        """A fresh variable."""
        self._slots += 1
        return ir.Var(self._slots, name, type_)

    def spend(self) -> bool:
        """Count one expression; False once the rule has become too large."""
        self._left -= 1
        return self._left > 0

    def error(
        self, code: str, message: str, span: Span, scope: Scope, help: str | None = None
    ) -> None:
        """Report a mistake, with the way from a define to where it is used."""
        self.reporter.error(code, message, span, help, scope.trail)

    def unknown(
        self,
        code: str,
        what: str,
        name: str,
        known: tuple[str, ...],
        span: Span,
        scope: Scope,
        otherwise: str,
    ) -> None:
        """Report a name that is not there, with the nearest that is."""
        self.error(
            code, f"unknown {what} `{name}`", span, scope, suggestion(name, known, otherwise)
        )

    def mismatch(self, wanted: str, got: Type, span: Span, scope: Scope, help: str) -> None:
        """Report a value of the wrong type."""
        self.error("LIC111", f"{wanted} is wanted here, not `{got}`", span, scope, help)
