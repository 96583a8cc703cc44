"""A guard elsewhere against a real service: the embedded guard's verdicts, or a refusal."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from licet import Action, Guard
from licet.adapters.frameworks.gate import Ask, Gate, Refuse, RefusedError, Run
from licet.adapters.frameworks.plain import described
from licet.adapters.remote.guard import RemoteGuard
from licet.adapters.remote.transport import RemoteError, encode
from licet.compiler.exact_json import decode
from licet.verifier.approvals import ApprovalError
from licet.verifier.redeeming import RedeemError, SettleError
from licet.verifier.verdict import Verdict
from support.serve_process import AGENT_KEY, APPROVER_KEY, HOST_KEY, Served, served
from support.serving import POLICY
from support.shop import refund, shop


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("remote"), POLICY) as running:
        yield running


@pytest.fixture
def guard(service: Served) -> Iterator[RemoteGuard]:
    with Guard.connect(service.url, key=HOST_KEY, seconds=60.0) as guard:
        yield guard


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    with shop(tmp_path_factory.mktemp("embedded"), POLICY) as guard:
        yield guard


def views(verdict: Verdict) -> tuple[Any, ...]:
    """All of a verdict that does not change from one time to the next."""
    plain = verdict.for_operator()
    for name in ("id", "policy", "catalog", "approval"):
        plain.pop(name, None)
    if verdict.kind == "undetermined":  # the examples, and so what may apply, are a solver's pick
        for name in ("counterexample", "fine", "rules"):
            plain.pop(name, None)
        plain["violations"] = [v.plain(shown_only=False) for v in verdict.violations if v.certain]
    return plain, verdict.for_model(), verdict.allowed, verdict.kind


async def acheck(url: str, call: dict[str, Any], **options: Any) -> Verdict:
    async with Guard.connect(url, key=HOST_KEY, **options) as guard:
        return await guard.acheck(call)


async def answered(url: str, id: str, seconds: float | None = None) -> str:
    async with Guard.connect(url, key=APPROVER_KEY) as guard:
        return (await guard.answered(id, seconds=seconds)).state


NO_FACTS = refund(facts={})
CALLS: list[dict[str, Any]] = [
    refund(),
    refund(id="a call"),
    refund(args={"order_id": "R1", "amount": 150.01}),
    refund(args={"order_id": "R1", "amount": Decimal("200.01")}),
    refund(args={"order_id": "R1", "amount": 100.005}),
    refund(args={"order_id": "R1", "amount": Decimal("100.00000000000000001")}),
    refund(args={"order_id": "R1", "amount": "100"}),
    refund(args={"order_id": "R1"}),
    refund(args={"order_id": "R\u00e4 \u4e2d \U0001f600", "amount": 1}),
    refund(args={"order_id": "R1", "amount": 900}, principal={"id": "a1", "role": "support"}),
    refund(context={"risk": 0.9}),
    refund(context={"risk": 7}),
    refund(principal={}),
    refund(tool="refnd"),
    refund(tool="close_shop", args={"reason": "because"}),
    refund(tool="lookup", args={"order_id": "R1"}),
    NO_FACTS,
    refund(facts={"order": {"R1": {"owner": "u1", "total": 200}}, "blocked": {"u1": True}}),
    refund(tool=""),
    refund(args=[]),
    refund(now=3),
    {**refund(), "surprise": 1},
]


def explained(check: Callable[[], Verdict]) -> Verdict:
    """The verdict with all its reasons, which a machine that is too busy may not find in time."""
    while not (verdict := check()).explained:
        pass
    return verdict


@pytest.mark.parametrize("call", CALLS)
def test_verdicts_are_those_of_the_embedded_guard(
    service: Served, guard: RemoteGuard, embedded: Guard, call: dict[str, Any]
) -> None:
    # a float is its shortest decimal in JSON
    here = explained(lambda: embedded.check(decode(encode(call))))
    there = explained(lambda: guard.check(call))
    assert views(there) == views(here)
    assert (there.approval is None) == (here.approval is None)
    also = explained(lambda: asyncio.run(acheck(service.url, call)))
    assert views(also) == views(here)


def test_an_action_is_asked_as_it_stands(guard: RemoteGuard, embedded: Guard) -> None:
    """An empty principal is nobody, never the owner of the key."""
    action = Action.from_mapping(refund(principal={}))
    assert views(guard.check(action)) == views(embedded.check(action))


def test_a_ticket_is_redeemed_once_with_its_own_arguments(guard: RemoteGuard) -> None:
    sent = {"order_id": "R1", "amount": 100.5}
    verdict = guard.check(refund(args=sent))
    assert verdict.ticket is not None
    with pytest.raises(RedeemError):
        guard.redeem(verdict.ticket, {**sent, "amount": 100})
    with guard.redeem(str(verdict.ticket), sent) as call:
        assert call.args == sent
        assert type(call.args["amount"]) is float
        call.result = {"paid": 100.5}
    with pytest.raises(RedeemError, match="already"):
        guard.redeem(verdict.ticket, sent)
    with pytest.raises(SettleError):
        guard.settle(verdict.ticket, "error")


def test_the_same_without_blocking_the_loop(service: Served) -> None:
    async def go() -> None:
        async with Guard.connect(service.url, key=HOST_KEY, seconds=60.0) as guard:
            verdicts = await asyncio.gather(*(guard.acheck(refund()) for _ in range(20)))
            tickets = {str(verdict.ticket) for verdict in verdicts}
            assert len(tickets) == 20
            ticket = verdicts[0].ticket
            async with await guard.aredeem(ticket, {"order_id": "R1", "amount": 100}) as call:
                call.result = "paid"
            with pytest.raises(RedeemError):
                await guard.aredeem(ticket, {"order_id": "R1", "amount": 100})
            assert ticket is not None
            await guard.asettle(ticket, "ok", "paid")
            with pytest.raises(SettleError):
                await guard.asettle(ticket, "error")

    asyncio.run(go())


def test_the_same_id_has_the_same_ticket(guard: RemoteGuard) -> None:
    call = refund(id="once and for all")
    assert guard.check(call).ticket == guard.check(call).ticket


def test_an_approval_goes_around(service: Served, guard: RemoteGuard) -> None:
    call = refund(args={"order_id": "R1", "amount": 190}, id="to be approved")
    asked = guard.check(call).approval
    assert asked is not None
    assert asked in [one.id for one in guard.pending()]
    found = guard.approval(asked)
    assert found is not None
    assert (found.state, found.args) == ("open", {"order_id": "R1", "amount": 190})
    assert guard.approval("0-0") is None
    with pytest.raises(RemoteError):  # a host's key answers nothing
        guard.approve(asked)
    with Guard.connect(service.url, key=APPROVER_KEY) as approver:
        assert asyncio.run(answered(service.url, asked, 0.05)) == "open"
        assert approver.approve(asked).state == "approved"
        with pytest.raises(ApprovalError):
            approver.reject(asked)
        assert approver.check(refund()).kind == "fault"
    assert asyncio.run(answered(service.url, asked)) == "approved"
    assert guard.check(call).allowed
    with pytest.raises(LookupError):
        asyncio.run(answered(service.url, "0-0"))


def test_what_a_client_has_no_say_in_is_refused(guard: RemoteGuard) -> None:
    for verdict in (
        guard.check(refund(), tenant="two"),
        guard.check(refund(), commit=True),
        guard.check(refund(history={})),
        guard.check(refund(args={"order_id": "R1", "amount": float("nan")})),
        guard.check(refund(args={"order_id": object()})),
    ):
        assert (verdict.outcome, verdict.kind, verdict.ticket) == ("deny", "fault", None)


def test_other_keys_than_a_hosts_allow_nothing(service: Served) -> None:
    for key in (AGENT_KEY, "licet_test_no_key_of_anybody_at_all"):
        with Guard.connect(service.url, key=key) as guard:
            verdict = guard.check({"tool": "lookup", "args": {"order_id": "R1"}})
            assert (verdict.outcome, verdict.kind) == ("deny", "fault")
            assert "R1" not in verdict.message
            assert key not in repr(verdict)


def test_a_gate_and_guarded_functions_work_on_it(guard: RemoteGuard) -> None:
    facts = {"order": {"R1": {"owner": "u1", "total": 200}}, "blocked": {"u1": False}}
    session = guard.session(principal={"id": "a1", "role": "manager"}, context={"risk": 0.1})
    assert session.check("refund", {"order_id": "R1", "amount": 1}, facts=facts).allowed
    gate = Gate(session, described)
    run = gate.check("lookup", {"order_id": "R1"}, id="c1")
    assert isinstance(run, Run)
    with gate.running(run, {"order_id": "R1"}) as call:
        call.result = "found"
    assert isinstance(gate.check("close_shop", {"reason": "x"}, id="c2"), Refuse)
    assert not isinstance(gate.check("refund", {"order_id": "R1", "amount": 1}, id="c3"), Run | Ask)

    @guard.tool
    def lookup(order_id: str) -> str:
        return f"found {order_id}"

    with pytest.raises(RefusedError):
        lookup("R1")
    with session:
        assert lookup("R1") == "found R1"


def test_a_service_that_is_killed_in_a_call_refuses_it(tmp_path: Path) -> None:
    with ExitStack() as stack, served(tmp_path, POLICY) as running:
        guard = stack.enter_context(Guard.connect(running.url, key=HOST_KEY, seconds=60.0))
        ticket = guard.check(refund()).ticket
        assert ticket is not None
        running.signal(signal.SIGSTOP)
        found: list[object] = []

        def check() -> None:
            found.append(guard.check(refund(id="a call")).kind)

        def redeem() -> None:
            try:
                guard.redeem(ticket, {"order_id": "R1", "amount": 100})
            except RedeemError:
                found.append("refused")

        threads = [threading.Thread(target=work) for work in (check, redeem)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)  # so that the requests are on their way, most likely
        running.signal(signal.SIGKILL)
        for thread in threads:
            thread.join(60)
        assert sorted(map(str, found)) == ["fault", "refused"]
        with pytest.raises(RemoteError):
            guard.settle(ticket, "cancelled")
        with pytest.raises(RemoteError):
            guard.pending()
        gate = Gate(guard.session(principal={"id": "a1", "role": "manager"}), described)
        gone = gate.check("lookup", {"order_id": "R1"}, id="c9")
        assert isinstance(gone, Refuse)
        assert running.url not in gone.text
        with served(tmp_path, POLICY, port=int(running.url.rpartition(":")[2])):
            assert guard.check(refund()).allowed  # over new connections
            guard.settle(ticket, "cancelled")


def test_a_service_that_hangs_is_late(service: Served) -> None:
    with Guard.connect(service.url, key=HOST_KEY, seconds=0.5) as guard:
        service.signal(signal.SIGSTOP)
        try:
            assert guard.check(refund(id="late")).kind == "fault"
            assert asyncio.run(acheck(service.url, refund(id="late"), seconds=0.5)).kind == "fault"
        finally:
            service.signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("ftp://127.0.0.1", HOST_KEY),
        ("127.0.0.1:8000", HOST_KEY),
        ("http://user:word@127.0.0.1", HOST_KEY),
        ("http://127.0.0.1/?a=b", HOST_KEY),
        ("http://127.0.0.1", ""),
        ("http://127.0.0.1", "a\r\nb"),
    ],
)
def test_what_cannot_be_connected_to(url: str, key: str) -> None:
    with pytest.raises(ValueError, match="service"):
        Guard.connect(url, key=key)
