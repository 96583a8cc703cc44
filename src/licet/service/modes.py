"""Observe mode, said everywhere while it lasts: refused calls are let through."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .guards import Guards
from .telemetry.requests import TRAIL

#: For how long refusals may be let through by an activation, in seconds from then.
MOST_OBSERVED = 31 * 86_400
#: The header of every answer to a known caller while its tenant is observed.
HEADER = b"x-licet-mode"


def banner(until: float) -> str:
    """What everybody is told, until then (seconds since 1970)."""
    return f"observe mode until {_rfc3339(until)}: refused calls are let through"


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


class ModeHeader:
    """`X-Licet-Mode: observe; until=…`. Pure ASGI, inside of what knows who asks."""

    def __init__(self, app: ASGIApp, guards: Guards) -> None:
        self._app = app
        self._guards = guards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        trail = scope.get(TRAIL)
        if trail is None:
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and trail.caller is not None:
                until = self._guards.observes_until(trail.caller.tenant)
                if until is not None:
                    told = f"observe; until={_rfc3339(until)}".encode()
                    message.setdefault("headers", []).append((HEADER, told))
            await send(message)

        await self._app(scope, receive, sending)
