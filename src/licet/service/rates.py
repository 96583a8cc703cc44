"""How often one caller may ask: a bucket of tokens for each, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable

from .callers import Caller
from .problems import Problem

_MOST_BUCKETS = 10_000


class Rates:
    """`rate` requests a second on average (None: any number), `burst` at once."""

    def __init__(
        self, rate: float | None, burst: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def take_rest(self, caller: Caller, calls: int) -> None:
        """Count the calls of a batch, of which the request itself was the first. Raises Problem
        429, and 413 for a batch that no waiting would ever let through."""
        if self._rate is not None and calls > self._burst:
            text = f"at most {int(self._burst):,} calls come at once here: `limits.burst`"
            raise Problem(413, text)
        self.take(caller, max(0, calls - 1))

    def take(self, caller: Caller, weight: float = 1.0) -> None:
        """Count one request of a caller. Raises Problem 429, with when to come again."""
        if self._rate is None:
            return
        name = (caller.tenant, caller.name)  # names are each tenant's own
        now = self._clock()
        left, since = self._buckets.get(name, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        if left < weight:
            wait = max(1, round((weight - left) / self._rate + 0.5))
            raise Problem(
                429, "too many requests of this credential", headers={"Retry-After": str(wait)}
            )
        if name not in self._buckets and len(self._buckets) >= _MOST_BUCKETS:
            self._buckets.pop(next(iter(self._buckets)))
        self._buckets[name] = (left - weight, now)
