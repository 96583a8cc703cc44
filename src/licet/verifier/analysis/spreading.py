"""Many questions at once: each job on a thread, each search in a worker process.

Jobs are independent; their results come back in the order of the jobs, whatever order they end in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def workers() -> int:
    """How many searches may run at once on this machine."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, min(16, len(os.sched_getaffinity(0))))
    return max(1, min(16, os.cpu_count() or 1))


def spread(
    work: Callable[[Job], Result], jobs: Iterable[Job], done: Callable[[int], None] | None = None
) -> Sequence[Result]:
    """The results of all jobs; `done` is told on this thread how many are behind us."""
    results: list[Result] = []
    with ThreadPoolExecutor(workers() + 1, thread_name_prefix="licet-analysis") as pool:
        futures = [pool.submit(work, job) for job in jobs]
        try:
            for future in futures:
                results.append(future.result())
                if done is not None:
                    done(len(results))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results
