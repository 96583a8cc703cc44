"""The nearest call that would be allowed.

In: a refused call of which everything is known. Out: new arguments, replayed through both engines
before anybody sees them, or a strict bound that says where they begin; none rather than a wrong
one. Nearest: fewest arguments changed; then, in the order of declaration, the smallest change of
each, so that of two single changes the one of the later argument is taken. A list's elements count
one by one; nothing is inserted, removed, added or dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from licet.compiler import ir
from licet.compiler.clock import Clock
from licet.compiler.encoding import Aspect, EncodingError, Leaf, Question, ToolEncoder
from licet.compiler.evaluation import UnknownRead, conforms, judge
from licet.compiler.exact_json import decimal_places
from licet.compiler.types import (
    BoolType,
    DecimalType,
    EnumType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
    Value,
)
from licet.compiler.values import show, survives_binary64
from licet.compiler.world import UNKNOWN, Path, World

from .adjusting import Names, may_change
from .admission import path_text
from .masking import place, value_at, with_value
from .solving import Adjustable, Answer, Nearest, NearestOpen, Query, Sat, Unsat
from .verdict import Outcome

Changed = tuple[Path, Value, Value, Type]
#: Asks a solver a query about a question's text, within so many seconds.
Ask = Callable[[Query, str, float], Answer]

_GOALS: Final[tuple[tuple[Outcome, str], ...]] = (
    ("allow", "(and allowed (not pending))"),
    ("escalate", "(and allowed pending)"),
)


@dataclass(frozen=True, slots=True)
class RepairFound:
    """New arguments with what changed in them: path, old value, new value, type.

    Where the nearest value does not exist (`< 500`) or cannot be written down, `args` is None,
    `changes` is empty, and `bound` says it: `args.amount < 500`.
    """

    args: dict[str, Value] | None
    changes: tuple[Changed, ...]
    outcome: Outcome
    bound: str | None = None


def repair(
    encoder: ToolEncoder,
    rules: ir.ToolRules,
    world: World,
    adjustable: tuple[Names, ...] | None,
    keys: frozenset[Names],
    args_type: RecordType,
    clock: Clock,
    ask: Ask,
    seconds: float,
) -> RepairFound | None:
    """The nearest call that is allowed, else the nearest that needs only an approval; or None.

    `adjustable`: paths below `args` that may change (None: the default, see `adjusting`); `keys`:
    the `key_arguments` of the rules; `ask`: a pool's.
    """
    until = time.monotonic() + seconds
    search = _Search(encoder, rules, world, args_type, clock, ask, until)
    try:
        return search.run(adjustable, keys)
    except EncodingError:
        return None


#: Of more arguments than this that may change, none is sought: the call is another one then.
MOST: Final = 64


@dataclass(frozen=True, slots=True)
class _Leaf:
    """An argument that may change."""

    leaf: Leaf
    path: Path
    kind: Type
    old: Value


class _Search:
    def __init__(
        self,
        encoder: ToolEncoder,
        rules: ir.ToolRules,
        world: World,
        args_type: RecordType,
        clock: Clock,
        ask: Ask,
        until: float,
    ) -> None:
        self._encoder, self._rules, self._world = encoder, rules, world
        self._args_type, self._clock = args_type, clock
        self._answer_to, self._until = ask, until

    def run(
        self, adjustable: tuple[Names, ...] | None, keys: frozenset[Names]
    ) -> RepairFound | None:
        candidates = [
            (path, kind)
            for path, kind in _scalars(self._args_type, self._world.args, ("args",))
            if may_change(path, kind, adjustable, keys)
        ]
        # Most refusals end here, before anything is asked of a solver.
        if not 0 < len(candidates) <= MOST or not self._open([path for path, _ in candidates]):
            return None
        question = self._encoder.question(self._world, bounded=None)
        by_path = {
            place(self._world, leaf.path): leaf
            for leaf in question.leaves
            if leaf.known and leaf.path[0] == "args" and not isinstance(leaf.path[-1], Aspect)
        }
        leaves = [
            _Leaf(by_path[path], path, kind, value_at(self._world, path))
            for path, kind in candidates
            if path in by_path  # no rule reads the others
        ]
        # One argument that alone can do it, the last first: what `Nearest` would find among all
        # of them, but each question is far smaller.
        single = [
            leaf for leaf in leaves if time.monotonic() < self._until and self._open([leaf.path])
        ]
        for outcome, goal in _GOALS:
            for some in (*([leaf] for leaf in reversed(single)), leaves):
                if some is leaves and len(leaves) == 1:
                    continue
                answer = self._ask(question, goal, some)
                match answer:
                    case Unsat():
                        continue
                    case Sat(values) if values:
                        return self._changed(question, some, values, outcome)
                    case NearestOpen() if len(some) == 1 or some is leaves:
                        return self._bound(question, some, answer, outcome)
                    case _:
                        return None
        return None

    def _open(self, paths: Sequence[Path]) -> bool:
        """Whether these arguments can matter: with them unknown, the call is not surely denied."""
        world = self._world
        for path in paths:
            world = with_value(world, path, UNKNOWN)
        return self._encoder.decide(world) != "deny"

    def _ask(self, question: Question, goal: str, leaves: Sequence[_Leaf]) -> object:
        symbols = {leaf.leaf.symbol for leaf in leaves}
        fixed = tuple(
            (leaf.symbol, leaf.literal)
            for leaf in question.leaves
            if leaf.known and leaf.literal is not None and leaf.symbol not in symbols
        )
        query = Nearest(
            (goal, *question.given), fixed, tuple(_adjustable(question, leaf) for leaf in leaves)
        )
        return self._answer_to(query, question.stem, self._until - time.monotonic())

    # --- answers, replayed

    def _changed(
        self, question: Question, leaves: Sequence[_Leaf], values: Any, outcome: Outcome
    ) -> RepairFound | None:
        world, changes = self._world, []
        for leaf in leaves:
            text = values.get(leaf.leaf.symbol)
            if text is None:
                continue
            new = question.value(leaf.leaf, text)
            if not _sayable(new, leaf.kind):
                if len(values) > 1 or not self._holds(leaf, new, outcome):
                    return None
                return self._said(leaf, new, outcome, "<=" if _below(new, leaf.old) else ">=")
            world = with_value(world, leaf.path, new)
            changes.append((leaf.path, leaf.old, new, leaf.kind))
        if not self._replays(world, outcome):
            return None
        return RepairFound(world.args, tuple(changes), outcome)

    def _bound(
        self, question: Question, leaves: Sequence[_Leaf], found: NearestOpen, outcome: Outcome
    ) -> RepairFound | None:
        [leaf] = [leaf for leaf in leaves if leaf.leaf.symbol == found.symbol]
        if not self._holds(leaf, question.value(leaf.leaf, found.near), outcome):
            return None
        bound = question.value(leaf.leaf, found.bound)
        return self._said(leaf, bound, outcome, "<" if found.side == "below" else ">")

    def _said(self, leaf: _Leaf, bound: Value, outcome: Outcome, sign: str) -> RepairFound:
        text = f"{path_text(leaf.path)} {sign} {show(bound, leaf.kind)}"
        return RepairFound(None, (), outcome, text)

    def _holds(self, leaf: _Leaf, new: Value, outcome: Outcome) -> bool:
        return self._replays(with_value(self._world, leaf.path, new), outcome)

    def _replays(self, world: World, outcome: Outcome) -> bool:
        """Whether both engines say this outcome of a world with arguments of the declared types."""
        if not conforms(world.args, self._args_type):
            return False
        try:
            judged = judge(self._rules, world, self._clock).outcome
        except UnknownRead:
            return False
        return judged == outcome == self._encoder.decide(world)


def _adjustable(question: Question, leaf: _Leaf) -> Adjustable:
    assert leaf.leaf.literal is not None
    others: list[Value] | None = None
    match leaf.kind:
        case BoolType():
            others = [not leaf.old]
        case EnumType(_, labels):
            at = labels.index(str(leaf.old))
            order = sorted(range(len(labels)), key=lambda i: (abs(i - at), i))
            others = [labels[i] for i in order[1:]]
    choices = None
    if others is not None:
        choices = tuple(question.literal(leaf.leaf, other) for other in others)
    return Adjustable(leaf.leaf.symbol, leaf.leaf.literal, choices)


def _scalars(kind: Type, value: Value, path: Path) -> Iterator[tuple[Path, Type]]:
    """The values without parts, in the order of declaration, with their types.

    Nothing inside a document, whose shape is not declared, and nothing that is absent.
    """
    match kind.inner if isinstance(kind, OptionalType) else kind:
        case RecordType() as record if isinstance(value, dict):
            for field in record.fields:
                yield from _scalars(field.type, value[field.name], (*path, field.name))
        case ListType(element) if isinstance(value, tuple):
            for position, item in enumerate(value):
                yield from _scalars(element, item, (*path, position))
        case MapType(_, inner) if isinstance(value, dict):
            for key in sorted(value):
                yield from _scalars(inner, value[key], (*path, key))
        case scalar if value is not None and not isinstance(scalar, JsonType):
            yield path, scalar


def _below(new: Value, old: Value) -> bool:
    assert isinstance(new, int | Fraction)
    assert isinstance(old, int | Fraction)
    return new < old


def _sayable(value: Value, kind: Type) -> bool:
    """Whether a number can be written as a decimal that the tool reads as that very number."""
    if not isinstance(kind, DecimalType):
        return True
    assert isinstance(value, int | Fraction)
    if isinstance(value, Fraction) and decimal_places(value.denominator) is None:
        return False
    if kind.exact:
        return True
    try:
        return survives_binary64(value)
    except OverflowError:
        return False
