"""The places of documents, whose shape is known only by what is read of them."""

from __future__ import annotations

from collections.abc import Callable

from ..types import JsonType, ListType, MapType, Type, Value
from ..world import UNKNOWN
from .documents import read_as
from .soil import Aspect, Binder, Place, Soil, Spot, Variable
from .symbolic import Document, Symbolic, Text
from .terms import Term

#: What a Json value is, for stepping into it.
ABSENT, OBJECT, OTHER = 0, 1, 2


class JsonPlace(Document):
    """A document: its kind, the steps taken into it, and the readings of it as a type; and, where
    it is compared or given to a function, its whole content."""

    __slots__ = ("_content", "_grow", "_kinds", "_soil", "kind", "readings", "spot", "steps")

    def __init__(self, soil: Soil, spot: Spot, grow: Callable[[Soil, Spot], Place]) -> None:
        self._soil, self.spot, self._grow = soil, spot, grow
        self.kind: Variable | None = None
        self._kinds: dict[int, Term] = {}
        self._content: tuple[Variable, Text] | None = None
        self.steps: dict[str, JsonPlace] = {}
        self.readings: dict[Type, tuple[Variable, Place]] = {}

    def value(self) -> Document:
        return self

    def _is(self, kind: int) -> Term:
        if self.kind is None:
            path = (*self.spot.path, Aspect.kind)
            self.kind = self._soil.variable("Int", "int", None, path, self.spot.owner)
        term = self._kinds.get(kind)
        if term is None:
            terms = self._soil.terms
            term = self._kinds[kind] = terms.eq(self.kind.term, terms.integer(kind))
        return term

    def absent(self) -> Term:
        return self._is(ABSENT)

    def other(self) -> Term:
        return self._is(OTHER)

    def step(self, name: str) -> JsonPlace:
        self.absent()
        if name not in self.steps:
            spot = self.spot.below(self.spot.type, name, ("step", name))
            self.steps[name] = JsonPlace(self._soil, spot, self._grow)
        return self.steps[name]

    @property
    def whole(self) -> Variable | None:
        """The variable of the content, if something reads it."""
        return None if self._content is None else self._content[0]

    def content(self) -> Text:
        self.absent()
        if self._content is None:
            path = (*self.spot.path, Aspect.content)
            leaf = self._soil.variable("Int", "document", None, path, self.spot.owner)
            self._content = (leaf, Text(lambda: leaf.term, None))
        return self._content[1]

    def convert(self, target: Type) -> tuple[Term, Symbolic]:
        self.absent()
        if target not in self.readings:
            spot = self.spot
            path = (*spot.path, Aspect.wrong)
            wrong = self._soil.variable("Bool", "bool", None, path, spot.owner)
            inner = Spot(target, spot.path, (*spot.abstract, ("as", target)), spot.owner)
            self.readings[target] = (wrong, self._grow(self._soil, inner))
        wrong, place = self.readings[target]
        return wrong.term, place.value()

    def bind(self, value: Value, binder: Binder) -> None:
        if value is UNKNOWN:
            binder.open_document()
            for step in self.steps.values():
                step.bind(UNKNOWN, binder)
            for _, place in self.readings.values():
                place.bind(UNKNOWN, binder)
            return
        kind = ABSENT if value is None else OBJECT if isinstance(value, dict) else OTHER
        if self.kind is not None:
            binder.put(self.kind, kind)
        if isinstance(value, dict):
            for name, step in self.steps.items():
                step.bind(value.get(name), binder)
        if self._content is not None and not binder.is_open(value):
            binder.put(self._content[0], value)
        if value is None:
            return
        is_open = binder.minds_open and binder.is_open(value)
        if is_open:
            binder.open_document()
        for target, (wrong, place) in self.readings.items():
            if is_open or (not _is_shallow(target) and binder.is_open(value)):
                place.bind(UNKNOWN, binder)
                continue
            fits, read = read_as(value, target)
            binder.put(wrong, not fits)
            if fits:
                place.bind(read, binder)


def _is_shallow(target: Type) -> bool:
    """Whether a reading is of the document's own parts, whatever theirs are."""
    match target:
        case ListType(element):
            return isinstance(element, JsonType) and not target.unique
        case MapType():
            return isinstance(target.value, JsonType)
        case _:
            return False
