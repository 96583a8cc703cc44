"""Which policy a tenant has when the service starts: what is active in the store, unless the
operator's files have spoken since.

The store remembers the files as they were last seen. As long as they are the same, what was made
active by anybody stays active. Files that have changed are the operator's word: a new activation,
written down like any other. `policies` in the configuration may give the last word to one side:
`files` (whatever else is active gives way) or `uploads` (they are the first policy of a tenant, and
nothing after that).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from licet.compiler.program import Program
from licet.verifier.history import Store, Transaction

from .activating import Activating
from .bundle import Bundle
from .shelf import Activation, Shelf, Source
from .unpacking import compiled

log = logging.getLogger("licet.service")

Word = Literal["both", "files", "uploads"]
OPERATOR = "the operator's files"


@dataclass(frozen=True, slots=True)
class Files:
    """The policy on the service's disk, compiled, and until when the configuration observes
    (microseconds since 1970; 0: it enforces)."""

    bundle: Bundle
    name: str
    policy: str
    catalog: str
    observe_until: int = 0

    @property
    def said(self) -> tuple[str, int]:
        """What is remembered of them."""
        return self.bundle.digest, self.observe_until


def files_of(bundle: Bundle, program: Program, observe_until: datetime | None = None) -> Files:
    """The operator's files, and what they compile to."""
    until = 0 if observe_until is None else int(observe_until.timestamp() * 1_000_000)
    return Files(bundle, program.name, program.digest, program.catalog.digest, until)


def open_tenant(
    store: Store, activating: Activating, tenant: str, files: Files, word: Word
) -> Activation:
    """What is active in a tenant from now on. Raises StoreError, and what a bundle that does not
    load raises. Several processes may do this at once: the first to come decides."""
    with store.begin(tenant) as tx:
        shelf = Shelf(tx)
        head, active, said = tx.head(), shelf.active(), shelf.files()
        wanted = _wanted(files, said, active, word, is_first=not head.policy)
        stays = active is not None and wanted == (active.digest, active.observe_until)
        bundle = files.bundle if wanted[0] == files.bundle.digest else shelf.bundle(wanted[0])
        if bundle is None:  # forgotten, or somebody wrote into the store
            log.warning("the active policy of %s is not kept: its files take its place", tenant)
            bundle, wanted, stays = files.bundle, (files.bundle.digest, files.observe_until), False
        if stays and said == files.said:
            assert active is not None
            if active.digest == files.bundle.digest and head.policy == files.policy:
                return active
    program = compiled(bundle)
    if stays and active is not None and program.digest == head.policy:
        with store.begin(tenant) as tx:
            Shelf(tx).put_files(*files.said)
        return active
    by_files = bundle is files.bundle
    source: Source = "files" if by_files and not stays else "start"
    if active is not None:
        log.warning("%s: the policy changes at the start (%s)", tenant, source)

    def along(tx: Transaction) -> Mapping[str, object]:
        shelf = Shelf(tx)
        now = tx.head().activation
        if now != head.activation:
            raise _FasterError
        shelf.put_files(*files.said)
        shelf.put(files.bundle, OPERATOR, "files", files.name, files.policy, files.catalog)
        if not by_files:
            found = (program.name, program.digest, program.catalog.digest)
            shelf.put(bundle, OPERATOR, "files", *found)
        before = "" if active is None else active.digest
        return activating.record(
            tx,
            Activation(
                now + 1, wanted[0], (OPERATOR,), tx.instant, source, "unknown", before, wanted[1]
            ),
        )

    try:
        done = activating.made(tenant, program, wanted[1], along)
    except _FasterError:
        return open_tenant(store, activating, tenant, files, word)
    if done.guard is not None:
        done.guard.close()
    return done.activation


class _FasterError(Exception):
    """Another process has made something active meanwhile."""


def _wanted(
    files: Files, said: tuple[str, int], active: Activation | None, word: Word, *, is_first: bool
) -> tuple[str, int]:
    """The bundle that is to be active, and until when it observes."""
    if is_first or active is None or word == "files":
        return files.said
    digest, until = said
    if digest != files.bundle.digest:
        if word == "both" or not digest:
            return files.said
        log.warning("the policy's files have changed: what was activated by upload stays")
    elif until != files.observe_until:  # only the configured mode has changed
        return active.digest, files.observe_until
    return active.digest, active.observe_until
