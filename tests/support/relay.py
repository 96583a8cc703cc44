"""The network in between: a TCP relay that can be cut, fall silent, and be mended."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

CHUNK = 1 << 16


class Relay:
    """Passes on what comes to its own `port` to another port of this machine, and back."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._open = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay")
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Every connection breaks, and so does each that is tried from now on."""
        self._loop.call_soon_threadsafe(self._cut)

    def silence(self) -> None:
        """Connections stand, and nothing more comes through."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def mend(self) -> None:
        """As at first. What was held back arrives; what was cut stays lost."""
        self._loop.call_soon_threadsafe(self._mend)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- in the loop

    def _run(self, work: asyncio.coroutines.Coroutine) -> asyncio.Server:  # type: ignore[type-arg]
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def _cut(self) -> None:
        self._open = False
        for writer in self._writers:
            writer.transport.abort()

    def _mend(self) -> None:
        self._open = True
        self._flowing.set()

    async def _accept(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        if not self._open:
            back.transport.abort()
            return
        try:
            far, there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            back.transport.abort()
            return
        self._writers |= {back, there}
        try:
            await asyncio.gather(self._pump(near, there), self._pump(far, back))
        finally:
            self._writers -= {back, there}

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        with contextlib.suppress(OSError, RuntimeError):
            sink.close()

    async def _close(self) -> None:
        self._server.close()
        self._cut()
        self._flowing.set()
        mine = asyncio.current_task()
        for task in [each for each in asyncio.all_tasks() if each is not mine]:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
