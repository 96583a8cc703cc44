"""smolagents: `guard_agent(session, agent)`, once the agent has its tools.

A `ToolCallingAgent` is checked where it executes a call, with the arguments that its state gives;
redeeming is in `Tool.__call__`. A refusal is the call's observation, because an error would take
the results of the calls beside it along. A `CodeAgent` writes Python: its calls are checked and
redeemed in `Tool.__call__`, and a refusal is raised there, so that no code takes it for an answer.
A call that a human has to agree to is refused, or waits while `asking` gets the answer.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from copy import deepcopy
from typing import Any

from licet.adapters import feedback

from .asking import Asking, decided
from .describing import Entry, entry
from .gate import Gate, Refuse, RefusedError, Run, Session

try:
    from smolagents import CodeAgent, MultiStepAgent, Tool, ToolCallingAgent
    from smolagents.agent_types import AgentText, AgentType
    from smolagents.agents import AgentToolExecutionError
    from smolagents.default_tools import FinalAnswerTool
    from smolagents.local_python_executor import LocalPythonExecutor
    from smolagents.models import get_tool_json_schema
except ImportError as error:
    raise ImportError("smolagents is missing: pip install 'licet[smolagents]'") from error

#: What was allowed of the call that the running thread executes.
_allowed: ContextVar[Run | None] = ContextVar("licet_smolagents_call", default=None)

_GUARDED = "_licet_guarded"


def guard_agent(
    session: Session, agent: Any, *, asking: Asking | None = None, seconds: float = 30.0
) -> Any:
    """The same agent, with its tools and those of the agents that it manages guarded as one
    session. The agent's final answer is no call.

    Raises TypeError for a CodeAgent whose code runs elsewhere: there the guard would not be.
    """
    agents = _with_managed(agent)
    for each in agents:
        code = isinstance(each, CodeAgent)
        if not code and not isinstance(each, ToolCallingAgent):
            raise TypeError(f"a {type(each).__name__} cannot be guarded")
        if code and not isinstance(each.python_executor, LocalPythonExecutor):
            raise TypeError("the code of this CodeAgent runs elsewhere, where no guard is")
        if hasattr(each, _GUARDED):
            raise TypeError("this agent is guarded already")
    desk = _Desk(Gate(session, described, seconds=seconds), asking)
    for each in agents:
        own = _own(each)
        each.tools.update({name: _guarded(tool, desk, each) for name, tool in own.items()})
        setattr(each, _GUARDED, True)
        if isinstance(each, ToolCallingAgent):
            _check_where_executed(each, own, desk)
        else:
            _send_no_others(each, dict(each.tools))
    return agent


def tools_of(found: Any) -> list[Tool]:
    """The tools of an agent and of those that it manages, or one tool. Raises TypeError."""
    if isinstance(found, Tool):
        return [found]
    if not isinstance(found, MultiStepAgent):
        raise TypeError(f"a {type(found).__name__} has no tools")
    every = [tool for agent in _with_managed(found) for tool in _own(agent).values()]
    return list({id(tool): tool for tool in every}.values())


def described(tool: Tool) -> Entry:
    """A tool as its model sees it."""
    told = get_tool_json_schema(tool)["function"]
    schema = deepcopy(told["parameters"])
    for each in schema["properties"].values():
        if each.pop("nullable", False):
            kinds = each["type"] if isinstance(each["type"], list) else [each["type"]]
            each["type"] = [*dict.fromkeys((*kinds, "null"))]
    return entry(told["name"], told["description"], schema)


def _with_managed(agent: Any) -> list[Any]:
    """The agent and all that it manages, each once."""
    found, near = [agent], list(getattr(agent, "managed_agents", {}).values())
    while near:
        each = near.pop()
        if not any(each is known for known in found):
            found.append(each)
            near += getattr(each, "managed_agents", {}).values()
    return found


def _own(agent: Any) -> dict[str, Tool]:
    return {n: tool for n, tool in agent.tools.items() if type(tool) is not FinalAnswerTool}


class _Desk:
    """What the guarded tools of one session share."""

    def __init__(self, gate: Gate, asking: Asking | None) -> None:
        self.gate = gate
        self._asking = asking

    def check(self, tool: Tool, args: Mapping[str, Any], id: str) -> Run:
        """Raises RefusedError."""
        decision = decided(self.gate, self._asking, tool.name, args, id=id, built=tool)
        if not isinstance(decision, Run):
            raise RefusedError(decision)
        return decision

    def run(self, tool: Tool, run: Run, args: Mapping[str, Any], rest: dict[str, Any]) -> Any:
        """The tool's answer. Raises RefusedError, and what the tool raises."""
        if run.tool != tool.name:
            raise RefusedError(Refuse(tool.name, feedback.altered(tool.name)))
        with self.gate.running(run, args) as call:
            answer = tool(**call.args, **rest)
            call.result = _told(answer)
        return answer


def _told(answer: Any) -> Any:
    """What a tool answered, as data: smolagents wraps texts, images and sounds."""
    if isinstance(answer, AgentType):
        return answer.to_raw() if isinstance(answer, AgentText) else None
    return answer


class _Step:
    """The calls of a model's last message, so that each gets the model's id, once."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Any, str]] = []
        self._lock = threading.Lock()

    def begin(self, calls: Sequence[Any]) -> None:
        with self._lock:
            self._waiting = [(c.function.name, c.function.arguments or {}, c.id) for c in calls]

    def id_of(self, name: str, arguments: Any) -> str:
        with self._lock:
            for place, (waiting, args, id) in enumerate(self._waiting):
                if waiting == name and args == arguments:
                    del self._waiting[place]
                    return str(id)
        return secrets.token_urlsafe(12)


def _check_where_executed(agent: Any, own: Mapping[str, Tool], desk: _Desk) -> None:
    step, process, execute = _Step(), agent.process_tool_calls, agent.execute_tool_call

    def process_tool_calls(chat_message: Any, memory_step: Any) -> Iterator[Any]:
        step.begin(chat_message.tool_calls)
        yield from process(chat_message, memory_step)

    def execute_tool_call(tool_name: str, arguments: Any) -> Any:
        tool = own.get(tool_name)
        if tool is None:
            if tool_name in _own(agent):
                return f"{tool_name} was not run: it was added after the agent was guarded."
            return execute(tool_name, arguments)  # a managed agent, the final answer, or unknown
        try:
            meant = agent._substitute_state_variables(arguments)
            given = dict(meant) if isinstance(meant, Mapping) else _named(tool, (meant,), {})
            run = desk.check(tool, given, step.id_of(tool_name, arguments))
        except RefusedError as refused:
            return str(refused)
        inside = _allowed.set(run)
        try:
            with desk.gate.holding(run):
                return execute(tool_name, arguments)
        except AgentToolExecutionError as error:
            if isinstance(error.__cause__, RefusedError):
                return str(error.__cause__)
            raise
        finally:
            _allowed.reset(inside)

    agent.process_tool_calls, agent.execute_tool_call = process_tool_calls, execute_tool_call


def _send_no_others(agent: Any, known: Mapping[str, Tool]) -> None:
    """Let a CodeAgent's code have no tool that came after the guard."""
    executor = agent.python_executor
    send = executor.send_tools

    def send_tools(tools: dict[str, Any]) -> None:
        for name, tool in tools.items():
            if tool is not known.get(name) and tool is not agent.managed_agents.get(name):
                raise TypeError(f"the tool {name} was added after the agent was guarded")
        send(tools)

    executor.send_tools = send_tools


def _guarded(tool: Tool, desk: _Desk, agent: Any) -> Tool:
    """A tool that runs only what the guard allows. Nothing of it leads to the tool inside but what
    these functions close over: a CodeAgent's code may read every attribute without two underscores.
    """
    code = isinstance(agent, CodeAgent)

    def called(args: tuple[Any, ...], kwargs: dict[str, Any], rest: dict[str, Any]) -> Any:
        given = _named(tool, args, kwargs)
        run = desk.check(tool, given, secrets.token_urlsafe(12)) if code else _allowed.get()
        if run is None:
            raise RefusedError(Refuse(tool.name, feedback.unavailable(tool.name)))
        return desk.run(tool, run, given, rest)

    class Guarded(Tool):
        skip_forward_signature_validation = True
        name, description, inputs = tool.name, tool.description, tool.inputs
        output_type, output_schema = tool.output_type, getattr(tool, "output_schema", None)

        def __init__(self) -> None:
            self.is_initialized = True

        def __call__(self, *args: Any, sanitize_inputs_outputs: bool = False, **kwargs: Any) -> Any:
            rest = {"sanitize_inputs_outputs": True} if sanitize_inputs_outputs else {}
            return called(args, kwargs, rest)

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return called(args, kwargs, {})

        def to_dict(self) -> dict[str, Any]:
            raise TypeError("a guarded tool stays where its guard is")

    return Guarded()


def _named(tool: Tool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name, as `Tool.__call__` understands them. Raises RefusedError."""
    names = list(tool.inputs)
    if len(args) == 1 and not kwargs and isinstance(args[0], Mapping) and set(args[0]) <= {*names}:
        return dict(args[0])
    if len(args) > len(names) or set(names[: len(args)]) & set(kwargs):
        raise RefusedError(Refuse(tool.name, f"{tool.name} was not run: its arguments do not fit."))
    return {**dict(zip(names, args, strict=False)), **kwargs}
