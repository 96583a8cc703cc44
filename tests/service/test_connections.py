"""What a client's connection gets of an answer, and when."""

from __future__ import annotations

import asyncio
from pathlib import Path

from uvicorn import Config
from uvicorn.server import ServerState

from licet.service.connections import Prompt
from support.serving import close, serve


class Wire(asyncio.Transport):
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = asyncio.Event()

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.sent.append(data)

    def close(self) -> None:
        self.closed.set()

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def talk(app: object, *parts: bytes) -> list[bytes]:
    """What a service writes to a connection on which a client writes so, until it is closed."""
    wire = Wire()
    config = Config(app, lifespan="off")  # type: ignore[arg-type]
    config.load()
    spoken = Prompt(config, ServerState(), {})
    spoken.connection_made(wire)
    for part in parts:
        spoken.data_received(part)
    await wire.closed.wait()
    return wire.sent


def test_an_answer_leaves_as_one(tmp_path: Path) -> None:
    app = serve(tmp_path)
    asked = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    [answer] = asyncio.run(talk(app, asked[:20], asked[20:]))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert f"content-length: {len(body)}".encode() in head.lower()
    close(app)


def test_what_is_no_request_is_answered_before_the_connection_ends(tmp_path: Path) -> None:
    app = serve(tmp_path)
    [answer] = asyncio.run(talk(app, b"\0 / nonsense\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 400 ")
    close(app)
