"""Microsoft agent-framework: `Agent(…, middleware=[GuardMiddleware(session)])`.

The check is a function middleware; redeeming is in the tool's own `invoke`, behind every other
middleware. A refusal is the call's result. A call that a human has to agree to becomes a
`function_approval_request`, with the approval's id in its `additional_properties["approval"]`, for
the host: answer the guard (`Guard.approve`), then run on with `to_function_approval_response`. What
the guard does not know to be approved is refused then.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

from pydantic_core import to_jsonable_python

from licet.adapters import feedback

from .describing import Entry, entry
from .gate import Ask, Gate, Refuse, RefusedError, Run, Session

try:
    from agent_framework import (
        Agent,
        Content,
        FunctionInvocationContext,
        FunctionMiddleware,
        FunctionTool,
    )
except ImportError as error:
    raise ImportError(
        "Microsoft agent-framework is missing: pip install 'licet[agent-framework]'"
    ) from error

#: What was allowed for an invocation that is under way, and by which gate.
_allowed: WeakKeyDictionary[Any, tuple[Gate, Run]] = WeakKeyDictionary()
_lock = threading.Lock()
_MARK = "_licet_redeems"


class GuardMiddleware(FunctionMiddleware):
    """Guards every function tool of an agent, those of its MCP servers included. Put it last in
    the list: then it sees what will run. What a provider runs itself does not pass here.

    With `asking=False` a call that needs a human is refused at once; its approval waits in
    `Guard.pending` all the same.
    """

    def __init__(self, session: Session, *, asking: bool = True, seconds: float = 30.0) -> None:
        self.gate = Gate(session, described, seconds=seconds)
        self.asking = asking

    async def process(
        self, context: FunctionInvocationContext, call_next: Callable[[], Awaitable[None]]
    ) -> None:
        name, id = context.function.name, str(context.metadata["call_id"])
        args = _plain(context.arguments)
        decision = await self.gate.acheck(name, args, id=id, built=context.function)
        if isinstance(decision, Run):
            _redeem_in(context.function)
            with _lock:
                _allowed[context] = (self.gate, decision)
            try:
                async with self.gate.aholding(decision):
                    await call_next()
            except RefusedError as refused:
                context.result = str(refused)
        elif (
            isinstance(decision, Ask)
            and self.asking
            and "approval_response" not in context.metadata
        ):
            context.result = _request(context, id, args, decision)
        else:
            context.result = decision.text


def tools_of(found: Any) -> list[FunctionTool]:
    """The function tools of an agent, those of its connected MCP servers included, or one tool.
    Raises TypeError."""
    if isinstance(found, FunctionTool):
        return [found]
    if not isinstance(found, Agent):
        raise TypeError(f"a {type(found).__name__} has no tools")
    served = [tool for server in found.mcp_tools for tool in server.functions]
    own = found.default_options.get("tools", [])
    return [tool for tool in (*own, *served) if isinstance(tool, FunctionTool)]


def described(tool: FunctionTool) -> Entry:
    """A tool as its model sees it."""
    return entry(tool.name, tool.description, tool.parameters())


def _request(
    context: FunctionInvocationContext, id: str, args: dict[str, Any], ask: Ask
) -> Content:
    occurrence = context.metadata.get("function_call_occurrence_id")
    call = Content.from_function_call(id, ask.tool, arguments=args, id=occurrence)
    return Content.from_function_approval_request(
        occurrence or id, call, additional_properties={"approval": ask.approval}
    )


def _redeem_in(tool: FunctionTool) -> None:
    """Let the tool redeem where it is invoked by a guarded agent; elsewhere it is as it was.

    The framework keeps the tool itself, and no copy of it, for the end of its chain.
    """
    with _lock:
        if getattr(tool, _MARK, False):
            return
        invoke: Any = tool.invoke

        @wraps(invoke)
        async def redeeming(*, arguments: Any = None, context: Any = None, **rest: Any) -> Any:
            with _lock:
                allowed = None if context is None else _allowed.get(context)
            if allowed is None:
                return await invoke(arguments=arguments, context=context, **rest)
            gate, run = allowed
            given = _plain(context.arguments if arguments is None else arguments)
            if tool.name != run.tool:
                raise RefusedError(Refuse(tool.name, feedback.altered(tool.name)))
            async with gate.arunning(run, given) as call:
                # The validated objects, whose plain form is what was allowed.
                answer = await invoke(arguments=arguments, context=context, **rest)
                call.result = _told(answer)
            return answer

        setattr(tool, "invoke", redeeming)  # noqa: B010
        setattr(tool, _MARK, True)


def _plain(args: Any) -> dict[str, Any]:
    """Validated arguments as the JSON that rules are written about."""
    if isinstance(args, Mapping):
        return {str(name): _plain_value(value) for name, value in args.items()}
    return dict(args.model_dump(mode="json", exclude_unset=True))


def _plain_value(value: Any) -> Any:
    return value if isinstance(value, str | int | float | None) else to_jsonable_python(value)


def _told(answer: Any) -> Any:
    """What a tool answered: its text where it is nothing but one."""
    if isinstance(answer, list) and len(answer) == 1 and getattr(answer[0], "type", "") == "text":
        return answer[0].text
    return to_jsonable_python(answer, fallback=str)
