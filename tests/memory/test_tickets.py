"""Tickets that must not run a tool: each is refused, and says why."""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from licet import Guard, Verdict
from licet.verifier.history import StoreError
from licet.verifier.history.memory import MemoryStore
from licet.verifier.redeeming import RedeemError, SettleError
from licet.verifier.tickets import PREFIX, Ticket
from support.desk_memory import POLICY, SUPPORT, ClockedStore, load

ARGS = {"user": "x", "amount": 60}


@pytest.fixture
def store() -> ClockedStore:
    return ClockedStore()


@pytest.fixture
def guard(tmp_path: Path, store: ClockedStore) -> Iterator[Guard]:
    with load(tmp_path, store=store, ticket_seconds=60) as made:
        yield made


def check(guard: Guard, tool: str = "pay", args: Any = ARGS, **more: Any) -> Verdict:
    return guard.session(principal=SUPPORT, session="s").check(tool, args, **more)


def ticket(guard: Guard, tool: str = "pay", args: Any = ARGS, **more: Any) -> Ticket:
    made = check(guard, tool, args, **more).ticket
    assert made is not None
    return made


def left(guard: Guard) -> int:
    """What is left of the day's budget."""
    refused = check(guard, args={"user": "x", "amount": 10_000})
    return int(refused.budgets[0].left)  # type: ignore[call-overload]


def refusal(guard: Guard, shown: Any, args: Any = ARGS) -> str:
    with pytest.raises(RedeemError) as raised:
        guard.redeem(shown, args)
    return str(raised.value)


def test_runs_once_with_the_frozen_arguments(guard: Guard) -> None:
    made = ticket(guard)
    with guard.redeem(str(made), {"amount": 60.0, "user": "x"}) as call:
        assert call.args == ARGS
        call.result = {"paid": 60}
    assert "redeemed already" in refusal(guard, made)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tenant", "other"),
        ("principal", "id:eve"),
        ("session", "t"),
        ("call_id", "c2"),
        ("tool", "policy0.note"),
        ("digest", "0" * 64),
        ("policy", "0" * 64),
        ("catalog", "0" * 64),
        ("nonce", "0"),
        ("expires", 2**60),
        ("signature", "0" * 64),
        ("signature", "é"),
        ("signature", "\ud800"),
        ("signature", ""),
    ],
)
def test_forged(guard: Guard, field: str, value: object) -> None:
    made = replace(ticket(guard), **{field: value})
    assert refusal(guard, made) == "the ticket was not signed by this guard"
    assert refusal(guard, str(made)) == "the ticket was not signed by this guard"


def packed(value: object) -> str:
    return f"{PREFIX}{base64.urlsafe_b64encode(json.dumps(value).encode()).decode()}.s"


@pytest.mark.parametrize(
    "text",
    [
        "",
        PREFIX,
        "licet2.abc",
        "x" * 100_000,
        packed([]),
        packed({}),
        packed(7),
        packed("aaaaaaaaaa"),
        packed(["a"] * 10),
        packed([*["a"] * 9, True]),
        packed([*["a"] * 9, 1.0]),
        packed([*["a"] * 9, 1, "more"]),
        PREFIX + base64.urlsafe_b64encode(b"[" * 200_000).decode(),
        PREFIX + base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        "licet1.\ud800",
        b"licet1.",
        7,
        {},
    ],
)
def test_is_none(guard: Guard, text: Any) -> None:
    assert refusal(guard, text) == "this is not a ticket"


def test_truncated_anywhere(guard: Guard) -> None:
    text = str(ticket(guard))
    for end in range(0, len(text), 7):
        assert refusal(guard, text[:end]) in (
            "this is not a ticket",
            "the ticket was not signed by this guard",
        )


def test_of_another_key(tmp_path: Path, guard: Guard) -> None:
    with load(tmp_path, store=MemoryStore()) as other:
        assert refusal(guard, ticket(other)) == "the ticket was not signed by this guard"


def test_of_another_store(tmp_path: Path) -> None:
    key = b"k" * 32
    with (
        load(tmp_path, store=MemoryStore(), key=key) as one,
        Guard.load(tmp_path / "policy0.licet", store=MemoryStore(), key=key) as other,
    ):
        assert refusal(other, ticket(one)) == "the store does not know this ticket"
        # of calls that no store keeps, each process knows its own
        light = ticket(one, "note", {"text": "x"})
        assert "made by another process" in refusal(other, light, {"text": "x"})
        one.redeem(light, {"text": "x"})
        assert "redeemed already" in refusal(one, light, {"text": "x"})


@pytest.mark.parametrize(
    "args",
    [
        {"user": "x", "amount": 61},
        {"user": "y", "amount": 60},
        {"user": "x"},
        {"user": "x", "amount": 60, "more": 1},
        {"user": "x", "amount": "60"},
        {"user": "x", "amount": float("nan")},
        {"user": "x", "amount": 59.99999999999999},
        {},
        [],
        None,
        "x",
    ],
)
def test_with_other_arguments(guard: Guard, args: Any) -> None:
    assert refusal(guard, ticket(guard), args) == "the arguments are not those that were checked"


def test_null_is_not_absence_in_an_open_document(tmp_path: Path) -> None:
    text = "principal { id: String }\ntool put(doc: Json)\npermit all on any\n"
    with load(tmp_path, text) as guard:
        call = {"tool": "put", "args": {"doc": {"a": None}}, "principal": {"id": "ann"}}
        made = guard.check(call).ticket
        assert "not those" in refusal(guard, made, {"doc": {}})
        assert guard.redeem(made, {"doc": {"a": None}}).args == {"doc": {"a": None}}


def test_expired(guard: Guard, store: ClockedStore) -> None:
    made = ticket(guard)
    assert left(guard) == 40
    store.advance(60)
    assert refusal(guard, made) == "the ticket has expired, or was given back"
    assert left(guard) == 100
    store.advance(-60)
    assert refusal(guard, made) == "the ticket has expired, or was given back"


def test_under_a_clock_that_went_back(guard: Guard, store: ClockedStore) -> None:
    made = ticket(guard)
    store.advance(-3600)
    assert refusal(guard, made) == "the clock went back since the call was allowed"
    store.advance(3600)
    guard.redeem(made, ARGS)


def test_given_back(guard: Guard) -> None:
    made = ticket(guard)
    guard.settle(made, "cancelled")
    guard.settle(made, "cancelled")
    assert refusal(guard, made) == "the ticket has expired, or was given back"
    assert left(guard) == 100


def test_expired_and_its_id_used_again(guard: Guard, store: ClockedStore) -> None:
    old = ticket(guard, id="c1")
    store.advance(60)
    new = ticket(guard, id="c1")
    assert "has expired" in refusal(guard, old)
    with pytest.raises(SettleError, match="ended already"):
        guard.settle(old, "ok", {"paid": 60})
    guard.settle(old, "cancelled")
    assert guard.redeem(new, ARGS).args == ARGS
    assert left(guard) == 40


@pytest.mark.parametrize("tool", ["pay", "note"])
def test_under_another_policy(guard: Guard, tmp_path: Path, store: ClockedStore, tool: str) -> None:
    args = ARGS if tool == "pay" else {"text": "x"}
    made = ticket(guard, tool, args)
    with load(tmp_path, POLICY + "forbid notes on note\n", store=store) as newer:
        assert "changed since the call was allowed" in refusal(newer, made, args)
        assert "another policy is active" in refusal(guard, made, args)
        assert check(guard, tool, args).kind == "fault"
        guard.activate()
        guard.redeem(made, args)


@pytest.mark.parametrize("ending", ["ok", "error"])
def test_what_was_not_redeemed_cannot_have_run(guard: Guard, ending: Any) -> None:
    made = ticket(guard)
    with pytest.raises(SettleError, match="not redeemed"):
        guard.settle(made, ending)
    assert left(guard) == 40


def test_pay_then_error_stays_spent(guard: Guard) -> None:
    with pytest.raises(OSError, match="broken"), guard.redeem(ticket(guard), ARGS):
        raise OSError("broken")
    assert left(guard) == 40


def test_pay_then_cancelled_stays_spent(guard: Guard) -> None:
    made = ticket(guard)
    guard.redeem(made, ARGS)
    guard.settle(made, "cancelled")
    assert left(guard) == 40
    with pytest.raises(SettleError, match="ended already"):
        guard.settle(made, "ok", {"paid": 0})
    assert left(guard) == 40


def test_never_settled_stays_spent(guard: Guard, store: ClockedStore) -> None:
    guard.redeem(ticket(guard), ARGS)
    store.advance(3600)
    assert left(guard) == 40


def test_settles_at_what_was_paid(guard: Guard) -> None:
    made = ticket(guard)
    guard.redeem(made, ARGS)
    guard.settle(made, "ok", {"paid": 75.5})
    guard.settle(made, "ok", {"paid": 75.5})
    with pytest.raises(SettleError, match="ended already"):
        guard.settle(made, "ok", {"paid": 0})
    assert check(guard, args={"user": "x", "amount": 24.51}).outcome == "deny"
    assert check(guard, args={"user": "x", "amount": 24.5}).allowed


@pytest.mark.parametrize("result", [{"paid": -60}, {"paid": "0"}, {}, [], float("nan"), object()])
def test_an_odd_result_gives_nothing_back(guard: Guard, result: object) -> None:
    made = ticket(guard)
    guard.redeem(made, ARGS)
    with pytest.raises(SettleError):
        guard.settle(made, "ok", result)
    assert left(guard) == 40


MOVE = {"amount": 60}


def moves_left(guard: Guard) -> bool:
    return check(guard, "move", MOVE).allowed


def test_an_atomic_tool_that_failed_has_done_nothing(guard: Guard) -> None:
    with pytest.raises(OSError, match="broken"), guard.redeem(ticket(guard, "move", MOVE), MOVE):
        raise OSError("broken")
    assert moves_left(guard)


def test_an_atomic_tool_that_was_interrupted_may_have_run(guard: Guard) -> None:
    with pytest.raises(KeyboardInterrupt), guard.redeem(ticket(guard, "move", MOVE), MOVE):
        raise KeyboardInterrupt
    assert not moves_left(guard)


def test_what_cannot_settle_counts_at_once(guard: Guard, store: ClockedStore) -> None:
    made = ticket(guard, commit=True)
    store.advance(3600)
    assert left(guard) == 40
    assert "redeemed already" in refusal(guard, made)


# --- ids


def test_the_same_call_gets_the_same_ticket(guard: Guard) -> None:
    first = ticket(guard, id="c1")
    assert ticket(guard, args={"amount": 60.00, "user": "x"}, id="c1") == first
    assert left(guard) == 40


def test_an_id_is_for_one_call(guard: Guard) -> None:
    made = ticket(guard, id="c1")
    assert "was used for another call" in check(guard, args={**ARGS, "amount": 1}, id="c1").message
    assert "was used for another call" in check(guard, "note", {"text": "x"}, id="c1").message
    guard.redeem(made, ARGS)
    assert "has been made already" in check(guard, id="c1").message
    guard.settle(made, "error")
    assert "has been made already" in check(guard, id="c1").message
    assert left(guard) == 40


def test_an_id_is_of_one_principal_session_and_tenant(guard: Guard) -> None:
    mine = ticket(guard, id="c1")
    for principal, session, tenant in (
        ({**SUPPORT, "id": "eve"}, "s", "default"),
        (SUPPORT, "t", "other"),
        (SUPPORT, "s", "another"),
    ):
        view = guard.session(principal=principal, session=session, tenant=tenant)
        assert view.check("pay", ARGS, id="c1").ticket not in (None, mine)


# --- tenants


def test_tenants_are_apart(guard: Guard) -> None:
    assert check(guard).allowed
    assert not check(guard).allowed
    for tenant in ("", "other", "default ", "d\0", "Default"):
        view = guard.session(principal=SUPPORT, session="s", tenant=tenant)
        assert view.check("pay", ARGS).allowed
        assert not view.check("pay", ARGS).allowed


# --- where tickets do not go


def test_is_no_part_of_what_is_shown(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        verdict = check(guard)
        made = verdict.ticket
        assert made is not None
        running = guard.redeem(made, ARGS)
        refusal(guard, made)
        shown = [
            json.dumps(verdict.for_model(), default=str),
            json.dumps(verdict.for_operator(), default=str),
            repr(verdict),
            str(verdict),
            repr(made),
            repr(running),
            repr([made]),
            f"{verdict!r:.9999}",
            caplog.text,
        ]
    for secret in (made.signature, str(made), str(made)[len(PREFIX) :][:40]):
        assert not [text for text in shown if secret in text]


# --- faults


def test_a_fork_redeems_no_ticket_of_its_parent(guard: Guard) -> None:
    made = ticket(guard, "note", {"text": "x"})
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            guard.redeem(made, {"text": "x"})
        except RedeemError:
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    guard.redeem(made, {"text": "x"})


def test_a_store_that_is_gone_runs_nothing(tmp_path: Path) -> None:
    with load(tmp_path, store=f"sqlite:///{tmp_path / 'state.db'}") as guard:
        made = ticket(guard)
        guard.store.close()
        with pytest.raises(StoreError):
            guard.redeem(made, ARGS)
        verdict = check(guard)
        assert (verdict.outcome, verdict.kind, verdict.ticket) == ("deny", "fault", None)
