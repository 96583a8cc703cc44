"""Streamable HTTP in front: who may come in, and in whose name."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import uvicorn
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp, Receive, Scope, Send

from .identities import Identity, Token, holder
from .proxy import IDENTITY_KEY, Proxy

log = logging.getLogger("licet")

PATH: Final = "/mcp"
MAX_BODY: Final = 4_000_000


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def application(
    proxy: Proxy,
    *,
    host: str,
    tokens: Sequence[Token] = (),
    anonymous: Identity | None = None,
    allowed_hosts: Sequence[str] = (),
    allowed_origins: Sequence[str] = (),
) -> ASGIApp:
    """The application of a proxy. Without tokens every caller is `anonymous`, on loopback alone.

    `allowed_hosts` are the `Host` headers that are accepted besides loopback's, `allowed_origins`
    the `Origin` headers. Raises ValueError where the door would stand open.
    """
    if not tokens and not is_loopback(host):
        raise ValueError("without a bearer token the proxy listens on loopback alone")
    if not tokens and anonymous is None:
        raise ValueError("without a bearer token there has to be a principal for everybody")
    if not is_loopback(host) and not allowed_hosts:
        raise ValueError("beyond loopback, say which Host header callers use (--allow-host)")
    local = ("127.0.0.1:*", "localhost:*", "[::1]:*")
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*local, *allowed_hosts],
        allowed_origins=[*(f"http://{name}" for name in local), *allowed_origins],
    )
    inner = proxy.server.streamable_http_app(
        streamable_http_path=PATH,
        transport_security=security,
        max_request_body_size=MAX_BODY,
        host=host,
    )
    serve = inner.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with proxy.serving(), serve(app):
            yield

    inner.router.lifespan_context = lifespan
    return _Door(inner, tuple(tokens), anonymous)


class _Door:
    """Lets a request in once it is known whose it is."""

    def __init__(
        self, inner: ASGIApp, tokens: tuple[Token, ...], anonymous: Identity | None
    ) -> None:
        self._inner = inner
        self._tokens = tokens
        self._anonymous = anonymous

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        identity = self._whose(scope)
        if identity is None:
            await _unauthorized(send)
            return
        # The SDK ties a session to the user that began it.
        known = AccessToken(token="-", client_id=identity.key, scopes=[])
        scope = {**scope, "user": AuthenticatedUser(known), IDENTITY_KEY: identity}
        await self._inner(scope, receive, send)

    def _whose(self, scope: Scope) -> Identity | None:
        if not self._tokens:
            return self._anonymous
        given = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
        if len(given) != 1:
            return None
        scheme, _, secret = given[0].decode("latin-1").partition(" ")
        return holder(self._tokens, secret.strip()) if scheme.lower() == "bearer" else None


async def _unauthorized(send: Send) -> None:
    body = b'{"error": "a bearer token is needed"}'
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"www-authenticate", b"Bearer"),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve(app: ASGIApp, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until the process is told to end. `ready` gets the address. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said to be TCP, or asyncio leaves answers waiting for acknowledgements of their first packet.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        bound = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on")
        ready(f"http://{shown}:{bound}{PATH}")
        await uvicorn.Server(config).serve(sockets=[listening])
