"""Streamable HTTP in front: who gets in, in whose name."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import httpx2
import pytest
from mcp import Client

from support.mcp_desk import Desk, text

pytestmark = pytest.mark.long

HELLO: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "0"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def tokens_file(desk: Desk, **secrets: str) -> str:
    path = desk.folder / "tokens.json"
    entries = [
        {
            "sha256": hashlib.sha256(secret.encode()).hexdigest(),
            "principal": {"id": name, "manager": False},
        }
        for name, secret in secrets.items()
    ]
    path.write_text(json.dumps({"tokens": entries}), "utf-8")
    return str(path)


def test_who_is_let_in(desk: Desk) -> None:
    address = desk.serve("--tokens", tokens_file(desk, ada="one", bob="two"))
    known = {**ACCEPT, "Authorization": "Bearer one"}
    with httpx2.Client(timeout=60) as client:

        def status(headers: dict[str, str]) -> int:
            return client.post(address, json=HELLO, headers=headers).status_code

        assert status(ACCEPT) == 401
        assert status({**ACCEPT, "Authorization": "Bearer three"}) == 401
        assert status({**ACCEPT, "Authorization": "Basic one"}) == 401
        assert status({**known, "Host": "evil.example"}) == 421
        assert status({**known, "Origin": "http://evil.example"}) == 403
        greeted = client.post(address, json=HELLO, headers=known)
        assert greeted.status_code == 200
        session = {"Mcp-Session-Id": greeted.headers["mcp-session-id"]}
        stolen = {**ACCEPT, **session, "Authorization": "Bearer two"}
        assert status(stolen) == 404
        broken = client.post(
            address, content=b"{broken", headers={**known, "Content-Type": "application/json"}
        )
        assert broken.status_code == 400
    assert desk.ledger == []


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_each_token_has_its_own_budget_and_reconnecting_makes_no_new_one(
    desk: Desk, mode: str
) -> None:
    address = desk.serve("--tokens", tokens_file(desk, ada="one", bob="two"))

    async def refund(token: str, amount: int) -> str:
        async with Client(desk.reach(address, token), mode=mode, cache=None) as client:
            done = await client.call_tool("refund", {"order": "a", "amount": amount})
            return text(done) if done.is_error else "paid"

    assert asyncio.run(refund("one", 60)) == "paid"
    assert "(rule total)" in asyncio.run(refund("one", 50))
    assert asyncio.run(refund("two", 60)) == "paid"
    assert [call["amount"] for call in desk.ledger] == [60, 60]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_rest_of_the_protocol_is_passed_on(desk: Desk, mode: str) -> None:
    seen: list[float] = []

    async def progress(done: float, _total: float | None, _message: str | None) -> None:
        seen.append(done)

    async def run() -> None:
        async with desk.client("http", mode) as client:
            assert client.instructions == "Refunds."
            (hours,) = (await client.list_resources()).resources
            read = await client.read_resource(str(hours.uri))
            assert [getattr(part, "text", "") for part in read.contents] == ["nine to five"]
            prompt = await client.get_prompt("greet", {"name": "Ada"})
            assert "Greet Ada." in str(prompt.messages)
            await client.call_tool("count", {"to": 3}, progress_callback=progress)

    asyncio.run(run())
    assert seen == [1.0, 2.0, 3.0]
