"""A concrete world behind a refusal that holds whatever is unknown.

In: a world of which parts are unknown, and its outcome. Out: one of the worlds that it may turn out
to be, its unknown parts plain, replayed by the reference evaluator; or None.
"""

from __future__ import annotations

from dataclasses import replace

from licet.compiler import ir
from licet.compiler.clock import Clock
from licet.compiler.encoding import EncodingError, ToolEncoder, complete
from licet.compiler.evaluation import UnknownRead, judge
from licet.compiler.world import UNKNOWN, World

from .masking import unknowns
from .verdict import Outcome

#: Rounds of facts that are looked up by what other facts say.
MAX_ROUNDS = 16


def completed(
    encoder: ToolEncoder, rules: ir.ToolRules, world: World, outcome: Outcome, clock: Clock
) -> World | None:
    """A complete world with this outcome that agrees with `world` where that is known."""
    try:
        if next(unknowns(world), None) is None and not encoder.lacking(world):
            return world
        made = _plain(encoder, world)
        if judge(rules, made, clock).outcome == outcome:
            return made
    except (EncodingError, UnknownRead):  # a type without values, facts without end
        pass
    return None


def _plain(encoder: ToolEncoder, world: World) -> World:
    made = replace(world)
    for name, kind in encoder.roots.items():
        setattr(made, name, complete(getattr(world, name), kind))
    facts = {
        name: {keys: complete(value, encoder.facts[name].result) for keys, value in entries.items()}
        for name, entries in world.facts.items()
    }
    made.facts = facts
    for _ in range(MAX_ROUNDS):
        lacking = encoder.lacking(made)
        if not lacking:
            break
        for name, keys in lacking:
            facts.setdefault(name, {})[keys] = complete(UNKNOWN, encoder.facts[name].result)
    return made
