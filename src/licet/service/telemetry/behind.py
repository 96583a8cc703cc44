"""A log that is written behind: nobody who asks waits for whoever reads it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

#: Lines that may wait to be written.
MOST = 20_000
#: How long lines are gathered, in seconds, so that many are written at once.
GATHERED = 0.05


#: A text, or what makes it.
Line = str | Callable[[], str]


class Behind:
    """A stream for lines, written to another by a thread of its own, in order. A line is a text, or
    what makes one: that is called by the thread, with many others, and costs nobody else a thing.

    Where the other is stuck, lines wait; `write` raises OSError for those beyond `most`, and where
    the other has failed.
    """

    def __init__(self, stream: TextIO, *, most: int = MOST) -> None:
        self._stream, self._most = stream, most
        self._lines: deque[Line] = deque()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._failed: Exception | None = None
        self._closing = False

    def write(self, line: Line) -> None:
        """Take a line, or several in one text."""
        if self._failed is not None:
            raise OSError(f"the log cannot be written: {type(self._failed).__name__}")
        if len(self._lines) >= self._most:
            raise OSError("the log is not read: too many lines wait to be written")
        self._lines.append(line)
        if self._thread is None:
            self._start()
        if not self._some.is_set():
            self._some.set()

    def flush(self) -> None:
        """What was taken is written soon."""

    def close(self, seconds: float = 2.0) -> None:
        """Write what waits, for as long as this takes at most."""
        self._closing = True
        self._some.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="licet-log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            try:
                text = "".join([_text(line) for line in lines])
                if text:
                    self._stream.write(text)
                    self._stream.flush()
            except Exception as error:
                self._failed = error
                return
            if self._closing and not self._lines:
                return
            if not self._closing:
                time.sleep(GATHERED)


def _text(line: Line) -> str:
    if isinstance(line, str):
        return line
    try:
        return line()
    except Exception as error:  # the others are written all the same
        return f'{{"level": "error", "event": "a line is lost", "why": "{type(error).__name__}"}}\n'
