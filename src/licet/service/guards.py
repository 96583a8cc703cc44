"""The guards that decide now, and how one takes the place of another without a call being lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from licet.verifier.guard import Guard


class _Held:
    """A guard with the number of requests that are using it."""

    __slots__ = ("guard", "retired", "users")

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.users = 0
        self.retired = False


class Guards:
    """The active guard of each tenant: its own, or the one that all others share.

    A request leases the guard once and keeps it to its end. `swap` is atomic: who leases afterwards
    gets the new one; the old one is closed when the last request that uses it is done.
    """

    def __init__(self, guard: Guard) -> None:
        self._lock = threading.Lock()
        self._shared = _Held(guard)
        self._own: dict[str, _Held] = {}

    @contextmanager
    def lease(self, tenant: str) -> Iterator[Guard]:
        """The tenant's guard, open until the block is left."""
        with self._lock:
            held = self._own.get(tenant, self._shared)
            held.users += 1
        try:
            yield held.guard
        finally:
            with self._lock:
                held.users -= 1
                over = held.retired and held.users == 0
            if over:
                held.guard.close()

    def swap(self, guard: Guard, *, tenant: str | None = None) -> None:
        """Let `guard` decide from now on: for one tenant, or for all that have none of their own.

        The caller has activated its policy in the store, so that other processes refuse until they
        have it too.
        """
        new = _Held(guard)
        with self._lock:
            if tenant is None:
                old: _Held | None = self._shared
                self._shared = new
            else:
                old = self._own.get(tenant)
                self._own[tenant] = new
            over = old is not None and self._retire(old)
        if over and old is not None:
            old.guard.close()

    def close(self) -> None:
        """Close all, those in use when they are given back."""
        with self._lock:
            idle = [held for held in (self._shared, *self._own.values()) if self._retire(held)]
        for held in idle:
            held.guard.close()

    @staticmethod
    def _retire(held: _Held) -> bool:
        held.retired = True
        return held.users == 0
