"""A world: everything that a decision may read, as run-time values (see `types`).

A *complete* world has no UNKNOWN anywhere that is read. `UNKNOWN` may stand wherever a value of
principal, context, session, a fact or a part of one may stand; never in args. A fact key that is
not in `facts` is unknown too; `None` says that it is known not to exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .types import Value


class Unknown:
    """The type of `UNKNOWN`, of which there is one."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value has no truth")


UNKNOWN: Final = Unknown()


def holds_unknown(value: Value) -> bool:
    """Whether a value, or a part of it, is unknown."""
    waiting: list[Any] = [(value,)]
    while waiting:
        whole = waiting.pop()
        for item in whole.values() if whole.__class__ is dict else whole:
            kind = item.__class__
            if kind is dict or kind is tuple:
                waiting.append(item)
            elif item is UNKNOWN:
                return True
    return False


Facts = Mapping[str, Mapping[tuple[Value, ...], Value]]


@dataclass(slots=True)
class World:
    """`args`, `principal`, `context`, `session`: records as dicts; `now`: microseconds, UTC.

    `facts[name][keys]` is a fact's value. `tool` is the qualified name. `params` gives values to
    params that the policy leaves unset (proofs alone); `approver` is who answers an escalation,
    `result` what the tool answered.
    """

    tool: str
    args: dict[str, Value]
    principal: dict[str, Value] = field(default_factory=dict)
    context: dict[str, Value] = field(default_factory=dict)
    session: dict[str, Value] = field(default_factory=dict)
    now: int | Unknown = UNKNOWN
    facts: Facts = field(default_factory=dict)
    params: dict[str, Value] = field(default_factory=dict)
    approver: dict[str, Value] | Unknown = UNKNOWN
    result: Value = UNKNOWN


#: One step of a path into a world: a root or field name, a list position, a map key, or, right
#: after a fact's name, its keys as a tuple: ("reservation", ("R1",), "flights", 0, "number").
#: A param's path is ("params", name).
Path = tuple[object, ...]
