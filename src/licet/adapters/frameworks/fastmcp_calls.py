"""One call of a FastMCP server on its way to its tool, and the tools that wait for it.

Redeeming stands around the very tool that the server has looked up, so nothing comes in between: no
other middleware, transform or extension. A tool that asks the client something runs in rounds, each
a request of its own; it is redeemed before the first and settled after the last.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any
from weakref import WeakSet

import mcp_types as types
from fastmcp.exceptions import ToolError
from fastmcp.tools.base import InputRequiredToolResult, Tool, ToolResult
from fastmcp.utilities.tasks import TaskConfig

from licet.adapters import feedback
from licet.compiler.exact_json import canonical

from .gate import Call, Gate, Refuse, RefusedError, Run


@dataclass(eq=False)
class Held:
    """One call on its way to its tool, or between two rounds of it."""

    gate: Gate
    run: Run
    #: The request that it came with: a call within it, by the tool, is another one.
    request: Any = None
    #: What its tool's last round left for the next.
    state: str | None = None
    #: From redeeming until it is settled, over as many rounds as the tool wants to ask.
    opened: tuple[AsyncExitStack, Call] | None = None
    reached: bool = False

    async def through(
        self, tool: Tool, run_tool: Callable[[dict[str, Any]], Awaitable[ToolResult]], args: Any
    ) -> ToolResult:
        """Run the tool, once a round. Raises ToolError where it is not what was allowed."""
        if self.reached or tool.name != self.run.tool:
            raise ToolError(feedback.altered(tool.name))
        self.reached = True
        try:
            self.gate.reviewed(tool.name, tool)
            stack, call = await self._redeemed(args)
        except RefusedError as refused:
            raise ToolError(str(refused)) from None
        async with stack:
            answer = await run_tool(call.args)
            if isinstance(answer, InputRequiredToolResult):
                self.opened = stack.pop_all(), call
            else:
                call.failed, call.result = answer.is_error, _told(answer)
        return answer

    async def _redeemed(self, args: Any) -> tuple[AsyncExitStack, Call]:
        opened, self.opened = self.opened, None
        if opened is None:
            stack = AsyncExitStack()
            return stack, await stack.enter_async_context(self.gate.arunning(self.run, args))
        if canonical(args) != canonical(opened[1].args):
            self.opened = opened
            raise RefusedError(Refuse(self.run.tool, feedback.altered(self.run.tool)))
        return opened

    async def give_up(self) -> None:
        """A call that goes on no more may have run."""
        opened, self.opened = self.opened, None
        if opened is not None:
            gone = asyncio.CancelledError()
            await opened[0].__aexit__(type(gone), gone, None)


_HELD: ContextVar[Held | None] = ContextVar("licet_fastmcp_call", default=None)
_guarded: WeakSet[Any] = WeakSet()
_lock = threading.Lock()
_MARK = "_licet_redeems"


def is_within(request: Any) -> bool:
    """Whether a request is that of a call that runs: its tool, or a mounted server, calls."""
    outer = _HELD.get()
    return outer is not None and outer.request is request


@contextmanager
def holding(held: Held) -> Iterator[None]:
    """The call that tools may run for."""
    token = _HELD.set(held)
    try:
        yield
    finally:
        _HELD.reset(token)


def stand_around_tools(server: Any) -> None:
    """Let every tool that a server looks up redeem: whatever named it, and whoever brought it."""
    with _lock:
        if server in _guarded:
            return
        for name in ("get_tool", "get_tool_by_hash"):
            setattr(server, name, _redeeming_lookup(getattr(server, name)))
        _guarded.add(server)


def _redeeming_lookup(look_up: Any) -> Any:
    @wraps(look_up)
    async def redeeming(*args: Any, **kwargs: Any) -> Tool | None:
        tool = await look_up(*args, **kwargs)
        return None if tool is None else _redeeming(tool)

    return redeeming


def _redeeming(tool: Tool) -> Tool:
    """The tool as the server may run it: in a guarded call, and in no background task."""
    if _MARK in vars(tool):
        return tool
    copy = tool.model_copy(update={"task_config": TaskConfig(mode="forbidden")})
    run_tool = copy._run

    async def redeeming(arguments: dict[str, Any]) -> ToolResult:
        held = _HELD.get()
        if held is None:
            raise ToolError(feedback.unavailable(tool.name))
        return await held.through(tool, run_tool, arguments)

    object.__setattr__(copy, "_run", redeeming)
    object.__setattr__(copy, _MARK, True)
    return copy


def _told(answer: ToolResult) -> object:
    """What a tool answered, as the history keeps it: the structured result, else its texts."""
    structured = answer.structured_content
    if structured is not None:
        wrapped = ((answer.meta or {}).get("fastmcp") or {}).get("wrap_result") is True
        return structured["result"] if wrapped and set(structured) == {"result"} else structured
    texts = [part.text for part in answer.content if isinstance(part, types.TextContent)]
    return texts[0] if len(texts) == 1 else texts
