"""A scripted agent that reaches a refund desk through the proxy.

python examples/mcp/agent.py
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters, types

HERE = Path(__file__).parent
PROXY = StdioServerParameters(
    command=sys.executable,
    args=[
        *("-m", "licet.cli.main", "mcp-proxy", str(HERE / "desk.licet")),
        *("--server", f"desk={sys.executable} {HERE / 'desk.py'}"),
        *("--principal", '{"id": "bot", "manager": false}'),
        *("--approver", '{"id": "ada", "manager": true}'),
    ],
    env={key: os.environ[key] for key in ("PYTHONPATH",) if key in os.environ},
)
PLAN = (("R1", 40), ("R2", 900), ("R2", 400), ("R3", 500), ("R4", 200))


async def ada(_context: object, asked: types.ElicitRequestParams) -> types.ElicitResult:
    """The person at the client, who agrees."""
    print(f"  Ada is asked: {asked.message.splitlines()[-1]}")
    return types.ElicitResult(action="accept", content={"approve": True})


async def main() -> None:
    async with Client(PROXY, elicitation_callback=ada) as client:
        for order, amount in PLAN:
            print(f"refund {order} {amount}")
            done = await client.call_tool("refund", {"order": order, "amount": amount})
            said = " ".join(part.text for part in done.content if part.type == "text")
            print(f"  {'refused: ' if done.is_error else ''}{' '.join(said.split())}")


if __name__ == "__main__":
    asyncio.run(main())
