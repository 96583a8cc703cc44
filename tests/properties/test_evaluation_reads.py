"""A value depends on exactly the parts of the world that `read_paths` names."""

from hypothesis import given

from licet.compiler.evaluation import UnknownRead, WrongType, evaluate, read_paths
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN, World
from strategies.ir_strategies import Expression, expressions, parts, with_part


def result(case: Expression, world: World) -> tuple[str, Value]:
    try:
        return "value", evaluate(case.expr, world, case.clock)
    except WrongType as wrong:
        return "wrong type", wrong.args
    except UnknownRead:
        return "unknown", None


@given(expressions())
def test_only_what_is_read_matters(case: Expression) -> None:
    reads = read_paths(case.expr, case.world, case.clock)
    known = result(case, case.world)
    for path in parts(case.vocabulary, case.world):
        is_read = any(read[: len(path)] == path for read in reads)
        without = result(case, with_part(case.world, path, UNKNOWN))
        assert without == (("unknown", None) if is_read else known)
