"""What FastMCP alone has: rounds of one call, servers behind servers, tools from everywhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastmcp", reason="fastmcp is not installed")

import mcp_types as types
from fastmcp import Client, Context, FastMCP
from fastmcp.client.elicitation import ElicitResult
from fastmcp.exceptions import ToolError
from fastmcp.server import create_proxy
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.tool_injection import ToolInjectionMiddleware
from fastmcp.tools import Tool
from fastmcp.utilities.tasks import TaskConfig

from licet.adapters.catalogs.locking import Lock
from licet.adapters.frameworks.fastmcp import GuardMiddleware
from licet.adapters.frameworks.finding import listed
from licet.loading import load_program
from support.frameworks.desk import Desk, open_desk

BOSS = {"id": "boss", "manager": True}
SMALL = {"order_id": "R1", "amount": 40}
LARGE = {"order_id": "R1", "amount": 600}
YES = ElicitResult(action="accept", content={"approve": True})
ERAS = ["legacy", "auto"]
LOCKED = """
use tools "tools.json" as desk
principal { id: String, manager: Bool }
permit everything on any
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(tmp_path)
    with desk.guard:
        yield desk


class Person:
    """Who answers at the client, and what they were asked."""

    def __init__(self, *answers: Any) -> None:
        self._answers = iter(answers)
        self.asked: list[str] = []

    async def __call__(self, message: str, *_: Any) -> Any:
        self.asked.append(message)
        return next(self._answers)


class Seeing(Middleware):
    """Of a server's calls, all that their requests hold."""

    def __init__(self) -> None:
        self.params: list[dict[str, Any]] = []

    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        self.params.append(dict(context.fastmcp_context.request_context._srctx.params))
        return await call_next(context)


def server(desk: Desk, *behind: Middleware, **options: Any) -> FastMCP:
    made = FastMCP("desk", middleware=[GuardMiddleware(desk.line, **options), *behind])
    made.tool(desk.refund)
    made.tool(desk.lookup)
    return made


def called(
    made: FastMCP, *calls: dict[str, Any], mode: Any = "auto", person: Any = None
) -> list[str]:
    """What the client is told of each call of `refund`."""

    async def run() -> list[str]:
        async with Client(made, mode=mode, elicitation_handler=person) as client:
            answers = [
                await client.call_tool("refund", call, raise_on_error=False) for call in calls
            ]
        return [answer.content[0].text for answer in answers]

    return asyncio.run(run())


# --- asking


@pytest.mark.parametrize("mode", ERAS)
def test_a_person_at_the_client_agrees(desk: Desk, mode: str) -> None:
    person = Person(YES)
    assert called(server(desk, approver=BOSS), LARGE, mode=mode, person=person) == ["done R1"]
    (asked,) = person.asked
    assert '{"order_id": "R1", "amount": 600}' in asked
    assert desk.ran == [("refund", "R1", 600.0)]
    assert desk.line.endings == ["ok"]


@pytest.mark.parametrize(
    ("mode", "answer"),
    [
        ("legacy", ElicitResult(action="decline")),
        ("auto", ElicitResult(action="decline")),
        ("auto", ElicitResult(action="cancel")),
        ("auto", ElicitResult(action="accept", content={"approve": False})),
    ],
)
def test_a_person_at_the_client_does_not_agree(desk: Desk, mode: str, answer: Any) -> None:
    (told,) = called(server(desk, approver=BOSS), LARGE, mode=mode, person=Person(answer))
    assert ("rule large" if answer.action == "cancel" else "rejected this call") in told
    assert desk.ran == []
    assert len(desk.guard.pending()) == (answer.action == "cancel")


def test_a_no_at_the_client_is_one_though_somebody_else_agrees(desk: Desk) -> None:
    async def agreeing_elsewhere(message: str, *_: Any) -> Any:
        desk.guard.approve(desk.guard.pending()[0].id, approver=BOSS)
        return ElicitResult(action="decline")

    (told,) = called(server(desk), LARGE, person=agreeing_elsewhere)
    assert told == "refund was not run: nobody at the client agreed."
    assert desk.ran == []


@pytest.mark.parametrize("options", [{}, {"asking": False}])
def test_where_nobody_can_be_asked_the_approval_waits(desk: Desk, options: Any) -> None:
    person = Person(YES) if options else None  # a client without a handler cannot ask
    (told,) = called(server(desk, **options), LARGE, person=person)
    (waiting,) = desk.guard.pending()
    assert waiting.id not in told
    assert desk.ran == []


def test_an_answer_is_good_once_and_for_its_call(desk: Desk) -> None:
    async def run() -> list[Any]:
        answers = {"approval": types.ElicitResult(action="accept", content={"approve": True})}
        async with Client(server(desk, approver=BOSS), elicitation_handler=Person()) as client:
            ask = client.session.call_tool
            question = await ask("refund", LARGE, allow_input_required=True)
            said = {"input_responses": answers, "request_state": question.request_state}
            more = {**LARGE, "order_id": "R2"}
            told = []
            for args in (more, LARGE, LARGE):
                try:
                    told.append(await ask("refund", args, **said))
                except Exception as refused:
                    told.append(refused)
            return told

    other, *same = asyncio.run(run())
    assert isinstance(other, Exception)  # the framework binds its seal to the call
    assert [answer.is_error for answer in same] == [False, True]
    assert "no question that is open" in same[1].content[0].text
    assert desk.ran == [("refund", "R1", 600.0)]


@pytest.mark.parametrize("given", ["request_state", "input_responses"])
def test_an_answer_to_no_question_runs_nothing(desk: Desk, given: str) -> None:
    """Under the names that the framework reads as well, which its own seal does not look at."""

    async def run() -> Any:
        value: Any = "x" if given == "request_state" else {}
        params = {"name": "refund", "arguments": SMALL, given: value}
        async with Client(server(desk), mode="legacy") as client:
            return await client.session._dispatcher.send_raw_request("tools/call", params)

    assert asyncio.run(run())["isError"]
    assert desk.ran == []


# --- servers behind this one


@pytest.mark.parametrize("mode", ERAS)
def test_nothing_of_the_guards_goes_to_the_server_behind(desk: Desk, mode: str) -> None:
    behind, seeing = FastMCP("behind"), Seeing()
    behind.add_middleware(seeing)
    behind.tool(desk.refund)
    front = create_proxy(behind)
    front.add_middleware(GuardMiddleware(desk.line, approver=BOSS))
    person = Person(YES)
    assert called(front, SMALL, LARGE, mode=mode, person=person) == ["done R1", "done R1"]
    assert desk.ran == [("refund", "R1", 40.0), ("refund", "R1", 600.0)]
    assert len(seeing.params) == 2
    for params in seeing.params:
        assert not {"requestState", "inputResponses", "request_state"} & params.keys()
        assert params["arguments"] in (SMALL, LARGE)
        whole = repr(params)
        assert "approv" not in whole
        assert "licet" not in whole
        assert not any(ticket in whole for ticket in desk.line.tickets)


def asking_tool(desk: Desk, states: list[Any]) -> Any:
    async def refund(order_id: str, amount: float, ctx: Context) -> Any:
        """Asks why, then pays."""
        states.append(ctx.request_state)
        if ctx.input_responses is None:
            form = types.ElicitRequestFormParams(
                message="why?",
                requested_schema={"type": "object", "properties": {"why": {"type": "string"}}},
            )
            return types.InputRequiredResult(
                input_requests={"why": types.ElicitRequest(params=form)},
                request_state="the tool's own",
            )
        return await desk.refund(order_id, amount) + str(ctx.input_responses["why"].content)

    return refund


@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("call", [SMALL, LARGE], ids=["small", "large"])
def test_a_tool_that_asks_is_one_call(desk: Desk, proxied: bool, call: Any) -> None:
    states: list[Any] = []
    made = FastMCP("desk")
    made.tool(asking_tool(desk, states), output_schema=None)
    front = create_proxy(made) if proxied else made
    front.add_middleware(GuardMiddleware(desk.line, approver=BOSS))
    why = ElicitResult(action="accept", content={"why": "broken"})
    person = Person(YES, why) if call is LARGE else Person(why)
    assert called(front, call, person=person) == ["done R1{'why': 'broken'}"]
    assert states == [None, "the tool's own"]
    assert desk.ran == [("refund", "R1", float(call["amount"]))]
    assert desk.line.endings == ["ok"]
    assert len(desk.line.tickets) == 1


def test_a_tool_that_asks_for_ever_has_had_its_call(desk: Desk) -> None:
    made = FastMCP("desk")
    made.tool(asking_tool(desk, []), output_schema=None)
    guard = GuardMiddleware(desk.line)
    made.add_middleware(guard)

    async def run() -> None:
        async with Client(made) as client:
            question = await client.session.call_tool("refund", SMALL, allow_input_required=True)
            assert "the tool's own" not in str(question)
            assert desk.line.endings == []
            guard._questions.close()
            await asyncio.gather(*guard._late)

    asyncio.run(run())
    assert desk.line.endings == ["cancelled"]


def test_a_mounted_servers_tool(desk: Desk) -> None:
    child = FastMCP("child")
    child.tool(desk.refund)
    made = FastMCP("desk", middleware=[GuardMiddleware(desk.line)])
    made.mount(child)
    told = called(made, SMALL, {**SMALL, "amount": 2_000})
    assert told[0] == "done R1"
    assert "rule huge" in told[1]
    assert desk.ran == [("refund", "R1", 40.0)]


def test_a_guarded_server_in_a_guarded_one(desk: Desk) -> None:
    """The question of the inner one is answered through the outer one."""
    child = FastMCP("child", middleware=[GuardMiddleware(desk.line, approver=BOSS)])
    child.tool(desk.refund)
    outer = desk.guard.session(principal={"id": "a2", "manager": False}, session="s2")
    made = FastMCP("desk", middleware=[GuardMiddleware(outer, approver=BOSS)])
    made.mount(child)
    assert called(made, LARGE, person=Person(YES, YES)) == ["done R1"]
    assert desk.ran == [("refund", "R1", 600.0)]
    assert desk.line.endings == ["ok"]


# --- between the check and the tool


class Renaming(Middleware):
    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        message = context.message.model_copy(update={"name": "wipe"})
        return await call_next(context.copy(message=message))


def test_a_middleware_that_names_another_tool(desk: Desk) -> None:
    made = server(desk, Renaming())
    made.add_middleware(ToolInjectionMiddleware([Tool.from_function(desk.wipe)]))
    (told,) = called(made, SMALL)
    assert "was not run" in told
    assert desk.ran == []


class Twice(Middleware):
    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        await call_next(context)
        return await call_next(context)


def test_a_middleware_that_tries_again_runs_once(desk: Desk) -> None:
    (told,) = called(server(desk, Twice()), SMALL)
    assert "was not run" in told
    assert desk.ran == [("refund", "R1", 40.0)]


def test_an_injected_tool_is_guarded(desk: Desk) -> None:
    made = FastMCP("desk", middleware=[GuardMiddleware(desk.line)])
    made.add_middleware(ToolInjectionMiddleware([Tool.from_function(desk.refund)]))
    told = called(made, SMALL, {**SMALL, "amount": 2_000})
    assert told[0] == "done R1"
    assert "rule huge" in told[1]
    assert desk.line.endings == ["ok"]


def test_a_tool_that_calls_a_tool_makes_a_call_of_its_own(desk: Desk) -> None:
    made = server(desk, approver=BOSS)

    made.local_provider.remove_tool("lookup")

    @made.tool
    async def lookup(order_id: str, ctx: Context) -> str:
        try:
            await ctx.fastmcp.call_tool("refund", {"order_id": order_id, "amount": 2_000})
        except ToolError as refused:
            return str(refused)
        return "paid"

    async def run() -> str:
        async with Client(made) as client:
            answer = await client.call_tool("lookup", {"order_id": "R1"})
            return str(answer.content[0].text)

    assert "rule huge" in asyncio.run(run())
    assert desk.ran == []
    assert desk.line.endings == ["ok"]


def test_a_programs_own_call_is_guarded_as_well(desk: Desk) -> None:
    made = server(desk)

    async def run() -> None:
        assert (await made.call_tool("refund", SMALL)).content[0].text == "done R1"
        with pytest.raises(ToolError, match="rule huge"):
            await made.call_tool("refund", {**SMALL, "amount": 2_000})
        with pytest.raises(ToolError, match="was not run"):
            await made.call_tool("refund", SMALL, run_middleware=False)

    asyncio.run(run())
    assert desk.ran == [("refund", "R1", 40.0)]


def test_a_tool_that_changes_in_mid_session(tmp_path: Path) -> None:
    first = open_desk(tmp_path)
    with first.guard:
        tools = listed(server(first))
    (tmp_path / "tools.json").write_text(json.dumps({"tools": tools}), "utf-8")
    policy = tmp_path / "desk.licet"
    policy.write_text(LOCKED, "utf-8")
    program = load_program([policy]).program
    assert program is not None
    Lock.of(program.catalog).write(tmp_path)
    desk = open_desk(tmp_path, LOCKED)
    made = server(desk)
    with desk.guard:
        assert called(made, SMALL) == ["done R1"]
        made.local_provider.remove_tool("refund")
        made.add_tool(Tool.from_function(desk.refund, description="Pay an order back, in cents."))
        (told,) = called(made, SMALL)
    assert "has changed since its rules were reviewed" in told
    assert desk.ran == [("refund", "R1", 40.0)]


# --- who calls


def test_whose_call_it_is_is_said_of_each(desk: Desk) -> None:
    session = desk.guard.session(principal={"id": "a2", "manager": False}, session="s2")
    made = FastMCP("desk", middleware=[GuardMiddleware(lambda context: session, approver=BOSS)])
    made.tool(desk.refund)
    told = called(made, SMALL, LARGE, person=Person(YES))
    assert told == ["done R1", "done R1"]


def test_a_call_of_nobody_is_refused(desk: Desk) -> None:
    def nobody(context: Any) -> Any:
        raise LookupError("secret-of-the-operator")

    made = FastMCP("desk", middleware=[GuardMiddleware(nobody)])
    made.tool(desk.refund)
    (told,) = called(made, SMALL)
    assert told == "refund was not run: whether it is permitted could not be decided."
    assert desk.ran == []


def test_a_server_that_masks_errors_tells_refusals(desk: Desk) -> None:
    made = FastMCP("desk", middleware=[GuardMiddleware(desk.line)], mask_error_details=True)
    made.tool(desk.refund)
    (told,) = called(made, {**SMALL, "amount": 2_000})
    assert "rule huge" in told


def test_a_guarded_tool_is_no_background_task(desk: Desk) -> None:
    """A worker would run it later, without the guard."""
    made = server(desk)
    called(made, SMALL)
    slow = Tool.from_function(desk.close).model_copy(update={"task_config": TaskConfig()})
    made.add_tool(slow)
    found = asyncio.run(made.get_tool("close"))
    assert slow.task_config.supports_tasks()
    assert not found.task_config.supports_tasks()
