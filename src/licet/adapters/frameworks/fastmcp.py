"""FastMCP servers: `FastMCP(…, middleware=[GuardMiddleware(session)])`.

The check is `on_call_tool`; redeeming is around the tool itself, behind every other middleware,
transform and extension. A refusal is a `ToolError`. A call that a human has to agree to is asked
about at the client: by `elicitation/create`, or by an `InputRequiredResult` in 2026-07-28, whose
state is a random name that is good once. Whose word the client's is, is said by `approver`; where
nobody is named, a yes makes the guard be asked again, and nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from licet.adapters import feedback
from licet.compiler.exact_json import canonical
from licet.verifier.approvals import ApprovalError

from .bounding import abounded
from .describing import Entry, entry
from .gate import Ask, Gate, Refuse, RefusedError, Run, Session

try:
    import anyio
    import mcp_types as types
    from fastmcp import FastMCP
    from fastmcp.exceptions import ToolError
    from fastmcp.server.dependencies import bind_request_context
    from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
    from fastmcp.tools.base import InputRequiredToolResult, Tool, ToolResult
    from mcp_types.version import MODERN_PROTOCOL_VERSIONS

    from licet.adapters.mcp_proxy import asking
    from licet.adapters.mcp_proxy.questions import STALE, Questions

    from .fastmcp_calls import Held, holding, is_within, stand_around_tools
except ImportError as error:
    raise ImportError("FastMCP is missing: pip install 'licet[fastmcp]'") from error

log = logging.getLogger("licet")

#: Sessions whose repeated refusals are counted, the oldest forgotten first.
MOST_SESSIONS: Final = 1_000

Context = MiddlewareContext[types.CallToolRequestParams]


@dataclass(frozen=True)
class _Awaited:
    """An approval that somebody at the client was asked for, and the id of the call."""

    approval: str
    id: str


#: What of a request's params belongs to a question, under either name that the framework reads.
_ROUNDS: Final = ("requestState", "request_state", "inputResponses", "input_responses")


class GuardMiddleware(Middleware):
    """Guards every tool of a server, those of mounted and proxied servers included. Put it last in
    the list: what an earlier one answers itself, from a cache say, is not checked.

    `session`: whose calls these are; or, for a server of many clients, a function that says it of
    each call (by `get_access_token()`, say), with the same session id for the same client.
    `approver`: the principal who answers the client's questions, where that is a person and not the
    agent. With `asking=False` a call that needs a human is refused at once; its approval waits in
    `Guard.pending` all the same. `answer_seconds`: how long a question stays open.
    """

    def __init__(
        self,
        session: Session | Callable[[Context], Session],
        *,
        approver: Mapping[str, object] | None = None,
        asking: bool = True,
        seconds: float = 30.0,
        answer_seconds: float = 300.0,
    ) -> None:
        self.session = session
        self.approver = approver
        self.asking = asking
        self.seconds = seconds
        self.answer_seconds = answer_seconds
        self._gates: OrderedDict[int, Gate] = OrderedDict()
        self._lock = threading.Lock()
        self._questions: Questions[_Awaited | Held] = Questions(answer_seconds, self._dropped)
        self._late: set[asyncio.Task[None]] = set()

    async def on_call_tool(
        self, context: Context, call_next: CallNext[types.CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        name, args = context.message.name, dict(context.message.arguments or {})
        try:
            key, gate = self._gate(context)
            begun = await self._begun(context, key, gate, name, args)
        except RefusedError as refused:
            raise ToolError(str(refused)) from None
        except ToolError:
            raise
        except Exception:
            log.exception("a call could not be guarded; it is refused")
            raise ToolError(feedback.unavailable(name)) from None
        if isinstance(begun, InputRequiredToolResult):
            return begun
        return await self._ran(context, call_next, begun, key, name, args)

    async def _begun(
        self, context: Context, key: str, gate: Gate, name: str, args: dict[str, Any]
    ) -> Held | InputRequiredToolResult:
        """A call that may run, or the question that comes first. Raises RefusedError."""
        request = _request(context)
        within = is_within(request)
        message = context.message
        if (message.request_state, message.input_responses) != (None, None) and (
            # A call within another finds that one's answers in its request.
            not within or self._questions.knows(message.request_state)
        ):
            return await self._resumed(context, key, gate, name, args)
        id = secrets.token_urlsafe(12) if within or request is None else _id(context)
        decision = await gate.acheck(name, args, id=id)
        if isinstance(decision, Run):
            return Held(gate, decision)
        if isinstance(decision, Ask) and self.asking and request is not None:
            return await self._asked(context, key, gate, decision, args, id)
        raise RefusedError(decision)

    # --- asking

    async def _asked(
        self, context: Context, key: str, gate: Gate, ask: Ask, args: dict[str, Any], id: str
    ) -> Held | InputRequiredToolResult:
        request = _request(context)
        reason = f"{ask.text}\n\nThis is approval {ask.approval}."
        question = asking.question(reason, ask.tool, args)
        if question is None or not asking.can_be_asked(request.session.client_capabilities):
            raise RefusedError(ask)
        if request.protocol_version in MODERN_PROTOCOL_VERSIONS:
            state = self._questions.ask(key, ask.tool, args, _Awaited(ask.approval, id))
            return InputRequiredToolResult(
                types.InputRequiredResult(
                    input_requests={asking.APPROVAL: types.ElicitRequest(params=question)},
                    request_state=state,
                )
            )
        answer: object = None
        try:
            with anyio.move_on_after(self.answer_seconds):
                answer = await request.session.elicit_form(
                    question.message,
                    question.requested_schema,
                    related_request_id=request.request_id,
                )
        except Exception as error:
            log.warning("nobody at the client could be asked: %s", error)
        return await self._answered(gate, ask.tool, args, _Awaited(ask.approval, id), answer)

    async def _answered(
        self, gate: Gate, name: str, args: dict[str, Any], about: _Awaited, answer: object
    ) -> Held:
        """Hand on what somebody said, and ask the guard again. Raises RefusedError."""
        agrees = asking.agreement(answer)
        if agrees is not None and self.approver is not None:
            guard: Any = gate.session.guard
            say = guard.approve if agrees else guard.reject
            try:
                saying = asyncio.to_thread(say, about.approval, approver=self.approver)
                await abounded(saying, self.seconds)
            except ApprovalError as error:
                log.warning("an answer to approval %s does not count: %s", about.approval, error)
        decision = await gate.acheck(name, args, id=about.id)
        if agrees and isinstance(decision, Run):
            return Held(gate, decision)
        if isinstance(decision, Run):  # somebody else has agreed; at the client nobody has
            raise RefusedError(Refuse(name, f"{name} was not run: nobody at the client agreed."))
        raise RefusedError(decision)

    async def _resumed(
        self, context: Context, key: str, gate: Gate, name: str, args: dict[str, Any]
    ) -> Held:
        message = context.message
        match self._questions.answered(message.request_state, key, name, args):
            case _Awaited() as about:
                answer = (message.input_responses or {}).get(asking.APPROVAL)
                return await self._answered(gate, name, args, about, answer)
            case Held() as held:
                return held
            case None:
                raise ToolError(STALE)

    # --- running

    async def _ran(
        self,
        context: Context,
        call_next: CallNext[types.CallToolRequestParams, ToolResult],
        held: Held,
        key: str,
        name: str,
        args: dict[str, Any],
    ) -> ToolResult:
        """One round of a call. What its tool asks is the client's to answer, under a name of ours:
        so that no other call can go on with it."""
        held.reached = False
        goes_on = False
        try:
            answer = await self._called(context, call_next, held)
            if held.opened is None or not isinstance(answer, InputRequiredToolResult):
                return answer
            held.state = answer.input_required.request_state
            state = self._questions.ask(key, name, args, held)
            goes_on = True
            return InputRequiredToolResult(
                answer.input_required.model_copy(update={"request_state": state})
            )
        finally:
            if not goes_on:
                await held.give_up()

    async def _called(
        self,
        context: Context,
        call_next: CallNext[types.CallToolRequestParams, ToolResult],
        held: Held,
    ) -> ToolResult:
        """Hand a call on without what was said to the guard: a tool of another server would be sent
        it, since a proxy passes on whatever its request holds."""
        if context.fastmcp_context is None:
            raise ToolError(feedback.unavailable(context.message.name))
        stand_around_tools(context.fastmcp_context.fastmcp)
        responses = context.message.input_responses if held.opened is not None else None
        told = {"request_state": held.state, "input_responses": responses}
        onward = context.copy(message=context.message.model_copy(update=told))
        request = _request(context)
        with holding(held):
            if request is None:
                return await call_next(onward)
            given = request._srctx.params or {}
            params = {name: value for name, value in given.items() if name not in _ROUNDS}
            if responses is not None:
                params["inputResponses"] = given.get("inputResponses")
            if held.state is not None:
                params["requestState"] = held.state
            with bind_request_context(replace(request._srctx, params=params)) as bound:
                held.request = bound
                return await call_next(onward)

    # --- whose call

    def _gate(self, context: Context) -> tuple[str, Gate]:
        """Who the answers to a question have to come from, and the gate of their session."""
        session = self.session(context) if callable(self.session) else self.session
        who = [_plain(getattr(session, each, None)) for each in ("tenant", "principal", "session")]
        with self._lock:
            gate = self._gates.pop(id(session), None)
            if gate is None or gate.session is not session:
                gate = Gate(session, described, seconds=self.seconds)
            self._gates[id(session)] = gate
            if len(self._gates) > MOST_SESSIONS:
                self._gates.popitem(last=False)
        return hashlib.sha256(canonical(who)).hexdigest(), gate

    def _dropped(self, about: _Awaited | Held) -> None:
        """A question that nobody answered."""
        if isinstance(about, Held):
            task = asyncio.ensure_future(about.give_up())
            self._late.add(task)
            task.add_done_callback(self._late.discard)


def tools_of(found: Any) -> list[Tool]:
    """The tools of a server, those of mounted and proxied ones included, or one tool. Raises
    TypeError."""
    if isinstance(found, Tool):
        return [found]
    if not isinstance(found, FastMCP):
        raise TypeError(f"a {type(found).__name__} has no tools")
    return list(asyncio.run(found.list_tools(run_middleware=False)))


def described(tool: Tool) -> Entry:
    """A tool as its clients see it."""
    return entry(tool.name, tool.description, tool.parameters)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _request(context: Context) -> Any:
    """The request of the protocol that a call came with; None of a call that a program makes."""
    found = context.fastmcp_context
    return None if found is None else found.request_context


def _id(context: Context) -> str:
    """The protocol's id of a call is one of its connection; in 2026-07-28 each call has its own."""
    found: Any = context.fastmcp_context
    named = f"{found.session_id}\0{found.request_context.request_id}"
    return hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()
