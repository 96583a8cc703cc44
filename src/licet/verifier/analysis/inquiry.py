"""Questions over one subject: is there a world in which a formula holds?

Soundness: `Refuted` is a proof for all worlds (the question in which lists of unknown length and
views of unknown texts are free values was unsat). `Found` is a world that the reference evaluator
has replayed, and in which the formula holds. `Bounded` proves only for worlds whose lists have at
most so many elements. All else is `Open`, and an open answer is never taken for one of the others.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from licet.compiler.encoding import (
    Aspect,
    Context,
    EncodingError,
    EncodingLimit,
    Leaf,
    Question,
    ToolEncoder,
)
from licet.compiler.evaluation import State
from licet.compiler.world import World

from ..decoding import world_of
from ..solving import Answer, Check, Core, Forced, Sat, SolverPool, Unknown, Unsat
from .formulas import Formula, holds, text
from .sampling import sampled_worlds
from .subject import Subject

#: How often a question is asked again after a world that turned out otherwise.
_TRIES: Final = 6


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try: seconds for one question, and the longest list that is made up."""

    seconds: float = 5.0
    list_bound: int = 4


@dataclass(frozen=True, slots=True)
class Found:
    """A complete world in which the formula holds, replayed; `states` of all rules there."""

    world: World
    states: tuple[State | None, ...]


@dataclass(frozen=True, slots=True)
class Refuted:
    """No world makes the formula true: proved."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """No world whose lists have at most `elements` elements makes the formula true."""

    elements: int


@dataclass(frozen=True, slots=True)
class Open:
    """Neither was shown, and why (one line)."""

    reason: str


Finding = Found | Refuted | Bounded | Open


@dataclass(eq=False)
class Inquiry:
    """Asks about one subject. One thread at a time; close it.

    `seen` are all worlds found so far: a formula that holds in one of them is not asked again.
    """

    subject: Subject
    pool: SolverPool
    effort: Effort = Effort()
    seen: list[Found] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._context = Context()
        self._encoder: ToolEncoder = self.subject.encoder(self._context)
        self._questions: dict[int | None, Question] = {}

    @property
    def encoder(self) -> ToolEncoder:
        return self._encoder

    def close(self) -> None:
        self._encoder.close()
        self._context.close()

    def __enter__(self) -> Inquiry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- asking

    def find(self, formula: Formula) -> Finding:
        """A world in which the formula holds, or why there is none to show."""
        for found in self.seen:
            if holds(formula, found.states):
                return found
        try:
            return self._find(formula, time.monotonic() + self.effort.seconds)
        except EncodingLimit as limit:
            return Open(str(limit))
        except EncodingError as error:
            return Open(f"the question could not be put: {error}")

    def refuted(self, formula: Formula) -> bool:
        """Whether it is proved that no world makes the formula true; nothing is looked for."""
        if any(holds(formula, found.states) for found in self.seen):
            return False
        try:
            question = self.question(None)
        except EncodingError:
            return False
        answer = self._ask(question, [text(formula)], time.monotonic() + self.effort.seconds)
        return isinstance(answer, Unsat)

    def core(self, formula: Formula, excuses: Sequence[Formula]) -> tuple[int, ...] | None:
        """Positions of excuses without which the formula would no longer be impossible.

        None where it is possible even with all of them, or where that is not known.
        """
        try:
            question = self.question(None)
        except EncodingError:
            return None
        query = Core((text(formula),), tuple(map(text, excuses)))
        answer = self.pool.ask(query, question.text, self.effort.seconds)
        return answer.kept if isinstance(answer, Forced) else None

    def question(self, bounded: int | None) -> Question:
        """The question in which nothing is known. Raises EncodingError."""
        if bounded not in self._questions:
            self._questions[bounded] = self._encoder.question(
                World(self.subject.tool, {}), bounded=bounded
            )
        return self._questions[bounded]

    # --- inside

    def _find(self, formula: Formula, until: float) -> Finding:
        opaque = self.question(None)
        if not opaque.exact:  # most formulas hold somewhere: look there before a proof is tried
            early = self._look(self.question(1), formula, until, tries=1)
            if isinstance(early, Found):
                self.seen.append(early)
                return early
        answer = self._ask(opaque, [text(formula)], until, values=opaque.exact)
        if isinstance(answer, Unsat):
            return Refuted()
        if isinstance(answer, Unknown):
            return Open(answer.reason)
        reason = "no call was found that shows it"
        bounded: int | None = None
        for bound, question in self._finding_questions(opaque):
            found = self._look(question, formula, until)
            if isinstance(found, Found):
                self.seen.append(found)
                return found
            if isinstance(found, Refuted):
                bounded = bound
                continue
            bounded = None
            if isinstance(found, Open):
                reason = found.reason
        if bounded is not None:
            complete = self._no_longer_lists(formula, bounded, until)
            return Refuted() if complete else Bounded(bounded)
        sampled = self._sample(formula, until)
        return Open(reason) if sampled is None else sampled

    def _no_longer_lists(self, formula: Formula, bounded: int, until: float) -> bool:
        """Whether it is proved that the formula holds with short lists only: then a question about
        these has spoken of all worlds. Lists inside of lists are not seen before those are made
        up, so where there are any the answer is no."""
        opaque, short = self.question(None), self.question(bounded)
        lengths = {leaf.path: leaf.symbol for leaf in opaque.leaves if _is_length(leaf)}
        if any(_is_length(leaf) and leaf.path not in lengths for leaf in short.leaves):
            return False
        if any(_opens(leaf) for leaf in short.leaves):
            return False
        longer = " ".join(f"(< {bounded} {symbol})" for symbol in lengths.values())
        answer = self._ask(opaque, [text(formula), f"(or false {longer})"], until)
        return isinstance(answer, Unsat)

    def _sample(self, formula: Formula, until: float) -> Found | None:
        """A world with texts that views read, tried one by one."""
        for world in sampled_worlds(self.subject):
            if time.monotonic() > until:
                break
            try:
                bound = min(2, self.effort.list_bound)
                question = self._encoder.question(world, bounded=bound)
            except EncodingError:
                continue
            known = [f"(= {leaf.symbol} {leaf.literal})" for leaf in question.leaves if leaf.known]
            answer = self._ask(question, [text(formula), *known], until, values=True)
            found = self.replayed(question, answer) if isinstance(answer, Sat) else None
            if found is not None and holds(formula, found.states):
                self.seen.append(found)
                return found
        return None

    def _finding_questions(self, opaque: Question) -> Iterator[tuple[int, Question]]:
        if opaque.exact:
            yield 0, opaque
            return
        bound = 1
        while bound < self.effort.list_bound:
            yield bound, self.question(bound)
            bound *= 2
        yield self.effort.list_bound, self.question(self.effort.list_bound)

    def _look(
        self, question: Question, formula: Formula, until: float, tries: int = _TRIES
    ) -> Finding:
        blocked: list[str] = []
        for _ in range(tries):
            answer = self._ask(question, [text(formula), *blocked], until, values=True)
            if isinstance(answer, Unsat):
                return Open("no call was found that shows it") if blocked else Refuted()
            if not isinstance(answer, Sat):
                return Open(answer.reason if isinstance(answer, Unknown) else "no answer")
            found = self.replayed(question, answer)
            if found is not None and holds(formula, found.states):
                return found
            if not question.leaves:
                break
            same = [f"(= {leaf.symbol} {answer.values[leaf.symbol]})" for leaf in question.leaves]
            blocked.append(f"(not (and {' '.join(same)}))")
        return Open("the solver's calls did not stand up to the reference evaluator")

    def replayed(self, question: Question, answer: Sat) -> Found | None:
        """The world of a model and what the reference evaluator says of it."""
        world = world_of(question, answer.values)
        states = None if world is None else self.subject.states(world)
        return None if world is None or states is None else Found(world, states)

    def _ask(
        self, question: Question, goals: Sequence[str], until: float, *, values: bool = False
    ) -> Answer:
        symbols = tuple(leaf.symbol for leaf in question.leaves) if values else ()
        return self.pool.ask(
            Check(tuple(goals), symbols), question.text, max(0.0, until - time.monotonic())
        )


def _is_length(leaf: Leaf) -> bool:
    return leaf.path[-1] is Aspect.length


def _opens(leaf: Leaf) -> bool:
    """Whether a leaf stands for what a list may hide from a question."""
    return leaf.path[0] is Aspect.free or leaf.path[-1] is Aspect.unknown
