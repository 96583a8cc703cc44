"""Threads for what would block an event loop, shared fairly.

Work belongs to a name (a tenant). A name's work begins in the order in which it came, at most
`each` pieces of it run at once, and where several names wait, they take turns: whoever asks for
much, or for what takes long, waits for itself.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_Job = tuple["Future[Any]", Callable[[], Any]]


class Lanes:
    """`threads` in all, `each` for one name. Safe to share between threads and event loops, and to
    use after a fork."""

    def __init__(self, threads: int, each: int) -> None:
        self._threads, self._each = threads, each
        self._start_afresh()
        _LANES.add(self)

    def _start_afresh(self) -> None:
        self._lock = threading.Lock()
        self._free = self._threads
        self._running: Counter[str] = Counter()
        #: Whose turn is next comes first.
        self._waiting: OrderedDict[str, deque[_Job]] = OrderedDict()
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, name: str, work: Callable[[], T]) -> T:
        """What `work` returns or raises. Where the caller is cancelled before it has begun, it does
        not begin."""
        future: Future[T] = Future()
        context = contextvars.copy_context()
        with self._lock:
            queue = self._waiting.setdefault(name, deque())
            queue.append((future, lambda: context.run(work)))
            self._start()
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let the threads end once nothing is left to do; more work would start others."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)

    def _start(self) -> None:
        """Begin what may begin. The lock is held."""
        while self._free:
            name = next((n for n in self._waiting if self._running[n] < self._each), None)
            if name is None:
                return
            queue = self._waiting.pop(name)
            job = queue.popleft()
            if queue:
                self._waiting[name] = queue  # behind the others
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="licet")
            self._free -= 1
            self._running[name] += 1
            self._pool.submit(self._work, name, job)

    def _work(self, name: str, job: _Job) -> None:
        future, work = job
        try:
            if future.set_running_or_notify_cancel():
                try:
                    answer = work()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(answer)
        finally:
            with self._lock:
                self._free += 1
                self._running[name] -= 1
                if not self._running[name]:
                    del self._running[name]
                self._start()


_LANES: weakref.WeakSet[Lanes] = weakref.WeakSet()


def _after_fork() -> None:
    """In a forked child: the threads are the parent's, and so may be whoever holds a lock."""
    for lanes in list(_LANES):
        lanes._start_afresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
