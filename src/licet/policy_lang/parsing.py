"""From text to syntax tree, with every syntax error of the file at once.

`parse` never raises on a user's text: what cannot be read is a diagnostic, and reading goes on at
the next declaration word in the first column. A declaration that could not be read to its end is
not in the tree; one with a mistake inside a word or a clause is there, with a harmless stand-in.
So a tree means something only when there is no error.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from . import ast
from .diagnostics import Diagnostic
from .explaining import Failure, explain
from .lexing import MAX_DEPTH, lex
from .source import Source, Span
from .tokens import CONTEXTUAL, DECLARATION_KINDS, END, ERROR, SCOPE_WORDS, Token

if TYPE_CHECKING:
    from .building_declarations import DeclarationBuilder
    from .tables import Tables


_MAX_STACK = 20 * MAX_DEPTH  # no level of nesting takes so many states


def parse(source: Source) -> tuple[ast.File, tuple[Diagnostic, ...]]:
    """The declarations of a policy file, and what is wrong with it, in the order of the text."""
    from .building_declarations import DeclarationBuilder
    from .tables import tables

    lexed = lex(source)
    builder = DeclarationBuilder(source, _parse_hole)
    run = _Run(tables(), builder, lexed.tokens, [d.span.start for d in lexed.diagnostics if d.span])
    declarations = run.file()
    span = Span(source, 0, len(source.text))
    return ast.File(tuple(declarations), span=span), _sorted(lexed.diagnostics, builder.diagnostics)


def parse_expression(source: Source) -> tuple[ast.Expr | None, tuple[Diagnostic, ...]]:
    """One expression that fills the source, and what is wrong with it; None if it has no tree."""
    from .building_declarations import DeclarationBuilder
    from .tables import tables

    lexed = lex(source)
    builder = DeclarationBuilder(source, _parse_hole)
    run = _Run(tables(), builder, lexed.tokens, [d.span.start for d in lexed.diagnostics if d.span])
    tree = run.expression()
    return tree, _sorted(lexed.diagnostics, builder.diagnostics)


def _parse_hole(builder: DeclarationBuilder, tokens: list[Token]) -> ast.Expr | None:
    """The expression in a message's hole; what is wrong goes to the builder."""
    from .tables import tables

    end = builder.end
    tree = _Run(tables(), builder, tuple(tokens), []).expression()
    builder.end = end
    return tree


def _sorted(*groups: tuple[Diagnostic, ...] | list[Diagnostic]) -> tuple[Diagnostic, ...]:
    found = [diagnostic for group in groups for diagnostic in group]
    return tuple(sorted(found, key=lambda d: (d.span.start, d.span.end) if d.span else (0, 0)))


@dataclass(frozen=True, slots=True)
class _Reached:
    """A finished tree (None after an error) and the index of the token that follows it."""

    tree: Any
    index: int


class _Run:
    """Reads the tokens of one source with the tables."""

    def __init__(
        self,
        tables: Tables,
        builder: DeclarationBuilder,
        tokens: tuple[Token, ...],
        mistakes: list[int],
    ) -> None:
        self.tables = tables
        self.builder = builder
        self.tokens = tokens
        self.mistakes = mistakes  # where the lexer has found something to say

    def file(self) -> list[ast.Declaration]:
        declarations: list[ast.Declaration] = []
        index = 0
        while self.tokens[index].kind != END:
            reached = self.read("declaration", index)
            if reached.tree is not None:
                declarations.append(reached.tree)
            index = reached.index
        return declarations

    def expression(self) -> ast.Expr | None:
        tree: ast.Expr | None = self.read("expression", 0).tree
        return tree

    def read(self, start: str, first: int) -> _Reached:
        """Read one declaration, or one expression, from token `first` on."""
        tables, builder, tokens = self.tables, self.builder, self.tokens
        states = tables.states
        last = tables.end[start]
        stack = [tables.start[start]]
        values: list[Any] = []
        starts: list[int] = []
        index = first
        while True:
            token = tokens[index]
            kind = token.kind
            if kind == "WORD":
                keyword = CONTEXTUAL.get(token.text)
                if keyword is not None and tables.accepts(stack, keyword):
                    kind = keyword
                    token = token._replace(kind=kind)
            if index > first and start == "declaration" and self.starts_declaration(index):
                if tables.accepts(stack, END):
                    kind = END
                elif self.is_at_line_start(index) and (
                    kind == "WORD" or not tables.accepts(stack, kind)
                ):
                    return self.failed(stack, start, first, index)
            before = stack.copy()
            while True:
                action = states[stack[-1]].get(kind)
                if action is None:
                    return self.failed(before, start, first, index)
                if isinstance(action, int):
                    if len(stack) > _MAX_STACK:
                        self.too_deep(token)
                        return self.failed(before, start, first, index)
                    stack.append(action)
                    values.append(token)
                    starts.append(token.start)
                    builder.end = token.end
                    index += 1
                    break
                build, size, rule = action
                if build is not None:
                    at = starts[-size]
                    children = values[-size:]
                    del values[-size:], starts[-size:]
                    values.append(build(builder, children, at))
                    starts.append(at)
                del stack[-size:]
                following = states[stack[-1]][rule]
                assert isinstance(following, int)
                stack.append(following)
                if kind == END and stack[-1] == last:
                    return self.finished(values[-1], first, index)

    def finished(self, tree: Any, first: int, index: int) -> _Reached:
        """A tree, unless it nests too deeply for those who walk it."""
        if index - first > MAX_DEPTH and _is_too_deep(tree):
            self.too_deep(self.tokens[first])
            return _Reached(None, index)
        return _Reached(tree, index)

    def too_deep(self, token: Token) -> None:
        self.mistakes.append(token.start)
        self.builder.report(
            "LIC026",
            f"an expression nests more than {MAX_DEPTH} deep here",
            self.builder.token_span(token),
            "name the parts with `define` or `let`; long `or` chains read better as a list",
        )

    def failed(self, stack: list[int], start: str, first: int, index: int) -> _Reached:
        """Explain the token that does not fit, and find where to go on."""
        tokens = self.tokens
        begin, end = tokens[first].start, tokens[index].end
        explained = tokens[index].kind == ERROR or any(
            begin <= mistake <= end for mistake in self.mistakes
        )
        if not explained:
            expected = self.tables.expected(stack)
            failure = Failure(
                self.builder.source,
                tokens,
                start,
                first,
                index,
                expected,
                start == "declaration" and self.starts_declaration(index),
            )
            self.builder.diagnostics.append(explain(failure))
        if start == "expression":
            return _Reached(None, index)
        following = max(index, first + 1)
        while tokens[following].kind != END and not (
            self.is_at_line_start(following) and self.starts_declaration(following)
        ):
            following += 1
        return _Reached(None, following)

    def starts_declaration(self, index: int) -> bool:
        """Whether a declaration may begin here: a reserved word, or `principal {`, `tool name`,
        `change on`."""
        token = self.tokens[index]
        if token.kind in DECLARATION_KINDS:
            return True
        if token.kind != "WORD":
            return False
        following = self.tokens[index + 1].kind
        if token.text == "tool":
            return following in ("WORD", "STRING")
        if token.text == "change":
            return following == "ON"
        return token.text in SCOPE_WORDS and following == "LBRACE"

    def is_at_line_start(self, index: int) -> bool:
        start = self.tokens[index].start
        return start == 0 or self.builder.source.text[start - 1] in "\n\ufeff"


def _is_too_deep(tree: ast.Node) -> bool:
    """Whether nodes nest more than `MAX_DEPTH` deep (walked with a list, not by recursion)."""
    waiting: list[tuple[Any, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return True
        if isinstance(node, tuple):
            waiting.extend((child, depth) for child in node)
        elif isinstance(node, ast.Node):
            waiting.extend(
                (getattr(node, field.name), depth + 1)
                for field in fields(node)
                if field.name != "span"
            )
    return False
