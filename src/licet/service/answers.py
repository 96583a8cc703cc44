"""What a caller is told of a verdict, which depends on who it is."""

from __future__ import annotations

from typing import Any

from licet.verifier.verdict import Verdict

from .callers import Caller
from .modes import banner

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["allowed", "outcome", "model"],
    "properties": {
        "allowed": {"type": "boolean", "description": "Whether the call may run now"},
        "outcome": {"enum": ["allow", "escalate", "deny"]},
        "model": {"type": "object", "description": "What the agent's model may read"},
        "verdict": {"type": "object", "description": "Everything; for a host alone"},
        "ticket": {
            "type": ["string", "null"],
            "description": "What the tool has to show. For a host alone, never for a model",
        },
        "parts": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Of a batch that is allowed: a ticket for each call in it, in their"
            " order, to settle it with; it runs nothing. For a host alone, never for a model",
        },
        "banner": {
            "type": "string",
            "description": "Only while refused calls are let through: until when",
        },
    },
}
EXAMPLE: dict[str, Any] = {
    "allowed": False,
    "outcome": "deny",
    "model": {
        "outcome": "deny",
        "tool": "refund",
        "violations": [
            {"kind": "forbidden", "message": "Support refunds at most 500.", "rule": "large"}
        ],
        "because": [{"path": "args.amount", "value": "900"}],
        "message": "refund was refused: Support refunds at most 500 (rule large)."
        " Because args.amount = 900."
        " The nearest call that is allowed has args.amount = 500 instead of 900.",
        "repair": {
            "outcome": "allow",
            "changes": [{"path": "args.amount", "old": 900, "new": 500}],
            "args": {"order_id": "R1", "amount": 500},
        },
    },
}


def told(
    verdict: Verdict, caller: Caller, observes_until: float | None = None
) -> dict[str, object]:
    """The answer to a check. An agent's has what its model may read, and no ticket. While refusals
    are let through, until `observes_until` (seconds since 1970), a banner says so."""
    plain: dict[str, object] = {
        "allowed": verdict.allowed,
        "outcome": verdict.outcome,
        "model": verdict.for_model(),
    }
    if caller.vouches:
        ticket = verdict.ticket
        plain["verdict"] = verdict.for_operator()
        plain["ticket"] = None if ticket is None else str(ticket)
        if verdict.parts:
            plain["parts"] = [str(part) for part in verdict.parts]
    if observes_until is not None:
        plain["banner"] = banner(observes_until)
    return plain
