"""Standard input and output, read and written by the event loop itself.

The SDK's own way waits for files in threads, three times a call: a fifth of what the proxy adds to
one. So it is handed streams of the loop where the two are pipes or sockets, as a client gives them;
a terminal or a file is left to it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import anyio
from mcp.server.stdio import stdio_server

log = logging.getLogger("licet")

#: Bytes of one message. A client that sends more at once is left.
MOST: Final = 1 << 26


class _In:
    """Lines, as the SDK reads those of a file."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    def __aiter__(self) -> _In:
        return self

    async def __anext__(self) -> str:
        try:
            line = await self._reader.readline()
        except ValueError:
            log.error("the client sent more than %d bytes in one message: left", MOST)
            line = b""
        if not line:
            raise StopAsyncIteration
        return line.decode("utf-8", "replace")


class _Out:
    """What the SDK writes to, as to a file."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def write(self, text: str) -> None:
        self._writer.write(text.encode())

    async def flush(self) -> None:
        try:
            await self._writer.drain()
        except ConnectionError:  # the client has left
            raise anyio.ClosedResourceError from None


@asynccontextmanager
async def streams() -> AsyncIterator[tuple[Any, Any]]:
    """What comes from the client and what goes to it, as the SDK's servers take them."""
    if sys.platform == "win32" or not all(_is_pipe(each) for each in (0, 1)):
        async with stdio_server() as both:
            yield both
        return
    loop = asyncio.get_running_loop()
    with _claimed() as (source, sink):
        reader = asyncio.StreamReader(MOST)
        reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(source, "rb", 0)
        )
        writing, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()),
            os.fdopen(sink, "wb", 0),
        )
        # What was flushed is out, also where the process ends then.
        writing.set_write_buffer_limits(0)
        out: Any = _Out(asyncio.StreamWriter(writing, protocol, None, loop))
        given: Any = _In(reader)
        try:
            async with stdio_server(given, out) as both:
                yield both
        finally:
            reading.close()
            writing.close()


def _is_pipe(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@contextmanager
def _claimed() -> Iterator[tuple[int, int]]:
    """Descriptors of standard input and output for the protocol alone: whoever else reads or prints
    meanwhile finds the end of a file, and standard error. The caller closes the two."""
    before = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    try:
        yield os.dup(before[0]), os.dup(before[1])
    finally:
        for place, descriptor in enumerate(before):
            os.set_blocking(descriptor, True)
            os.dup2(descriptor, place)
            os.close(descriptor)
