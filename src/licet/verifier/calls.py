"""A world as the JSON of a call, so that a counterexample can be given back to `check`."""

from __future__ import annotations

from collections.abc import Mapping

from licet.compiler.ir import FactSignature
from licet.compiler.program import Program
from licet.compiler.types import TIME, Type, Value
from licet.compiler.values import render
from licet.compiler.world import UNKNOWN, World

_UNKNOWN_JSON = {"$unknown": True}


def call_json(world: World, program: Program) -> dict[str, object]:
    """Tool, arguments and all that the host said, JSON-able (exact numbers as Decimal)."""
    tool = program.catalog.qualified[world.tool]
    call: dict[str, object] = {"tool": world.tool, "args": _plain(world.args, tool.params)}
    for scope, kind in (
        ("principal", program.principal),
        ("context", program.context),
        ("session", program.session),
    ):
        value = getattr(world, scope)
        if value:
            call[scope] = _plain(value, kind)
    call |= look_ups_json(world, program.signatures)
    call["now"] = _plain(world.now, TIME)
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
                _plain(key, kind) for key, (_, kind) in zip(keys, signature.params, strict=True)
            ],
            "value": _plain(value, signature.result),
        }
        for keys, value in entries.items()
    ]


def _plain(value: Value, kind: Type) -> object:
    return _UNKNOWN_JSON if value is UNKNOWN else render(value, kind)
