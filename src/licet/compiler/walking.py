"""Every node of an IR expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import get_args

from . import ir

NODES: tuple[type, ...] = get_args(ir.Expr)


def walk(expr: ir.Expr) -> Iterator[ir.Expr]:
    """The expression and all expressions inside it, outer ones first."""
    waiting: list[object] = [expr]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(reversed(node))
        elif isinstance(node, NODES):
            yield node  # type: ignore[misc]
            waiting.extend(reversed(_parts(node)))


def children(expr: ir.Expr) -> Iterator[ir.Expr]:
    """The direct sub-expressions of a node in the order of its fields, without binders'
    variables."""
    waiting: list[object] = list(reversed(_parts(expr, without=("type", "var"))))
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(reversed(node))
        elif isinstance(node, NODES):
            yield node  # type: ignore[misc]


def rewritten(expr: ir.Expr, change: Callable[[ir.Expr], ir.Expr | None]) -> ir.Expr:
    """The expression with nodes replaced: `change` answers the new node, or None to go on inside.

    Binders keep their variables.
    """

    def inside(value: object) -> object:
        if isinstance(value, tuple):
            parts = tuple([inside(item) for item in value])
            same = all(a is b for a, b in zip(parts, value, strict=True))
            return value if same else parts
        return rewritten(value, change) if isinstance(value, NODES) else value  # type: ignore[arg-type]

    new = change(expr)
    if new is not None:
        return new
    if isinstance(expr, ir.Const | ir.Root | ir.Var):
        return expr
    skipped = (
        ("type", "var", "rows", "steps") if isinstance(expr, ir.TableRead) else ("type", "var")
    )
    changed = {
        field.name: after
        for field in fields(expr)
        if field.name not in skipped
        and (after := inside(before := getattr(expr, field.name))) is not before
    }
    return replace(expr, **changed) if changed else expr  # type: ignore[arg-type]


def _parts(node: object, without: tuple[str, ...] = ("type",)) -> list[object]:
    """What the fields of a node hold; constants, roots and a table's rows hold no expressions."""
    if isinstance(node, ir.Const | ir.Root):
        return []
    if isinstance(node, ir.TableRead):
        return list(node.keys)
    return [
        getattr(node, field.name)
        for field in fields(node)  # type: ignore[arg-type]
        if field.name not in without
    ]
