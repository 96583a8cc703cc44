"""Entries of the audit → what a page says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..records import Record
from .excerpts import Excerpt, Trees, excerpt_of
from .rendering import instant, json_inline

#: What each kind of violation means, in a few words.
KINDS: Mapping[str, str] = {
    "unknown_tool": "no such tool",
    "bad_argument": "not as the tool takes it",
    "no_permit": "nothing permits it",
    "forbidden": "forbidden",
    "limit": "over a limit",
    "absent": "a value is missing",
    "approval": "somebody has to agree",
    "undetermined": "depends on something unknown",
    "solver_unknown": "not decided in time",
    "fault": "something is broken",
}
#: The parts of a call that the host vouches for, in the order in which they are read.
VOUCHED = ("principal", "context", "session", "facts", "history", "now", "approved")


@dataclass(frozen=True, slots=True)
class Told:
    """An entry in one line. `outcome` is that of a verdict, or empty; `observed` is what it would
    have been but for observe mode."""

    seq: int
    at: datetime
    outcome: str
    observed: str
    what: str
    tool: str
    rules: tuple[str, ...]
    why: str


def told(record: Record) -> Told:
    """The line of an entry."""
    said = record.verdict
    if not said:
        what, why = _event(record)
        tool = str(record.body.get("tool", ""))
        return Told(record.seq, instant(record.at), "", "", what, tool, (), why)
    inner: Mapping[str, Any] = said.get("observed", said)
    why = ""
    if violations := inner.get("violations"):
        why = _text(violations[0].get("message"))
    return Told(
        record.seq,
        instant(record.at),
        str(said.get("outcome", "")),
        str(inner.get("outcome", "")) if inner is not said else "",
        "verdict",
        str(said.get("tool", "")),
        tuple(str(rule) for rule in inner.get("rules") or ()),
        why,
    )


def _event(record: Record) -> tuple[str, str]:
    """What happened, and more of it."""
    body = record.body
    match record.kind:
        case "redemption" if body.get("refused"):
            return "ticket refused", _text(body["refused"])
        case "redemption":
            return "ticket redeemed", "the tool was about to run"
        case "settlement":
            endings = {"ok": "ended well", "error": "failed", "cancelled": "cancelled"}
            return f"call {endings.get(str(body.get('outcome')), 'ended')}", ""
        case "expiry":
            return "ticket expired", "never redeemed; what was reserved is given back"
        case "approval":
            by = body.get("by")
            return f"approval {body.get('event')}", "" if by is None else f"by {_text(by)}"
        case "activation":
            return "policy activated", f"{_text(body.get('policy'))[:19]}…"
        case "mode":
            until = body.get("until")
            return f"mode {body.get('mode')}", "" if until is None else f"until {_text(until)}"
        case "key":
            return (
                f"key {body.get('event')}",
                f"{_text(body.get('key'))}, by {_text(body.get('by'))}",
            )
        case "policy":
            by = f"by {_text(body.get('by'))}"
            return f"policy {body.get('event')}", f"{_text(body.get('bundle'))[:19]}…, {by}"
        case kind:
            return kind, ""


def _text(value: object) -> str:
    """A text of the audit; what is redacted is called so."""
    return value if isinstance(value, str) else json_inline(value)


# --- one decision


@dataclass(frozen=True, slots=True)
class Reason:
    """One violation, with its rule where it stands."""

    kind: str
    words: str
    message: str
    rule: str | None
    where: str | None
    path: str | None
    certain: bool
    suggestions: tuple[str, ...]
    excerpt: Excerpt | None


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a limit stood. `used` is the part of the bound, at most 1; None where one is no
    plain number."""

    rule: str
    per: str
    over: str
    spent: str
    bound: str
    left: str
    resets: str | None
    used: float | None


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, taken apart for its page. `known`: the policy that decided is at hand, so that
    its rules can be shown; `permits` are those of an allow."""

    line: Told
    call: str | None
    message: str
    reasons: tuple[Reason, ...]
    permits: tuple[tuple[str, Excerpt | None], ...]
    because: tuple[tuple[str, str], ...]
    settle: tuple[str, ...]
    counterexample: object
    fine: object
    repair: Mapping[str, Any] | None
    limits: tuple[Limit, ...]
    approval: str | None
    explained: bool
    args: object
    vouched: tuple[tuple[str, object], ...]
    admitted: bool
    redacted: tuple[str, ...]
    evidence: Mapping[str, Any]
    mode: str
    policy: str
    catalog: str
    known: bool


def decision_of(record: Record, files: Trees | None) -> Decision:
    """What a page says of a verdict; `files` are those of the policy that decided, if it is at
    hand."""
    said = record.verdict
    inner: Mapping[str, Any] = said.get("observed", said)
    body = record.body
    call = body.get("call")
    line = told(record)
    allowed = inner.get("outcome") == "allow"
    return Decision(
        line=line,
        call=None if said.get("call") is None else _text(said["call"]),
        message=_text(inner.get("message", "")),
        reasons=tuple(_reason(each, files) for each in inner.get("violations") or ()),
        permits=tuple(
            (rule, None if files is None else excerpt_of(files, rule))
            for rule in (line.rules if allowed else ())
        ),
        because=tuple(
            (_text(each["path"]), _text(each["value"])) for each in inner.get("because") or ()
        ),
        settle=tuple(_text(each) for each in inner.get("settle") or ()),
        counterexample=inner.get("counterexample"),
        fine=inner.get("fine"),
        repair=inner.get("repair"),
        limits=tuple(_limit(each) for each in inner.get("budgets") or ()),
        approval=inner.get("approval"),
        explained=inner.get("explained", True) is True,
        args=call.get("args") if isinstance(call, Mapping) else None,
        vouched=tuple(
            (name, call[name])
            for name in VOUCHED
            if isinstance(call, Mapping) and call.get(name) not in (None, {}, [])
        ),
        admitted=isinstance(call, Mapping),
        redacted=_places(body.get("redacted")),
        evidence=body.get("evidence") or {},
        mode=str(body.get("mode", "enforce")),
        policy=str(said.get("policy", "")),
        catalog=str(said.get("catalog", "")),
        known=files is not None,
    )


def _places(value: object) -> tuple[str, ...]:
    """Which parts of the call are redacted; what repeats them is, too."""
    paths = value if isinstance(value, list) else ()
    return tuple(".".join(map(str, path[1:])) for path in paths if path[:1] == ["call"])


def _reason(said: Mapping[str, Any], files: Trees | None) -> Reason:
    rule, where = said.get("rule"), said.get("where")
    kind = str(said.get("kind", ""))
    excerpt = None
    if files is not None and isinstance(rule, str):
        excerpt = excerpt_of(files, rule, where) or excerpt_of(files, rule)
    return Reason(
        kind,
        KINDS.get(kind, kind),
        _text(said.get("message", "")),
        rule,
        where,
        said.get("path"),
        said.get("certain", True) is True,
        tuple(_text(each) for each in said.get("suggestions") or ()),
        excerpt,
    )


def _limit(said: Mapping[str, Any]) -> Limit:
    spent, bound = json_inline(said.get("spent")), json_inline(said.get("bound"))
    try:
        used: float | None = min(1.0, float(spent) / float(bound))
    except (ValueError, ZeroDivisionError, OverflowError):
        used = None
    return Limit(
        str(said.get("rule", "")),
        "" if said.get("per") is None else json_inline(said["per"]),
        str(said.get("over", "")),
        spent,
        bound,
        json_inline(said.get("left")),
        said.get("resets"),
        used,
    )
