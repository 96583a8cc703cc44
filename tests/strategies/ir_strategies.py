"""Generated policies as typed IR, with worlds to judge them in.

- `vocabularies()`: what there is to talk about; `small=True` keeps what can be unknown enumerable.
- `tool_rules(vocabulary)`: one to five well-typed rules with lets, messages and nested facts.
- `complete_worlds(vocabulary, rules)`: worlds that supply all that the rules read.
- `incomplete(vocabulary, world)`: the same with some parts UNKNOWN.
- `cases()`, `incomplete_cases()`: all of it at once; `expressions()`: one expression and a world.
- `worlds_completing(...)`: every world that an incomplete one may turn out to be.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from licet.compiler import ir
from licet.compiler.clock import Clock, clock
from licet.compiler.evaluation import evaluate
from licet.compiler.types import BOOL, ListType, Type
from licet.compiler.world import World
from licet.policy_lang import Source, Span

from .choosing import Choose
from .ir_expressions import Maker, Scope, Slots, reachable, root_scope
from .ir_probes import with_probes
from .ir_types import inner, kind_of, scalar_kinds
from .ir_vocabulary import Table, Vocabulary, vocabularies
from .ir_worlds import (
    TooManyWorldsError,
    draw_world,
    forget,
    judging,
    parts,
    with_part,
    worlds_completing,
)

SPAN = Span(Source("<generated>", "rule"), 0, 4)
TOOL = "desk.do"


@dataclass(frozen=True, slots=True)
class Case:
    """Rules and a world for them. `full` is one world that `world` may turn out to be."""

    vocabulary: Vocabulary
    rules: ir.ToolRules
    world: World
    full: World

    @property
    def clock(self) -> Clock:
        return clock(self.vocabulary.zone)


def _lets(choose: Choose, maker: Maker, scope: Scope) -> tuple[tuple[ir.Let, ...], Scope]:
    lets: list[ir.Let] = []
    for _ in range(choose.one((0, 0, 1, 2))):
        kinds: list[Type] = [kind for kind, _ in scope]
        if choose.chance(2):
            value = maker.optional(scope)
        else:
            value = maker.expr(choose.one((*kinds, *scalar_kinds())), scope)
        var = maker.slots.fresh(inner(value.type))
        lets.append(ir.Let(var, value, SPAN))
        sources = reachable(var)
        scope = (*sources, *sources, *scope)
    return tuple(lets), scope


def _binders(expr: object) -> list[ir.Var]:
    """The variables of the quantifiers of an expression, outermost first."""
    found: list[ir.Var] = []
    if isinstance(expr, ir.Quantifier):
        found.append(expr.var)
    if isinstance(expr, tuple):
        for item in expr:
            found += _binders(item)
    elif isinstance(expr, ir.Expr):
        for name in expr.__slots__:
            if name not in ("type", "var"):
                found += _binders(getattr(expr, name))
    return found


def _rule(choose: Choose, vocabulary: Vocabulary, kind: str, number: int, fuel: int) -> ir.Rule:
    maker = Maker(choose, vocabulary, Slots(), fuel)
    lets, scope = _lets(choose, maker, root_scope(vocabulary))
    condition = maker.expr(BOOL, scope)
    message: tuple[str | ir.Expr, ...] | None = None
    if choose.chance(4):
        holes: list[ir.Expr] = [*(let.var for let in lets), *_binders(condition)]
        message = ("no: ", *holes, *(expr for _, expr in scope[:1]))
    approver = None
    if kind == "escalate":
        root = ir.Root("approver", vocabulary.principal)
        approver = maker.expr(BOOL, (*reachable(root)[1:], *root_scope(vocabulary)))
    return ir.Rule(kind, f"{kind}_{number}", lets, condition, message, SPAN, approver)  # type: ignore[arg-type]


def _everything(number: int) -> ir.Rule:
    return ir.Rule("permit", f"permit_{number}", (), ir.Const(True, BOOL), None, SPAN)


@st.composite
def tool_rules(draw: DrawFn, vocabulary: Vocabulary, *, fuel: int = 10) -> ir.ToolRules:
    """One to five rules. `fuel` bounds the nodes of each besides constants and paths."""
    choose = Choose(draw)
    kinds = [
        "permit",
        *(choose.one(("forbid", "escalate", "permit")) for _ in range(choose.number(4))),
    ]
    rules = []
    for number, kind in enumerate(kinds):
        if kind == "permit" and number == 0 and len(kinds) > 1 and not choose.chance(3):
            rules.append(_everything(number))  # else few calls would be allowed
        else:
            rules.append(_rule(choose, vocabulary, kind, number, fuel))
    return ir.ToolRules(
        TOOL,
        tuple(r for r in rules if r.kind == "permit"),
        tuple(r for r in rules if r.kind == "forbid"),
        tuple(r for r in rules if r.kind == "escalate"),
    )


@st.composite
def complete_worlds(draw: DrawFn, vocabulary: Vocabulary, rules: ir.ToolRules) -> World:
    """Worlds that supply all that judging the rules reads."""
    return draw_world(Choose(draw), vocabulary, TOOL, judging(rules, vocabulary))


@st.composite
def incomplete(draw: DrawFn, vocabulary: Vocabulary, world: World) -> World:
    """The same world with one to three parts unknown: a leaf, a record, a list, a fact."""
    return forget(Choose(draw), vocabulary, world)


@st.composite
def cases(draw: DrawFn, *, small: bool = False, params: bool = False, fuel: int = 10) -> Case:
    """Rules with a complete world; some of the rules are probes (see `ir_probes`)."""
    vocabulary = draw(vocabularies(small=small, params=params))
    rules = draw(tool_rules(vocabulary, fuel=fuel))
    choose = Choose(draw)
    world = draw_world(choose, vocabulary, TOOL, judging(rules, vocabulary))
    return Case(vocabulary, with_probes(choose, vocabulary, rules, world), world, world)


@st.composite
def incomplete_cases(draw: DrawFn, *, small: bool = False, fuel: int = 10) -> Case:
    """Rules with a world of which some parts are unknown."""
    vocabulary = draw(vocabularies(small=small))
    rules = draw(tool_rules(vocabulary, fuel=fuel))
    choose = Choose(draw)
    full = draw_world(choose, vocabulary, TOOL, judging(rules, vocabulary))
    return Case(vocabulary, rules, forget(choose, vocabulary, full), full)


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression, asked for by its kind, and a world that has all that it reads."""

    vocabulary: Vocabulary
    kind: Type
    expr: ir.Expr
    world: World

    @property
    def clock(self) -> Clock:
        return clock(self.vocabulary.zone)


@st.composite
def expressions(draw: DrawFn, *, fuel: int = 12) -> Expression:
    """Expressions of every kind of value."""
    vocabulary = draw(vocabularies())
    choose = Choose(draw)
    scope = root_scope(vocabulary)
    facts = tuple(kind_of(fact.result) for fact in vocabulary.facts)
    kind = choose.one((*scalar_kinds(), *(k for k, _ in scope), *facts, *map(ListType, facts)))
    expr = Maker(choose, vocabulary, Slots(), fuel).expr(kind, scope)

    def read(world: World) -> object:
        return evaluate(expr, world, clock(vocabulary.zone))

    return Expression(vocabulary, kind, expr, draw_world(choose, vocabulary, TOOL, read))


__all__ = [
    "Case",
    "Expression",
    "Table",
    "TooManyWorldsError",
    "Vocabulary",
    "cases",
    "complete_worlds",
    "expressions",
    "incomplete",
    "incomplete_cases",
    "judging",
    "parts",
    "tool_rules",
    "vocabularies",
    "with_part",
    "worlds_completing",
]
