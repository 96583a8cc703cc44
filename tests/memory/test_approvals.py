"""Approvals that must not count: each is refused, and says why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licet import Guard
from licet.verifier.approvals import ApprovalError
from support.desk_memory import BOSS, POLICY, SUPPORT, ClockedStore, load

ANN = SUPPORT
FIN = [{"id": f"fin{n}", "role": "finance"} for n in range(3)]


@pytest.fixture
def store() -> ClockedStore:
    return ClockedStore()


@pytest.fixture
def guard(tmp_path: Path, store: ClockedStore) -> Iterator[Guard]:
    with load(tmp_path, store=store, approval_seconds=3600, ticket_seconds=60) as made:
        yield made


def ask(guard: Guard, principal: dict[str, Any] = ANN, amount: int = 600, **more: Any) -> str:
    verdict = guard.session(principal=principal, session="s").check(
        "wire", {"amount": amount}, **more
    )
    assert verdict.outcome == "escalate", verdict.message
    assert verdict.approval is not None
    return verdict.approval


def check(guard: Guard, principal: dict[str, Any] = ANN, amount: int = 600, **more: Any) -> str:
    session = guard.session(principal=principal, session="s")
    return session.check("wire", {"amount": amount}, **more).outcome


def test_is_good_for_one_call(guard: Guard) -> None:
    id = ask(guard)
    assert guard.approve(id, approver=BOSS).state == "approved"
    assert check(guard) == "allow"
    assert guard.approval(id).state == "used"  # type: ignore[union-attr]
    assert ask(guard) != id
    with pytest.raises(ApprovalError, match="used already"):
        guard.approve(id, approver=BOSS)


def test_of_one_id_is_used_once(guard: Guard) -> None:
    guard.approve(ask(guard, id="c1"), approver=BOSS)
    session = guard.session(principal=ANN, session="s")
    first = session.check("wire", {"amount": 600}, id="c1")
    again = session.check("wire", {"amount": 600}, id="c1")
    assert first.allowed
    assert first.ticket == again.ticket
    assert check(guard, id="c2") == "escalate"


def test_while_it_waits_it_is_asked_for_once(guard: Guard) -> None:
    assert ask(guard) == ask(guard)
    assert len(guard.pending()) == 1


@pytest.mark.parametrize(
    ("principal", "amount"),
    [
        (ANN, 601),
        ({**ANN, "id": "eve"}, 600),
        ({**ANN, "role": "manager"}, 600),
        ({**ANN, "on_behalf_of": "zoe"}, 600),
        ({**ANN, "delegation": ["boss"]}, 600),
    ],
)
def test_is_for_these_arguments_of_this_principal(
    guard: Guard, principal: dict[str, Any], amount: int
) -> None:
    guard.approve(ask(guard), approver=BOSS)
    assert check(guard, principal, amount) == "escalate"


def test_is_for_this_session_and_tenant(guard: Guard) -> None:
    id = ask(guard)
    guard.approve(id, approver=BOSS)
    elsewhere = guard.session(principal=ANN, session="t")
    assert elsewhere.check("wire", {"amount": 600}).outcome == "escalate"
    other = guard.session(principal=ANN, session="s", tenant="other")
    assert other.check("wire", {"amount": 600}).outcome == "escalate"
    assert guard.approval(id, tenant="other") is None
    with pytest.raises(ApprovalError, match="no such approval"):
        guard.approve(id, approver=BOSS, tenant="other")


def test_under_a_newer_policy(guard: Guard, tmp_path: Path, store: ClockedStore) -> None:
    answered, open_ = ask(guard), ask(guard, amount=601)
    guard.approve(answered, approver=BOSS)
    with load(tmp_path, POLICY.replace("> 500", "> 499"), store=store) as newer:
        assert check(newer) == "escalate"
        with pytest.raises(ApprovalError, match="the policy has changed"):
            newer.approve(open_, approver=BOSS)
        with pytest.raises(ApprovalError, match="the policy has changed"):
            guard.approve(open_, approver=BOSS)
        assert check(guard) == "deny"  # another is active


def test_under_a_newer_catalog(tmp_path: Path, store: ClockedStore) -> None:
    text = 'use tools "tools.json" as desk\n' + POLICY.replace(
        "tool wire(amount: Int in 0 .. 100_000)\n", ""
    )
    tool = {
        "name": "wire",
        "description": "sends money",
        "inputSchema": {
            "type": "object",
            "properties": {"amount": {"type": "integer", "minimum": 0}},
            "required": ["amount"],
        },
    }
    catalog = tmp_path / "tools.json"
    catalog.write_text(json.dumps({"tools": [tool]}))
    with load(tmp_path, text, store=store) as guard:
        answered, open_ = ask(guard), ask(guard, amount=601)
        guard.approve(answered, approver=BOSS)
        catalog.write_text(json.dumps({"tools": [{**tool, "description": "sends money away"}]}))
        with load(tmp_path, text, store=store) as newer:
            assert check(newer) == "escalate"
            with pytest.raises(ApprovalError, match="the policy has changed"):
                newer.approve(open_, approver=BOSS)


def test_after_it_has_expired(guard: Guard, store: ClockedStore) -> None:
    answered, open_ = ask(guard), ask(guard, amount=601)
    guard.approve(answered, approver=BOSS)
    store.advance(3600)
    with pytest.raises(ApprovalError, match="expired"):
        guard.approve(open_, approver=BOSS)
    assert guard.pending() == []
    assert guard.approval(answered).state == "expired"  # type: ignore[union-attr]
    assert ask(guard) != answered


def test_a_clock_that_goes_back_revives_nothing(guard: Guard, store: ClockedStore) -> None:
    answered = ask(guard)
    guard.approve(answered, approver=BOSS)
    store.advance(3600)
    assert ask(guard) != answered
    store.advance(-3600)
    assert ask(guard) != answered


def test_before_it_was_asked_for(guard: Guard, store: ClockedStore) -> None:
    guard.approve(ask(guard), approver=BOSS)
    store.advance(-60)
    assert check(guard) == "escalate"


@pytest.mark.parametrize(
    "principal",
    [
        {"id": "boss", "role": "support"},
        {**ANN, "on_behalf_of": "boss"},
        {**ANN, "delegation": ["zoe", "boss"]},
    ],
)
def test_by_somebody_behind_the_call(guard: Guard, principal: dict[str, Any]) -> None:
    id = ask(guard, principal)
    with pytest.raises(ApprovalError, match="boss stands behind this call"):
        guard.approve(id, approver=BOSS)
    with pytest.raises(ApprovalError, match="boss stands behind this call"):
        guard.reject(id, approver=BOSS)
    assert check(guard, principal) == "escalate"


@pytest.mark.parametrize(
    "unknown",
    [
        {"on_behalf_of": {"$unknown": True}},
        {"delegation": {"$unknown": True}},
        {"delegation": ["zoe", {"$unknown": True}]},
    ],
)
def test_where_it_is_not_known_who_is_behind(guard: Guard, unknown: dict[str, Any]) -> None:
    id = ask(guard, {**ANN, **unknown})
    with pytest.raises(ApprovalError, match="not known on whose behalf"):
        guard.approve(id, approver=BOSS)


def test_nested_delegation(tmp_path: Path) -> None:
    text = """
    record Actor { id: String, via: List<String> }
    principal { id: String, delegation: List<Actor>? }
    tool wire(amount: Int)
    permit all on any
    escalate big on wire to approver.id != "nobody"
    """
    behind = {"id": "ann", "delegation": [{"id": "zoe", "via": ["boss"]}]}
    with load(tmp_path, text) as guard:
        id = ask(guard, behind)
        for who in ("ann", "zoe", "boss"):
            with pytest.raises(ApprovalError, match="stands behind"):
                guard.approve(id, approver={"id": who})
        assert guard.approve(id, approver={"id": "yan"}).state == "approved"


def test_twice_by_the_same_person(guard: Guard) -> None:
    id = ask(guard, amount=6_000)
    assert guard.approve(id, approver=FIN[0]).state == "open"
    with pytest.raises(ApprovalError, match="fin0 has agreed already"):
        guard.approve(id, approver=FIN[0])
    assert guard.approve(id, approver=BOSS).state == "open"
    assert check(guard, amount=6_000) == "escalate"
    assert guard.approve(id, approver=FIN[1]).state == "approved"
    assert check(guard, amount=6_000) == "allow"


@pytest.mark.parametrize(
    ("approver", "why"),
    [
        (FIN[0], "fin0 is not one of those whom the policy asks"),
        ({"id": "ike", "role": "support"}, "ike is not one of those"),
        ({"id": "", "role": "manager"}, "known by `id`"),
        ({"role": "manager"}, "approver.id"),
        ({"id": "boss", "role": "manager", "sudo": True}, "sudo"),
        ({"id": "boss", "role": {"$unknown": True}}, "approver.role"),
        ({}, "approver"),
    ],
)
def test_by_somebody_who_is_not_asked(guard: Guard, approver: dict[str, Any], why: str) -> None:
    id = ask(guard)
    with pytest.raises(ApprovalError, match=why):
        guard.approve(id, approver=approver)
    assert guard.approval(id).state == "open"  # type: ignore[union-attr]


def test_with_unknown_facts(tmp_path: Path) -> None:
    text = """
    principal { id: String }
    fact owner(id: String) -> String
    tool wire(to: String)
    permit all on any
    escalate big on wire to approver.id == owner(args.to)
    """
    with load(tmp_path, text) as guard:
        call: dict[str, Any] = {"tool": "wire", "args": {"to": "x"}, "principal": {"id": "ann"}}
        verdict = guard.check(call)
        assert verdict.outcome == "escalate"
        with pytest.raises(ApprovalError, match="not one of those"):
            guard.approve(str(verdict.approval), approver={"id": "boss"})
        known = {"owner": [{"key": ["x"], "value": "boss"}]}
        told = guard.check({**call, "args": {"to": "x"}, "session": "2", "facts": known})
        assert guard.approve(str(told.approval), approver={"id": "boss"}).state == "approved"


def test_rejected(guard: Guard, store: ClockedStore) -> None:
    id = ask(guard)
    rejected = guard.reject(id, approver=BOSS)
    assert (rejected.state, rejected.rejected_by) == ("rejected", "boss")
    assert check(guard) == "deny"
    with pytest.raises(ApprovalError, match="rejected already"):
        guard.approve(id, approver=BOSS)
    store.advance(3600)
    assert check(guard) == "escalate"


def test_more_is_asked_than_was_agreed_to(guard: Guard, tmp_path: Path) -> None:
    text = POLICY + "context { night: Bool }\nescalate night on wire when context.night\n"
    text = text.replace("when context.night\n", "when context.night to approver.role == finance\n")
    with load(tmp_path, text) as other:
        call: dict[str, Any] = {"tool": "wire", "args": {"amount": 600}, "principal": ANN}
        by_day = other.check({**call, "context": {"night": False}})
        other.approve(str(by_day.approval), approver=BOSS)
        by_night = other.check({**call, "context": {"night": True}})
        assert by_night.outcome == "escalate"
        assert by_night.approval != by_day.approval


def test_budgets_are_asked_again(tmp_path: Path, store: ClockedStore) -> None:
    text = POLICY + "limit wired on wire sum(args.amount) within day <= 1_000\n"
    with load(tmp_path, text, store=store) as guard:
        id = ask(guard, amount=900)
        assert check(guard, amount=500) == "allow"  # a call that waits has reserved nothing
        guard.approve(id, approver=BOSS)
        assert check(guard, amount=900) == "deny"
        assert guard.approval(id).state == "approved"  # type: ignore[union-attr]


def test_so_many_may_wait(tmp_path: Path, store: ClockedStore) -> None:
    with load(tmp_path, store=store, most_pending=3, approval_seconds=60) as guard:
        ids = [ask(guard, amount=600 + n) for n in range(3)]
        refused = guard.session(principal=ANN, session="s").check("wire", {"amount": 700})
        assert (refused.outcome, refused.kind) == ("deny", "approval")
        assert "too many approvals" in refused.message
        assert ask(guard, amount=601) == ids[1]
        assert check(guard, {**ANN, "id": "eve"}, 700) == "escalate"
        guard.reject(ids[0], approver=BOSS)
        assert check(guard, amount=700) == "escalate"
        assert check(guard, amount=701) == "deny"
        store.advance(60)
        assert check(guard, amount=702) == "escalate"


def test_a_wait_survives_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with load(tmp_path, store=url) as before:
        id = ask(before)
    before.store.close()
    with (
        Guard.load(tmp_path / "policy0.licet", store=url) as after,
        Guard.load(tmp_path / "policy0.licet", store=url) as desk,
    ):

        async def wait() -> str:
            waiting = asyncio.create_task(after.answered(id, seconds=20))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            await asyncio.to_thread(desk.approve, id, approver=BOSS)
            return (await waiting).state

        assert asyncio.run(wait()) == "approved"
        assert check(after) == "allow"
        with pytest.raises(LookupError):
            asyncio.run(after.answered("none"))


def test_of_many_checks_one_uses_it(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with load(tmp_path, store=f"sqlite:///{tmp_path / 'state.db'}") as guard:
        guard.approve(ask(guard), approver=BOSS)
        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(lambda _: check(guard), range(8)))
        assert sorted(outcomes) == ["allow", *["escalate"] * 7]
