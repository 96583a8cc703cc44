"""Every request is told of, whatever becomes of it. Pure ASGI, and outermost."""

from __future__ import annotations

import re
import time
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .events import Trail
from .sinks import Telemetry

#: Where the trail is in a request's scope.
TRAIL = "licet.trail"
#: W3C Trace Context, version 00. `tracestate` and baggage are anybody's text: not taken.
_TRACEPARENT = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Requests:
    """Gives each request an id, which its answer carries as `X-Request-Id`, and tells its end."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trail = Trail(uuid.uuid4().hex, time.perf_counter(), _traceparent(scope))
        scope[TRAIL] = trail
        status = 500  # what the server answers where the app raises

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append((b"x-request-id", trail.id.encode()))
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._telemetry.answered(trail, scope["method"], status)


def _traceparent(scope: Scope) -> str | None:
    found = [value for name, value in scope["headers"] if name == b"traceparent"]
    if len(found) != 1 or not _TRACEPARENT.fullmatch(found[0]):
        return None
    return str(found[0], "ascii")
