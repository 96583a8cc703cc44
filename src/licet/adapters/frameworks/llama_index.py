"""LlamaIndex: `guard_agent(session, agent)`, an agent or an `AgentWorkflow`.

The check is around `_call_tool`; redeeming is in the tool's own `acall`, inside whatever a class of
one's own does there. A refusal is the call's `ToolOutput`, with `is_error`. A call that a human has
to agree to puts a `GuardAsks` on the stream, with the approval's id: the host answers the guard
(`Guard.approve`), then sends `HumanResponseEvent(response=…, approval=id)` to the run's context.
What is still unanswered then is refused.
"""

from __future__ import annotations

import copy
import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MethodType
from typing import Any

from pydantic_core import to_jsonable_python

from licet.adapters import feedback

from .describing import Entry, entry
from .gate import Ask, Call, Gate, Refuse, RefusedError, Run, Session

try:
    from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent
    from llama_index.core.agent.workflow.base_agent import BaseWorkflowAgent
    from llama_index.core.agent.workflow.multi_agent_workflow import handoff
    from llama_index.core.tools import BaseTool, FunctionTool, ToolOutput
    from workflows.events import HumanResponseEvent, InputRequiredEvent
    from workflows.runtime.types.results import WaitingForEvent
except ImportError as error:
    raise ImportError("LlamaIndex is missing: pip install 'licet[llama-index]'") from error

#: The model's id of the call that the running task is at.
_call_id: ContextVar[str | None] = ContextVar("licet_llama_index_call", default=None)

_GUARDED = "_licet_guarded"

#: Calls that wait for an event. One that is forgotten is refused when its event comes.
MOST_PAUSED = 1_000


class GuardAsks(InputRequiredEvent):
    """Somebody has to agree to a call. `approval` is for the host, and not for the model."""

    tool: str
    args: dict[str, Any]
    approval: str
    message: str


def guard_agent(session: Session, agent: Any, *, asking: bool = True, seconds: float = 30.0) -> Any:
    """The same agent, guarded. With `asking=False` a call that needs a human is refused at once;
    its approval waits in `Guard.pending` all the same.

    Of an `AgentWorkflow`, every agent's calls are guarded while the workflow runs; its handoffs
    are no calls. Raises TypeError for a `CodeActAgent`, whose code calls its tools by itself.
    """
    agents = list(agent.agents.values()) if isinstance(agent, AgentWorkflow) else [agent]
    for each in agents:
        if not isinstance(each, BaseWorkflowAgent) or isinstance(each, CodeActAgent):
            raise TypeError(f"a {type(each).__name__} cannot be guarded")
    if getattr(agent, _GUARDED, False):
        raise TypeError("this agent is guarded already")
    loop = _Loop(Gate(session, described, seconds=seconds), asking)
    step, call_tool = agent.call_tool, agent._call_tool

    async def called(_: Any, ctx: Any, ev: Any) -> Any:
        inside = _call_id.set(str(ev.tool_id))
        try:
            return await step(ctx, ev)
        finally:
            _call_id.reset(inside)

    async def checked(ctx: Any, tool: Any, tool_input: Any) -> Any:
        return await loop.call(call_tool, ctx, tool, tool_input)

    # The step keeps its name and what it takes: the workflow finds it where its method was.
    called.__dict__.update(step.__func__.__dict__)
    object.__setattr__(agent, "call_tool", MethodType(called, agent))
    object.__setattr__(agent, "_call_tool", checked)
    object.__setattr__(agent, _GUARDED, True)
    return agent


def tools_of(found: Any) -> list[BaseTool]:
    """The tools of an agent or of a workflow's agents, or one tool. Raises TypeError. What a
    retriever finds is not known before it is asked."""
    if isinstance(found, BaseTool):
        return [found]
    if isinstance(found, AgentWorkflow):
        every = [tool for agent in found.agents.values() for tool in agent.tools or []]
        return list({id(tool): tool for tool in every}.values())
    if not isinstance(found, BaseWorkflowAgent):
        raise TypeError(f"a {type(found).__name__} has no tools")
    return list(found.tools or [])


def described(tool: BaseTool) -> Entry:
    """A tool as its model sees it."""
    told = tool.metadata
    return entry(told.get_name(), told.description, told.get_parameters_dict())


@dataclass(slots=True)
class _Paused:
    """A call that runs and waits for an event: its step is run again when the event is there."""

    tool: str
    args: dict[str, Any]
    running: AbstractAsyncContextManager[Call]
    call: Call


class _Loop:
    """The guard of one agent's calls."""

    def __init__(self, gate: Gate, asking: bool) -> None:
        self._gate = gate
        self._asking = asking
        self._paused: OrderedDict[str, _Paused] = OrderedDict()

    async def call(self, call_tool: Callable[..., Any], ctx: Any, tool: Any, given: Any) -> Any:
        """What stands in the place of the agent's `_call_tool`."""
        if isinstance(tool, FunctionTool) and tool.real_fn is handoff:
            return await call_tool(ctx, tool, given)
        name, args = str(tool.metadata.get_name()), dict(given or {})
        id = _call_id.get() or secrets.token_urlsafe(12)
        paused = self._paused.get(id)
        if paused is not None and (paused.tool, paused.args) == (name, args):
            return await call_tool(ctx, self._redeeming(tool, id, None), given)
        decision = await self._gate.acheck(name, args, id=id, built=tool)
        if isinstance(decision, Ask) and self._asking:
            await ctx.wait_for_event(
                HumanResponseEvent,
                waiter_event=GuardAsks(
                    tool=name, args=args, approval=decision.approval, message=decision.text
                ),
                waiter_id=f"licet {decision.approval}",
                requirements={"approval": decision.approval},
                timeout=None,
            )
            decision = await self._gate.acheck(name, args, id=id, built=tool)
        if not isinstance(decision, Run):
            return ToolOutput(
                content=decision.text,
                tool_name=name,
                raw_input=args,
                raw_output=decision.text,
                is_error=True,
            )
        async with self._gate.aholding(decision):
            return await call_tool(ctx, self._redeeming(tool, id, decision), given)

    def _redeeming(self, tool: Any, id: str, run: Run | None) -> Any:
        """The tool, once: it redeems what it is called with. Without `run`, it goes on."""
        copied = copy.copy(tool)

        async def acall(*args: Any, **kwargs: Any) -> Any:
            if args:
                raise TypeError("a guarded tool takes its arguments by name")
            context = getattr(tool, "ctx_param_name", None)
            injected = {name: value for name, value in kwargs.items() if name == context}
            given = {name: value for name, value in kwargs.items() if name != context}
            if run is not None:
                running = self._gate.arunning(run, given)
                call = await running.__aenter__()
                paused = _Paused(run.tool, given, running, call)
            else:
                paused = self._paused.pop(id)
                if paused.args != given:
                    raise RefusedError(Refuse(paused.tool, feedback.altered(paused.tool)))
            try:
                answer = await tool.acall(**paused.call.args, **injected)
                paused.call.result, paused.call.failed = _told(answer), answer.is_error
            except WaitingForEvent:
                self._paused[id] = paused
                if len(self._paused) > MOST_PAUSED:
                    self._paused.popitem(last=False)
                raise
            except BaseException as error:
                if not await paused.running.__aexit__(type(error), error, error.__traceback__):
                    raise
            await paused.running.__aexit__(None, None, None)
            return answer

        copied.acall = acall
        return copied


def _told(answer: Any) -> Any:
    """What a tool answered, as data: what its function returned, where that is some."""
    return to_jsonable_python(answer.raw_output, fallback=str)
