"""What is read: constants and params, roots and facts, what may be absent, documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..types import BOOL, TIME, OptionalType, Type, Value

if TYPE_CHECKING:
    from . import Expr

RootName = Literal["args", "principal", "context", "session", "now", "tool", "approver", "result"]


@dataclass(frozen=True, slots=True)
class Const:
    """A value known when the policy was compiled (literals, params, consts)."""

    value: Value
    type: Type


@dataclass(frozen=True, slots=True)
class Param:
    """A param without a value yet: free in proofs; a guard refuses to load with one."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Root:
    """`args`, `principal`, `context`, `session` (records) or `now` (a Time)."""

    name: RootName
    type: Type


@dataclass(frozen=True, slots=True)
class Var:
    """A variable bound by `Let`, `WhenPresent` or a comprehension."""

    slot: int
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class GetField:
    """A field of a record. Its type is the field's (optional for an optional field)."""

    record: Expr
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Fact:
    """`reservation(key, …)`: equal keys have equal values; of optional type if declared `?`."""

    name: str
    keys: tuple[Expr, ...]
    type: Type


# --- optionals ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WhenPresent:
    """Absent if `optional` is; else `body` with `var` bound to the value. `type` is optional.

    `a.b.c` over an optional `a` is WhenPresent(a, v, v.b.c). An optional body does not nest.
    """

    optional: Expr
    var: Var
    body: Expr
    type: OptionalType


@dataclass(frozen=True, slots=True)
class Present:
    """`has optional`."""

    optional: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Unwrap:
    """The value of an optional that the flow of the rule has shown to be present.

    It is evaluated only where presence holds; asking it of an absent value is a bug of ours.
    """

    optional: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Coalesce:
    """`optional ?? default`. Where `default` is optional too, so is the result."""

    optional: Expr
    default: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Some:
    """A value where an optional is wanted."""

    value: Expr
    type: OptionalType


# --- Json --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JsonPath:
    """`a.b.c` into a document: absent if a step is missing or null (or its parent is).

    A step into something that is neither an object nor null is a *wrong type*: see JsonAs.
    The result is a `Json?`.
    """

    document: Expr  # of type Json or Json?
    steps: tuple[str, ...]
    type: OptionalType


@dataclass(frozen=True, slots=True)
class JsonAs:
    """A `Json?` read as `target`: absent stays absent; a value that is not of the target type
    refuses the whole call (kind `bad_argument`, naming the path). Type: target?"""

    document: Expr
    type: OptionalType


TIME_ROOT = Root("now", TIME)
