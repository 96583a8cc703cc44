"""Expressions, types, tools and messages as documents: the inner half of the formatter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import assert_never

from . import ast
from .documents import Doc, Group, Line, Nest
from .formatting_leaves import (
    date_text,
    duration_text,
    escaped,
    name_text,
    number_text,
    pattern_text,
    string_text,
    time_text,
    tool_text,
    window_text,
)
from .lexing import COMPREHENSIONS, Comment
from .operators import ABSENT, COMPARE, NOT, PATH, SIGN, STRENGTH, SUM
from .tokens import Token

LOWEST = 0
"""A place for any expression; everywhere else the operator around it asks for more strength."""

_BINDING = re.compile(r"[A-Za-z_][A-Za-z0-9_]* in ")


class Layout:
    """Lays out the nodes of one source, and knows where its comments and tokens stand."""

    def __init__(self, tokens: Sequence[Token] = (), comments: Sequence[Comment] = ()) -> None:
        self.tokens = tokens
        self.comments = comments

    def group(self, node: ast.Node, inside: Doc) -> Group:
        """A group that breaks if the source has a comment inside the node."""
        start, end = node.span.start, node.span.end
        return Group(inside, broken=any(start < c.start < end for c in self.comments))

    def bracketed(
        self,
        node: ast.Node,
        opening: str,
        items: Sequence[tuple[int, Doc]],
        closing: str,
        *,
        space: str = "",
        separator: str = ",",
        keeps_blank: bool = False,
    ) -> Doc:
        """`opening item, item closing`, one item a line when it does not fit."""
        if not items:
            return opening + closing
        lines: list[Doc] = []
        for index, (anchor, item) in enumerate(items):
            flat = " " if index else space
            lines.append(Line(flat, anchor, keeps_blank=keeps_blank and index > 0))
            lines.append(item)
            if index < len(items) - 1:
                lines.append(separator)
        end = Line(space, node.span.end)
        return self.group(node, [opening, Nest(2, lines), end, closing])

    # --- expressions

    def expression(self, node: ast.Expr, strength: int = LOWEST) -> Doc:
        """An expression, in parentheses where its place asks for more strength.

        The author's own parentheses stay inside an expression, and go around a whole one.
        """
        doc = self.bare(node)
        needed = strength_of(node) < strength or (strength == PATH and is_unsplit_literal(node))
        kept = strength > LOWEST and is_parenthesised(node)
        return ["(", doc, ")"] if needed or kept else doc

    def bare(self, node: ast.Expr) -> Doc:
        match node:
            case ast.BoolLiteral():
                return "true" if node.value else "false"
            case ast.NumberLiteral():
                return number_text(node)
            case ast.StringLiteral():
                return string_text(node)
            case ast.DateLiteral():
                return date_text(node)
            case ast.TimeLiteral():
                return time_text(node)
            case ast.DurationLiteral():
                return duration_text(node)
            case ast.Name():
                return node.name
            case ast.Member():
                return [self.target(node.target), ".", name_text(node.name)]
            case ast.Index():
                return [self.target(node.target), "[", self.expression(node.key), "]"]
            case ast.ReadAs():
                return [self.target(node.document), " as ", self.type(node.type)]
            case ast.Call():
                return self.bracketed(node, f"{node.name}(", self.arguments(node), ")")
            case ast.Unary("not"):
                return ["not ", self.expression(node.operand, NOT)]
            case ast.Unary():
                return ["-", self.expression(node.operand, ABSENT)]
            case ast.Binary():
                return self.binary(node)
            case ast.Comparison():
                parts = [(f"{op} ", operand) for op, operand in node.rest]
                return self.operands(node, node.first, parts, SUM)
            case ast.WordComparison():
                return self.operands(node, node.left, [(f"{node.op} ", node.right)], SUM)
            case ast.Matches():
                return [self.expression(node.text, SUM), " matches ", pattern_text(node.pattern)]
            case ast.Has():
                return ["has ", self.expression(node.path, PATH)]
            case ast.Conditional():
                return self.conditional(node)
            case ast.ListLiteral():
                items = [(item.span.start, self.expression(item)) for item in node.items]
                return self.bracketed(node, "[", items, "]")
            case ast.RecordLiteral():
                return self.record(node)
            case ast.Comprehension():
                body = [Line(anchor=node.body.span.start), self.expression(node.body)]
                head = [f"{node.kind}(", self.generator(node.generator), ":"]
                return self.group(node, [head, Nest(2, body), Line("", node.span.end), ")"])
            case ast.ListComprehension():
                return self.list_comprehension(node)
            case ast.HistoryCalls():
                return self.history(node)
            case _:
                assert_never(node)

    def target(self, node: ast.Expr) -> Doc:
        """What a dot, a bracket or `as` stands behind; `(x as T).a` is easier to read so."""
        doc = self.expression(node, PATH)
        return ["(", doc, ")"] if isinstance(node, ast.ReadAs) else doc

    def arguments(self, node: ast.Call) -> list[tuple[int, Doc]]:
        """A call's arguments; `min((x in xs), …)` must not look like a comprehension."""
        items = [(a.span.start, self.expression(a)) for a in node.arguments]
        if node.name in COMPREHENSIONS:
            for index in range(min(2, len(items))):
                anchor, item = items[index]
                if _BINDING.match(flat(item)):
                    items[index] = anchor, ["(", item, ")"]
        return items

    def binary(self, node: ast.Binary) -> Doc:
        strength = STRENGTH[node.op]
        parts: list[tuple[str, ast.Expr]] = []
        first: ast.Expr = node
        if node.op == "??":
            return self.operands(node, node.left, [("?? ", node.right)], PATH, last=SIGN)
        while (
            isinstance(first, ast.Binary)
            and STRENGTH[first.op] == strength
            and (first is node or not is_parenthesised(first))
        ):
            parts.append((f"{first.op} ", first.right))
            first = first.left
        return self.operands(node, first, parts[::-1], strength + 1, first_strength=strength)

    def operands(
        self,
        node: ast.Node,
        first: ast.Expr,
        rest: Sequence[tuple[str, ast.Expr]],
        strength: int,
        *,
        first_strength: int | None = None,
        last: int | None = None,
    ) -> Doc:
        """`first op operand op operand`, broken before each operator when it does not fit."""
        lines: list[Doc] = []
        for op, operand in rest:
            lines.append(Line(anchor=operand.span.start))
            lines.append([op, self.expression(operand, strength if last is None else last)])
        left = self.expression(first, strength if first_strength is None else first_strength)
        return self.group(node, [left, Nest(2, lines)])

    def conditional(self, node: ast.Conditional) -> Doc:
        branches: list[Doc] = [
            Line(anchor=node.consequence.span.start),
            ["then ", self.expression(node.consequence)],
            Line(anchor=node.alternative.span.start),
            ["else ", self.expression(node.alternative)],
        ]
        return self.group(node, ["if ", self.expression(node.condition), Nest(2, branches)])

    def record(self, node: ast.RecordLiteral) -> Doc:
        items: list[tuple[int, Doc]] = [
            (value.span.start, [f"{name_text(key)}: ", self.expression(value)])
            for key, value in node.fields
        ]
        return self.bracketed(node, "{", items, "}", space=" ")

    def generator(self, node: ast.Generator) -> Doc:
        return [f"{', '.join(node.names)} in ", self.expression(node.source, LOWEST + 1)]

    def list_comprehension(self, node: ast.ListComprehension) -> Doc:
        parts: list[Doc] = [
            self.expression(node.element),
            Line(anchor=node.generator.span.start),
            ["for ", self.generator(node.generator)],
        ]
        if node.condition is not None:
            parts.append(Line(anchor=node.condition.span.start))
            parts.append(["if ", self.expression(node.condition, LOWEST + 1)])
        return self.group(node, ["[", Nest(2, parts), Line("", node.span.end), "]"])

    def history(self, node: ast.HistoryCalls) -> Doc:
        items: list[tuple[int, Doc]] = [(t.span.start, tool_text(t)) for t in node.tools]
        if node.per is not None:
            items.append((node.per.span.start, ["per ", self.expression(node.per, PATH)]))
        if node.within is not None:
            items.append((node.within.span.start, f"within {window_text(node.within)}"))
        return self.bracketed(node, "calls(", items, ")")

    # --- types

    def type(self, node: ast.TypeExpr) -> Doc:
        match node:
            case ast.NamedType():
                return self.named_type(node)
            case ast.RecordType():
                return self.fields(node, "{", node.fields, "}", space=" ")
            case ast.ListType():
                return ["List<", self.type(node.element), ">"]
            case ast.MapType():
                return ["Map<", self.type(node.key), ", ", self.type(node.value), ">"]
            case ast.OptionalType():
                return [self.type(node.inner), "?"]
            case _:
                assert_never(node)

    def named_type(self, node: ast.NamedType) -> Doc:
        parts: list[Doc] = [node.name]
        bounds = node.bounds
        if bounds is not None and bounds.low is not None and bounds.high is not None:
            low, high = self.expression(bounds.low), self.expression(bounds.high)
            parts.append([" in ", low, " .. ", high])
        elif bounds is not None and bounds.low is not None:
            parts.append([" > " if bounds.low_open else " >= ", self.expression(bounds.low)])
        elif bounds is not None and bounds.high is not None:
            parts.append([" < " if bounds.high_open else " <= ", self.expression(bounds.high)])
        if node.step is not None:
            parts.append([" step ", self.expression(node.step)])
        if node.pattern is not None:
            parts.append([" matches ", pattern_text(node.pattern)])
        return parts

    def fields(
        self,
        node: ast.Node,
        opening: str,
        fields: Sequence[ast.FieldDecl],
        closing: str,
        *,
        space: str = "",
    ) -> Doc:
        items: list[tuple[int, Doc]] = [
            (field.span.start, [f"{name_text(field.name)}: ", self.type(field.type)])
            for field in fields
        ]
        return self.bracketed(node, opening, items, closing, space=space, keeps_blank=True)

    # --- messages

    def message(self, node: ast.Message) -> str:
        shown = []
        for part in node.parts:
            if isinstance(part, str):
                shown.append(escaped(part.replace("{", "{{").replace("}", "}}")))
            else:
                text = flat(self.expression(part))
                space = " " if text.startswith("{") else ""
                shown.append(f"{{{space}{escaped(text)}}}")
        return f'"{"".join(shown)}"'


def strength_of(node: ast.Expr) -> int:
    """How tightly a node binds its parts: `LOWEST` for `if`, `PATH` where nothing can split it."""
    match node:
        case ast.Conditional():
            return LOWEST
        case ast.Binary():
            return STRENGTH[node.op]
        case ast.Comparison() | ast.WordComparison() | ast.Matches():
            return COMPARE
        case ast.Unary():
            return NOT if node.op == "not" else SIGN
        case ast.Has():
            return SIGN
        case _:
            return PATH


def is_parenthesised(node: ast.Expr) -> bool:
    """Whether the author put parentheses around a node that is made of others."""
    match node:
        case ast.Binary(left=first) | ast.WordComparison(left=first):
            return node.span.start < first.span.start
        case ast.Comparison(first=first) | ast.Matches(text=first):
            return node.span.start < first.span.start
        case ast.Unary() | ast.Has() | ast.Conditional():
            return node.span.text.startswith("(")
        case _:
            return False


def is_unsplit_literal(node: ast.Expr) -> bool:
    """Whether a dot behind a node would be read as part of it."""
    return isinstance(
        node, ast.NumberLiteral | ast.DurationLiteral | ast.DateLiteral | ast.TimeLiteral
    )


def flat(doc: Doc) -> str:
    """The text of a document in which no line breaks."""
    shown: list[str] = []
    stack: list[Doc] = [doc]
    while stack:
        match part := stack.pop():
            case str():
                shown.append(part)
            case Line():
                shown.append(part.flat)
            case Nest() | Group():
                stack.append(part.inside)
            case _:
                stack.extend(reversed(part))
    return "".join(shown)
