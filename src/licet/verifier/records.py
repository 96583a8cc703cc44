"""What was written down of a call when it was allowed (`Writer.record`), read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from licet.compiler.exact_json import MAX_DEPTH, decode

from .history import StoredCall


class CallRecord(NamedTuple):
    """`call` is the call's JSON, `by` the rules that allowed it, `issued` when its ticket was made,
    by the store's clock. `parts`: of a batch, the nonces of the calls in it; `is_part`: it was made
    inside of one. `committed`: nobody was going to say how it ended."""

    call: Mapping[str, Any] = {}
    session: str | None = None
    by: tuple[str, ...] = ()
    issued: int = 0
    parts: tuple[str, ...] = ()
    is_part: bool = False
    committed: bool = False


def record_of(call: StoredCall) -> CallRecord:
    """The record of a call; nothing is left of one that is forgotten."""
    text = call.record
    if not text:
        return _FORGOTTEN
    # the arguments stand two deeper in it than they came
    data = decode(text, max_size=len(text), max_depth=MAX_DEPTH + 2)
    return CallRecord(
        data["call"],
        data["session"],
        tuple(data["by"]),
        data["issued"],
        tuple(data.get("parts", ())),
        "part_of" in data,
        "commit" in data,
    )


_FORGOTTEN = CallRecord()
