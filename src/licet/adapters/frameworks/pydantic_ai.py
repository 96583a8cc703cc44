"""Pydantic AI 2.x: `Agent(…, capabilities=[GuardCapability(session)])`.

The check is `before_tool_execute`, innermost, on the validated arguments; redeeming is around each
toolset of the agent, inside whatever wraps it. A refusal is `ToolFailed`, which uses up none of
the tool's retries. A call that a human has to agree to is deferred (`ApprovalRequired`, with the
approval's id in its metadata, for the host): put `DeferredToolRequests` into `output_type`, answer
the guard (`Guard.approve`), then resume with `DeferredToolResults`. What the guard does not know to
be approved is refused then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic_core import to_jsonable_python

from .describing import Entry, entry
from .gate import Ask, Gate, RefusedError, Run, Session

try:
    from pydantic_ai import ApprovalRequired, RunContext, RunUsage, ToolDefinition
    from pydantic_ai.agent import AbstractAgent
    from pydantic_ai.capabilities import AbstractCapability, CapabilityOrdering
    from pydantic_ai.exceptions import ToolFailed
    from pydantic_ai.messages import ToolCallPart
    from pydantic_ai.models.test import TestModel
    from pydantic_ai.tools import Tool
    from pydantic_ai.toolsets import AbstractToolset, WrapperToolset
    from pydantic_ai.toolsets.abstract import ToolsetTool
except ImportError as error:
    raise ImportError("Pydantic AI is missing: pip install 'licet[pydantic-ai]'") from error


class GuardCapability(AbstractCapability[Any]):
    """Guards every tool of an agent that runs in this process.

    With `deferring=False` a call that needs a human is refused at once; its approval waits in
    `Guard.pending` all the same.
    """

    def __init__(self, session: Session, *, deferring: bool = True, seconds: float = 30.0) -> None:
        self.gate = Gate(session, described, seconds=seconds)
        self.deferring = deferring

    def get_ordering(self) -> CapabilityOrdering:
        return CapabilityOrdering(position="innermost")

    async def before_tool_execute(
        self,
        ctx: RunContext[Any],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
    ) -> dict[str, Any]:
        decision = await self.gate.acheck(
            tool_def.name, _plain(args), id=call.tool_call_id, built=tool_def
        )
        if isinstance(decision, Run):
            self.gate.hold(decision)
            return args
        if isinstance(decision, Ask) and self.deferring and not ctx.tool_call_approved:
            raise ApprovalRequired(metadata={"approval": decision.approval})
        raise ToolFailed(decision.text)

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        return toolset.visit_and_replace(lambda leaf: _Redeeming(leaf, self.gate))


def tools_of(found: Any) -> list[ToolDefinition]:
    """The tools of an agent, of a toolset, or one tool, as an agent without dependencies would see
    them. Runs an event loop of its own. Raises TypeError, and whatever a toolset raises."""
    if isinstance(found, ToolDefinition):
        return [found]
    if isinstance(found, Tool):
        return [found.tool_def]
    toolsets = [found] if isinstance(found, AbstractToolset) else None
    if isinstance(found, AbstractAgent):
        toolsets = list(found.toolsets)
    if toolsets is None:
        raise TypeError(f"a {type(found).__name__} has no tools")

    async def listed() -> list[ToolDefinition]:
        context = RunContext(deps=None, model=TestModel(), usage=RunUsage())
        tools: list[ToolDefinition] = []
        for toolset in toolsets:
            async with toolset:
                held = await toolset.get_tools(context)
            tools += [tool.tool_def for tool in held.values()]
        return tools

    return asyncio.run(listed())


def described(tool: ToolDefinition) -> Entry:
    """A tool as its model sees it."""
    return entry(tool.name, tool.description, tool.parameters_json_schema)


@dataclass
class _Redeeming(WrapperToolset[Any]):
    """Around the tools themselves: nothing can change their arguments any more."""

    gate: Gate

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        try:
            # Under this id, and not this name: a toolset outside may have given it a prefix.
            run = self.gate.allowed(None, ctx.tool_call_id or "")
            async with self.gate.arunning(run, _plain(tool_args)) as call:
                # The validated objects, whose plain form is what was allowed.
                answer = call.result = await self.wrapped.call_tool(name, tool_args, ctx, tool)
            return answer
        except RefusedError as refused:
            raise ToolFailed(str(refused)) from None


def _plain(args: Mapping[str, Any]) -> dict[str, Any]:
    """Validated arguments as the JSON that rules are written about."""
    return {name: _plain_value(value) for name, value in args.items()}


def _plain_value(value: Any) -> Any:
    match value:
        case None | str() | int() | float() | Decimal():
            return value
        case dict():
            return _plain(value)
        case list() | tuple():
            return [_plain_value(each) for each in value]
        case _:
            return to_jsonable_python(value)
