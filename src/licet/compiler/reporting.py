"""Where the passes leave what they find.

A rule is typed once for each tool that it stands on, a define once for each use: the same finding
at the same place is kept once.
"""

from __future__ import annotations

from licet.policy_lang import Diagnostic, Note, Severity, Span


class Reporter:
    """Collects diagnostics; the first one of a code at a place counts."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], Diagnostic] = {}

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        help: str | None = None,
        notes: tuple[Note, ...] = (),
    ) -> None:
        """Keep an error."""
        self.add(Diagnostic(code, message, span, Severity.error, notes, help))

    def warning(self, code: str, message: str, span: Span | None, help: str | None = None) -> None:
        """Keep a warning."""
        self.add(Diagnostic(code, message, span, Severity.warning, (), help))

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic, unless one of its code stands at the same place."""
        span = diagnostic.span
        place: tuple[object, ...] = (
            (diagnostic.code, diagnostic.message)
            if span is None
            else (diagnostic.code, span.source.name, span.start, span.end)
        )
        self._found.setdefault(place, diagnostic)

    @property
    def failed(self) -> bool:
        """Whether an error was found."""
        return any(d.severity is Severity.error for d in self._found.values())

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything found, by file and place; what has no place comes first."""
        return tuple(sorted(self._found.values(), key=_place))


def _place(diagnostic: Diagnostic) -> tuple[str, int, str]:
    span = diagnostic.span
    return (
        ("", 0, diagnostic.code)
        if span is None
        else (
            span.source.name,
            span.start,
            diagnostic.code,
        )
    )
