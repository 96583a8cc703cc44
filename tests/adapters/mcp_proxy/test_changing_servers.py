"""Servers that change their tools, share names, go away, or were never there."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time

import pytest
from mcp import MCPError

from support.mcp_desk import POLICY, Desk, text

pytestmark = pytest.mark.long

CHANGES = [("redescribe", {"text": "Pay to 666"}), ("retype", {"order": "a"})]


@pytest.mark.parametrize(("change", "args"), CHANGES, ids=["redescribe", "retype"])
@pytest.mark.parametrize("front", ["stdio", "http"])
def test_a_tool_that_changes_in_mid_session_is_denied(
    desk: Desk, front: str, change: str, args: dict[str, str]
) -> None:
    async def run() -> None:
        async with desk.client(front) as client:
            assert not (await client.call_tool("refund", {"order": "a", "amount": 5})).is_error
            assert not (await client.call_tool(change, args)).is_error
            await asyncio.sleep(0.5)  # what it says of its change is on its way
            denied = await client.call_tool("refund", {"order": "b", "amount": 5})
            assert denied.is_error
            assert "it has changed since its rules were reviewed" in text(denied)
            assert "refund" not in {tool.name for tool in (await client.list_tools()).tools}

    asyncio.run(run())
    assert [call["order"] for call in desk.ledger] == ["a"]


def test_a_change_without_a_word_is_seen_when_the_tools_are_listed(desk: Desk) -> None:
    async def run() -> None:
        async with desk.client() as client:
            assert not (await client.call_tool("secretive", {"order": "a"})).is_error
            assert "refund" not in {tool.name for tool in (await client.list_tools()).tools}
            denied = await client.call_tool("refund", {"order": "b", "amount": 5})
            assert "it has changed since" in text(denied)

    asyncio.run(run())
    assert desk.ledger == []


def test_a_renamed_tool_is_neither_itself_nor_another(desk: Desk) -> None:
    async def run() -> None:
        async with desk.client() as client:
            assert not (await client.call_tool("rename", {"order": "a"})).is_error
            await asyncio.sleep(0.5)
            for name in ("refund", "refund_now"):
                denied = await client.call_tool(name, {"order": "b", "amount": 5})
                assert denied.is_error

    asyncio.run(run())
    assert desk.ledger == []


def test_what_was_locked_is_what_runs(desk: Desk) -> None:
    """A policy on a list of the server's tools, locked; then the server describes one anew."""
    listed = subprocess.run(
        [sys.executable, "-c", LIST, sys.executable, *desk.server("stdio").split()[1:]],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    data = json.loads(listed)
    (desk.folder / "desk.json").write_text(json.dumps(data), "utf-8")
    (desk.folder / "licet.toml").write_text("", "utf-8")
    desk.policy = 'use tools "desk.json" as desk\npermit refunds on refund, fail\n'
    lock = [*desk.command()[:3], "catalog", "lock", str(desk.folder / "desk.licet")]
    subprocess.run(lock, check=True, capture_output=True, timeout=60)
    desk.options = ["--principal", "{}"]

    async def call() -> tuple[bool, str]:
        async with desk.client() as client:
            done = await client.call_tool("desk.refund", {"order": "a", "amount": 5})
            return done.is_error, text(done)

    assert asyncio.run(call())[0] is False
    tool = next(tool for tool in data["tools"] if tool["name"] == "refund")
    tool["description"] = "Pay money to 666"
    (desk.folder / "desk.json").write_text(json.dumps(data), "utf-8")
    denied, said = asyncio.run(call())
    assert denied
    assert "not as it was locked" in said
    assert len(desk.ledger) == 1


LIST = """
import asyncio, json, sys
from licet.adapters.catalogs.mcp_server import listed
print(json.dumps({"tools": listed(sys.argv[1:])}))
"""


def test_a_name_that_two_servers_use_has_to_be_qualified(desk: Desk) -> None:
    other = desk.server("stdio").replace("ledger", "other")
    desk.servers = [f"desk={desk.server('stdio')}", f"other={other}"]

    async def run() -> None:
        async with desk.client() as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert {"desk.refund", "other.refund"} <= names
            assert "refund" not in names
            ambiguous = await client.call_tool("refund", {"order": "a", "amount": 5})
            assert "it may mean several tools" in text(ambiguous)
            assert desk.ledger == []
            done = await client.call_tool("other.refund", {"order": "a", "amount": 5})
            assert not done.is_error
            with pytest.raises(MCPError, match="Method not found"):
                await client.read_resource("desk://hours")

    asyncio.run(run())
    assert desk.ledger == []
    assert (desk.folder / "other").read_text("utf-8").count("refund") == 1


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_server_that_dies_is_started_again(desk: Desk, mode: str) -> None:
    async def run() -> None:
        async with desk.client("stdio", mode) as client:
            died = await client.call_tool("die", {"order": "a"})
            assert died.is_error
            assert "The call may have run" in text(died)
            assert not (await client.call_tool("refund", {"order": "a", "amount": 5})).is_error

    asyncio.run(run())
    assert [call["tool"] for call in desk.ledger] == ["die", "refund"]


def test_a_server_that_does_not_answer_is_left_at_its_limit(desk: Desk) -> None:
    desk.options = ["--seconds", "1"]
    desk.policy += "limit waits on slow count() <= 1\n"

    async def run() -> None:
        async with desk.client() as client:
            late = await client.call_tool("slow", {"seconds": 50})
            assert "did not answer within 1 s" in text(late)
            spent = await client.call_tool("slow", {"seconds": 0})
            assert "(rule waits)" in text(spent)

    asyncio.run(run())
    assert len(desk.ledger) == 1


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_server_that_is_not_there_is_said_so(desk: Desk, mode: str) -> None:
    desk.servers = ["desk=/nowhere/server"]

    with pytest.raises(BaseExceptionGroup) as raised:
        asyncio.run(desk_connects(desk, mode))
    assert raised.group_contains(MCPError)


async def desk_connects(desk: Desk, mode: str) -> None:
    async with desk.client("stdio", mode):
        raise AssertionError("connected")


def test_a_store_that_goes_away_refuses(desk: Desk) -> None:
    state = desk.folder / "state.db"
    desk.options = ["--store", f"sqlite:///{state}"]

    async def run() -> None:
        async with desk.client() as client:
            assert not (await client.call_tool("refund", {"order": "a", "amount": 5})).is_error
            for path in desk.folder.glob("state.db*"):
                path.write_bytes(b"no database" * 1000)
            gone = await client.call_tool("refund", {"order": "b", "amount": 5})
            assert gone.is_error
            assert "refund was refused" in text(gone)

    asyncio.run(run())
    assert [call["order"] for call in desk.ledger] == ["a"]


@pytest.mark.parametrize(
    ("policy", "options", "said"),
    [
        ("permit nothing", [], "error[LIC"),
        (POLICY, ["--store", "nosuch://x"], "the store cannot be used"),
        (POLICY, ["--principal", "[]"], "--principal is a JSON object"),
        (POLICY, ["--http", "0.0.0.0:0"], "listens on loopback alone"),
        (POLICY, ["--http", "0.0.0.0:0", "--token-env", "T"], "which Host header"),
        (POLICY, ["--http", "0", "--token-env", "NONE"], "NONE holds no token"),
    ],
    ids=["policy", "store", "principal", "open", "host", "token"],
)
def test_what_is_wrong_at_the_start_ends_it(
    desk: Desk, policy: str, options: list[str], said: str
) -> None:
    desk.policy = policy
    desk.options = options
    done = subprocess.run(
        desk.command(),
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "T": "secret"},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_lines_that_are_no_messages_are_not_passed_on(desk: Desk) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "0"},
        },
    }
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    odd = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "refund", "arguments": "no object"},
    }
    task = {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "tools/call",
        "params": {
            "name": "refund",
            "arguments": {"order": "a", "amount": 5},
            "task": {"ttl": 1000},
        },
    }
    unknown = {"jsonrpc": "2.0", "id": 4, "method": "tools/call_now", "params": {"name": "refund"}}
    process = desk.started(
        *desk.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers: dict[int, dict[str, object]] = {}
    for lines, wanted in (
        ([hello], {1}),
        ([ready, "{broken", "[1,", odd, task, unknown], {2, 3, 4}),
    ):
        for line in lines:
            process.stdin.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
        process.stdin.flush()
        until = time.monotonic() + 60
        while not wanted <= set(answers) and time.monotonic() < until:
            answer = json.loads(process.stdout.readline())
            if isinstance(answer.get("id"), int):
                answers[answer["id"]] = answer
    assert "error" in answers[2]
    assert "A call as a task is not passed on" in json.dumps(answers[3])
    assert answers[4]["error"] == {
        "code": -32601,
        "message": "Method not found",
        "data": "tools/call_now",
    }
    process.stdin.close()
    assert process.wait(30) == 0
    assert desk.ledger == []
