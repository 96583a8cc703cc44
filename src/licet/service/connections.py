"""A client's connection, as the service speaks on it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

from uvicorn.protocols.http.auto import AutoHTTPProtocol


class Prompt(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Sends an answer at once, and as one.

    Head and body of an answer are two writes, of which each costs the service and its client about
    as much as all else that the connection does; and on a socket that the event loop has not made
    by itself the second would wait for the client to acknowledge the first, which takes it 40 ms.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        made = transport.get_extra_info("socket")
        if made is not None and made.family in (socket.AF_INET, socket.AF_INET6):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(cast(asyncio.Transport, _Joining(transport)))

    def on_response_complete(self) -> None:
        self.transport.write(b"")  # a head that nothing follows: of an answer to HEAD
        super().on_response_complete()


class _Joining:
    """A transport on which the head of an answer waits for what follows it."""

    __slots__ = ("_head", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self.is_closing = transport.is_closing  # asked for with every answer

    def write(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if not head and _is_head(data):
            self._head = data
        elif head or data:
            self._transport.write(head + data)

    def close(self) -> None:
        self.write(b"")
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _is_head(data: bytes) -> bool:
    """Whether these are the status line and headers of an answer; "go on" (100) is none."""
    return data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 1")
