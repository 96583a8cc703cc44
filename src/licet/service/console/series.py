"""The audit over time: how many calls were allowed, refused, asked about; where limits stood.

One reading looks back from the newest entry, at so many and no more; how far that reached is part
of what it says.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from licet.compiler import ir
from licet.compiler.clock import format_duration
from licet.compiler.exact_json import number_text
from licet.compiler.program import Program
from licet.verifier.audit.entries import EntryError, body_of, envelope
from licet.verifier.history import AuditEntry, Store

from ..records import last
from .rendering import instant, json_inline

OUTCOMES = ("deny", "escalate", "allow")
#: Entries that one reading looks at, those that it reads at once, and those it reads in whole.
MOST = 20_000
_PAGE = 1_000
_WHOLE = 1_000
#: Tools whose limits are looked for, and values of a limit that are told apart.
_TOOLS = 50
_KEYS = 12

_TEXT = r'"(?:[^"\\]|\\.)*+"'
#: How a verdict's body begins, which is enough to count it.
_VERDICT = re.compile(
    rf'"body": \{{"verdict": \{{(?:"call": {_TEXT}, )?"id": {_TEXT}, '
    rf'"outcome": "(allow|escalate|deny)", "tool": ({_TEXT}), "rules": (\[(?:{_TEXT}(?:, )?)*+\])'
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a limit stood for one value of its `per`, whenever a decision looked. Amounts are
    exact; `bound` is None where it depends on the call and no refusal has told it."""

    rule: str
    per: str
    over: str
    points: tuple[tuple[datetime, Fraction], ...]
    bound: Fraction | None

    @property
    def spent(self) -> Fraction:
        return self.points[-1][1]

    @property
    def used(self) -> float | None:
        """The used part of the bound."""
        return float(self.spent / self.bound) if self.bound else None


@dataclass(slots=True)
class Series:
    """What a reading found between two instants. `counts` has a Counter of outcomes for each of
    the steps; `whole` is False where there were more entries than it looks at, and then all before
    `reached` is missing."""

    start: datetime
    end: datetime
    counts: list[Counter[str]]
    whole: bool = True
    reached: datetime | None = None
    rules: Counter[str] = field(default_factory=Counter)
    tools: Counter[str] = field(default_factory=Counter)
    standings: list[Standing] = field(default_factory=list)

    @property
    def totals(self) -> Counter[str]:
        return sum(self.counts, Counter())

    @property
    def step(self) -> timedelta:
        return (self.end - self.start) / len(self.counts)

    def instant_of(self, number: int) -> datetime:
        return self.start + number * self.step


def read_series(
    store: Store, tenant: str, program: Program, length: timedelta, steps: int, now: datetime
) -> Series:
    """Look back from `now`. Raises StoreError."""
    made = Series(now - length, now, [Counter() for _ in range(steps)])
    told: list[tuple[datetime, AuditEntry]] = []
    for at, entry in _back(store, tenant, made):
        said = _verdict(entry.text)
        if said is None:
            continue
        outcome, tool, rules = said
        number = int((at - made.start) / made.step)
        made.counts[min(max(number, 0), steps - 1)][outcome] += 1
        made.tools[tool] += 1
        if outcome != "allow":
            made.rules.update(rules)
        if len(told) < _WHOLE and '"history":' in entry.text:
            told.append((at, entry))
    made.standings = _standings(told, program, [tool for tool, _ in made.tools.most_common(_TOOLS)])
    return made


def _back(store: Store, tenant: str, made: Series) -> Iterator[tuple[datetime, AuditEntry]]:
    """The verdicts of a stretch of time, newest first."""
    end = last(store, tenant)
    lowest = max(0, end - MOST)
    while end > lowest:
        start = max(lowest, end - _PAGE)
        for entry in reversed(store.audit(tenant, start, end - start)):
            try:
                head = envelope(entry.text)
                at = instant(head.at)
            except (EntryError, ValueError):
                continue
            if at < made.start:
                return
            made.reached = at
            if head.kind == "verdict":
                yield at, entry
        end = start
    made.whole = lowest == 0


def _verdict(text: str) -> tuple[str, str, Sequence[str]] | None:
    """Outcome, tool and rules; in observe mode, the outcome that would have been."""
    found = _VERDICT.search(text)
    if found is not None and '"observed": {' not in text:
        return found[1], json.loads(found[2]), json.loads(found[3])
    try:
        said: Any = body_of(text).get("verdict")
    except EntryError:
        return None
    if not isinstance(said, Mapping):
        return None
    said = said.get("observed", said)
    return str(said["outcome"]), str(said["tool"]), [str(rule) for rule in said["rules"]]


# --- limits


@dataclass(frozen=True, slots=True)
class _Limit:
    rule: str
    over: str
    bound: Fraction | None


def _standings(
    told: Sequence[tuple[datetime, AuditEntry]], program: Program, tools: Sequence[str]
) -> list[Standing]:
    limits = _limits(program, tools)
    points: dict[tuple[str, str], list[tuple[datetime, Fraction]]] = {}
    bounds: dict[tuple[str, str], Fraction] = {}
    for at, entry in reversed(told) if limits else ():
        try:
            body: Any = body_of(entry.text)
        except EntryError:
            continue
        history = (body.get("call") or {}).get("history") or {}
        for name in limits.keys() & history.keys():
            for found in history[name]:
                spent = _number(found.get("value"))
                if spent is not None:
                    per = ", ".join(json_inline(part, 60).strip('"') for part in found["key"])
                    points.setdefault((name, per), []).append((at, spent))
        for said in body["verdict"].get("budgets") or ():
            bound = _number(said.get("bound"))
            if bound is not None:
                bounds[said["rule"], json_inline(said.get("per", ""), 60).strip('"')] = bound
    made = [
        Standing(
            limits[name].rule,
            per,
            limits[name].over,
            tuple(found),
            limits[name].bound or bounds.get((limits[name].rule, per)),
        )
        for (name, per), found in points.items()
    ]
    return sorted(made, key=lambda each: (-(each.used or 0), each.rule, each.per))[:_KEYS]


def _limits(program: Program, tools: Sequence[str]) -> dict[str, _Limit]:
    """The limits on some tools, by the name of what they add up."""
    found: dict[str, _Limit] = {}
    for tool in tools:
        if tool not in program.rules:
            continue
        for rule in program.rules[tool].rules:
            if rule.limit is None:
                continue
            index = program.history[rule.limit.spent.name]
            micros = index.window.microseconds
            over = index.window.calendar or ("" if micros is None else format_duration(micros))
            bound = rule.limit.bound
            known = _number(bound.value) if isinstance(bound, ir.Const) else None
            found[index.name] = _Limit(rule.name, over, known)
    return found


def _number(value: object) -> Fraction | None:
    """An exact number of the audit or of a policy; None for what is redacted, or is none."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return None


def amount(value: Fraction | None) -> str:
    return "" if value is None else number_text(value)
