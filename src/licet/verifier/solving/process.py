"""One worker process, seen from the parent: started, asked with a deadline, killed.

The child runs isolated (`-I`: no `z3.py` from the working directory, no environment, no user
site), in a process group of its own, with its address space limited, and ends by itself soon after
its parent. It holds no file of ours but the two pipes.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Final

from .protocol import MAX_LINE, Answer, GarbageError, Query, Unknown, answer, request

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
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-c", _BOOT, _HERE, str(memory), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            bufsize=0,
            close_fds=True,
            start_new_session=True,
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._in, self._out = self._child.stdin.fileno(), self._child.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._known: OrderedDict[str, None] = OrderedDict()
        self._new: str | None = None
        self._number = 0

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def asked(self) -> int:
        """How many requests it has been sent."""
        return self._number

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child.poll() is None

    def send(self, query: Query, digest: str, text: str, until: float) -> None:
        """Ask; the answer must be received before the next question is sent.

        `until` in monotonic seconds. Raises WorkerError; then the worker must be killed.
        """
        self._number += 1
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
            self._send(line, until)
        except OSError:
            raise WorkerError("the solver's worker has crashed") from None

    def receive(self, query: Query, until: float) -> Answer:
        """The answer to what was sent, by `until`.

        Raises WorkerError; then the worker must be killed.
        """
        try:
            reply = answer(self._line(until), self._number, query)
        except GarbageError as garbage:
            raise WorkerError(f"the solver's worker answered garbage: {garbage}") from None
        except OSError:
            raise WorkerError("the solver's worker has crashed") from None
        if self._new is not None and isinstance(reply, Unknown):
            # Whether it could read the text is not said, so it is sent again next time.
            self._known.pop(self._new, None)
        return reply

    def kill(self) -> None:
        """End it now, with all its group, and reap it."""
        with contextlib.suppress(OSError):
            os.killpg(self._child.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._child.kill()
        self._close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=5)

    def abandon(self) -> None:
        """In a forked child: forget the worker, which is still the parent's."""
        self._child.returncode = 0  # not ours to wait for
        self._close()

    def _close(self) -> None:
        for pipe in (self._child.stdin, self._child.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _send(self, line: bytes, until: float) -> None:
        rest = memoryview(line)
        while rest:
            try:
                rest = rest[os.write(self._in, rest) :]
            except BlockingIOError:
                self._wait(self._in, selectors.EVENT_WRITE, until)

    def _line(self, until: float) -> bytes:
        buffer = bytearray()
        while True:
            try:
                chunk = os.read(self._out, 1 << 16)
            except BlockingIOError:
                self._wait(self._out, selectors.EVENT_READ, until)
                continue
            if not chunk:
                raise WorkerError("the solver's worker has crashed")
            buffer += chunk
            if b"\n" in chunk:
                break
            if len(buffer) > MAX_LINE:
                raise GarbageError("an endless line")
        if buffer.index(b"\n") != len(buffer) - 1:
            raise GarbageError("more than one line")
        return bytes(buffer)

    def _wait(self, fd: int, event: int, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise WorkerError("the deadline has passed")
        with selectors.DefaultSelector() as selector:
            selector.register(fd, event)
            if not selector.select(left):
                raise WorkerError("the deadline has passed")
