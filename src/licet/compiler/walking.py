"""Every node of an IR expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Final, get_args

from . import ir

NODES: tuple[type, ...] = get_args(ir.Expr)
_NODES: Final = frozenset(NODES)


def walk(expr: ir.Expr) -> Iterator[ir.Expr]:
    """The expression and all expressions inside it, outer ones first."""
    waiting: list[object] = [expr]
    while waiting:
        node = waiting.pop()
        if type(node) in _NODES:
            yield node  # type: ignore[misc]
            waiting.extend(reversed(_parts(node)))
        elif isinstance(node, tuple):
            waiting.extend(reversed(node))


def children(expr: ir.Expr) -> Iterator[ir.Expr]:
    """The direct sub-expressions of a node in the order of its fields, without binders'
    variables."""
    waiting: list[object] = list(reversed(_parts(expr, without=("type", "var"))))
    while waiting:
        node = waiting.pop()
        if type(node) in _NODES:
            yield node  # type: ignore[misc]
        elif isinstance(node, tuple):
            waiting.extend(reversed(node))


def rewritten(expr: ir.Expr, change: Callable[[ir.Expr], ir.Expr | None]) -> ir.Expr:
    """The expression with nodes replaced: `change` answers the new node, or None to go on inside.

    Binders keep their variables.
    """

    def inside(value: object) -> object:
        if isinstance(value, tuple):
            parts = tuple([inside(item) for item in value])
            same = all(a is b for a, b in zip(parts, value, strict=True))
            return value if same else parts
        return rewritten(value, change) if type(value) in _NODES else value  # type: ignore[arg-type]

    new = change(expr)
    if new is not None:
        return new
    if isinstance(expr, ir.Const | ir.Root | ir.Var):
        return expr
    skipped = (
        ("type", "var", "rows", "steps") if isinstance(expr, ir.TableRead) else ("type", "var")
    )
    changed = {
        name: after
        for name in _fields(type(expr), skipped)
        if (after := inside(before := getattr(expr, name))) is not before
    }
    return replace(expr, **changed) if changed else expr  # type: ignore[arg-type]


def _parts(node: object, without: tuple[str, ...] = ("type",)) -> list[object]:
    """What the fields of a node hold; constants, roots and a table's rows hold no expressions."""
    if isinstance(node, ir.Const | ir.Root):
        return []
    if isinstance(node, ir.TableRead):
        return list(node.keys)
    return [getattr(node, name) for name in _fields(type(node), without)]


#: By class and names left out, what `_fields` answers: dataclasses are slow to say it.
_known: dict[tuple[type, tuple[str, ...]], tuple[str, ...]] = {}


def _fields(kind: type, without: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a class's fields."""
    found = _known.get((kind, without))
    if found is None:
        found = tuple(f.name for f in fields(kind) if f.name not in without)
        _known[kind, without] = found
    return found
