"""The nearest valid names to one that is unknown, as the help of a diagnostic."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import fuzz, process

SHOWN = 3
SCORE = 60.0
LISTED = 8
LONGEST = 100


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """At most three known names that look like `name`, the likeliest first, ties by name."""
    found = process.extract(
        name.lower()[:LONGEST],
        sorted(set(known)),
        scorer=fuzz.ratio,
        processor=str.lower,
        limit=SHOWN,
        score_cutoff=SCORE,
    )
    return tuple(choice for choice, _, _ in found)


def suggestion(name: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean …?`, or the whole list where it is short, or what else to do."""
    names = sorted(set(known))
    if close := nearest(name, names):
        return f"did you mean {alternatives(close)}?"
    if 0 < len(names) <= LISTED:
        return f"there {'is' if len(names) == 1 else 'are'} {listing(names)}"
    return otherwise


def alternatives(names: Iterable[str]) -> str:
    """`a`, `b` or `c`, each in backticks."""
    return _joined(names, " or ")


def listing(names: Iterable[str]) -> str:
    """`a`, `b` and `c`, each in backticks."""
    return _joined(names, " and ")


def _joined(names: Iterable[str], last: str) -> str:
    quoted = [f"`{name}`" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return ", ".join(quoted[:-1]) + last + quoted[-1]
