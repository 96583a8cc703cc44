"""Findings as GitHub Actions' workflow commands, which its log shows at the lines they name.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands

A runner obeys whatever line begins with `::`, so every piece of text is escaped as the runner's
own toolkit does, and control characters are shown as `�` before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from licet.policy_lang import Diagnostic, Severity, Span
from licet.policy_lang.rendering import visible

from .places import file_of

_COMMANDS = {Severity.error: "error", Severity.warning: "warning", Severity.info: "notice"}


def workflow_commands(diagnostics: Iterable[Diagnostic], folder: str = "") -> Iterator[str]:
    """One line per finding, its notes and help included."""
    for diagnostic in diagnostics:
        told = [diagnostic.message]
        for note in diagnostic.notes:
            place = "" if note.span is None else f"{_place(folder, note.span)}: "
            told.append(f"note: {place}{note.message}")
        if diagnostic.help is not None:
            told.append(f"help: {diagnostic.help}")
        message = "%0A".join(_data(line) for line in told)
        yield f"::{_COMMANDS[diagnostic.severity]} {_properties(diagnostic, folder)}::{message}"


def _properties(diagnostic: Diagnostic, folder: str) -> str:
    known: dict[str, object] = {}
    if (span := diagnostic.span) is not None:
        line, column = span.source.position(span.start)
        end_line, end_column = span.source.position(span.end)
        known |= {"file": file_of(span, folder), "line": line, "endLine": end_line}
        if line == end_line:  # columns of several lines are refused
            known |= {"col": column, "endColumn": end_column}
    known["title"] = diagnostic.code
    return ",".join(f"{name}={_property(str(value))}" for name, value in known.items())


def _place(folder: str, span: Span) -> str:
    return f"{file_of(span, folder)}:{span.source.position(span.start)[0]}"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
