"""Log lines: JSON, one for each request and one for each verdict."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, partial
from json.encoder import encode_basestring_ascii as _quoted
from typing import Literal, TextIO

import structlog
from structlog.processors import add_log_level
from structlog.typing import EventDict

from .behind import Behind
from .events import Answered, Decision, Differed

Level = Literal["info", "warning", "error"]

_encode = json.JSONEncoder().encode  # ASCII: whatever a name holds is inert


def _serialized(line: object, **_options: object) -> str:
    return _encode(line)


# The processors by themselves, for a line that is made already: a logger around them, which takes
# its context and looks for its method, costs as much as they do.
_render = structlog.processors.JSONRenderer(_serialized)


class Logs:
    """Writes lines to a stream. One that is written behind makes the text of a line, too, when it
    is written."""

    def __init__(self, stream: TextIO | Behind) -> None:
        self._stream = stream
        self._write: Callable[[Callable[[], str]], object] = (
            stream.write if isinstance(stream, Behind) else lambda line: stream.write(line())
        )

    def decided(self, decision: Decision) -> None:
        self._write(partial(_decided, decision, time.time()))

    def answered(self, answered: Answered) -> None:
        self._write(partial(_answered, answered, time.time()))

    def differed(self, differed: Differed) -> None:
        self._write(partial(_differed, differed, time.time()))

    def close(self) -> None:
        """What waits is written; the stream itself is not this object's."""
        if isinstance(self._stream, Behind):
            self._stream.close()


# Each gives the line of what happened at a time, in seconds since 1970. A line begins with what it
# has in common with many others, which is made once.


def _decided(decision: Decision, at: float) -> str:
    common = _verdict(
        decision.tenant,
        decision.caller,
        decision.tool,
        decision.outcome,
        decision.kind,
        decision.rules,
        decision.observed,
        decision.policy,
    )
    own = f'"id": {_quoted(decision.id)}, "ms": {_milliseconds(decision.seconds)}'
    if decision.request:
        own += f', "request": {_quoted(decision.request)}'
    if decision.call:
        own += f', "call": {_quoted(decision.call)}'
    if decision.approval:
        own += f', "approval": {_quoted(decision.approval)}'
    return f"{{{common}, {own}, {_time(at)}}}\n"


@lru_cache(1_024)
def _verdict(
    tenant: str,
    caller: str,
    tool: str | None,
    outcome: str,
    kind: str | None,
    rules: tuple[str, ...],
    observed: str | None,
    policy: str,
) -> str:
    return _members(
        "info",
        "verdict",
        tenant=tenant,
        caller=caller,
        tool=tool,
        outcome=outcome,
        kind=kind,
        rules=list(rules),
        observed=observed,
        policy=policy,
    )


def _answered(answered: Answered, at: float) -> str:
    common = _request(
        answered.method, answered.route, answered.status, answered.tenant, answered.caller
    )
    own = f'"request": {_quoted(answered.request)}, "ms": {_milliseconds(answered.seconds)}'
    return f"{{{common}, {own}, {_time(at)}}}\n"


@lru_cache(1_024)
def _request(
    method: str, route: str | None, status: int, tenant: str | None, caller: str | None
) -> str:
    level: Level = "error" if status >= 500 else "info"
    return _members(
        level, "request", method=method, route=route, status=status, tenant=tenant, caller=caller
    )


def _differed(differed: Differed, at: float) -> str:
    members = _members(
        "warning",
        "canary",
        id=differed.id,
        tenant=differed.tenant,
        tool=differed.tool,
        outcome=differed.outcome,
        rules=list(differed.rules),
        canary=differed.canary,
        canary_outcome=differed.canary_outcome,
        canary_rules=list(differed.canary_rules),
    )
    return f"{{{members}, {_time(at)}}}\n"


def _members(level: Level, event: str, **fields: object) -> str:
    """An event as JSON without its braces, and without what is not known or empty."""
    known: EventDict = {"event": event} | {name: told for name, told in fields.items() if told}
    return str(_render(None, level, add_log_level(None, level, known)))[1:-1]


def _time(at: float) -> str:
    return f'"time": "{time_of(at)}"'


def time_of(at: float) -> str:
    """A time, in seconds since 1970, as lines have it."""
    second = int(at)
    return f"{_second(second)}.{int((at - second) * 1e6):06}Z"


@lru_cache(16)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3f}"
