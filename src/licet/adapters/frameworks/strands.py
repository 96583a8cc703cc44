"""Strands: `Agent(…, interventions=[GuardIntervention(session)])`.

The check is an intervention, which runs after the agent's own hooks; redeeming is in
`ExecuteToolStage`, around the tool. A refusal is `Deny`. A call that a human has to agree to
interrupts the agent, as `Confirm` does, with `{"tool", "args", "approval", "message"}` as the
interrupt's reason: the host answers the guard (`Guard.approve`), then resumes with any response.
What is still unanswered then is denied.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from weakref import WeakSet

from .describing import Entry, entry
from .gate import Ask, Gate, RefusedError, Run, Session

try:
    from strands import Agent, InterventionHandler
    from strands.hooks import BeforeToolCallEvent
    from strands.interventions import Deny, Proceed
    from strands.middleware import ExecuteToolStage, ToolResultEvent
    from strands.types.tools import AgentTool
except ImportError as error:
    raise ImportError("Strands is missing: pip install 'licet[strands]'") from error


class GuardIntervention(InterventionHandler):
    """Guards every tool of an agent. Put it last in the list: what an earlier one denies is not
    checked then. One serves several agents of one session.

    With `interrupting=False` a call that needs a human is refused at once; its approval waits in
    `Guard.pending` all the same.
    """

    name = "licet"

    def __init__(
        self, session: Session, *, interrupting: bool = True, seconds: float = 30.0
    ) -> None:
        self.gate = Gate(session, described, seconds=seconds)
        self.interrupting = interrupting
        self._agents: WeakSet[Any] = WeakSet()
        self._lock = threading.Lock()

    async def before_tool_call(self, event: BeforeToolCallEvent[Any], **_: Any) -> Proceed | Deny:
        self._stand_around_tools(event.agent)
        name, args = event.tool_use["name"], event.tool_use["input"]
        id, tool = event.tool_use["toolUseId"], event.selected_tool
        decision = await self.gate.acheck(name, args, id=id, built=tool)
        if isinstance(decision, Run):
            self.gate.hold(decision)
            return Proceed()
        if isinstance(decision, Ask) and self.interrupting:
            # Not `Confirm`: its prompt is also what the model reads, and holds no approval.
            # Returns when the agent is resumed; what it is resumed with decides nothing.
            event.interrupt(
                self.name,
                reason={
                    "tool": name,
                    "args": args,
                    "approval": decision.approval,
                    "message": decision.text,
                },
            )
        return Deny(reason=decision.text)

    def _stand_around_tools(self, agent: Any) -> None:
        """An agent's middleware cannot be given with its interventions: so with its first call."""
        with self._lock:
            if agent not in self._agents:
                agent.add_middleware(ExecuteToolStage, self._redeem)
                self._agents.add(agent)

    async def _redeem(self, context: Any, next_fn: Any) -> AsyncGenerator[Any, None]:
        if context.tool is not None:
            context = context.replace(tool=_Redeeming(context.tool, self.gate))
        async with aclosing(next_fn(context)) as events:
            async for event in events:
                yield event


def tools_of(found: Any) -> list[AgentTool]:
    """The tools of an agent, or one tool. Raises TypeError."""
    if isinstance(found, AgentTool):
        return [found]
    if not isinstance(found, Agent):
        raise TypeError(f"a {type(found).__name__} has no tools")
    return list(found.tool_registry.registry.values())


def described(tool: AgentTool) -> Entry:
    """A tool as its model sees it."""
    spec = tool.tool_spec
    schema: Any = spec["inputSchema"]
    return entry(tool.tool_name, spec["description"], schema.get("json", schema))


class _Redeeming(AgentTool):
    """The tool, once: whatever the middleware inside changes, it redeems what it is called with."""

    def __init__(self, tool: AgentTool, gate: Gate) -> None:
        super().__init__()
        self._tool = tool
        self._gate = gate

    @property
    def tool_name(self) -> str:
        return self._tool.tool_name

    @property
    def tool_spec(self) -> Any:
        return self._tool.tool_spec

    @property
    def tool_type(self) -> str:
        return self._tool.tool_type

    async def stream(
        self, tool_use: Any, invocation_state: dict[str, Any], **kwargs: Any
    ) -> AsyncGenerator[Any, None]:
        # The last event is the result. It is held back until the call is settled, because nobody
        # comes back to a generator that has given its result.
        last: Any = None
        try:
            run = self._gate.allowed(self._tool.tool_name, tool_use["toolUseId"])
            async with self._gate.arunning(run, tool_use["input"]) as call:
                frozen: Any = {**tool_use, "input": call.args}
                async with aclosing(
                    self._tool.stream(frozen, invocation_state, **kwargs)
                ) as events:
                    async for event in events:
                        if last is not None:
                            yield last
                        last = event
                call.failed, call.result = _outcome(last)
        except RefusedError as refused:
            last = ToolResultEvent(
                {
                    "toolUseId": tool_use["toolUseId"],
                    "status": "error",
                    "content": [{"text": str(refused)}],
                }
            )
        if last is not None:
            yield last


def _outcome(last: Any) -> tuple[bool, object]:
    """Whether a tool failed, and what it answered, of the last that it gave. A tool that stops to
    ask somebody has failed: what it is resumed with is a call of its own."""
    result = last.tool_result if isinstance(last, ToolResultEvent) else last
    if not isinstance(result, dict) or result.get("status") != "success":
        return True, None
    content = result.get("content", [])
    told = [block.get("text", block.get("json")) for block in content]
    return False, told[0] if len(told) == 1 else told
