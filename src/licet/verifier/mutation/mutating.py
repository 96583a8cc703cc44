"""Which mutants of a policy its tests notice, and what a test would need to notice the others.

In: a program whose tests pass, and a way to compile its texts again. Out: for each mutant one of
killed: some test fails on it; equal: proved to decide every call as the policy does; survived:
no test fails, and here is a call that tells the two apart, replayed by the reference evaluator;
undecided: neither was shown, and never counted as equal; invalid: it does not compile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from licet.compiler import ir
from licet.compiler.clock import clock
from licet.compiler.encoding import EncodingError
from licet.compiler.evaluation import UnknownRead, judge
from licet.compiler.program import Program
from licet.compiler.world import World
from licet.policy_lang import Span, ast

from ..analysis.differences import compare_tool
from ..analysis.formulas import (
    Every,
    Formula,
    Not,
    Some,
    applies,
    every,
    holds,
    refuses,
    some,
    text,
)
from ..analysis.inquiry import Bounded, Effort, Found, Inquiry, Open, Refuted
from ..analysis.subject import subject_of
from ..analysis.witnesses import witness
from ..edges import fired
from ..guard import Guard
from ..masking import parts, without
from ..rehearsing import Rehearsal, reads_earlier_calls, rehearse
from ..solving import Check, Sat, SolverPool
from ..test_blocks import NOTHING_BEFORE
from ..testing import run_tests
from .mutants import Mutant, mutants

Recompile = Callable[[Mapping[str, str]], Program | None]
"""A program with other texts of its files (by name); None where these are no policy."""

#: Calls of tests near which a difference is looked for.
_MOST_SEEDS = 8

State = Literal["killed", "equal", "survived", "undecided", "invalid"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutant.

    `by` is the test that failed; `world` a call that the policy and the mutant decide
    differently, or `call`, its JSON, where it has another past under each; `reason` says, in a
    line, why a mutant is undecided.
    """

    mutant: Mutant
    state: State
    by: str = ""
    world: World | None = None
    call: Mapping[str, object] | None = None
    reason: str = ""


def all_mutants(program: Program) -> tuple[Mutant, ...]:
    """Every mutant of every file of a program, imported ones included."""
    return tuple(mutant for tree in program.files.values() for mutant in mutants(tree))


def mutate(
    program: Program,
    recompile: Recompile,
    pool: SolverPool,
    effort: Effort,
    tried: Sequence[Mutant] | None = None,
) -> Iterator[Outcome]:
    """The outcome of every mutant `tried` (all, unless told), in their order.

    The tests of the program have to pass.
    """
    trial = _Trial(program, recompile, pool, effort)
    for mutant in all_mutants(program) if tried is None else tried:
        yield trial.of(mutant)


class _Trial:
    def __init__(
        self, program: Program, recompile: Recompile, pool: SolverPool, effort: Effort
    ) -> None:
        self._program = program
        self._pool, self._effort = pool, effort
        self._compiled = _Compiled(program, recompile)
        self._steps: dict[str, list[Rehearsal]] = {}
        for step in rehearse(program):
            if step.world is not None:
                self._steps.setdefault(step.world.tool, []).append(step)

    def of(self, mutant: Mutant) -> Outcome:
        mutated = self._compiled.program(mutant)
        if mutated is None:
            return Outcome(mutant, "invalid")
        changed = [
            tool
            for tool, rules in mutated.rules.items()
            if rules != self._program.rules[tool] or self._reads_earlier_calls(mutated, tool)
        ]
        for tool in changed:
            for step in self._steps.get(tool, ()):
                if self._notices(step, mutated):
                    return Outcome(mutant, "killed", by=step.case.name)
        return self._compared(mutant, mutated, changed)

    def _reads_earlier_calls(self, mutated: Program, tool: str) -> bool:
        """Whether what a rule reads may have changed though the rule looks the same."""
        return any(reads_more_than_facts(p, tool) for p in (self._program, mutated))

    # --- tests

    def _notices(self, step: Rehearsal, mutated: Program) -> bool:
        """Whether the test fails on the mutant at this call."""
        assert step.world is not None
        try:
            rules = mutated.rules[step.world.tool]
            judged = judge(rules, step.world, clock(mutated.zone))
        except UnknownRead:
            return self._fails(step, mutated)
        wanted = step.step.rules
        same = wanted is None or set(wanted) == set(fired(judged))
        return judged.outcome != step.step.outcome or not same

    def _fails(self, step: Rehearsal, mutated: Program) -> bool:
        """The same where something unknown is read: the guard decides, as in `licet test`, all
        calls of the test, since a later one may depend on those before it."""
        program = replace(mutated, tests=(step.case,))
        return not all(result.passed for result in run_tests(program, Guard))

    # --- proofs

    def _compared(self, mutant: Mutant, mutated: Program, changed: Sequence[str]) -> Outcome:
        undecided = ""
        for tool in changed:
            if self._reads_earlier_calls(mutated, tool):
                found = self._joined(mutated, tool)
            else:
                found = self._asked(mutated.rules[tool])
            if isinstance(found, World):
                return Outcome(mutant, "survived", world=found)
            if isinstance(found, Mapping):
                return Outcome(mutant, "survived", call=found)
            undecided = found or undecided
        return Outcome(mutant, "undecided" if undecided else "equal", reason=undecided)

    def _asked(self, theirs: ir.ToolRules) -> World | str:
        """A call that tells two lists of rules apart; else empty if there is none, or why not."""
        ours = self._program.rules[theirs.tool].rules
        at, extra = _places(ours, theirs.rules)
        subject = subject_of(self._program, theirs.tool, extra)
        with Inquiry(subject, self._pool, self._effort) as asked:
            formula = differ(list(enumerate(ours)), list(zip(at, theirs.rules, strict=True)))
            match asked.find(formula):
                case Found() as found:
                    return witness(asked, formula, found).world
                case Refuted():
                    return ""
                case Bounded(elements):
                    return f"no difference for lists of up to {elements} elements"
                case Open(reason):
                    return self._near_a_test(theirs.tool, asked, formula) or reason

    def _joined(self, mutated: Program, tool: str) -> World | Mapping[str, object] | str:
        """The same of two programs whose rules read more than the host's facts."""
        difference = compare_tool(self._program, mutated, tool, self._pool, self._effort)
        if difference.verdict == "equivalent":
            return ""
        for change in difference.changes:
            if change.witness is not None:
                world = change.witness.world
                return world if self._is_sayable(world) else change.witness.call()
        reasons = (change.reason for change in difference.changes if change.reason)
        return next(reasons, "what it reads of earlier calls has changed")

    def _is_sayable(self, world: World) -> bool:
        """Whether a test can give all that is looked up: of earlier calls, that there are none."""
        return all(
            name in self._program.facts
            or (name in self._program.history and all(v in NOTHING_BEFORE for v in found.values()))
            for name, found in world.facts.items()
        )

    def _near_a_test(self, tool: str, asked: Inquiry, formula: Formula) -> World | None:
        """A world that differs from a test's in one part: what the solver cannot make up from
        nothing, such as a text that is a date, a test has."""
        until = time.monotonic() + self._effort.seconds
        for step in self._steps.get(tool, ())[:_MOST_SEEDS]:
            assert step.world is not None
            for path in parts(step.world):
                if time.monotonic() > until:
                    return None
                found = _with_another(asked, formula, without(step.world, path), until)
                if found is not None:
                    return found
        return None


def _with_another(asked: Inquiry, formula: Formula, world: World, until: float) -> World | None:
    """A world that agrees with one where that is known, and in which the formula holds."""
    try:
        question = asked.encoder.question(world, bounded=2)
    except EncodingError:
        return None
    known = [f"(= {leaf.symbol} {leaf.literal})" for leaf in question.leaves if leaf.known]
    symbols = tuple(leaf.symbol for leaf in question.leaves)
    left = max(0.0, until - time.monotonic())
    answer = asked.pool.ask(Check((text(formula), *known), symbols), question.text, left)
    found = asked.replayed(question, answer) if isinstance(answer, Sat) else None
    return found.world if found is not None and holds(formula, found.states) else None


def _places(
    ours: Sequence[ir.Rule], theirs: Sequence[ir.Rule]
) -> tuple[list[int], tuple[ir.Rule, ...]]:
    """Where each of their rules stands behind ours: those that are the same are ours."""
    at: list[int] = []
    extra: list[ir.Rule] = []
    for rule in theirs:
        if rule in ours:
            at.append(ours.index(rule))
        else:
            at.append(len(ours) + len(extra))
            extra.append(rule)
    return at, tuple(extra)


Placed = Sequence[tuple[int, ir.Rule]]


def differ(ours: Placed, theirs: Placed) -> Formula:
    """Whether two lists of rules, each at its places, come to different outcomes."""
    a, b = _allowed(ours), _allowed(theirs)
    p, q = _asked(ours), _asked(theirs)
    return some(
        (
            every((a, Not(b))),
            every((Not(a), b)),
            every((a, b, p, Not(q))),
            every((a, b, Not(p), q)),
        )
    )


def _allowed(rules: Placed) -> Every:
    return every(
        (
            *(Not(refuses(rule, at)) for at, rule in rules),
            some(applies(at) for at, rule in rules if rule.kind == "permit"),
        )
    )


def _asked(rules: Placed) -> Some:
    return some(applies(at) for at, rule in rules if rule.kind == "escalate")


# --- compiling


class _Compiled:
    """Compiles mutants. Of one that stands in a rule, only that rule is read again."""

    def __init__(self, program: Program, recompile: Recompile) -> None:
        self._program = program
        self._recompile = recompile

    def program(self, mutant: Mutant) -> Program | None:
        """The policy under a mutant; None where it does not compile."""
        alone = None if mutant.rule is None else self._read(mutant, alone=True)
        if alone is not None and not any(reads_more_than_facts(alone, t) for t in alone.rules):
            rules = {t: _with(self._program.rules[t], theirs) for t, theirs in alone.rules.items()}
            return replace(self._program, rules=rules)
        # Outside of rules, or in one that names other rules or reads earlier calls.
        return self._read(mutant, alone=False)

    def _read(self, mutant: Mutant, *, alone: bool) -> Program | None:
        files = self._program.files
        return self._recompile({name: _text(tree, mutant, alone) for name, tree in files.items()})


def _text(tree: ast.File, mutant: Mutant, alone: bool) -> str:
    """A file's declarations with the mutant's edit, without tests and proofs; `alone`: and without
    the rules in which it does not stand."""
    kept: list[str] = []
    for declaration in tree.declarations:
        span = declaration.span
        here = _stands_in(mutant.span, span)
        match declaration:
            case ast.TestDecl() | ast.ProveDecl():
                continue
            case ast.RuleDecl() | ast.LimitDecl() if alone and not here:
                continue
        kept.append(_edited(span, mutant) if here else span.text)
    return "\n".join(kept) + "\n"


def _edited(declaration: Span, mutant: Mutant) -> str:
    text, at = declaration.text, declaration.start
    before, after = text[: mutant.span.start - at], text[mutant.span.end - at :]
    return f"{before}{mutant.text}{after}"


def reads_more_than_facts(program: Program, tool: str) -> bool:
    """Whether rules look up what is not the host's to say: what earlier calls come to."""
    return any(
        reads_earlier_calls(body, program)
        for rule in program.rules[tool].rules
        for body in (*(let.value for let in rule.lets), rule.condition)
    )


def _stands_in(inner: Span, outer: Span) -> bool:
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end


def _with(ours: ir.ToolRules, changed: ir.ToolRules) -> ir.ToolRules:
    """Our rules of a tool, with those of the same names replaced; a swapped one moves."""
    theirs = {rule.name: rule for rule in changed.rules}
    rules = [theirs.get(rule.name, rule) for rule in ours.rules]
    kinds = {
        kind: tuple(rule for rule in rules if rule.kind == kind)
        for kind in ("permit", "forbid", "escalate")
    }
    return replace(
        ours, permits=kinds["permit"], forbids=kinds["forbid"], escalations=kinds["escalate"]
    )
