"""A FastMCP server whose refunds are guarded, and a client that plays an agent. Runs offline."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fastmcp import Client, FastMCP
from fastmcp.client.elicitation import ElicitResult

from licet import Guard
from licet.adapters.frameworks.fastmcp import GuardMiddleware


def refund(order_id: str, amount: float) -> str:
    """Pay an order back."""
    return f"paid {amount:g} for {order_id}"


async def boss(message: str, *_: Any) -> ElicitResult:
    """Whoever sits at the client, and agrees to everything."""
    print("asked: refund", message.splitlines()[-1])
    return ElicitResult(action="accept", content={"approve": True})


async def main(guard: Guard) -> None:
    session = guard.session(principal={"id": "a1", "manager": False})
    person = {"id": "boss", "manager": True}  # who answers the client's questions
    server = FastMCP(
        "refunds",
        middleware=[GuardMiddleware(session, approver=person)],  # the one line
    )
    server.tool(refund)
    async with Client(server, elicitation_handler=boss) as client:
        calls = [{"order_id": "R1", "amount": amount} for amount in (2_000, 40, 600)]
        told = [await client.call_tool("refund", args, raise_on_error=False) for args in calls]
    for number, answer in enumerate(told, start=1):
        print(f"c{number}: {answer.content[0].text}")


with Guard.load(Path(__file__).parent / "refunds.licet") as guard:
    asyncio.run(main(guard))
