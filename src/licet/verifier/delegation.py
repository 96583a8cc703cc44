"""Who stands behind a call: all who act in it, none of whom may approve it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN

#: Fields of a principal that name somebody: itself, and those on whose behalf it acts.
NAMING = ("id", "on_behalf_of", "delegation")


def chain(principal: Mapping[str, Value]) -> frozenset[str] | None:
    """Every text in a principal's fields `id`, `on_behalf_of` and `delegation`, however they are
    nested; None where a part of them is not known, so that anybody might be meant."""
    found: set[str] = set()
    for name in NAMING:
        for part in _parts(principal.get(name)):
            if part is UNKNOWN:
                return None
            if isinstance(part, str):
                found.add(part)
    return frozenset(found)


def _parts(value: Value) -> Iterator[Value]:
    match value:
        case Mapping():
            for inner in value.values():
                yield from _parts(inner)
        case tuple() | list():
            for inner in value:
                yield from _parts(inner)
        case _:
            yield value
