"""Letting this process decide by what is active, wherever it was activated.

What is active is a number in the store. A thread looks at it every second, and at once when a guard
refuses because its own is not the last one any more. Then the active bundle is taken from the store
and compiled, and its guard takes the place of the old one. Until that is done every call of the
tenant is refused; what cannot be loaded goes on being refused, and is said.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from licet.verifier.history import Head, Store, StoreError

from ..guards import Guards
from .activating import Done, Make
from .shelf import Activation, Shelf
from .unpacking import compiled

log = logging.getLogger("licet.service")

#: Seconds between two looks, and before what could not be loaded is tried again.
EVERY: Final = 1.0
AGAIN: Final = 15.0


@dataclass(slots=True)
class _Tenant:
    """What this process decides by, and what it could not load, and when."""

    activation: int = 0
    failed: int = 0
    failed_at: float = 0.0


class Following:
    """Follows the tenants that it has been told of. Safe to share between threads."""

    def __init__(
        self,
        store: Store,
        guards: Guards,
        make: Make,
        *,
        followed: Callable[[str, int], object],
        every: Callable[[Mapping[str, Head]], object],
    ) -> None:
        """`followed` is told of a tenant whose guard was replaced, and until when the new one
        observes; `every` is told at each look where the tenants stand."""
        self._store = store
        self._guards = guards
        self._make = make
        self._followed = followed
        self._every = every
        self._tenants: dict[str, _Tenant] = {}
        self._held: set[str] = set()
        self._loading = threading.Lock()
        self._starting = threading.Lock()
        self._woken = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look from now on."""
        with self._starting:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._run, name="licet-following", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        with self._starting:
            self._closed = True
        self._woken.set()

    def stale(self, tenant: str) -> None:
        """A guard has refused calls of a tenant. Takes no time."""
        self._tenants.setdefault(tenant, _Tenant())
        self.start()
        self._woken.set()

    def decides_by(self, tenant: str, activation: int) -> None:
        """The shared guard decides for a tenant, by this activation."""
        self._tenants[tenant] = _Tenant(activation)

    def hold(self, tenant: str) -> None:
        """This process is about to activate something, and has its guard already: nothing is loaded
        for the tenant until `release`."""
        self._held.add(tenant)

    def release(self, tenant: str) -> None:
        self._held.discard(tenant)
        self._woken.set()

    def take(self, tenant: str, done: Done) -> None:
        """Decide by what this process has just activated."""
        if done.guard is None:
            return
        active = done.activation
        with self._loading:
            if self._tenants.get(tenant, _Tenant()).activation > active.number:
                done.guard.close()
                return
            key = (active.digest, active.observe_until)
            self._guards.swap(done.guard, tenant=tenant, key=key)
            self._has(tenant, active)

    def look(self) -> None:
        """Load what is active and is not what this process decides by. Raises StoreError."""
        heads = self._store.heads()
        self._every(heads)
        for tenant, known in tuple(self._tenants.items()):
            now = heads[tenant].activation if tenant in heads else 0
            failed = known.failed == now and time.monotonic() < known.failed_at + AGAIN
            if now != known.activation and not failed and tenant not in self._held:
                self.load(tenant)

    def load(self, tenant: str) -> bool:
        """Decide by what is active in a tenant; False where that cannot be, which is said."""
        with self._loading:
            with self._store.begin(tenant) as tx:
                shelf, head = Shelf(tx), tx.head()
                active = shelf.active()
                bundle = None if active is None else shelf.bundle(active.digest)
            known = self._tenants.setdefault(tenant, _Tenant())
            if active is None or bundle is None:
                return self._cannot(tenant, known, head.activation, "it is not kept as a bundle")
            if known.activation == active.number:
                return True
            key = (active.digest, active.observe_until)
            if not self._guards.share(tenant, key, active.number):
                try:
                    program = compiled(bundle)
                    if program.digest != head.policy:
                        text = "this version of licet, or of a library, makes another policy of it"
                        return self._cannot(tenant, known, active.number, text)
                    guard = self._make(program, active.observe_until)
                except Exception as error:
                    return self._cannot(tenant, known, active.number, str(error))
                guard.follow(tenant, active.number)
                self._guards.swap(guard, tenant=tenant, key=key)
            self._has(tenant, active)
            log.info("%s is decided by %s now", tenant, active.digest)
            return True

    def caught_up(self, tenant: str, since: int) -> bool | None:
        """Whether this process decides by a later activation than `since`; False: the one that is
        active cannot be loaded; None: that is not known yet."""
        known = self._tenants.get(tenant, _Tenant())
        if known.activation > since:
            return True
        return False if known.failed > since or self._closed else None

    def _has(self, tenant: str, active: Activation) -> None:
        self._tenants[tenant] = _Tenant(active.number)
        self._followed(tenant, active.observe_until)

    def _cannot(self, tenant: str, known: _Tenant, activation: int, why: str) -> bool:
        if known.failed != activation:
            text = "%s: the active policy cannot be loaded here, its calls are refused: %s"
            log.error(text, tenant, why)
        known.failed, known.failed_at = activation, time.monotonic()
        return False

    def _run(self) -> None:
        blind = False
        while not self._closed:
            self._woken.wait(EVERY)
            self._woken.clear()
            if self._closed:
                return
            try:
                self.look()
            except StoreError as error:
                if not blind:  # said once: a store that is away is away for many looks
                    log.warning("what is active cannot be looked up: %s", error)
                blind = True
            except Exception:
                log.exception("what is active could not be loaded")
            else:
                blind = False
