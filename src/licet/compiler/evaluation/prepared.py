"""Expressions that are evaluated again and again: most name a place in the world, which is found
without going through the expression each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .. import ir
from ..clock import Clock
from ..types import OptionalType, Value
from ..world import World
from .expressions import WHOLE, evaluate

#: `evaluate` of one expression, in a world and with bindings.
Read = Callable[[World, Mapping[int, Value]], Value]


def prepared(expr: ir.Expr, clock: Clock) -> Read:
    """What answers as `evaluate` does, and raises what it raises."""

    def read(world: World, bound: Mapping[int, Value]) -> Value:
        return evaluate(expr, world, clock, bound)

    match expr:
        case ir.Const(value):
            return lambda _world, _bound: value
        case ir.GetField(ir.Root(root), name):

            def look(world: World, bound: Mapping[int, Value]) -> Value:
                record = getattr(world, root)
                found = record.get(name) if record.__class__ is dict else None
                return found if found.__class__ in WHOLE else read(world, bound)

            return look
        case _:
            return read


class Binder:
    """Lets, prepared."""

    __slots__ = ("_lets",)

    def __init__(self, lets: Sequence[ir.Let], clock: Clock) -> None:
        self._lets = tuple(
            (let.var.slot, prepared(let.value, clock), isinstance(let.value.type, OptionalType))
            for let in lets
        )

    def bind(self, world: World, bound: dict[int, Value]) -> bool:
        """Bind the variables; False where what one stands for is absent."""
        for slot, read, may_be_absent in self._lets:
            value = read(world, bound)
            if value is None and may_be_absent:
                return False
            bound[slot] = value
        return True
