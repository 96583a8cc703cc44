"""What the questions about all worlds of one shape share: the rules, and what every world keeps to.

In: the rules of a tool and the capacity of each list. Out: an encoding, and its SMT-LIB text, to
which a question adds what is its world's own. The text depends on nothing that a call says, so
one that was printed here and parsed in a worker serves all calls of its shape.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Final

from ..lowering import AbstractPath, Theories
from ..world import World
from .codecs import Numerals
from .codes import Codes
from .constraints import Constraints, mirror
from .failures import EncodingLimit
from .library import Context
from .prepared import Prepared
from .rules import Surroundings, encode
from .shapes import capacity, may_be_open
from .sites import Site
from .smtlib import Printer, symbol
from .soil import Aspect, Capacity
from .terms import SECONDS, Term

#: Pairs of places that a question may say are equal.
PAIR_LIMIT: Final = 5_000
#: Stems that one encoder keeps, and the terms that all of them may have.
KEPT_STEMS: Final = 16
KEPT_TERMS: Final = 100_000
#: Terms that questions may add to a stem before a fresh one takes its place.
SPARE: Final = 2_000


class Stem:
    """One shape's encoding with its text. `close` gives its handles back."""

    def __init__(
        self,
        around: Surroundings,
        theories: Theories,
        context: Context,
        look: Callable[[AbstractPath], Capacity],
        *,
        bounded: bool,
    ) -> None:
        # Codes are the stem's own: nothing that a question names stays with the encoder.
        self.codes = Codes()
        self.roots = around.roots
        own = replace(around, code_of=self.codes.fixed)
        self.encoding = encode(
            own,
            theories.is_sequence,
            look,
            long_is_unknown=not bounded,
            most_pairs=PAIR_LIMIT,
        )
        #: Texts of the rules of which builtins are told, where worlds are to be made up.
        self.named = frozenset(self.codes.all()) if around.share_folds else frozenset()
        self.pairs = _pairs(self.encoding.sites)
        for a, b in self.pairs:
            mirror(a.place, b.place)
            mirror(b.place, a.place)
        history = (name for name, fact in around.facts.items() if fact.history)
        self.constraints = Constraints(self.encoding.soil, bounded, {Aspect.free, *history})
        asserted = self._asserted()
        self.printer, self.text = self._written(asserted)
        self.variables = len(self.encoding.soil.variables)
        self._terms = len(self.encoding.terms)
        self._texts = len(self.codes)
        self.prepared = Prepared(
            self.encoding, self.encoding.terms.true, context, Numerals(context), self.codes
        )

    def renew(self) -> None:
        """Forget the texts of the question before, and give the next one its time."""
        self.codes.forget(self._texts)
        self.encoding.terms.until = time.thread_time() + SECONDS
        self.prepared.numerals.trim()

    @property
    def worn(self) -> bool:
        """Whether questions have left so much behind that another should be made."""
        e = self.encoding
        return len(e.terms) > self._terms + SPARE or len(e.soil.variables) > self.variables

    def keys_equal(self, a: Site, b: Site) -> Term:
        """That two sites of one name have equal keys."""
        equal = self.encoding.soil.algebra.equal
        return self.encoding.terms.and_(equal(x, y) for x, y in zip(a.keys, b.keys, strict=True))

    def close(self) -> None:
        self.prepared.close()
        self.prepared.numerals.clear()

    def _asserted(self) -> tuple[Term, ...]:
        e, t, constraints = self.encoding, self.encoding.terms, self.constraints
        found: list[Term] = []
        for a, b in self.pairs:
            equal = self.keys_equal(a, b)
            found.extend(t.implies(equal, part) for part in constraints.same(a.place, b.place))
        for place in (*e.roots.values(), *e.params.values(), *(s.place for s in e.sites)):
            found.extend(constraints.types(place, t.true))
        for place in e.free_places:
            found.extend(constraints.types(place, t.true))
        found.extend(constraints.fitting(self.codes.all()))
        return tuple(dict.fromkeys(term for term in found if term is not t.true))

    def _written(self, asserted: tuple[Term, ...]) -> tuple[Printer, str]:
        e = self.encoding
        named: dict[str, Term] = {"allowed": e.allowed, "pending": e.pending}
        for i, rule in enumerate(e.rules):
            named[f"r{i}_applies"] = rule.applies
            named[f"r{i}_absent"] = rule.absent
            named[f"r{i}_wrong"] = rule.wrong
        printer = Printer((*asserted, *named.values()))
        # Constraints may have grown further leaves (the kinds of documents).
        lines = [f"(declare-const {symbol(v.index)} {v.sort})" for v in e.soil.variables]
        lines += printer.lines
        lines += [f"(assert {printer.text(term)})" for term in asserted]
        lines += [
            f"(define-fun {name} () Bool {printer.text(term)})" for name, term in named.items()
        ]
        return printer, "\n".join(lines) + "\n"


def _pairs(sites: tuple[Site, ...]) -> list[tuple[Site, Site]]:
    """Pairs of sites that have equal values if they have equal keys."""
    return [
        (a, b)
        for a, b in combinations(sites, 2)
        if (a.kind, a.name, a.place.spot.type) == (b.kind, b.name, b.place.spot.type)
    ]


class Stems:
    """The stems of one tool, by shape; those that were used longest ago make room."""

    def __init__(self, around: Surroundings, context: Context) -> None:
        self._around = around
        self._context = context
        self._kept: OrderedDict[tuple[object, ...], Stem] = OrderedDict()
        #: Shapes for which there is no stem, and why.
        self._too_large: dict[tuple[object, ...], str] = {}
        #: The abstract paths of all lists that the rules are known to read.
        self._lists: list[AbstractPath] = []

    def of(
        self,
        world: World,
        theories: Theories,
        bounded: int | None,
        grown: Mapping[AbstractPath, int],
    ) -> Stem:
        """The stem for a world; lists at least as long as `grown` says. Raises EncodingError."""

        def size(path: AbstractPath) -> int:
            found = capacity(path, world)
            elements = max(found.elements or 0, grown.get(path, 0))
            if bounded is not None and may_be_open(path, found):
                elements = max(elements, bounded)
            return elements

        sizes = {path: size(path) for path in self._lists}

        def look(path: AbstractPath) -> Capacity:
            if path[0] is Aspect.free:
                return Capacity(0)
            if path not in sizes:
                self._lists.append(path)
                sizes[path] = size(path)
            return Capacity(sizes[path])

        shape = (bounded is None, *sizes.values())
        stem = self._kept.get(shape)
        if stem is None or stem.worn:
            if shape in self._too_large:
                raise EncodingLimit(self._too_large[shape])
            try:
                stem = Stem(
                    self._around, theories, self._context, look, bounded=bounded is not None
                )
            except EncodingLimit as limit:
                # Found out once: the next question like this one need not cost as much.
                while len(self._too_large) >= KEPT_STEMS:
                    del self._too_large[next(iter(self._too_large))]
                self._too_large[bounded is None, *(sizes[path] for path in self._lists)] = str(
                    limit
                )
                raise
            self._keep((bounded is None, *(sizes[path] for path in self._lists)), stem)
        else:
            self._kept.move_to_end(shape)
        stem.renew()
        return stem

    def clear(self) -> None:
        """Give all handles back."""
        while self._kept:
            self._kept.popitem()[1].close()

    def _keep(self, shape: tuple[object, ...], stem: Stem) -> None:
        before = self._kept.pop(shape, None)
        if before is not None:
            before.close()
        self._kept[shape] = stem
        while len(self._kept) > 1 and (
            len(self._kept) > KEPT_STEMS
            or sum(len(kept.encoding.terms) for kept in self._kept.values()) > KEPT_TERMS
        ):
            self._kept.popitem(last=False)[1].close()
