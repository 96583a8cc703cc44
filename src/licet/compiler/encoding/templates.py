"""Long lists, folded a few elements at a time.

A `Template` is what folds a long list, read once over places for a few of its elements. Where a
world is bound (`folding`), these take one stretch of the list after another, Z3 says what each
comes to, and what they come to together is bound to the template's targets: variables that stand
for the fold in the formula. So a formula is as large for ten thousand elements as for ten.

Sound here means: what is bound to the targets is what the unrolled fold would have come to; where
that is not known they are left open, like any leaf that is not known.

Within a template all lists are unrolled, those of its elements too: it is made once, and then
they cost what they always do.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol, cast

from .failures import EncodingFault
from .places import StretchPlace
from .sites import Site, Sites
from .soil import Aspect, Soil, Variable
from .symbolic import Long, Number, Optional, Sequence, Source, Symbolic
from .terms import Term, Terms

#: Elements that a template is about, at most.
WIDEST: Final = 64

#: How what stretches come to is put together; `nothing`: only what they refuse matters.
Op = Literal["any", "all", "sum", "min", "max", "nothing"]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What folds a long list, over places for a few of its elements.

    `results`: what they come to (of `min` and `max`: whether there are any, and the number);
    `wrong`: whether evaluation meets a wrong type in them. `targets` and `wrong_target` stand for
    the same of the whole list. `after`: how many of the sites come before it.
    """

    op: Op
    source: Source
    stretch: StretchPlace
    soil: Soil
    sites: tuple[Site, ...]
    after: int
    results: tuple[Term, ...]
    wrong: Term
    targets: tuple[Variable, ...]
    wrong_target: Variable | None


class Read(NamedTuple):
    """A fold as it was read over a stretch: its value, what it refuses, and what it reads."""

    folded: Symbolic
    refused: list[Term]
    stretch: StretchPlace
    soil: Soil
    sites: tuple[Site, ...]


class Reading(Protocol):
    """What making templates needs of `expressions.Reader`."""

    t: Terms
    soil: Soil
    sites: Sites
    #: Whether what is read now is read over a template's places.
    templating: bool

    def apart(self) -> AbstractContextManager[list[Term]]: ...

    def refuse(self, condition: Term) -> None: ...


class Templates:
    """Makes the templates of an encoding."""

    def __init__(self, reader: Reading) -> None:
        self._reader = reader
        self.all: list[Template] = []

    def fold(self, op: Op, part: Long, fold: Callable[[Sequence], Symbolic]) -> Symbolic:
        """What `fold` comes to over a part of a list; what it refuses is refused.

        Where all elements take few terms, they stand in the formula: that costs less for each.
        """
        reader = self._reader
        before = len(reader.t)
        made = self._read(part, 1, fold)
        terms = max(1, len(reader.t) - before)
        spare = reader.soil.spare or 0
        if (part.source.capacity.elements or 0) * terms <= spare:
            return fold(part.seen(part.source.whole))
        width = min(WIDEST, spare // terms)
        if width > 1:
            made = self._read(part, width, fold)
        folded, refused, stretch, soil, within = made
        wrong = reader.t.or_(refused)
        if wrong is reader.t.false and _is_settled(op, folded, reader.t):
            return folded
        results, scale = ((), 1) if op == "nothing" else _results(folded)
        targets = tuple(self._target(result) for result in results)
        wrong_target = None if wrong is reader.t.false else self._target(wrong)
        self.all.append(
            Template(
                op,
                part.source,
                stretch,
                soil,
                within,
                len(reader.sites.all),
                results,
                wrong,
                targets,
                wrong_target,
            )
        )
        if wrong_target is not None:
            reader.refuse(wrong_target.term)
        return _standing(folded, tuple(v.term for v in targets), scale) if targets else folded

    def _read(self, part: Long, width: int, fold: Callable[[Sequence], Symbolic]) -> Read:
        """What `fold` says of some elements, over places of theirs."""
        reader = self._reader
        sites, soil = reader.sites, reader.soil.within()
        stretch = cast(StretchPlace, part.source.stretch(soil, width))
        reader.sites, reader.templating = Sites(soil, sites), True
        try:
            with reader.apart() as refused:
                folded = fold(part.seen(stretch.sequence))
            return Read(folded, refused, stretch, soil, tuple(reader.sites.all))
        finally:
            reader.sites, reader.templating = sites, False

    def _target(self, result: Term) -> Variable:
        """The variable that stands for a result over the whole list."""
        path = (Aspect.fold, len(self._reader.soil.variables))
        match result.sort:
            case "Bool":
                return self._reader.soil.variable("Bool", "bool", None, path, None)
            case "Int":
                made = self._reader.soil.variable("Int", "int", None, path, None)
            case "Real":
                made = self._reader.soil.variable("Real", "real", None, path, None)
            case _:
                raise EncodingFault(f"a fold of sort {result.sort}")
        self._reader.t.as_large(made.term, result)
        return made


def _is_settled(op: Op, folded: Symbolic, t: Terms) -> bool:
    """Whether a fold comes to this over every list."""
    match op:
        case "any":
            return folded is t.false
        case "all":
            return folded is t.true
        case "nothing":
            return True
        case "min" | "max":
            return cast(Optional, folded).empty
        case "sum":
            return cast(Number, folded).term is t.integer(0)


def _results(folded: Symbolic) -> tuple[tuple[Term, ...], int]:
    match folded:
        case Term():
            return (folded,), 1
        case Number(term, scale):
            return (term,), scale
        case Optional():
            if folded.empty:
                return (), 1
            best = cast(Number, folded.value)
            return (folded.present, best.term), best.scale
        case _:
            raise EncodingFault("a fold that templates have no results of")


def _standing(folded: Symbolic, targets: tuple[Term, ...], scale: int) -> Symbolic:
    """What stands for a fold in the formula, of its kind."""
    match folded:
        case Number():
            return Number(targets[0], scale)
        case Optional():
            found, best = targets
            return Optional(found, lambda: Number(best, scale))
        case _:
            return targets[0]
