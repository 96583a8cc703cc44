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
from ..masking import below, parts, value_at, without
from ..solving import Adjustable, Answer, Check, Nearest, NearestOpen, Query, Sat
from .formulas import Formula, holds, text
from .inquiry import Found, Inquiry
from .subject import Subject

#: 2026-01-01T12:00:00Z in microseconds, and 2026-01-01 in days: made-up times are near these.
_NOON: Final = 1_767_268_800_000_000
_DAY: Final = 20_454
_HOUR: Final = 3_600_000_000
#: Hours from that noon (a Thursday) that are tried: by day, by night, at the weekend.
_HOURS: Final = (0, -9, 9, -4, 48, 39)
#: Seconds for making one world plainer.
_PATIENCE: Final = 1.5

#: Parts of a world that are tried one by one for whether they matter.
_MOST_PARTS: Final = 200
#: Parts that a one-line text shows.
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Witness:
    """A complete world of a subject, and the paths of the parts that matter, in its order."""

    subject: Subject
    world: World
    matters: tuple[Path, ...]

    def __str__(self) -> str:
        """One line: the tool and the parts that matter, `refund with args.amount = 501`."""
        pieces = [
            f"{path_text(path)} = {show(value_at(self.world, path), self._type(path))}"
            for path in self.matters[:_SHOWN]
        ]
        more = len(self.matters) - _SHOWN
        if more > 0:
            pieces.append(f"{more} more")
        for name, value in self.world.params.items():
            pieces.append(f"{name} = {show(value, self.subject.params[name])}")
        tool = self.world.tool
        return f"{tool} with {', '.join(pieces)}" if pieces else f"any {tool}"

    def call(self) -> dict[str, object]:
        """The whole call as `licet check --call` reads it."""
        subject, world = self.subject, self.world
        call: dict[str, object] = {"tool": world.tool, "args": render(world.args, subject.args)}
        for scope in ("principal", "context", "session"):
            if value := getattr(world, scope):
                call[scope] = render(value, getattr(subject, scope))
        facts = {
            name: [
                {
                    "key": [
                        render(key, kind)
                        for key, (_, kind) in zip(keys, subject.facts[name].params, strict=True)
                    ],
                    "value": render(value, subject.facts[name].result),
                }
                for keys, value in entries.items()
            ]
            for name, entries in world.facts.items()
            if entries
        }
        if facts:
            call["facts"] = facts
        call["now"] = render(world.now, TIME)
        return call

    def json(self) -> dict[str, object]:
        """The call, the paths that matter, and values of params that have none yet."""
        return {
            "call": self.call(),
            "matters": [path_text(path) for path in self.matters],
            "params": {
                name: render(value, self.subject.params[name])
                for name, value in self.world.params.items()
            },
        }

    def _type(self, path: Path) -> Type:
        """The declared type of a part, for showing its value."""
        kind: Type
        match path[0]:
            case "args" | "principal" | "context" | "session":
                kind, steps = getattr(self.subject, str(path[0])), path[1:]
            case "now":
                return TIME
            case name:
                kind, steps = self.subject.facts[str(name)].result, path[2:]
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


def witness(inquiry: Inquiry, formula: Formula, found: Found) -> Witness:
    """A readable witness of a formula that holds in a found world."""
    nearer = _nearest(inquiry, formula, found) or found
    matters = tuple(_matters(inquiry, formula, nearer.world))
    return Witness(inquiry.subject, nearer.world, matters)


# --- nearer to plain values


def _nearest(inquiry: Inquiry, formula: Formula, found: Found) -> Found | None:
    """The world that differs least from the plain one, if the search comes back in time."""
    until = time.monotonic() + min(_PATIENCE, inquiry.effort.seconds)
    for bounded in (None, 1, 2, inquiry.effort.list_bound):
        try:
            question = inquiry.question(bounded)
        except EncodingError:
            return None
        if bounded is None and not question.exact:
            continue
        search = _Nearing(inquiry, formula, question, until)
        if (nearer := search.find(found)) is not None or question.exact:
            return nearer
    return None


@dataclass
class _Nearing:
    """One search for a plainer world. Times are chosen first, and then fixed: what a clock reads
    is slow to search and quick to check."""

    inquiry: Inquiry
    formula: Formula
    question: Question
    until: float

    def find(self, found: Found) -> Found | None:
        leaves = [leaf for leaf in self.question.leaves if leaf.path[0] is not Aspect.free]
        times = [leaf for leaf in leaves if isinstance(leaf.type, TimeType)]
        fixed: list[tuple[str, str]] = []
        for leaf in times:
            chosen = self._time(leaf, found, fixed)
            if chosen is None:
                return None
            fixed.append((leaf.symbol, chosen))
        adjustable = [
            a
            for leaf in leaves
            if leaf not in times and (a := _adjustable(self.question, leaf)) is not None
        ]
        changed: dict[str, str] = {}
        if adjustable:
            query = Nearest((text(self.formula),), tuple(fixed), tuple(adjustable))
            match self._ask(query):
                case Sat(values):
                    changed = dict(values)
                case NearestOpen(symbol, near=near):
                    changed = {symbol: near}
                case _:
                    return None
        fixed += [(a.symbol, changed.get(a.symbol, a.old)) for a in adjustable]
        symbols = tuple(leaf.symbol for leaf in self.question.leaves)
        complete = self._ask(Check((text(self.formula), *map(_equal, fixed)), symbols))
        if not isinstance(complete, Sat):
            return None
        nearer = self.inquiry.replayed(self.question, complete)
        return nearer if nearer is not None and holds(self.formula, nearer.states) else None

    def _time(self, leaf: Leaf, found: Found, fixed: list[tuple[str, str]]) -> str | None:
        """A usual time that will do, else the one of the world that was found."""
        candidates: list[Value] = [_NOON + hours * _HOUR for hours in _HOURS]
        try:
            candidates.append(value_at(found.world, leaf.path))
            for candidate in candidates:
                chosen = self.question.literal(leaf, candidate)
                goals = (text(self.formula), *map(_equal, fixed), _equal((leaf.symbol, chosen)))
                if isinstance(self._ask(Check(goals)), Sat):
                    return chosen
        except (EncodingError, LookupError):
            return None
        return None

    def _ask(self, query: Query) -> Answer:
        left = max(0.0, self.until - time.monotonic())
        return self.inquiry.pool.ask(query, self.question.text, left)


def _equal(pair: tuple[str, str]) -> str:
    return f"(= {pair[0]} {pair[1]})"


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
