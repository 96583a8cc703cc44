"""Who stands behind a call: all who act in it, none of whom may approve it."""

from __future__ import annotations

from collections.abc import Mapping

#: Fields of a principal that name somebody: itself, and those on whose behalf it acts.
NAMING = ("id", "on_behalf_of", "delegation")


def chain(principal: Mapping[str, object]) -> frozenset[str]:
    """The identities in a principal's fields `id`, `on_behalf_of` and `delegation` (texts, or
    lists of texts)."""
    found: set[str] = set()
    for name in NAMING:
        value = principal.get(name)
        for one in value if isinstance(value, tuple | list) else (value,):
            if isinstance(one, str):
                found.add(one)
    return frozenset(found)
