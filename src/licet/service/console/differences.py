"""Two texts of a policy side by side: which lines went, which came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

from markupsafe import Markup

from .excerpts import highlighted, text_of

#: Lines of one file that are compared: a comparison may take their number squared.
MAX_LINES: Final = 2_000
_AROUND: Final = 3


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line with its number in each text that has it. `gap`: lines before it are left out."""

    kind: Literal["same", "gone", "new"]
    before: int | None
    after: int | None
    html: Markup
    gap: bool = False


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What became of a file. `lines` are None where it cannot be shown, and `why` says why."""

    name: str
    what: Literal["changed", "added", "removed"]
    lines: tuple[DiffLine, ...] | None
    why: str = ""


def compared(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[FileDiff]:
    """The files that differ, by name."""
    made = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        what: Literal["changed", "added", "removed"] = "changed"
        if before is None or after is None:
            what = "added" if before is None else "removed"
        texts = (text_of(before or b""), text_of(after or b""))
        if texts[0] is None or texts[1] is None:
            made.append(FileDiff(name, what, None, "it is no text"))
        elif max(text.count("\n") for text in texts if text is not None) > MAX_LINES:
            made.append(FileDiff(name, what, None, f"it has more than {MAX_LINES:,} lines"))
        else:
            made.append(FileDiff(name, what, tuple(_lines(texts[0], texts[1]))))
    return made


def _lines(old: str, new: str) -> Iterator[DiffLine]:
    before, after = highlighted(old), highlighted(new)
    plain = old.split("\n"), new.split("\n")
    gap = False
    for group in SequenceMatcher(None, *plain).get_grouped_opcodes(_AROUND):
        for kind, a1, a2, b1, b2 in group:
            if kind == "equal":
                for a, b in zip(range(a1, a2), range(b1, b2), strict=True):
                    yield DiffLine("same", a + 1, b + 1, after[b], gap)
                    gap = False
                continue
            for a in range(a1, a2):
                yield DiffLine("gone", a + 1, None, before[a], gap)
                gap = False
            for b in range(b1, b2):
                yield DiffLine("new", None, b + 1, after[b], gap)
                gap = False
        gap = True
