"""Whether one limit refuses every call to which another would do anything.

Both read one log of calls. Where the one counts every call that the other counts, over a window
that holds the other's, and each call adds at most `c` times as much to the other, the other's sum
is at most `c` times the one's. So a bound of the one that is small enough keeps the other's from
being passed. What calls add is what was recorded with them: this is about calls of the types that
the policy gives them now.

Sound, not complete: what is answered True is so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from licet.compiler import ir
from licet.compiler.bounds import interval
from licet.compiler.folding import TRUE
from licet.compiler.history import Index
from licet.compiler.meaning import meaning
from licet.compiler.types import OptionalType

from .joining_histories import inside


@dataclass(frozen=True, slots=True)
class Measured:
    """A limit: what it adds up, and by tool the rule that holds the sum against the bound."""

    index: Index
    rules: Mapping[str, ir.Rule]


def stops_first(one: Measured, other: Measured) -> bool:
    """Whether `one` refuses whatever `other` refuses, or asks about, on each of its tools."""
    if not other.rules.keys() <= one.rules.keys():
        return False
    if not inside(other.index.window, one.index.window, True):
        return False
    pairs = [(_Part(one, tool), _Part(other, tool)) for tool in other.rules]
    if any(ours.rule.kind != "forbid" or not ours.counts_with(its) for ours, its in pairs):
        return False
    ratios = [ours.ratio(its) for ours, its in pairs]
    if None in ratios:
        return False
    most = max(ratio for ratio in ratios if ratio is not None)
    return all(ours.keeps(its, most) for ours, its in pairs)


class _Part:
    """A limit on one tool, its expressions as texts that are equal for equal meanings."""

    def __init__(self, of: Measured, tool: str) -> None:
        self.rule = of.rules[tool]
        assert self.rule.limit is not None
        self.limit = self.rule.limit
        self._slots = {let.var.slot: place for place, let in enumerate(self.rule.lets)}
        self.lets = [self._text(let.value) for let in self.rule.lets]
        self.counts = self._text(self.limit.counts)
        self.per = [self._text(key) for key in self.limit.spent.keys]
        self.amount = self._text(self.limit.amount)
        self.bound = self._text(self.limit.bound)
        settled = of.index.plans[tool].settled
        self.settled = None if settled is None else self._text(settled)

    def _text(self, expr: ir.Expr) -> str:
        return meaning(expr, self._slots)

    def counts_with(self, other: _Part) -> bool:
        """Whether every call that the other counts is counted here, in one sum with the others."""
        return (
            self.lets == other.lets
            and (self.limit.counts == TRUE or self.counts == other.counts)
            and (not self.per or self.per == other.per)
            and self.settled == other.settled
        )

    def ratio(self, other: _Part) -> Fraction | None:
        """What the other adds at most for each 1 that is added here; None if that is not known."""
        if self.amount == other.amount:
            return Fraction(1)
        if self.settled is not None or isinstance(other.limit.amount.type, OptionalType):
            return None  # corrected otherwise, or refused where the amount is absent
        least = interval(self.limit.amount, self.limit.counts).low
        most = interval(other.limit.amount, other.limit.counts).high
        return None if most is None or not least or least < 0 else Fraction(most) / Fraction(least)

    def keeps(self, other: _Part, ratio: Fraction) -> bool:
        """Whether a sum under this bound, that many times, is under the other's."""
        reaches = other.limit.strict and not self.limit.strict
        if self.bound == other.bound and ratio <= 1:
            return not reaches
        highest, lowest = interval(self.limit.bound).high, interval(other.limit.bound).low
        if highest is None or lowest is None:
            return False
        return ratio * highest < lowest or (ratio * highest == lowest and not reaches)
