"""The proxy: an MCP server in front, MCP clients behind, the guard between."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

import anyio
import anyio.abc
import mcp_types as types
from mcp import MCPError
from mcp.server import NotificationOptions, Server
from mcp.server.context import CallNext, HandlerResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from licet.verifier.guard import Guard

from .calls import Caller, Limits
from .forwarding import FORWARDED, fitting, forward, only
from .identities import Identity
from .links import Asked, Context, Link
from .offers import Reviewer, shown
from .stdio import streams
from .upstreams import ServerAddress, UpstreamError

log = logging.getLogger("licet")

#: Where the HTTP door leaves whose request it is.
IDENTITY_KEY: Final = "licet.identity"


class Proxy:
    """Serves the tools of `servers` under a guard.

    `identity` is who calls where no token says otherwise. `approver` (the fields of the policy's
    principal) is the person who answers the client's questions; None asks nobody there. With
    `tools_only`, resources, prompts and completions are not offered.

    Use `serving()` around whatever serves `server`: it holds the connections.
    """

    def __init__(
        self,
        guard: Guard,
        servers: Sequence[ServerAddress],
        *,
        identity: Identity | None = None,
        approver: Mapping[str, object] | None = None,
        limits: Limits | None = None,
        tools_only: bool = False,
    ) -> None:
        names = [server.name for server in servers]
        if not names or len(set(names)) < len(names):
            raise ValueError("servers have names of their own, and there is at least one")
        self._servers = tuple(servers)
        self._identity = identity
        self._limits = limits or Limits()
        self._whole = len(servers) == 1 and not tools_only
        self._reviewer = Reviewer(guard.program.catalog)
        self._caller = Caller(guard, self._limits, approver)
        self._modern: dict[tuple[str, Asked], Link] = {}
        self._group: anyio.abc.TaskGroup | None = None
        self.server = self._server()

    # --- life

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Hold the connections to the servers."""
        async with anyio.create_task_group() as group:
            self._group = group
            try:
                yield
            finally:
                self._caller.questions.close()
                for link in self._modern.values():
                    link.close()
                self._modern.clear()
                self._group = None
                group.cancel_scope.cancel()

    async def run_stdio(self) -> None:
        """Serve one client on standard input and output until it leaves."""
        async with self.serving(), streams() as (reading, writing):
            await self.server.run(reading, writing, self.server.create_initialization_options())

    # --- the server in front

    def _server(self) -> Server[Any]:
        server: Server[Any] = Server("licet", version=version("licet"))
        server.middleware.append(self._greeting)
        server.add_request_handler("tools/list", types.PaginatedRequestParams, self._list)
        server.add_request_handler("tools/call", types.CallToolRequestParams, self._call)
        server.add_request_handler("server/discover", types.RequestParams, self._discover)
        server.add_request_handler(
            "subscriptions/listen", types.SubscriptionsListenRequestParams, self._listen
        )
        if self._whole:
            for method, params in FORWARDED.items():
                server.add_request_handler(method, params, self._forward)
        server.add_notification_handler(
            "notifications/roots/list_changed", types.NotificationParams, self._roots_changed
        )
        return server

    async def _greeting(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """A handshake connects to the servers first: what the proxy can do is what they can."""
        if ctx.method != "initialize":
            return await call_next(ctx)
        connection = _connection(ctx)
        if "licet" in connection.state:
            raise MCPError(types.INVALID_REQUEST, "this connection is initialized already")
        result = await call_next(ctx)
        if not isinstance(result, dict):
            raise MCPError(types.INTERNAL_ERROR, "the handshake cannot be answered")
        given = types.InitializeRequestParams.model_validate(ctx.params or {}, by_name=False)
        link = self._open(ctx.session, Asked.of(given.capabilities))
        try:
            told = await self._told(link, None)
        except BaseException:
            link.close()
            raise
        connection.state["licet"] = link
        connection.exit_stack.callback(link.close)
        return {**result, **told}

    async def _discover(self, ctx: Context, _params: types.RequestParams) -> HandlerResult:
        return types.DiscoverResult.model_validate(
            {
                "supportedVersions": list(MODERN_PROTOCOL_VERSIONS),
                "resultType": "complete",
                "ttlMs": 0,
                "cacheScope": "private",
                **await self._told(self._link(ctx), ctx.protocol_version),
            },
            by_name=False,
        )

    async def _told(self, link: Link, version: str | None) -> dict[str, Any]:
        """The capabilities and instructions of the servers, as far as they are passed on."""
        try:
            sessions = [await upstream.session() for upstream in link.upstreams.values()]
        except UpstreamError as error:
            log.warning("%s", error)
            raise MCPError(types.INTERNAL_ERROR, str(error)) from None
        options = NotificationOptions(True, True, True)
        own = self.server.get_capabilities(options, protocol_version=version)
        theirs = sessions[0].server_capabilities or types.ServerCapabilities()
        own.tools = types.ToolsCapability(list_changed=True)
        for name in ("resources", "prompts", "completions", "logging"):
            if not self._whole or getattr(theirs, name) is None:
                setattr(own, name, None)
        if own.resources is not None and theirs.resources is not None and version is None:
            own.resources.subscribe = theirs.resources.subscribe
        told: dict[str, Any] = {
            "capabilities": own.model_dump(mode="json", by_alias=True, exclude_none=True)
        }
        said = [s.instructions for s in sessions if s.instructions]
        if said:
            told["instructions"] = "\n\n".join(said)
        return told

    # --- whose request, and over which connections

    def _whose(self, ctx: Context) -> Identity:
        """Who calls: by the token that the HTTP door has read, else as configured."""
        scope = getattr(ctx.request, "scope", None)
        found = scope.get(IDENTITY_KEY) if isinstance(scope, Mapping) else self._identity
        if not isinstance(found, Identity):
            raise MCPError(types.INVALID_REQUEST, "it is not known who calls")
        return found

    def _open(self, front: Any, asked: Asked) -> Link:
        if self._group is None:
            raise RuntimeError("the proxy is not serving")
        link = Link(front, self._reviewer, self._limits.connect)
        link.open(self._servers, asked, self._group, self._limits.connect)
        return link

    def _link(self, ctx: Context) -> Link:
        if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            link = _connection(ctx).state.get("licet")
            if not isinstance(link, Link):
                raise MCPError(types.INVALID_REQUEST, "initialize first")
            return link
        key = (self._whose(ctx).key, Asked.of(ctx.session.client_capabilities))
        if key not in self._modern:
            self._modern[key] = self._open(None, key[1])
        return self._modern[key]

    # --- requests

    async def _list(self, ctx: Context, _params: types.PaginatedRequestParams) -> HandlerResult:
        try:
            offers = await self._link(ctx).offers(afresh=True)
        except UpstreamError as error:
            log.warning("%s", error)
            raise MCPError(types.INTERNAL_ERROR, str(error)) from None
        return types.ListToolsResult(tools=shown(offers), ttl_ms=0, cache_scope="private")

    async def _call(self, ctx: Context, params: types.CallToolRequestParams) -> HandlerResult:
        answer = await self._caller.call(ctx, self._link(ctx), self._whose(ctx), params)
        return fitting(ctx, answer) if isinstance(answer, dict) else answer

    async def _forward(self, ctx: Context, _params: types.RequestParams) -> HandlerResult:
        return await forward(ctx, self._link(ctx), seconds=self._limits.call)

    async def _listen(
        self, ctx: Context, params: types.SubscriptionsListenRequestParams
    ) -> HandlerResult:
        link = self._link(ctx)
        for uri in params.notifications.resource_subscriptions or ():
            upstream = only(link)
            if (await upstream.session()).protocol_version not in MODERN_PROTOCOL_VERSIONS:
                await upstream.request(
                    "resources/subscribe", {"uri": uri}, seconds=self._limits.call
                )
        return await link.listen(ctx, params)

    async def _roots_changed(self, ctx: Context, _params: types.NotificationParams) -> None:
        for upstream in self._link(ctx).upstreams.values():
            await upstream.notify(types.RootsListChangedNotification())


def _connection(ctx: Context) -> Any:
    """The client's connection. The SDK keeps it behind the session, under no public name."""
    return ctx.session._connection
