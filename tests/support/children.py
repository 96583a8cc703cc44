"""Forked children that report line by line, and stop where they are told to."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator

#: What a child calls to say a line and wait until its parent lets it go on.
Step = Callable[[str], None]


class Child:
    """A process that runs a function, which says a line at each step and waits there.

    Forked, not spawned: a child per step of a transaction has to cost milliseconds.
    """

    def __init__(self, act: Callable[[Step], None]) -> None:
        lines, self._say = os.pipe()
        self._wait, self._go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(lines)
            os.close(self._go)
            self._live(act)
        os.close(self._say)
        os.close(self._wait)
        self._lines = os.fdopen(lines)

    def _live(self, act: Callable[[Step], None]) -> None:
        code = 1
        try:
            act(self._step)
            code = 0
        except BaseException:
            os.write(self._say, f"! {traceback.format_exc()!r}\n".encode())
        finally:
            os._exit(code)  # never back into pytest

    def _step(self, line: str) -> None:
        os.write(self._say, f"{line}\n".encode())
        if not os.read(self._wait, 1):
            os._exit(2)  # the parent is gone

    def __iter__(self) -> Iterator[str]:
        """The lines as they come; a child goes on from a step when the next is asked for."""
        for line in self._lines:
            yield line.rstrip("\n")
            self.go_on()

    def go_on(self) -> None:
        os.write(self._go, b".")

    def read(self) -> str:
        """The next line, empty at the end; the child stays where it is."""
        return self._lines.readline().rstrip("\n")

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        _, status = os.waitpid(self.pid, 0)
        self._lines.close()
        os.close(self._go)
        return os.waitstatus_to_exitcode(status)
