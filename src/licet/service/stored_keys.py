"""Credentials that are keys in the store → callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container
from dataclasses import dataclass

from licet.verifier.history import Store
from licet.verifier.lanes import Lanes

from .auth import PREFIX, hash_of
from .callers import Caller
from .keys import KeyRefusedError, Keyring, scope_of

#: Seconds for which an answer of the store is believed: a key that is revoked ends that soon, in
#: every worker of every replica.
KEPT = 2.0
_MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store said of a credential, and until when that is believed."""

    caller: Caller | None
    until: float


class StoredKeys:
    """The keys of a store, those of the tenants that are `served` alone: a database may be shared
    by services that serve different ones. `clock` and `ticks` are `time.time`, `time.monotonic`."""

    def __init__(
        self,
        keyring: Keyring,
        store: Store,
        served: Container[str],
        *,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock, self._ticks = clock, ticks
        # Of their own: who asks for much elsewhere does not keep others from being known.
        self._lanes = Lanes(threads=2, each=1)
        self._keyring = keyring
        self._store = store
        self._served = served
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[_Known]] = {}

    async def caller(self, credential: str) -> Caller | None:
        """Whose key this is. Raises StoreError where the store cannot say."""
        if not credential.startswith(PREFIX) or not self._keyring.is_marked(credential):
            return None
        return await self._found(hash_of(credential))

    def forget(self) -> None:
        """Believe nothing that the store has said so far: a key was revoked, or rotated, here."""
        self._known.clear()

    def close(self) -> None:
        """Let the threads end."""
        self._lanes.close()

    async def lives(self, caller: Caller) -> bool:
        """Whether a caller's key still counts, and ends when it did. One that is none of the
        store's is not asked for. Raises StoreError."""
        if caller.stored is None:
            return True
        found = await self._found(caller.stored)
        return found is not None and found.expires == caller.expires

    async def _found(self, hashed: str) -> Caller | None:
        known = self._known.get(hashed)
        if known is None or self._ticks() >= known.until:
            known = await self._asked(hashed)
        caller = known.caller
        if caller is None or caller.expires is None or self._clock() < caller.expires:
            return caller
        return None

    async def _asked(self, hashed: str) -> _Known:
        """The store's answer; who asks at the same time shares it."""
        task = self._asking.get(hashed)
        if task is None:
            task = asyncio.create_task(self._ask(hashed))
            self._asking[hashed] = task
            task.add_done_callback(lambda done: self._answered(hashed, done))
        return await asyncio.shield(task)

    def _answered(self, hashed: str, done: asyncio.Task[_Known]) -> None:
        self._asking.pop(hashed, None)
        if not done.cancelled():
            done.exception()  # looked at, though all who asked may have gone

    async def _ask(self, hashed: str) -> _Known:
        until = self._ticks() + KEPT  # from before it is read: no answer is older than that
        if self._store.blocking:
            known = await self._lanes.run(hashed, lambda: self._look_up(hashed, until))
        else:
            known = self._look_up(hashed, until)
        if hashed not in self._known and len(self._known) >= _MOST_KNOWN:
            self._known.pop(next(iter(self._known)))
        self._known[hashed] = known
        return known

    def _look_up(self, hashed: str, until: float) -> _Known:
        found = self._store.key(hashed)
        if found is None or found[0] not in self._served:
            return _Known(None, until)
        tenant, row = found
        try:
            scope = scope_of(row)
        except KeyRefusedError:
            return _Known(None, until)
        caller = Caller(
            f"keys/{row.name}",  # no name of the configuration has a slash
            scope.roles,
            tenant,
            scope.principal,
            scope.context,
            scope.session,
            scope.tools,
            expires=None if row.ends is None else row.ends / 1_000_000,
            stored=hashed,
        )
        return _Known(caller, until)
