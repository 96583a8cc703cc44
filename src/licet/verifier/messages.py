"""A few plain sentences for a model to read: what was refused, by which rule, why, what instead.

Only shown values go in, so that the text does not change when only hidden values do.
"""

from __future__ import annotations

from collections.abc import Sequence

from .verdict import Budget, Outcome, Reason, Repair, Violation

#: Violations and reasons told in full; the rest are counted.
MOST = 4


def compose(
    outcome: Outcome,
    tool: str,
    violations: Sequence[Violation],
    because: Sequence[Reason],
    repair: Repair | None,
    budgets: Sequence[Budget] = (),
) -> str:
    """The message of a verdict; empty for an allow."""
    if outcome == "allow":
        return ""
    head = f"{tool} was refused" if outcome == "deny" else f"{tool} needs somebody's approval"
    parts = [_violations(head, violations)]
    shown = [reason for reason in because if reason.shown]
    if shown:
        parts.append("Because " + _join([str(r) for r in shown[:MOST]], len(shown) - MOST) + ".")
    parts += [_budget(budget) for budget in budgets[:MOST] if budget.shown]
    if repair is not None and repair.shown:
        parts.append(_repair(repair))
    elif outcome == "deny":
        parts.append(_instead(violations))
    return " ".join(part for part in parts if part)


def _violations(head: str, violations: Sequence[Violation]) -> str:
    told = [_sentence(v) for v in violations[:MOST]]
    more = len(violations) - MOST
    text = f"{head}: " + "; ".join(told)
    if more > 0:
        text += f"; and {more} more reasons"
    return text if text.endswith("?") else text + "."


def _sentence(violation: Violation) -> str:
    text = violation.shown_message.rstrip(".")
    return f"{text} (rule {violation.rule})" if violation.rule else text


def _repair(repair: Repair) -> str:
    ending = "is allowed" if repair.outcome == "allow" else "would need approval only"
    if repair.args is None:
        return f"The same call with {repair.bound} {ending}." if repair.bound else ""
    changes = [f"{c.path} = {c.new} instead of {c.old}" for c in repair.changes]
    return f"The nearest call that {ending} has {_join(changes, 0)}."


def _budget(budget: Budget) -> str:
    over = f" per {budget.over}" if budget.over else ""
    text = f"{budget.rule} allows {budget.bound}{over}: {budget.left} left"
    if budget.resets is not None:
        return f"{text} until {budget.resets}."
    if budget.room_at is not None:
        return f"{text}, and room for this call again from {budget.room_at} on."
    return f"{text}."


def _instead(violations: Sequence[Violation]) -> str:
    match violations[0].kind if violations else None:
        case "bad_argument" | "unknown_tool":
            return "Mend the call and try again."
        case "undetermined" | "solver_unknown" | "fault":
            return "The same call may be tried again once this is settled; do not work around it."
        case _:
            return "Do not repeat this call unchanged."


def _join(parts: Sequence[str], more: int) -> str:
    if more > 0:
        return ", ".join(parts) + f" and {more} more"
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1]
