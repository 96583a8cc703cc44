"""Google ADK 2.x: `App(…, plugins=[GuardPlugin(session)])`.

The check is the plugin's `before_tool_callback`; redeeming is in the tool's own `run_async`, behind
every other callback. A refusal is the call's response, `{"error": TEXT}`. A call that a human has
to agree to asks for a confirmation (`request_confirmation`) with `{"tool", "args", "approval"}` as
its payload, for the host: answer the guard (`Guard.approve`), then send the confirmation's
response. What the guard does not know to be approved is refused then.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

from pydantic_core import to_jsonable_python

from .describing import Entry, entry
from .gate import Ask, Gate, RefusedError, Run, Session

try:
    from google.adk.agents import BaseAgent, LlmAgent
    from google.adk.apps import App
    from google.adk.plugins.base_plugin import BasePlugin
    from google.adk.tools.base_tool import BaseTool
    from google.adk.tools.tool_context import ToolContext
except ImportError as error:
    raise ImportError("Google ADK is missing: pip install 'licet[google-adk]'") from error

#: What was allowed for a call that is under way (each has a context of its own): the tool that was
#: checked, and by which gate.
_allowed: WeakKeyDictionary[Any, tuple[BaseTool, Gate, Run]] = WeakKeyDictionary()
_lock = threading.Lock()
_MARK = "_licet_redeems_for"


class GuardPlugin(BasePlugin):
    """Guards every tool of an app's agents, ADK's own among them (`transfer_to_agent`, those of
    MCP servers): a policy has to permit what an agent needs. Put it last in the list: then it sees
    what the other plugins made of a call. What a model runs itself does not pass here.

    With `asking=False` a call that needs a human is refused at once; its approval waits in
    `Guard.pending` all the same.
    """

    def __init__(self, session: Session, *, asking: bool = True, seconds: float = 30.0) -> None:
        super().__init__(name="licet")
        self.gate = Gate(session, described, seconds=seconds)
        self.asking = asking

    async def before_tool_callback(
        self, *, tool: BaseTool, tool_args: dict[str, Any], tool_context: ToolContext
    ) -> dict[str, Any] | None:
        id = tool_context.function_call_id or ""
        decision = await self.gate.acheck(tool.name, tool_args, id=id, built=tool)
        if isinstance(decision, Run):
            _redeem_in(tool)
            with _lock:
                _allowed[tool_context] = (tool, self.gate, decision)
            return None
        if isinstance(decision, Ask) and self.asking and tool_context.tool_confirmation is None:
            told = {"tool": tool.name, "args": dict(tool_args), "approval": decision.approval}
            tool_context.request_confirmation(hint=decision.text, payload=told)
            # Else the model would be asked again at once, and would only repeat itself.
            tool_context.actions.skip_summarization = True
        return {"error": decision.text}


def tools_of(found: Any) -> list[BaseTool]:
    """The tools of an app, of an agent with its sub-agents, or one tool. Raises TypeError."""
    if isinstance(found, BaseTool):
        return [found]
    if isinstance(found, App):
        return tools_of(found.root_agent)
    if not isinstance(found, BaseAgent):
        raise TypeError(f"a {type(found).__name__} has no tools")
    own = asyncio.run(found.canonical_tools()) if isinstance(found, LlmAgent) else []
    return [*own, *(tool for agent in found.sub_agents for tool in tools_of(agent))]


def described(tool: BaseTool) -> Entry:
    """A tool as its model sees it. Raises TypeError for one that the model runs itself."""
    told = tool._get_declaration()
    if told is None:
        raise TypeError(f"`{tool.name}` is a tool of the model's own")
    schema = told.parameters_json_schema
    if schema is None and told.parameters is not None:
        schema = told.parameters.json_schema.model_dump(exclude_none=True, mode="json")
    return entry(tool.name, told.description, schema or {"type": "object", "properties": {}})


def _redeem_in(tool: BaseTool) -> None:
    """Let the tool redeem where a guarded agent runs it; elsewhere it is as it was.

    ADK runs the very object that it showed to the plugin, and no copy of it.
    """
    with _lock:
        found = vars(tool).get("run_async")
        if getattr(found, _MARK, None) is tool:
            return
        # A copy of a tool that redeems already has that tool's function among its own attributes.
        copied = hasattr(found, _MARK)
        run_async: Any = type(tool).run_async.__get__(tool) if copied else tool.run_async

        @wraps(run_async)
        async def redeeming(*, args: dict[str, Any], tool_context: Any) -> Any:
            allowed = _allowed_for(tool, tool_context)
            if allowed is None:
                return await run_async(args=args, tool_context=tool_context)
            gate, run = allowed
            try:
                async with AsyncExitStack() as stack:
                    call = await stack.enter_async_context(gate.arunning(run, args))
                    answer = await run_async(args=call.args, tool_context=tool_context)
                    if inspect.isasyncgen(answer):
                        return _streamed(answer, stack.pop_all())
                    call.failed, call.result = _outcome(answer)
                return answer
            except RefusedError as refused:
                return {"error": str(refused)}

        setattr(redeeming, _MARK, tool)
        setattr(tool, "run_async", redeeming)  # noqa: B010


async def _streamed(answers: Any, running: AsyncExitStack) -> AsyncGenerator[Any, None]:
    """What a tool of a live session streams: its call ends when that does."""
    async with running, aclosing(answers):
        async for answer in answers:
            yield answer


def _allowed_for(tool: BaseTool, tool_context: Any) -> tuple[Gate, Run] | None:
    """What was allowed of this call; None of a tool that another tool calls within its own."""
    with _lock:
        allowed = _allowed.get(tool_context)
    if allowed is None or allowed[0] is not tool:
        return None
    return allowed[1:]


def _outcome(answer: Any) -> tuple[bool, Any]:
    """Whether a tool says of itself that it failed, as ADK's tools do, and what it answered."""
    failed = isinstance(answer, dict) and set(answer) == {"error"}
    return failed, to_jsonable_python(answer, fallback=str)
