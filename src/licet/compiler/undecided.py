"""Pass 6: limits: typed completely, then refused, because no engine decides them yet.

Together with `typing_rules.history` and the line on `escalate` in `rules`, this is all that a later
version has to replace.
"""

from __future__ import annotations

from licet.policy_lang import ast

from .declarations import Declarations
from .gathering import Entry
from .rules import ROOTS, type_approval, type_condition, type_lets, type_message
from .types import (
    JSON,
    BoolType,
    DateType,
    EnumType,
    IntType,
    StringType,
)
from .typing_rules import Checker, Scope
from .typing_rules.agreement import is_number
from .typing_rules.history import not_supported
from .typing_rules.optionals import required


def check_undecided(declared: Declarations) -> None:
    """Type every limit."""
    for entry in declared.index.entries("rule"):
        match entry.declaration:
            case ast.LimitDecl():
                _limit(declared, entry, entry.declaration)
            case _:
                pass


def _limit(declared: Declarations, entry: Entry, limit: ast.LimitDecl) -> None:
    for aggregate in limit.aggregates:
        tools = declared.tool_sets.resolve(aggregate.on, entry.unit)
        for tool in tools:
            result = JSON if tool.result is None else tool.result
            checker = Checker(declared, ROOTS, tool, tools, result)
            scope, _ = type_lets(checker, limit.lets, Scope(entry.unit))
            scope, test = type_condition(checker, limit.when, limit.unless, scope)
            if aggregate.amount is not None:
                _amount(checker, aggregate.amount, scope)
            _per(checker, limit.per, scope)
            _number(checker, limit.bound, scope, "a limit's bound")
            if limit.settle_at is not None:
                checker.roots = ROOTS | {"result"}
                _amount(checker, limit.settle_at, scope)
                checker.roots = ROOTS
            if limit.otherwise is not None:
                type_approval(checker, limit.otherwise, scope)
            if limit.message is not None:
                type_message(checker, limit.message, scope, test)
    not_supported(Checker(declared, ROOTS), "`limit`", limit, Scope(entry.unit))


def _amount(checker: Checker, node: ast.Expr, scope: Scope) -> None:
    """A number, in which optionals may stand bare: where one is absent, the limit refuses."""
    checker.absence_refuses = True
    _number(checker, node, scope, "what a limit adds up")
    checker.absence_refuses = False


def _number(checker: Checker, node: ast.Expr, scope: Scope, what: str) -> None:
    typed = required(checker, node, scope)
    if typed is not None and not is_number(typed.type):
        checker.mismatch("a number", typed.type, node.span, scope, f"{what} is a number")


def _per(checker: Checker, node: ast.Expr | None, scope: Scope) -> None:
    typed = None if node is None else required(checker, node, scope)
    if node is None or typed is None:
        return
    if not isinstance(typed.type, StringType | EnumType | IntType | BoolType | DateType):
        checker.mismatch(
            "text, a label, a whole number, a Bool or a Date",
            typed.type,
            node.span,
            scope,
            "a limit counts apart for each value of one plain path",
        )
