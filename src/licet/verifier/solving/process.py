"""One worker process, seen from the parent: which questions it has been sent, and its answers.

The child ends by itself soon after its parent, and its address space is limited.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from pathlib import Path
from typing import Final

from .child import Child, ChildError, GarbledError, LateError
from .protocol import MAX_LINE, READY, Answer, GarbageError, Query, Unknown, answer, request

#: A question that takes more processor time, in seconds, gives way to everybody else's.
QUICK: Final = 0.25

#: Questions that a worker keeps parsed; `Process` decides which, so both sides agree.
QUESTIONS: Final = 32

_HERE = str(Path(__file__).resolve().parent)

# This package alone, under a name of its own: a worker needs nothing else of licet, starts in half
# the time without, and adds nothing to `sys.path` that could be taken for another module.
_BOOT = """
import sys, importlib.util
spec = importlib.util.spec_from_file_location(
    "licet_solving", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]]
)
sys.modules["licet_solving"] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
importlib.import_module("licet_solving.worker").main(int(sys.argv[2]), int(sys.argv[3]))
"""


class WorkerError(Exception):
    """The worker is of no more use; says why."""


class Process:
    """A running worker. Not safe to share: one thread asks at a time."""

    def __init__(self, memory: int) -> None:
        """Start it; `memory` is its address space in bytes. Raises OSError."""
        self._child = Child(_BOOT, [_HERE, str(memory), str(os.getpid())])
        self._known: OrderedDict[str, None] = OrderedDict()
        self._new: str | None = None
        self._number = 0
        #: The processor time that it had used when it was asked last.
        self._used = 0.0
        #: Whether others have questions too, to which a long one has to give way.
        self.shared = False
        #: Whether the last question took long, and whether one has: it gives way from then on.
        self.slow = self.gives_way = False
        self._told = False  # and the system knows

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def asked(self) -> int:
        """How many requests it has been sent."""
        return self._number

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child.alive()

    def send(self, query: Query, digest: str, text: str, until: float) -> None:
        """Ask; the answer must be received before the next question is sent.

        `until` in monotonic seconds. Raises WorkerError; then the worker must be killed.
        """
        if self._number == 0:
            self._started(until)
        self._number += 1
        self._used = self._child.used()
        forget = None
        new = digest not in self._known
        self._known[digest] = None
        self._known.move_to_end(digest)
        if len(self._known) > QUESTIONS:
            forget, _ = self._known.popitem(last=False)
        self._new = digest if new else None
        seconds = max(0.0, until - time.monotonic())
        line = request(self._number, query, digest, text if new else None, forget, seconds)
        try:
            self._child.say(line, until)
        except ChildError as error:
            raise _worker_error(error) from None

    def receive(self, query: Query, until: float) -> Answer:
        """The answer to what was sent, by `until`.

        Raises WorkerError; then the worker must be killed.
        """
        self._wait(until)
        try:
            reply = answer(self._child.hear(until, MAX_LINE), self._number, query)
        except GarbageError as garbage:
            raise WorkerError(f"the solver's worker answered garbage: {garbage}") from None
        except ChildError as error:
            raise _worker_error(error) from None
        if self._new is not None and isinstance(reply, Unknown):
            # Whether it could read the text is not said, so it is sent again next time.
            self._known.pop(self._new, None)
        return reply

    def _started(self, until: float) -> None:
        """Wait until it takes questions, so that what its start takes is no part of the first."""
        try:
            said = self._child.hear(until, len(READY))
        except ChildError as error:
            raise _worker_error(error) from None
        if said != READY:
            raise WorkerError("the solver's worker answered garbage: it was not asked yet")

    def _wait(self, until: float) -> None:
        """Until it says something; it gives way once its question has taken long."""
        most = self._used + QUICK
        self.slow = False
        while (now := time.monotonic()) < until and not self._child.has_said(
            min(until, now + QUICK)
        ):
            self.slow = self.slow or (self.shared and self._child.used() >= most)
            if self.slow or self.gives_way:
                self.give_way()

    def give_way(self) -> None:
        """Let everybody else's questions run first from now on."""
        self.gives_way = True
        if not self._told:
            self._told = self._child.give_way()

    def kill(self) -> None:
        """End it now, with all its group, and reap it."""
        self._child.kill()

    def abandon(self) -> None:
        """In a forked child: forget the worker, which is still the parent's."""
        self._child.abandon()


def _worker_error(error: ChildError) -> WorkerError:
    match error:
        case LateError():
            return WorkerError("the deadline has passed")
        case GarbledError():
            return WorkerError(f"the solver's worker answered garbage: {error}")
        case _:
            return WorkerError("the solver's worker has crashed")
