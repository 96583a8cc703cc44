"""A worker that waits for what it needs to begin, and refuses everything until then.

A worker that is started anew while the database is away has nothing to decide by. It does not end,
which would only start the next one: it says once why it waits, answers 503 (`/healthz`: 200, so
that nobody restarts it), tries again every second, and serves as soon as it can.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .doors import Json
from .headers import SECURITY
from .problems import Problem

log = logging.getLogger("licet.service")

#: Seconds between two attempts.
AGAIN: Final = 1.0
_HEALTHY: Final = "/healthz"


class Patient:
    """The ASGI application that `build` makes, once it can. `again` is in seconds."""

    def __init__(self, build: Callable[[], FastAPI], *, again: float = AGAIN) -> None:
        self._build, self._again = build, again
        self._app: ASGIApp | None = None
        self._said = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _waiting(scope["path"])(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Begin, and end what was begun."""
        await receive()
        async with AsyncExitStack() as running:
            if not await self._begun(running):
                trying = asyncio.create_task(self._try(running))
                running.callback(trying.cancel)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _try(self, running: AsyncExitStack) -> None:
        while True:
            await asyncio.sleep(self._again)
            if await self._begun(running):
                log.warning("this worker serves now")
                return

    async def _begun(self, running: AsyncExitStack) -> bool:
        """Whether the application is there. Whatever is wrong is said, once."""
        try:
            app = await asyncio.to_thread(self._build)
            await running.enter_async_context(app.router.lifespan_context(app))
        except Exception as error:
            if str(error) != self._said:
                log.error("this worker waits, and refuses everything: %s", error)
                self._said = str(error)
            return False
        self._app = app
        return True


def _waiting(path: str) -> Response:
    answer: Response = Json({"status": "ok"})
    if path != _HEALTHY:
        told = "the service cannot decide yet: nothing was allowed"
        answer = Problem(503, told, headers={"Retry-After": "1"}).response()
    answer.raw_headers += SECURITY
    return answer
