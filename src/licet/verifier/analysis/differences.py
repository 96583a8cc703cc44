"""What becomes of calls from one policy to another: `licet diff`.

For each tool, each way in which an outcome can change is asked about in one question over both
policies (`joining`): rules, params, tables, catalog, time zone and until when guards observe all
take part. A change is shown by a call that both policies have judged by the reference evaluator.
That there is none is proved, or the verdict does not rest on it.

- widens: some call gets further than before (denied → escalated → allowed), none less far
- narrows: the other way round; equivalent: neither, both proved
- incomparable: both, or what could not be decided either way
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from licet.compiler.evaluation import Judgement, UnknownRead
from licet.compiler.program import Program

from ..solving import SolverPool
from .formulas import FALSE, Every, Formula, Not, applies
from .inquiry import Bounded, Effort, Found, Inquiry, Open, Refuted
from .joining import Joined, join
from .joining_histories import given_back
from .joining_types import UnjoinableError
from .sides import Outcome, Side, observed_until, observing_rule
from .subject import subject_of
from .witnesses import Witness, witness

Kind = Literal["allowed", "denied", "escalated", "approval", "undecided"]
Verdict = Literal["equivalent", "narrows", "widens", "incomparable"]

_REACH: Final[dict[Outcome, int]] = {"deny": 0, "escalate": 1, "allow": 2}
_KINDS: Final[dict[Outcome, Kind]] = {
    "allow": "allowed",
    "deny": "denied",
    "escalate": "escalated",
}
#: Every way in which an outcome can change, the gravest first.
_WAYS: Final[tuple[tuple[Outcome, Outcome], ...]] = (
    ("deny", "allow"),
    ("deny", "escalate"),
    ("escalate", "allow"),
    ("allow", "deny"),
    ("allow", "escalate"),
    ("escalate", "deny"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One way in which the outcome of calls changes.

    `kind` says what the calls become; undecided: `reason` says why nothing is known. `wider`: the
    calls get further than before. `rules`: by name, those of either policy that decide the
    difference. `witness` is None where the change is not shown by a call. `reason` also says where
    it is not the rules that differ.
    """

    kind: Kind
    wider: bool
    before: Outcome | None
    after: Outcome | None
    witness: Witness | None
    rules: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ToolDifference:
    """What changes on one tool. `presence`: it is in both catalogs, or was added or removed."""

    tool: str
    verdict: Verdict
    changes: tuple[Change, ...]
    presence: Literal["both", "added", "removed"] = "both"


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes from one policy to another, tool by tool in the order of the catalogs."""

    verdict: Verdict
    tools: tuple[ToolDifference, ...]


def tools_of(old: Program, new: Program) -> tuple[str, ...]:
    """The qualified names of all tools of both."""
    names = (*(t.qualified for t in old.catalog), *(t.qualified for t in new.catalog))
    return tuple(dict.fromkeys(names))


def compare_tool(
    old: Program, new: Program, tool: str, pool: SolverPool, effort: Effort
) -> ToolDifference:
    """What changes on one tool of either policy."""
    if tool not in old.catalog.qualified:
        return _alone(new, tool, pool, effort, added=True)
    if tool not in new.catalog.qualified:
        return _alone(old, tool, pool, effort, added=False)
    if _same(old, new, tool):
        return ToolDifference(tool, "equivalent", ())
    try:
        both = join(old, new, tool)
    except UnjoinableError as reason:
        return _apart(old, new, tool, str(reason), pool, effort)
    with Inquiry(both.subject, pool, effort) as inquiry:
        changes = [change for way in _WAYS if (change := _change(inquiry, both, *way)) is not None]
        changes.extend(_approvals(inquiry, both))
    if _dispatches(old, tool) != _dispatches(new, tool):
        why = "only one of the two judges the calls inside of it"
        changes.append(Change("undecided", True, None, None, None, (), why))
    return ToolDifference(tool, _verdict(changes), tuple(changes))


def total(tools: Iterable[ToolDifference]) -> Difference:
    """The verdict on two policies from those on their tools."""
    found = tuple(tools)
    verdicts = {tool.verdict for tool in found} - {"equivalent"}
    verdict: Verdict = "incomparable"
    if not verdicts:
        verdict = "equivalent"
    elif len(verdicts) == 1:
        [verdict] = verdicts
    return Difference(verdict, found)


def _verdict(changes: Iterable[Change]) -> Verdict:
    wider = narrower = False
    for change in changes:
        if change.kind == "undecided":
            return "incomparable"
        wider, narrower = wider or change.wider, narrower or not change.wider
    if wider and narrower:
        return "incomparable"
    return "widens" if wider else "narrows" if narrower else "equivalent"


def _same(old: Program, new: Program, tool: str) -> bool:
    """Whether all that the tool's rules rest on is the same text for text."""
    a, b = old.rules[tool], new.rules[tool]
    return (
        old.zone == new.zone
        and repr(a.rules) == repr(b.rules)
        and old.catalog.qualified[tool].params == new.catalog.qualified[tool].params
        and old.unset_params == new.unset_params
        and all(getattr(old, s) == getattr(new, s) for s in ("principal", "context", "session"))
        and {n: (s.params, s.result) for n, s in old.signatures.items()}
        == {n: (s.params, s.result) for n, s in new.signatures.items()}
        and _sums(old) == _sums(new)
        and old.observe_until == new.observe_until
        and _unlocked(old, tool) == _unlocked(new, tool)
        and _dispatches(old, tool) == _dispatches(new, tool)
    )


def _sums(program: Program) -> dict[str, tuple[str, frozenset[str]]]:
    return {n: (i.digest, given_back(program, i)) for n, i in program.history.items()}


def _unlocked(program: Program, tool: str) -> bool:
    return program.catalog.qualified[tool].locked is False


def _dispatches(program: Program, tool: str) -> bool:
    return program.catalog.qualified[tool].dispatch


# --- one way -----------------------------------------------------------------------------------


def _is(side: Side, outcome: Outcome) -> Formula:
    match outcome:
        case "allow":
            return Every((side.passes, Not(side.asks)))
        case "escalate":
            return Every((side.passes, side.asks))
        case "deny":
            return Not(side.passes)


def _change(inquiry: Inquiry, both: Joined, before: Outcome, after: Outcome) -> Change | None:
    formula = Every((both.assumed, _is(both.old, before), _is(both.new, after)))
    wider = _REACH[after] > _REACH[before]
    match inquiry.find(formula):
        case Refuted():
            return None
        case Found() as found:
            shown = witness(inquiry, formula, found)
            judged = _judged(both, shown)
            if judged is None or judged[0] != before or judged[1] != after:
                reason = "the call that was found does not stand up to both policies"
                return Change("undecided", wider, None, None, None, (), reason)
            reason = _told_apart(both, shown)
            return Change(_KINDS[after], wider, before, after, shown, judged[2], reason)
        case Bounded(elements):
            reason = f"no {before} becomes {after} with lists of up to {elements} elements"
            return Change("undecided", wider, None, None, None, (), f"{reason}, which is no proof")
        case Open(reason):
            return Change("undecided", wider, None, None, None, (), reason)


def _judged(both: Joined, shown: Witness) -> tuple[Outcome, Outcome, tuple[str, ...]] | None:
    """Both verdicts on a witness, and the rules that are not of one mind about it."""
    try:
        old, new = both.old.judged(shown.world), both.new.judged(shown.world)
        outcomes = both.old.outcome(shown.world), both.new.outcome(shown.world)
    except UnknownRead:
        return None
    rules = tuple(dict.fromkeys((*_blamed(old, new), *_blamed(new, old))))
    return *outcomes, rules


def _told_apart(both: Joined, shown: Witness) -> str:
    """What makes the difference where the rules do not."""
    old, new = both.old, both.new
    if _unlocked(old.program, old.tool) != _unlocked(new.program, new.tool):
        which = "old" if _unlocked(old.program, old.tool) else "new"
        return f"the {which} policy's lock file does not know the tool as it is"
    if old.observes(shown.world) != new.observes(shown.world):
        which, side = ("old", old) if old.observes(shown.world) else ("new", new)
        until = side.program.observe_until
        assert until is not None
        return f"the {which} policy's guards only observe until {until.isoformat()}"
    return ""


def _blamed(one: Judgement | None, other: Judgement | None) -> list[str]:
    """The rules that decide something in the one and not in the other."""
    if one is None:
        return []
    theirs = set() if other is None else {(o.rule.name, o.state) for o in other.outcomes}
    return [
        o.rule.name
        for o in one.outcomes
        if o.state != "not" and (o.rule.name, o.state) not in theirs
    ]


def _approvals(inquiry: Inquiry, both: Joined) -> list[Change]:
    """Where both escalate: whether it has become easier or harder to agree to it."""
    escalated = (both.assumed, _is(both.old, "escalate"), _is(both.new, "escalate"))
    if isinstance(inquiry.find(Every(escalated)), Refuted):
        return []
    changes: list[Change | None] = []
    ours, theirs = _escalations(both.old), _escalations(both.new)
    for name in dict.fromkeys((*ours, *theirs)):
        here = [side[name] for side in (ours, theirs) if name in side]
        where = (*escalated, *map(applies, here))
        shared = both.approvals.get(name)
        if shared is None:  # one more agreement that is asked for, or one less
            wider = name in ours
            changes.append(_approval(inquiry, Every(where), name, wider))
        elif shared.old is None or shared.new is None:
            reason = "whom it asks for approval is declared otherwise"
            changes.append(Change("undecided", True, None, None, None, (name,), reason))
        else:
            old, new = applies(shared.old), applies(shared.new)
            before, after = shared.needs
            for wider, eased in ((True, after < before), (False, after > before)):
                people = Every((new, Not(old)) if wider else (old, Not(new)))
                formula = Every(where if eased else (*where, people))
                changes.append(_approval(inquiry, formula, name, wider))
    return [change for change in changes if change is not None]


def _escalations(side: Side) -> dict[str, int]:
    """The escalations of a side, with their positions."""
    pairs = zip(side.rules, side.at, strict=True)
    return {rule.name: at for rule, at in pairs if rule.kind == "escalate"}


def _approval(inquiry: Inquiry, formula: Formula, rule: str, wider: bool) -> Change | None:
    match inquiry.find(formula):
        case Refuted():
            return None
        case Found() as found:
            shown = witness(inquiry, formula, found)
            return Change("approval", wider, "escalate", "escalate", shown, (rule,))
        case Bounded() | Open():
            reason = "whether its approval has changed was not decided"
            return Change("undecided", wider, None, None, None, (rule,), reason)


# --- without a counterpart ---------------------------------------------------------------------


def _alone(
    program: Program, tool: str, pool: SolverPool, effort: Effort, *, added: bool
) -> ToolDifference:
    """A tool that one of the two has: without it, every call of it is unknown and denied."""
    changes = _all_of(program, tool, pool, effort, added=added)
    presence: Literal["added", "removed"] = "added" if added else "removed"
    return ToolDifference(tool, _verdict(changes), tuple(changes), presence)


def _apart(
    old: Program, new: Program, tool: str, reason: str, pool: SolverPool, effort: Effort
) -> ToolDifference:
    """A tool whose two declarations cannot be joined: nothing is proved, but calls may be shown."""
    changes = [Change("undecided", True, None, None, None, (), reason)]
    for program, other, added in ((new, old, True), (old, new, False)):
        theirs = Side(other, tool, (), Every(()), {})
        for change in _all_of(program, tool, pool, effort, added=added):
            if change.witness is None:
                continue
            try:
                becomes = theirs.outcome(change.witness.world)
            except UnknownRead:
                continue
            if becomes == "deny":
                changes.append(change)
    return ToolDifference(tool, "incomparable", tuple(changes))


def _all_of(
    program: Program, tool: str, pool: SolverPool, effort: Effort, *, added: bool
) -> list[Change]:
    """The calls of one policy that pass, as changes from or to nothing."""
    rules = program.rules[tool].rules
    until = observed_until(program)
    observing = () if until is None else (observing_rule(until),)
    subject = subject_of(program, tool, observing)
    observed = applies(len(rules)) if observing else FALSE
    side = Side(program, tool, tuple(range(len(rules))), Every(()), {}, observed)
    outcomes: tuple[Outcome, ...] = ("allow", "escalate")
    changes: list[Change] = []
    with Inquiry(subject, pool, effort) as inquiry:
        for outcome in outcomes:
            formula = _is(side, outcome)
            before: Outcome = "deny" if added else outcome
            after: Outcome = outcome if added else "deny"
            match inquiry.find(formula):
                case Refuted():
                    continue
                case Found() as found:
                    names = tuple(
                        rule.name
                        for rule, state in zip(rules, found.states, strict=False)
                        if state == "applies"
                    )
                    shown = witness(inquiry, formula, found)
                    changes.append(Change(_KINDS[after], added, before, after, shown, names))
                case Bounded(elements):
                    reason = f"nothing passes with lists of up to {elements} elements"
                    changes.append(Change("undecided", added, None, None, None, (), reason))
                case Open(reason):
                    changes.append(Change("undecided", added, None, None, None, (), reason))
    return changes
