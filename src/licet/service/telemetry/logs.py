"""Log lines: JSON, one for each request and one for each verdict."""

from __future__ import annotations

import json
import logging
from typing import TextIO, cast

import structlog

from .behind import Behind
from .events import Answered, Decision, Differed

_encode = json.JSONEncoder().encode  # ASCII: whatever a name holds is inert


def _serialized(line: object, **_options: object) -> str:
    return _encode(line)


_PROCESSORS = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    structlog.processors.JSONRenderer(_serialized),
)


class Logs:
    """Writes lines to a stream."""

    def __init__(self, stream: TextIO | Behind) -> None:
        self._stream = stream
        # Wrapped by hand: the process's own configuration of structlog stays as it is.
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(cast(TextIO, stream)),  # it writes and flushes, no more
            processors=_PROCESSORS,
            wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
            context_class=dict,
        ).bind()  # once, and not at every line

    def decided(self, decision: Decision) -> None:
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
        self._log.info("verdict", **{key: value for key, value in line.items() if value})

    def answered(self, answered: Answered) -> None:
        line = {
            "request": answered.request,
            "method": answered.method,
            "route": answered.route,
            "status": answered.status,
            "tenant": answered.tenant,
            "caller": answered.caller,
            "ms": _milliseconds(answered.seconds),
        }
        tell = self._log.error if answered.status >= 500 else self._log.info
        tell("request", **{key: value for key, value in line.items() if value is not None})

    def differed(self, differed: Differed) -> None:
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
        self._log.warning("canary", **{key: value for key, value in line.items() if value})

    def close(self) -> None:
        """What waits is written; the stream itself is not this object's."""
        if isinstance(self._stream, Behind):
            self._stream.close()


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
