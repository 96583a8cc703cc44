"""How what two policies remember of earlier calls hangs together.

Two sums that differ in their window alone are of the same history: what happened within the last
half hour happened within the last hour too. Where this is said, a longer window is seen for what
it is; where it is not, the two are free of each other, which proves less and never more.
"""

from __future__ import annotations

from dataclasses import replace

from licet.compiler import ir
from licet.compiler.history import Index, Window
from licet.compiler.program import Program
from licet.compiler.types import BOOL

#: The calendar's periods, each with those that contain it.
_WITHIN = {
    "day": frozenset(("week", "month", "year")),
    "week": frozenset[str](),
    "month": frozenset(("year",)),
    "year": frozenset[str](),
}


def at_most(a: Index, b: Index, *, same_zone: bool) -> bool:
    """Whether all calls that `a` looks at are looked at by `b` too, and in the same way."""
    if not inside(a.window, b.window, same_zone) or a.operation in ("min", "max"):
        return False
    if a.operation == "sum" and a.reference is not None:
        return False  # terms of a fold may be negative; those of a limit never are
    return _bare(a) == _bare(b)


def given_back(program: Program, index: Index) -> frozenset[str]:
    """The tools of which a call that failed no longer counts for a limit."""
    if index.call is not None:
        return frozenset()
    return frozenset(tool for tool in index.tools if program.catalog.qualified[tool].atomic)


def violated(a: ir.Fact, b: ir.Fact, operation: str) -> ir.Expr:
    """That two look-ups at the same keys contradict each other, where `at_most` holds."""
    match operation:
        case "any":
            return ir.And((a, ir.Not(b)), BOOL)
        case "all":
            return ir.And((b, ir.Not(a)), BOOL)
        case _:
            return ir.Less(b, a, True)


def inside(a: Window, b: Window, same_zone: bool) -> bool:
    """Whether whatever happened within `a` happened within `b` too, at every instant."""
    if a == b:
        return a.calendar is None or same_zone
    if b == Window():
        return True
    if a.microseconds is not None and b.microseconds is not None:
        return a.microseconds <= b.microseconds
    if a.calendar is not None and b.calendar is not None:
        return same_zone and b.calendar in _WITHIN[a.calendar]
    return False


def _bare(index: Index) -> str:
    """What an index adds up, apart from how long it remembers and what it is called."""
    signature = replace(index.signature, name="")
    return repr(replace(index, name="", digest="", window=Window(), signature=signature))
