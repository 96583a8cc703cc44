"""What a server answers that no tool would: the call was made, and nothing is given back for it."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from pathlib import Path

import pytest
from mcp import MCPError

from support.mcp_desk import Desk, text

pytestmark = pytest.mark.long

SERVER = Path(__file__).parents[2] / "support" / "mcp_odd_server.py"
#: A failed call of an atomic tool would give back what it reserved.
POLICY = """
principal { id: String, manager: Bool }
tool pay(order: String) atomic
permit all on pay
limit once on pay count() <= 1
"""


def behind(desk: Desk, answer: object) -> None:
    desk.policy = POLICY
    desk.options = ["--seconds", "5"]  # what is no message at all is no answer
    desk.servers = [
        shlex.join([f"odd={sys.executable}", str(SERVER), str(desk.folder / "ledger")])
        + " "
        + shlex.quote(json.dumps(answer))
    ]


def test_a_fault_of_the_protocol_gives_nothing_back(desk: Desk) -> None:
    behind(desk, {"error": {"code": -32603, "message": "the till is on fire"}})

    async def run() -> None:
        async with desk.client("stdio", "legacy") as client:
            with pytest.raises(MCPError, match="the till is on fire"):
                await client.call_tool("pay", {"order": "a"})
            again = await client.call_tool("pay", {"order": "a"})
            assert again.is_error
            assert "(rule once)" in text(again)

    asyncio.run(run())
    assert desk.ledger == [{"order": "a"}]


@pytest.mark.parametrize("result", [{"content": ["paid"]}, {"content": 7}, [], "paid", None])
def test_an_answer_that_cannot_be_read_is_no_refusal_before_the_call(
    desk: Desk, result: object
) -> None:
    behind(desk, {"result": result})

    async def run() -> None:
        async with desk.client("stdio", "legacy") as client:
            said = await client.call_tool("pay", {"order": "a"})
            assert said.is_error
            assert "may have run" in text(said)
            assert "was not made" not in text(said)
            again = await client.call_tool("pay", {"order": "a"})
            assert "(rule once)" in text(again)

    asyncio.run(run())
    assert desk.ledger == [{"order": "a"}]
