"""Diagnostics on a terminal: each one, and after several how many there were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from licet.policy_lang.diagnostics import Diagnostic, Severity
from licet.policy_lang.rendering import render_text

from .terminal import Terminal


def report(diagnostics: Sequence[Diagnostic], terminal: Terminal) -> None:
    """Print the diagnostics; nothing where there are none."""
    if not diagnostics:
        return
    terminal.write(render_text(diagnostics, color=terminal.coloured))
    counts = Counter(diagnostic.severity for diagnostic in diagnostics)
    if len(diagnostics) > 1:
        found = [plural(counts[kind], kind.value) for kind in Severity if counts[kind]]
        terminal.say()
        terminal.say(" and ".join(found))


def plural(count: int, noun: str, several: str | None = None) -> str:
    """`1 error`, `2 errors`; `several` where an s does not do (`entries`)."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"
