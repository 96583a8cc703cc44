"""What a policy remembers of earlier calls: the indices that its folds and limits read.

A fold over `calls(…)` and the total of a limit are values that a rule looks up, like a fact, by
keys: what a fold reads of the call at hand (`ir.Fact`, named after the index). An `Index` says how
each earlier call adds to that value, so that a store can keep it up to date and answer without
going through the calls; `reference` says the same as it was written, over all of them.

An index is known by its `digest`: of what it adds up, never of what it is called. Two policies
that add up the same share what the store keeps, and a renamed limit finds all that was spent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from . import ir
from .types import RecordType, Type

Operation = Literal["any", "all", "count", "sum", "min", "max"]

#: Whose calls an index reads: of this session, of all that have the same key, of the tenant.
Reach = Literal["session", "key", "tenant"]


@dataclass(frozen=True, slots=True)
class Window:
    """The last `microseconds`, or the calendar period that `now` is in; both None: all calls."""

    microseconds: int | None = None
    calendar: Literal["day", "week", "month", "year"] | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """What of an earlier call must equal the fold's key expression `wanted`.

    `own` reads the earlier call. If `many`, it is a list, and one element has to be equal.
    """

    own: ir.Expr
    wanted: ir.Expr
    many: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """How a call of one tool adds to an index. Expressions are evaluated in the world of that
    call; in those of a fold, the variable `Index.call` stands for its record.

    - It counts where all `lets` are there and `condition` holds.
    - `per` is its key, if the index has one.
    - `value` is what it adds or compares (None: it is one more). `settled`, which reads the
      result, takes its place once the call has ended well.
    """

    lets: tuple[ir.Let, ...]
    condition: ir.Expr
    per: ir.Expr | None
    value: ir.Expr | None
    settled: ir.Expr | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """One value that rules read of earlier calls, for every vector of keys.

    The keys of `signature` are `per`, if `reach` is "key", then one for each of `keys`: variables
    that stand, in `joins`, `gate` and `scan`, for what the fold reads of the call at hand.

    `gate` must hold for any call to count. Where joins do not say all, `kept` are the values of an
    earlier call that are still needed, and `scan` is the fold over the records of them (the
    variable `source`), which goes through the calls that the joins leave.

    `reference` is the fold as it was written, over the records of all calls within reach and
    window (again `source`); None for a limit, which is the sum of its plans' values.
    """

    name: str
    digest: str
    operation: Operation
    tools: tuple[str, ...]
    reach: Reach
    window: Window
    signature: ir.FactSignature
    plans: Mapping[str, Plan]
    call: ir.Var | None = None
    keys: tuple[ir.Var, ...] = ()
    joins: tuple[Join, ...] = ()
    gate: ir.Expr | None = None
    kept: tuple[ir.Expr, ...] = ()
    scan: ir.Expr | None = None
    source: ir.Var | None = None
    reference: ir.Expr | None = None
    #: The type of `calls(…)`'s elements; None for a limit.
    record: RecordType | None = field(default=None, repr=False)
    rolling: bool = field(init=False, repr=False, compare=False)
    #: Whether a store has to answer for some of its calls, not for all.
    is_tree: bool = field(init=False, repr=False, compare=False)
    #: What the names of its pots begin with.
    pots: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rolling = self.window.microseconds is not None
        object.__setattr__(self, "rolling", rolling)
        object.__setattr__(self, "is_tree", rolling or self.operation in ("min", "max"))
        object.__setattr__(self, "pots", self.digest[:16])

    @property
    def type(self) -> Type:
        return self.signature.result


def digest_of(*parts: object) -> str:
    """A short digest of what an index means; parts are IR with numbered variables, and plain
    values."""
    text = "licet index 1" + "".join(f"|{len(r)}:{r}" for r in map(repr, parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
