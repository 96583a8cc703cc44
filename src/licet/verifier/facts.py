"""Facts that the host looks up while a call is decided: resolvers, with a time limit each.

A resolver that raises, is late, or answers for too many is *unknown*, which never allows. What one
answers is cached for the decision alone. Nothing here trusts the answer: `admission` checks it.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any

from licet.compiler.world import UNKNOWN

#: A fact that a decision wants: its name, and its keys as the JSON-able values a resolver gets.
Wanted = tuple[str, tuple[object, ...]]

#: Sync resolvers that outlive their limit keep their thread; no more of them than this are left
#: waiting before further look-ups are unknown at once.
MAX_STUCK = 32

#: How much longer than its limit an async resolver is waited for, in seconds: its loop ends it.
GRACE = 0.25


@dataclass(frozen=True, slots=True)
class Resolver:
    """`call(*keys)`, or `call(list of key tuples)` answering a list in the same order (`batch`)."""

    name: str
    call: Callable[..., object]
    batch: bool
    seconds: float

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.call)


class Resolvers:
    """The resolvers of one guard."""

    def __init__(self) -> None:
        self._by_name: dict[str, Resolver] = {}
        self._stuck = threading.Semaphore(MAX_STUCK)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def register(self, resolver: Resolver) -> None:
        if resolver.name in self._by_name:
            raise ValueError(f"the fact `{resolver.name}` has a resolver already")
        self._by_name[resolver.name] = resolver

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def resolve(self, wanted: Iterable[Wanted]) -> dict[Wanted, object]:
        """Look all up, at once, from synchronous code; UNKNOWN for what could not be had."""
        pending = [
            (group, self._start(resolver, group)) for resolver, group in self._groups(wanted)
        ]
        answers: dict[Wanted, object] = {}
        for group, wait in pending:
            answers.update(zip(group, wait(), strict=True))
        return answers

    async def aresolve(self, wanted: Iterable[Wanted]) -> dict[Wanted, object]:
        """The same from a running event loop, which it does not block."""

        async def one(resolver: Resolver, group: list[Wanted]) -> Sequence[object]:
            if resolver.is_async:
                return await _limited(_gather(resolver, group), resolver.seconds, len(group))
            return await asyncio.to_thread(self._start(resolver, group))

        groups = list(self._groups(wanted))
        results = await asyncio.gather(*(one(r, g) for r, g in groups))
        answers: dict[Wanted, object] = {}
        for (_, group), result in zip(groups, results, strict=True):
            answers.update(zip(group, result, strict=True))
        return answers

    def _groups(self, wanted: Iterable[Wanted]) -> list[tuple[Resolver, list[Wanted]]]:
        by_name: dict[str, list[Wanted]] = {}
        for want in wanted:
            by_name.setdefault(want[0], []).append(want)
        groups: list[tuple[Resolver, list[Wanted]]] = []
        for name, group in by_name.items():
            resolver = self._by_name[name]
            groups += [(resolver, group)] if resolver.batch else [(resolver, [w]) for w in group]
        return groups

    def _start(self, resolver: Resolver, group: list[Wanted]) -> Callable[[], Sequence[object]]:
        """Begin a look-up; what is returned waits for it, at most the resolver's limit."""
        nothing = [UNKNOWN] * len(group)
        if resolver.is_async:
            future = asyncio.run_coroutine_threadsafe(
                _limited(_gather(resolver, group), resolver.seconds, len(group)),
                self._event_loop(),
            )
            late = time.monotonic() + resolver.seconds

            def answered() -> Sequence[object]:
                try:
                    return future.result(max(0.0, late - time.monotonic()) + GRACE)
                except (Exception, CancelledError):
                    future.cancel()
                    return nothing

            return answered
        if not self._stuck.acquire(blocking=False):
            return lambda: nothing
        answer: list[Sequence[object]] = []
        done = threading.Event()
        deadline = time.monotonic() + resolver.seconds

        def run() -> None:
            try:
                found = _checked(_call(resolver, group), len(group))
                # Late is unknown, even where nobody had begun to wait.
                answer.append(found if time.monotonic() <= deadline else nothing)
            except BaseException:
                answer.append(nothing)  # a resolver that fails says nothing: unknown
            finally:
                self._stuck.release()
                done.set()

        threading.Thread(target=run, name=f"licet-fact-{resolver.name}", daemon=True).start()

        def wait() -> Sequence[object]:
            if done.wait(max(0.0, deadline - time.monotonic())) and answer:
                return answer[0]
            return nothing

        return wait

    def _event_loop(self) -> asyncio.AbstractEventLoop:
        """A loop of our own, for async resolvers of synchronous checks."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=_serve, args=(self._loop,), name="licet-facts", daemon=True
                ).start()
            return self._loop

    def close(self) -> None:
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped; then end what is under way, and close it."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()


def _call(resolver: Resolver, group: list[Wanted]) -> object:
    if resolver.batch:
        return resolver.call([keys for _, keys in group])
    return [resolver.call(*group[0][1])]


async def _gather(resolver: Resolver, group: list[Wanted]) -> object:
    if resolver.batch:
        return await resolver.call([keys for _, keys in group])  # type: ignore[misc]
    return [await resolver.call(*group[0][1])]  # type: ignore[misc]


async def _limited(
    answer: Coroutine[Any, Any, object], seconds: float, size: int
) -> Sequence[object]:
    """The answer, or UNKNOWN for all: late, failed, cancelled by itself, or blocking the loop."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    task = loop.create_task(_contained(answer, size))
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()  # of no effect if it is done
    if task.done() and loop.time() - start <= seconds:
        return task.result()
    return [UNKNOWN] * size


async def _contained(answer: Coroutine[Any, Any, object], size: int) -> Sequence[object]:
    """Nothing that a resolver raises leaves it: SystemExit would end the loop with us in it."""
    try:
        return _checked(await answer, size)
    except BaseException:
        return [UNKNOWN] * size


def _checked(answer: object, size: int) -> Sequence[object]:
    """A batch that does not answer each key answers none."""
    if isinstance(answer, (list, tuple)) and len(answer) == size:
        return answer
    return [UNKNOWN] * size
