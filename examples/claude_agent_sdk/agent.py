"""An agent of the Claude Agent SDK whose refunds are guarded. Runs offline: its model is a script
on loopback, which the SDK's own program talks to."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    PermissionResultAllow,
    ToolResultBlock,
    UserMessage,
    tool,
)
from model import serving

from licet import Guard
from licet.adapters.frameworks.claude_agent_sdk import GuardHooks


@tool("refund", "Pay an order back.", {"order_id": str, "amount": float})
async def refund(args: dict[str, Any]) -> dict[str, Any]:
    text = f"paid {args['amount']:g} for {args['order_id']}"
    return {"content": [{"type": "text", "text": text}]}


async def main(guard: Guard, model: str, home: str) -> None:
    hooks = GuardHooks(guard.session(principal={"id": "a1", "manager": False}))

    async def can_use_tool(name: str, args: dict[str, Any], context: Any) -> Any:
        if approval := hooks.approval(context.tool_use_id):
            print("asked:", name.removeprefix("mcp__desk__"), args)
            guard.approve(approval, approver={"id": "boss", "manager": True})
        return PermissionResultAllow()

    options = ClaudeAgentOptions(
        mcp_servers={"desk": hooks.server("desk", [refund])},  # tools in this process
        can_use_tool=can_use_tool,
        cwd=home,
        setting_sources=[],
        env={"ANTHROPIC_BASE_URL": model, "ANTHROPIC_API_KEY": "none", "CLAUDE_CONFIG_DIR": home},
    )
    async with ClaudeSDKClient(hooks.options(options)) as client:  # the one line
        await client.query("Refund R1.")
        told = []
        async for message in client.receive_response():
            if isinstance(message, UserMessage) and isinstance(message.content, list):
                told += [part for part in message.content if isinstance(part, ToolResultBlock)]
    for answer in told:
        text = answer.content if isinstance(answer.content, str) else answer.content[0]["text"]
        print(f"{answer.tool_use_id}: {text}")


calls = [
    {"id": f"c{number}", "name": "mcp__desk__refund", "input": {"order_id": "R1", "amount": amount}}
    for number, amount in enumerate([2_000, 40, 600], start=1)
]
with (
    Guard.load(Path(__file__).parent / "refunds.licet") as guard,
    serving(calls) as model,
    tempfile.TemporaryDirectory() as home,
):
    asyncio.run(main(guard, model, home))
