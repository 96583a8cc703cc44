"""What the service's own code has to say, and its server's: lines of JSON among those of requests
and verdicts, so that whoever reads the log reads one form.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, Final

from .behind import Behind
from .logs import time_of

#: For `logging.config.dictConfig`, and for uvicorn, which hands it to each worker.
CONFIGURATION: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"lines": {"()": "licet.service.telemetry.messages.handler"}},
    "root": {"handlers": ["lines"], "level": "WARNING"},
    "loggers": {"licet": {"level": "INFO"}},
}


class Form(logging.Formatter):
    """A record as one line: ASCII, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "event": "message",
            "message": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "time": time_of(record.created),
        }
        request = getattr(record, "request", None)
        if request is not None:
            line["request"] = request
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


class Lines(logging.StreamHandler[Behind]):
    """Writes behind: nobody waits for whoever reads it. What waits is written at the end."""

    def close(self) -> None:
        self.stream.close()
        super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Nothing is left to tell it to."""


def handler() -> logging.Handler:
    """One for this process's standard error."""
    made = Lines(Behind(sys.stderr))
    made.setFormatter(Form())
    return made
