"""Who is one person: two of them have to want what lets calls get further."""

from __future__ import annotations

from ..callers import Caller


def person_of(caller: Caller) -> str:
    """The person behind a credential: the `id` of its principal, whatever credential it is, else
    the credential by its name. Who has two keys is one person if both name the same principal."""
    id = caller.principal.get("id")
    return id if isinstance(id, str) and id else f"key {caller.name}"
