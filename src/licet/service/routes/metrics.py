"""`GET /metrics`, for Prometheus."""

from __future__ import annotations

from typing import Any

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ..callers import Role
from ..doors import door, router
from ..state import caller_of, service_of

ROUTER = router()
_EXAMPLE = 'licet_verdicts_total{kind="forbidden",outcome="deny",tenant="default"} 3.0'


def _options() -> dict[str, Any]:
    options = door(Role.auditor, Role.administrator)
    content = {"schema": {"type": "string"}, "example": _EXAMPLE}
    options["responses"][200]["content"] = {"text/plain": content}
    options["response_class"] = PlainTextResponse
    return options


@ROUTER.get("/metrics", tags=["operations"], summary="Counts for Prometheus", **_options())
async def metrics(request: Request) -> Response:
    """Those of the caller's tenant. What nobody known asked is the service's own tenant's to see;
    whose tenant is `telemetry.operators` sees all."""
    service, caller = service_of(request), caller_of(request)
    everything = caller.tenant == service.settings.telemetry.operators
    seen = {caller.tenant} | ({""} if caller.tenant == service.tenant else set())
    text = service.telemetry.metrics.text(lambda tenant: everything or tenant in seen)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
