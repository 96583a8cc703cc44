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
    for part, signatures in (("facts", program.facts), ("history", program.signatures)):
        known = {
            name: _entries(entries, signatures[name])
            for name, entries in world.facts.items()
            if entries and (name in program.history) == (part == "history")
        }
        if known:
            call[part] = known
    call["now"] = _plain(world.now, TIME)
    return call


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
