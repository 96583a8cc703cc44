"""Log lines: JSON, one for each request and one for each verdict."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, TextIO, TypeVar

import structlog
from structlog.processors import add_log_level

from .behind import Behind
from .events import Answered, Decision, Differed

T = TypeVar("T")

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

    def decided(self, decision: Decision) -> None:
        self._tell("info", "verdict", _decided, decision)

    def answered(self, answered: Answered) -> None:
        self._tell("error" if answered.status >= 500 else "info", "request", _answered, answered)

    def differed(self, differed: Differed) -> None:
        self._tell("warning", "canary", _differed, differed)

    def close(self) -> None:
        """What waits is written; the stream itself is not this object's."""
        if isinstance(self._stream, Behind):
            self._stream.close()

    def _tell(
        self,
        level: Literal["info", "warning", "error"],
        event: str,
        fields: Callable[[T], dict[str, Any]],
        record: T,
    ) -> None:
        line = partial(_line, level, event, fields, record, time.time())
        self._stream.write(line if isinstance(self._stream, Behind) else line())  # type: ignore[arg-type]


def _line(
    level: str, event: str, fields: Callable[[T], dict[str, Any]], record: T, at: float
) -> str:
    """The line of what happened at a time, in seconds since 1970."""
    line = fields(record)
    line["time"] = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    line["event"] = event
    return str(_render(None, level, add_log_level(None, level, line))) + "\n"


def _decided(decision: Decision) -> dict[str, Any]:
    line: dict[str, object] = {
        "request": decision.request,
        "id": decision.id,
        "call": decision.call,
        "tenant": decision.tenant,
        "caller": decision.caller,
        "tool": decision.tool,
        "outcome": decision.outcome,
        "kind": decision.kind,
        "rules": list(decision.rules),
        "observed": decision.observed,
        "approval": decision.approval,
        "policy": decision.policy,
        "ms": _milliseconds(decision.seconds),
    }
    return {key: value for key, value in line.items() if value}


def _answered(answered: Answered) -> dict[str, Any]:
    line = {
        "request": answered.request,
        "method": answered.method,
        "route": answered.route,
        "status": answered.status,
        "tenant": answered.tenant,
        "caller": answered.caller,
        "ms": _milliseconds(answered.seconds),
    }
    return {key: value for key, value in line.items() if value is not None}


def _differed(differed: Differed) -> dict[str, Any]:
    line: dict[str, object] = {
        "id": differed.id,
        "tenant": differed.tenant,
        "tool": differed.tool,
        "outcome": differed.outcome,
        "rules": list(differed.rules),
        "canary": differed.canary,
        "canary_outcome": differed.canary_outcome,
        "canary_rules": list(differed.canary_rules),
    }
    return {key: value for key, value in line.items() if value}


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
