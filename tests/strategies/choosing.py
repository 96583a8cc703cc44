"""Drawing for generators that make many small choices: one cheap draw each, the simplest first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

T = TypeVar("T")


@cache
def _up_to(high: int) -> SearchStrategy[int]:
    return st.integers(0, high)


class Choose:
    """Choices out of a Hypothesis `draw`; they shrink towards the first option."""

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw

    def number(self, high: int) -> int:
        """0 to `high`, both included."""
        return self._draw(_up_to(high)) if high > 0 else 0

    def one(self, options: Sequence[T]) -> T:
        return options[self.number(len(options) - 1)]

    def chance(self, of: int) -> bool:
        """True once in `of`; shrinks to False."""
        return self.number(of - 1) == of - 1
