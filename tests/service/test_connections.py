"""What a client's connection gets of an answer, and when."""

from __future__ import annotations

import asyncio
from pathlib import Path

from uvicorn import Config
from uvicorn.server import ServerState

from licet.service.connections import Prompt
from support.serving import close, key, serve


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
    """What a service writes to a connection on which a client writes so, until it is closed. A
    client that expects to be told to go on waits for it."""
    wire = Wire()
    config = Config(app, lifespan="off")  # type: ignore[arg-type]
    config.load()
    spoken = Prompt(config, ServerState(), {})
    spoken.connection_made(wire)
    for part in parts:
        spoken.data_received(part)
        while b"100-continue" in part and not wire.sent:
            await asyncio.sleep(0)
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


def test_a_head_that_nothing_follows_leaves_with_the_end_of_its_answer(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"  # an answer to HEAD

    async def go() -> list[bytes]:
        wire, config = Wire(), Config(app, lifespan="off")
        config.load()
        spoken = Prompt(config, ServerState(), {})
        spoken.connection_made(wire)
        spoken.transport.write(head)
        assert wire.sent == []
        wire.close()  # what else the server does at the end is not asked for here
        spoken.on_response_complete()
        return wire.sent

    app = serve(tmp_path)
    assert asyncio.run(go()) == [head]
    close(app)


def test_what_is_no_request_is_answered_before_the_connection_ends(tmp_path: Path) -> None:
    app = serve(tmp_path)
    [answer] = asyncio.run(talk(app, b"\0 / nonsense\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 400 ")
    close(app)


def test_who_waits_to_be_told_to_go_on_is_told(tmp_path: Path) -> None:
    app = serve(tmp_path)
    lines = {"Authorization": f"Bearer {key('host')}", "Host": "x"}
    lines |= {"Content-Type": "application/json", "Content-Length": "2"}
    lines |= {"Expect": "100-continue", "Connection": "close"}
    head = "".join([f"{name}: {value}\r\n" for name, value in lines.items()])
    asked = f"POST /v1/check HTTP/1.1\r\n{head}\r\n".encode()
    go_on, answer = asyncio.run(talk(app, asked, b"{}"))
    assert go_on.startswith(b"HTTP/1.1 100 ")
    assert answer.startswith(b"HTTP/1.1 422 ")
    close(app)
