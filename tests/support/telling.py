"""OpenTelemetry's own providers, whose exporters keep what they get in memory."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Spans:
    """Providers, and what was exported through them."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._events = InMemoryLogRecordExporter()
        self.spans = TracerProvider()
        self.spans.add_span_processor(SimpleSpanProcessor(self._spans))
        self.events = LoggerProvider()
        self.events.add_log_record_processor(SimpleLogRecordProcessor(self._events))

    def finished(self) -> tuple[Any, ...]:
        return self._spans.get_finished_spans()

    def logged(self) -> list[Any]:
        return [data.log_record for data in self._events.get_finished_logs()]

    def text(self) -> str:
        spans = [span.to_json() for span in self.finished()]
        return "\n".join([*spans, *(repr(record) for record in self.logged())])
