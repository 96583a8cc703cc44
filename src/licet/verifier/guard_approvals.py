"""A guard's approvals: those that wait, and how somebody answers one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial

from .approvals import Approval, Approvals, open_approvals, read
from .driving import Driver
from .remembering import Memory

log = logging.getLogger("licet")

#: Is told of an approval that waits for somebody, and of one that was answered.
Notify = Callable[[Approval], object]


class GuardApprovals:
    """The part of a guard that people answer to."""

    tenant: str
    _memory: Memory
    _approvals: Approvals
    _driver: Driver
    _notify: Notify | None

    def _named(self, tenant: str | None) -> str:
        return self.tenant if tenant is None else tenant

    def pending(self, *, tenant: str | None = None) -> list[Approval]:
        """The approvals that wait for somebody, oldest first. Raises StoreError."""
        with self._memory.sit(self._named(tenant)) as sitting:
            return open_approvals(sitting.tx, sitting.now)

    def approval(self, id: str, *, tenant: str | None = None) -> Approval | None:
        """One approval, whatever has become of it. Raises StoreError."""
        with self._memory.sit(self._named(tenant)) as sitting:
            found = sitting.tx.approval(id)
            return None if found is None else read(found, sitting.now, sitting.tx.tenant)

    def approve(
        self, id: str, *, approver: Mapping[str, object], tenant: str | None = None
    ) -> Approval:
        """Somebody agrees. `approver` has the fields of the policy's `principal` and comes from a
        credential, never from the agent. The call runs when it is checked again.

        Raises ApprovalError where it is not theirs to say, and StoreError.
        """
        return self._answer(id, approver, tenant, agrees=True)

    def would_complete(
        self, id: str, *, approver: Mapping[str, object], tenant: str | None = None
    ) -> bool:
        """Whether an approval would be given if this person agreed now. Raises StoreError."""
        with self._memory.sit(self._named(tenant)) as sitting:
            return self._approvals.would_complete(sitting, id, approver)

    def objection(
        self, id: str, *, approver: Mapping[str, object], tenant: str | None = None
    ) -> str | None:
        """Why an answer of this person would not count now; None if it would. Raises StoreError."""
        with self._memory.sit(self._named(tenant)) as sitting:
            return self._approvals.objection(sitting, id, approver)

    def reject(
        self, id: str, *, approver: Mapping[str, object], tenant: str | None = None
    ) -> Approval:
        """Somebody does not agree: the call is refused until the approval expires."""
        return self._answer(id, approver, tenant, agrees=False)

    def _answer(
        self, id: str, approver: Mapping[str, object], tenant: str | None, *, agrees: bool
    ) -> Approval:
        with self._memory.sit(self._named(tenant)) as sitting:
            stored = self._approvals.answer(sitting, id, approver, agrees=agrees)
            answered = read(stored, sitting.now, sitting.tx.tenant)
        self._tell(answered)
        return answered

    def _tell(self, approval: Approval) -> None:
        if self._notify is not None:
            try:
                self._notify(approval)
            except Exception:
                log.exception("nobody could be told of an approval")

    async def answered(
        self, id: str, *, tenant: str | None = None, seconds: float | None = None
    ) -> Approval:
        """Wait until somebody has answered or the approval is over, at most `seconds`.

        What is waited for is in the store: a process that was restarted waits on by the same id.
        Raises LookupError where there is no such approval, and StoreError.
        """
        until = None if seconds is None else time.monotonic() + seconds
        pause = 0.02
        while True:
            look = partial(self.approval, id, tenant=tenant)
            found = await self._driver.in_store(self._named(tenant), look)
            if found is None:
                raise LookupError(f"there is no approval {id!r}")
            late = until is not None and time.monotonic() >= until
            if found.state != "open" or late:
                return found
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 1.0)
