"""LangChain 1.x and LangGraph: `create_agent(…, middleware=[GuardMiddleware(session)])`.

A graph of one's own: `ToolNode(tools, wrap_tool_call=guard.wrap_tool_call,
awrap_tool_call=guard.awrap_tool_call)`.

A refusal is an error `ToolMessage`. A call that a human has to agree to interrupts the graph with
`{"tool", "args", "approval", "message"}` for the host, which answers it (`Guard.approve`) and then
resumes with any value; what is still unanswered then is refused. That needs a checkpointer.
The tool that runs is replaced by one that redeems first, so that arguments that another middleware
changed after the check are refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from .describing import Entry, entry
from .gate import Ask, Call, Gate, Refuse, RefusedError, Run, Session

try:
    from langchain.agents.middleware import AgentMiddleware
    from langchain_core.messages import ToolMessage
    from langchain_core.tools import BaseTool
    from langchain_core.utils.function_calling import convert_to_openai_function
    from langgraph.prebuilt import ToolNode
    from langgraph.prebuilt.tool_node import ToolCallRequest
    from langgraph.pregel import Pregel
    from langgraph.types import Command, interrupt
except ImportError as error:
    raise ImportError("LangChain is missing: pip install 'licet[langchain]'") from error


#: The call whose `ainvoke` is under way: that of a tool without a coroutine calls its `invoke`.
_REDEEMED: ContextVar[Call | None] = ContextVar("licet_redeemed", default=None)


class GuardMiddleware(AgentMiddleware[Any, Any]):
    """Guards every tool of an agent. Put it last in the list: then it sees what will run.

    With `interrupting=False` a call that needs a human is refused at once; its approval waits in
    `Guard.pending` all the same, and the call runs when it is made again with the same id.
    """

    def __init__(
        self, session: Session, *, interrupting: bool = True, seconds: float = 30.0
    ) -> None:
        super().__init__()
        self.gate = Gate(session, described, seconds=seconds)
        self.interrupting = interrupting

    def wrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]],
    ) -> ToolMessage | Command[Any]:
        name, args, id = _proposed(request)
        decision = self.gate.check(name, args, id=id, built=request.tool)
        if isinstance(decision, Ask) and self.interrupting:
            _ask(decision, args)
            decision = self.gate.check(name, args, id=id, built=request.tool)
        if not isinstance(decision, Run):
            return _refusal(decision, id)
        if request.tool is None:
            return _refusal(Refuse(name, f"{name} was not run: the agent has no such tool."), id)
        tool = _redeeming(request.tool, self.gate, decision)
        try:
            with self.gate.holding(decision):
                return handler(request.override(tool=tool))
        except RefusedError as refused:
            return _refusal(refused.decision, id)

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        name, args, id = _proposed(request)
        decision = await self.gate.acheck(name, args, id=id, built=request.tool)
        if isinstance(decision, Ask) and self.interrupting:
            _ask(decision, args)
            decision = await self.gate.acheck(name, args, id=id, built=request.tool)
        if not isinstance(decision, Run):
            return _refusal(decision, id)
        if request.tool is None:
            return _refusal(Refuse(name, f"{name} was not run: the agent has no such tool."), id)
        tool = _redeeming(request.tool, self.gate, decision)
        try:
            async with self.gate.aholding(decision):
                return await handler(request.override(tool=tool))
        except RefusedError as refused:
            return _refusal(refused.decision, id)


def tools_of(found: Any) -> list[BaseTool]:
    """The tools of an agent or a graph, a `ToolNode`, or one tool. Raises TypeError."""
    if isinstance(found, BaseTool):
        return [found]
    if isinstance(found, ToolNode):
        return list(found.tools_by_name.values())
    nodes = getattr(found, "nodes", None)
    if not isinstance(nodes, dict):
        raise TypeError(f"a {type(found).__name__} has no tools")
    inner = [getattr(node, "bound", getattr(node, "runnable", None)) for node in nodes.values()]
    graphs = [each for each in inner if isinstance(each, ToolNode | Pregel)]
    return [tool for graph in graphs for tool in tools_of(graph)]


def described(tool: BaseTool) -> Entry:
    """A tool as its model sees it: without what the graph injects."""
    told = convert_to_openai_function(tool)
    return entry(told["name"], told.get("description"), told.get("parameters", {}))


def _proposed(request: ToolCallRequest) -> tuple[str, dict[str, Any], str]:
    call = request.tool_call
    return call["name"], call["args"], call["id"] or ""


def _ask(ask: Ask, args: dict[str, Any]) -> None:
    """Stop the graph until somebody has answered. What it is resumed with decides nothing."""
    interrupt({"tool": ask.tool, "args": args, "approval": ask.approval, "message": ask.text})


def _refusal(decision: Refuse | Ask, id: str) -> ToolMessage:
    return ToolMessage(content=decision.text, name=decision.tool, tool_call_id=id, status="error")


def _redeeming(tool: BaseTool, gate: Gate, run: Run) -> BaseTool:
    """The tool, once, for the arguments that were allowed.

    A copy whose `invoke` redeems, before the tool's own parsing fills in defaults, and whose `_run`
    notes what the function itself answered, before it is made a message.
    """
    copy = tool.model_copy()
    running: list[Call] = []

    def note(answer: object) -> None:
        if running:
            pair = tool.response_format == "content_and_artifact"
            running[0].result = answer[0] if pair and isinstance(answer, tuple) else answer

    @wraps(tool.invoke)
    def invoke(input: Any, config: Any = None, **rest: Any) -> Any:
        if running and _REDEEMED.get() is running[0]:
            return type(tool).invoke(copy, input, config, **rest)
        given, injected = _split(tool, input["args"])
        with gate.running(run, given) as call:
            running[:] = [call]
            args = {**call.args, **injected}
            answer = type(tool).invoke(copy, {**input, "args": args}, config, **rest)
            call.failed = getattr(answer, "status", None) == "error"
        return answer

    @wraps(tool.ainvoke)
    async def ainvoke(input: Any, config: Any = None, **rest: Any) -> Any:
        given, injected = _split(tool, input["args"])
        async with gate.arunning(run, given) as call:
            running[:] = [call]
            args = {**call.args, **injected}
            inside = _REDEEMED.set(call)
            try:
                answer = await type(tool).ainvoke(copy, {**input, "args": args}, config, **rest)
            finally:
                _REDEEMED.reset(inside)
            call.failed = getattr(answer, "status", None) == "error"
        return answer

    run_plain, run_async = tool._run, tool._arun

    @wraps(run_plain)
    def noted(*args: Any, **kwargs: Any) -> Any:
        answer = run_plain(*args, **kwargs)
        note(answer)
        return answer

    @wraps(run_async)
    async def anoted(*args: Any, **kwargs: Any) -> Any:
        answer = await run_async(*args, **kwargs)
        note(answer)
        return answer

    for name, function in (
        ("invoke", invoke),
        ("ainvoke", ainvoke),
        ("_run", noted),
        ("_arun", anoted),
    ):
        object.__setattr__(copy, name, function)
    return copy


def _split(tool: BaseTool, args: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model's arguments, and what the graph put beside them (state, store, runtime)."""
    injected = _injected(tool)
    return (
        {name: value for name, value in args.items() if name not in injected},
        {name: value for name, value in args.items() if name in injected},
    )


def _injected(tool: BaseTool) -> frozenset[str]:
    """The parameters that a model neither sees nor sets."""
    hidden = tool._injected_args_keys
    shown: Any = tool.tool_call_schema
    if isinstance(shown, dict):
        return hidden
    whole: Any = tool.get_input_schema()
    return hidden | (set(whole.model_fields) - set(shown.model_fields))
