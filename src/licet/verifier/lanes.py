"""Threads for what would block an event loop, shared fairly.

Work belongs to a name (a tenant). A name's work begins in the order in which it came, at most
`each` pieces of it run at once, and where several names wait, they take turns: whoever asks for
much, or for what takes long, waits for itself. What waits and can be done as one is.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
Part = TypeVar("Part")

#: Does pieces of a name's work as one, and gives what each comes to: its answer, or what it raises.
Together = Callable[[str, Sequence[Part]], Sequence[T | Exception]]
#: How many pieces are done as one.
MOST = 16


@dataclass(frozen=True, slots=True)
class _Job:
    """A piece of work, which is called where there is no `together` that does it."""

    future: Future[Any]
    part: Any
    together: Together[Any, Any] | None = None


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
        context = contextvars.copy_context()
        answer: T = await self._queued(name, _Job(Future(), lambda: context.run(work)))
        return answer

    async def join(self, name: str, part: Part, together: Together[Part, T]) -> T:
        """`run` for work that `together` does: with those that wait behind it for the same."""
        answer: T = await self._queued(name, _Job(Future(), part, together))
        return answer

    async def _queued(self, name: str, job: _Job) -> Any:
        with self._lock:
            self._waiting.setdefault(name, deque()).append(job)
            self._start()
        return await asyncio.wrap_future(job.future)

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
            jobs = [queue.popleft()]
            together = jobs[0].together
            while together and queue and len(jobs) < MOST and queue[0].together == together:
                jobs.append(queue.popleft())
            if queue:
                self._waiting[name] = queue  # behind the others
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="licet")
            self._free -= 1
            self._running[name] += 1
            self._pool.submit(self._work, name, jobs)

    def _work(self, name: str, jobs: list[_Job]) -> None:
        try:
            jobs = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if jobs:
                for job, answer in zip(jobs, _answers(name, jobs), strict=True):
                    if isinstance(answer, StopIteration):
                        answer = RuntimeError("it stopped")  # noqa: PLW2901 - no future takes one
                    if isinstance(answer, BaseException):
                        job.future.set_exception(answer)
                    else:
                        job.future.set_result(answer)
        finally:
            with self._lock:
                self._free += 1
                self._running[name] -= 1
                if not self._running[name]:
                    del self._running[name]
                self._start()


def _answers(name: str, jobs: list[_Job]) -> Sequence[Any]:
    """What each of some work comes to: its answer, or what it raises."""
    together = jobs[0].together
    try:
        if together is None:
            return [job.part() for job in jobs]
        found = together(name, [job.part for job in jobs])
        if len(found) != len(jobs):
            raise RuntimeError(f"{len(jobs)} pieces of work have {len(found)} answers")
    except BaseException as error:
        return [error] * len(jobs)
    return found


_LANES: weakref.WeakSet[Lanes] = weakref.WeakSet()


def _after_fork() -> None:
    """In a forked child: the threads are the parent's, and so may be whoever holds a lock."""
    for lanes in list(_LANES):
        lanes._start_afresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
