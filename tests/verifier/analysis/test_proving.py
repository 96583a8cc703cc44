"""Proofs: what is proved, what fails and with which call, and what is only known up to a bound."""

from __future__ import annotations

import pytest

from licet.compiler import compile_sources
from licet.compiler.clock import clock
from licet.compiler.evaluation import evaluate, judge
from licet.policy_lang import Source
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.analysis.proving import Proved, prove
from licet.verifier.solving import SolverPool

PATIENT = Effort(10)
POLICY = """
enum Role { support, manager }
principal { id: String, role: Role }
fact order(id: String) -> { owner: String, total: Decimal in 0 .. 100_000 step 0.01 }?
param cap: Decimal in 0 .. 1_000
tool refund(order_id: String, amount: Decimal in 0 .. 10_000 step 0.01, tags: List<String>)
tool mail(to: String)
tool sums(a: Int, b: Int, c: Int)
permit refunds on refund
permit mails on mail when email(args.to).domain ?? "" == "example.org"
permit summed on sums
  when args.a * args.a * args.a + args.b * args.b * args.b != args.c * args.c * args.c
forbid too_much on refund
  let o = order(args.order_id)
  when args.amount > o.total
forbid support_small on refund when principal.role == support and args.amount > 500
forbid tagged on refund when any(t in args.tags: t startswith "x")
forbid many on refund when length(args.tags) > 3
"""


@pytest.fixture(scope="module")
def pool():
    with SolverPool(1) as pool:
        yield pool


def proved(pool: SolverPool, claim: str, effort: Effort = PATIENT) -> tuple[Proved, str]:
    program, found = compile_sources([Source("p.licet", f"{POLICY}prove it {claim}\n")])
    assert program is not None, found
    [proof] = program.proofs
    [on] = proof.tools
    result = prove(program, proof, on, pool, effort)
    told = "" if result.witness is None else str(result.witness)
    if result.witness is not None:
        world = result.witness.world
        assert evaluate(on.condition, world, clock(program.zone)) is True
        judged = judge(program.rules[on.tool], world, clock(program.zone)).outcome
        wanted = {"never": ("allow", "escalate"), "always": ("deny", "escalate"), "can": ("allow",)}
        assert judged in wanted[proof.mode]
    return result, told


@pytest.mark.parametrize(
    ("claim", "status", "witness"),
    [
        ("never allow refund when principal.role == support and args.amount > 500", "proved", ""),
        (
            "never allow refund when principal.role == support and args.amount > 400",
            "failed",
            (
                'refund with args.order_id = "a", args.amount = 400.01, args.tags = [],'
                ' principal.role = support, order("a").total = 400.01'
            ),
        ),
        (
            "can allow refund when principal.role == manager and args.amount == 499.99",
            "proved",
            (
                'refund with args.order_id = "a", args.amount = 499.99, args.tags = [],'
                ' principal.role = manager, order("a").total = 499.99'
            ),
        ),
        (
            "always allow refund when args.amount < 100",
            "failed",
            'refund with args.order_id = "a", args.amount = 0, order("a") = none',
        ),
        (
            "never allow refund when args.amount > cap",
            "failed",
            (
                'refund with args.order_id = "a", args.amount = 0.01, args.tags = [],'
                ' order("a").total = 0.01, cap = 0'
            ),
        ),
        ("can allow refund when principal.role == support and args.amount > 500", "failed", ""),
        ('never allow mail when email(args.to).domain ?? "" == "evil.example"', "proved", ""),
        (
            'can allow mail when email(args.to).domain ?? "" == "example.org"',
            "proved",
            'mail with args.to = "a@example.org"',
        ),
        ('never allow refund when any(t in args.tags: t startswith "xa")', "proved", ""),
        ("never allow refund when length(args.tags) > 3", "proved", ""),
    ],
)
def test_claims(pool, claim, status, witness):
    result, told = proved(pool, claim)
    assert (result.status, told, result.elements) == (status, witness, None)


def test_lists_beyond_the_bound_are_not_called_proved(pool):
    claim = 'can allow refund when count(t in args.tags: t startswith "y") > 2'
    result, _ = proved(pool, claim, Effort(10, list_bound=2))
    assert (result.status, result.elements) == ("failed", 2)
    result, _ = proved(pool, claim, Effort(10, list_bound=3))
    assert result.status == "proved"
    unbounded = POLICY.replace("forbid many on refund when length(args.tags) > 3\n", "")
    program, _ = compile_sources(
        [
            Source(
                "p.licet",
                f"{unbounded}prove it never allow refund"
                ' when any(t in args.tags: t startswith "xa")\n',
            )
        ]
    )
    assert program is not None
    [proof] = program.proofs
    result = prove(program, proof, proof.tools[0], pool, Effort(10, list_bound=2))
    assert (result.status, result.elements) == ("bounded", 2)


def test_what_the_solver_cannot_decide_is_unknown(pool):
    claim = "always allow sums when args.a > 0 and args.b > 0 and args.c > 0"
    result, _ = proved(pool, claim, Effort(0.5))
    assert result.status == "unknown"
    assert result.reason


def test_a_proof_that_no_call_fits_says_so(pool):
    result, _ = proved(pool, "never allow refund when args.amount > 20_000")
    assert (result.status, result.vacuous) == ("proved", True)
    result, _ = proved(pool, "never allow refund when length(args.tags) > 3")
    assert (result.status, result.vacuous) == ("proved", False)


def test_a_dead_solver_proves_nothing():
    pool = SolverPool(1)
    pool.close()
    result, _ = proved(pool, "never allow refund when length(args.tags) > 3")
    assert result.status == "unknown"


def test_the_witness_is_a_call_to_check(pool):
    program, _ = compile_sources(
        [Source("p.licet", f"{POLICY}prove it never allow refund when args.amount > cap\n")]
    )
    assert program is not None
    [proof] = program.proofs
    result = prove(program, proof, proof.tools[0], pool, Effort(10))
    assert result.witness is not None
    shown = result.witness.json()
    assert shown["matters"] == ["args.order_id", "args.amount", "args.tags", 'order("a").total']
    assert list(shown["params"]) == ["cap"]
    assert list(shown["call"]) == ["tool", "args", "principal", "facts", "now"]
