"""What is made of lists, maps, records and tables, and folded over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from licet.policy_lang import Span

from ..types import BOOL, INT, OptionalType, RecordType, Type, Value
from .reading import Var

if TYPE_CHECKING:
    from . import Expr


@dataclass(frozen=True, slots=True)
class MakeList:
    """`[a, b]`."""

    items: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class MakeRecord:
    """A record value; every field of the type, in its order."""

    fields: tuple[tuple[str, Expr], ...]
    type: RecordType


@dataclass(frozen=True, slots=True)
class ListConcat:
    operands: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Length:
    """Of text (code points), a list or a map."""

    operand: Expr
    type: Type = INT


@dataclass(frozen=True, slots=True)
class Contains:
    """`item in collection`: an element of a list, or a key of a map."""

    item: Expr
    collection: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Subset:
    """Every element of the one list is in the other."""

    left: Expr
    right: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Lookup:
    """`map[key]`: absent if there is no such key. Lists are not indexed."""

    map: Expr
    key: Expr
    type: OptionalType


@dataclass(frozen=True, slots=True)
class End:
    """`first(xs)`, `last(xs)`: absent for the empty list."""

    op: Literal["first", "last"]
    list: Expr
    type: OptionalType


@dataclass(frozen=True, slots=True)
class Flatten:
    """`flatten(xss)`: the elements of the lists in a list, in order."""

    list: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Distinct:
    """The list with later repetitions left out; the order of first occurrence stays."""

    list: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Adjacent:
    """Pairs of neighbours: a list of records `{ first, second }`, one shorter than the list."""

    list: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Entries:
    """A map as a list of records `{ key, value }` in the order of keys by code point."""

    map: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Quantifier:
    """`all(var in list: body)` / `any(…)`; true / false for the empty list.

    `id` is unique in the rule; a message's holes name the variables of quantifiers, which then
    stand for the first element that decided (made `any` true, made `all` false).
    """

    op: Literal["all", "any"]
    var: Var
    list: Expr
    body: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Count:
    """The number of elements for which `body` holds."""

    var: Var
    list: Expr
    body: Expr
    type: Type = INT


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of a number (or Duration) per element; 0 for the empty list."""

    var: Var
    list: Expr
    body: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Extremum:
    """The least or greatest `body` over a list; absent for the empty list."""

    op: Literal["min", "max"]
    var: Var
    list: Expr
    body: Expr
    type: OptionalType


@dataclass(frozen=True, slots=True)
class ListComp:
    """`[element for var in list if condition]`."""

    var: Var
    list: Expr
    condition: Expr | None
    element: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class TableRead:
    """A total table: `rows` maps every combination of keys to a value; the first row that fits.

    A row's keys are constants, or None for "every value". Rows are complete over the keys' types
    (checked), so that one always fits.
    """

    name: str
    keys: tuple[Expr, ...]
    rows: tuple[tuple[tuple[Value | None, ...], Value], ...]
    type: Type
    places: tuple[Span, ...] = field(default=(), compare=False, repr=False)  # of the rows
