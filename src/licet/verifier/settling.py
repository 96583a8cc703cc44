"""What holds in every world that an incomplete one may turn out to be.

Unsat answers prove, and come from the question in which lists of unknown length are opaque, an
over-approximation. Worlds come from questions with short lists; each is replayed by the reference
evaluator, and only the outcome of the replay counts. A verdict needs both: all other outcomes
refuted *and* a world in which this one holds, so nothing is ever allowed vacuously. What has
neither is unknown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from licet.compiler import ir
from licet.compiler.clock import Clock
from licet.compiler.encoding import (
    EncodingError,
    EncodingLimit,
    FactKeys,
    Question,
    States,
    ToolEncoder,
)
from licet.compiler.evaluation import Judgement, State, UnknownRead, judge
from licet.compiler.world import UNKNOWN, Path, World

from .admission import path_text
from .decoding import world_of
from .masking import unknowns, with_value
from .solving import Answer, Check, Sat, Solvers, Unknown, Unsat
from .verdict import Outcome

_GOALS: Final[dict[Outcome, str]] = {
    "deny": "(not allowed)",
    "allow": "(and allowed (not pending))",
    "escalate": "(and allowed pending)",
}

#: How many unknown parts are named where it is not clear which of them matter.
_MOST_NAMED: Final = 10
#: How often one question is asked again after a world that turned out otherwise.
_TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Settlement:
    """The verdict on a world with unknown parts.

    - allow, escalate, deny: this in every world. `common` says what each rule does in every world,
      as far as it is the same; `one_of` names the rules of which at least one refuses in
      every world, if none of them does in all.
    - undetermined: `fine` and `broken` are worlds with different outcomes, the one of `broken` the
      worse; `settle` names the unknown parts on which that rests.
    - solver_unknown: `reason` says what gave out, `settle` what is not known.
    - fault: no world is possible at all.
    """

    outcome: Literal["allow", "escalate", "deny", "undetermined", "solver_unknown", "fault"]
    reason: str = ""
    common: States = ()
    one_of: tuple[str, ...] = ()
    fine: World | None = None
    broken: World | None = None
    settle: tuple[str, ...] = ()

    def states(self, known: Sequence[State | None]) -> States:
        """What each rule does in every world: as `known` has it, or as it was found here."""
        if not self.common:
            return tuple(known)
        return tuple(a if a is not None else b for a, b in zip(known, self.common, strict=True))


def settle(
    encoder: ToolEncoder,
    rules: ir.ToolRules,
    world: World,
    clock: Clock,
    pool: Solvers,
    seconds: float,
    list_bound: int = 4,
) -> Settlement:
    """The verdict on `world`, within `seconds`; lists made up are at most `list_bound` long."""
    until = time.monotonic() + seconds
    try:
        return _Settling(encoder, rules, world, clock, pool, until).settle(list_bound)
    except EncodingLimit as limit:
        return Settlement("solver_unknown", str(limit))
    except EncodingError as error:
        return Settlement("solver_unknown", f"the question could not be put: {error}")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A complete world, replayed."""

    world: World
    judgement: Judgement

    @property
    def approvals(self) -> tuple[bool, ...]:
        return tuple(
            o.state == "applies" for o in self.judgement.outcomes if o.rule.kind == "escalate"
        )


class _Settling:
    def __init__(
        self,
        encoder: ToolEncoder,
        rules: ir.ToolRules,
        world: World,
        clock: Clock,
        pool: Solvers,
        until: float,
    ) -> None:
        self._encoder, self._rules, self._world = encoder, rules, world
        self._clock, self._pool, self._until = clock, pool, until
        self._opaque = encoder.question(world, bounded=None)
        self._seen: dict[Outcome, _Seen] = {}
        self._reason = "no world could be found"

    def settle(self, list_bound: int) -> Settlement:
        possible = [goal for goal in _GOALS if not self._refuted(goal)]
        if not possible:
            return Settlement("fault", "what is known of this call is not of the declared types")
        for question in self._questions(list_bound):
            for goal in possible:
                if goal not in self._seen and len(self._seen) < 2:
                    self._look(question, _GOALS[goal])
            if len(self._seen) >= min(2, len(possible)):
                break
        if len(self._seen) > 1:
            return self._undetermined(*self._seen.values())
        if len(possible) > 1 or not self._seen:
            return Settlement("solver_unknown", self._reason, settle=self._lacking())
        [(outcome, seen)] = self._seen.items()
        match outcome:
            case "allow":
                return Settlement("allow")
            case "deny":
                return self._denied(seen)
            case _:
                return self._escalated(seen, list_bound)

    # --- asking

    def _questions(self, list_bound: int) -> Iterator[Question]:
        """Questions that describe worlds, with ever longer lists."""
        if self._opaque.exact:
            yield self._opaque
            return
        bound = 1
        while bound < list_bound:
            yield self._encoder.question(self._world, bounded=bound)
            bound *= 2
        yield self._encoder.question(self._world, bounded=list_bound)

    def _ask(self, question: Question, goals: Sequence[str], *, values: bool) -> Answer:
        known = tuple(f"(= {leaf.symbol} {leaf.literal})" for leaf in question.leaves if leaf.known)
        symbols = tuple(leaf.symbol for leaf in question.leaves) if values else ()
        left = self._until - time.monotonic()
        assertions = (*question.given, *goals, *known)
        answer = self._pool.ask(Check(assertions, symbols), question.stem, left)
        if isinstance(answer, Unknown):
            self._reason = answer.reason
        return answer

    def _refuted(self, goal: Outcome) -> bool:
        """Whether no world has this outcome; notes the world that comes with the answer."""
        exact = self._opaque.exact
        answer = self._ask(self._opaque, [_GOALS[goal]], values=exact)
        if exact and isinstance(answer, Sat):
            self._replay(self._opaque, answer)
        return isinstance(answer, Unsat)

    def _never(self, *goals: str) -> bool:
        return isinstance(self._ask(self._opaque, goals, values=False), Unsat)

    def _look(self, question: Question, goal: str) -> _Seen | None:
        """A world that fits `goal`, as far as the question says; notes it under its outcome."""
        blocked: list[str] = []
        open_leaves = [leaf for leaf in question.leaves if not leaf.known]
        for _ in range(1 if question.exact else _TRIES):
            answer = self._ask(question, [goal, *blocked], values=True)
            if not isinstance(answer, Sat):
                return None
            before = len(self._seen)
            seen = self._replay(question, answer)
            if seen is not None and len(self._seen) > before:
                return seen
            same = [f"(= {leaf.symbol} {answer.values[leaf.symbol]})" for leaf in open_leaves]
            blocked.append(f"(not (and true {' '.join(same)}))")
        return seen

    def _replay(self, question: Question, answer: Sat) -> _Seen | None:
        world = world_of(question, answer.values)
        if world is None:
            self._reason = "the solver's world could not be read"
            return None
        try:
            seen = _Seen(world, judge(self._rules, world, self._clock))
        except UnknownRead:
            self._reason = "the solver's world is not complete"
            return None
        self._seen.setdefault(seen.judgement.outcome, seen)
        return seen

    # --- answers

    def _denied(self, seen: _Seen) -> Settlement:
        """Which rules refuse in every world: some of those that do in the one seen."""
        common: list[State | None] = []
        possible: list[str] = []
        known = self._encoder.states(self._world)
        for index, outcome in enumerate(seen.judgement.outcomes):
            state = outcome.state
            if (settled := known[index]) is not None:
                common.append(settled)
                continue
            refuses = _refuses(outcome.rule, state)
            fires = [f"r{index}_{_PART[s]}" for s in _PART if _refuses(outcome.rule, s)]
            if refuses and self._never(f"(not r{index}_{_PART[state]})"):
                common.append(state)
            elif not refuses and self._never(_any(fires)):
                common.append("not" if outcome.rule.kind == "forbid" else None)
            else:
                common.append(None)
                possible.append(outcome.rule.name)
        permits = range(len(self._rules.permits))
        unpermitted = self._never(_any([f"r{index}_applies" for index in permits]))
        if unpermitted:
            common[: len(permits)] = [
                state if state is not None else "not" for state in common[: len(permits)]
            ]
        must = any(_refuses(r, s) for r, s in zip(self._rules.rules, common, strict=True) if s)
        one_of = () if must or unpermitted else tuple(possible)
        return Settlement("deny", common=tuple(common), one_of=one_of, broken=seen.world)

    def _escalated(self, seen: _Seen, list_bound: int) -> Settlement:
        """Escalation in every world; settled only if it is the same one."""
        first = len(self._rules.permits) + len(self._rules.forbids)
        equations = [
            f"(= r{first + i}_applies {str(applies).lower()})"
            for i, applies in enumerate(seen.approvals)
        ]
        same = f"(and true {' '.join(equations)})"
        if self._never(f"(not {same})"):
            common = tuple(
                outcome.state if outcome.rule.kind == "escalate" else None
                for outcome in seen.judgement.outcomes
            )
            return Settlement("escalate", common=common)
        for question in self._questions(list_bound):
            answer = self._ask(question, [f"(not {same})"], values=True)
            other = self._replay(question, answer) if isinstance(answer, Sat) else None
            if other is not None and other.approvals != seen.approvals:
                return self._undetermined(seen, other)
        return Settlement("solver_unknown", self._reason)

    def _undetermined(self, *seen: _Seen) -> Settlement:
        in_order = sorted(seen, key=lambda s: _BADNESS[s.judgement.outcome])
        fine, broken = in_order[0], in_order[-1]
        paths = dict.fromkeys((*self._matter(fine), *self._matter(broken)))
        lacking = self._encoder.lacking(self._world)
        return Settlement(
            "undetermined",
            fine=fine.world,
            broken=broken.world,
            settle=tuple(path_text(path) for path in paths if self._can_be_found(path, lacking)),
        )

    def _lacking(self) -> tuple[str, ...]:
        """What is not known of this world, where nothing tells which of it matters."""
        paths = [*unknowns(self._world), *self._encoder.lacking(self._world)]
        return tuple(path_text(path) for path in dict.fromkeys(paths))[:_MOST_NAMED]

    def _can_be_found(self, path: Path, lacking: FactKeys) -> bool:
        """Whether somebody could look it up: a fact at a key that a solver made up has nobody."""
        if len(path) < 2 or not isinstance(path[1], tuple):
            return True
        name, keys = str(path[0]), path[1]
        return keys in self._world.facts.get(name, {}) or (name, keys) in lacking

    def _matter(self, seen: _Seen) -> Iterator[Path]:
        """Unknown parts that, known as they are in this world, would have settled its outcome."""
        known = seen.world
        for path in list(_open(self._world, known)):
            try:
                without = with_value(known, path, UNKNOWN)
            except LookupError:  # of a document with a hole, all is as the solver wants it
                yield path
                continue
            if self._settles(without, seen):
                known = without
            else:
                yield path

    def _settles(self, world: World, seen: _Seen) -> bool:
        """Whether what is known of a world suffices for what was seen."""
        try:
            with self._encoder.deciding(world) as decided:
                if decided.outcome != seen.judgement.outcome:
                    return False
                return decided.outcome != "escalate" or seen.approvals == tuple(
                    state == "applies"
                    for rule, state in zip(self._rules.rules, decided.states(), strict=True)
                    if rule.kind == "escalate" and state is not None
                )
        except EncodingError:
            return False


_BADNESS: Final[dict[Outcome, int]] = {"allow": 0, "escalate": 1, "deny": 2}

#: The name of a state in a question, after the rule's number.
_PART: Final[dict[State, str]] = {
    "applies": "applies",
    "absent": "absent",
    "wrong_type": "wrong",
}


def _refuses(rule: ir.Rule, state: State) -> bool:
    match state:
        case "wrong_type":
            return True
        case "absent":
            return rule.kind != "permit"
        case "applies":
            return rule.kind == "forbid"
        case _:
            return False


def _any(names: Sequence[str]) -> str:
    return f"(or false {' '.join(names)})"


def _open(world: World, complete: World) -> Iterator[Path]:
    """What is unknown in the one and known in the other: parts, and facts not supplied."""
    yield from unknowns(world)
    for name, entries in complete.facts.items():
        for keys in entries:
            if keys not in world.facts.get(name, {}):
                yield (name, keys)
