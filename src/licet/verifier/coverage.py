"""What the tests of a policy decide: rules, conditions and table rows, each both ways.

In: a program. Out: for every rule whether some call made it apply and some other did not; for
every atomic condition (one without `and`, `or`, `not`, `if` and without a quantifier over others)
whether some call made it true and some other false; for every row of a table whether it was read.
The reference evaluator says so, call by call, while it judges each rule of the call's tool.

A condition is what is written at one place: of a define it counts once, wherever it is used. What
is constant for every tool is none, and what short-circuits skip is not decided. A condition on
earlier calls is none either, since only the guard has them; of a rule that reads them the verdicts
say whether it applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

from licet.compiler import ir
from licet.compiler.clock import Clock, clock
from licet.compiler.evaluation import State, UnknownRead, judge_rule
from licet.compiler.evaluation.expressions import Evaluation
from licet.compiler.evaluation.places import Located, Part
from licet.compiler.program import Program
from licet.compiler.values import show
from licet.compiler.walking import walk
from licet.compiler.world import World
from licet.policy_lang import Span

from .rehearsing import reads_earlier_calls, rehearse
from .testing import TestResult
from .verdict import Verdict


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """A rule by its label; `applied` and `passed`: some call made it apply, some did not.

    A forbid whose `let` was absent has refused the call: that is `applied`. `constant`: it has no
    condition on any tool, so that nothing could make it not apply.
    """

    rule: str
    kind: str
    span: Span
    applied: bool
    passed: bool
    constant: bool

    @property
    def complete(self) -> bool:
        return self.applied and (self.passed or self.constant)


@dataclass(frozen=True, slots=True)
class ConditionCoverage:
    """An atomic condition of some rules (their labels, in the order written)."""

    rules: tuple[str, ...]
    span: Span
    was_true: bool
    was_false: bool

    @property
    def complete(self) -> bool:
        return self.was_true and self.was_false


@dataclass(frozen=True, slots=True)
class RowCoverage:
    """A row of a table; `keys` as it is written, `_` for every value."""

    table: str
    keys: str
    span: Span
    read: bool

    @property
    def complete(self) -> bool:
        return self.read


@dataclass(frozen=True, slots=True)
class Coverage:
    """All parts of a policy, each kind in the order of files and lines."""

    rules: tuple[RuleCoverage, ...]
    conditions: tuple[ConditionCoverage, ...]
    rows: tuple[RowCoverage, ...]

    @property
    def complete(self) -> bool:
        kinds = (self.rules, self.conditions, self.rows)
        return all(part.complete for parts in kinds for part in parts)


def coverage(program: Program, results: Sequence[TestResult] = ()) -> Coverage:
    """What the tests of a program decide; with no tests, nothing.

    `results` are those of its tests, from which rules on earlier calls are known.
    """
    notes = _Notes(program)
    verdicts = [step.verdict for result in results for step in result.steps]
    for rehearsal, verdict in zip_longest(rehearse(program), verdicts):
        if rehearsal.world is not None:
            notes.judge(program.rules[rehearsal.world.tool], rehearsal.world, verdict)
    return notes.coverage()


_PartT = TypeVar("_PartT", RuleCoverage, ConditionCoverage)

_Place = tuple[str, int, int]
"""A span without its text: the file, the first offset, the last."""


class _Notes:
    """What was seen so far, by place."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._clock: Clock = clock(program.zone)
        self._rules: dict[str, tuple[ir.Rule, set[bool]]] = {}
        self._conditional: set[str] = set()
        self._conditions: dict[_Place, tuple[Span, dict[str, None], set[bool]]] = {}
        self._rows: dict[tuple[str, int], tuple[ir.TableRead, set[bool]]] = {}
        self._atoms: dict[int, dict[int, tuple[_Place, bool]]] = {}
        for rules in program.rules.values():
            for rule in rules.rules:
                if id(rule) not in self._atoms:  # one rule may stand on several tools
                    self._declare(rule)

    def _declare(self, rule: ir.Rule) -> None:
        self._rules.setdefault(rule.name, (rule, set()))
        if rule.lets or not isinstance(rule.condition, ir.Const):
            self._conditional.add(rule.name)
        atoms = self._atoms[id(rule)] = {}
        nodes = {id(node): node for body in _bodies(rule) for node in walk(body)}
        for span, expr in rule.written:
            if id(expr) in atoms or not _is_atomic(expr):
                continue
            if reads_earlier_calls(expr, self._program):
                continue
            of = expr.operand if isinstance(expr, ir.Not) else expr
            if id(of) in atoms:
                continue  # `not` before what is a condition by itself
            if id(expr) not in nodes and id(of) not in nodes:
                continue  # on this tool, a constant decides before it
            place = (span.source.name, span.start, span.end)
            _, names, _ = self._conditions.setdefault(place, (span, {}, set()))
            names[rule.name] = None
            atoms[id(expr)] = (place, True)
            if of is not expr:
                atoms[id(of)] = (place, False)
        for node in nodes.values():
            if isinstance(node, ir.TableRead) and node.places:  # else nobody has written it
                for number in range(len(node.rows)):
                    self._rows.setdefault((node.name, number), (node, set()))

    def judge(self, rules: ir.ToolRules, world: World, verdict: Verdict | None) -> None:
        for rule in rules.rules:
            tracing = _Tracing(world, self._clock, self, self._atoms[id(rule)])
            try:
                state = judge_rule(rule, world, self._clock, tracing).state
            except UnknownRead:
                # Of what is unknown neither way is decided; of earlier calls the guard has judged.
                if verdict is not None and any(
                    reads_earlier_calls(body, self._program) for body in _bodies(rule)
                ):
                    self._rules[rule.name][1].update(_said(rule, verdict))
                continue
            self._rules[rule.name][1].add(_fires(rule, state))

    def condition(self, place: _Place, value: bool) -> None:
        self._conditions[place][2].add(value)

    def row(self, table: str, number: int) -> None:
        self._rows[table, number][1].add(True)

    def coverage(self) -> Coverage:
        return Coverage(
            _in_order(
                RuleCoverage(
                    name,
                    rule.kind,
                    rule.span,
                    True in seen,
                    False in seen,
                    name not in self._conditional,
                )
                for name, (rule, seen) in self._rules.items()
            ),
            _in_order(
                ConditionCoverage(tuple(names), span, True in seen, False in seen)
                for span, names, seen in self._conditions.values()
            ),
            tuple(
                RowCoverage(table, _keys(node, number), node.places[number], bool(seen))
                for (table, number), (node, seen) in sorted(
                    self._rows.items(), key=lambda item: item[0]
                )
            ),
        )


class _Tracing(Evaluation):
    """An evaluation that notes which way each condition went and which rows were read."""

    def __init__(
        self, world: World, clock: Clock, notes: _Notes, atoms: dict[int, tuple[_Place, bool]]
    ) -> None:
        super().__init__(world, clock)
        self._notes = notes
        self._of = atoms

    def part(self, expr: ir.Expr) -> Part:
        part = super().part(expr)
        if (known := self._of.get(id(expr))) is not None:
            value = part.value if isinstance(part, Located) else part
            if isinstance(value, bool):  # else unknown, which whoever reads it will say
                place, straight = known
                self._notes.condition(place, value is straight)
        if isinstance(expr, ir.TableRead) and expr.places:
            self._notes.row(expr.name, self._row(expr))
        return part

    def _row(self, read: ir.TableRead) -> int:
        """The first row that fits, as the value above was found."""
        at = [self.reader.look(self.part(key)) for key in read.keys]
        return next(
            number
            for number, (row, _) in enumerate(read.rows)
            if all(k is None or self.reader.same(k, v) for k, v in zip(row, at, strict=True))
        )


def _bodies(rule: ir.Rule) -> Iterator[ir.Expr]:
    yield from (let.value for let in rule.lets)
    yield rule.condition


def _is_atomic(expr: ir.Expr) -> bool:
    """Whether no part of a condition is a condition by itself that has been written apart."""
    match expr:
        case ir.And() | ir.Or() | ir.If() | ir.Quantifier():
            return False
        case ir.Not(operand):
            return _is_atomic(operand)
        case _:
            return True


def _fires(rule: ir.Rule, state: State) -> bool:
    return state == "applies" or (state == "absent" and rule.kind != "permit")


def _said(rule: ir.Rule, verdict: Verdict) -> tuple[bool, ...]:
    """Whether a rule applied, as far as a verdict says: one that is undetermined does not."""
    if any(violation.kind in _OPEN for violation in verdict.violations):
        return ()
    if rule.name in verdict.rules:
        return (True,)
    settled = rule.kind == "forbid" or (rule.kind == "permit" and verdict.outcome == "allow")
    return (False,) if settled else ()


#: Kinds of violations after which it is not known what each rule did.
_OPEN = frozenset(("undetermined", "solver_unknown", "fault", "bad_argument", "unknown_tool"))


def _keys(read: ir.TableRead, number: int) -> str:
    keys, _ = read.rows[number]
    return ", ".join(
        "_" if key is None else show(key, expr.type)
        for key, expr in zip(keys, read.keys, strict=True)
    )


def _in_order(parts: Iterable[_PartT]) -> tuple[_PartT, ...]:
    return tuple(sorted(parts, key=lambda p: (p.span.source.name, p.span.start, p.span.end)))
