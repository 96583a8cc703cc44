"""What places grow from and where they stand; and who takes the values of their leaves.

An *abstract path* names a place without positions and keys: ("args", "bags", "*", "weight").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Literal, Protocol

from ..lowering import AbstractPath
from ..types import Type, Value
from ..world import Path
from .algebra import Algebra
from .symbolic import Symbolic
from .terms import Sort, Term, Terms

Codec = Literal["bool", "int", "scaled", "real", "enum", "code", "seq", "document"]


class Aspect(Enum):
    """The last step of a leaf's path where the leaf is not the value itself."""

    present = "present"
    length = "length"
    unknown = "unknown"
    kind = "kind"
    wrong = "wrong"
    key = "key"
    free = "free"
    content = "content"
    fold = "fold"


#: A list of so many elements is never long.
FEW: Final = 4


@dataclass(slots=True, eq=False)
class Variable:
    """One solver constant. `scale` of a scaled decimal; `labels` of an enum.

    `owner` is the index of the site that it belongs to (None: a root, or a free value). `keep`: a
    site's key reads it.
    """

    index: int
    sort: Sort
    codec: Codec
    type: Type | None
    path: Path
    term: Term
    scale: int = 1
    labels: tuple[str, ...] = ()
    owner: int | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many elements a list or map is unrolled to; None: it is always unknown.

    `unknown`: some list of this abstract path may be unknown.
    """

    elements: int | None
    unknown: bool = False


class Binder(Protocol):
    """Takes the values of leaves.

    `minds_open`: a document with an unknown part is unknown as a whole to who reads it as a type,
    even where only its own parts are read. `overflow` is told of a list longer than its capacity
    (-1: of one that is unknown and not expected to be); `open_document` of an unknown document;
    `elements` of a long list or map that is read a few elements at a time.
    """

    @property
    def minds_open(self) -> bool: ...

    def put(self, variable: Variable, value: Value) -> None: ...

    def elements(self, place: Place, value: Value) -> None: ...

    def overflow(self, path: AbstractPath, length: int) -> None: ...

    def open_document(self) -> None: ...

    def is_open(self, document: Value) -> bool:
        """Whether a document has an unknown part."""
        ...


@dataclass(eq=False)
class Soil:
    """What places grow from: terms, the theory of texts, and how far lists unroll."""

    terms: Terms
    algebra: Algebra
    is_sequence: Callable[[AbstractPath], bool]
    capacity: Callable[[AbstractPath], Capacity]
    #: Lists beyond their capacity count as unknown (for questions, whose lengths may be free).
    long_is_unknown: bool = False
    #: The terms that a fold may take for all elements of a list: where it would take more, there is
    #: a template for it. None: there are no templates.
    spare: int | None = None
    #: Told of lists whose elements stand in the formula one by one.
    unrolled: Callable[[AbstractPath, Capacity], None] = lambda *_: None
    #: All variables of an encoding, and those that grew from here.
    variables: list[Variable] = field(default_factory=list)
    own: list[Variable] = field(default_factory=list)

    def within(self) -> Soil:
        """What a template's own places grow from. Lists in it are unrolled."""
        return replace(self, spare=None, own=[])

    def is_long(self, capacity: Capacity) -> bool:
        """Whether templates may be about lists of a capacity."""
        return self.spare is not None and (capacity.elements or 0) > min(FEW, self.spare)

    def variable(
        self,
        sort: Sort,
        codec: Codec,
        type: Type | None,
        path: Path,
        owner: int | None,
        scale: int = 1,
        labels: tuple[str, ...] = (),
    ) -> Variable:
        index = len(self.variables)
        made = Variable(
            index, sort, codec, type, path, self.terms.var(index, sort), scale, labels, owner
        )
        self.variables.append(made)
        self.own.append(made)
        return made


@dataclass(frozen=True, slots=True)
class Spot:
    """What every place has: its type, its path in a world, its abstract path, its site."""

    type: Type
    path: Path
    abstract: AbstractPath
    owner: int | None

    def below(self, type: Type, step: object, abstract: object) -> Spot:
        return Spot(type, (*self.path, step), (*self.abstract, abstract), self.owner)

    def inside(self, type: Type) -> Spot:
        """The same spot, read as another type."""
        return Spot(type, self.path, self.abstract, self.owner)


class Place(Protocol):
    """A grown part of a world."""

    spot: Spot

    def value(self) -> Symbolic:
        """The symbolic value; always the same object."""
        ...

    def bind(self, value: Value, binder: Binder) -> None:
        """Give the leaves below their values; `UNKNOWN` leaves them open."""
        ...
