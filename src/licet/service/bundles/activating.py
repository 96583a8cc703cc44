"""Who may make which bundle the active one, and how that is done.

A change that is proved to let no call get further (`narrows`, `equivalent`) is anybody's who may
activate. Every other one - wider, incomparable, not decided in time, or observing - has to be
allowed by an administrator, or to be wanted by two persons: the first asks, and the second, who is
somebody else, lets it happen while the same policy is still active. Whoever sent the bundle may be
one of them, never both.

What is compared is always the policy that is active at that moment: if another becomes active in
between, nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from licet.compiler.program import Program
from licet.verifier.guard import Guard
from licet.verifier.history import Store, Transaction

from .bundle import Bundle
from .examining import Examination, Examiner
from .shelf import HARMLESS, Activation, Ask, Shelf, Source, Upload, Verdict
from .unpacking import compiled

_INVERSE: Final[Mapping[Verdict, Verdict]] = {
    "equivalent": "equivalent",
    "narrows": "widens",
    "widens": "narrows",
    "incomparable": "incomparable",
    "unknown": "unknown",
}

#: A guard on a program that observes until an instant (0: enforces). It activates nothing.
Make = Callable[[Program, int], Guard]


class PolicyError(Exception):
    """It is not done; the text says why, to whoever asked."""


class NotThereError(PolicyError):
    """The tenant has no such bundle."""


class NotAllowedError(PolicyError):
    """It would let calls get further, or may, and nobody has allowed that."""

    def __init__(self, message: str, verdict: Verdict, report: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.verdict = verdict
        self.report = report


class ChangedError(PolicyError):
    """Something else has become active meanwhile."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who wants it. `name` is the person's (`people.person_of`)."""

    name: str
    administrator: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What is active now, and the guard that was made for it (None: it was so already)."""

    activation: Activation
    guard: Guard | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stood in the store when somebody asked."""

    bundle: Bundle
    upload: Upload
    active: Activation | None
    base: Bundle | None
    report: Mapping[str, Any]
    of_active: Upload | None
    activation: int
    #: What decides is not what the active bundle compiled to when it was kept.
    drifted: bool


class Activating:
    """Activates bundles of any tenant. Safe to share between threads; it may take long."""

    def __init__(
        self, store: Store, examiner: Examiner, make: Make, hold: Callable[[str], object]
    ) -> None:
        """`hold` is told of a tenant for which a guard was made that is about to be the active
        one."""
        self._store = store
        self._examiner = examiner
        self._make = make
        self._hold = hold

    def activate(
        self,
        tenant: str,
        digest: str,
        who: Person,
        *,
        allow_widening: bool = False,
        observe_until: int = 0,
        source: Source = "upload",
    ) -> Done | Ask:
        """Make a bundle the active one, or note that a second person has to want it too.

        `observe_until` (microseconds since 1970; 0: enforce) is checked by whoever calls. Raises
        PolicyError, BusyError, StoreError, and what a bundle that does not load raises.
        """
        seen = self._seen(tenant, digest)
        active = seen.active
        if active is not None and (active.digest, active.observe_until) == (digest, observe_until):
            return Done(active, None)
        program = compiled(seen.bundle)
        upload = seen.upload
        # What was found is about what it compiled to then: with another library, it may be another.
        fresh = (program.digest, program.catalog.digest) != (upload.policy, upload.catalog)
        whatever = who.administrator and allow_widening
        verdict, report = self._verdict(tenant, seen, fresh or seen.drifted, whatever)
        harmless = verdict in HARMLESS and not observe_until
        agreed: tuple[str, ...] = (who.name,)
        first: Ask | None = None
        if not harmless:
            if not allow_widening:
                raise NotAllowedError(_why(verdict, observe_until), verdict, report)
            if not who.administrator:
                first = self._asked(tenant, seen, who, observe_until, verdict)
                if first.by == who.name:
                    return first
                agreed = (first.by, who.name)

        def along(tx: Transaction) -> Mapping[str, object]:
            shelf = Shelf(tx)
            if tx.head().activation != seen.activation:
                raise ChangedError("another policy has become active meanwhile: look again")
            if first is not None and shelf.ask(digest) != first:
                raise ChangedError("what the first person asked for does not hold any more")
            return self.record(
                tx,
                Activation(
                    seen.activation + 1,
                    digest,
                    agreed,
                    tx.instant,
                    source,
                    verdict,
                    "" if active is None else active.digest,
                    observe_until,
                ),
            )

        return self.made(tenant, program, observe_until, along)

    def roll_back(self, tenant: str, who: Person, *, allow_widening: bool = False) -> Done | Ask:
        """Activate what was active before, enforced; raises as `activate` does."""
        with self._store.begin(tenant) as tx:
            before = Shelf(tx).previous()
        if before is None:
            raise NotThereError("no other policy has been active before")
        return self.activate(
            tenant, before.digest, who, allow_widening=allow_widening, source="rollback"
        )

    def made(
        self,
        tenant: str,
        program: Program,
        observe_until: int,
        along: Callable[[Transaction], Mapping[str, object]],
    ) -> Done:
        """A guard on a program, whose policy is made the active one: what was done before is
        counted for it first."""
        guard = self._make(program, observe_until)
        self._hold(tenant)
        try:
            number = guard.activate(tenant=tenant, along=along)
            guard.follow(tenant, number)
            with self._store.begin(tenant) as tx:
                active = Shelf(tx).active()
        except BaseException:
            guard.close()
            raise
        if active is None or active.number != number:
            guard.close()
            raise ChangedError("another policy has become active meanwhile: look again")
        return Done(active, guard)

    @staticmethod
    def record(tx: Transaction, activation: Activation) -> Mapping[str, object]:
        """Write an activation down; what the audit is told of it."""
        shelf = Shelf(tx)
        shelf.put_activation(activation)
        canary = shelf.canary()
        if canary is not None and canary.digest == activation.digest:
            shelf.put_canary(None)  # it decides by itself now
        told: dict[str, object] = {
            "bundle": activation.digest,
            "by": activation.by[-1],
            "source": activation.source,
            "difference": activation.verdict,
        }
        if len(activation.by) > 1:
            told["agreed"] = list(activation.by)
        if activation.observe_until:
            told["until"] = told_instant(activation.observe_until)
        return told

    # --- what it comes to

    def _seen(self, tenant: str, digest: str) -> _Seen:
        with self._store.begin(tenant) as tx:
            shelf = Shelf(tx)
            bundle, upload, active = shelf.bundle(digest), shelf.upload(digest), shelf.active()
            if bundle is None or upload is None:
                raise NotThereError("there is no such policy")
            head = tx.head()
            decides = None if active is None else shelf.upload(active.digest)
            return _Seen(
                bundle,
                upload,
                active,
                None if active is None else shelf.bundle(active.digest),
                shelf.report(digest),
                decides,
                head.activation,
                decides is None or decides.policy != head.policy,
            )

    def _verdict(
        self, tenant: str, seen: _Seen, fresh: bool, whatever: bool
    ) -> tuple[Verdict, Mapping[str, Any]]:
        """How the bundle compares with what is active, as it was found; if `fresh`, anew.
        `whatever`: it is allowed in any case, so that nobody waits for what is not known yet."""
        if seen.active is None or seen.base is None:
            return "unknown", {}
        base, digest = seen.active.digest, seen.upload.digest
        if base == digest and not fresh:
            return "equivalent", {}
        known, back = seen.upload, seen.of_active
        if not fresh:
            if known.base == base and known.verdict != "unknown":
                return known.verdict, seen.report
            if back is not None and back.base == digest and back.verdict != "unknown":
                return _INVERSE[back.verdict], {}
        if whatever:
            return "unknown", {}
        found = self.examine(tenant, seen.bundle, digest, seen.base, base)
        return found.verdict, found.report

    def examine(
        self, tenant: str, bundle: Bundle, digest: str, base: Bundle | None, base_digest: str
    ) -> Examination:
        """Examine a bundle that is kept, and keep what is found. Raises BusyError."""
        found = self._examiner.examine(tenant, bundle, base)
        with self._store.begin(tenant) as tx:
            Shelf(tx).put_report(digest, base_digest, found.verdict, found.report)
        return found

    def _asked(
        self, tenant: str, seen: _Seen, who: Person, observe_until: int, verdict: Verdict
    ) -> Ask:
        """The request of somebody else for the very same, or this one's own, noted down."""
        digest = seen.upload.digest
        with self._store.begin(tenant) as tx:
            shelf = Shelf(tx)
            if tx.head().activation != seen.activation:
                raise ChangedError("another policy has become active meanwhile: look again")
            known = shelf.ask(digest)
            if known is not None and known.observe_until == observe_until:
                return known
            ask = Ask(digest, who.name, tx.instant, seen.activation, observe_until)
            shelf.put_ask(ask)
            until = {"until": told_instant(observe_until)} if observe_until else {}
            shelf.note(digest, "asked", who.name, difference=verdict, **until)
            return ask


def _why(verdict: Verdict, observe_until: int) -> str:
    if observe_until:
        return "observing lets refused calls through: say `allow_widening` if that is meant"
    told = {
        "widens": "it lets calls get further than now",
        "incomparable": "it lets some calls get further than now, or that is not decided",
    }
    text = told.get(verdict, "whether it lets calls get further than now is not known")
    return f"{text}: say `allow_widening` if that is meant"


def told_instant(instant: int) -> str:
    """An instant in microseconds, as RFC 3339 says it."""
    return datetime.fromtimestamp(instant / 1_000_000, UTC).isoformat()
