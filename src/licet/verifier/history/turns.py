"""Who is next: a queue for each name, within one process.

A lock of `threading` lets the thread that gave it back take it again before anybody who waits:
with many threads on one budget, some would wait past their time while others go twice.
"""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """First come, first served, for each name on its own."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        # a name is here while somebody has its turn; each gate is a thread that waits
        self._queues: dict[str, deque[threading.Lock]] = {}

    def take(self, name: str, seconds: float) -> bool:
        """True once it is the caller's turn; False if it was not within some seconds."""
        with self._mutex:
            queue = self._queues.get(name)
            if queue is None:
                self._queues[name] = deque()
                return True
            gate = threading.Lock()
            gate.acquire()
            queue.append(gate)
        if gate.acquire(timeout=max(0.0, seconds)):
            return True
        with self._mutex:
            if gate in queue:
                queue.remove(gate)
                return False
        return True  # it was handed over at the last moment

    def give(self, name: str) -> None:
        """End the caller's turn."""
        with self._mutex:
            queue = self._queues[name]
            if queue:
                queue.popleft().release()
            else:
                del self._queues[name]
