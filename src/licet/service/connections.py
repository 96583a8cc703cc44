"""A client's connection, as the service speaks on it."""

from __future__ import annotations

import asyncio
import socket

from uvicorn.protocols.http.auto import AutoHTTPProtocol


class Prompt(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Sends each part of an answer at once.

    Head and body of an answer are two packets, and on a socket that the event loop has not made by
    itself the second would wait for the client to acknowledge the first, which takes it 40 ms.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        made = transport.get_extra_info("socket")
        if made is not None and made.family in (socket.AF_INET, socket.AF_INET6):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
