"""Frameworks whose agents block: they run in a thread, and ask a human while their thread waits."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any

from support.frameworks.desk import Desk


class Threaded:
    """One run of an agent at a time. The desk's tools run in the loop of the test."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.asked: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stops = asyncio.Event()
        self._answered = threading.Event()
        self._working: set[concurrent.futures.Future[Any]] = set()
        self._run: asyncio.Task[Any] | None = None

    # --- in the agent's thread

    def refund(self, order_id: str, amount: float) -> str:
        """Pay an order back.

        Args:
            order_id: The order.
            amount: How much.
        """
        return self._call(self.desk.refund(order_id, amount))

    def lookup(self, order_id: str) -> str:
        """Look an order up.

        Args:
            order_id: The order.
        """
        return self._call(self.desk.lookup(order_id))

    def close(self, order_id: str) -> str:
        """Close an order.

        Args:
            order_id: The order.
        """
        return self._call(self.desk.close(order_id))

    def wipe(self, order_id: str) -> str:
        """A tool of the agent that the policy does not know.

        Args:
            order_id: The order.
        """
        return self._call(self.desk.wipe(order_id))

    def _call(self, work: Any) -> str:
        assert self._loop is not None
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._working.add(future)
        try:
            answer: str = future.result()
        except concurrent.futures.CancelledError:
            raise asyncio.CancelledError from None
        return answer

    def ask(self, ask: Any) -> None:
        """For `asking`: waits until the test goes on."""
        assert self._loop is not None
        self.asked = [ask.approval]
        self._loop.call_soon_threadsafe(self._stops.set)
        self._answered.wait(60)

    # --- in the test's loop

    async def start(self, work: Callable[[], Any]) -> None:
        """Run until the end, or until somebody is asked."""
        self._loop, self._stops = asyncio.get_running_loop(), asyncio.Event()
        self._answered.clear()
        self._run = asyncio.ensure_future(asyncio.to_thread(work))
        self._run.add_done_callback(lambda _: self._stops.set())
        try:
            await self._stops.wait()
        except asyncio.CancelledError:
            for future in self._working:
                future.cancel()
            raise
        if self._run.done():
            self._run.result()

    async def go_on(self) -> None:
        """To the end."""
        assert self._run is not None
        self.asked = []
        self._answered.set()
        await self._run
