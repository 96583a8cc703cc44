"""Until when a guard observes: what its policy refuses is recorded and let through."""

from __future__ import annotations

import time
from datetime import datetime


class Observation:
    """`until` (None: never) has a time zone; ValueError else."""

    def __init__(self, until: datetime | None) -> None:
        if until is not None and until.utcoffset() is None:
            raise ValueError("observe_until has a time zone")
        self.until = until
        left = 0.0 if until is None else until.timestamp() - time.time()
        self._over = time.monotonic() + left

    def is_on(self) -> bool:
        """Until the time has come, or has passed: a clock that goes back does not bring it back."""
        until = self.until
        return (
            until is not None and time.time() < until.timestamp() and time.monotonic() < self._over
        )
