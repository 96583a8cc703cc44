"""The Claude Agent SDK, which drives a stand-in for the program that it starts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    HookMatcher,
    PermissionResultAllow,
    PermissionResultDeny,
    SdkMcpTool,
    ToolResultBlock,
    UserMessage,
)

from licet.adapters.frameworks.claude_agent_sdk import GuardHooks
from support.frameworks.desk import Desk
from support.frameworks.driver import Played, Proposed

PROGRAM = Path(__file__).with_name("claude_cli.py")


def script(
    turns: Sequence[Sequence[Proposed]], *, server: str = "mcp__desk__", allowed: Sequence[str] = ()
) -> dict[str, str]:
    """What the stand-in has to play, for its environment."""
    played = [
        [{"id": c.id, "tool": f"{server}{c.tool}", "args": c.args} for c in turn] for turn in turns
    ]
    names = [*allowed, *(call["tool"] for turn in played for call in turn)]
    return {
        "LICET_SCRIPT": json.dumps({"turns": played, "allowed": names}),
        "CLAUDE_AGENT_SDK_SKIP_VERSION_CHECK": "1",
    }


def tools_of(desk: Desk) -> list[SdkMcpTool[Any]]:
    def tool(function: Any) -> SdkMcpTool[Any]:
        async def handler(args: dict[str, Any]) -> dict[str, Any]:
            return {"content": [{"type": "text", "text": await function(**args)}]}

        takes = {"order_id": str, "amount": float} if function == desk.refund else {"order_id": str}
        return SdkMcpTool(function.__name__, function.__doc__, takes, handler)

    return [tool(each) for each in (desk.refund, desk.lookup, desk.close, desk.wipe)]


async def doubled(data: Any, *_: Any) -> Any:
    """Another hook, which changes what was checked."""
    given = data["tool_input"]
    changed = {**given, "amount": given["amount"] * 2}
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "updatedInput": changed}}


class Driver:
    def __init__(self, desk: Desk, *, rewriting: bool = False, seconds: float = 30.0) -> None:
        self.desk = desk
        self.rewriting = rewriting
        self.guard = GuardHooks(desk.line, seconds=seconds)
        self.server = self.guard.server("desk", tools_of(desk))
        self.run: asyncio.Task[None] | None = None
        self.texts: dict[str, str] = {}
        self.seen: list[Any] = []
        self.asked: list[str] = []
        self.question = asyncio.Event()
        self.answer: asyncio.Future[bool] | None = None

    async def play(self, turns: Sequence[Sequence[Proposed]]) -> Played:
        self.texts, self.seen = {}, []
        self.run = asyncio.ensure_future(self._talk(self._options(turns)))
        return await self._played()

    def registered(self) -> Any:
        return self._options([])

    def _options(self, turns: Sequence[Sequence[Proposed]]) -> ClaudeAgentOptions:
        options = ClaudeAgentOptions(
            cli_path=PROGRAM,
            mcp_servers={"desk": self.server},
            can_use_tool=self._can_use_tool,
            env=script(turns),
        )
        guarded = self.guard.options(options)
        if self.rewriting:  # a hook that the guard was not shown, as one of the user's settings is
            hooks: Any = guarded.hooks
            hooks["PreToolUse"].append(HookMatcher(hooks=[doubled]))
        return guarded

    async def resume(self, *, agree: bool) -> Played:
        self.asked = []
        self.question.clear()
        assert self.answer is not None
        self.answer.set_result(agree)
        return await self._played()

    async def _talk(self, options: ClaudeAgentOptions) -> None:
        async with ClaudeSDKClient(options) as client:
            await client.query("go")
            async for message in client.receive_response():
                self.seen.append(message)
                if isinstance(message, UserMessage) and isinstance(message.content, list):
                    for block in message.content:
                        if isinstance(block, ToolResultBlock):
                            self.texts[block.tool_use_id] = block.content[0]["text"]

    async def _can_use_tool(self, tool: str, args: dict[str, Any], context: Any) -> Any:
        self.asked.append(str(self.guard.approval(context.tool_use_id)))
        self.answer = asyncio.get_running_loop().create_future()
        self.question.set()
        if await self.answer:
            return PermissionResultAllow()
        return PermissionResultDeny(message="nobody agreed")

    async def _played(self) -> Played:
        """Until the run has ended, or somebody is asked."""
        assert self.run is not None
        question = asyncio.ensure_future(self.question.wait())
        try:
            await asyncio.wait({self.run, question}, return_when="FIRST_COMPLETED")
        except asyncio.CancelledError:
            self.run.cancel()
            await asyncio.wait({self.run})
            raise
        finally:
            question.cancel()
        if self.run.done():
            await self.run
        return Played(self.texts, repr(self.seen), list(self.asked))
