"""From what the parser has recognised to AST nodes: the driver's side, and expressions.

Each method takes the values of a rule's right-hand side (tokens, nodes, and lists for
repetitions) and the offset at which the rule starts; the last token read ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast, get_args

from . import ast
from .diagnostics import Diagnostic
from .familiar import said
from .literals import date_days, duration_value, number_value, pattern_text, time_value, unescape
from .operators import Item, Precedence
from .source import Source, Span
from .tokens import OPERATOR_WORDS, Token

Children = list[Any]
ParseHole = Callable[[Any, list[Token]], ast.Expr | None]
"""Parses the tokens of a message's hole with this same builder."""


class Builder:
    """Makes the nodes of one source, and collects what only shows once a node is whole."""

    def __init__(self, source: Source, parse_hole: ParseHole) -> None:
        self.source = source
        self.parse_hole = parse_hole
        self.end = 0
        """Where the last token that was read ends."""
        self.diagnostics: list[Diagnostic] = []
        self.precedence = Precedence(source, self.diagnostics)

    def span(self, start: int) -> Span:
        return Span(self.source, start, self.end)

    def token_span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    def report(self, code: str, message: str, span: Span, help: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, message, span, help=help))

    # --- repetitions and words

    def repeat(self, children: Children, _start: int) -> Children:
        """`x*`: one list, however often."""
        if children and isinstance(children[0], Repetition):
            children[0].extend(children[1:])
            return children[0]
        return Repetition(children)

    def listed(self, children: Children, _start: int) -> Children:
        return nodes(children)

    def names(self, children: Children, _start: int) -> tuple[str, ...]:
        return tuple(token.text for token in words(children))

    def binders(self, children: Children, _start: int) -> list[Token]:
        return words(children)

    def quoted_name(self, children: Children, _start: int) -> str:
        token = children[0]
        return unescape(token.text[1:-1]) if token.kind == "STRING" else token.text

    key = quoted_name

    def qualified(self, children: Children, _start: int) -> str:
        return ".".join(token.text for token in words(children))

    # --- literals and names

    def number(self, children: Children, start: int) -> ast.NumberLiteral:
        value, is_int = number_value(children[0].text)
        return ast.NumberLiteral(value, is_int, span=self.span(start))

    def duration(self, children: Children, start: int) -> ast.DurationLiteral:
        microseconds, unit = duration_value(children[0].text)
        return ast.DurationLiteral(microseconds, unit, span=self.span(start))

    def date(self, children: Children, start: int) -> ast.DateLiteral:
        days = date_days(children[0].text)
        assert days is not None
        return ast.DateLiteral(days, span=self.span(start))

    def time(self, children: Children, start: int) -> ast.TimeLiteral:
        value = time_value(children[0].text)
        assert value is not None
        return ast.TimeLiteral(*value, span=self.span(start))

    def string(self, children: Children, start: int) -> ast.StringLiteral:
        return ast.StringLiteral(unescape(children[0].text[1:-1]), span=self.span(start))

    def boolean(self, children: Children, start: int) -> ast.BoolLiteral:
        return ast.BoolLiteral(children[0].kind == "TRUE", span=self.span(start))

    def name(self, children: Children, start: int) -> ast.Name:
        return ast.Name(children[0].text, span=self.span(start))

    def negative(self, children: Children, start: int) -> ast.Expr:
        return ast.Unary("-", children[1], span=self.span(start))

    # --- paths

    def member(self, children: Children, start: int) -> ast.Member:
        name = self.quoted_name(children[2:], start)
        return ast.Member(children[0], name, span=self.span(start))

    def index(self, children: Children, start: int) -> ast.Index:
        return ast.Index(children[0], children[2], span=self.span(start))

    def read_as(self, children: Children, start: int) -> ast.ReadAs:
        return ast.ReadAs(children[0], children[2], span=self.span(start))

    def function_call(self, children: Children, start: int) -> ast.Call:
        return ast.Call(children[0].text, tuple(children[1]), span=self.span(start))

    def qualified_call(self, children: Children, start: int) -> ast.Expr:
        target, _, word, arguments = children
        if isinstance(target, ast.Name):
            return ast.Call(f"{target.name}.{word.text}", tuple(arguments), span=self.span(start))
        between = word.text.lower().replace("_", "")
        helps = f"write `a {between} b`"
        if between not in OPERATOR_WORDS:
            helps = said(word.text) or f"write `{word.text}(…)` around the value"
        self.report(
            "LIC029",
            f"values have no methods, and `{word.text}` is called as one",
            self.token_span(word),
            helps,
        )
        if between in get_args(ast.WordOp) and len(arguments) == 1:
            return ast.WordComparison(
                cast(ast.WordOp, between), target, arguments[0], span=self.span(start)
            )
        return ast.Call(word.text, (target, *arguments), span=self.span(start))

    # --- operators

    def prefixes(self, children: Children, _start: int) -> Children:
        return nodes(children, keep_tokens=True)

    def prefixed(self, children: Children, _start: int) -> Item | Run:
        return Run([*children[0], children[1]])

    def chain(self, children: Children, _start: int) -> Run:
        left, operator, right = children
        run = left if isinstance(left, Run) else Run([left])
        run.append(operator)
        if isinstance(right, Run):
            run.extend(right)
        else:
            run.append(right)
        return run

    def not_in(self, _children: Children, start: int) -> Token:
        return Token("NOT_IN", "not in", start, self.end)

    def operation(self, children: Children, _start: int) -> ast.Expr:
        run = children[0]
        return self.precedence.tree(run) if isinstance(run, Run) else cast(ast.Expr, run)

    def conditional(self, children: Children, start: int) -> ast.Conditional:
        _, condition, _, consequence, _, alternative = children
        return ast.Conditional(condition, consequence, alternative, span=self.span(start))

    def parenthesised(self, children: Children, start: int) -> ast.Expr:
        inner: ast.Expr = children[1]
        return replace(inner, span=self.span(start))

    # --- collections and history

    def list_literal(self, children: Children, start: int) -> ast.ListLiteral:
        return ast.ListLiteral(tuple(nodes(children)), span=self.span(start))

    def list_comprehension(self, children: Children, start: int) -> ast.ListComprehension:
        generator = self.generator(children[3], children[5])
        condition = children[7] if children[6].kind == "IF" else None
        return ast.ListComprehension(children[1], generator, condition, span=self.span(start))

    def comprehension(self, children: Children, start: int) -> ast.Comprehension:
        kind, _, bound, _, values, _, body, _ = children
        generator = self.generator(bound, values)
        return ast.Comprehension(kind.text, generator, body, span=self.span(start))

    def generator(self, bound: list[Token], values: ast.Expr) -> ast.Generator:
        span = Span(self.source, bound[0].start, values.span.end)
        return ast.Generator(tuple(token.text for token in bound), values, span=span)

    def record(self, children: Children, start: int) -> ast.RecordLiteral:
        fields: dict[str, ast.Expr] = {}
        for token, key, value in nodes(children):
            if key in fields:
                self.report("LIC030", f"the key `{key}` stands twice here", token)
            fields.setdefault(key, value)
        return ast.RecordLiteral(tuple(fields.items()), span=self.span(start))

    def entry(self, children: Children, start: int) -> tuple[Span, str, ast.Expr]:
        return self.span(start), children[0], children[2]

    def history(self, children: Children, start: int) -> ast.HistoryCalls:
        tools = [node for node in nodes(children) if isinstance(node, ast.ToolPattern)]
        per = within = None
        for keyword, value in pairwise(children):
            if isinstance(keyword, Token) and keyword.kind == "PER":
                per = value
            elif isinstance(keyword, Token) and keyword.kind == "WITHIN":
                within = value
        return ast.HistoryCalls(tuple(tools), per, within, span=self.span(start))

    def rolling(self, children: Children, start: int) -> ast.Window:
        return ast.Window(duration_value(children[0].text)[0], None, span=self.span(start))

    def calendar(self, children: Children, start: int) -> ast.Window:
        return ast.Window(None, children[0].text, span=self.span(start))

    def tool_pattern(self, children: Children, start: int) -> ast.ToolPattern:
        text = children[0].text
        if '"' not in text:
            return ast.ToolPattern(text, span=self.span(start))
        return ast.ToolPattern(unquoted(text), quoted=True, span=self.span(start))

    # --- types

    def field(self, children: Children, start: int) -> ast.FieldDecl:
        return ast.FieldDecl(children[0], children[2], span=self.span(start))

    def optional(self, children: Children, start: int) -> ast.OptionalType:
        return ast.OptionalType(children[0], span=self.span(start))

    def record_type(self, children: Children, start: int) -> ast.RecordType:
        return ast.RecordType(tuple(children[0]), span=self.span(start))

    def list_type(self, children: Children, start: int) -> ast.ListType:
        return ast.ListType(children[2], span=self.span(start))

    def map_type(self, children: Children, start: int) -> ast.MapType:
        return ast.MapType(children[2], children[4], span=self.span(start))

    def named_type(self, children: Children, start: int) -> ast.NamedType:
        found: dict[str, Any] = {}
        for what, value, span in nodes(children[1:]):
            if what in found:
                self.report("LIC027", f"a second {what} on one type", span, "keep one of the two")
            found[what] = value
        return ast.NamedType(
            children[0],
            found.get("range"),
            found.get("step"),
            found.get("pattern"),
            span=self.span(start),
        )

    def between(self, children: Children, start: int) -> tuple[str, ast.Bounds, Span]:
        span = self.span(start)
        return "range", ast.Bounds(children[1], children[3], span=span), span

    def one_sided(self, children: Children, start: int) -> tuple[str, ast.Bounds, Span]:
        token, edge = children
        span = self.span(start)
        is_open = token.kind in ("LT", "GT")
        if token.kind in ("LT", "LE"):
            return "range", ast.Bounds(None, edge, high_open=is_open, span=span), span
        return "range", ast.Bounds(edge, None, low_open=is_open, span=span), span

    def step(self, children: Children, start: int) -> tuple[str, ast.Expr, Span]:
        return "step", children[1], self.span(start)

    def pattern(self, children: Children, start: int) -> tuple[str, str, Span]:
        return "pattern", pattern_text(children[1].text), self.span(start)


class Repetition(list[Any]):
    """The values of a repetition, still growing."""


class Run(list[Item]):
    """Operands and operators whose precedence is not settled yet."""


def nodes(children: Children, *, keep_tokens: bool = False) -> list[Any]:
    """The children with repetitions spread out, and without tokens unless they are wanted."""
    found = []
    for child in children:
        if isinstance(child, Repetition):
            found.extend(child if keep_tokens else nodes(child))
        elif keep_tokens or not isinstance(child, Token):
            found.append(child)
    return found


def words(children: Children) -> list[Token]:
    """The tokens among the children that are names."""
    return [t for t in nodes(children, keep_tokens=True) if t.kind in ("WORD", "BINDER")]


def unquoted(tool: str) -> str:
    """A tool's qualified name without the quotes around one of its parts."""
    start = tool.index('"')
    return tool[:start] + unescape(tool[start + 1 : -1])
