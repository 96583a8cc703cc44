"""Pass 6: every limit, as the rules that it is on each of its tools, and as the index it sums.

A limit on a tool becomes a rule: `forbid`, or with `else escalate` an `escalate` beside a `forbid`
of what can never be agreed to. It refuses where what was spent, with this call's amount, passes
the bound, and where the amount is absent. What is added up must be shown never to be negative,
or somebody could spend less than nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from licet.policy_lang import ast

from . import ir
from .bounds import interval
from .catalog import Tool
from .declarations import Declarations
from .folding import both
from .gathering import Entry
from .history import Index, Plan, digest_of
from .meaning import meaning
from .rules import (
    ROOTS,
    type_approval,
    type_condition,
    type_lets,
    type_message,
)
from .types import BOOL, INT, JSON, DecimalType, IntType, OptionalType, Type
from .typing_rules import Checker, Scope
from .typing_rules.agreement import is_number
from .typing_rules.history import is_single, window_of
from .typing_rules.optionals import required
from .walking import rewritten, walk


@dataclass(frozen=True, slots=True)
class _Typed:
    """A limit as it reads for one tool, before it is known what it adds up elsewhere."""

    tool: Tool
    lets: tuple[ir.Let, ...]
    test: ir.Expr
    per: ir.Expr | None
    amount: ir.Expr
    bound: ir.Expr
    settled: ir.Expr | None
    approver: ir.Expr | None
    message: tuple[str | ir.Expr, ...] | None
    checker: Checker


def type_limits(declared: Declarations) -> Mapping[str, list[ir.Rule]]:
    """The rules that limits are, by qualified tool, in the order written."""
    found: dict[str, list[ir.Rule]] = {}
    for entry in declared.index.entries("rule"):
        if isinstance(entry.declaration, ast.LimitDecl):
            for tool, rules in _limit(declared, entry, entry.declaration):
                found.setdefault(tool, []).extend(rules)
    return found


def _limit(
    declared: Declarations, entry: Entry, limit: ast.LimitDecl
) -> list[tuple[str, list[ir.Rule]]]:
    parts: list[_Typed] = []
    failed = False
    seen: dict[str, ast.Aggregate] = {}
    for aggregate in limit.aggregates:
        tools = declared.tool_sets.resolve(aggregate.on, entry.unit)
        failed = failed or not tools
        for tool in tools:
            if tool.qualified in seen:
                declared.reporter.error(
                    "LIC174",
                    f"`{entry.name}` adds `{tool.qualified}` up twice",
                    aggregate.span,
                    "one call counts once: let each tool stand in one line",
                )
                failed = True
                continue
            seen[tool.qualified] = aggregate
            typed = _on(declared, entry, limit, aggregate, tool, tools)
            if typed is None:
                failed = True
            else:
                parts.append(typed)
    if failed or not parts:
        return []
    index = declared.remember(_index(declared, entry, limit, parts))
    label = declared.index.label("rule", entry)
    return [(p.tool.qualified, _rules(label, limit, index, p)) for p in parts]


def _on(
    declared: Declarations,
    entry: Entry,
    limit: ast.LimitDecl,
    aggregate: ast.Aggregate,
    tool: Tool,
    tools: tuple[Tool, ...],
) -> _Typed | None:
    """The limit as it reads for one tool; None where an error was reported."""
    checker = Checker(declared, ROOTS, tool, tools, JSON if tool.result is None else tool.result)
    scope, lets = type_lets(checker, limit.lets, Scope(entry.unit))
    scope, test = type_condition(checker, limit.when, limit.unless, scope)
    amount: ir.Expr | None = ir.Const(1, INT)
    if aggregate.amount is not None:
        amount = _amount(checker, aggregate.amount, scope, test, "what a limit adds up")
    per: ir.Expr | None = None
    failed = lets is None or test is None or amount is None
    if limit.per is not None:
        typed = required(checker, limit.per, scope)
        if typed is None or not is_single(checker, typed, limit.per, scope):
            failed = True
        else:
            per = typed.expr
    bound = required(checker, limit.bound, scope)
    if bound is not None and not is_number(bound.type):
        checker.mismatch(
            "a number", bound.type, limit.bound.span, scope, "a limit's bound is a number"
        )
        bound = None
    settled: ir.Expr | None = None
    if limit.settle_at is not None:
        checker.roots = ROOTS | {"result"}
        settled = _amount(checker, limit.settle_at, scope, test, "what a limit settles at")
        checker.roots = ROOTS
        failed = failed or settled is None
    approver: ir.Expr | None = None
    if limit.otherwise is not None:
        approver = type_approval(checker, limit.otherwise, scope)
        failed = failed or approver is None
    message = None
    if limit.message is not None:
        message = type_message(checker, limit.message, scope, test)
        failed = failed or message is None
    if failed or bound is None or lets is None or test is None or amount is None:
        return None
    return _Typed(tool, lets, test, per, amount, bound.expr, settled, approver, message, checker)


def _amount(
    checker: Checker, node: ast.Expr, scope: Scope, test: ir.Expr | None, what: str
) -> ir.Expr | None:
    """A number that is never negative; absent, where an optional that stands bare in it is."""
    checker.absence_refuses, checker.bare = True, []
    typed = required(checker, node, scope)
    checker.absence_refuses = False
    if typed is None:
        return None
    if not is_number(typed.type):
        checker.mismatch("a number", typed.type, node.span, scope, f"{what} is a number")
        return None
    low = interval(typed.expr, test).low
    if low is None or low < 0:
        checker.error(
            "LIC175",
            f"{what} may be negative",
            node.span,
            scope,
            "give what it reads a range (`>= 0`), add up `max(0, …)`, or leave negative numbers "
            "out by `when … >= 0` and forbid them",
        )
        return None
    return _lifted(checker, typed.expr, node, scope)


def _lifted(checker: Checker, amount: ir.Expr, node: ast.Expr, scope: Scope) -> ir.Expr | None:
    """The amount as an optional that is absent where any of its bare optionals is."""
    bound = {
        part.var.slot
        for part in walk(amount)
        if isinstance(part, ir.Quantifier | ir.Count | ir.Sum | ir.Extremum | ir.ListComp)
    }
    bare = [u for u in checker.bare if any(part is u for part in walk(amount))]
    variables: list[ir.Var] = []
    for unwrap in bare:
        if any(isinstance(part, ir.Var) and part.slot in bound for part in walk(unwrap)):
            checker.error(
                "LIC112",
                f"this may be absent (`{unwrap.optional.type}`)",
                node.span,
                scope,
                "inside a comprehension say what holds then: `?? default`",
            )
            return None
        variables.append(checker.variable("amount", unwrap.type))

    def change(part: ir.Expr) -> ir.Expr | None:
        for unwrap, var in zip(bare, variables, strict=True):
            if part is unwrap:
                return var
        return None

    result = rewritten(amount, change)
    for unwrap, var in zip(reversed(bare), reversed(variables), strict=True):
        # An optional inside another's expression is bound outside of it.
        optional = rewritten(unwrap.optional, change)
        result = ir.WhenPresent(optional, var, result, OptionalType.of(result.type))
    return result


def _index(
    declared: Declarations, entry: Entry, limit: ast.LimitDecl, parts: list[_Typed]
) -> Index:
    per_type: Type | None = parts[0].per.type if parts[0].per is not None else None
    whole = all(isinstance(_inner(p.amount.type), IntType) for p in parts)
    whole = whole and all(p.settled is None for p in parts)
    total: Type = IntType(low=0) if whole else DecimalType(low=Fraction(0), exact=True)
    plans = {p.tool.qualified: Plan(p.lets, p.test, p.per, p.amount, p.settled) for p in parts}
    window = window_of(limit.within)
    described = []
    for name, plan in sorted(plans.items()):
        slots: dict[int, int] = {}
        for let in plan.lets:
            slots[let.var.slot] = len(slots)
        exprs = (*(let.value for let in plan.lets), plan.condition, plan.per, plan.value)
        described.append((name, *(e and meaning(e, slots) for e in (*exprs, plan.settled))))
    name = f"{declared.index.label('rule', entry)}.spent"
    return Index(
        name=name,
        digest=digest_of("limit", described, window, declared.zone if window.calendar else ""),
        operation="sum",
        tools=tuple(plans),
        reach="tenant" if per_type is None else "key",
        window=window,
        signature=ir.FactSignature(
            name, () if per_type is None else (("per", per_type),), total, history=True
        ),
        plans=plans,
    )


def _inner(kind: Type) -> Type:
    return kind.inner if isinstance(kind, OptionalType) else kind


def _rules(label: str, limit: ast.LimitDecl, index: Index, part: _Typed) -> list[ir.Rule]:
    spent = ir.Fact(index.name, () if part.per is None else (part.per,), index.type)
    strict = limit.op == "<"
    measure = ir.Limit(spent, part.amount, part.bound, strict, part.test)

    def over(amount: ir.Expr) -> ir.Expr:
        total = ir.Arithmetic("+", spent, amount, index.type)
        return ir.Less(part.bound, total, strict=not strict)

    def rule(kind: str, test: ir.Expr) -> ir.Rule:
        asks = kind == "escalate" and limit.otherwise is not None
        return ir.Rule(
            kind,  # type: ignore[arg-type]
            label,
            part.lets,
            both([part.test, test]),
            part.message,
            limit.span,
            part.approver if asks else None,
            limit.otherwise.needs if asks and limit.otherwise is not None else 1,
            measure,
        )

    def where(amount: ir.Expr, absent: bool) -> ir.Expr:
        """What holds of the amount where it is there, and `absent` where it is not."""
        if not isinstance(amount.type, OptionalType):
            return over(amount)
        var = part.checker.variable("amount", amount.type.inner)
        there = ir.WhenPresent(amount, var, over(var), OptionalType.of(BOOL))
        return ir.Coalesce(there, ir.Const(absent, BOOL), BOOL)

    if limit.otherwise is None:
        return [rule("forbid", where(part.amount, absent=True))]
    rules = [rule("escalate", where(part.amount, absent=False))]
    if isinstance(part.amount.type, OptionalType):
        rules.insert(0, rule("forbid", ir.Not(ir.Present(part.amount))))
    return rules
