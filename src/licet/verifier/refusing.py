"""What a refusal says: violations, reasons, the world in which it happens, the nearest way out.

In: a world and what the encoder found. Out: a `Refusal`, whose outcome may still turn out as
`allow` where something was unknown and the solver has shown that it does not matter. Nothing is
shown that the reference evaluator has not replayed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from licet.compiler import ir
from licet.compiler.clock import Clock
from licet.compiler.encoding import States, ToolEncoder
from licet.compiler.evaluation import (
    COMPUTED,
    RuleOutcome,
    UnknownRead,
    WrongType,
    judge_rule,
    message_text,
)
from licet.compiler.program import Program
from licet.compiler.types import Type, Value
from licet.compiler.values import render, show
from licet.compiler.world import Path, World

from .adjusting import Names, key_arguments
from .admission import path_text
from .budgets import Rooms, budgets_of
from .calls import call_json
from .completing import completed
from .explaining import seeking
from .messages import compose
from .repairing import Ask, RepairFound, repair
from .settling import Settlement, settle
from .solving import Answer, Query, Solvers
from .verdict import Budget, Change, Kind, Outcome, Reason, Repair, Violation
from .visibility import ToolVisibility, is_shown, tool_visibility

log = logging.getLogger("licet")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Everything of a verdict but its name tags; `states` per rule, as far as they are known."""

    outcome: Outcome
    violations: tuple[Violation, ...]
    rules: tuple[str, ...] = ()
    states: States = ()
    because: tuple[Reason, ...] = ()
    counterexample: Mapping[str, object] | None = None
    fine: Mapping[str, object] | None = None
    settle: tuple[str, ...] = ()
    repair: Repair | None = None
    explained: bool = True
    message: str = ""
    budgets: tuple[Budget, ...] = ()

    @staticmethod
    def of(tool: str, violations: tuple[Violation, ...]) -> Refusal:
        """A plain deny."""
        return Refusal("deny", violations, message=compose("deny", tool, violations, (), None))


class Refuser:
    """Explains the refusals of one program. Safe to share between threads."""

    def __init__(self, program: Program, clock: Clock) -> None:
        self._program = program
        self._clock = clock
        self._visibility: dict[str, ToolVisibility] = {}
        self._keys: dict[str, frozenset[Names]] = {}

    def explain(
        self,
        encoder: ToolEncoder,
        rules: ir.ToolRules,
        world: World,
        outcome: Outcome | None,
        states: States,
        solvers: Solvers,
        rooms: Rooms,
        deadline: float,
    ) -> Refusal:
        """The refusal of a world that was not plainly allowed (`outcome` None: not settled)."""
        one_of: tuple[str, ...] = ()
        broken: World | None = None
        if outcome == "deny" and not _is_explained(rules, states):
            # Certain, but by one rule in some worlds and by another in others: which?
            settled = self._settle(encoder, rules, world, solvers, deadline)
            if settled.outcome == "deny":
                states, one_of = settled.states(states), settled.one_of
                broken = settled.broken
        elif outcome is None:
            settled = self._settle(encoder, rules, world, solvers, deadline)
            match settled.outcome:
                case "undetermined" | "solver_unknown" | "fault":
                    return self._unsettled(rules, world, settled, states)
                case "allow":
                    return Refusal("allow", (), states=settled.states(states))
            outcome, states = settled.outcome, settled.states(states)
            one_of, broken = settled.one_of, settled.broken
        violations = tuple(self._violations(rules, world, outcome, states, one_of))
        budgets = tuple(budgets_of(self._program, rules, world, states, self._clock, rooms))
        refusal = Refusal(
            outcome,
            violations,
            rules=tuple(dict.fromkeys(v.rule for v in violations if v.rule is not None)),
            states=states,
            counterexample=None if broken is None else call_json(broken, self._program),
            budgets=budgets,
        )
        try:
            refusal = self._teach(encoder, rules, world, refusal, solvers, deadline)
        except Exception:  # a refusal stands without its explanation
            log.exception("a refusal could not be explained")
            shown = call_json(broken or world, self._program)
            refusal = replace(refusal, counterexample=shown, explained=False)
        return replace(
            refusal,
            message=compose(
                outcome, self._name(world), violations, refusal.because, refusal.repair, budgets
            ),
        )

    def _settle(
        self,
        encoder: ToolEncoder,
        rules: ir.ToolRules,
        world: World,
        solvers: Solvers,
        deadline: float,
    ) -> Settlement:
        seconds = deadline - time.monotonic()
        return settle(encoder, rules, world, self._clock, solvers, seconds)

    # --- violations

    def _violations(
        self,
        rules: ir.ToolRules,
        world: World,
        outcome: Outcome,
        states: States,
        one_of: tuple[str, ...],
    ) -> Iterator[Violation]:
        """Each rule that refuses or asks, in the order written, and the lack of a permit.

        `one_of`: rules of which one refuses whatever the unknown is, though none does always.
        """
        wrong: set[str] = set()
        blamed = False
        for index, (rule, state) in enumerate(zip(rules.rules, states, strict=True)):
            if state == "wrong_type":
                yield from self._wrong_type(rule, world, wrong)
            elif rule.kind == "permit" or state not in ("applies", "absent"):
                if rule.name in one_of:
                    text = f"{rule.name} refuses in some of the possible cases; none is allowed"
                    yield Violation(
                        _kind(rule), text, text, rule.name, str(rule.span), certain=False
                    )
                    blamed = True
                continue
            elif rule.kind == "forbid" or outcome == "escalate" or state == "absent":
                yield self._violation(index, rule, world, state, self.visibility(rules))
            else:
                continue
            blamed = True
        permits = states[: len(rules.permits)]
        if outcome == "deny" and all(state in ("not", "absent", "wrong_type") for state in permits):
            text = "no rule permits this call" if permits else "no rule permits this tool at all"
            yield Violation("no_permit", text, text)
        elif outcome == "deny" and "applies" not in permits and (one_of or not blamed):
            text = "no permit applies in some of the possible cases; none is allowed"
            yield Violation("no_permit", text, text, certain=False)

    def _violation(
        self, index: int, rule: ir.Rule, world: World, state: str, visibility: ToolVisibility
    ) -> Violation:
        where = str(rule.span)
        try:
            outcome = judge_rule(rule, world, self._clock)
        except UnknownRead:
            text = f"the rule {rule.name} applies whatever is unknown"
            kind: Kind = "absent" if state == "absent" else _kind(rule)
            return Violation(kind, text, text, rule.name, where)
        if outcome.state != state:
            raise AssertionError(f"the engines differ on rule {rule.name}")
        if outcome.state == "absent":
            told, shown_text = self._absent(outcome)
            return Violation("absent", told, shown_text, rule.name, where)
        shown = visibility.message_parts[index]
        full = self._message(rule, outcome, world)
        hidden = self._message(_blank(rule, shown), outcome, world)
        return Violation(_kind(rule), full, hidden, rule.name, where)

    def _message(self, rule: ir.Rule, outcome: RuleOutcome, world: World) -> str:
        if rule.message is None and rule.limit is not None:
            return f"{rule.name} would be passed by this call"
        if rule.message is None:
            verb = "asks for approval of" if rule.kind == "escalate" else "forbids"
            return f"{rule.name} {verb} this call"
        return message_text(rule, outcome, world, self._clock, show)

    def _absent(self, outcome: RuleOutcome) -> tuple[str, str]:
        """What does not exist: for the operator with its keys, for the model by its name."""
        let = outcome.absent
        assert let is not None
        text = f"{let.span.text} does not exist"
        path = outcome.detail
        full = f"{path_text(path)} does not exist" if isinstance(path, tuple) else text
        return full, text

    def _wrong_type(self, rule: ir.Rule, world: World, seen: set[str]) -> Iterator[Violation]:
        text = f"a document that {rule.name} reads holds a value of the wrong type"
        shown, path = text, None
        kind: Kind = "fault"  # of the host's document, unless it turns out to be an argument
        with suppress(UnknownRead):
            detail = judge_rule(rule, world, self._clock).detail
            if isinstance(detail, WrongType) and (place := path_text(detail.path)):
                text = f"`{place}` must be {detail.expected}, not {detail.found}"
                if detail.path[:1] == COMPUTED:
                    text = f"in a document that was computed, {text}"
                else:
                    path = place
                if detail.path[0] == "args":
                    kind, shown = "bad_argument", text
        if text not in seen:
            seen.add(text)
            yield Violation(kind, text, shown, rule.name, str(rule.span), path)

    # --- reasons and repairs

    def _teach(
        self,
        encoder: ToolEncoder,
        rules: ir.ToolRules,
        world: World,
        refusal: Refusal,
        solvers: Solvers,
        deadline: float,
    ) -> Refusal:
        goal = refusal.outcome
        fix: Repair | None = None
        shown = refusal.counterexample
        left = deadline - time.monotonic()
        with seeking(encoder, rules, world, goal, refusal.states, solvers, left) as sought:

            def ask(query: Query, text: str, seconds: float) -> Answer:
                sought.taken()  # whoever has a worker may not wait for another
                return solvers.ask(query, text, seconds)

            if shown is None:
                made = completed(encoder, rules, world, goal, self._clock)
                shown = call_json(made or world, self._program)
            if goal == "deny":
                fix = self._repaired(encoder, rules, world, ask, deadline)
            found = sought.found()
        reasons: tuple[Reason, ...] = ()
        if found is not None:
            show_reasons = self._may_show_reasons(rules, refusal)
            reasons = tuple(
                self._reason(path, value, kind, show_reasons, rules) for path, value, kind in found
            )
        return replace(
            refusal,
            because=reasons,
            counterexample=shown,
            repair=fix,
            explained=found is not None and sought.is_minimal,
        )

    def _repaired(
        self, encoder: ToolEncoder, rules: ir.ToolRules, world: World, ask: Ask, deadline: float
    ) -> Repair | None:
        tool = self._program.catalog.qualified[world.tool]
        found = repair(
            encoder,
            rules,
            world,
            self._program.adjustable.get(world.tool),
            self._key_arguments(rules),
            tool.params,
            self._clock,
            ask,
            deadline - time.monotonic(),
        )
        if found is None:
            return None
        return self._repair(found, tool.params, self.visibility(rules).repair)

    def _may_show_reasons(self, rules: ir.ToolRules, refusal: Refusal) -> bool:
        """Only where none of the rules to blame reads anything hidden."""
        hidden = self.visibility(rules).reads_hidden
        blamed = set(refusal.rules)
        no_permit = any(v.kind == "no_permit" for v in refusal.violations)
        return not any(
            reads
            for rule, reads in zip(rules.rules, hidden, strict=True)
            if rule.name in blamed or (no_permit and rule.kind == "permit")
        )

    def _reason(
        self, path: Path, value: Value, kind: Type, may: bool, rules: ir.ToolRules
    ) -> Reason:
        keyed = path[0] in self.visibility(rules).keyed_by_hidden
        shown = may and not keyed and is_shown(self._program, path)
        return Reason(path_text(path), show(value, kind), shown)

    def _repair(self, found: RepairFound, params: Type, shown: bool) -> Repair:
        changes = tuple(
            Change(path_text(path), render(old, kind), render(new, kind))
            for path, old, new, kind in found.changes
        )
        args = render(found.args, params) if found.args is not None else None
        assert args is None or isinstance(args, dict)
        return Repair(args, changes, found.outcome, found.bound, shown)

    # --- what is not settled

    def _unsettled(
        self, rules: ir.ToolRules, world: World, settled: Settlement, states: States
    ) -> Refusal:
        match settled.outcome:
            case "undetermined":
                names = ", ".join(settled.settle) or "what is unknown"
                text = f"the outcome depends on what is not known: {names}"
                shown = "the outcome depends on something that the host does not know yet"
                first = Violation("undetermined", text, shown)
            case "solver_unknown":
                text = f"this could not be decided in time: {settled.reason}"
                if settled.settle:
                    text += f"; not known are {', '.join(settled.settle)}"
                shown = "this could not be decided in time"
                first = Violation("solver_unknown", text, shown)
            case _:
                text = settled.reason or "the call could not be decided"
                first = Violation("fault", text, "the check itself failed")
        blamed = tuple(self._possible(rules, settled))
        return Refusal(
            "deny",
            (first, *blamed),
            rules=tuple(dict.fromkeys(v.rule for v in blamed if v.rule is not None)),
            states=states,
            counterexample=call_json(settled.broken, self._program) if settled.broken else None,
            fine=call_json(settled.fine, self._program) if settled.fine else None,
            settle=settled.settle,
            message=compose("deny", self._name(world), (first,), (), None),
        )

    def _possible(self, rules: ir.ToolRules, settled: Settlement) -> Iterator[Violation]:
        """The rules that are broken in the world shown, which need not be this one."""
        if settled.broken is None:
            return
        for rule in rules.forbids + rules.escalations:
            outcome = judge_rule(rule, settled.broken, self._clock)
            if outcome.state in ("applies", "absent"):
                text = f"{rule.name} may apply"
                yield Violation(_kind(rule), text, text, rule.name, str(rule.span), certain=False)

    def _name(self, world: World) -> str:
        """The tool as the model knows it, without the qualifier that we gave it."""
        return self._program.catalog.qualified[world.tool].name

    def _key_arguments(self, rules: ir.ToolRules) -> frozenset[Names]:
        """What no repair of this tool may change; worked out once."""
        found = self._keys.get(rules.tool)
        if found is None:
            found = self._keys[rules.tool] = key_arguments(rules)
        return found

    def visibility(self, rules: ir.ToolRules) -> ToolVisibility:
        """What may be shown of this tool's verdicts; worked out once."""
        found = self._visibility.get(rules.tool)
        if found is None:
            found = self._visibility[rules.tool] = tool_visibility(self._program, rules)
        return found


def _is_explained(rules: ir.ToolRules, states: States) -> bool:
    """Whether some rule is known to refuse, or every permit not to apply."""
    return any(
        state == "wrong_type"
        or (rule.kind == "forbid" and state in ("applies", "absent"))
        or (rule.kind == "escalate" and state == "absent")
        for rule, state in zip(rules.rules, states, strict=True)
    ) or all(state in ("not", "absent") for state in states[: len(rules.permits)])


def _kind(rule: ir.Rule) -> Kind:
    if rule.limit is not None and rule.kind == "forbid":
        return "limit"
    return "approval" if rule.kind == "escalate" else "forbidden"


def _blank(rule: ir.Rule, shown: Sequence[bool]) -> ir.Rule:
    """The rule with the holes of its message that may not be shown filled by a fixed word."""
    if rule.message is None or all(shown):
        return rule
    parts = tuple(
        part if may else "(not shown)" for part, may in zip(rule.message, shown, strict=True)
    )
    return replace(rule, message=parts)
