"""A document that a patch makes stands nowhere in the world, whatever its keys are called.

Its parts were once said to be read at the root of that name, or at none: tests could not be
generated for a policy that reads one, and a value of the host's was told as an argument.
"""

from __future__ import annotations

from licet.compiler import compile_sources
from licet.compiler.clock import clock
from licet.compiler.evaluation import judge_rule
from licet.compiler.evaluation.expressions import Evaluation
from licet.compiler.world import World
from licet.policy_lang import Source
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.edges import as_tests, edges
from licet.verifier.solving import SolverPool

POLICY = """
fact live(id: String) -> Json?
tool edit(id: String, patch: Json)
permit all on edit
change on edit before live(args.id) after merged(before, args.patch)
forbid high on edit when (after.args.level as Int ?? 0) > 9
"""


def test_tests_can_be_generated() -> None:
    program, found = compile_sources([Source("p.licet", POLICY)])
    assert program is not None, found
    with SolverPool(1) as pool:
        made = [as_tests(edge, program) for edge in edges(program, pool, Effort(20))]
    assert [reason for _, missing in made for reason in missing] == []


def test_what_is_read_of_it_is_no_argument() -> None:
    program, found = compile_sources([Source("p.licet", POLICY)])
    assert program is not None, found
    live = {("a",): {"args": {"level": 3}}}
    world = World("edit", {"id": "a", "patch": {}}, facts={"live": live})
    [rule] = [rule for rule in program.rules["edit"].rules if rule.name == "high"]
    evaluation = Evaluation(world, clock("UTC"))
    judge_rule(rule, world, clock("UTC"), evaluation)
    read = set(evaluation.reader.reads)
    assert {path for path in read if path[0] == "args"} == {("args", "id"), ("args", "patch")}
    assert ("", "args", "level") in read
