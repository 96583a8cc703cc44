"""A world as the JSON of a call, so that a counterexample can be given back to `check`."""

from __future__ import annotations

from collections.abc import Mapping

from licet.compiler.ir import FactSignature
from licet.compiler.program import Program
from licet.compiler.types import TIME, Value
from licet.compiler.values import render
from licet.compiler.world import World


def call_json(world: World, program: Program) -> dict[str, object]:
    """Tool, arguments and all that the host said, JSON-able (exact numbers as Decimal)."""
    tool = program.catalog.qualified[world.tool]
    call: dict[str, object] = {"tool": world.tool, "args": render(world.args, tool.params)}
    for scope, kind in (
        ("principal", program.principal),
        ("context", program.context),
        ("session", program.session),
    ):
        value = getattr(world, scope)
        if value:
            call[scope] = render(value, kind)
    call |= look_ups_json(world, program.signatures)
    call["now"] = render(world.now, TIME)
    return call


def look_ups_json(
    world: World, signatures: Mapping[str, FactSignature]
) -> dict[str, dict[str, object]]:
    """What is looked up in a world: the host's `facts`, and the values of the `history`."""
    found: dict[str, dict[str, object]] = {}
    for name, entries in world.facts.items():
        if entries:
            part = "history" if signatures[name].history else "facts"
            found.setdefault(part, {})[name] = _entries(entries, signatures[name])
    return found


def _entries(
    entries: Mapping[tuple[Value, ...], Value], signature: FactSignature
) -> list[dict[str, object]]:
    return [
        {
            "key": [
                render(key, kind) for key, (_, kind) in zip(keys, signature.params, strict=True)
            ],
            "value": render(value, signature.result),
        }
        for keys, value in entries.items()
    ]
