"""The policies of a service's tenants: everything that routes and pages ask for, in one place.

Methods may wait for the store, for a process that examines a bundle, or for a compiler: call them
on `threads`, never on an event loop, and not on the threads that decide calls.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from licet.compiler.program import Program
from licet.verifier.guard import Guard
from licet.verifier.history import Head, Store, StoreError

from ..guards import Guards
from ..resolvers import add_resolvers
from ..settings import ServiceSettings
from ..telemetry.sinks import Telemetry
from .activating import Activating, Done, NotThereError, Person, PolicyError
from .bundle import Bundle
from .canary import RESULTS, Canaries
from .examining import Examination, Examiner
from .following import Following
from .opening import Files, open_tenant
from .shelf import MOST_UPLOADS, Activation, Ask, Canary, Shelf, Upload

log = logging.getLogger("licet.service")

#: Activations that are looked through for those of one bundle.
_RECENT: Final = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """One bundle in a list. `verdict` is how it compares with `compared_with`."""

    upload: Upload
    verdict: str
    compared_with: str
    active: bool
    #: Its activations, the newest first, as far back as is listed.
    activations: tuple[Activation, ...]
    asked: Ask | None


@dataclass(frozen=True, slots=True)
class Policy:
    """One bundle with all that is known of it."""

    listed: Listed
    bundle: Bundle
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is active in a tenant: None where it is no bundle that is kept. `policy` is the digest
    of what decides, `observes_until` is in seconds since 1970, None where it enforces."""

    activation: Activation | None
    policy: str
    observes_until: float | None


@dataclass(frozen=True, slots=True)
class Canaried:
    """What decides beside the active policy, if any; how calls compared by it or by the last one,
    and the last of those that it decided otherwise."""

    canary: Canary | None
    counts: Mapping[str, int]
    differences: Sequence[Mapping[str, Any]]


class RejectedError(PolicyError):
    """A bundle that is not taken: it does not compile, or not in time."""

    def __init__(self, message: str, found: Examination) -> None:
        super().__init__(message)
        self.found = found


class Policies:
    """All of it, for one app."""

    def __init__(
        self,
        store: Store,
        guards: Guards,
        first: Guard,
        settings: ServiceSettings,
        telemetry: Telemetry,
        every: Callable[[], object] | None = None,
    ) -> None:
        self._store = store
        self._guards = guards
        self._first = first
        self._settings = settings
        self._telemetry = telemetry
        self._examiner = Examiner(settings.limits.examination)
        self._canaries = Canaries(store, telemetry, first.redacted)
        self._following = Following(
            store, guards, self._make, followed=self._followed, every=self._looked
        )
        self._every = every
        self._activating = Activating(store, self._examiner, self._make, self._following.hold)
        first.when_stale(self._following.stale)
        first.decide_beside(self._canaries)

    @property
    def threads(self) -> ThreadPoolExecutor:
        """Where to call what may take long."""
        return self._examiner.threads

    # --- life

    def open(self, tenants: Iterable[str], files: Files | None) -> None:
        """Decide by what is active in each tenant. Without files, the first guard's policy is made
        the active one. Where what is active cannot be loaded, the tenant's calls are refused, and
        others' are not. Raises StoreError."""
        for tenant in tenants:
            if files is None:
                number = self._first.activate(tenant=tenant)
                self._following.decides_by(tenant, number)
                continue
            try:
                self._open(tenant, files)
            except StoreError:
                raise
            except Exception as error:
                log.error("%s: the active policy cannot be loaded: %s", tenant, error)
                self._following.stale(tenant)
            finally:
                self._following.release(tenant)

    def _open(self, tenant: str, files: Files) -> None:
        word = self._settings.policies
        active = open_tenant(self._store, self._activating, tenant, files, word)
        key = (active.digest, active.observe_until)
        if key == (files.bundle.digest, files.observe_until):
            self._first.follow(tenant, active.number)
            self._following.decides_by(tenant, active.number)
            self._followed(tenant, active.observe_until)
        else:
            self._following.load(tenant)

    def start(self) -> None:
        """Follow what is activated elsewhere."""
        self._following.start()

    def caught_up(self, tenant: str, since: int) -> bool | None:
        """See `Following.caught_up`. Takes no time."""
        return self._following.caught_up(tenant, since)

    def look(self) -> None:
        """Follow what is activated elsewhere, now. Raises StoreError."""
        self._following.look()

    def close(self) -> None:
        self._following.close()
        self._canaries.close()
        self._examiner.close()

    # --- what there is

    def standing(self, tenant: str) -> Standing:
        """What is active. Raises StoreError."""
        with self._store.begin(tenant) as tx:
            return Standing(
                Shelf(tx).active(), tx.head().policy, self._guards.observes_until(tenant)
            )

    def listed(self, tenant: str, before: int | None, most: int) -> Sequence[Listed]:
        """The bundles, the newest upload first. Raises StoreError."""
        with self._store.begin(tenant) as tx:
            shelf = Shelf(tx)
            return _listed(shelf, shelf.uploads(before, most))

    def history(self, tenant: str, before: int | None, most: int) -> Sequence[Activation]:
        """What was active, the newest first. Raises StoreError."""
        with self._store.begin(tenant) as tx:
            return Shelf(tx).activations(before, most)

    def policy(self, tenant: str, digest: str) -> Policy:
        """Raises NotThereError, BundleError and StoreError."""
        with self._store.begin(tenant) as tx:
            shelf = Shelf(tx)
            bundle, upload = shelf.bundle(digest), shelf.upload(digest)
            if bundle is None or upload is None:
                raise NotThereError("there is no such policy")
            return _policy(shelf, upload, bundle)

    def bundle_of(self, tenant: str, policy: str, catalog: str) -> Bundle | None:
        """A bundle that compiled to these digests, as far as it is kept. Raises StoreError."""
        with self._store.begin(tenant) as tx:
            shelf = Shelf(tx)
            for upload in shelf.uploads(None, MOST_UPLOADS):
                if (upload.policy, upload.catalog) == (policy, catalog):
                    return shelf.bundle(upload.digest)
        return None

    def compare(self, tenant: str, old: str, new: str) -> Examination:
        """What of two bundles the second decides otherwise; nothing of it is kept. Raises
        NotThereError, BundleError, BusyError and StoreError."""
        base, bundle = self.policy(tenant, old).bundle, self.policy(tenant, new).bundle
        return self._examiner.examine(tenant, bundle, base)

    # --- what is done

    def upload(self, tenant: str, bundle: Bundle, by: str) -> Policy:
        """Take a bundle that compiles, compared with what is active. Raises RejectedError,
        BusyError and StoreError."""
        with self._store.begin(tenant) as tx:
            shelf = Shelf(tx)
            active = shelf.active()
            base = None if active is None else shelf.bundle(active.digest)
        found = self._examiner.examine(tenant, bundle, base)
        if found.policy is None or found.catalog is None:
            if found.finished or found.diagnostics:
                raise RejectedError("this is no policy that loads", found)
            raise RejectedError("it could not be compiled in time", found)
        with self._store.begin(tenant) as tx:
            shelf = Shelf(tx)
            upload = shelf.put(bundle, by, "upload", found.name, found.policy, found.catalog)
            compared = active.digest if active is not None and base is not None else ""
            shelf.put_report(upload.digest, compared, found.verdict, found.report)
            shelf.note(
                upload.digest,
                "sent",
                by,
                policy=upload.policy,
                catalog=upload.catalog,
                difference=found.verdict,
            )
            return _policy(shelf, shelf.upload(upload.digest) or upload, bundle)

    def activate(
        self,
        tenant: str,
        digest: str,
        who: Person,
        *,
        allow_widening: bool = False,
        observe_until: int = 0,
    ) -> Activation | Ask:
        """See `Activating.activate`; this process decides by it at once."""
        return self._taken(
            tenant,
            lambda: self._activating.activate(
                tenant, digest, who, allow_widening=allow_widening, observe_until=observe_until
            ),
        )

    def roll_back(
        self, tenant: str, who: Person, *, allow_widening: bool = False
    ) -> Activation | Ask:
        """See `Activating.roll_back`."""
        return self._taken(
            tenant,
            lambda: self._activating.roll_back(tenant, who, allow_widening=allow_widening),
        )

    def _taken(self, tenant: str, activate: Callable[[], Done | Ask]) -> Activation | Ask:
        if self._settings.policies == "files":
            raise PolicyError("this service's policy is its files: change them, and start it again")
        try:
            done = activate()
            if isinstance(done, Ask):
                return done
            self._following.take(tenant, done)
            return done.activation
        finally:
            self._following.release(tenant)

    def start_canary(self, tenant: str, digest: str, by: str) -> Canary:
        """Let a bundle decide beside the active one, in place of any other. Raises NotThereError,
        PolicyError where it is the active one, and StoreError."""
        with self._store.begin(tenant) as tx:
            shelf = Shelf(tx)
            active = shelf.active()
            if shelf.upload(digest) is None:
                raise NotThereError("there is no such policy")
            if active is not None and active.digest == digest:
                raise PolicyError("this policy is the active one")
            known = shelf.canary()
            if known is not None and known.digest == digest:
                return known
            canary = Canary(digest, by, tx.instant)
            shelf.put_canary(canary)
            shelf.note(digest, "canary started", by)
        self._canaries.look(self._store.heads())
        return canary

    def end_canary(self, tenant: str, digest: str, by: str) -> None:
        """Raises NotThereError and StoreError."""
        with self._store.begin(tenant) as tx:
            shelf = Shelf(tx)
            canary = shelf.canary()
            if canary is None or canary.digest != digest:
                raise NotThereError("this policy does not decide beside the active one")
            shelf.put_canary(None)
            shelf.note(digest, "canary ended", by)
        self._canaries.look(self._store.heads())

    def canaried(self, tenant: str) -> Canaried:
        """What decides beside, and what became of it. Raises StoreError."""
        with self._store.begin(tenant) as tx:
            shelf = Shelf(tx)
            counts = {k: v for k, v in shelf.compared().items() if k in RESULTS}
            return Canaried(shelf.canary(), counts, shelf.differences())

    # --- for guards

    def _make(self, program: Program, observe_until: int) -> Guard:
        until = datetime.fromtimestamp(observe_until / 1_000_000, UTC) if observe_until else None
        guard = self._first.sibling(program, observe_until=until)
        known = [fact for fact in self._settings.facts if fact.name in program.facts]
        add_resolvers(guard, tuple(known), self._telemetry.fact_lost)
        guard.when_stale(self._following.stale)
        guard.decide_beside(self._canaries)
        return guard

    def _looked(self, heads: Mapping[str, Head]) -> None:
        self._canaries.look(heads)
        if self._every is None:
            return
        try:
            self._every()
        except StoreError:
            raise
        except Exception:  # what is active is followed all the same
            log.exception("what else is done every second has failed")

    def _followed(self, tenant: str, observe_until: int) -> None:
        self._telemetry.metrics.observes(tenant, observe_until / 1_000_000)
        if observe_until / 1_000_000 > time.time():
            log.warning("%s is observed: refused calls are let through", tenant)


def _policy(shelf: Shelf, upload: Upload, bundle: Bundle) -> Policy:
    [listed] = _listed(shelf, [upload])
    return Policy(listed, bundle, shelf.report(upload.digest))


def _listed(shelf: Shelf, uploads: Sequence[Upload]) -> list[Listed]:
    active, asks = shelf.active(), shelf.asks()
    activations = shelf.activations(None, _RECENT)
    return [
        Listed(
            upload,
            upload.verdict,
            upload.base,
            active is not None and active.digest == upload.digest,
            tuple(each for each in activations if each.digest == upload.digest),
            asks.get(upload.digest),
        )
        for upload in uploads
    ]
