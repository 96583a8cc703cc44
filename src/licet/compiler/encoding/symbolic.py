"""Symbolic values: trees with SMT terms at their leaves, mirroring the run-time values of `types`.

| type | symbolic value |
|---|---|
| Bool | `Term` of sort Bool |
| Int, Decimal, Enum, Date, Time, Duration | `Number` |
| String | `Text` |
| Record | `Record`, whose fields are made when they are read |
| T? | `Optional`; its inner value means something only where it is present |
| List | `Sequence`: guarded elements in order |
| Map | `Entries`: guarded (key, value) pairs |
| Json | `Document` |

Terms below a false guard may mention constants that no world binds; everything here keeps them
behind their guards, so that they vanish when a formula is evaluated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from ..types import Type
from .failures import EncodingFault
from .terms import Term

if TYPE_CHECKING:
    from .soil import Capacity, Soil

#: Denominators beyond this leave the scaled integers for the rationals.
MAX_SCALE = 10**18


@dataclass(frozen=True, slots=True)
class Number:
    """`term / scale`: an Int term over a positive scale, or (scale 0) a Real term as it is."""

    term: Term
    scale: int = 1


class Text:
    """A text in the theories it can be said in: a code of the interned texts, a sequence, or both.

    Literals, and choices between them, can be said in both; a leaf in the one that
    `lowering` chose for it.
    """

    __slots__ = ("_code", "_seq", "literal")

    def __init__(
        self,
        code: Callable[[], Term] | None,
        seq: Callable[[], Term] | None,
        literal: str | None = None,
    ) -> None:
        self._code = code
        self._seq = seq
        self.literal = literal

    @property
    def has_code(self) -> bool:
        return self._code is not None

    @property
    def has_seq(self) -> bool:
        return self._seq is not None

    def code(self) -> Term:
        """The text as an interned code (sort Int)."""
        if self._code is None:
            raise EncodingFault("a text is used as a code and was not interned")
        return self._code()

    def seq(self) -> Term:
        """The text as a sequence (sort String)."""
        if self._seq is None:
            raise EncodingFault("an interned text is used as a sequence")
        return self._seq()


class Record:
    """A record whose fields are made by functions when they are first read."""

    __slots__ = ("_fields", "_makers")

    def __init__(self, makers: dict[str, Callable[[], Symbolic]]) -> None:
        self._makers = makers
        self._fields: dict[str, Symbolic] = {}

    def field(self, name: str) -> Symbolic:
        if name not in self._fields:
            self._fields[name] = self._makers[name]()
        return self._fields[name]

    def names(self) -> tuple[str, ...]:
        return tuple(self._makers)


class Optional:
    """A value that is there where `present` holds."""

    __slots__ = ("_make", "_value", "present")

    def __init__(self, present: Term, make: Callable[[], Symbolic] | None) -> None:
        self.present = present
        self._make = make
        self._value: Symbolic | None = None

    @property
    def empty(self) -> bool:
        """Whether there is no inner value at all: the literal absence."""
        return self._make is None

    @property
    def value(self) -> Symbolic:
        if self._value is None:
            if self._make is None:
                raise EncodingFault("the value of something absent was asked for")
            self._value = self._make()
        return self._value


@dataclass(frozen=True)
class Sequence:
    """A list: the elements whose guards hold, in order.

    Where `unknown` holds, neither length nor elements are known, and whoever folds the list must
    put a free value in place of the result. `dense`: the guards hold for a prefix of the
    positions. `size` is a length that stands even where the rest is unknown (a leaf, mostly).
    `parts`: the same elements for who folds them, if some are of a long list.
    """

    make: Callable[[], list[tuple[Term, Symbolic]]]
    unknown: Term
    dense: bool = False
    size: Term | None = None
    parts: tuple[Part, ...] | None = None

    @cached_property
    def items(self) -> list[tuple[Term, Symbolic]]:
        return self.make()


@dataclass(frozen=True)
class Entries:
    """A map: guarded keys and values, in the order of keys; `unknown`, `size` and `parts` as of
    lists, the parts of pairs."""

    make: Callable[[], list[tuple[Term, Symbolic, Symbolic]]]
    unknown: Term
    size: Term | None = None
    parts: tuple[Part, ...] | None = None

    @cached_property
    def items(self) -> list[tuple[Term, Symbolic, Symbolic]]:
        return self.make()

    def pairs(self) -> Sequence:
        """The entries as a list of records of `key` and `value`."""
        return Sequence(
            lambda: [(g, pair("key", k, "value", v)) for g, k, v in self.items],
            self.unknown,
            False,
            self.size,
            self.parts,
        )


def pair(first: str, a: Symbolic, second: str, b: Symbolic) -> Record:
    """A record of two fields."""
    return Record({first: lambda: a, second: lambda: b})


class Source(Protocol):
    """The place of a long list or map."""

    capacity: Capacity

    @property
    def size(self) -> Term: ...

    @property
    def whole(self) -> Sequence:
        """All its elements, unrolled; of a map its entries."""
        ...

    def stretch(self, soil: Soil, width: int) -> Stretch:
        """Places for a few of its elements."""
        ...


class Stretch(Protocol):
    """Places for a few elements of a long list, one after the other."""

    sequence: Sequence


@dataclass(frozen=True, slots=True)
class Fixed:
    """Elements of a list where `guard` holds, unrolled."""

    guard: Term
    elements: Sequence


@dataclass(frozen=True, slots=True)
class Long:
    """Elements of a list where `guard` holds: those of a long list, a few at a time as `view`
    makes them of the source's; None: as they are."""

    guard: Term
    source: Source
    view: Callable[[Sequence], Sequence] | None = None

    def seen(self, stretch: Sequence) -> Sequence:
        """A few of the elements, of a few of the source's."""
        return stretch if self.view is None else self.view(stretch)

    def then(self, view: Callable[[Sequence], Sequence]) -> Long:
        """The same elements with a view of what is seen of them."""
        return replace(self, view=lambda stretch: view(self.seen(stretch)))


Part = Fixed | Long


class Document(ABC):
    """A Json value. `absent`: null or missing. `other`: neither that nor an object."""

    __slots__ = ()

    @abstractmethod
    def absent(self) -> Term: ...

    @abstractmethod
    def other(self) -> Term: ...

    @abstractmethod
    def step(self, name: str) -> Document: ...

    @abstractmethod
    def content(self) -> Text:
        """The whole document as an interned text, equal for equal documents."""

    @abstractmethod
    def convert(self, target: Type) -> tuple[Term, Symbolic]:
        """(the value is not of the target type, the value as target); only where not absent."""


Symbolic = Term | Number | Text | Record | Optional | Sequence | Entries | Document


def terms_of(value: Symbolic) -> Iterator[Term]:
    """The terms that a site's key is made of. Raises EncodingFault for what is no key."""
    match value:
        case Term():
            yield value
        case Number():
            yield value.term
        case Text():
            if value.literal is None:
                yield value.code() if value.has_code else value.seq()
        case Optional():
            yield value.present
            if not value.empty:
                yield from terms_of(value.value)
        case Sequence():
            yield value.unknown
            for guard, item in value.items:
                yield guard
                yield from terms_of(item)
        case Record():
            for name in value.names():
                yield from terms_of(value.field(name))
        case _:
            raise EncodingFault("a key that is a map or a document")
