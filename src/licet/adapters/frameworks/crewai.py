"""CrewAI: `Agent(tools=guard_tools(session, [refund, lookup]))`.

The check is a `PRE_TOOL_CALL` hook for guarded tools alone; redeeming is around each tool. A
refusal is `HookAborted`, the one exception of a hook that CrewAI does not swallow, and a
`POST_TOOL_CALL` hook puts the reason in the place of CrewAI's own words. A guarded tool that no
hook has allowed refuses by itself: hooks may be cleared. A call that a human has to agree to is
refused, or waits while `asking` gets the answer.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from licet.adapters import feedback

from .asking import Asking, decided
from .describing import Entry, entry
from .gate import Call, Gate, Refuse, RefusedError, Run, Session

try:
    from crewai import Agent, Crew
    from crewai.hooks import HookAborted, InterceptionPoint
    from crewai.hooks.dispatch import get_hooks, register
    from crewai.tools import BaseTool
    from crewai.tools.structured_tool import CrewStructuredTool
    from crewai.tools.tool_failure import ToolFailure
    from crewai.utilities.agent_utils import convert_tools_to_openai_schema
    from crewai.utilities.string_utils import sanitize_tool_name
    from pydantic import PrivateAttr
except ImportError as error:
    raise ImportError("CrewAI is missing: pip install 'licet[crewai]'") from error

#: Steps of a model whose calls are still told apart; the oldest is forgotten first.
MOST_STEPS = 1_000


@dataclass(slots=True)
class _Checked:
    """What was decided of the call that the running thread is at."""

    tool: str
    built: Any
    refused: str
    run: Run | None = None
    #: How the tool failed.
    error: Exception | None = None


_checked: ContextVar[_Checked | None] = ContextVar("licet_crewai_call", default=None)


def guard_tools(
    session: Session,
    tools: Sequence[BaseTool],
    *,
    asking: Asking | None = None,
    seconds: float = 30.0,
) -> list[BaseTool]:
    """The tools, guarded as one session, under the names that CrewAI tells its models. What CrewAI
    adds to an agent itself (delegation, MCP servers) does not pass here."""
    for tool in tools:
        if not isinstance(tool, BaseTool) or isinstance(tool, _Guarded):
            raise TypeError(f"only tools can be guarded, and once, not {type(tool).__name__}")
    for point, hook in (
        (InterceptionPoint.PRE_TOOL_CALL, _check),
        (InterceptionPoint.POST_TOOL_CALL, _tell),
    ):
        if hook not in get_hooks(point):
            register(point, hook)
    desk = _Desk(Gate(session, described, seconds=seconds), asking)
    return [_guarded(tool, desk) for tool in tools]


def tools_of(found: Any) -> list[BaseTool]:
    """The tools of an agent or of a crew's agents and tasks, or one tool. Raises TypeError."""
    if isinstance(found, BaseTool):
        return [found]
    if isinstance(found, Agent):
        return list(found.tools or [])
    if not isinstance(found, Crew):
        raise TypeError(f"a {type(found).__name__} has no tools")
    every = [tool for owner in (*found.agents, *found.tasks) for tool in owner.tools or []]
    return list({id(tool): tool for tool in every}.values())


def described(tool: BaseTool) -> Entry:
    """A tool as its model sees it."""
    (told,), _, _ = convert_tools_to_openai_schema([tool])
    function = told["function"]
    return entry(function["name"], function["description"], function["parameters"])


class _Desk:
    """What the guarded tools of one session share."""

    def __init__(self, gate: Gate, asking: Asking | None) -> None:
        self.gate = gate
        self.asking = asking
        self._steps: OrderedDict[int, tuple[object, set[str]]] = OrderedDict()
        self._lock = threading.Lock()

    def __deepcopy__(self, _: object) -> Self:
        return self  # crews copy their agents with their tools

    def call_id(self, context: Any) -> str:
        """The model's id of a call. CrewAI does not tell it to hooks, but the model's last message
        has it, once for each call; a call that is not found there gets an id of its own."""
        executor = getattr(context.agent, "agent_executor", None)
        messages = getattr(executor, "messages", None) or ()
        step = next((m for m in reversed(messages) if m.get("tool_calls")), None)
        if step is not None:
            with self._lock:
                _, taken = self._steps.setdefault(id(step), (step, set()))
                if len(self._steps) > MOST_STEPS:
                    self._steps.popitem(last=False)
                for each in step["tool_calls"]:
                    if each["id"] not in taken and _is_call(each["function"], context):
                        taken.add(each["id"])
                        return str(each["id"])
        return secrets.token_urlsafe(12)


def _is_call(written: Mapping[str, Any], context: Any) -> bool:
    try:
        args = json.loads(written["arguments"] or "{}")
    except ValueError:
        return False
    name = sanitize_tool_name(written["name"])
    return bool(name == context.tool_name and args == context.tool_input)


def _check(context: Any) -> None:
    """Decide a call of a guarded tool. Raises HookAborted unless it may run."""
    tool = getattr(context.tool, "_original_tool", None)
    if not isinstance(tool, _Guarded):
        return
    name = str(context.tool_name)
    checked = _Checked(name, tool, feedback.unavailable(name))
    _checked.set(checked)
    try:
        desk = tool._desk
        args = dict(context.tool_input)
        id = desk.call_id(context)
        decision = decided(desk.gate, desk.asking, name, args, id=id, built=tool._plain)
    except Exception as error:
        raise HookAborted(checked.refused, source="licet") from error
    if not isinstance(decision, Run):
        checked.refused = decision.text
        raise HookAborted(decision.text, source="licet")
    checked.refused, checked.run = "", decision


def _tell(context: Any) -> str | None:
    """The reason of a refusal, instead of CrewAI's words. The call is over."""
    checked = _checked.get()
    if checked is None or checked.tool != context.tool_name:
        return None
    _checked.set(None)
    if checked.run is not None:
        with checked.built._desk.gate.holding(checked.run):
            pass  # CrewAI answered from its cache, or the tool is used up: nothing leads to it now
    return checked.refused or None


class _Guarded(BaseTool):
    """Redeems around the tool, before it fills in defaults."""

    _desk: Any = PrivateAttr(default=None)
    _plain: Any = PrivateAttr(default=None)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        with _redeeming(self, args, kwargs) as call:
            call.result = answer = super().run(**call.args)
            call.failed = isinstance(answer, ToolFailure)
        return answer

    async def arun(self, *args: Any, **kwargs: Any) -> Any:
        with _redeeming(self, args, kwargs) as call:
            call.result = answer = await super().arun(**call.args)
            call.failed = isinstance(answer, ToolFailure)
        return answer

    def to_structured_tool(self) -> CrewStructuredTool:
        structured = super().to_structured_tool()
        object.__setattr__(structured, "__class__", _Structured)
        return structured


class _Structured(CrewStructuredTool):
    """A guarded tool where the model writes its calls as text."""

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        with _redeeming(self._original_tool, (), input) as call:
            call.result = answer = super().invoke(call.args, config, **kwargs)
        return answer

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        with _redeeming(self._original_tool, (), input) as call:
            call.result = answer = await super().ainvoke(call.args, config, **kwargs)
        return answer


def _guarded(tool: BaseTool, desk: _Desk) -> BaseTool:
    copy = tool.model_copy()
    kind: Any = type(tool)
    object.__setattr__(copy, "__class__", _guarded_class(kind))
    guarded: Any = copy
    guarded._desk, guarded._plain = desk, tool
    return copy


@cache
def _guarded_class(kind: Any) -> Any:
    name = f"Guarded{kind.__name__}"
    return type(BaseTool)(name, (_Guarded, kind), {"__module__": __name__, "__qualname__": name})


@contextmanager
def _redeeming(tool: Any, positional: tuple[Any, ...], args: Any) -> Iterator[Call]:
    """Around one call of the tool itself. Raises RefusedError where no hook allowed it, and how the
    tool failed where CrewAI calls it again for that: what is allowed once runs once."""
    checked = _checked.get()
    known = checked is not None and checked.built is tool
    if checked is not None and known and checked.error is not None:
        raise checked.error
    run, desk = (checked.run if checked is not None and known else None), tool._desk
    if run is None or desk is None or positional or not isinstance(args, Mapping):
        name = sanitize_tool_name(tool.name)
        raise RefusedError(Refuse(name, feedback.unavailable(name)))
    assert checked is not None
    checked.run = None
    try:
        with desk.gate.running(run, args) as call:
            yield call
    except Exception as error:
        checked.error = error
        raise
