"""Calls on both sides of every rule: just inside, where it applies, and just outside.

In: a program. Out: for each rule a pair of worlds as near to each other as the search can bring
them, in which all else speaks for the rule alone where that is possible: a forbid stands between
the call and its permit, a permit is the only one. Every world has been replayed by the reference
evaluator; what is not found says why.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import assert_never

from licet.compiler import ir
from licet.compiler.clock import clock
from licet.compiler.encoding import Aspect, EncodingError, Leaf, Question
from licet.compiler.evaluation import Judgement, RuleOutcome, judge
from licet.compiler.program import Program
from licet.compiler.types import BoolType, EnumType, JsonType, StringType, Value
from licet.compiler.world import World
from licet.policy_lang import ast

from .analysis.formulas import Every, Formula, Is, Not, applies, every, holds, text
from .analysis.inquiry import Bounded, Effort, Found, Inquiry, Open, Refuted
from .analysis.subject import subject_of
from .analysis.witnesses import witness
from .decoding import world_of
from .solving import Adjustable, Check, Nearest, NearestOpen, Sat, SolverPool
from .test_blocks import UnsayableError, as_block
from .verdict import Outcome

#: Places of a world that a search may move; beyond that, a pair is not brought nearer.
_MOST = 200

#: Tools of one rule that are tried until both sides are found.
_MOST_TOOLS = 4


@dataclass(frozen=True, slots=True)
class Edge:
    """A rule with a call on each side, on the tool where both were found.

    Where one is None, `reason` says why, in a line.
    """

    rule: ir.Rule
    tool: str
    inside: World | None
    outside: World | None
    reason: str = ""

    @property
    def rule_is_constant(self) -> bool:
        """Whether the rule has no condition there, so that only one side can be."""
        return not self.rule.lets and isinstance(self.rule.condition, ir.Const)


def edges(program: Program, pool: SolverPool, effort: Effort) -> Iterator[Edge]:
    """One edge for every rule (by its label), in the order of the policy's tools."""
    tools: dict[str, list[tuple[str, int]]] = {}
    for tool, rules in program.rules.items():
        for at, rule in enumerate(rules.rules):
            tools.setdefault(rule.name, []).append((tool, at))
    with ExitStack() as stack:
        inquiries: dict[str, Inquiry] = {}
        for places in tools.values():
            best: Edge | None = None
            for tool, at in places[:_MOST_TOOLS]:
                if tool not in inquiries:
                    inquiry = Inquiry(subject_of(program, tool), pool, effort)
                    inquiries[tool] = stack.enter_context(inquiry)
                found = _edge(inquiries[tool], tool, at)
                if best is None or _sides(found) > _sides(best):
                    best = found
                if _sides(best) == 2:
                    break
            assert best is not None
            yield best


def as_tests(found: Edge, program: Program) -> tuple[list[ast.TestDecl], list[str]]:
    """The calls of a edge as tests that hold now, and why a side is not among them."""
    blocks: list[ast.TestDecl] = []
    missing = [found.reason] if found.reason and not found.rule_is_constant else []
    for side, world in (("just inside", found.inside), ("just outside", found.outside)):
        if world is not None:
            try:
                blocks.append(expected_test(f"{found.rule.name}: {side}", program, world))
            except UnsayableError as value:
                missing.append(f"the call {side} has {value}, which cannot be written down")
    return blocks, missing


def expected_test(name: str, program: Program, world: World) -> ast.TestDecl:
    """A test of a complete world that expects what the policy says now. Raises UnsayableError."""
    judged = judge(program.rules[world.tool], world, clock(program.zone))
    return as_block(name, program, world, judged.outcome, fired(judged))


def fired(judged: Judgement) -> tuple[str, ...]:
    """The rules that a verdict names: after an allow the permits, after a denial what refused."""
    return tuple(o.rule.name for o in judged.outcomes if _counts(judged.outcome, o))


def _counts(outcome: Outcome, of: RuleOutcome) -> bool:
    match outcome:
        case "allow":
            return of.rule.kind == "permit" and of.state == "applies"
        case "escalate":
            return of.rule.kind == "escalate" and of.state == "applies"
        case "deny":
            return (
                of.state == "wrong_type"
                or (of.rule.kind == "forbid" and of.state == "applies")
                or (of.rule.kind != "permit" and of.state == "absent")
            )
        case _:
            assert_never(outcome)


def _sides(found: Edge) -> int:
    return (found.inside is not None) + (found.outside is not None)


def _edge(inquiry: Inquiry, tool: str, at: int) -> Edge:
    rules = inquiry.subject.rules
    rule = rules[at]
    inside, reason = _first(inquiry, [every((applies(at), *rest)) for rest in _rest(rules, at)])
    out = every((Not(applies(at)), *(Not(Is(at, s)) for s in ("absent", "wrong_type"))))
    if inside is None:
        outside, _ = _first(inquiry, [every((out, *rest)) for rest in _rest(rules, at)])
        world = None if outside is None else outside.world
        return Edge(rule, tool, None, world, f"there is no call in which it applies: {reason}")
    pair = _nearest_pair(inquiry, at, out, inside)
    if pair is not None:
        return Edge(rule, tool, *pair)
    outside, reason = _first(inquiry, [every((out, *rest)) for rest in _rest(rules, at)])
    if outside is None:
        why = f"there is no call in which it does not apply: {reason}"
        return Edge(rule, tool, inside.world, None, why)
    return Edge(rule, tool, inside.world, outside.world)


def _rest(rules: Sequence[ir.Rule], at: int) -> Iterator[tuple[Formula, ...]]:
    """What the other rules should do, the most telling first."""
    rule = rules[at]
    others = [i for i in range(len(rules)) if i != at]
    calm = every(Not(Is(i, s)) for i in others for s in ("absent", "wrong_type"))
    quiet = every(Not(applies(i)) for i in others if rules[i].kind != "permit")
    if rule.kind == "permit":
        alone = every(Not(applies(i)) for i in others if rules[i].kind == "permit")
        yield calm, quiet, alone
        yield calm, quiet
    else:
        permitted = Not(every(Not(applies(i)) for i in others if rules[i].kind == "permit"))
        yield calm, quiet, permitted
        yield calm, permitted
    yield ()


def _first(inquiry: Inquiry, formulas: Sequence[Every]) -> tuple[Found | None, str]:
    reason = ""
    for formula in formulas:
        match inquiry.find(formula):
            case Found() as found:
                nearer = witness(inquiry, formula, found).world
                states = inquiry.subject.states(nearer)
                return (found if states is None else Found(nearer, states)), ""
            case Refuted():
                reason = "that is proved"
            case Bounded(elements):
                reason = f"none with lists of up to {elements} elements"
            case Open(told):
                reason = told
    return None, reason


# --- near to each other


def _nearest_pair(
    inquiry: Inquiry, at: int, out: Formula, inside: Found
) -> tuple[World, World] | None:
    """Worlds inside and outside that differ in as little as possible, or None."""
    until = time.monotonic() + inquiry.effort.seconds
    rules = inquiry.subject.rules
    rest = next(
        (rest for rest in _rest(rules, at) if all(holds(part, inside.states) for part in rest)), ()
    )
    wanted_in, wanted_out = every((applies(at), *rest)), every((out, *rest))
    try:
        question = inquiry.question(None)
        if not question.exact:
            question = inquiry.question(inquiry.effort.list_bound)
        values = _model(inquiry, question, wanted_in, inside.world)
        if values is None:
            return None
        moved = _moved(inquiry, question, wanted_out, values, None, until)
        if moved is None:
            return None
        back = _moved(inquiry, question, wanted_in, moved, _changed(values, moved), until)
        return _replayed(inquiry, question, back or values, wanted_in), _replayed(
            inquiry, question, moved, wanted_out
        )
    except (EncodingError, _NoWorldError):
        return None


class _NoWorldError(Exception):
    """The solver's values describe no world in which the formula holds."""


def _model(
    inquiry: Inquiry, question: Question, formula: Formula, near: World
) -> Mapping[str, str] | None:
    """Values of all symbols in which the formula holds, those of a world where it has them."""
    symbols = tuple(leaf.symbol for leaf in question.leaves)
    known = inquiry.encoder.question(near, bounded=None)
    said = {leaf.path: leaf for leaf in known.leaves if leaf.known and leaf.path[0] == "args"}
    fixed = tuple(
        f"(= {leaf.symbol} {said[leaf.path].literal})"
        for leaf in question.leaves
        if leaf.path in said and leaf.sort == said[leaf.path].sort and not _is_coded(leaf)
    )
    for goals in ((text(formula), *fixed), (text(formula),)):
        answer = inquiry.pool.ask(Check(goals, symbols), question.text, inquiry.effort.seconds)
        if isinstance(answer, Sat):
            return answer.values
    return None


def _is_coded(leaf: Leaf) -> bool:
    """Whether a number stands for a text: the same one may be another text elsewhere."""
    return isinstance(leaf.type, StringType) and leaf.sort != "String"


def _moved(
    inquiry: Inquiry,
    question: Question,
    formula: Formula,
    values: Mapping[str, str],
    only: frozenset[str] | None,
    until: float,
) -> Mapping[str, str] | None:
    """The values nearest to some in which a formula holds; `only` these symbols may move."""
    leaves = [leaf for leaf in question.leaves if only is None or leaf.symbol in only]
    movable = [m for leaf in leaves if (m := _movable(question, leaf, values)) is not None]
    if not 0 < len(movable) <= _MOST:
        return None
    movable.sort(key=lambda m: m.choices is None)  # the last moves first: rather an amount
    free = {m.symbol for m in movable}
    fixed = tuple((s, value) for s, value in values.items() if s not in free)
    query = Nearest((text(formula),), fixed, tuple(movable))
    match inquiry.pool.ask(query, question.text, max(0.0, until - time.monotonic())):
        case Sat(changed):
            return {**values, **changed}
        case NearestOpen(symbol, near=near):
            return {**values, symbol: near}
        case _:
            return None


def _movable(question: Question, leaf: Leaf, values: Mapping[str, str]) -> Adjustable | None:
    old = values[leaf.symbol]
    choices: tuple[Value, ...] | None = None
    match leaf.type:
        case None:
            if leaf.sort != "Bool":
                return None  # a length: longer lists have further places
            choices = (True, False)
        case BoolType():
            choices = (True, False)
        case EnumType(_, labels):
            choices = labels
        case JsonType() | StringType():
            return None
    if leaf.path[0] is Aspect.free:
        return None
    if choices is None:
        return Adjustable(leaf.symbol, old)
    if leaf.type is None:
        others = tuple(said for said in ("true", "false") if said != old)
    else:
        others = tuple(s for c in choices if (s := question.literal(leaf, c)) != old)
    return Adjustable(leaf.symbol, old, others)


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    return frozenset(symbol for symbol, value in after.items() if before.get(symbol) != value)


def _replayed(
    inquiry: Inquiry, question: Question, values: Mapping[str, str], formula: Formula
) -> World:
    world = world_of(question, values)
    states = None if world is None else inquiry.subject.states(world)
    if world is None or states is None or not holds(formula, states):
        raise _NoWorldError
    return world
