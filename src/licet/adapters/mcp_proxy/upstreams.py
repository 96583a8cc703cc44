"""The servers behind the proxy: a connection each, in its own task, made again after it fails."""

from __future__ import annotations

import logging
import os
import re
import shlex
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import anyio.abc
import httpx2
import mcp_types as types
from mcp import Client, ClientSession, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import TypeAdapter

from licet.adapters.catalogs.tool_lists import MAX_TOOLS

log = logging.getLogger("licet")

MAX_PAGES: Final = 1_000
#: Results as data; the SDK checks them against the protocol on the way.
RAW: Final[Any] = TypeAdapter(dict[str, Any])

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class UpstreamError(Exception):
    """A server that is not there, or went away. `sent`: it may have got the request."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(frozen=True)
class ServerAddress:
    """A server and the name that qualifies its tools.

    `command` with its arguments starts it over stdio, with the variables that `env` names handed
    on; `url` is streamable HTTP, with the bearer token in the variable that `token_env` names.
    """

    name: str
    command: tuple[str, ...] = ()
    url: str | None = None
    env: tuple[str, ...] = ()
    token_env: str | None = None

    @staticmethod
    def parse(
        text: str, *, env: tuple[str, ...] = (), tokens: Mapping[str, str] | None = None
    ) -> ServerAddress:
        """`NAME=COMMAND …` or `NAME=https://…`. Raises ValueError."""
        name, equals, where = text.partition("=")
        if not equals or not where.strip():
            raise ValueError(f"a server is NAME=COMMAND or NAME=https://…, not `{text}`")
        if not _NAME.fullmatch(name):
            raise ValueError(f"`{name}` is no name for a server: letters, digits, `_` and `-`")
        if where.startswith(("https://", "http://")):
            return ServerAddress(name, url=where, token_env=(tokens or {}).get(name))
        command = tuple(shlex.split(where))
        if not command:
            raise ValueError(f"server `{name}` has no command")
        return ServerAddress(name, command, env=env)


@dataclass
class Callbacks:
    """What a server may ask of the client; None where the client cannot be asked."""

    sampling: Any = None
    sampling_capabilities: types.SamplingCapability | None = None
    elicitation: Any = None
    roots: Any = None
    logging: Any = None
    notified: Callable[[Upstream, Any], Any] | None = None


@dataclass
class Upstream:
    """One connection to one server, for one client. Every failure is an UpstreamError, but for the
    server's own errors (MCPError)."""

    address: ServerAddress
    callbacks: Callbacks
    group: anyio.abc.TaskGroup
    connect_seconds: float
    stale: bool = True
    listed: float = 0.0
    _client: Client | None = None
    _stop: anyio.Event = field(default_factory=anyio.Event)
    _lock: anyio.Lock = field(default_factory=lambda: anyio.Lock(fast_acquire=True))

    async def client(self) -> Client:
        """The connection, made if there is none."""
        async with self._lock:
            if self._client is None:
                self._stop = anyio.Event()
                self.stale = True
                try:
                    with anyio.fail_after(self.connect_seconds):
                        self._client = await self.group.start(self._serve, self._stop)
                except TimeoutError:
                    text = f"server `{self.address.name}` cannot be reached: it does not answer"
                    raise UpstreamError(text, sent=False) from None
            return self._client

    async def session(self) -> ClientSession:
        return (await self.client()).session

    async def _serve(self, stop: anyio.Event, *, task_status: anyio.abc.TaskStatus[Client]) -> None:
        """Hold the connection open. What goes wrong before it stands is the starter's; later, the
        next request's."""
        started = False
        try:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(self._make())
                started = True
                task_status.started(client)
                async with anyio.create_task_group() as listening:
                    listening.start_soon(self._listen, client)
                    await stop.wait()
                    listening.cancel_scope.cancel()
        except Exception as error:
            if not started:
                text = f"server `{self.address.name}` cannot be reached: {_reason(error)}"
                raise UpstreamError(text, sent=False) from error
            log.warning("server `%s` went away: %s", self.address.name, _reason(error))
        finally:
            if started and self._stop is stop:
                self._client = None

    async def _listen(self, client: Client) -> None:
        """Ask a server of 2026-07-28 for its changes; older ones tell of them unasked."""
        if client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return
        try:
            async with client.listen(
                tools_list_changed=True, prompts_list_changed=True, resources_list_changed=True
            ) as changes:
                async for _ in changes:  # each has come to `notified` as well
                    pass
        except Exception as error:  # without it, changes are seen when the tools are listed
            log.debug("server `%s` tells of no changes: %s", self.address.name, _reason(error))

    def _make(self) -> Client:
        at, told = self.address, self.callbacks
        where: Any
        if at.url is not None:
            token = os.environ.get(at.token_env or "")
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            where = over_http(at.url, headers)
        else:
            command, *arguments = at.command
            handed = {name: os.environ[name] for name in at.env if name in os.environ}
            where = StdioServerParameters(command=command, args=arguments, env=handed)

        async def notified(message: Any) -> None:
            if isinstance(message, types.ToolListChangedNotification):
                self.stale = True
            if told.notified is not None:
                await told.notified(self, message)

        return Client(
            where,
            sampling_callback=told.sampling,
            sampling_capabilities=told.sampling_capabilities,
            elicitation_callback=told.elicitation,
            list_roots_callback=told.roots,
            logging_callback=told.logging,
            message_handler=notified,
            cache=None,
        )

    def drop(self) -> None:
        """Leave the connection: the next request makes another."""
        self._client = None
        self._stop.set()

    async def request(
        self,
        method: str,
        params: Mapping[str, Any] | None,
        *,
        seconds: float,
        on_progress: Any = None,
    ) -> dict[str, Any]:
        """A request, and the result as data that fits the protocol.

        Raises MCPError where the server answers so, and UpstreamError.
        """
        session = await self.session()
        asked = types.Request[Any, Any](
            method=method, params=None if params is None else dict(params)
        )
        try:
            with anyio.fail_after(seconds):
                answer: dict[str, Any] = await session.send_request(
                    asked, RAW, progress_callback=on_progress
                )
                return answer
        except MCPError as error:
            if error.error.code != types.CONNECTION_CLOSED:
                raise
            self.drop()
            text = f"server `{self.address.name}` went away before it answered"
            raise UpstreamError(text, sent=True) from error
        except TimeoutError:
            text = f"server `{self.address.name}` did not answer within {seconds:g} s"
            raise UpstreamError(text, sent=True) from None
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, OSError) as error:
            self.drop()
            text = f"server `{self.address.name}` went away before it answered"
            raise UpstreamError(text, sent=True) from error
        except Exception as error:  # an answer that is none, or a fault of the transport
            text = f"server `{self.address.name}` answered out of form: {type(error).__name__}"
            raise UpstreamError(text, sent=True) from error

    async def notify(self, notification: Any) -> None:
        await (await self.session()).send_notification(notification)

    async def tools(self, *, seconds: float) -> list[types.Tool]:
        """All tools that the server lists now. Raises UpstreamError."""
        session = await self.session()
        found: list[types.Tool] = []
        cursor: str | None = None
        try:
            with anyio.fail_after(seconds):
                for _ in range(MAX_PAGES):
                    params = types.PaginatedRequestParams(cursor=cursor)
                    page = await session.list_tools(params=params)
                    found += page.tools
                    cursor = page.next_cursor
                    if len(found) > MAX_TOOLS:
                        raise ValueError("too many tools")
                    if cursor is None:
                        self.listed = time.monotonic()
                        return found
                raise ValueError("too many pages")
        except Exception as error:
            gone = isinstance(error, MCPError) and error.error.code == types.CONNECTION_CLOSED
            if gone or isinstance(error, anyio.ClosedResourceError | anyio.BrokenResourceError):
                self.drop()
            text = f"server `{self.address.name}` did not list its tools: {_reason(error)}"
            raise UpstreamError(text, sent=False) from error


@asynccontextmanager
async def over_http(url: str, headers: Mapping[str, str]) -> AsyncIterator[Any]:
    """The streams of a server's address. The SDK leaves a client that it is given open."""
    timeout = httpx2.Timeout(30.0, read=300.0)
    async with (
        httpx2.AsyncClient(headers=dict(headers), timeout=timeout) as client,
        streamable_http_client(url, http_client=client) as streams,
    ):
        yield streams


def _reason(error: BaseException) -> str:
    """The first reason in a group of errors, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
