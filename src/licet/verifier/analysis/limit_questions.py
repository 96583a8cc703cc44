"""What is asked about a limit on one tool: the calls that it counts, what they add, what it leaves.

What was spent is a free value of its type in each condition, as in every question about a rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from licet.compiler import ir
from licet.compiler.folding import FALSE, both
from licet.compiler.types import BOOL, INT, OptionalType

#: The variable of an amount that is there; rules number theirs from 0.
_SLOT: Final = 1_000_000


def limit_questions(rule: ir.Rule) -> tuple[ir.Rule, ir.Rule, ir.Rule]:
    """Conditions, as rules, about a rule that a `limit` made: a call is counted; it is, and adds
    more than nothing; it is, and the bound is kept with what it adds."""
    limit = rule.limit
    assert limit is not None

    def adds(amount: ir.Expr) -> ir.Expr:
        return ir.Less(ir.Const(0, INT), amount, strict=True)

    def fits(amount: ir.Expr) -> ir.Expr:
        total = ir.Arithmetic("+", limit.spent, amount, limit.spent.type)
        return ir.Less(total, limit.bound, strict=limit.strict)

    def asked(*more: ir.Expr) -> ir.Rule:
        condition = both((limit.counts, *more))
        return ir.Rule("permit", rule.name, rule.lets, condition, None, rule.span)

    return asked(), asked(_of(limit.amount, adds)), asked(_of(limit.amount, fits))


def _of(amount: ir.Expr, test: Callable[[ir.Expr], ir.Expr]) -> ir.Expr:
    """The test of an amount, false where it is absent."""
    if not isinstance(amount.type, OptionalType):
        return test(amount)
    var = ir.Var(_SLOT, "amount", amount.type.inner)
    there = ir.WhenPresent(amount, var, test(var), OptionalType.of(BOOL))
    return ir.Coalesce(there, FALSE, BOOL)
