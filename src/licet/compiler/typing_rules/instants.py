"""Written times: a local one is read on the clocks of the policy's zone."""

from __future__ import annotations

from licet.policy_lang import ast

from .. import ir
from ..clock import clock
from ..types import MAX_TIME, MIN_TIME, SECOND, TIME
from .context import Context, Scope, Typed


def infer_time(context: Context, node: ast.TimeLiteral, scope: Scope) -> Typed | None:
    """The instant of a written time; an error where the zone's clocks skip or repeat it."""
    if node.offset is not None:
        time = node.local - node.offset * SECOND
    else:
        zone = context.declared.zone
        instants = clock(zone).instants(node.local)
        if len(instants) != 1:
            how = "never show" if not instants else "show twice"
            context.error(
                "LIC125",
                f"clocks in `{zone}` {how} `{node.span.text}`",
                node.span,
                scope,
                "write its offset from UTC: `…T02:30-05:00`, or `Z`",
            )
            return None
        time = instants[0]
    if not MIN_TIME <= time <= MAX_TIME:
        context.error(
            "LIC125",
            f"`{node.span.text}` is outside the years 1900 to 2199",
            node.span,
            scope,
            "times are known between these years",
        )
        return None
    return Typed(ir.Const(time, TIME))
