"""Every well-typed expression has a value of its type, in every world that has what it reads."""

from hypothesis import given

from licet.compiler.evaluation import WrongType, conforms, evaluate
from strategies.ir_strategies import Expression, expressions


@given(expressions())
def test_evaluation_is_total(case: Expression) -> None:
    try:
        value = evaluate(case.expr, case.world, case.clock)
    except WrongType:
        return  # the one refusal that is left, and only documents lead to it
    assert conforms(value, case.expr.type)
    assert conforms(value, case.kind)
