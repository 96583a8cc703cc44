"""Approvals that were answered beside the service, at its store: told by whoever serves the tenant.

Who answers there leaves a note in the store. A service with webhooks looks for notes every second,
takes them, and tells what stands in the store by then. A note is taken by one worker: it is told
once, or, where that worker dies meanwhile, not at all. It decides nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

from licet.verifier.approvals import Approval, read
from licet.verifier.history import Store

log = logging.getLogger("licet.service")

#: The documents with what is to be told, by the approval's id; each holds when it was left.
_NOTE: Final = "untold approval"
#: Notes of one tenant that are taken at once. Those older than a day are news to nobody.
_MOST: Final = 100
_OLD: Final = 86_400 * 1_000_000


def leaving(store: Store) -> Callable[[Approval], None]:
    """What a guard tells of an approval, so that a service at the same store does. Raises
    StoreError."""

    def leave(approval: Approval) -> None:
        with store.begin(approval.tenant) as tx:
            tx.put_document(_NOTE, approval.id, str(tx.instant))

    return leave


class Outbox:
    """Takes the notes of some tenants, and tells."""

    def __init__(
        self, store: Store, tenants: Iterable[str], tell: Callable[[Approval], object]
    ) -> None:
        self._store, self._tenants, self._tell = store, tuple(tenants), tell

    def look(self) -> None:
        """Tell what was noted since the last look. Raises StoreError."""
        for tenant in self._tenants:
            for approval in self._taken(tenant):
                self._tell(approval)

    def _taken(self, tenant: str) -> list[Approval]:
        found: list[Approval] = []
        with self._store.begin(tenant) as tx:
            for id, left in tx.documents(_NOTE, "~", _MOST):
                tx.drop_document(_NOTE, id)
                stored = tx.approval(id)
                try:
                    if stored is not None and tx.instant - int(left) < _OLD:
                        found.append(read(stored, tx.instant, tenant))
                except (ValueError, KeyError, TypeError):  # somebody wrote into the store
                    log.warning("%s: an approval cannot be read, and is told to nobody", tenant)
        return found
