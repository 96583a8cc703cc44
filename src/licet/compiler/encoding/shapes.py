"""How long the lists of a world are, by abstract path, in buckets.

A formula is made for a vector of capacities and kept, so that calls of like shape share it.
Lists whose length is only known while binding (in the results of builtins, in readings of
documents, under facts that are not supplied) are found out there, through `ReshapeError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ..lowering import AbstractPath
from ..types import Value
from ..world import UNKNOWN, World
from .soil import Aspect, Capacity

_BUCKETS: Final = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768)

#: Always unknown.
OPEN: Final = Capacity(None)


def bucket(length: int) -> int:
    """The capacity for a length: little more than it, from a small set."""
    for size in _BUCKETS:
        if length <= size:
            return size
    return -(-length // 1024) * 1024


def capacity(path: AbstractPath, world: World) -> Capacity:
    """The capacity for the lists or maps at an abstract path of a world."""
    found = _Found()
    head = path[0]
    if head == "fact":
        entries: Mapping[tuple[Value, ...], Value] | None = world.facts.get(str(path[1]))
        if not entries:
            return OPEN
        for value in entries.values():
            found.walk(value, path[2:])
    elif head in ("args", "principal", "context", "session", "params"):
        found.walk(getattr(world, str(head)), path[1:])
    elif head is Aspect.free:
        return OPEN
    if found.longest is None:
        return OPEN if found.unknown else Capacity(0)
    return Capacity(bucket(found.longest), found.unknown)


def may_be_open(path: AbstractPath, found: Capacity) -> bool:
    """Whether some list at an abstract path may be unknown, as far as a world alone tells."""
    known = found.elements is not None and not found.unknown
    in_document = any(not isinstance(step, str) for step in path)
    return not known or in_document or path[0] == "fact"


class _Found:
    """The longest list met, and whether an unknown one was."""

    def __init__(self) -> None:
        self.longest: int | None = None
        self.unknown = False

    def walk(self, value: Value, path: AbstractPath) -> None:
        for i, step in enumerate(path):
            if value is None:
                return
            if value is UNKNOWN:
                self.unknown = True
                return
            if step == "*":
                inner: Iterable[Value] = value.values() if isinstance(value, dict) else value  # type: ignore[assignment]
                for item in inner:
                    self.walk(item, path[i + 1 :])
                return
            if not isinstance(step, str):
                return  # into a document: found out while binding
            if not isinstance(value, dict):
                return
            value = value.get(step, UNKNOWN)
        if value is UNKNOWN:
            self.unknown = True
        elif isinstance(value, tuple | dict):
            self.longest = max(self.longest or 0, len(value))


def grown(before: Capacity, length: int) -> Capacity:
    """The capacity after a list of `length` was met (-1: an unknown one)."""
    if length < 0:
        return Capacity(before.elements, True) if before.elements is not None else before
    return Capacity(
        max(bucket(length), before.elements or 0),
        before.unknown or before.elements is None,
    )
