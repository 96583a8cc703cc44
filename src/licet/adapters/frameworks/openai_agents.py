"""OpenAI Agents: `Agent(tools=guard_tools(session, [refund, lookup]))`.

Each function tool gets a `ToolInputGuardrail` that checks, and an `on_invoke_tool` that redeems. A
refusal is the guardrail's `reject_content`. A call that a human has to agree to interrupts the run
(`needs_approval`): the host answers the guard (`Guard.approve`; the ids are in `Guard.pending`),
then `state.approve(item)` lets the run go on to the guard, which decides. The SDK's own approval
alone runs nothing.
"""

from __future__ import annotations

import copy
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from .describing import Entry, entry
from .gate import Ask, Gate, Refuse, RefusedError, Run, Session

try:
    from agents import (
        Agent,
        FunctionTool,
        RunContextWrapper,
        ToolInputGuardrail,
        ToolInputGuardrailData,
    )
    from agents.tool import (
        maybe_invoke_function_tool_failure_error_function,
        set_function_tool_failure_error_function,
    )
    from agents.tool_context import ToolContext
    from agents.tool_guardrails import ToolGuardrailFunctionOutput
except ImportError as error:
    raise ImportError("OpenAI Agents is missing: pip install 'licet[openai-agents]'") from error

#: Refusals that were found when the SDK asked for approvals, until its guardrail tells them.
MOST_UNTOLD = 1_000


def guard_tools(
    session: Session, tools: Sequence[FunctionTool], *, seconds: float = 30.0
) -> list[FunctionTool]:
    """The tools, guarded as one session. Raises TypeError for a tool that is no `FunctionTool`:
    what a provider runs itself (hosted tools, computers, shells) does not pass here."""
    loop = _Loop(Gate(session, described, seconds=seconds))
    for tool in tools:
        if not isinstance(tool, FunctionTool):
            raise TypeError(f"only function tools can be guarded, not {type(tool).__name__}")
    return [loop.guarded(tool) for tool in tools]


def tools_of(found: Any) -> list[FunctionTool]:
    """The function tools of an agent and of the agents that it hands off to, or one tool. Raises
    TypeError. Tools of its MCP servers are those servers' own."""
    if isinstance(found, FunctionTool):
        return [found]
    if not isinstance(found, Agent):
        raise TypeError(f"a {type(found).__name__} has no tools")
    agents, seen = [found], [found]
    while agents:
        near = [each for each in agents.pop().handoffs if isinstance(each, Agent)]
        fresh = [each for each in near if not any(each is known for known in seen)]
        agents += fresh
        seen += fresh
    return [tool for agent in seen for tool in agent.tools if isinstance(tool, FunctionTool)]


def described(tool: FunctionTool) -> Entry:
    """A tool as its model sees it."""
    return entry(tool.name, tool.description, tool.params_json_schema)


class _Loop:
    """What the tools of one session share."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._untold: OrderedDict[str, Refuse] = OrderedDict()
        self._lock = threading.Lock()

    def guarded(self, tool: FunctionTool) -> FunctionTool:
        # The SDK makes a text of what a tool raises inside the tool's own invoker. There it is to
        # be raised, so that it is settled as an error, and made a text outside, as it was to be.
        bare = set_function_tool_failure_error_function(copy.copy(tool), None)
        own = tool.needs_approval

        async def needs_approval(context: RunContextWrapper[Any], args: Any, id: str) -> bool:
            decision = await self._gate.acheck(tool.name, args, id=id, built=tool)
            if isinstance(decision, Refuse):
                self._keep(id, decision)
                return False
            asked = own if isinstance(own, bool) else await own(context, args, id)
            return isinstance(decision, Ask) or asked

        async def check(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
            id = data.context.tool_call_id
            decision: Run | Refuse | Ask | None = self._told(id)
            if decision is None:
                args = _object(data.context.tool_arguments)
                if args is None:
                    decision = Refuse(tool.name, _malformed(tool.name))
                else:
                    decision = await self._gate.acheck(tool.name, args, id=id, built=tool)
            if isinstance(decision, Run):
                self._gate.hold(decision)
                return ToolGuardrailFunctionOutput.allow()
            return ToolGuardrailFunctionOutput.reject_content(decision.text)

        async def invoke(context: ToolContext[Any], input: str) -> Any:
            args = _object(input)
            if args is None:
                return _malformed(tool.name)
            try:
                run = self._gate.allowed(tool.name, context.tool_call_id)
                async with self._gate.arunning(run, args) as call:
                    text = json.dumps(call.args)
                    answer = call.result = await bare.on_invoke_tool(context, text)
                return answer
            except RefusedError as refused:
                return str(refused)
            except Exception as error:
                said = await maybe_invoke_function_tool_failure_error_function(
                    function_tool=tool, context=context, error=error
                )
                if said is None:
                    raise
                return said

        guarded = copy.copy(tool)
        guarded.on_invoke_tool = invoke
        guarded.needs_approval = needs_approval
        guarded.tool_input_guardrails = [
            *(tool.tool_input_guardrails or ()),
            ToolInputGuardrail(guardrail_function=check, name="licet"),
        ]
        return guarded

    def _keep(self, id: str, refuse: Refuse) -> None:
        with self._lock:
            self._untold[id] = refuse
            if len(self._untold) > MOST_UNTOLD:
                self._untold.popitem(last=False)

    def _told(self, id: str) -> Refuse | None:
        with self._lock:
            return self._untold.pop(id, None)


def _object(text: str) -> dict[str, Any] | None:
    """A call's arguments; None where the text holds none. An empty text is a call without any."""
    try:
        decoded = json.loads(text or "{}", parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _malformed(tool: str) -> str:
    return f"{tool} was not run: its arguments are not a JSON object."
