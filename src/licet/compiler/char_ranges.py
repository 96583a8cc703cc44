"""Sets of characters as ranges of code points, and the sets that regular expressions name."""

from __future__ import annotations

LAST = 0x10FFFF

#: Sorted, disjoint, not adjacent ranges, ends included. They may hold surrogates.
Ranges = tuple[tuple[int, int], ...]


def together(ranges: list[tuple[int, int]]) -> Ranges:
    """The union of ranges in any order."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def outside(ranges: Ranges) -> Ranges:
    """All characters that are in none of some ranges."""
    gaps: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        if start < low:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        gaps.append((start, LAST))
    return tuple(gaps)


def common(left: Ranges, right: Ranges) -> Ranges:
    """The characters of both."""
    return outside(together([*outside(left), *outside(right)]))


DIGIT: Ranges = ((0x30, 0x39),)
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACE: Ranges = ((0x09, 0x0D), (0x20, 0x20))
