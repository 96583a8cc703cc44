"""The reference verdict is the formula of the language, read word for word."""

from hypothesis import given

from licet.compiler.evaluation import UnknownRead, judge, judge_rule
from strategies.ir_strategies import Case, cases, incomplete_cases, judging, worlds_completing


@given(cases())
def test_judging_follows_the_formula(case: Case) -> None:
    judgement = judge(case.rules, case.world, case.clock)

    one_by_one = tuple(judge_rule(r, case.world, case.clock) for r in case.rules.rules)
    assert judgement.outcomes == one_by_one

    count = len(case.rules.permits)
    permits = [o.state for o in one_by_one[:count]]
    forbids = [o.state for o in one_by_one[count : count + len(case.rules.forbids)]]
    escalations = [o.state for o in one_by_one[count + len(case.rules.forbids) :]]
    refuses = "wrong_type" in permits
    for state in forbids:
        refuses = refuses or state != "not"
    for state in escalations:
        refuses = refuses or state not in ("not", "applies")
    if "applies" not in permits or refuses:
        expected = "deny"
    else:
        expected = "escalate" if "applies" in escalations else "allow"
    assert judgement.outcome == expected


@given(incomplete_cases())
def test_an_outcome_with_unknown_parts_is_the_outcome_whatever_they_are(case: Case) -> None:
    try:
        judged = judge(case.rules, case.world, case.clock)
    except UnknownRead:
        return
    full = judge(case.rules, case.full, case.clock)
    assert judged.outcome == full.outcome
    assert [o.state for o in judged.outcomes] == [o.state for o in full.outcomes]


@given(incomplete_cases(small=True))
def test_a_world_is_among_those_that_complete_it(case: Case) -> None:
    reads = judging(case.rules, case.vocabulary)
    completing = worlds_completing(case.world, case.vocabulary, reads, limit=10_000)
    full = judge(case.rules, case.full, case.clock)
    states = [o.state for o in full.outcomes]
    assert any(
        [o.state for o in judge(case.rules, world, case.clock).outcomes] == states
        for world in completing
    )
