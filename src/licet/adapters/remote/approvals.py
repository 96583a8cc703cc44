"""The service's approvals as those of a guard."""

from __future__ import annotations

from typing import Any

from licet.compiler.clock import clock, parse_time
from licet.verifier.approvals import Approval, AskingRule

_STATES = ("open", "approved", "rejected", "used", "expired")


def read(data: Any) -> Approval:
    """An approval. Its `call` has what the service tells of it. Raises ValueError for what is
    none."""
    try:
        if data["state"] not in _STATES or type(data["id"]) is not str:
            raise ValueError
        if not isinstance(data["args"], dict) or not isinstance(data["principal"], dict):
            raise TypeError
        call = {name: data[name] for name in ("tool", "args", "principal")}
        rules = tuple(
            AskingRule(rule["name"], "", rule["message"], rule["needs"], tuple(rule["agreed"]))
            for rule in data["rules"]
        )
        return Approval(
            id=data["id"],
            state=data["state"],
            tool=data["tool"],
            call={**call, "session": {"id": data["session"]}},
            principal=data["principal"],
            session=data["session"],
            rules=rules,
            asked=_instant(data["asked"]),
            expires=_instant(data["expires"]),
            rejected_by=data["rejected_by"],
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        raise ValueError("the service's answer is not an approval") from None


def _instant(text: str) -> int:
    time = parse_time(text, clock("UTC"))
    if time is None:
        raise ValueError
    return time
