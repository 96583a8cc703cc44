"""Types as they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .node import Node

if TYPE_CHECKING:
    from .expressions import Expr


@dataclass(frozen=True, slots=True)
class Bounds(Node):
    """`in LOW .. HIGH` (both ends included), or one-sided `>= LOW`, `> LOW`, `<= HIGH`, `<
    HIGH`."""

    low: Expr | None
    high: Expr | None
    low_open: bool = False
    high_open: bool = False


@dataclass(frozen=True, slots=True)
class NamedType(Node):
    """A built-in type, enum or record by name, perhaps narrowed by bounds, step or pattern."""

    name: str
    bounds: Bounds | None = None
    step: Expr | None = None
    pattern: str | None = None  # between the slashes, with `\/` already turned into `/`


@dataclass(frozen=True, slots=True)
class FieldDecl(Node):
    """`name: TYPE` in a record, scope, fact signature or tool; quoted names are unquoted here."""

    name: str
    type: TypeExpr


@dataclass(frozen=True, slots=True)
class RecordType(Node):
    """`{ a: T, b: U? }` written in place."""

    fields: tuple[FieldDecl, ...]


@dataclass(frozen=True, slots=True)
class ListType(Node):
    """`List<T>`."""

    element: TypeExpr


@dataclass(frozen=True, slots=True)
class MapType(Node):
    """`Map<K, T>`."""

    key: TypeExpr
    value: TypeExpr


@dataclass(frozen=True, slots=True)
class OptionalType(Node):
    """`T?`."""

    inner: TypeExpr


type_nodes = (NamedType, RecordType, ListType, MapType, OptionalType)
TypeExpr = NamedType | RecordType | ListType | MapType | OptionalType
