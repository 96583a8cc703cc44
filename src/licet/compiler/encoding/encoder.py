"""One tool's rules, decided for worlds by Z3, and asked about through questions.

Trusted. Soundness here: an outcome that is not None holds in every world that agrees with the
given one where that one is known. What is unknown stays unbound and is never defaulted.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from ..clock import clock
from ..ir import FactSignature, ToolRules
from ..lowering import AbstractPath, Theories, choose_theories
from ..types import TIME, RecordType, Type
from ..world import World
from .binding import Bound, FactKey, ReshapeError
from .codecs import Numerals
from .codes import Codes
from .failures import EncodingLimit
from .folding import Folding
from .library import Context
from .openness import Openness
from .prepared import Outcome, Prepared
from .question import Question, ask
from .rules import Surroundings, encode, outcome
from .shapes import capacity, grown
from .soil import FEW, Aspect, Capacity
from .stem import Stems
from .terms import SECONDS

State = Literal["applies", "not", "absent", "wrong_type"]

#: Encodings that one encoder keeps.
KEPT_SHAPES: Final = 32
#: Terms that a fold may take for all elements of a list, before there is a template for it.
SPARE: Final = 200
#: How often one decision may find a list longer than expected.
MAX_RESHAPES: Final = 40

Shape = tuple[Capacity, ...]


#: What each rule of `rules.rules` does; None where that is open.
States = tuple[State | None, ...]
FactKeys = tuple[FactKey, ...]


class Decided:
    """What Z3 says about one world. A context: leaving it frees the world's model."""

    __slots__ = ("_bound", "_outcome")

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._outcome: Outcome | Literal[False] | None = False

    @property
    def outcome(self) -> Outcome | None:
        """None where the world's unknown parts matter."""
        if self._outcome is False:
            prepared = self._bound.prepared
            self._outcome = prepared.answers.get(self._bound.evaluate(prepared.outcome))
            prepared.context.check()
        return self._outcome

    def __enter__(self) -> Decided:
        return self

    def __exit__(self, *_: object) -> None:
        self._bound.close()

    def states(self, first: int | None = None) -> States:
        """What each rule does, or each of the first."""
        truth = self._bound.truth
        return tuple(
            _state(truth(rule.wrong), truth(rule.absent), truth(rule.applies))
            for rule in self._bound.prepared.encoding.rules[:first]
        )

    def lacking(self) -> FactKeys:
        """The facts at known keys that the rules read and the world lacks, in the order in which
        they read them."""
        return tuple(self._bound.lacking)


class ToolEncoder:
    """The rules of one tool in one Z3 context, its own or one shared by a thread's encoders.

    One thread at a time.

    `decide` and `states` raise `EncodingError` (limits, texts that the theory lacks, solver
    faults); whatever they raise, the caller refuses.
    """

    def __init__(
        self,
        rules: ToolRules,
        facts: Mapping[str, FactSignature],
        args: RecordType,
        principal: RecordType,
        context: RecordType,
        session: RecordType,
        zone: str,
        *,
        solver: Context | None = None,
        zones: Sequence[str] | None = None,
        share_folds: bool = False,
        spare: int = SPARE,
    ) -> None:
        """`spare`: the terms that a fold may take before there is a template for it.

        `zones`: those of the rules one by one, where they are not all of one policy.

        `share_folds`: equal folds over unknown lists are one free value (`rules.Surroundings`).
        """
        self.rules = rules
        self.facts = facts
        self.roots: dict[str, Type] = {
            "args": args,
            "principal": principal,
            "context": context,
            "session": session,
            "now": TIME,
        }
        self.codes = Codes()
        self.around = Surroundings(
            rules,
            facts,
            self.roots,
            clock(zone).transitions,
            self.codes.fixed,
            None if zones is None else tuple(clock(each).transitions for each in zones),
            share_folds,
        )
        self._theories = choose_theories(rules, facts, self.roots, constrained=False)
        self._constrained: Theories | None = None
        self._owned = solver is None
        self._context = solver or Context()
        self._numerals = Numerals(self._context)
        self._stems = Stems(self.around, self._context)
        self._kept: OrderedDict[Shape, Prepared] = OrderedDict()
        #: Shapes for which there is no encoding, and why.
        self._too_large: dict[Shape, str] = {}
        #: The abstract paths of all lists that the rules are known to read.
        self._lists: list[AbstractPath] = []
        self._spare, self._few = spare, min(FEW, spare)
        #: Those of them that some encoding has unrolled though they were long.
        self._unrolled: set[AbstractPath] = set()
        #: The encoding of a tool without lists.
        self._only: Prepared | None = None

    @property
    def constrained(self) -> Theories:
        """The theories for questions, where a solver picks texts."""
        if self._constrained is None:
            self._constrained = choose_theories(
                self.rules, self.facts, self.roots, constrained=True
            )
        return self._constrained

    def close(self) -> None:
        """Free what the encoder holds, and the context if it is its own; of no use afterwards."""
        if self._context.ref is not None:
            for prepared in self._kept.values():
                prepared.close()
            self._stems.clear()
            self._numerals.clear()
            if self._owned:
                self._context.close()
        self._kept.clear()
        self._only = None

    def question(self, world: World, *, bounded: int | None) -> Question:
        """What a solver in another process is asked about a world.

        `bounded` None: what is folded over a list longer than any known one is a free value, so
        that unsat answers hold; n: unknown lists have at most n elements, so that sat answers are
        worlds. Raises EncodingError. The question needs this encoder to rebuild worlds.
        """
        return ask(self._stems, self.constrained, world, bounded)

    # --- deciding ------------------------------------------------------------------------------

    def deciding(self, world: World, is_open: Openness | None = None) -> Decided:
        """The outcome of the rules in a world, as far as the world settles it, and what more there
        is to say of that: a context. `is_open`: for worlds that have documents in common."""
        self._numerals.trim()
        return Decided(self.bind(world, is_open))

    def decide(self, world: World, is_open: Openness | None = None) -> Outcome | None:
        """The outcome of the rules in a world; None where its unknown parts matter."""
        with self.deciding(world, is_open) as decided:
            return decided.outcome

    def states(self, world: World) -> States:
        """What each rule does in a world."""
        with self.deciding(world) as decided:
            return decided.states()

    def lacking(self, world: World) -> FactKeys:
        """The facts at known keys that the rules read and the world lacks."""
        with self.deciding(world) as decided:
            return decided.lacking()

    def bind(self, world: World, is_open: Openness | None = None) -> Bound:
        """A world bound to a model of an encoding of its shape; close it."""
        if self._only is not None:
            return Bound(self._only, world, is_open).bind()
        is_open = is_open or Openness()  # one for all shapes that are tried
        overrides: dict[AbstractPath, Capacity] = {}
        until: float | None = None
        for _ in range(MAX_RESHAPES):
            capacities = {
                path: overrides.get(path) or capacity(path, world) for path in self._lists
            }
            prepared = self._prepared(capacities, world, overrides)
            try:
                return Bound(prepared, world, is_open).bind()
            except ReshapeError as reshape:
                spent = time.thread_time()
                until = spent + SECONDS if until is None else until
                if spent > until:
                    break
                before = overrides.get(reshape.path) or capacity(reshape.path, world)
                overrides[reshape.path] = grown(before, reshape.length)
        raise EncodingLimit("the lists of a call kept growing")

    def _shape(self, capacities: Mapping[AbstractPath, Capacity]) -> Shape:
        """What makes encodings differ: the capacities of lists, of long ones that they are long."""
        return tuple(
            replace(found, elements=self._few + 1)
            if (found.elements or 0) > self._few and path not in self._unrolled
            else found
            for path, found in capacities.items()
        )

    def _note_unrolled(self, path: AbstractPath, found: Capacity) -> None:
        if (found.elements or 0) > self._few:
            self._unrolled.add(path)

    def _prepared(
        self,
        capacities: dict[AbstractPath, Capacity],
        world: World,
        overrides: Mapping[AbstractPath, Capacity],
    ) -> Prepared:
        shape = self._shape(capacities)
        found = self._kept.get(shape)
        if found is not None:
            self._kept.move_to_end(shape)
            return found

        def look(path: AbstractPath) -> Capacity:
            if path[0] is Aspect.free:
                return Capacity(None)
            if path not in capacities:
                self._lists.append(path)
                capacities[path] = overrides.get(path) or capacity(path, world)
            return capacities[path]

        if shape in self._too_large:
            raise EncodingLimit(self._too_large[shape])
        try:
            encoding = encode(
                self.around,
                self._theories.is_sequence,
                look,
                spare=self._spare,
                unrolled=self._note_unrolled,
            )
        except EncodingLimit as limit:
            # Found out once: the next call like this one need not cost as much.
            while len(self._too_large) >= KEPT_SHAPES:
                del self._too_large[next(iter(self._too_large))]
            self._too_large[self._shape(capacities)] = str(limit)
            raise
        prepared = Prepared(
            encoding,
            outcome(encoding, self.rules),
            self._context,
            self._numerals,
            self.codes,
            Folding,
        )
        self._kept[self._shape(capacities)] = prepared
        if not self._lists:
            self._only = prepared
        elif self._only is not None:
            self._only = None
        while len(self._kept) > KEPT_SHAPES:
            self._kept.popitem(last=False)[1].close()
        return prepared


def _state(wrong: bool | None, absent: bool | None, applies: bool | None) -> State | None:
    if wrong:
        return "wrong_type"
    if wrong is None:
        return None
    if absent:
        return "absent"
    if absent is None:
        return None
    if applies is None:
        return None
    return "applies" if applies else "not"
