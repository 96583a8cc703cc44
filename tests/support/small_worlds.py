"""Every world of the small domains of `strategies/policy_pairs`: all calls, and all that a host may
say of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from licet.compiler.program import Program
from licet.compiler.values import conforms
from licet.compiler.world import World

CABINS = ("basic", "economy", "business")
Plain = dict[str, Any]


def worlds() -> Iterator[tuple[Plain, Plain, Plain, Plain]]:
    """Arguments, principal, context and facts: all that any of the policies may be asked."""
    everything = itertools.product(
        range(4), CABINS, (None, 0, 1, 2), (None, True), ("support", "manager"), range(3)
    )
    for n, cabin, tip, rush, role, risk in everything:
        for vip in (False, True):
            args = {"n": n, "cabin": cabin, "tip": tip, "rush": rush}
            facts = {"vip": {(cabin,): vip}}
            yield args, {"role": role, "team": False}, {"risk": risk}, facts


def taken(
    program: Program, world: tuple[Plain, Plain, Plain, Plain], *, closed: bool
) -> World | None:
    """A world as a policy is told it; None where it does not take it. `closed`: an argument that
    it does not declare is refused, else it is not sent."""
    args, principal, context, facts = world
    kind = program.catalog.qualified["pay"].params
    names = {field.name for field in kind.fields}
    if closed and any(value is not None and name not in names for name, value in args.items()):
        return None
    own = {name: args[name] for name in names}
    host = {f.name: principal[f.name] for f in program.principal.fields}
    if not (conforms(own, kind) and conforms(context, program.context)):
        return None
    return World("pay", own, host, context, now=0, facts=facts)
