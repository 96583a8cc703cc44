"""The dispatch: one typing rule for each kind of expression."""

from __future__ import annotations

from typing import assert_never

from licet.policy_lang import ast

from .. import ir
from ..folding import plain
from ..types import BOOL, DATE, DECIMAL, DURATION, INT, BoolType, OptionalType, Type
from .agreement import is_poisoned
from .collections import (
    infer_comprehension,
    infer_list_comprehension,
    infer_list_literal,
    infer_record_literal,
)
from .context import DEEPEST, LARGEST_RULE, Context, Scope, Typed
from .documents import infer_literal, infer_read_as, is_document
from .functions import infer_call
from .history import infer_calls
from .instants import infer_time
from .membership import infer_word_comparison
from .operators import (
    infer_binary,
    infer_comparison,
    infer_conditional,
    infer_unary,
)
from .optionals import infer_has, narrowed
from .paths import infer_index, infer_member, infer_name
from .texts import infer_matches, infer_string

LITERALS = (
    ast.BoolLiteral,
    ast.NumberLiteral,
    ast.StringLiteral,
    ast.ListLiteral,
    ast.RecordLiteral,
)


class Checker(Context):
    """A context that types expressions."""

    def infer(self, node: ast.Expr, scope: Scope, expected: Type | None = None) -> Typed | None:
        if not self.spend() or self.depth >= DEEPEST:
            self.error(
                "LIC129",
                "the rule becomes too large when its defines are written out "
                f"(at most {LARGEST_RULE:,} expressions, {DEEPEST} deep)",
                node.span,
                scope,
                "let fewer defines use one another, or split the rule",
            )
            return None
        self.depth += 1
        typed = self._infer(node, scope, expected)
        self.depth -= 1
        if typed is None or is_poisoned(typed.type):
            return None
        if isinstance(typed.type, OptionalType):
            return Typed(narrowed(typed.expr, scope))
        if isinstance(typed.type, BoolType) and not isinstance(typed.expr, ir.Const):
            self.written.append((node.span, typed.expr))
        return typed

    def _infer(self, node: ast.Expr, scope: Scope, expected: Type | None) -> Typed | None:
        if expected is not None and isinstance(node, LITERALS) and is_document(expected):
            return infer_literal(self, node, scope)
        match node:
            case ast.BoolLiteral(value=value):
                return Typed(ir.Const(value, BOOL))
            case ast.NumberLiteral(value=number, is_int=is_int):
                return Typed(ir.Const(plain(number), INT if is_int else DECIMAL))
            case ast.StringLiteral():
                return infer_string(self, node, scope, expected)
            case ast.DateLiteral(days=days):
                return Typed(ir.Const(days, DATE))
            case ast.TimeLiteral():
                return infer_time(self, node, scope)
            case ast.DurationLiteral(microseconds=microseconds):
                return Typed(ir.Const(microseconds, DURATION))
            case ast.Name():
                return infer_name(self, node, scope, expected)
            case ast.Member():
                return infer_member(self, node, scope)
            case ast.Index():
                return infer_index(self, node, scope)
            case ast.ReadAs():
                return infer_read_as(self, node, scope)
            case ast.Call():
                return infer_call(self, node, scope, expected)
            case ast.Unary():
                return infer_unary(self, node, scope)
            case ast.Binary():
                return infer_binary(self, node, scope, expected)
            case ast.Comparison():
                return infer_comparison(self, node, scope)
            case ast.WordComparison():
                return infer_word_comparison(self, node, scope)
            case ast.Matches():
                return infer_matches(self, node, scope)
            case ast.Has():
                return infer_has(self, node, scope)
            case ast.Conditional():
                return infer_conditional(self, node, scope, expected)
            case ast.ListLiteral():
                return infer_list_literal(self, node, scope, expected)
            case ast.RecordLiteral():
                return infer_record_literal(self, node, scope, expected)
            case ast.Comprehension():
                return infer_comprehension(self, node, scope)
            case ast.ListComprehension():
                return infer_list_comprehension(self, node, scope)
            case ast.HistoryCalls():
                return infer_calls(self, node, scope)
            case _:
                assert_never(node)
