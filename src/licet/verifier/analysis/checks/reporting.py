"""How a check says what it found."""

from __future__ import annotations

from collections.abc import Iterable

from licet.policy_lang import Diagnostic, Note, Severity, Span

from ..linted import Edit, Finding


def finding(
    code: str,
    message: str,
    span: Span | None,
    severity: Severity,
    notes: tuple[Note, ...] = (),
    *,
    help: str,
    edits: tuple[Edit, ...] = (),
) -> Finding:
    """A finding with its diagnostic."""
    return Finding(Diagnostic(code, message, span, severity, notes, help), edits)


def names(found: Iterable[str]) -> str:
    """`` `a` ``, `` `a` and `b` ``, for a sentence."""
    told = [f"`{name}`" for name in found]
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"
