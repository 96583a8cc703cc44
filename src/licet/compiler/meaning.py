"""An expression as text that is equal for equal meanings: variables by number, types left out.

What a type decides about a value (the order of labels, what a document is read as) is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from . import ir
from .digests import canonical
from .types import EnumType
from .walking import NODES


def meaning(expr: ir.Expr, slots: Mapping[int, int]) -> str:
    """The text. `slots` gives the free variables their numbers; others are numbered as met."""
    return _Writing(dict(slots)).text(expr)


class _Writing:
    def __init__(self, slots: dict[int, int]) -> None:
        self._slots = slots

    def text(self, expr: ir.Expr) -> str:
        match expr:
            case ir.Const(value):
                return f"={canonical(value)}"
            case ir.Var(slot):
                return f"${self._slots.setdefault(slot, len(self._slots))}"
            case ir.Less(left, _, _) if isinstance(left.type, EnumType):
                return self._node(expr, repr(left.type.labels))
            case ir.JsonAs(_, type):
                return self._node(expr, repr(type))
            case _:
                return self._node(expr, "")

    def _node(self, expr: ir.Expr, more: str) -> str:
        parts = [self._part(getattr(expr, f.name)) for f in fields(expr) if f.name != "type"]
        return f"({type(expr).__name__} {' '.join(parts)}{more})"

    def _part(self, value: object) -> str:
        if isinstance(value, NODES):
            return self.text(value)  # type: ignore[arg-type]
        if isinstance(value, tuple):
            return "[" + " ".join(map(self._part, value)) + "]"
        return repr(value)
