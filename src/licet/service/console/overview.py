"""The first page: what has been decided, what refuses, and where limits stand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from licet.verifier.guard import Guard

from ..problems import Problem
from . import charts
from .pages import READERS, Pages, Visit
from .rendering import span
from .series import OUTCOMES, Series, amount, read_series

PAGES = Pages()
#: What may be looked back on: the name in the address, for people, and how finely.
SPANS = {
    "hour": ("the last hour", timedelta(hours=1), 60),
    "day": ("the last 24 hours", timedelta(hours=24), 48),
    "week": ("the last 7 days", timedelta(days=7), 56),
}
_MOST_RULES = 8


@PAGES.get("/overview", *READERS)
async def overview(visit: Visit) -> Response:
    """Verdicts and budgets over time."""
    chosen = visit.request.query_params.get("span", "day")
    if chosen not in SPANS:
        raise Problem(422, "`span` is `hour`, `day` or `week`")
    words, length, steps = SPANS[chosen]

    def read(guard: Guard) -> tuple[Series, int, str]:
        series = read_series(
            visit.service.store, visit.tenant, guard.program, length, steps, datetime.now(UTC)
        )
        with visit.service.store.begin(visit.tenant) as tx:
            active = tx.head().policy
        return series, len(guard.pending(tenant=visit.tenant)), active

    with visit.service.guards.lease(visit.tenant) as guard:
        series, waiting, active = await asyncio.to_thread(read, guard)
        program = guard.program
        return visit.show(
            "overview.html",
            span=chosen,
            spans=SPANS,
            words=words,
            step=span(series.step),
            series=series,
            rows=charts.rows(series),
            totals=series.totals,
            outcomes=OUTCOMES,
            rules=series.rules.most_common(_MOST_RULES),
            waiting=waiting,
            policy=program.name or "without a name",
            digest=program.digest,
            stale=active not in ("", program.digest),
            durable=visit.service.store.durable,
            standings=[
                (each, charts.line(each, series.start, series.end), charts.level(each))
                for each in series.standings
            ],
            amount=amount,
            field=(charts.WIDTH, charts.HEIGHT),
        )
