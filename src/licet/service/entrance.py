"""Where every request comes in, and every answer goes out.

A request gets an id, and its end is told, whatever becomes of it. A door whose path has no
parameter is found here at once; all else goes through the framework. An answer gets its id, the
headers that every answer has, and, while its caller's tenant is observed, a word of that. AuthZEN
has a client name its request, and wants that name back: ours is then in a header of our own. Pure
ASGI: nothing is buffered.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from licet.verifier.random_texts import new_request

from .doors import Door, Handler
from .headers import SECURITY, header
from .modes import HEADER, said
from .state import SERVICE, Service
from .telemetry.events import TRAIL, Trail

#: W3C Trace Context, version 00. `tracestate` and baggage are anybody's text: not taken.
_TRACEPARENT = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_AUTHZEN = "/access/v1/"
Header = tuple[bytes, bytes]
_OWN = frozenset(name for name, _ in SECURITY)


class App(FastAPI):
    """An application with an entrance of its own."""

    entrance: ASGIApp

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.entrance = super().__call__

    def enter_by(self, doors: Iterable[Door], service: Service) -> None:
        """Let all requests come in through an entrance that knows these doors."""
        self.entrance = Entrance(self, super().__call__, doors, service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.entrance(scope, receive, send)


class Entrance:
    """The way in. What is no door here is `inner`'s."""

    def __init__(
        self, app: FastAPI, inner: ASGIApp, doors: Iterable[Door], service: Service
    ) -> None:
        self._app, self._inner, self._service = app, inner, service
        self._straight: dict[tuple[str, str], Handler] = {
            (method, door.path): door.straight
            for door in doors
            if door.straight is not None and "{" not in door.path
            for method in door.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        trail = Trail(new_request(), time.perf_counter(), _traceparent(scope))
        scope[TRAIL], scope[SERVICE] = trail, self._service
        status = 500  # what the server answers where the app raises
        named = header(scope, b"x-request-id") if scope["path"].startswith(_AUTHZEN) else b""

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._completed(message.get("headers", ()), trail, named)
            await send(message)

        method = scope["method"]
        try:
            straight = self._straight.get((method, scope["path"]))
            if straight is None or scope.get("root_path"):
                await self._inner(scope, receive, sending)
            else:
                scope["app"] = self._app
                answer = await straight(Request(scope, receive))
                status = answer.status_code
                answer.raw_headers = self._completed(answer.raw_headers, trail, named)
                await answer(scope, receive, send)
        finally:
            self._service.telemetry.answered(trail, method, status)

    def _completed(self, own: Iterable[Header], trail: Trail, named: bytes) -> list[Header]:
        """The headers of an answer with what every answer has, but for what this one has set itself
        (a page has its own policy)."""
        headers = [*own]
        present = _OWN.intersection([name.lower() for name, _ in headers])
        headers += [pair for pair in SECURITY if pair[0] not in present] if present else SECURITY
        if trail.caller is not None:
            until = self._service.guards.observes_until(trail.caller.tenant)
            if until is not None:
                headers.append((HEADER, said(until)))
        if named:
            headers.append((b"x-licet-request-id", trail.id.encode()))
        headers.append((b"x-request-id", named or trail.id.encode()))
        return headers


def _traceparent(scope: Scope) -> str | None:
    found = header(scope, b"traceparent", once=True)
    return str(found, "ascii") if _TRACEPARENT.fullmatch(found) else None
