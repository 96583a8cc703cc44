"""What the rules of a tool say about a call in one world: the reference verdict.

The formula, with every rule evaluated:
    allowed = some permit applies
              and no forbid applies or is absent
              and no escalation is absent
              and no rule meets a wrong type
    escalate = allowed and some escalation applies
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .. import ir
from ..clock import Clock
from ..types import OptionalType, Type, Value
from ..world import Path, World
from .expressions import Evaluation
from .places import (
    COMPUTED,
    AbsentUnwrapped,
    Located,
    Part,
    UnboundVariable,
    UnknownRead,
    WrongType,
    without_places,
)

State = Literal["applies", "not", "absent", "wrong_type"]


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What one rule says in a world.

    `absent` is the `let` whose value is absent; then `detail` is the path of what does not exist,
    where it is a part of the world. Of a wrong type, `detail` says where and what.
    `bindings` gives, by `Var.slot`, the lets and then the elements that decided quantifiers on the
    way to the result, outer before inner; unread parts of them may be UNKNOWN.
    `places` are the same bindings, for `evaluate` and `read_paths` to know where they came from.
    """

    rule: ir.Rule
    state: State
    absent: ir.Let | None = None
    detail: Path | WrongType | None = None
    bindings: Mapping[int, Value] = field(default_factory=dict)
    places: Mapping[int, Part] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Outcomes in the order of `ToolRules.rules`, and what follows from them."""

    outcomes: tuple[RuleOutcome, ...]
    outcome: Literal["allow", "escalate", "deny"]


def judge(rules: ir.ToolRules, world: World, clock: Clock) -> Judgement:
    """What all the rules together say. Raises UnknownRead, whichever rule it is that reads."""
    outcomes = tuple([judge_rule(rule, world, clock) for rule in rules.rules])

    def some(kind: str, state: State) -> bool:
        return any(o.rule.kind == kind and o.state == state for o in outcomes)

    allowed = (
        some("permit", "applies")
        and not some("forbid", "applies")
        and not some("forbid", "absent")
        and not some("escalate", "absent")
        and not any(o.state == "wrong_type" for o in outcomes)
    )
    if not allowed:
        return Judgement(outcomes, "deny")
    return Judgement(outcomes, "escalate" if some("escalate", "applies") else "allow")


def judge_rule(
    rule: ir.Rule, world: World, clock: Clock, evaluation: Evaluation | None = None
) -> RuleOutcome:
    """What one rule says. Its lets are bound in order, up to the first absent one.

    `evaluation` is one of that world which notes what it meets. Raises UnknownRead.
    """
    evaluation = evaluation or Evaluation(world, clock)
    lets: dict[int, Part] = {}
    try:
        for let in rule.lets:
            part = evaluation.part(let.value)
            if isinstance(let.value.type, OptionalType) and not evaluation.present(part):
                path = part.path if isinstance(part, Located) and part.path != COMPUTED else None
                return _outcome(rule, "absent", lets, let, path)
            lets[let.var.slot] = evaluation.bound[let.var.slot] = part
        state: State = "applies" if evaluation.truth(rule.condition) else "not"
    except WrongType as wrong:
        return _outcome(rule, "wrong_type", lets, None, wrong)
    return _outcome(rule, state, lets | dict(evaluation.witnesses))


def _outcome(
    rule: ir.Rule,
    state: State,
    places: Mapping[int, Part],
    absent: ir.Let | None = None,
    detail: Path | WrongType | None = None,
) -> RuleOutcome:
    bindings = {slot: without_places(part) for slot, part in places.items()}
    return RuleOutcome(rule, state, absent, detail, bindings, places)


def message_text(
    rule: ir.Rule,
    outcome: RuleOutcome,
    world: World,
    clock: Clock,
    show: Callable[[Value, Type], str],
) -> str:
    """The rule's message with its holes filled by `show`; empty if the rule has no message.

    A hole prints `none` where its value or a `let` that it uses is absent, `(unknown)` where it
    reads something unknown, `(wrong type)` where a document holds something else, `(none found)`
    where it uses the variable of a quantifier that no single element decided.
    """
    lets = {let.var.slot for let in rule.lets}

    def filled(part: str | ir.Expr) -> str:
        if isinstance(part, str):
            return part
        evaluation = Evaluation(world, clock, outcome.places or outcome.bindings)
        try:
            value = evaluation.reader.whole(evaluation.part(part))
        except UnboundVariable as unbound:
            return "none" if unbound.slot in lets else "(none found)"
        except AbsentUnwrapped:
            return "none"
        except UnknownRead:
            return "(unknown)"
        except WrongType:
            return "(wrong type)"
        if value is None:
            return "none"
        kind = part.type
        return show(value, kind.inner if isinstance(kind, OptionalType) else kind)

    return "".join([filled(part) for part in rule.message or ()])
