"""Operator precedence: a flat run of operands and operators becomes a tree.

Tightest first: `??` (to the right); unary `-` and `has`; `* / % div`; `+ -`; comparisons and word
operators; `not`; `and`; `or`. The run comes from the grammar, which has already seen to it that
operands and operators alternate.
"""

from __future__ import annotations

from typing import get_args

from . import ast
from .diagnostics import Diagnostic
from .literals import pattern_text
from .source import Source, Span
from .tokens import Token

Item = Token | ast.Expr
"""A run alternates operands, each after any prefixes, with operators; `matches` has a pattern."""

OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, ABSENT, PATH = range(1, 10)
"""Binding strengths; `PATH` is what needs no parentheses anywhere."""

STRENGTH: dict[str, int] = {
    "or": OR,
    "and": AND,
    "not": NOT,
    **dict.fromkeys((*get_args(ast.CompareOp), *get_args(ast.WordOp), "matches"), COMPARE),
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "div": PRODUCT,
    "%": PRODUCT,
    "has": SIGN,
    "??": ABSENT,
}
_COMPARE_OPS = frozenset(get_args(ast.CompareOp))
_UPWARDS = frozenset(("<", "<="))
_DOWNWARDS = frozenset((">", ">="))


class Precedence:
    """Turns runs of one source into trees, and collects what is wrong with them."""

    def __init__(self, source: Source, diagnostics: list[Diagnostic]) -> None:
        self.source = source
        self.diagnostics = diagnostics

    def tree(self, run: list[Item]) -> ast.Expr:
        """The expression that a run stands for (shunting yard: no recursion, however long)."""
        operands: list[ast.Expr] = []
        pending: list[tuple[Token, int, bool]] = []  # operator, strength, whether a prefix
        index = 0
        operand_next = True
        while index < len(run):
            item = run[index]
            index += 1
            if not isinstance(item, Token):
                operands.append(item)
                operand_next = False
            elif operand_next:
                strength = NOT if item.kind == "NOT" else SIGN
                if strength == NOT and pending and pending[-1][1] > NOT:
                    self.not_needs_parentheses(item, pending[-1][0])
                pending.append((item, strength, True))
            elif item.kind == "MATCHES":
                self.fold(operands, pending, COMPARE)
                pattern = run[index]
                assert isinstance(pattern, Token)
                index += 1
                operands.append(self.matches(operands.pop(), item, pattern))
            else:
                strength = STRENGTH[item.text]
                # `??` associates to the right, so an equal one on its left stays open
                self.fold(operands, pending, strength + (strength == ABSENT))
                pending.append((item, strength, False))
                operand_next = True
        self.fold(operands, pending, 0)
        return operands[0]

    def fold(
        self, operands: list[ast.Expr], pending: list[tuple[Token, int, bool]], strength: int
    ) -> None:
        """Apply every pending operator that binds at least as tightly as `strength`."""
        while pending and pending[-1][1] >= strength:
            token, _, is_prefix = pending.pop()
            right = operands.pop()
            if is_prefix:
                operands.append(self.prefixed(token, right))
            else:
                operands.append(self.joined(operands.pop(), token, right))

    def prefixed(self, token: Token, operand: ast.Expr) -> ast.Expr:
        span = Span(self.source, token.start, operand.span.end)
        if token.kind != "HAS":
            return ast.Unary("not" if token.kind == "NOT" else "-", operand, span=span)
        if not isinstance(operand, ast.Name | ast.Member | ast.Index | ast.ReadAs | ast.Call):
            self.report(
                "LIC025",
                "`has` asks about a path, not about a computed value",
                operand.span,
                "write `has args.note`, and combine with `and`; a value with `??` is never absent",
            )
        return ast.Has(operand, span=span)

    def joined(self, left: ast.Expr, token: Token, right: ast.Expr) -> ast.Expr:
        op = token.text
        span = Span(self.source, left.span.start, right.span.end)
        match op:
            case "and" | "or" | "+" | "-" | "*" | "/" | "div" | "%" | "??":
                return ast.Binary(op, left, right, span=span)
            case "==" | "!=" | "<" | "<=" | ">" | ">=":
                if self.is_open_comparison(left):
                    if isinstance(left, ast.Comparison):
                        self.check_chain(left, op, token)
                        return ast.Comparison(left.first, (*left.rest, (op, right)), span=span)
                    self.unchainable(token)
                return ast.Comparison(left, ((op, right),), span=span)
            case "in" | "contains" | "startswith" | "endswith" | "like" | "subset" | "under":
                if self.is_open_comparison(left):
                    self.unchainable(token)
                return ast.WordComparison(op, left, right, span=span)
            case _:
                if self.is_open_comparison(left):
                    self.unchainable(token)
                return ast.WordComparison("not in", left, right, span=span)

    def matches(self, text: ast.Expr, token: Token, pattern: Token) -> ast.Expr:
        if self.is_open_comparison(text):
            self.unchainable(token)
        pattern_span = Span(self.source, pattern.start, pattern.end)
        span = Span(self.source, text.span.start, pattern.end)
        return ast.Matches(text, pattern_text(pattern.text), span=span, pattern_span=pattern_span)

    def is_open_comparison(self, left: ast.Expr) -> bool:
        """Whether `left` is a comparison that no parentheses close (their span includes them)."""
        if isinstance(left, ast.Comparison):
            inner = left.first.span.start
        elif isinstance(left, ast.WordComparison):
            inner = left.left.span.start
        elif isinstance(left, ast.Matches):
            inner = left.text.span.start
        else:
            return False
        return left.span.start == inner

    def check_chain(self, left: ast.Comparison, op: str, token: Token) -> None:
        ops = {written for written, _ in left.rest} | {op}
        if "!=" in ops:
            message = "`!=` cannot be part of a chain of comparisons"
        elif ops & _UPWARDS and ops & _DOWNWARDS:
            message = "this chain of comparisons changes its direction"
        else:
            return
        span = Span(self.source, token.start, token.end)
        self.report("LIC023", message, span, "join separate comparisons with `and`")

    def unchainable(self, token: Token) -> None:
        self.report(
            "LIC023",
            f"`{token.text}` cannot follow another comparison",
            Span(self.source, token.start, token.end),
            "put one of the two in parentheses, or join them with `and`",
        )

    def not_needs_parentheses(self, token: Token, before: Token) -> None:
        self.report(
            "LIC024",
            f"`not` after `{before.text}` needs parentheses",
            Span(self.source, token.start, token.end),
            f"write `{before.text} (not …)`",
        )

    def report(self, code: str, message: str, span: Span, help: str) -> None:
        self.diagnostics.append(Diagnostic(code, message, span, help=help))
