"""What an agent is told of its call, in the one form of JSON that both agents read."""

from __future__ import annotations

from licet.adapters.feedback import Feedback
from licet.verifier.verdict import Verdict

from .events import AFTER, ASKED, BEFORE, SKILL, Event

MAX_REASON = 8_000


def refusal(event: Event | None, reason: str) -> dict[str, object]:
    """The call must not run; an event that could not be read is taken for one before a tool."""
    reason = reason[:MAX_REASON] or "refused"
    name = BEFORE if event is None else event.name
    if name in (BEFORE, SKILL):
        return _before(name, "deny", reason)
    if name == ASKED:
        decision = {"behavior": "deny", "message": reason}
        return {"hookSpecificOutput": {"hookEventName": name, "decision": decision}}
    if name in AFTER:
        return {"decision": "block", "reason": reason} if name == AFTER[0] else _told(name, reason)
    return {"systemMessage": reason}


def question(event: Event, reason: str) -> dict[str, object]:
    """The user decides at the agent's own prompt."""
    return _before(event.name, "ask", reason[:MAX_REASON])


def can_ask(event: Event) -> bool:
    """Whether the agent has a prompt for this event (`dontAsk` has nobody there)."""
    mode = (event.context or {}).get("permission_mode", "")
    return (
        event.agent == "claude-code"
        and event.name == BEFORE
        and mode not in ("dontAsk", "bypassPermissions", "auto")
    )


def reason_of(verdict: Verdict, feedback: Feedback) -> str:
    """What the model may read of a refusal: message, the nearest allowed call, budgets; of one that
    it has read before in this session, less."""
    said = feedback.text(verdict)
    lines = [f"licet: {said}"]
    if not verdict.message.startswith(said):
        return lines[0]
    told = verdict.for_model()
    if verdict.repair is not None and verdict.repair.shown:
        changes = ", ".join(f"{each.path} = {_shown(each.new)}" for each in verdict.repair.changes)
        near = changes or verdict.repair.bound or ""
        if near and near not in verdict.message:
            lines.append(f"Nearest call ({verdict.repair.outcome}): {near}")
    for budget in told.get("budgets", []) if isinstance(told.get("budgets"), list) else []:  # type: ignore[attr-defined]
        lines.append(f"Left of {budget['rule']}: {_shown(budget['left'])}")
    return "\n".join(lines)


def _shown(value: object) -> str:
    import json

    return json.dumps(value, default=str, ensure_ascii=False)[:500]


def _before(name: str, decision: str, reason: str) -> dict[str, object]:
    return {
        "hookSpecificOutput": {
            "hookEventName": name,
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
        }
    }


def _told(name: str, text: str) -> dict[str, object]:
    return {"hookSpecificOutput": {"hookEventName": name, "additionalContext": text}}
