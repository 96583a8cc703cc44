"""The guards that decide now, and how one takes the place of another without a call being lost."""

from __future__ import annotations

import threading

from licet.verifier.guard import Guard

#: What a guard was made of: a bundle's digest, and until when it observes (0: it enforces).
Key = tuple[str, int]


class _Held:
    """A guard, with the number of requests that are using it and of tenants whose it is."""

    __slots__ = ("guard", "holders", "key", "users")

    def __init__(self, guard: Guard, key: Key | None) -> None:
        self.guard = guard
        self.key = key
        self.users = 0
        self.holders = 1

    @property
    def is_over(self) -> bool:
        return self.users == 0 and self.holders == 0


class _Lease:
    """One use of a guard. (A generator as a context costs a request three times as much.)"""

    __slots__ = ("_guards", "_held")

    def __init__(self, guards: Guards, held: _Held) -> None:
        self._guards, self._held = guards, held

    def __enter__(self) -> Guard:
        return self._held.guard

    def __exit__(self, *_: object) -> None:
        self._guards._give_back(self._held)


class Guards:
    """The active guard of each tenant: its own, or the one that all others share.

    A request leases the guard once and keeps it to its end. `swap` is atomic: who leases afterwards
    gets the new one; the old one is closed when the last request that uses it is done.
    """

    def __init__(self, guard: Guard, key: Key | None = None) -> None:
        self._lock = threading.Lock()
        self._shared = _Held(guard, key)
        self._own: dict[str, _Held] = {}

    def lease(self, tenant: str) -> _Lease:
        """The tenant's guard, for a `with` block: open until it is left."""
        with self._lock:
            held = self._own.get(tenant, self._shared)
            held.users += 1
        return _Lease(self, held)

    def _give_back(self, held: _Held) -> None:
        with self._lock:
            held.users -= 1
            over = held.is_over
        if over:
            held.guard.close()

    def swap(self, guard: Guard, *, tenant: str | None = None, key: Key | None = None) -> None:
        """Let `guard` decide from now on: for one tenant, or for all that have none of their own.

        The caller has activated its policy in the store, so that other processes refuse until they
        have it too.
        """
        self._put(tenant, _Held(guard, key))

    def share(self, tenant: str, key: Key, activation: int) -> bool:
        """Let a guard that is here already, made of `key`, decide for a tenant too, whose
        activation it follows. False where there is none."""
        with self._lock:
            known = (self._shared, *self._own.values())
            held = next((each for each in known if each.key == key and each.holders), None)
            if held is None:
                return False
            held.holders += 1
            held.guard.follow(tenant, activation)
        self._put(tenant, held)
        return True

    def observes_until(self, tenant: str) -> float | None:
        """Until when refusals are let through (seconds since 1970), while they are; else None."""
        return self._own.get(tenant, self._shared).guard.observes_until()

    def close(self) -> None:
        """Close all, those in use when they are given back."""
        with self._lock:
            known = {self._shared, *self._own.values()}
            for held in known:
                held.holders = 0
            idle = [held for held in known if held.is_over]
        for held in idle:
            held.guard.close()

    def _put(self, tenant: str | None, new: _Held) -> None:
        with self._lock:
            old: _Held | None
            if tenant is None:
                old, self._shared = self._shared, new
            else:
                old = self._own.get(tenant)
                self._own[tenant] = new
            if old is not None:
                old.holders -= 1
            over = old is not None and old.is_over
        if over and old is not None:
            old.guard.close()
