"""A world as the JSON of a call, so that a counterexample can be given back to `check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from licet.compiler.ir import FactSignature
from licet.compiler.program import Program
from licet.compiler.spelling import Spelled
from licet.compiler.types import TIME, Type, Value
from licet.compiler.values import bare, render
from licet.compiler.world import World

#: A run-time value of a type as JSON data.
_Write = Callable[[Value, Type], object]


def call_json(world: World, program: Program) -> dict[str, object]:
    """Tool, arguments and all that the host said, JSON-able (exact numbers as Decimal)."""
    tool = program.catalog.qualified[world.tool]
    return _call(world, program, render(world.args, tool.params), render)


def bare_call(world: World, program: Program, args: Spelled) -> dict[str, object]:
    """The same for `spelling.spelled`, with the arguments written already."""
    return _call(world, program, args, bare)


def _call(world: World, program: Program, args: object, write: _Write) -> dict[str, object]:
    call: dict[str, object] = {"tool": world.tool, "args": args}
    for scope, kind in (
        ("principal", program.principal),
        ("context", program.context),
        ("session", program.session),
    ):
        value = getattr(world, scope)
        if value:
            call[scope] = write(value, kind)
    call |= _look_ups(world, program.signatures, write)
    call["now"] = write(world.now, TIME)
    return call


def look_ups_json(
    world: World, signatures: Mapping[str, FactSignature]
) -> dict[str, dict[str, object]]:
    """What is looked up in a world: the host's `facts`, and the values of the `history`."""
    return _look_ups(world, signatures, render)


def _look_ups(
    world: World, signatures: Mapping[str, FactSignature], write: _Write
) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for name, entries in world.facts.items():
        if entries:
            part = "history" if signatures[name].history else "facts"
            found.setdefault(part, {})[name] = _entries(entries, signatures[name], write)
    return found


def _entries(
    entries: Mapping[tuple[Value, ...], Value], signature: FactSignature, write: _Write
) -> list[dict[str, object]]:
    return [
        {
            "key": [
                write(key, kind) for key, (_, kind) in zip(keys, signature.params, strict=True)
            ],
            "value": write(value, signature.result),
        }
        for keys, value in entries.items()
    ]
