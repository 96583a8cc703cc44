"""Where the limits stand that refuse a call, or ask somebody: spent, bound, what is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import cast

from licet.compiler import ir
from licet.compiler.clock import Clock, format_duration, format_time
from licet.compiler.encoding import State
from licet.compiler.evaluation import UnknownRead, WrongType, evaluate
from licet.compiler.history import Index
from licet.compiler.program import Program
from licet.compiler.types import DECIMAL, OptionalType, Value
from licet.compiler.values import render
from licet.compiler.world import World

from .history.pots import period_end
from .verdict import Budget


def budgets_of(
    program: Program,
    rules: ir.ToolRules,
    world: World,
    states: Sequence[State | None],
    clock: Clock,
) -> Iterator[Budget]:
    """One for each limit that applies, as far as its numbers are known."""
    for rule, state in zip(rules.rules, states, strict=True):
        if rule.limit is None or state != "applies":
            continue
        index = program.history[rule.limit.spent.name]
        try:
            yield _budget(program, rule, rule.limit, index, world, clock)
        except (UnknownRead, WrongType):
            continue


def _budget(
    program: Program,
    rule: ir.Rule,
    limit: ir.Limit,
    index: Index,
    world: World,
    clock: Clock,
) -> Budget:
    bound: dict[int, Value] = {}
    for let in rule.lets:
        value = evaluate(let.value, world, clock, bound)
        if value is None and isinstance(let.value.type, OptionalType):
            raise UnknownRead(("let",))
        bound[let.var.slot] = value
    spent = cast("int | Fraction", evaluate(limit.spent, world, clock, bound))
    most = cast("int | Fraction", evaluate(limit.bound, world, clock, bound))
    per = None
    if limit.spent.keys:
        key = limit.spent.keys[0]
        per = render(evaluate(key, world, clock, bound), key.type)
    resets = None
    if index.window.calendar is not None and isinstance(world.now, int):
        resets = format_time(period_end(index.window.calendar, world.now, clock))
    micros = index.window.microseconds
    return Budget(
        rule=rule.name,
        per=per,
        over=index.window.calendar or (format_duration(micros) if micros is not None else ""),
        spent=render(spent, DECIMAL),
        bound=render(most, DECIMAL),
        left=render(max(most - spent, 0), DECIMAL),
        resets=resets,
        shown=(index.name,) in program.shown,
    )
