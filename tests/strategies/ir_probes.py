"""Rules that ask whether a part of another rule is worth what it is worth.

A wrong value deep inside a condition seldom changes whether the rule applies. A probe is a forbid
that applies if a closed part of a rule differs from its own value in the world at hand: it never
applies, unless the engine that is asked sees another value than the reference evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import get_args

from licet.compiler import ir
from licet.compiler.clock import clock
from licet.compiler.evaluation import UnknownRead, WrongType, evaluate
from licet.compiler.types import BoolType, OptionalType
from licet.compiler.world import World

from .choosing import Choose
from .ir_types import inner, is_comparable
from .ir_vocabulary import Vocabulary

MOST = 4
_EXPRESSIONS = get_args(ir.Expr)
_PLAIN = (ir.Const, ir.GetField, ir.Root, ir.Param, ir.Some)


def with_probes(
    choose: Choose, vocabulary: Vocabulary, rules: ir.ToolRules, world: World
) -> ir.ToolRules:
    """The rules with up to MOST probes among the forbids."""
    count = choose.number(MOST)
    if count == 0:
        return rules
    parts = [
        part
        for rule in rules.rules
        for root in (*(let.value for let in rule.lets), rule.condition)
        for part in _parts(root)
        if _is_probed(part)
    ]
    probes: list[ir.Rule] = []
    for number in range(count if parts else 0):
        part = choose.one(parts)
        if not _is_closed(part):
            continue
        with suppress(UnknownRead, WrongType):  # outside of its guards it may have no value
            differs = _differs(part, vocabulary, world)
            span = rules.permits[0].span
            probes.append(ir.Rule("forbid", f"probe_{number}", (), differs, None, span))
    return replace(rules, forbids=(*rules.forbids, *probes))


def _differs(part: ir.Expr, vocabulary: Vocabulary, world: World) -> ir.Expr:
    value = evaluate(part, world, clock(vocabulary.zone))
    if not isinstance(part.type, OptionalType):
        return ir.Not(ir.Equal(part, ir.Const(value, part.type)))
    if value is None:
        return ir.Present(part)
    known = ir.Unwrap(part, part.type.inner)
    equal = ir.Equal(known, ir.Const(value, part.type.inner))
    return ir.Not(ir.And((ir.Present(part), equal)))


def _is_probed(part: ir.Expr) -> bool:
    return (
        not isinstance(part, _PLAIN)
        and not isinstance(part.type, BoolType)
        and is_comparable(inner(part.type))
    )


def _children(expr: ir.Expr) -> Iterator[ir.Expr]:
    for name in expr.__slots__:
        if name not in ("type", "var"):
            yield from _expressions(getattr(expr, name))


def _expressions(value: object) -> Iterator[ir.Expr]:
    if isinstance(value, _EXPRESSIONS):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _expressions(item)


def _parts(expr: ir.Expr) -> Iterator[ir.Expr]:
    yield expr
    for child in _children(expr):
        yield from _parts(child)


def _is_closed(expr: ir.Expr) -> bool:
    """Whether it has a value by itself: its variables are bound in it, and nothing is unwrapped."""
    bound = {part.var.slot for part in _parts(expr) if hasattr(part, "var")}
    return all(
        not isinstance(part, ir.Unwrap) and (not isinstance(part, ir.Var) or part.slot in bound)
        for part in _parts(expr)
    )
