"""The telemetry that a configuration asks for."""

from __future__ import annotations

import sys

from ..settings import SettingsError, TelemetrySettings
from .behind import Behind
from .logs import Logs
from .metrics import Metrics
from .sinks import Sink, Telemetry


def telemetry_of(settings: TelemetrySettings) -> Telemetry:
    """Raises SettingsError where traces are asked for and cannot be made."""
    sinks: dict[str, Sink] = {}
    if settings.logs:
        sinks["logs"] = Logs(Behind(sys.stderr))
    if settings.otlp is not None:
        from .traces import otlp

        try:
            sinks["traces"] = otlp(settings.otlp)
        except ImportError as error:
            raise SettingsError(f"`service.telemetry.otlp`: {error}") from None
    return Telemetry(Metrics(), sinks)
