"""Traces for OpenTelemetry: a span and an evaluation event for each verdict.

Names are of the GenAI semantic conventions: the span has the attributes of `execute_tool`, since
the call that it is about is one; the event is `gen_ai.evaluation.result`. What they export is
queued and sent by a thread of the SDK: a collector that is away costs a decision nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .events import Answered, Decision, Differed

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.trace import TracerProvider

SCOPE = "licet"
EVENT = "gen_ai.evaluation.result"
_SCORES = {"allow": 1.0, "escalate": 0.5, "deny": 0.0}


class Traces:
    """Makes spans and events with the providers, which it shuts down at its end."""

    def __init__(self, spans: TracerProvider, events: LoggerProvider) -> None:
        self._providers = (spans, events)
        self._tracer = spans.get_tracer(SCOPE)
        self._logger = events.get_logger(SCOPE)

    def decided(self, decision: Decision) -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        end = time.time_ns()
        parent = None
        if decision.traceparent is not None:
            carrier = {"traceparent": decision.traceparent}
            parent = TraceContextTextMapPropagator().extract(carrier)
        attributes: dict[str, str | bool | tuple[str, ...]] = {
            "gen_ai.operation.name": "execute_tool",
            "licet.decision.id": decision.id,
            "licet.tenant": decision.tenant,
            "licet.outcome": decision.outcome,
            "licet.rules": decision.rules,
            "licet.policy": decision.policy,
            "licet.solver_unknown": decision.solver_unknown,
        }
        optional = {
            "gen_ai.tool.name": decision.tool,
            "gen_ai.tool.call.id": decision.call,
            "licet.request": decision.request,
            "licet.kind": decision.kind,
            "licet.observed": decision.observed,
        }
        attributes |= {key: value for key, value in optional.items() if value is not None}
        span = self._tracer.start_span(
            f"execute_tool {decision.tool}" if decision.tool else "execute_tool",
            parent,
            SpanKind.INTERNAL,
            attributes,
            start_time=end - int(decision.seconds * 1e9),
        )
        try:
            self._evaluated(decision, set_span_in_context(span), end)
        finally:
            span.end(end)

    def _evaluated(self, decision: Decision, context: object, at: int) -> None:
        why = ", ".join(filter(None, (decision.kind, *decision.rules)))
        told = {
            "gen_ai.evaluation.name": "licet",
            "gen_ai.evaluation.score.label": decision.outcome,
            "gen_ai.evaluation.score.value": _SCORES[decision.outcome],
            "gen_ai.evaluation.explanation": why,
        }
        if decision.solver_unknown:
            told["error.type"] = "solver_unknown"
        self._logger.emit(timestamp=at, context=context, event_name=EVENT, attributes=told)  # type: ignore[call-overload]

    def answered(self, answered: Answered) -> None:
        """Requests are for the metrics and the log: a gateway in front traces them."""

    def differed(self, differed: Differed) -> None:
        """Nothing: no span is about what was not done."""

    def close(self) -> None:
        for provider in self._providers:
            provider.shutdown()


def otlp(endpoint: str) -> Traces:
    """Traces that go to a collector (OTLP over HTTP). `endpoint` is its base URL; headers and
    certificates are taken from the variables `OTEL_EXPORTER_OTLP_…`. Raises ImportError."""
    try:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ImportError("traces need libraries: pip install 'licet[telemetry]'") from None
    base = endpoint.rstrip("/")
    resource = Resource.create({SERVICE_NAME: "licet"})
    spans = TracerProvider(resource=resource)
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces")))
    events = LoggerProvider(resource=resource)
    events.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{base}/v1/logs"))
    )
    return Traces(spans, events)
