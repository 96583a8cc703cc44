"""The runner of `test` blocks: what a test gives, what it leaves unknown, and when it passes."""

import pytest

from licet.compiler.pipeline import compile_sources
from licet.compiler.program import Program
from licet.policy_lang import Source
from licet.verifier.guard import Guard, UnsetParamsError
from licet.verifier.testing import run_tests

POLICY = """\
enum Role { support, manager }
principal { id: String, role: Role }
context { risk: Decimal in 0 .. 1 }
session { prompt: String? }
fact order(id: String) -> { owner: String, paid: Decimal }?
fact holiday(day: Date) -> { name: String }?
tool refund(order: String, amount: Decimal, after: Duration?, at: Time?)
tool look(id: String) read_only
const most = 500

permit reads on any when tool.read_only
permit small on refund when args.amount <= most
permit by_manager on refund when principal.role == manager
forbid not_paid on refund
  let o = order(args.order)
  when args.amount > o.paid
forbid risky on refund when context.risk > 0.5
forbid feast on refund when has holiday(now.date)
"""

GIVEN = """\
  given principal { id: "a1", role: support } context { risk: 0.25 }
    order("R1") { owner: "u1", paid: 100.10 } order("R2") absent
    holiday(2026-11-22) absent now 2026-11-22T15:00Z
"""


def program_of(*tests: str) -> Program:
    source = Source("desk.licet", "\n".join((POLICY, *tests)))
    program, diagnostics = compile_sources([source])
    assert program is not None, diagnostics
    return program


def outcomes(*tests: str) -> list[list[tuple[bool, str, tuple[str, ...]]]]:
    return [
        [(ran.passed, ran.verdict.outcome, ran.verdict.rules) for ran in result.steps]
        for result in run_tests(program_of(*tests))
    ]


def test_a_test_passes_where_outcome_and_rules_are_as_expected():
    results = list(
        run_tests(
            program_of(
                f'test "ok"\n{GIVEN}'
                '  call refund { order: "R1", amount: 20.05 } then allow by small\n'
                '  call refund { order: "R1", amount: 100.11 } then deny by not_paid\n'
                '  call refund { order: "R1", amount: 100.10 } then allow\n'
            )
        )
    )
    (result,) = results
    assert result.passed
    assert result.failures == ()
    assert [(ran.verdict.outcome, ran.verdict.rules) for ran in result.steps] == [
        ("allow", ("small",)),
        ("deny", ("not_paid",)),
        ("allow", ("small",)),
    ]


@pytest.mark.parametrize(
    ("then", "passed"),
    [
        ("allow", False),
        ("deny", True),
        ("escalate", False),
        ("deny by not_paid, risky", True),
        ("deny by risky, not_paid", True),
        ("deny by not_paid", False),
        ("deny by not_paid, risky, feast", False),
    ],
)
def test_by_is_exactly_the_set_of_rules_that_fired(then, passed):
    given = GIVEN.replace("0.25", "0.75")
    block = f'test "t"\n{given}  call refund {{ order: "R1", amount: 200 }} then {then}\n'
    assert outcomes(block) == [[(passed, "deny", ("not_paid", "risky"))]]


def test_what_is_absent_refuses_and_says_so():
    block = f'test "t"\n{GIVEN}  call refund {{ order: "R2", amount: 1 }} then deny by not_paid\n'
    (result,) = run_tests(program_of(block))
    assert result.passed
    assert [v.kind for v in result.steps[0].verdict.violations] == ["absent"]


@pytest.mark.parametrize(
    "without",
    [
        " context { risk: 0.25 }",
        'order("R1") { owner: "u1", paid: 100.10 }',
        "holiday(2026-11-22) absent",
        "now 2026-11-22T15:00Z",
    ],
)
def test_what_is_not_given_is_unknown_and_never_allowed(without):
    given = GIVEN.replace(without, "")
    assert given != GIVEN
    block = f'test "t"\n{given}  call refund {{ order: "R1", amount: 1 }} then deny\n'
    (result,) = run_tests(program_of(block))
    assert result.passed
    assert result.steps[0].verdict.kind == "undetermined"


def test_a_new_given_replaces_the_one_before():
    block = (
        f'test "t"\n{GIVEN}  call refund {{ order: "R1", amount: 1 }} then allow\n'
        '  given principal { id: "a1", role: support }\n'
        '  call refund { order: "R1", amount: 1 } then deny\n'
        '  call look { id: "x" } then allow by reads\n'
    )
    (result,) = run_tests(program_of(block))
    assert [ran.verdict.outcome for ran in result.steps] == ["allow", "deny", "allow"]
    assert result.steps[1].verdict.kind == "undetermined"


def test_a_call_that_the_tool_does_not_take_is_refused():
    block = (
        f'test "t"\n{GIVEN}  call refund {{ order: "R1" }} then deny\n'
        '  call refund { order: "R1", amount: "12" } then deny\n'
        '  call refund { order: "R1", amount: 1, note: "x" } then deny\n'
    )
    (result,) = run_tests(program_of(block))
    assert [ran.verdict.kind for ran in result.steps] == ["bad_argument"] * 3


def test_durations_and_times_arrive_as_the_tool_takes_them():
    block = (
        f'test "t"\n{GIVEN}  call refund {{\n'
        '    order: "R1", amount: 1, after: 90min, at: 2026-11-22T16:00+01:00\n'
        "  } then allow\n"
    )
    assert outcomes(block) == [[(True, "allow", ("small",))]]


def test_a_test_that_fails_does_not_stop_the_next():
    first = f'test "a"\n{GIVEN}  call refund {{ order: "R1", amount: 1 }} then deny\n'
    second = 'test "b"\n  call look { id: "x" } then allow\n'
    results = list(run_tests(program_of(first, second)))
    assert [(r.case.name, r.passed) for r in results] == [("a", False), ("b", True)]
    assert results[0].failures == results[0].steps


def test_a_policy_without_tests_has_no_results():
    assert list(run_tests(program_of())) == []


def test_the_guard_is_the_callers():
    blocks = [
        f'test "{name}"\n{GIVEN}  call refund {{ order: "R1", amount: 1 }} then allow\n'
        for name in ("a", "b")
    ]
    made = []

    def both(program: Program) -> Guard:
        made.append(Guard(program, engine="both"))
        return made[-1]

    results = run_tests(program_of(*blocks), both)
    assert [result.passed for result in results] == [True, True]
    assert len(made) == 2


def test_an_unset_param_is_no_pass():
    source = Source(
        "a.licet",
        'param p: Int\ntool t()\npermit a on t when p > 1\ntest "x" call t {} then deny\n',
    )
    program, _ = compile_sources([source])
    assert program is not None
    with pytest.raises(UnsetParamsError):
        list(run_tests(program))


def test_givens_without_a_call_between_them_are_one_and_a_later_one_replaces_them():
    order = 'order("R1") { owner: "u1", paid: 100 } holiday(2026-11-22) absent'
    ask = '  call refund { order: "R1", amount: 20 }'
    assert outcomes(
        'test "lines"\n  given principal { id: "a1", role: support }\n  given context { risk: 0 }\n'
        f"  given {order} now 2026-11-22T15:00Z\n{ask} then allow by small\n"
        f"  given context {{ risk: 0 }}\n{ask} then deny\n"
    ) == [[(True, "allow", ("small",)), (True, "deny", ("not_paid",))]]


@pytest.mark.parametrize(
    "twice",
    [
        'principal { id: "a" } principal { id: "b" }',
        "now 2026-11-22T15:00Z\n  given now 2026-11-23T15:00Z",
    ],
)
def test_what_is_given_twice_is_an_error(twice: str):
    text = f'{POLICY}\ntest "t"\n  given {twice}\n  call look {{ id: "a" }} then allow\n'
    program, found = compile_sources([Source("desk.licet", text)])
    assert program is None
    assert [d.code for d in found] == ["LIC102"]
