"""Templates, ready to be bound: what stretches of a long list come to, and all of them together.

Z3 says what each stretch comes to, in a model of its own, so that nothing that one element leaves
open has the value of the element before. What is not known of a stretch is left open of the whole,
unless the others settle it (the tables of `_both` and `_either`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, cast

from ..types import Value
from ..world import UNKNOWN
from .binding import Binding, Bound
from .failures import EncodingLimit
from .flow import Flow
from .library import held
from .prepared import LARGE, Formula
from .sites import Site
from .symbolic import terms_of
from .templates import Template
from .terms import Term, postorder

#: Terms that one decision may evaluate for the elements of long lists, each as often as it is
#: evaluated: half a second or so.
FOLD_LIMIT: Final = 1_000_000

#: A fact or view that is looked up, in such terms.
SITE_COST: Final = 50

_add: Final = held["add_const_interp"]

#: True, false, or not known.
Truth = bool | None
#: What a stretch comes to, and whether a wrong type is met in it.
Come = tuple[tuple[Truth | Fraction, ...], Truth]


class Stretched(Binding):
    """A stretch of a long list, bound to a model of its own; the world is another's."""

    __slots__ = ("_viewed",)

    def __init__(self, folding: Folding, around: Bound) -> None:
        super().__init__(folding, around.world, around._is_open)
        self.lacking, self.long = around.lacking, around.long
        self.world_codes, self.world_texts = around.world_codes, around.world_texts
        self._viewed = around.viewed
        self._grown = bool(folding.handles.searches)

    def look_up(self, site: Site, keys: tuple[Value, ...]) -> Value:
        """The value of a site; a view of the same texts is made once for all elements."""
        if site.kind != "builtin" or not all(key.__class__ is str for key in keys):
            return super().look_up(site, keys)
        found = self._viewed.get((site.name, keys), UNKNOWN)
        if found is UNKNOWN:
            found = self._viewed[site.name, keys] = super().look_up(site, keys)
        return found

    def inherit(self, values: list[tuple[int, int]], known: Mapping[int, Value]) -> None:
        """Take values of the world around, by their declarations, and what is known of them."""
        for declaration, value in values:
            _add(self._ref, self._model, declaration, value)
        self.known_values.update(known)


class Folding(Formula):
    """A template, ready to be bound."""

    def __init__(self, template: Template, around: Formula) -> None:
        sites = template.sites
        super().__init__(template.soil, sites, around.context, around.numerals, around.codes)
        self.after = template.after
        self._template = template
        keys = (term for site in sites for key in site.keys for term in terms_of(key))
        below = postorder((*template.results, template.wrong, *keys))
        self._cost = len(below) + SITE_COST * len(sites)
        self.release = len(below) > LARGE
        #: The variables that are the same for all elements, and where they are bound.
        self._inherited = [
            (cast(int, term.payload), self.handles.declaration(term))
            for term in below
            if term.op == "var" and term.payload not in self.declarations
        ]
        self._said, self._sayings = self._saying()

    def _saying(self) -> tuple[int, dict[int, Come]]:
        """One handle for a truth and whether a wrong type is met; what it may evaluate to."""
        template = self._template
        if template.op not in ("any", "all"):
            return 0, {}
        t, (held_here,), wrong = template.soil.terms, template.results, template.wrong
        flow = Flow(t, (held_here, wrong))
        said = flow.branch(held_here, t.integer(1), t.integer(0))
        (handle,) = self.handles.of((flow.branch(wrong, t.integer(2), said),))
        false, true = self.handles.of((t.integer(0), t.integer(1)))
        return handle, {false: ((False,), False), true: ((True,), False)}

    def bind(self, bound: Bound) -> None:
        """Bind the template's targets, if the elements of its list are known."""
        template = self._template
        value = bound.long.get(template.source)
        if value is None:
            return
        elements = sorted(value.items()) if isinstance(value, dict) else cast(tuple[Any], value)
        width = template.stretch.width
        bound.spent += self._cost * -(-len(elements) // width)
        if bound.spent > FOLD_LIMIT:
            raise EncodingLimit("the elements of a list take too long to decide on")
        come = self._each_comes_to(bound, elements, width)
        values, wrong = _together(template.op, come)
        for target, result in zip(template.targets, values, strict=True):
            if result is not None:
                bound.put(target, result.numerator if target.codec == "int" else result)
        if template.wrong_target is not None and wrong is not None:
            bound.put(template.wrong_target, wrong)

    def _each_comes_to(self, bound: Bound, elements: Sequence[Any], width: int) -> list[Come]:
        inherited = [
            (declaration, value)
            for _, declaration in self._inherited
            if (value := bound.bound_to(declaration))
        ]
        known = {
            index: bound.known_values[index]
            for index, _ in self._inherited
            if index in bound.known_values
        }
        come: list[Come] = []
        for start in range(0, len(elements), width):
            with Stretched(self, bound) as stretched:
                stretched.inherit(inherited, known)
                self._template.stretch.bind(elements[start : start + width], stretched)
                stretched.bind_sites(self.sites)
                come.append(self._come_to(stretched))
        return come

    def _come_to(self, stretched: Stretched) -> Come:
        """What Z3 says of a stretch."""
        template = self._template
        if self._said:
            said = self._sayings.get(stretched.evaluate(self._said))
            if said is not None:
                return said
        wrong = stretched.truth(template.wrong)
        return tuple(_read(stretched, result) for result in template.results), wrong


def _read(stretched: Stretched, result: Term) -> Truth | Fraction:
    return stretched.truth(result) if result.sort == "Bool" else stretched.number(result)


def _together(op: str, come: list[Come]) -> Come:
    """What a list comes to, of what its stretches do."""
    wrong: Truth = False
    if op in ("any", "all"):
        goes_on: Truth = True
        for (value,), met in come:
            wrong = _either(wrong, _both(goes_on, met))
            goes_on = _both(
                goes_on, _not(cast(Truth, value)) if op == "any" else cast(Truth, value)
            )
        return (_not(goes_on) if op == "any" else goes_on,), wrong
    for _, met in come:
        wrong = _either(wrong, met)
    if op == "nothing":
        return (), wrong
    if op == "sum":
        total = Fraction(0)
        for (value,), _ in come:
            if value is None:
                return (None,), wrong
            total += value
        return (total,), wrong
    return _best(op, [cast(tuple[Truth, Fraction | None], values) for values, _ in come]), wrong


def _best(op: str, each: list[tuple[Truth, Fraction | None]]) -> tuple[Truth | Fraction, ...]:
    found: Truth = False
    for there, _ in each:
        found = _either(found, there)
    best = [value for there, value in each if there is not False]
    if not best or None in best or any(there is None for there, _ in each):
        return found, None
    return found, (min if op == "min" else max)(cast(list[Fraction], best))


def _not(a: Truth) -> Truth:
    return None if a is None else not a


def _both(a: Truth, b: Truth) -> Truth:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def _either(a: Truth, b: Truth) -> Truth:
    return _not(_both(_not(a), _not(b)))
