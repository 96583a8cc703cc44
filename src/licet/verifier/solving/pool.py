"""A few worker processes behind one door that any thread may knock at.

Workers start when they are first needed and are replaced when they die. A forked child of the
application starts its own. Nothing here raises for what a worker does: every failure is `Unknown`.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import threading
import time
import weakref
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol

from .process import Process, WorkerError
from .protocol import Answer, Query, Unknown

#: Address space of a worker, in bytes.
MEMORY: Final = 2 << 30

#: Requests after which a worker is replaced, so that nothing piles up in it.
LIFETIME: Final = 20_000

#: A question beyond this many characters is not asked.
MAX_TEXT: Final = 8 << 20

#: For so many names that ask at the same time there are as many workers as each may have.
SHARES: Final = 4

#: For so long a name's questions give way after one that took long, in seconds.
REMEMBERED: Final = 30.0

_pools: weakref.WeakSet[SolverPool] = weakref.WeakSet()


class Asked:
    """A question that was asked. Leaving the block gives the worker back, or ends it where its
    answer was not waited for."""

    __slots__ = ("_answer", "_pool", "_process", "_query", "_until")

    def __init__(
        self, pool: SolverPool, process: Process | None, failed: str, query: Query, until: float
    ) -> None:
        self._pool, self._process, self._query, self._until = pool, process, query, until
        self._answer: Answer | None = Unknown(failed) if process is None else None

    def answer(self) -> Answer:
        """What the worker says, waited for at most until the deadline."""
        if self._answer is None:
            assert self._process is not None
            healthy = False
            process, self._process = self._process, None
            try:
                self._answer = process.receive(self._query, self._until)
                healthy = process.asked < LIFETIME
            except WorkerError as dead:
                self._answer = Unknown(str(dead))
            finally:
                self._pool._give(process, healthy)
        return self._answer

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            self._pool._give(process, False)


class Solvers(Protocol):
    """Whoever answers questions: a pool, or one name's part of it."""

    def ask(self, query: Query, text: str, seconds: float) -> Answer:
        """The answer to `query` about the question `text` within `seconds`, the queue included."""

    def begin(self, query: Query, text: str, seconds: float) -> Asked:
        """The same, begun: a worker is at it while the caller does something else.

        Until the block is left it has that worker, so it may not wait for another one in it.
        """


@dataclass(frozen=True, slots=True)
class _Share:
    pool: SolverPool
    name: str

    def ask(self, query: Query, text: str, seconds: float) -> Answer:
        with self.begin(query, text, seconds) as asked:
            return asked.answer()

    def begin(self, query: Query, text: str, seconds: float) -> Asked:
        return self.pool.begin(query, text, seconds, name=self.name)


class SolverPool:
    """Asks questions of solvers. Safe to share between threads, and to use after a fork."""

    def __init__(self, workers: int = 2, *, memory: int = MEMORY, polite: bool = False) -> None:
        """`workers` at most for one name, and `SHARES` times as many where several ask at once;
        `memory` in bytes each. Long questions of names give way to others' questions; in a `polite`
        pool all long ones do, to whatever else the machine has to do."""
        if workers < 1:
            raise ValueError("a pool needs a worker")
        self._limit = workers
        self._memory = memory
        self._polite = polite
        self._reset()
        _pools.add(self)

    def of(self, name: str) -> Solvers:
        """The part of one name, a tenant say, whose questions wait for each other alone."""
        return _Share(self, name)

    def ask(self, query: Query, text: str, seconds: float) -> Answer:
        """See `Solvers`."""
        with self.begin(query, text, seconds) as asked:
            return asked.answer()

    def begin(self, query: Query, text: str, seconds: float, *, name: str = "") -> Asked:
        """See `Solvers`."""
        until = time.monotonic() + seconds
        if len(text) > MAX_TEXT:
            return Asked(self, None, "the question is too large", query, until)
        if seconds <= 0:
            return Asked(self, None, "the deadline has passed", query, until)
        try:
            process = self._take(until, name)
        except WorkerError as dead:
            return Asked(self, None, str(dead), query, until)
        except OSError:
            return Asked(self, None, "the solver's worker could not be started", query, until)
        try:
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            process.send(query, digest, text, until)
        except WorkerError as dead:
            self._give(process, False)
            return Asked(self, None, str(dead), query, until)
        except BaseException:
            self._give(process, False)
            raise
        return Asked(self, process, "", query, until)

    def warm(self) -> None:
        """Start a worker now that gives no way, unless one is idle, so that the next refusal need
        not wait for it. Returns at once."""
        with self._changed:
            if self._closed or not all(each.gives_way for each in self._idle):
                return
        with contextlib.suppress(OSError, WorkerError):  # whoever asks first will try again
            self._give(self._take(time.monotonic() + 1, ""), True)

    def close(self) -> None:
        """End every worker; those that are asked something now end as soon as it is answered."""
        with self._changed:
            self._closed = True
            while self._idle:
                self._drop(self._idle.pop())
            self._changed.notify_all()

    def __enter__(self) -> SolverPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_idle"):
            self.close()

    # --- who has which worker

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._idle: list[Process] = []
        self._all: set[Process] = set()
        self._count = 0
        #: Who has which, and how many each name has.
        self._lent: dict[Process, str] = {}
        self._held: Counter[str] = Counter()
        #: Until when a name's questions give way from their beginning, because one took long.
        self._slow: dict[str, float] = {}
        self._closed = False

    def _take(self, until: float, name: str) -> Process:
        with self._changed:
            while True:
                if self._closed:
                    raise WorkerError("the pool of solvers is closed")
                if self._held[name] < self._limit:
                    while (process := self._fitting(name)) is not None:
                        self._idle.remove(process)
                        if process.alive():
                            self._lend(process, name)
                            return process
                        self._drop(process)
                    if self._count >= self._limit * SHARES and self._idle:
                        self._drop(self._idle.pop(0))  # of the other kind, or there is no room
                    if self._count < self._limit * SHARES:
                        self._count += 1
                        self._held[name] += 1
                        break
                if not self._changed.wait(until - time.monotonic()):
                    raise WorkerError("the deadline has passed while waiting for a solver")
        try:
            process = Process(self._memory)
        except BaseException:
            with self._changed:
                self._count -= 1
                self._held[name] -= 1
                self._changed.notify_all()
            raise
        with self._changed:
            self._all.add(process)
            self._held[name] -= 1
            self._lend(process, name)
            slow = self._is_slow(name)
        if slow:
            process.give_way()
        return process

    def _fitting(self, name: str) -> Process | None:
        """An idle worker for a name's question: one that gives way where the name's questions take
        long, and only there."""
        slow = self._is_slow(name)
        return next((each for each in self._idle if each.gives_way is slow), None)

    def _is_slow(self, name: str) -> bool:
        return time.monotonic() < self._slow.get(name, 0.0)

    def _lend(self, process: Process, name: str) -> None:
        process.shared = self._polite or bool(name)  # who has no name has the pool to itself
        self._lent[process] = name
        self._held[name] += 1

    def _give(self, process: Process, healthy: bool) -> None:
        with self._changed:
            name = self._lent.pop(process)
            self._held[name] -= 1
            if not self._held[name]:
                del self._held[name]
            if process.slow:
                self._slow[name] = time.monotonic() + REMEMBERED
            elif not self._is_slow(name):
                self._slow.pop(name, None)
            # Those that were started for several names at once are ended when they are done.
            alike = sum(each.gives_way is process.gives_way for each in self._idle)
            kept = healthy and not self._closed and alike < self._limit
            if kept:
                self._idle.append(process)
            else:
                self._count -= 1
            self._changed.notify_all()  # whoever has waited longest may not be whose turn it is
        if process.slow and name:
            self.warm()  # it was the one that was ready for everybody
        if not kept:  # without the lock: what gives way takes its time to end on a busy machine
            process.kill()
            self._all.discard(process)

    def _drop(self, process: Process) -> None:
        """Forget an idle worker and end it. The lock is held."""
        self._count -= 1
        self._all.discard(process)
        process.kill()

    def _after_fork(self) -> None:
        """In a forked child: the workers are the parent's, and so may be whoever holds the lock."""
        for process in self._all:
            process.abandon()
        closed = self._closed
        self._reset()
        self._closed = closed


def _after_fork() -> None:
    for pool in list(_pools):
        pool._after_fork()


def _at_exit() -> None:
    for pool in list(_pools):
        pool.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
