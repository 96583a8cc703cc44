"""One `tools/call` through the guard: checked, asked about where a rule wants that, redeemed right
before it is passed on, settled with what came of it.

Whatever goes wrong before the server is asked is a refusal. What goes wrong afterwards is told as
it is: the call may have run, and what it reserved stays spent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import anyio
import mcp_types as types
from mcp import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import TypeAdapter

from licet.adapters.feedback import Feedbacks, unavailable
from licet.compiler.exact_json import shortened
from licet.verifier.approvals import ApprovalError
from licet.verifier.guard import Guard
from licet.verifier.redeeming import Ending, RedeemError, SettleError
from licet.verifier.tickets import Ticket
from licet.verifier.verdict import Verdict

from . import asking
from .forwarding import meta_of, progress_of
from .identities import Identity
from .links import Context, Link
from .offers import Offer
from .questions import STALE, Questions
from .upstreams import Upstream, UpstreamError

log = logging.getLogger("licet")

MOST_ROUNDS: Final = 10
_REQUESTS: Final[TypeAdapter[dict[str, Any]]] = TypeAdapter(types.InputRequests)
Answer = types.CallToolResult | types.InputRequiredResult | dict[str, Any]


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """The call does not run; the text is for the model."""


@dataclass(frozen=True)
class Limits:
    """In seconds. `check` bounds the guard's part, `call` a server's, `answer` a person's."""

    check: float = 30.0
    call: float = 300.0
    answer: float = 300.0
    connect: float = 30.0


@dataclass(frozen=True)
class Awaited:
    """An approval that somebody at the client was asked for."""

    approval: str


@dataclass(frozen=True)
class Paused:
    """A call that runs, whose server wants to know more."""

    ticket: Ticket
    tool: str
    args: Mapping[str, Any]
    upstream: Upstream
    state: str | None


class Caller:
    """Guards the calls of all clients. `approver` is whoever answers the client's questions."""

    def __init__(
        self, guard: Guard, limits: Limits, approver: Mapping[str, object] | None = None
    ) -> None:
        self._guard = guard
        self._limits = limits
        self._approver = approver
        self._late: set[asyncio.Task[None]] = set()
        self._feedbacks = Feedbacks()
        self.questions: Questions[Awaited | Paused] = Questions(limits.answer, self._dropped)

    async def call(
        self, ctx: Context, link: Link, identity: Identity, params: types.CallToolRequestParams
    ) -> Answer:
        """What the client is told of one call. Raises MCPError where the server answers so."""
        try:
            if params.task is not None:
                raise Refusal("A call as a task is not passed on: call the tool plainly.")
            with link.serving(ctx):
                return await self._call(ctx, link, identity, params)
        except Refusal as refusal:
            return refused(str(refusal))
        except MCPError:
            raise
        except UpstreamError as error:
            log.warning("%s", error)
            return refused(f"The call was not made: {error}. It may be tried again later.")
        except Exception:
            log.exception("a call could not be guarded")
            return refused(unavailable(params.name))

    async def _call(
        self, ctx: Context, link: Link, identity: Identity, params: types.CallToolRequestParams
    ) -> Answer:
        args = dict(params.arguments or {})
        if params.request_state is not None or params.input_responses is not None:
            return await self._resumed(ctx, link, identity, params, args)
        offer = await self._offer(link, identity, params.name, args)
        return await self._decide(ctx, link, identity, offer, params.name, args)

    # --- which tool

    async def _offer(
        self, link: Link, identity: Identity, name: str, args: Mapping[str, Any]
    ) -> Offer:
        """The one tool that a name means, and that may be called at all. Raises Refusal."""
        found = await link.offered(name)
        if len(found) > 1:
            qualified = " or ".join(sorted({f"`{o.server}.{o.name}`" for o in found}))
            raise Refusal(f"{shortened(name)} was refused: it may mean several tools. {qualified}?")
        if not found or found[0].qualified is None:
            # The guard says it, and writes it down; whatever it says, there is nothing to call.
            verdict = await self._check(identity, name, args)
            await self._abandon(verdict)
            if verdict.allowed:
                raise Refusal(f"{shortened(name)} was refused: no server has this tool now.")
            raise Refusal(self._said(identity, verdict))
        if found[0].refused:
            raise Refusal(
                f"{shortened(name)} was refused: {found[0].refused}. Do not repeat this call; it "
                "is denied until somebody has reviewed and locked it again."
            )
        return found[0]

    # --- check

    async def _check(self, identity: Identity, tool: str, args: Mapping[str, Any]) -> Verdict:
        session = self._guard.session(
            principal=identity.principal, context=identity.context, session=identity.session
        )
        try:
            with anyio.fail_after(self._limits.check):
                return await session.acheck(tool, args)
        except TimeoutError:
            log.error("the guard did not decide a call of %r in time", tool)
            raise Refusal(unavailable(tool)) from None

    def _said(self, identity: Identity, verdict: Verdict) -> str:
        """What the model reads of a call that may not run now."""
        text = self._feedbacks.of(identity.key).text(verdict)
        if verdict.outcome != "escalate" or verdict.approval is None:
            return text
        return (
            f"{text} Approval {verdict.approval} waits for somebody's answer: make exactly the "
            "same call again once it is given."
        )

    async def _decide(
        self,
        ctx: Context,
        link: Link,
        identity: Identity,
        offer: Offer,
        name: str,
        args: dict[str, Any],
        *,
        ask: bool = True,
    ) -> Answer:
        assert offer.qualified is not None
        verdict = await self._check(identity, offer.qualified, args)
        if verdict.allowed:
            return await self._run(ctx, link, identity, offer, name, verdict.ticket, args)
        asks = ask and self._approver is not None and verdict.outcome == "escalate"
        if not asks or verdict.approval is None:
            raise Refusal(self._said(identity, verdict))
        question = asking.question(verdict.message, name, args)
        if question is None or not asking.can_be_asked(ctx.session.client_capabilities):
            raise Refusal(self._said(identity, verdict))
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            state = self.questions.ask(identity.key, name, args, Awaited(verdict.approval))
            return types.InputRequiredResult(
                input_requests={asking.APPROVAL: types.ElicitRequest(params=question)},
                request_state=state,
            )
        answer: object = None
        with anyio.move_on_after(self._limits.answer):
            answer = await ctx.session.elicit_form(
                question.message, question.requested_schema, related_request_id=ctx.request_id
            )
        await self._answered(verdict.approval, answer)
        return await self._decide(ctx, link, identity, offer, name, args, ask=False)

    async def _answered(self, approval: str, answer: object) -> None:
        """Hand on what somebody said, if it counts: the guard is asked again in any case."""
        assert self._approver is not None
        agrees = asking.agreement(answer)
        if agrees is None:
            return
        say = self._guard.approve if agrees else self._guard.reject
        try:
            await asyncio.to_thread(say, approval, approver=self._approver)
        except ApprovalError as error:
            log.warning("an answer to approval %s does not count: %s", approval, error)

    # --- run

    async def _run(
        self,
        ctx: Context,
        link: Link,
        identity: Identity,
        offer: Offer,
        name: str,
        ticket: Ticket | None,
        args: dict[str, Any],
    ) -> Answer:
        try:
            with anyio.fail_after(self._limits.check):
                running = await self._guard.aredeem(ticket, args)
        except RedeemError as error:
            log.warning("a call of `%s` could not be redeemed: %s", offer.qualified, error)
            raise Refusal(
                f"{shortened(name)} was refused: what was allowed a moment ago is not any more. "
                "It may be tried again."
            ) from None
        except BaseException:
            if ticket is not None:
                await self._settle(ticket, "cancelled")
            raise
        assert ticket is not None
        upstream = link.upstreams[offer.server]
        asked = {"name": offer.name, "arguments": running.args}
        return await self._forward(
            ctx,
            link,
            identity,
            name,
            args,
            Paused(ticket, offer.name, running.args, upstream, None),
            asked,
        )

    async def _forward(
        self,
        ctx: Context,
        link: Link,
        identity: Identity,
        name: str,
        args: dict[str, Any],
        call: Paused,
        asked: dict[str, Any],
    ) -> Answer:
        """Pass a redeemed call on, and settle it however it ends."""
        ending: Ending | None = "cancelled"
        result: object = None
        try:
            answer = await self._ask(ctx, call.upstream, asked)
            for _ in range(MOST_ROUNDS):
                if answer.get("resultType") != "input_required":
                    break
                if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
                    ending = None  # it goes on
                    about = replace(call, state=answer.get("requestState"))
                    state = self.questions.ask(identity.key, name, args, about)
                    return {**answer, "requestState": state}
                answer = await self._rounds(ctx, link, call.upstream, asked, answer)
            else:
                raise Refusal("The server went on asking; the call was given up and may have run.")
            if answer.get("isError") is True:
                ending = "error"
            else:
                ending, result = "ok", told(answer)
            return answer
        except (MCPError, Refusal):
            # An error of the protocol is not the tool's word that it has done nothing.
            raise
        except UpstreamError as error:
            log.warning("%s", error)
            raise Refusal(
                f"{error}. The call may have run: find out before it is made again."
            ) from None
        except Exception:
            log.exception("an answer of `%s` could not be read", name)
            raise Refusal(
                "The server's answer cannot be read. The call may have run: find out before it is "
                "made again."
            ) from None
        finally:
            if ending is not None:
                await self._settle(call.ticket, ending, result)

    async def _ask(
        self, ctx: Context, upstream: Upstream, asked: Mapping[str, Any]
    ) -> dict[str, Any]:
        params = {**asked, **meta_of(ctx)}
        return await upstream.request(
            "tools/call", params, seconds=self._limits.call, on_progress=progress_of(ctx)
        )

    async def _rounds(
        self,
        ctx: Context,
        link: Link,
        upstream: Upstream,
        asked: Mapping[str, Any],
        answer: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Ask a client of the handshake protocols what a newer server wants to know."""
        requests = _REQUESTS.validate_python(answer.get("inputRequests") or {})
        responses: dict[str, Any] = {}
        for key, request in requests.items():
            said = await link.answer(await upstream.session(), request)
            if isinstance(said, types.ErrorData):
                raise Refusal("The server asked what the client does not answer.")
            responses[key] = said.model_dump(mode="json", by_alias=True, exclude_none=True)
        more: dict[str, Any] = {"inputResponses": responses}
        if answer.get("requestState") is not None:
            more["requestState"] = answer["requestState"]
        return await self._ask(ctx, upstream, {**asked, **more})

    # --- going on after a question

    async def _resumed(
        self,
        ctx: Context,
        link: Link,
        identity: Identity,
        params: types.CallToolRequestParams,
        args: dict[str, Any],
    ) -> Answer:
        about = self.questions.answered(params.request_state, identity.key, params.name, args)
        responses = params.input_responses or {}
        match about:
            case Awaited(approval):
                offer = await self._offer(link, identity, params.name, args)
                await self._answered(approval, responses.get(asking.APPROVAL))
                return await self._decide(ctx, link, identity, offer, params.name, args, ask=False)
            case Paused():
                asked: dict[str, Any] = {
                    "name": about.tool,
                    "arguments": dict(about.args),
                    "inputResponses": {
                        key: said.model_dump(mode="json", by_alias=True, exclude_none=True)
                        for key, said in responses.items()
                    },
                }
                if about.state is not None:
                    asked["requestState"] = about.state
                return await self._forward(ctx, link, identity, params.name, args, about, asked)
            case None:
                raise Refusal(STALE)

    # --- settle

    async def _settle(self, ticket: Ticket, ending: Ending, result: object = None) -> None:
        """Say how a call ended, even while the client's request is being cancelled."""
        with anyio.move_on_after(self._limits.check, shield=True):
            try:
                await self._guard.asettle(ticket, ending, result)
            except SettleError as odd:
                log.warning("%s", odd)
            except Exception:  # it has run: what is not written down stays spent
                log.exception("how a call ended could not be written down")

    async def _abandon(self, verdict: Verdict) -> None:
        if verdict.ticket is not None:
            await self._settle(verdict.ticket, "cancelled")

    def _dropped(self, about: Awaited | Paused) -> None:
        """A question that nobody answered: the call may have run."""
        if isinstance(about, Paused):
            task = asyncio.ensure_future(self._settle(about.ticket, "cancelled"))
            self._late.add(task)
            task.add_done_callback(self._late.discard)


def refused(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)


def told(answer: Mapping[str, Any]) -> object:
    """What a tool answered, as the history keeps it: the structured result, else its one text, else
    its texts. Pictures and sounds are left out."""
    if answer.get("structuredContent") is not None:
        return answer["structuredContent"]
    texts = [part.get("text") for part in answer.get("content", ()) if part.get("type") == "text"]
    return texts[0] if len(texts) == 1 else texts
