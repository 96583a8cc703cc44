"""What becomes of a call: a real proxy, real clients and servers, each way in and out."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
from mcp import Client, types

from support.mcp_desk import BOSS, DOORS, Desk, answering, text, yes

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("front", "mode"), DOORS)
def test_what_is_allowed_runs_and_the_rest_is_told_why_not(
    desk: Desk, front: str, mode: str
) -> None:
    async def run() -> None:
        async with desk.client(front, mode) as client:
            assert (client.protocol_version == "2026-07-28") == (mode == "auto")
            paid = await client.call_tool("refund", {"order": "a", "amount": 5})
            assert (paid.is_error, paid.structured_content) == (False, {"paid": 5})

            refused = await client.call_tool("refund", {"order": "kitchen", "amount": 5})
            assert refused.is_error
            assert text(refused).startswith(
                "refund was refused: the kitchen is never paid (rule kitchen)."
            )
            unknown = await client.call_tool("survey", {"order": "theirs"})
            assert unknown.is_error
            assert "that the host does not know yet" in text(unknown)
            odd = await client.call_tool("refund", {"order": 5, "amount": 5})
            assert odd.is_error
            assert "`args.order` must be text" in text(odd)
            for name in ("secret", "refunds", "desk.secret"):
                none = await client.call_tool(name, {"order": "a"})
                assert none.is_error
                assert f"there is no tool `{name}`" in text(none)

            failed = await client.call_tool("fail", {"order": "a"})
            assert failed.is_error
            assert "Error executing tool fail" in text(failed)

    asyncio.run(run())
    assert [call["tool"] for call in desk.ledger] == ["refund", "fail"]


@pytest.mark.long
@pytest.mark.parametrize(("front", "mode"), DOORS)
def test_of_two_at_once_that_together_are_too_much_one_runs(
    desk: Desk, front: str, mode: str
) -> None:
    async def run() -> None:
        async with desk.client(front, mode) as client:
            calls = [client.call_tool("refund", {"order": o, "amount": 60}) for o in ("a", "b")]
            done = await asyncio.gather(*calls)
            assert sorted(result.is_error for result in done) == [False, True]
            said = next(text(result) for result in done if result.is_error)
            assert "(rule total)" in said

    asyncio.run(run())
    assert [call["amount"] for call in desk.ledger] == [60]


@pytest.mark.parametrize(("front", "mode"), DOORS)
def test_a_person_at_the_client_approves_or_rejects(desk: Desk, front: str, mode: str) -> None:
    desk.options = ["--approver", BOSS]
    answer, asked = answering(
        yes(approve=False),
        types.ElicitResult(action="cancel"),
        yes(approve="yes"),  # no answer that counts
        yes(approve=True),
    )

    async def run() -> None:
        async with desk.client(front, mode, elicitation_callback=answer) as client:
            no = await client.call_tool("refund", {"order": "no", "amount": 80})
            assert no.is_error
            assert "rejected" in text(no)
            again = await client.call_tool("refund", {"order": "no", "amount": 80})
            assert again.is_error
            for _ in range(2):
                unsaid = await client.call_tool("refund", {"order": "yes", "amount": 80})
                assert unsaid.is_error
                assert "waits for somebody's answer" in text(unsaid)
            fine = await client.call_tool("refund", {"order": "yes", "amount": 80})
            assert not fine.is_error

    asyncio.run(run())
    assert desk.ledger == [{"tool": "refund", "order": "yes", "amount": 80}]
    assert len(asked) == 4
    assert asked[-1].endswith('{"order": "yes", "amount": 80}')


@pytest.mark.parametrize(("front", "mode"), DOORS)
def test_a_cancelled_call_is_cancelled_behind_and_stays_spent(
    desk: Desk, front: str, mode: str
) -> None:
    desk.policy += "limit waits on slow count() <= 1\n"

    async def run() -> None:
        async with desk.client(front, mode) as client:
            with anyio.move_on_after(30) as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(client.call_tool, "slow", {"seconds": 50})
                    while not desk.ledger:
                        await anyio.sleep(0.05)
                    group.cancel_scope.cancel()
            assert not scope.cancelled_caught
            spent = await client.call_tool("slow", {"seconds": 0})
            assert "(rule waits)" in text(spent)  # atomic, but how it fared is not known
            paid = await client.call_tool("refund", {"order": "a", "amount": 5})
            assert not paid.is_error

    asyncio.run(run())
    assert [call["tool"] for call in desk.ledger] == ["slow", "refund"]


def test_who_calls_is_not_for_the_call_to_say(desk: Desk) -> None:
    async def run() -> None:
        async with desk.client() as client:
            first = await client.call_tool("refund", {"order": "a", "amount": 60})
            assert not first.is_error
            meta: Any = {"principal": {"id": "other"}, "licet/principal": {"id": "other"}}
            second = await client.call_tool("refund", {"order": "b", "amount": 60}, meta=meta)
            assert "(rule total)" in text(second)
            args = {"order": "b", "amount": 60, "principal": {"id": "other"}}
            assert (await client.call_tool("refund", args)).is_error

    asyncio.run(run())
    assert len(desk.ledger) == 1


async def paused(client: Client, args: dict[str, Any]) -> types.InputRequiredResult:
    answer = await client.session.call_tool("refund", args, allow_input_required=True)
    assert isinstance(answer, types.InputRequiredResult)
    return answer


def test_an_answer_is_good_once_for_its_own_call(desk: Desk) -> None:
    desk.options = ["--approver", BOSS]
    person, _ = answering()

    async def run() -> None:
        async with desk.client(elicitation_callback=person) as client:
            call = client.session.call_tool
            large = {"order": "a", "amount": 80}

            async def answered(args: dict[str, Any], state: str | None) -> types.CallToolResult:
                result = await call(
                    "refund",
                    args,
                    input_responses={"approval": yes(approve=True)},
                    request_state=state,
                    allow_input_required=True,
                )
                assert isinstance(result, types.CallToolResult)
                return result

            state = (await paused(client, large)).request_state
            assert state is not None
            for edited in ({"order": "b", "amount": 80}, {"order": "a", "amount": 99}):
                result = await answered(edited, state)
                assert "no question that is open" in text(result)
            # It was used up by the first attempt with another call.
            assert "no question that is open" in text(await answered(large, state))
            for forged in (state[:-1], state + "A", "", None):
                assert "no question that is open" in text(await answered(large, forged))
            assert desk.ledger == []

            state = (await paused(client, large)).request_state
            assert not (await answered(large, state)).is_error
            assert "no question that is open" in text(await answered(large, state))

    asyncio.run(run())
    assert desk.ledger == [{"tool": "refund", "order": "a", "amount": 80}]


@pytest.mark.parametrize("mode", [pytest.param("legacy", marks=pytest.mark.long), "auto"])
def test_a_server_that_asks_back_is_answered_within_one_call(desk: Desk, mode: str) -> None:
    desk.policy += "limit surveys on survey count() <= 1\n"
    answer, asked = answering(yes(sure=True))

    async def run() -> None:
        async with desk.client("stdio", mode, elicitation_callback=answer) as client:
            done = await client.call_tool("survey", {"order": "mine"})
            assert (done.is_error, text(done)) == (False, "True")

    asyncio.run(run())
    assert asked == ["Are you sure?"]
    assert desk.ledger == [{"tool": "survey", "order": "mine", "sure": True}]


def test_an_approval_given_elsewhere_counts_when_the_call_is_made_again(desk: Desk) -> None:
    from licet import Guard

    store = f"sqlite:///{desk.folder / 'state.db'}"
    desk.options = ["--store", store, "--session", "s1"]

    async def run() -> None:
        async with desk.client() as client:
            waits = await client.call_tool("refund", {"order": "a", "amount": 80})
            assert waits.is_error
            with Guard.load(desk.folder / "desk.licet", store=store) as guard:
                (approval,) = guard.pending()
                assert approval.id in text(waits)
                guard.approve(approval.id, approver={"id": "boss", "manager": True})
            done = await client.call_tool("refund", {"order": "a", "amount": 80})
            assert not done.is_error
            once = await client.call_tool("refund", {"order": "a", "amount": 80})
            assert once.is_error

    asyncio.run(run())
    assert len(desk.ledger) == 1
