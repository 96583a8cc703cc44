"""The routes, one file per family. Each has a `ROUTER`."""

from __future__ import annotations

from . import approvals, catalog, checks, decisions, explain, health, tickets

ROUTERS = (
    checks.ROUTER,
    tickets.ROUTER,
    approvals.ROUTER,
    decisions.ROUTER,
    catalog.ROUTER,
    explain.ROUTER,
    health.ROUTER,
)
