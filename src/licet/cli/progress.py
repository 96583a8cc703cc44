"""How far a long run has come, on a terminal that shows nothing else meanwhile."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .verb import Streams

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: A run that ends sooner shows no bar.
_PATIENCE = 1.0


class Bar:
    """Bytes (or whatever is counted) done of `total` (None: unknown), on a terminal alone.

    Silent where results go to a terminal as they come: they are the progress. With `results_last`
    they come when the bar is gone. `noun` is what `at` is told the number of.
    """

    def __init__(
        self,
        streams: Streams,
        total: int | None,
        *,
        noun: str = "calls",
        results_last: bool = False,
    ) -> None:
        self._streams = streams
        self._total = total
        self._noun = noun
        self._wanted = streams.err.coloured and (results_last or not streams.out.interactive)
        self._start = time.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def at(self, done: int, count: int) -> None:
        """So many bytes and calls are behind us."""
        if not self._wanted:
            return
        if self._progress is None:
            if time.monotonic() - self._start < _PATIENCE:
                return
            self._begin()
        assert self._progress is not None
        assert self._task is not None
        self._progress.update(self._task, completed=done, description=f"{count:,} {self._noun}")

    def _begin(self) -> None:
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._streams.err.console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=self._total)
        self._progress.start()


def size_of(path: str) -> int | None:
    """A regular file's size in bytes; None for standard input and pipes."""
    try:
        size = os.stat(path).st_size if path != "-" else 0
    except OSError:
        return None
    return size or None
