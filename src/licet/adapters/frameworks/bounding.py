"""Work that ends in time or counts as failed: a guard that hangs must not hold an agent up."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: Work that outlives its limit keeps its thread. With this many under way, more fails at once.
MOST = 256

_room = threading.BoundedSemaphore(MOST)


class TooLateError(Exception):
    """The work did not end in time; what it answers later is not looked at."""


def bounded(work: Callable[[], T], seconds: float) -> T:
    """What `work` returns or raises, within `seconds`. Raises TooLateError."""
    if not _room.acquire(blocking=False):
        raise TooLateError(f"{MOST} calls are waiting already")
    answer: list[T] = []
    failure: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            answer.append(work())
        except BaseException as error:
            failure.append(error)
        finally:
            _room.release()
            done.set()

    context = contextvars.copy_context()
    try:
        threading.Thread(target=context.run, args=(run,), name="licet", daemon=True).start()
    except BaseException:
        _room.release()
        raise
    if not done.wait(seconds):
        raise TooLateError(f"no answer within {seconds:g} s")
    if failure:
        raise failure[0]
    return answer[0]


async def abounded(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """The same of a coroutine. One that does not let itself be cancelled is left behind."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except BaseException:
        task.cancel()
        raise
    if not task.done():
        task.cancel()
        raise TooLateError(f"no answer within {seconds:g} s")
    return task.result()
