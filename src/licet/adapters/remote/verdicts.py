"""The service's answer to a check → a verdict that equals the one that the service made.

The answer holds both views of the verdict. What is put together here has to give the same two
views again, to the last field; any other answer raises `UnreadableError`, and nothing is allowed.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from licet.verifier.messages import compose
from licet.verifier.tickets import Ticket, TicketError
from licet.verifier.verdict import Budget, Change, Reason, Repair, Verdict, Violation


class UnreadableError(ValueError):
    """An answer that is no verdict on the call that was asked about."""


def refusal(tool: str, violation: Violation, call_id: str | None) -> Verdict:
    """The refusal of a call on which there is no verdict of the service. `tool` is empty where not
    even that is known."""
    return Verdict(
        id=f"remote-{secrets.token_hex(8)}",
        outcome="deny",
        tool=tool,
        policy_digest="",
        catalog_digest="",
        call_id=call_id,
        violations=(violation,),
        message=compose("deny", tool or "the call", (violation,), (), None),
    )


def read(answer: dict[str, Any], call_id: str | None) -> Verdict:
    """The verdict in an answer to a host. Raises UnreadableError."""
    if "verdict" not in answer:
        raise UnreadableError("the service sent no verdict: this key is not a host's")
    try:
        verdict = _verdict(answer["verdict"], answer["model"], answer["ticket"])
        verdict = replace(verdict, parts=tuple(map(_ticket, answer.get("parts", ()))))
        same = (
            verdict.for_operator() == answer["verdict"]
            and verdict.for_model() == answer["model"]
            and answer["allowed"] is verdict.allowed
            and answer["outcome"] == verdict.outcome
        )
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration):
        raise UnreadableError("the service's answer is not a verdict") from None
    if not same:
        raise UnreadableError("the service's answer contradicts itself")
    ticket = verdict.ticket
    if verdict.allowed is not (ticket is not None):
        raise UnreadableError("an allow has a ticket, and nothing else has")
    if call_id is not None and verdict.call_id not in (None, call_id):
        raise UnreadableError("the service answered on another call")
    if ticket is not None and call_id not in (None, ticket.call_id):
        raise UnreadableError("the ticket is for another call")
    if verdict.parts and not _belong(verdict.parts, ticket):
        raise UnreadableError("the tickets of a batch's parts are not of this batch")
    return verdict


def _belong(parts: Sequence[Ticket], batch: Ticket | None) -> bool:
    """Whether the tickets of a batch's calls are of the same caller and policy, each another."""
    if batch is None:
        return False
    nonces = {batch.nonce, *(part.nonce for part in parts)}
    return len(nonces) == len(parts) + 1 and all(_whose(part) == _whose(batch) for part in parts)


def _whose(ticket: Ticket) -> tuple[str, ...]:
    return (ticket.tenant, ticket.principal, ticket.session, ticket.policy, ticket.catalog)


def _verdict(told: dict[str, Any], model: dict[str, Any] | None, ticket: str | None) -> Verdict:
    if told["outcome"] not in ("allow", "escalate", "deny"):
        raise ValueError
    texts = ("id", "tool", "message", "policy", "catalog")
    if not all(type(told[name]) is str for name in texts):
        raise TypeError
    violations = _violations(told["violations"], None if model is None else model["violations"])
    repair = told["repair"]
    observed = told.get("observed")
    shown = [] if model is None else model["because"]
    budgets = [] if model is None else model.get("budgets", [])
    return Verdict(
        id=told["id"],
        outcome=told["outcome"],
        tool=told["tool"],
        policy_digest=told["policy"],
        catalog_digest=told["catalog"],
        call_id=told.get("call"),
        rules=tuple(told["rules"]),
        violations=violations,
        because=tuple(
            Reason(each["path"], each["value"], each in shown) for each in told["because"]
        ),
        counterexample=told["counterexample"],
        fine=told.get("fine"),
        settle=tuple(told.get("settle", ())),
        repair=None if repair is None else _repair(repair, "repair" in (model or {})),
        explained=told.get("explained", True),
        message=told["message"],
        promise=None if ticket is None else _ticket(ticket),
        approval=told.get("approval"),
        budgets=tuple(_budget(each, each in budgets) for each in told.get("budgets", ())),
        observed=None if observed is None else _verdict(observed, None, None),
    )


def _violations(
    told: Sequence[dict[str, Any]], model: Sequence[dict[str, Any]] | None
) -> tuple[Violation, ...]:
    """The model is told those that are certain, in the same order."""
    rest = iter(() if model is None else model)
    certain_alone = bool(told) and told[0]["kind"] == "undetermined"
    found: list[Violation] = []
    for each in told:
        certain = each.get("certain", True)
        told_too = model is not None and (certain or not certain_alone)
        found.append(
            Violation(
                kind=each["kind"],
                message=each["message"],
                shown_message=next(rest)["message"] if told_too else "",
                rule=each.get("rule"),
                where=each.get("where"),
                path=each.get("path"),
                certain=certain,
                suggestions=tuple(each.get("suggestions", ())),
            )
        )
    return tuple(found)


def _repair(told: dict[str, Any], shown: bool) -> Repair:
    changes = tuple(Change(each["path"], each["old"], each["new"]) for each in told["changes"])
    return Repair(told.get("args"), changes, told["outcome"], told.get("bound"), shown)


def _budget(told: dict[str, Any], shown: bool) -> Budget:
    return Budget(
        rule=told["rule"],
        per=told.get("per"),
        over=told["over"],
        spent=told["spent"],
        bound=told["bound"],
        left=told["left"],
        resets=told.get("resets"),
        room_at=told.get("room_at"),
        shown=shown,
    )


def _ticket(text: str) -> Ticket:
    try:
        return Ticket.read(text)
    except TicketError as error:
        raise ValueError(str(error)) from None
