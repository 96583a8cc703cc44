"""A user's mistake as a value, apart from the ways in which it is shown.

Messages are one line, lower case, without a full stop, the user's own text in backticks; what to
do about it goes into `help`. Codes are listed in `codes/`, one page each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from .source import Span


class Severity(Enum):
    """How much a diagnostic weighs: an error stops the load, a warning does not."""

    error = "error"
    warning = "warning"
    info = "info"


@dataclass(frozen=True, slots=True)
class Note:
    """A further place, or a further sentence, that a diagnostic points at."""

    message: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what (`code`, `message`), where (`span`), and the way out (`help`)."""

    code: str
    message: str
    span: Span | None
    severity: Severity = Severity.error
    notes: tuple[Note, ...] = ()
    help: str | None = None


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any diagnostic is an error."""
    return any(d.severity is Severity.error for d in diagnostics)
