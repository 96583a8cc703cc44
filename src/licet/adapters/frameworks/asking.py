"""A human who is asked while the call waits, where a framework cannot stop and resume a run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from .gate import Ask, Decision, Gate

log = logging.getLogger("licet")

#: Gets the answer to the guard (`Guard.approve`, `Guard.reject`) before it returns. What it returns
#: decides nothing.
Asking = Callable[[Ask], object]


def decided(
    gate: Gate,
    asking: Asking | None,
    tool: str,
    args: Mapping[str, object],
    *,
    id: str,
    built: object,
) -> Decision:
    """The decision on a call, after whoever has to agree was asked. Raises nothing."""
    decision = gate.check(tool, args, id=id, built=built)
    if asking is None or not isinstance(decision, Ask):
        return decision
    try:
        asking(decision)
    except Exception:
        log.exception("nobody could be asked about a call of %r", tool)
        return decision
    return gate.check(tool, args, id=id, built=built)
