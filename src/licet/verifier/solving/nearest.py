"""The nearest model: in the worker, the search behind every repair.

Soundness: what it returns is a model of the assertions. Minimality: the number of changed symbols
is the least for which Z3 found a model after refuting all smaller ones; each distance likewise, in
the order given, with the earlier ones fixed. An unknown on the way ends the search as unknown.

What is fixed is substituted and simplified away first, which leaves little: for a threshold, one
comparison. `Optimize` is used only on one symbol with all others fixed; given several objectives
at once it takes seconds where this takes milliseconds.
"""

from __future__ import annotations

import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import z3

if TYPE_CHECKING:
    from .worker import Parsed


class GaveUpError(Exception):
    """Z3 said unknown."""


class Leaf:
    """One adjustable symbol. `same` is the literal that assumes that it keeps its value."""

    def __init__(
        self, name: str, symbol: Any, old: Any, choices: list[Any] | None, same: Any
    ) -> None:
        self.name, self.symbol, self.old, self.choices, self.same = (
            name,
            symbol,
            old,
            choices,
            same,
        )


class Search:
    """One request for a nearest model."""

    def __init__(
        self,
        question: Parsed,
        assertions: list[str],
        fixed: list[list[str]],
        leaves: list[tuple[str, str, list[str] | None]],
        until: float,
    ) -> None:
        self._context = context = question.context
        self._until = until
        flat = [text for pair in fixed for text in pair]
        terms = question.values(flat)
        pairs = list(zip(terms[::2], terms[1::2], strict=True))
        everything = [*question.constraints, *question.terms(assertions)]
        self._formula = z3.simplify(
            z3.substitute(z3.And(*everything, z3.BoolVal(True, context)), *pairs)
        )
        self._leaves = []
        for position, (name, old, choices) in enumerate(leaves):
            symbol, old_term, *other = question.values([name, old, *(choices or ())])
            same = z3.Bool(f"same!{position}", context)
            options = None if choices is None else other
            self._leaves.append(Leaf(name, symbol, old_term, options, same))
        self._solver = z3.SimpleSolver(ctx=context)
        self._solver.add(self._formula)
        for leaf in self._leaves:
            self._solver.add(z3.Implies(leaf.same, leaf.symbol == leaf.old))

    def answer(self) -> dict[str, Any]:
        """The answer, as it goes over the wire."""
        try:
            return self._search()
        except GaveUpError as reason:
            return {"answer": "unknown", "reason": f"the solver gave up: {reason}"}

    def _search(self) -> dict[str, Any]:
        if not self._leaves or not self._possible():
            return {"answer": "unsat"}
        most = sum(self._differs(leaf) for leaf in self._leaves)
        number, bound = self._fewest(most)
        known: list[Any] = [bound]
        changed: list[tuple[Leaf, Any]] = []
        for position, leaf in enumerate(self._leaves):
            if len(changed) == number:
                break
            if len(self._leaves) - position > number - len(changed) and self._possible(
                *known, leaf.same
            ):
                known.append(leaf.same)
                continue
            if len(changed) == number - 1:
                found = self._alone(leaf, changed)
                if isinstance(found, dict):
                    return found if number == 1 else {"answer": "unsat"}
                value = found
            else:
                value = self._least(leaf, known)
            changed.append((leaf, value))
            known.append(leaf.symbol == value)
        return {"answer": "sat", "values": {leaf.name: v.sexpr() for leaf, v in changed}}

    def _possible(self, *assumptions: Any) -> bool:
        milliseconds = int((self._until - time.monotonic()) * 1000)
        if milliseconds <= 0:
            raise GaveUpError("timeout")
        self._solver.set("timeout", milliseconds)
        match self._solver.check(*assumptions):
            case z3.sat:
                self._model = self._solver.model()
                return True
            case z3.unsat:
                return False
            case _:
                raise GaveUpError(self._solver.reason_unknown())

    def _differs(self, leaf: Leaf) -> bool:
        same = self._model.eval(leaf.symbol == leaf.old, model_completion=True)
        return not z3.is_true(same)

    def _fewest(self, most: int) -> tuple[int, Any]:
        """The least number of changes, at most `most`, and a literal that keeps it so."""
        changes = [z3.Not(leaf.same) for leaf in self._leaves]
        for number in range(1, most + 1):
            bound = z3.Bool(f"most!{number}", self._context)
            self._solver.add(z3.Implies(bound, z3.AtMost(*changes, number)))
            if number == most or self._possible(bound):
                return max(number, 1), bound
        return 0, z3.BoolVal(True, self._context)

    # --- the least change of one symbol

    def _least(self, leaf: Leaf, known: list[Any]) -> Any:
        """Of a leaf that must change, while later ones may: the nearest value."""
        if leaf.choices is not None:
            for choice in leaf.choices:
                if self._possible(*known, leaf.symbol == choice):
                    return choice
            raise GaveUpError("no choice is left")
        if not z3.is_int(leaf.symbol):
            raise GaveUpError("several reals")
        old = _number(leaf.old)
        self._possible(*known)
        value = self._model_number(leaf)
        low, high = 1, int(abs(value - old))  # the least distance is in here
        while low < high:
            middle = (low + high) // 2
            if self._possible(*known, *self._within(leaf, old, Fraction(middle))):
                high = int(abs(self._model_number(leaf) - old))
            else:
                low = middle + 1
        below = z3.IntVal(int(old - low), self._context)
        if self._possible(*known, leaf.symbol == below):
            return below
        return z3.IntVal(int(old + low), self._context)

    def _alone(self, leaf: Leaf, changed: list[tuple[Leaf, Any]]) -> Any:
        """Of the one leaf left to change: the nearest value, or a whole answer where none is."""
        pairs = [(other.symbol, other.old) for other in self._leaves if other is not leaf]
        pairs += [(other.symbol, value) for other, value in changed]
        pairs = list({pair[0].get_id(): pair for pair in pairs}.values())
        formula = z3.simplify(z3.substitute(self._formula, *pairs))
        if leaf.choices is not None:
            for choice in leaf.choices:
                solver = self._fresh(formula, leaf.symbol == choice)
                if solver is not None:
                    return choice
            raise GaveUpError("no choice is left")
        old = _number(leaf.old)
        sides = [
            (abs(bound - old), not attained, bound)
            for upper in (True, False)
            if (side := self._side(formula, leaf, upper)) is not None
            for bound, attained in [side]
        ]
        if not sides:
            raise GaveUpError("no value is left")
        distance, is_open, bound = min(sides)
        if distance and self._fresh(formula, *self._within(leaf, old, distance, strict=True)):
            raise GaveUpError("a nearest value that is not nearest")
        value = _numeral(bound, leaf.symbol, self._context)
        if not is_open:
            return value
        below = bound < old
        beyond = leaf.symbol < value if below else leaf.symbol > value
        model = self._fresh(formula, beyond)
        if model is None:
            raise GaveUpError("nothing beyond an open bound")
        near = model.eval(leaf.symbol, model_completion=True).sexpr()
        return {
            "answer": "open",
            "symbol": leaf.name,
            "bound": value.sexpr(),
            "side": "below" if below else "above",
            "near": near,
        }

    def _side(self, formula: Any, leaf: Leaf, upper: bool) -> tuple[Fraction, bool] | None:
        """The value nearest to the old one among those at most (at least) it; whether attained."""
        optimize = z3.Optimize(ctx=self._context)
        optimize.set("timeout", max(1, int((self._until - time.monotonic()) * 1000)))
        optimize.add(formula)
        if upper:
            optimize.add(leaf.symbol <= leaf.old)
            goal = optimize.maximize(leaf.symbol)
        else:
            optimize.add(leaf.symbol >= leaf.old)
            goal = optimize.minimize(leaf.symbol)
        match optimize.check():
            case z3.unsat:
                return None
            case z3.sat:
                values = optimize.upper_values(goal) if upper else optimize.lower_values(goal)
            case _:
                raise GaveUpError(optimize.reason_unknown())
        infinite, value, epsilon = (_number(part) for part in values)
        if infinite:
            raise GaveUpError("a bound at infinity")
        return value, epsilon == 0

    def _fresh(self, *formulas: Any) -> Any:
        """A model of a small formula, or None."""
        solver = z3.SimpleSolver(ctx=self._context)
        solver.set("timeout", max(1, int((self._until - time.monotonic()) * 1000)))
        solver.add(*formulas)
        match solver.check():
            case z3.sat:
                return solver.model()
            case z3.unsat:
                return None
            case _:
                raise GaveUpError(solver.reason_unknown())

    # --- numbers

    def _model_number(self, leaf: Leaf) -> Fraction:
        return _number(self._model.eval(leaf.symbol, model_completion=True))

    def _within(
        self, leaf: Leaf, old: Fraction, distance: Fraction, *, strict: bool = False
    ) -> list[Any]:
        low = _numeral(old - distance, leaf.symbol, self._context)
        high = _numeral(old + distance, leaf.symbol, self._context)
        if strict:
            return [leaf.symbol > low, leaf.symbol < high]
        return [leaf.symbol >= low, leaf.symbol <= high]


def _number(term: Any) -> Fraction:
    value = z3.simplify(term)
    if z3.is_int_value(value):
        return Fraction(value.as_long())
    if z3.is_rational_value(value):
        return Fraction(value.numerator_as_long(), value.denominator_as_long())
    raise GaveUpError("a number that is not rational")


def _numeral(value: Fraction, like: Any, context: Any) -> Any:
    if z3.is_int(like):
        return z3.IntVal(int(value), context)
    return z3.RealVal(str(value), context)
