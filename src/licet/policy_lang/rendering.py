"""Diagnostics as text with carets for a terminal, and as plain dictionaries for a machine.

The text is safe to print: of what comes from the user, control, bidirectional and zero-width
characters are shown as `�`. Columns of the JSON form count code points from 1, its ends are
exclusive; carets follow the width that a terminal gives to tabs and wide characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from .diagnostics import Diagnostic, Severity
from .source import Span

TAB_WIDTH = 4
MAX_COLUMNS = 160
"""Longer lines are cut on both sides of the caret."""

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_BLUE = "\x1b[1;34m"
_COLORS = {
    Severity.error: "\x1b[1;31m",
    Severity.warning: "\x1b[1;33m",
    Severity.info: "\x1b[1;36m",
}


def render_text(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """All diagnostics for a reader, a blank line between two; the empty string for none."""
    return "\n".join(_render(diagnostic, color) for diagnostic in diagnostics)


def render_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """One dictionary of strings, numbers, lists and None per diagnostic."""
    return [
        {
            "code": diagnostic.code,
            "severity": diagnostic.severity.value,
            "message": diagnostic.message,
            **_place(diagnostic.span),
            "notes": [{"message": note.message, **_place(note.span)} for note in diagnostic.notes],
            "help": diagnostic.help,
        }
        for diagnostic in diagnostics
    ]


def visible(text: str) -> str:
    """The text with everything that a terminal would obey or hide replaced by `�`."""
    return "".join(
        "�" if char != "\t" and unicodedata.category(char) in _HIDDEN else char for char in text
    )


_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }


def _render(diagnostic: Diagnostic, color: bool) -> str:
    accent = _COLORS[diagnostic.severity] if color else ""
    reset, bold, blue = (_RESET, _BOLD, _BLUE) if color else ("", "", "")
    title = f"{accent}{diagnostic.severity.value}[{diagnostic.code}]{reset}"
    lines = [f"{title}: {bold}{_one_line(diagnostic.message)}{reset}"]
    margin = max(
        (
            len(str(span.source.position(span.start)[0]))
            for span in (diagnostic.span, *(note.span for note in diagnostic.notes))
            if span is not None
        ),
        default=1,
    )
    if diagnostic.span is not None:
        lines += _snippet(diagnostic.span, margin, "^", accent, blue, reset)
    for note in diagnostic.notes:
        lines.append(f"{' ' * margin} {blue}={reset} note: {_one_line(note.message)}")
        if note.span is not None:
            lines += _snippet(note.span, margin, "-", blue, blue, reset)
    if diagnostic.help is not None:
        lines.append(f"{' ' * margin} {blue}={reset} help: {_one_line(diagnostic.help)}")
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return visible(text.replace("\t", " "))


def _snippet(span: Span, margin: int, mark: str, accent: str, blue: str, reset: str) -> list[str]:
    """The line on which a span starts, with marks under it as far as it goes on that line."""
    line, column = span.source.position(span.start)
    text = span.source.line(line).rstrip("\r")
    size = min(span.end - span.start, len(text) - column + 1)
    before, marked, after = _cut(text, column - 1, max(size, 0))
    marks = mark * max(_width(marked, _width(before)), 1)
    gutter = " " * margin
    return [
        f"{gutter}{blue}-->{reset} {_one_line(str(span))}",
        f"{gutter} {blue}|{reset}",
        f"{blue}{line:>{margin}} |{reset} {_expanded(before + marked + after)}".rstrip(),
        f"{gutter} {blue}|{reset} {' ' * _width(before)}{accent}{marks}{reset}",
    ]


def _cut(text: str, start: int, size: int) -> tuple[str, str, str]:
    """What stands before, in and after a range of a line, shortened to fit `MAX_COLUMNS`."""
    before, marked, after = text[:start], text[start : start + size], text[start + size :]
    if len(text) > MAX_COLUMNS:
        third = MAX_COLUMNS // 3
        before = before if len(before) <= third else "…" + before[-third:]
        marked = marked if len(marked) <= third else marked[:third] + "…"
        after = after if len(after) <= third else after[:third] + "…"
    return before, marked, after


def _expanded(text: str) -> str:
    """A line as it is shown: tabs as spaces up to their stop, nothing invisible."""
    shown: list[str] = []
    column = 0
    for char in visible(text):
        width = _char_width(char, column)
        shown.append(" " * width if char == "\t" else char)
        column += width
    return "".join(shown)


def _width(text: str, start: int = 0) -> int:
    """How many terminal columns a text takes when it begins at column `start` (from 0)."""
    column = start
    for char in visible(text):
        column += _char_width(char, column)
    return column - start


def _char_width(char: str, column: int) -> int:
    if char == "\t":
        return TAB_WIDTH - column % TAB_WIDTH
    if unicodedata.combining(char) or unicodedata.category(char) == "Me":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
