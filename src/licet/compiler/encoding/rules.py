"""All rules of a tool as terms: what each rule says, and what follows for the call.

`allowed` = some permit applies, no forbid applies or is absent, no escalation is absent, and
nothing meets a wrong type; `pending` = allowed, and some escalation applies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from .. import ir
from ..lowering import AbstractPath
from ..types import BOOL, OptionalType, Type, Value
from .algebra import Algebra
from .expressions import Reader
from .flow import Flow
from .sites import Site, Sites
from .soil import Capacity, Place, Soil
from .symbolic import Optional, Symbolic
from .templates import Template
from .terms import NODE_LIMIT, Term, Terms

#: What the outcome term evaluates to.
DENY, ALLOW, ESCALATE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """A rule applies; one of its lets is absent; its evaluation meets a wrong type."""

    applies: Term
    absent: Term
    wrong: Term


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """The rules of one tool for one vector of capacities. `roots` by name, params apart."""

    soil: Soil
    sites: tuple[Site, ...]
    templates: tuple[Template, ...]
    roots: Mapping[str, Place]
    params: Mapping[str, Place]
    rules: tuple[RuleTerms, ...]
    free_places: tuple[Place, ...]
    #: Makes a run-time value of a type symbolic.
    constant: Callable[[Value, Type], Symbolic]
    allowed: Term
    pending: Term

    @property
    def terms(self) -> Terms:
        return self.soil.terms


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an encoding is made from, apart from capacities."""

    rules: ir.ToolRules
    facts: Mapping[str, ir.FactSignature]
    roots: Mapping[str, Type]
    transitions: tuple[tuple[int, int], ...]
    code_of: Callable[[str], int]
    #: The clocks of the rules one by one, where they are not all of one policy.
    clocks: tuple[tuple[tuple[int, int], ...], ...] | None = None
    #: Equal folds of equal values are one free value, whichever rules they stand in.
    share_folds: bool = False


def encode(
    around: Surroundings,
    is_sequence: Callable[[AbstractPath], bool],
    capacity: Callable[[AbstractPath], Capacity],
    *,
    long_is_unknown: bool = False,
    limit: int = NODE_LIMIT,
    most_pairs: int | None = None,
    spare: int | None = None,
    unrolled: Callable[[AbstractPath, Capacity], None] = lambda *_: None,
) -> Encoding:
    """All rules as terms. Raises `EncodingLimit` beyond `limit` terms and `most_pairs` of sites.

    `spare`: the terms that a fold may take before there is a template for it; `unrolled` is told of
    the lists whose elements stand in the formula. Without it the terms say all of any world, as
    those of a question must.
    """
    terms = Terms(limit)
    algebra = Algebra(terms, around.code_of, lambda: cast(Term, reader.free(BOOL)))
    soil = Soil(terms, algebra, is_sequence, capacity, long_is_unknown, spare, unrolled)
    sites = Sites(soil, most_pairs=most_pairs)
    reader = Reader(soil, sites, around.roots, around.facts, around.transitions)
    if around.share_folds:
        reader.folds = {}
    made: list[RuleTerms] = []
    for index, rule in enumerate(around.rules.rules):
        if around.clocks is not None:
            reader.set_clock(around.clocks[index])
        made.append(_rule(reader, rule))
    rules = tuple(made)
    permits, forbids, escalations = _apart(around.rules, rules)
    allowed = terms.and_(
        (
            *(terms.not_(r.wrong) for r in rules),
            *(terms.not_(r.absent) for r in (*forbids, *escalations)),
            *(terms.not_(r.applies) for r in forbids),
            terms.or_(r.applies for r in permits),
        )
    )
    pending = terms.and_((allowed, terms.or_(r.applies for r in escalations)))
    return Encoding(
        soil,
        tuple(sites.all),
        tuple(reader.templates.all),
        reader.roots,
        reader.params,
        rules,
        tuple(reader.free_places),
        reader.constant,
        allowed,
        pending,
    )


def outcome(encoding: Encoding, rules: ir.ToolRules) -> Term:
    """DENY, ALLOW or ESCALATE as one Int term that Z3's evaluator walks one branch of."""
    t = encoding.terms
    permits, forbids, escalations = _apart(rules, encoding.rules)
    breaks = [r.wrong for r in encoding.rules]
    breaks += [r.absent for r in (*forbids, *escalations)]
    breaks += [r.applies for r in forbids]
    asks = [r.applies for r in escalations]
    allows = [r.applies for r in permits]
    flow = Flow(t, (*breaks, *asks, *allows))
    deny, allow = t.integer(DENY), t.integer(ALLOW)
    chain = flow.any(asks, t.integer(ESCALATE), allow)
    chain = flow.any(allows, chain, deny)
    return flow.any(breaks, deny, chain)


def _apart(
    rules: ir.ToolRules, terms: tuple[RuleTerms, ...]
) -> tuple[tuple[RuleTerms, ...], tuple[RuleTerms, ...], tuple[RuleTerms, ...]]:
    first = len(rules.permits)
    second = first + len(rules.forbids)
    return terms[:first], terms[first:second], terms[second:]


def _rule(reader: Reader, rule: ir.Rule) -> RuleTerms:
    t = reader.t
    reader.variables = {}
    reader.refusals = []
    bodies = (*(let.value for let in rule.lets), rule.condition)
    reader.tracking = any(map(reader.refuses, bodies))
    present = t.true
    absences: list[Term] = []
    for let in rule.lets:
        with reader.under(present):
            value = reader.read(let.value)
        if isinstance(let.value.type, OptionalType):
            assert isinstance(value, Optional)
            absences.append(t.and_((present, t.not_(value.present))))
            present = t.and_((present, value.present))
            if value.empty:
                return RuleTerms(t.false, t.or_(absences), t.or_(reader.refusals))
            value = value.value
        reader.variables[let.var.slot] = value
    with reader.under(present):
        condition = reader.truth(rule.condition)
    return RuleTerms(t.and_((present, condition)), t.or_(absences), t.or_(reader.refusals))
