"""A policy and a call from the playground, tried out in a process that can be killed.

Nothing of a try stays, and nothing outside of it is reached: the process gets texts and tools, has
no environment, opens no file, knows no store, and is killed at the deadline with all it started.
Its answer is data, checked for its form alone and escaped like every other text.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal

from licet.compiler.exact_json import JsonError, decode
from licet.compiler.json_text import json_line
from licet.verifier.solving.child import Child, ChildError, LateError

from .grounds import Ground

#: Characters of a policy and of a call.
MAX_POLICY: Final = 60_000
MAX_CALL: Final = 30_000
#: Seconds for one try, its place in the queue included, and those of a process that has to start.
SECONDS: Final = 6.0
STARTING: Final = 20.0
#: Tries that wait for their turn; more are told to come again.
_MOST_WAITING: Final = 8
#: Bytes of the process's memory, and of its answer.
_MEMORY: Final = 2 << 30
_MAX_ANSWER: Final = 4 << 20
#: Tries after which a process is replaced.
_LIFETIME: Final = 500

_BOOT: Final = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from licet.service.console.trial import main
main(int(sys.argv[2]), int(sys.argv[3]))
"""

Work = Literal["decide", "lint"]


def _line(work: Work, policy: str, call: str, ground: Ground) -> bytes:
    """A request. The seconds are text: they may be a binary fraction."""
    given = {"work": work, "policy": policy, "call": call, "seconds": str(SECONDS)}
    return json_line({**given, "ground": ground.plain()}).encode() + b"\n"


class TryError(Exception):
    """There is no answer. The text is for whoever is typing."""


class Trier:
    """Where tries are made, for all who type. Lint has a process of its own, so that no verdict
    waits for it."""

    def __init__(self) -> None:
        self._lanes: Mapping[Work, Lane] = {"decide": Lane(), "lint": Lane()}

    async def answer(
        self, work: Work, policy: str, call: str, ground: Ground | None = None
    ) -> Mapping[str, Any]:
        """What is said of a policy that stands alone, or on a ground. Raises TryError."""
        if len(policy) > MAX_POLICY:
            raise TryError(f"a policy in the playground has at most {MAX_POLICY:,} characters")
        if len(call) > MAX_CALL:
            raise TryError(f"a call in the playground has at most {MAX_CALL:,} characters")
        return await self._lanes[work].answer(_line(work, policy, call, ground or Ground()))

    def close(self) -> None:
        """End the processes. What is asked afterwards is refused."""
        for lane in self._lanes.values():
            lane.close()


class Lane:
    """One process for tries, started when first needed, and its queue."""

    def __init__(self) -> None:
        # A thread of its own, so that no try waits where the calls of agents are decided.
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="licet-playground")
        self._lock = threading.Lock()
        self._waiting = 0
        self._child: Child | None = None
        self._tries = 0
        self._closed = False

    async def answer(self, line: bytes) -> Mapping[str, Any]:
        """What the process says to a request. Raises TryError."""
        with self._lock:
            if self._waiting >= _MOST_WAITING:
                raise TryError("many are typing at once: type on to try again")
            self._waiting += 1
        asked = time.monotonic()
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._ask, line, asked)
        except RuntimeError:
            raise TryError("the service is stopping") from None
        finally:
            with self._lock:
                self._waiting -= 1

    def _ask(self, line: bytes, asked: float) -> Mapping[str, Any]:
        if self._closed:
            raise TryError("the service is stopping")
        if time.monotonic() - asked > SECONDS:
            raise TryError("others were first, and it took too long: type on to try again")
        until = time.monotonic() + SECONDS
        try:
            if self._child is None or not self._child.alive() or self._tries >= _LIFETIME:
                self._drop()
                paths = json.dumps([path for path in sys.path if os.path.isabs(path)])
                self._child = Child(_BOOT, [paths, str(_MEMORY), str(os.getpid())])
                until += STARTING
            self._tries += 1
            self._child.say(line, until)
            answer = decode(self._child.hear(until, _MAX_ANSWER), max_size=_MAX_ANSWER)
            if not isinstance(answer, dict):
                raise ChildError("it answered with something else")
            return answer
        except LateError:
            self._drop()
            raise TryError(
                f"it was not decided in {SECONDS:g} seconds, and was given up: make it smaller"
            ) from None
        except (ChildError, JsonError, OSError):
            self._drop()
            raise TryError("the playground's process has failed: type on to try again") from None

    def _drop(self) -> None:
        if self._child is not None:
            self._child.kill()
        self._child, self._tries = None, 0

    def close(self) -> None:
        """End the process; what is going on with it is given up."""
        self._closed = True
        child = self._child
        if child is not None:
            child.stop()
        # What still waits is not cancelled but refused, at once: who asked is told why.
        self._threads.shutdown()
        self._drop()
