"""Messages: text with `{expression}` holes.

A hole is read after the string's escapes are undone, so a quotation mark inside one is written
`\\"`; its nodes still point at the characters of the source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import ast
from .diagnostics import Diagnostic
from .lexing import lex_hole
from .literals import unescape_with_origins
from .source import Span
from .tokens import Token

if TYPE_CHECKING:
    from .building import Builder

_HELP = "write `{args.amount}` for a value, `{{` and `}}` for braces"


def message_parts(builder: Builder, token: Token) -> tuple[str | ast.Expr, ...]:
    """The texts and the parsed holes of a message's string token."""
    text, origins = unescape_with_origins(token.text[1:-1])
    offsets = [token.start + 1 + origin for origin in origins]
    parts: list[str | ast.Expr] = []
    words = ""
    position = 0
    while position < len(text):
        char = text[position]
        if text[position : position + 2] in ("{{", "}}"):
            words += char
            position += 2
        elif char == "}":
            _report(builder, "a `}` that closes nothing", offsets[position], offsets[position + 1])
            position += 1
        elif char != "{":
            words += char
            position += 1
        else:
            if words:
                parts.append(words)
                words = ""
            position, hole = _hole(builder, text, position, offsets)
            if hole is not None:
                parts.append(hole)
    return tuple([*parts, words] if words else parts)


def _hole(
    builder: Builder, text: str, start: int, offsets: list[int]
) -> tuple[int, ast.Expr | None]:
    """The hole that opens at `start`: where the text goes on, and its expression."""
    source = builder.source
    lexed, end = lex_hole(source, text, start + 1)
    if end is None:
        _report(builder, "a `{` that nothing closes", offsets[start], offsets[start + 1])
        return len(text), None
    if not text[start + 1 : end].strip():
        _report(builder, "an empty hole", offsets[start], offsets[end + 1])
        return end + 1, None
    for found in lexed.diagnostics:
        assert found.span is not None
        span = Span(source, offsets[found.span.start], offsets[found.span.end])
        builder.diagnostics.append(Diagnostic(found.code, found.message, span, help=found.help))
    if lexed.diagnostics:
        return end + 1, None
    tokens = [t._replace(start=offsets[t.start], end=offsets[t.end]) for t in lexed.tokens]
    return end + 1, builder.parse_hole(builder, tokens)


def _report(builder: Builder, message: str, start: int, end: int) -> None:
    builder.report("LIC022", message, Span(builder.source, start, end), _HELP)
