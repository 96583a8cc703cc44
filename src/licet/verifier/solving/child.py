"""A process of ours that answers line by line, seen from the parent: asked with a deadline, killed.

It leads a process group of its own, has no environment and no file of ours but the two pipes. What
it says is not trusted to be anything but bytes.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO


class ChildError(Exception):
    """The process is of no more use, and must be killed; says why."""


class LateError(ChildError):
    """The deadline has passed."""


class GarbledError(ChildError):
    """It said something that is not one line."""


class Child:
    """A running process. Not safe to share: one thread asks at a time."""

    def __init__(self, code: str, arguments: Sequence[str]) -> None:
        """Run Python code, isolated (`-I`: no module from the working directory, no user site).
        Raises OSError."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            bufsize=0,
            close_fds=True,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def say(self, line: bytes, until: float) -> None:
        """Send a line by `until` (monotonic seconds). Raises ChildError."""
        rest = memoryview(line)
        try:
            while rest:
                try:
                    rest = rest[os.write(self._in, rest) :]
                except BlockingIOError:
                    self._wait(self._in, selectors.EVENT_WRITE, until)
        except OSError:
            raise ChildError("it has crashed") from None

    def used(self) -> float:
        """Seconds of processor time so far; those of the clock, where the system does not tell."""
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_bytes()
            user, system = stat.rpartition(b")")[2].split()[11:13]
        except (OSError, ValueError):
            return time.monotonic()
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def has_said(self, until: float) -> bool:
        """Whether it has said something by `until`, or has ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            return bool(selector.select(max(0.0, until - time.monotonic())))

    def give_way(self) -> bool:
        """Let it run where nobody else wants to. For good: one may not take it back.

        False: the system was told too much of this just now, and has to be told again.
        """
        return _give_way(self._process.pid)

    def hear(self, until: float, most: int) -> bytes:
        """The line that it says by `until`, of about `most` bytes. Raises ChildError."""
        buffer = bytearray()
        while True:
            try:
                chunk = os.read(self._out, 1 << 16)
            except BlockingIOError:
                self._wait(self._out, selectors.EVENT_READ, until)
                continue
            except OSError:
                raise ChildError("it has crashed") from None
            if not chunk:
                raise ChildError("it has crashed")
            buffer += chunk
            if b"\n" in chunk:
                break
            if len(buffer) > most:
                raise GarbledError("an endless line")
        if buffer.index(b"\n") != len(buffer) - 1:
            raise GarbledError("more than one line")
        return bytes(buffer)

    def stop(self) -> None:
        """End it now, with all its group. From any thread: whoever hears it hears that it ended."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._process.kill()

    def kill(self) -> None:
        """End it now, and reap it."""
        self.stop()
        self._close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)

    def abandon(self) -> None:
        """In a forked child: forget the process, which is still the parent's."""
        self._process.returncode = 0  # not ours to wait for
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _wait(self, fd: int, event: int, until: float) -> None:
        left = until - time.monotonic()
        if left > 0:
            with selectors.DefaultSelector() as selector:
                selector.register(fd, event)
                if selector.select(left):
                    return
        raise LateError("the deadline has passed")


def _give_way(pid: int) -> bool:
    with contextlib.suppress(OSError):  # it has just ended
        if sys.platform == "linux":
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
        else:
            os.setpriority(os.PRIO_PROCESS, pid, 19)
    # Linux may weigh sessions against each other, and not the processes in them: then what one
    # process is counts for nothing outside of its session, and each child has its own.
    try:
        with open(f"/proc/{pid}/autogroup", "wb", buffering=0) as group:
            return group.write(b"19") is not None
    except OSError:  # there is no such thing here, or it has just ended
        return True


# --- the child's own side


def giving_way(after: float) -> None:
    """Let this process run where nobody else wants to, once it has used so many seconds of
    processor time, and for good. In the main thread alone."""
    signal.signal(signal.SIGPROF, lambda *_: _give_way(os.getpid()))
    signal.setitimer(signal.ITIMER_PROF, after, 1.0)  # and again: the system may not have listened


def confined(memory: int, parent: int) -> BinaryIO:
    """Where answers go, once this process has at most `memory` bytes and ends with its parent."""
    import resource

    # What a library prints must not be read as an answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    return answers


def _watch(parent: int) -> None:
    """End with the parent, whatever this process is in the middle of."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
