"""What a guard is made with, for what makes guards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from .approvals import Announce
from .evaluating import Engine
from .guard_approvals import Notify


class GuardOptions(TypedDict, total=False):
    """The options of `Guard`, which says what they mean."""

    engine: Engine
    seconds: float
    resolver_seconds: float
    key: bytes | None
    tenant: str
    ticket_seconds: float
    approval_seconds: float
    most_pending: int
    observe_until: datetime | None
    activate: bool
    notify: Notify | None
    announce: Announce | None
    audit: bool | None
    redact: Sequence[str]
    ahead: bool
