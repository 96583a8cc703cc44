"""Syntax trees in short, with spans that do not matter."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from licet.policy_lang import Source, Span, ast

HERE = Span(Source("<expected>", ""), 0, 0)


def n(cls: Any, *args: Any, **fields: Any) -> Any:
    """A node whose span does not matter."""
    return cls(*args, **fields, span=HERE)


def name(text: str) -> ast.Name:
    return n(ast.Name, text)


def number(value: int | str) -> ast.NumberLiteral:
    return n(ast.NumberLiteral, Fraction(value), isinstance(value, int))


def text(value: str) -> ast.StringLiteral:
    return n(ast.StringLiteral, value)


def path(*parts: str) -> ast.Expr:
    found: ast.Expr = name(parts[0])
    for part in parts[1:]:
        found = n(ast.Member, found, part)
    return found


def binary(op: str, left: ast.Expr, right: ast.Expr) -> ast.Binary:
    return n(ast.Binary, op, left, right)


def compare(first: ast.Expr, *rest: tuple[str, ast.Expr]) -> ast.Comparison:
    return n(ast.Comparison, first, rest)


def tool(pattern: str, *, quoted: bool = False) -> ast.ToolPattern:
    return n(ast.ToolPattern, pattern, quoted)


def tools(*patterns: str) -> tuple[ast.ToolPattern, ...]:
    return tuple(tool(pattern) for pattern in patterns)


def type_(of: str, *args: Any) -> ast.NamedType:
    return n(ast.NamedType, of, *args)


def field(of: str, type: ast.TypeExpr) -> ast.FieldDecl:
    return n(ast.FieldDecl, of, type)
