"""Boolean terms as decision chains.

Z3's evaluator visits every operand of `and` and `or`, but only the taken branch of `ite`. A chain
of `ite` over bare comparisons is decided in the time of the path taken: 25 rules in 13
microseconds instead of 30, 200 rules in 12 instead of 155.

A condition that several rules share becomes one node, so that the chain stays linear in the size
of the term graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .terms import Term, Terms, postorder


class Flow:
    """Builds chains over the terms below `roots`."""

    def __init__(self, terms: Terms, roots: Iterable[Term]) -> None:
        self._t = terms
        roots = tuple(roots)
        self._uses: Counter[Term] = Counter(roots)
        for term in postorder(roots):
            self._uses.update(term.args)
        self._shared: dict[Term, Term] = {}

    def any(self, conditions: Iterable[Term], then: Term, otherwise: Term) -> Term:
        """`then` if one of the conditions holds, tried in order."""
        chain = otherwise
        for condition in reversed(tuple(conditions)):
            chain = self.branch(condition, then, chain)
        return chain

    def branch(self, condition: Term, then: Term, otherwise: Term) -> Term:
        """`then` if `condition` holds, else `otherwise`."""
        t = self._t
        if condition.op == "not":
            return self.branch(condition.args[0], otherwise, then)
        if condition.op not in ("and", "or", "ite"):
            return t.choice(condition, then, otherwise)
        if self._uses[condition] > 1:
            if condition not in self._shared:
                self._shared[condition] = self._spread(condition, t.true, t.false)
            return t.choice(self._shared[condition], then, otherwise)
        return self._spread(condition, then, otherwise)

    def _spread(self, condition: Term, then: Term, otherwise: Term) -> Term:
        match condition.op:
            case "and":
                for part in reversed(condition.args):
                    then = self.branch(part, then, otherwise)
                return then
            case "or":
                return self.any(condition.args, then, otherwise)
            case _:
                test, a, b = condition.args
                then, otherwise = (
                    self.branch(a, then, otherwise),
                    self.branch(b, then, otherwise),
                )
                return self.branch(test, then, otherwise)
