"""From a mapping to a verdict on a small policy: outcomes, kinds, rules, what a refusal says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from licet import Guard
from support.shop import SHOWN, args, refund, shop


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    with shop(tmp_path_factory.mktemp("shop"), SHOWN, engine="both") as made:
        yield made


def test_an_allowed_call_names_the_permit(guard: Guard) -> None:
    verdict = guard.check(refund(id="c1"))
    assert (verdict.outcome, verdict.rules, verdict.violations, verdict.message) == (
        "allow",
        ("refunds",),
        (),
        "",
    )
    assert verdict.call_id == "c1"
    assert verdict.policy_digest == guard.program.digest
    assert verdict.catalog_digest == guard.program.catalog.digest


def test_a_refusal_names_rule_reason_and_way_out(guard: Guard) -> None:
    call = refund(args=args(amount=700), principal={"id": "a1", "role": "support"})
    call["facts"]["order"][0]["value"]["total"] = 1000  # type: ignore[index]
    verdict = guard.check(call)
    assert verdict.outcome == "deny"
    assert [(v.kind, v.rule, v.message) for v in verdict.violations] == [
        ("forbidden", "support_small", "Support refunds at most 500.")
    ]
    assert {str(r) for r in verdict.because} == {"principal.role = support", "args.amount = 700"}
    assert verdict.repair is not None
    assert verdict.repair.args == {"order_id": "R1", "amount": 500}
    assert verdict.counterexample is not None
    assert guard.check(verdict.counterexample).rules == ("support_small",)
    assert guard.check({**call, "args": verdict.repair.args}).allowed
    assert "Support refunds at most 500" in verdict.message
    assert "args.amount = 500 instead of 700" in verdict.message


def test_several_rules_fire_in_the_order_written(guard: Guard) -> None:
    call = refund(args=args(amount=700), principal={"id": "a1", "role": "support"})
    assert guard.check(call).rules == ("too_much", "support_small")


def test_default_deny(guard: Guard) -> None:
    verdict = guard.check(refund(tool="close_shop", args={"reason": "x"}))
    assert (verdict.outcome, verdict.kind) == ("deny", "no_permit")


def test_what_does_not_exist_is_said(guard: Guard) -> None:
    call = refund(facts={"order": [{"key": ["R1"], "value": None}], "blocked": []})
    verdict = guard.check(call)
    assert verdict.outcome == "deny"
    assert {v.kind for v in verdict.violations} == {"absent"}
    assert verdict.rules == ("too_much", "blocked_owner")


def test_unknown_facts_make_it_undetermined_with_two_worlds(guard: Guard) -> None:
    call = refund(facts={"order": [{"key": ["R1"], "value": {"owner": "u1", "total": 200}}]})
    verdict = guard.check(call)
    assert (verdict.outcome, verdict.kind) == ("deny", "undetermined")
    assert verdict.settle == ('blocked("u1")',)
    assert verdict.fine is not None
    assert verdict.counterexample is not None
    assert guard.check(verdict.fine).allowed
    assert guard.check(verdict.counterexample).rules == ("blocked_owner",)


def test_unknown_that_does_not_matter_is_decided(guard: Guard) -> None:
    call = refund(args=args(amount=700), principal={"id": "a1", "role": "support"}, facts={})
    verdict = guard.check(call)
    assert verdict.outcome == "deny"
    assert verdict.kind == "forbidden"
    assert "support_small" in verdict.rules


def test_threads_share_a_guard(guard: Guard) -> None:
    """Many threads, each with calls of its own; every answer is the one that a single thread
    gets."""
    calls = [refund(args=args(amount=n * 20)) for n in range(20)]
    expected = [guard.check(call).outcome for call in calls]
    wrong: list[int] = []

    def run(start: int) -> None:
        for step in range(40):
            n = (start + step) % len(calls)
            if guard.check(calls[n]).outcome != expected[n]:
                wrong.append(n)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(0, 64, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert set(expected) == {"allow", "deny"}


def test_tasks_share_a_guard(guard: Guard) -> None:
    calls = [refund(args=args(amount=n * 20)) for n in range(20)]
    expected = [guard.check(call).outcome for call in calls]

    async def run() -> list[str]:
        verdicts = await asyncio.gather(*(guard.acheck(call) for call in calls * 5))
        return [verdict.outcome for verdict in verdicts]

    assert asyncio.run(run()) == expected * 5


def test_a_verdict_has_no_truth(guard: Guard) -> None:
    with pytest.raises(TypeError):
        bool(guard.check(refund()))
