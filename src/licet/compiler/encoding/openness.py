"""Which documents have a part that is not known."""

from __future__ import annotations

from typing import Any

from ..types import Value
from ..world import UNKNOWN


class Openness:
    """Which documents have an unknown part. What was walked is known, by identity, and not walked
    again: a document that is read at many places is walked once."""

    __slots__ = ("_closed", "_kept")

    def __init__(self) -> None:
        self._closed: set[int] = set()
        #: So that no other document is ever at their addresses.
        self._kept: list[Value] = []

    def __call__(self, document: Value) -> bool:
        if document is UNKNOWN:
            return True
        if document.__class__ is not dict and document.__class__ is not tuple:
            return False
        closed, met = self._closed, [id(document)]
        waiting: list[Any] = [document]
        while waiting:
            value = waiting.pop()
            if id(value) in closed:
                continue
            before = len(waiting)
            for item in value.values() if value.__class__ is dict else value:
                kind = item.__class__
                if kind is dict or kind is tuple:
                    waiting.append(item)
                elif item is UNKNOWN:
                    return True
            if len(waiting) > before:  # what has no parts of its own is walked as soon as found
                met.append(id(value))
        self._kept.append(document)
        closed.update(met)
        return False
