"""A world made readable: near the plain values, and only the parts that matter.

In: a world in which a formula holds. Out: a world in which it holds too, replayed, and the parts of
it that alone make the formula true, whatever the others are. Where the search gives out, the world
stays as it was; a witness is never less true, only less pretty.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from licet.compiler.encoding import Aspect, EncodingError, Leaf, Question
from licet.compiler.program import Program
from licet.compiler.types import (
    JSON,
    TIME,
    BoolType,
    DateType,
    DecimalType,
    DurationType,
    EnumType,
    IntType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    TimeType,
    Type,
    Value,
)
from licet.compiler.values import render, show
from licet.compiler.world import Path, World

from ..admission import path_text
from ..calls import call_json
from ..masking import below, parts, value_at, without
from ..solving import Adjustable, Check, Nearest, NearestOpen, Sat
from .formulas import Formula, holds, text
from .inquiry import Found, Inquiry

#: 2026-01-01T12:00:00Z in microseconds, and 2026-01-01 in days: made-up times are near these.
_NOON: Final = 1_767_268_800_000_000
_DAY: Final = 20_454

#: Parts of a world that are tried one by one for whether they matter.
_MOST_PARTS: Final = 200
#: Parts that a one-line text shows.
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Witness:
    """A complete world, and the paths of the parts that matter, in the order of the world."""

    world: World
    matters: tuple[Path, ...]


def witness(inquiry: Inquiry, formula: Formula, found: Found) -> Witness:
    """A readable witness of a formula that holds in a found world."""
    nearer = _nearest(inquiry, formula) or found
    return Witness(nearer.world, tuple(_matters(inquiry, formula, nearer.world)))


def witness_text(found: Witness, program: Program) -> str:
    """One line: the tool and the parts that matter, `refund with args.amount = 501`."""
    pieces = [
        f"{path_text(path)} = {show(value_at(found.world, path), _type(program, found, path))}"
        for path in found.matters[:_SHOWN]
    ]
    pieces += [
        f"{name} = {show(value, program.unset_params[name])}"
        for name, value in found.world.params.items()
    ]
    more = len(found.matters) - _SHOWN
    if more > 0:
        pieces.append(f"{more} more")
    return f"{found.world.tool} with {', '.join(pieces)}" if pieces else f"any {found.world.tool}"


def witness_json(found: Witness, program: Program) -> dict[str, object]:
    """The whole call as `licet check --call` reads it, `matters`: the paths that count, and
    `params`: values of those that have none yet."""
    return {
        "call": call_json(found.world, program),
        "matters": [path_text(path) for path in found.matters],
        "params": {
            name: render(value, program.unset_params[name])
            for name, value in found.world.params.items()
        },
    }


# --- nearer to plain values


def _nearest(inquiry: Inquiry, formula: Formula) -> Found | None:
    """The world that differs least from the plain one, if the search comes back in time."""
    bounds = (None, 1, 2, inquiry.effort.list_bound)
    for bounded in bounds:
        try:
            question = inquiry.question(bounded)
        except EncodingError:
            return None
        if bounded is None and not question.exact:
            continue
        found = _nearest_in(inquiry, formula, question)
        if found is not None or question.exact:
            return found
    return None


def _nearest_in(inquiry: Inquiry, formula: Formula, question: Question) -> Found | None:
    until = time.monotonic() + min(2.0, inquiry.effort.seconds)
    goal = text(formula)
    leaves = [leaf for leaf in question.leaves if leaf.path[0] is not Aspect.free]
    adjustable = [a for leaf in leaves if (a := _adjustable(question, leaf)) is not None]
    fixed: list[str] = []
    if adjustable:
        left = until - time.monotonic()
        answer = inquiry.pool.ask(Nearest((goal,), (), tuple(adjustable)), question.text, left)
        match answer:
            case Sat(values):
                changed = dict(values)
            case NearestOpen(symbol, near=near):
                changed = {symbol: near}
            case _:
                return None
        fixed = [f"(= {a.symbol} {changed.get(a.symbol, a.old)})" for a in adjustable]
    symbols = tuple(leaf.symbol for leaf in question.leaves)
    left = max(0.0, until - time.monotonic())
    complete = inquiry.pool.ask(Check((goal, *fixed), symbols), question.text, left)
    if not isinstance(complete, Sat):
        return None
    found = inquiry.replayed(question, complete)
    return found if found is not None and holds(formula, found.states) else None


def _adjustable(question: Question, leaf: Leaf) -> Adjustable | None:
    """A leaf with its plain value as the one to stay near; None for texts."""
    plain: Value
    choices: tuple[Value, ...] | None = None
    match leaf.type:
        case None:
            if leaf.sort == "Bool":
                plain, choices = False, (True,)
            elif leaf.path[-1] is Aspect.length:
                plain = 0
            else:
                return None
        case BoolType():
            plain, choices = False, (True,)
        case EnumType(_, labels) if labels:
            plain, choices = labels[0], labels[1:]
        case IntType(low, high) | DecimalType(low, high):
            plain = 0
            if low is not None and low > 0:
                plain = low
            elif high is not None and high < 0:
                plain = high
        case DateType():
            plain = _DAY
        case TimeType():
            plain = _NOON
        case DurationType():
            plain = 0
        case _:
            return None
    try:
        others = None if choices is None else tuple(question.literal(leaf, c) for c in choices)
        return Adjustable(leaf.symbol, question.literal(leaf, plain), others)
    except EncodingError:
        return None


# --- what matters


def _matters(inquiry: Inquiry, formula: Formula, world: World) -> Iterator[Path]:
    """The parts without which what is known of the world would not make the formula true."""
    known = world
    waiting = list(reversed(list(parts(world))[:_MOST_PARTS]))
    tried = 0
    while waiting:
        path = waiting.pop()
        bare = without(known, path)
        tried += 1
        if tried > _MOST_PARTS or not _still(inquiry, formula, bare):
            inner = below(path, value_at(known, path)) if tried <= _MOST_PARTS else []
            if inner and isinstance(value_at(known, path), dict):
                waiting.extend(reversed(inner))
            else:
                yield path
        else:
            known = bare


def _still(inquiry: Inquiry, formula: Formula, world: World) -> bool:
    try:
        return holds(formula, inquiry.encoder.states(world)) is True
    except EncodingError:
        return False


def _type(program: Program, found: Witness, path: Path) -> Type:
    """The declared type of a part, for showing its value."""
    kind: Type
    match path[0]:
        case "args":
            kind, steps = program.catalog.qualified[found.world.tool].params, path[1:]
        case "principal" | "context" | "session":
            kind, steps = getattr(program, str(path[0])), path[1:]
        case "now":
            return TIME
        case name:
            kind, steps = program.facts[str(name)].result, path[2:]
    for step in steps:
        if isinstance(kind, OptionalType):
            kind = kind.inner
        match kind:
            case RecordType():
                field = kind.field(str(step))
                kind = JSON if field is None else field.type
            case ListType(element):
                kind = element
            case MapType(_, inner):
                kind = inner
            case _:
                return JSON
    return kind
