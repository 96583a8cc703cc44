"""Every node of an IR expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
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
