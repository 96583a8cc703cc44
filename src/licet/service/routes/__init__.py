"""The routes, one file per family. Each has a `ROUTER`."""

from __future__ import annotations

from . import (
    admission,
    approvals,
    authzen,
    catalog,
    checks,
    decisions,
    explain,
    health,
    hooks,
    keys,
    litellm,
    metrics,
    policies,
    tickets,
)

ROUTERS = (
    checks.ROUTER,
    tickets.ROUTER,
    approvals.ROUTER,
    decisions.ROUTER,
    catalog.ROUTER,
    explain.ROUTER,
    policies.ROUTER,
    authzen.ROUTER,
    admission.ROUTER,
    litellm.ROUTER,
    hooks.ROUTER,
    keys.ROUTER,
    health.ROUTER,
    metrics.ROUTER,
)
