"""Why a call is refused: values that force the refusal, whatever all the rest is.

The parts of the world are forgotten one after another, whole branches first, as long as the rules
still refuse without them; partial evaluation answers that in microseconds. It can only miss that
something does not matter, so one question to a solver then drops the last of it. What is left
forces the outcome (both engines are sound about unknown parts), and is subset-minimal if the
solver answered.

The keys of a fact are part of its path: `order("R1").total = 50` says which order it was, so what
the key came from is no reason of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from licet.compiler import ir
from licet.compiler.clock import clock
from licet.compiler.encoding import (
    Aspect,
    EncodingError,
    EncodingLimit,
    Leaf,
    Openness,
    States,
    ToolEncoder,
)
from licet.compiler.evaluation import UnknownRead, WrongType
from licet.compiler.evaluation.expressions import Evaluation
from licet.compiler.types import (
    BOOL,
    INT,
    JSON,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
    Value,
)
from licet.compiler.world import UNKNOWN, Path, World

from .masking import below, parts, place, value_at, without, without_all
from .solving import Asked, Core, Forced, Solvers
from .verdict import Outcome

#: The solver's share of one explanation. What is left after it still forces, if with more values.
SOLVER_SECONDS: Final = 0.5

#: What is forgotten first.
_ORDER: Final = {"now": 0, "session": 1, "context": 2, "principal": 4, "args": 5}
_FACT: Final = 3

#: So many parts are tried one by one, more of them together first.
FEW: Final = 16

Because = tuple[tuple[Path, Value, Type], ...]


@contextmanager
def seeking(
    encoder: ToolEncoder,
    rules: ir.ToolRules,
    world: World,
    goal: Outcome,
    states: States,
    pool: Solvers,
    seconds: float,
    solver_seconds: float = SOLVER_SECONDS,
) -> Iterator[Sought]:
    """Values of the world that force its outcome `goal` (`deny` or `escalate`), sought so far that
    only the solver is waited for. `states`: what each rule does in it. Until `taken` or `found` is
    called or the block is left, a worker of the pool is at it.

    Subset-minimal, unless the solver is not done within `solver_seconds` of the `seconds`.
    """
    until = time.monotonic() + seconds
    shrinking = _Shrinking(encoder, goal, until)
    small = _shrunk(shrinking, rules, world, goal, states)
    if small is None:
        yield Sought(encoder, world)
        return
    try:
        question = encoder.question(small, bounded=None)
    except EncodingLimit:  # a solver would need all of a long list in its formula
        yield Sought(encoder, world, left=_left(shrinking, rules, small, goal, states))
        return
    known = [leaf for leaf in question.leaves if leaf.known]
    left = min(until - time.monotonic(), solver_seconds)
    query, assumed = _core(known, goal, question.given)
    with pool.begin(query, question.stem, left) as asked:
        yield Sought(encoder, world, asked, known, assumed)


@dataclass(frozen=True, slots=True)
class Sought:
    """The reasons of a refusal, once a solver has dropped the last of what does not matter: of
    `assumed`, leaves of those `known` in a world. Where no solver could be asked, `left` is what
    partial evaluation left: it forces the refusal, and there may be more of it than must be."""

    encoder: ToolEncoder
    world: World
    asked: Asked | None = None
    known: Sequence[Leaf] = ()
    assumed: Sequence[Leaf] = ()
    left: tuple[Path, ...] = ()

    def taken(self) -> None:
        """Wait for the solver, and give the worker back."""
        if self.asked is not None:
            self.asked.answer()

    @property
    def is_minimal(self) -> bool:
        """Whether a solver has dropped, in time, all that does not matter."""
        return self.asked is not None and isinstance(self.asked.answer(), Forced)

    def found(self) -> Because | None:
        """The values with their types. None: nothing that the encoder can show to force it.

        A value of None says that an optional is absent; the path of a length ends in "length", that
        of the presence of something with parts in "present".
        """
        if self.asked is None:
            return tuple(_reason(self.encoder, self.world, path) for path in self.left) or None
        answer = self.asked.answer()
        leaves = self.assumed
        if isinstance(answer, Forced):
            leaves = [leaves[position] for position in answer.kept]
        places = {leaf.symbol: place for place, leaf in enumerate(self.known)}
        leaves = sorted(leaves, key=lambda leaf: places[leaf.symbol])
        return tuple(_folded(self.encoder, self.world, leaves, self.known))


def _shrunk(
    shrinking: _Shrinking, rules: ir.ToolRules, world: World, goal: Outcome, states: States
) -> World | None:
    """What partial evaluation leaves of a world; None where it does not force the outcome."""
    if not shrinking.forced(world):
        return None
    reads, wholes = _reads(_blamed(rules, states, goal), world)
    small = _only(world, reads)
    if shrinking.forced(small):
        return shrinking.dropped(small, sorted(_known(small, wholes), key=_order))
    outermost = [path for path in parts(world) if value_at(world, path) is not UNKNOWN]
    return shrinking.shrink(world, sorted(outermost, key=_order))


def _left(
    shrinking: _Shrinking, rules: ir.ToolRules, world: World, goal: Outcome, states: States
) -> tuple[Path, ...]:
    """What the rules to blame read that forces the outcome by itself, as far as partial evaluation
    tells; a list stands for its length. Nothing where that does not force it."""
    reads, _ = _reads(_blamed(rules, states, goal), world)
    # What has parts is known by those of them that were read, and by having them.
    small = _only(world, [path for path in reads if not below(path, _value(world, path))])
    if not shrinking.forced(small):
        return ()
    small = shrinking.dropped(small, sorted(_known(small, frozenset()), key=_order))
    left = ((path, _value(small, path)) for path in reads)
    return tuple(
        (*path, Aspect.length) if isinstance(value, tuple) and value else path
        for path, value in left
        if value is not UNKNOWN and not (isinstance(value, dict) and value)
    )


class _Shrinking:
    """Forgets parts of a world as long as its outcome stays settled."""

    def __init__(self, encoder: ToolEncoder, goal: Outcome, until: float) -> None:
        self._encoder, self._goal, self._until = encoder, goal, until
        self._is_open = Openness()  # most of a document is the same in all the worlds

    def forced(self, world: World) -> bool:
        """Whether the known parts of a world are shown to force the outcome."""
        if time.monotonic() > self._until:
            return False
        try:
            return self._encoder.decide(world, self._is_open) == self._goal
        except EncodingError:  # a shape too large is not shown to force anything
            return False

    def dropped(self, world: World, paths: Sequence[Path]) -> World:
        """The world with as many of `paths` forgotten, each as a whole, as can be, earlier ones
        sooner."""
        if time.monotonic() > self._until:
            return world
        if len(paths) > FEW:  # of a large document most can, and at once
            smaller = without_all(world, paths)
            if self.forced(smaller):
                return smaller
            half = len(paths) // 2
            return self.dropped(self.dropped(world, paths[:half]), paths[half:])
        for path in paths:
            smaller = without(world, path)
            if self.forced(smaller):
                world = smaller
        return world

    def shrink(self, world: World, paths: Sequence[Path]) -> World:
        """The world with as much of `paths` forgotten as can be, earlier ones sooner."""
        if not paths or time.monotonic() > self._until:
            return world
        smaller = world
        for path in paths:
            smaller = without(smaller, path)
        if self.forced(smaller):
            return smaller
        if len(paths) > 1:
            half = len(paths) // 2
            return self.shrink(self.shrink(world, paths[:half]), paths[half:])
        value = value_at(world, paths[0])
        inner = below(paths[0], value)
        # Of a list the first elements explain best.
        return self.shrink(world, inner[::-1] if isinstance(value, tuple) else inner)


# --- which rule is to blame


def _blamed(rules: ir.ToolRules, states: States, goal: Outcome) -> tuple[ir.Rule, ...]:
    """The first rule that refuses or asks; the permits where none does."""
    for rule, state in zip(rules.rules, states, strict=True):
        match state:
            case "wrong_type":
                return (rule,)
            case "absent" if rule.kind != "permit":
                return (rule,)
            case "applies" if rule.kind == "forbid":
                return (rule,)
            case "applies" if rule.kind == "escalate" and goal == "escalate":
                return (rule,)
    return rules.permits


def _reads(rules: Sequence[ir.Rule], world: World) -> tuple[tuple[Path, ...], frozenset[Path]]:
    """What the evaluator reads to say what rules do in a world, and what of it as a whole. Only a
    guess at what matters."""
    found: dict[Path, None] = {}
    wholes: set[Path] = set()
    for rule in rules:
        evaluation = Evaluation(world, clock("UTC"))
        with suppress(UnknownRead, WrongType):
            for let in rule.lets:
                part = evaluation.part(let.value)
                if isinstance(let.value.type, OptionalType) and not evaluation.present(part):
                    break
                evaluation.bound[let.var.slot] = part
            else:
                evaluation.truth(rule.condition)
        found.update(evaluation.reader.reads)
        wholes.update(evaluation.reader.wholes)
    return tuple(found), frozenset(wholes)


def _only(world: World, paths: Sequence[Path]) -> World:
    """The world with all unknown that is neither one of `paths` nor leads to one."""
    kept = set(paths)
    leading = {path[:size] for path in kept for size in range(len(path))}
    left: list[Path] = []
    waiting = list(parts(world))
    while waiting:
        path = waiting.pop()
        if path in kept:
            continue
        inner = below(path, value_at(world, path)) if path in leading else []
        if inner:
            waiting.extend(inner)
        else:
            left.append(path)
    return without_all(world, left)


def _known(world: World, wholes: frozenset[Path]) -> Iterator[Path]:
    """The known parts without parts of their own, or that are read as a whole, so that none of
    their parts can be forgotten; later elements of lists before earlier ones."""
    waiting = list(parts(world))
    while waiting:
        path = waiting.pop()
        value = value_at(world, path)
        inner = [] if path in wholes else below(path, value)
        waiting.extend(inner)
        if not inner and value is not UNKNOWN:
            yield path


def _order(path: Path) -> int:
    return _ORDER.get(str(path[0]), _FACT)


# --- the last of it


def _core(known: Sequence[Leaf], goal: Outcome, given: Sequence[str]) -> tuple[Core, list[Leaf]]:
    """The question which known leaves of a world force its outcome, and the leaves it is about."""
    flags = [leaf for leaf in known if leaf.path[-1] is Aspect.unknown]
    others = [leaf for leaf in known if leaf.path[-1] is not Aspect.unknown]
    others.sort(key=_weight)
    negated = "allowed" if goal == "deny" else "(not (and allowed pending))"
    by_path = {leaf.path: leaf for leaf in known}
    query = Core(
        (negated, *given, *(_equation(leaf) for leaf in flags)),
        tuple(_with_place(leaf, by_path) for leaf in others),
    )
    return query, others


def _weight(leaf: Leaf) -> tuple[bool, bool, bool, int]:
    """Second readings of a fact go first, then keys of maps, lengths, presence, then the rest."""
    first = len(leaf.path) == 1 or isinstance(leaf.path[1], str | tuple)
    aspect = leaf.path[-1]
    order = _ORDER.get(str(leaf.path[0]), _FACT)
    return first, aspect is not Aspect.key, not isinstance(aspect, Aspect), order


def _equation(leaf: Leaf) -> str:
    return f"(= {leaf.symbol} {leaf.literal})"


def _with_place(leaf: Leaf, by_path: Mapping[Path, Leaf]) -> str:
    """The equation of a leaf, which says also that there is such a place.

    `args.bags[1].weight = 40` means that there is a second bag, `prices.economy = 100` that there
    is such a key. How many there are is another reason, and so is presence from the value.
    """
    terms = [_equation(leaf)]
    for end in range(1, len(leaf.path)):
        step = leaf.path[end]
        length = by_path.get((*leaf.path[:end], Aspect.length))
        if isinstance(step, int) and length is not None:
            terms.append(f"(< {step} {length.symbol})")
        key = by_path.get((*leaf.path[: end + 1], Aspect.key))
        if key is not None and key is not leaf:
            terms.append(_equation(key))
        present = by_path.get((*leaf.path[:end], Aspect.present))
        if present is not None and present is not leaf:
            terms.append(present.symbol)
    present = by_path.get((*leaf.path, Aspect.present))
    if present is not None:
        terms.append(present.symbol)
    return terms[0] if len(terms) == 1 else f"(and {' '.join(terms)})"


def _folded(
    encoder: ToolEncoder, world: World, leaves: Sequence[Leaf], known: Sequence[Leaf]
) -> Iterator[tuple[Path, Value, Type]]:
    """Leaves as paths of the world with values: presence and keys fold into what they belong to.

    What something with parts is as a whole (present, so long, an object) needs no saying beside a
    part of it.
    """
    paths = [_keyed(leaf, known) for leaf in leaves]
    wholes = {
        path[:size]
        for path in paths
        for size in range(1, len(path))
        if not isinstance(path[size], Aspect)
    }
    seen: set[Path] = set()
    for path in paths:
        if isinstance(path[-1], Aspect) and path[:-1] in wholes:
            continue
        where, value, kind = _reason(encoder, world, path)
        if where not in seen:
            seen.add(where)
            yield where, value, kind


def _keyed(leaf: Leaf, known: Sequence[Leaf]) -> Path:
    """The path of a leaf; of a fact that is read at several places, the one with its keys."""
    path = leaf.path
    if path[0] == "now" or isinstance(path[1], str | tuple):
        return path
    for other in known:
        same = other.path[0] == path[0] and other.path[2:] == path[2:]
        if same and isinstance(other.path[1], tuple) and other.literal == leaf.literal:
            return other.path
    raise AssertionError("a known fact without keys")


def _reason(encoder: ToolEncoder, world: World, path: Path) -> tuple[Path, Value, Type]:
    """The value that stands behind a leaf's path, with its own path in the world and its type."""
    found = place(world, path)
    kind: Type
    if found[0] in encoder.roots:
        kind, rest = encoder.roots[str(found[0])], found[1:]
    else:
        kind, rest = encoder.facts[str(found[0])].result, found[2:]
    for step in rest:
        match kind.inner if isinstance(kind, OptionalType) else kind:
            case RecordType() as record:
                field = record.field(str(step))
                assert field is not None
                kind = field.type
            case ListType(element):
                kind = element
            case MapType(_, value_type):
                kind = value_type
            case _:
                kind = JSON
    value = _value(world, found)
    if path[-1] is Aspect.present and isinstance(value, dict | tuple) and kind != JSON:
        return (*found, "present"), True, BOOL
    if path[-1] is Aspect.length:
        assert isinstance(value, tuple | dict | str)
        return (*found, "length"), len(value), INT
    return found, value, kind.inner if isinstance(kind, OptionalType) else kind


def _value(world: World, path: Path) -> Value:
    """The value at a path; None of what a document does not have, unknown where it might."""
    try:
        return value_at(world, path)
    except LookupError:
        return _value(world, path[:-1]) if _value(world, path[:-1]) is UNKNOWN else None
