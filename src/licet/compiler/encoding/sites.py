"""Facts and builtins by *sites*: each distinct (name, key values) is one place of its own.

No uninterpreted function ever enters a formula. Two sites with equal keys have equal values
because binding gives both the same value, and because a question says so (congruence).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from ..lowering import AbstractPath
from ..types import BoolType, MapType, Type
from .failures import EncodingLimit
from .places import MapPlace, grow
from .soil import Place, Soil, Spot, Variable
from .symbolic import Number, Optional, Record, Sequence, Symbolic, Text, terms_of
from .terms import Term, postorder

Kind = Literal["fact", "builtin", "entry", "key"]


@dataclass(frozen=True, slots=True)
class OpenKeys:
    """Stands for a fact's keys in a path where they are not known; `site` tells which site."""

    site: int


@dataclass(eq=False, slots=True)
class Site:
    """One fact or builtin at one tuple of keys. Keys only mention earlier sites and roots.

    Also one entry of a long map (`source`), or whether it has a key.
    """

    index: int
    kind: Kind
    name: str
    keys: tuple[Symbolic, ...]
    key_types: tuple[Type, ...]
    place: Place
    #: Per key, the variable that holds it if it is a plain leaf.
    plain: tuple[Variable | None, ...]
    source: MapPlace | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing has to be worked out to know the keys."""
        return all(
            variable is not None or (isinstance(key, Text) and key.literal is not None)
            for key, variable in zip(self.keys, self.plain, strict=True)
        )


@dataclass(eq=False)
class Sites:
    """All sites of an encoding, in the order in which they were met.

    Those of a template are the ones that it has for each of its elements: with keys of its own.
    All others are the `outer` ones'.
    """

    soil: Soil
    outer: Sites | None = None
    #: Pairs of one name, which a question says to be equal where their keys are. None: no bound.
    most_pairs: int | None = None
    all: list[Site] = field(default_factory=list)
    _known: dict[tuple[object, ...], Site] = field(default_factory=dict)
    _alike: Counter[tuple[Kind, str, Type]] = field(default_factory=Counter)
    _pairs: int = 0

    def at(
        self,
        kind: Kind,
        name: str,
        keys: tuple[Symbolic, ...],
        key_types: tuple[Type, ...],
        result: Type,
        source: MapPlace | None = None,
    ) -> Site:
        """The site of a name and keys; made when first met."""
        if self.outer is not None and not self._has_own(keys):
            return self.outer.at(kind, name, keys, key_types, result, source)
        identity = (kind, name, result, source, *(self.identity(k) for k in keys))
        if identity not in self._known:
            self._count(kind, name, result)
            index = len(self.all)
            abstract: AbstractPath = (kind, name) if kind == "fact" else (kind, name, result)
            if source is not None:
                abstract = (*source.spot.abstract, "*")
            spot = Spot(result, (name, OpenKeys(index)), abstract, index)
            place = grow(self.soil, spot)
            plain = tuple(self._variable(k) for k in keys)
            site = Site(index, kind, name, keys, key_types, place, plain, source)
            for variable in plain:
                if variable is not None:
                    variable.keep = True
            self.all.append(site)
            self._known[identity] = site
        return self._known[identity]

    def entry(self, source: MapPlace, key: Symbolic, result: Type) -> Site:
        """The entry of a long map at a key: its value, or (`result` Bool) whether it is there."""
        assert isinstance(source.spot.type, MapType)
        source.stretched = True
        kind: Kind = "key" if isinstance(result, BoolType) else "entry"
        return self.at(kind, "", (key,), (source.spot.type.key,), result, source)

    def _count(self, kind: Kind, name: str, result: Type) -> None:
        if self.most_pairs is None:
            return
        alike = self._alike[kind, name, result]
        self._alike[kind, name, result] += 1
        self._pairs += alike
        if self._pairs > self.most_pairs:
            raise EncodingLimit("too many facts of one name for a question")

    def _has_own(self, keys: tuple[Symbolic, ...]) -> bool:
        terms = postorder(term for key in keys for term in terms_of(key))  # grows what it reads
        own = {variable.index for variable in self.soil.own}
        return any(term.op == "var" and term.payload in own for term in terms)

    def _variable(self, key: Symbolic) -> Variable | None:
        term = _term(key)
        if term is not None and term.op == "var":
            variable: Variable = self.soil.variables[term.payload]  # type: ignore[call-overload]
            # `x / 10` of a scaled number is the same term over another scale.
            if not isinstance(key, Number) or key.scale == variable.scale:
                return variable
        return None

    def identity(self, value: Symbolic) -> object:
        """A hashable that is equal only for values that are equal terms."""
        if isinstance(value, Text) and value.literal is not None:
            return ("text", value.literal)
        term = _term(value)
        if term is not None:
            return (term.id, value.scale if isinstance(value, Number) else None)
        if isinstance(value, Optional):
            inner = None if value.empty else self.identity(value.value)
            return ("optional", value.present.id, inner)
        if isinstance(value, Sequence):
            items = tuple((g.id, self.identity(x)) for g, x in value.items)
            return ("list", value.unknown.id, items)
        if isinstance(value, Record):
            return ("record", tuple((n, self.identity(value.field(n))) for n in value.names()))
        return ("object", id(value), value)


def _term(value: Symbolic) -> Term | None:
    if isinstance(value, Term):
        return value
    if isinstance(value, Number):
        return value.term
    if isinstance(value, Text):
        return value.code() if value.has_code else value.seq()
    return None
