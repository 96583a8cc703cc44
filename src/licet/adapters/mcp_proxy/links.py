"""One client's connections to all servers, and what the servers say to that client unasked."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import anyio.abc
import mcp_types as types
from mcp import ClientSession, MCPError
from mcp.server import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ToolsListChanged,
)
from mcp.shared.message import ServerMessageMetadata

from .offers import Offer, Reviewer, named
from .upstreams import Callbacks, ServerAddress, Upstream

log = logging.getLogger("licet")

Context = ServerRequestContext[Any, Any]

#: How long a list of tools is taken as it was where a server does not say that it changed.
LISTED_SECONDS: Final = 10.0

_REFUSED = types.ErrorData(
    code=types.INVALID_REQUEST, message="this client cannot be asked from outside its own requests"
)


@dataclass(frozen=True)
class Asked:
    """What a client says that it can be asked for."""

    sampling: bool = False
    sampling_tools: bool = False
    elicitation: bool = False
    roots: bool = False

    @staticmethod
    def of(capabilities: types.ClientCapabilities | None) -> Asked:
        if capabilities is None:
            return Asked()
        sampling = capabilities.sampling
        return Asked(
            sampling is not None,
            sampling is not None and sampling.tools is not None,
            capabilities.elicitation is not None,
            capabilities.roots is not None,
        )


@dataclass
class Link:
    """`front` is the way to a client of the handshake protocols; None for one of 2026-07-28, which
    no server may ask anything of its own accord."""

    front: ServerSession | None
    reviewer: Reviewer
    list_seconds: float
    upstreams: dict[str, Upstream] = field(default_factory=dict)
    active: list[Context] = field(default_factory=list)
    bus: InMemorySubscriptionBus = field(default_factory=InMemorySubscriptionBus)
    _offers: dict[str, list[Offer]] = field(default_factory=dict)
    _named: dict[str, list[Offer]] = field(default_factory=dict)
    _lock: anyio.Lock = field(default_factory=lambda: anyio.Lock(fast_acquire=True))

    def __post_init__(self) -> None:
        self.listen = ListenHandler(self.bus)

    def open(
        self,
        addresses: Sequence[ServerAddress],
        asked: Asked,
        group: anyio.abc.TaskGroup,
        connect_seconds: float,
    ) -> None:
        tools = types.SamplingToolsCapability() if asked.sampling_tools else None
        callbacks = Callbacks(
            sampling=self._sample if asked.sampling else None,
            sampling_capabilities=types.SamplingCapability(tools=tools),
            elicitation=self._elicit if asked.elicitation else None,
            roots=self._roots if asked.roots else None,
            notified=self._notified,
        )
        for address in addresses:
            self.upstreams[address.name] = Upstream(address, callbacks, group, connect_seconds)

    def close(self) -> None:
        for upstream in self.upstreams.values():
            upstream.drop()
        self.listen.close()

    # --- tools

    async def offers(self, *, afresh: bool = False) -> list[Offer]:
        """The tools of all servers as they are known now; listed again where a server said that
        they changed or was reached anew, the list is old, or `afresh`. Raises UpstreamError."""
        await self._refresh(afresh=afresh)
        return [offer for offers in self._offers.values() for offer in offers]

    async def offered(self, name: str) -> list[Offer]:
        """Those that a name may mean, kept by name from one listing to the next. Raises
        UpstreamError."""
        await self._refresh()
        return self._named.get(name, [])

    async def _refresh(self, *, afresh: bool = False) -> None:
        async with self._lock:
            for name, upstream in self.upstreams.items():
                await upstream.client()
                old = time.monotonic() - upstream.listed > LISTED_SECONDS
                if afresh or old or upstream.stale or name not in self._offers:
                    await self._list(name, upstream)

    async def _list(self, name: str, upstream: Upstream) -> None:
        # Before the answer: a change that is told of meanwhile is not to be lost.
        upstream.stale = False
        try:
            listed = await upstream.tools(seconds=self.list_seconds)
        except BaseException:
            upstream.stale = True
            raise
        before = {(o.name, o.refused) for o in self._offers.get(name, ())}
        self._offers[name] = self.reviewer.offers(name, listed)
        self._named = named(offer for offers in self._offers.values() for offer in offers)
        for offer in self._offers[name]:
            if offer.refused and (offer.name, offer.refused) not in before:
                log.warning("tool `%s` of `%s` is refused: %s", offer.name, name, offer.refused)

    # --- what servers say unasked

    @contextmanager
    def serving(self, ctx: Context) -> Iterator[None]:
        """While a request of the client is under way, servers' questions go along with it."""
        self.active.append(ctx)
        try:
            yield
        finally:
            self.active.remove(ctx)

    async def _ask(self, request: Any, answer: type[Any]) -> Any:
        if self.front is None:
            return _REFUSED
        channel, metadata = self.front, None
        if self.active:
            ctx = self.active[-1]
            channel = ctx.session
            metadata = ServerMessageMetadata(related_request_id=ctx.request_id)
        try:
            return await channel.send_request(request, answer, metadata=metadata)
        except MCPError as error:
            return error.error

    async def _sample(self, _context: object, params: types.CreateMessageRequestParams) -> Any:
        answer = types.CreateMessageResultWithTools if params.tools else types.CreateMessageResult
        return await self._ask(types.CreateMessageRequest(params=params), answer)

    async def _elicit(self, _context: object, params: types.ElicitRequestParams) -> Any:
        return await self._ask(types.ElicitRequest(params=params), types.ElicitResult)

    async def _roots(self, _context: object) -> Any:
        return await self._ask(types.ListRootsRequest(), types.ListRootsResult)

    async def answer(self, session: ClientSession, request: types.InputRequest) -> Any:
        """A server's question within a call, asked of a client of the handshake protocols."""
        match request:
            case types.CreateMessageRequest(params=params):
                return await self._sample(session, params)
            case types.ElicitRequest(params=elicited):
                return await self._elicit(session, elicited)
            case types.ListRootsRequest():
                return await self._roots(session)

    async def _notified(self, _upstream: Upstream, message: Any) -> None:
        if isinstance(message, Exception | types.ProgressNotification):
            return  # progress goes along with its request
        if self.front is not None:
            await self.front.send_notification(message)
            return
        match message:
            case types.ToolListChangedNotification():
                await self.bus.publish(ToolsListChanged())
            case types.PromptListChangedNotification():
                await self.bus.publish(PromptsListChanged())
            case types.ResourceListChangedNotification():
                await self.bus.publish(ResourcesListChanged())
            case types.ResourceUpdatedNotification(params=params):
                await self.bus.publish(ResourceUpdated(uri=params.uri))
            case types.LoggingMessageNotification(params=said) if self.active:
                session = self.active[-1].session
                await session.send_log_message(said.level, said.data, said.logger)
            case _:
                pass
