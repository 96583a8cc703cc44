"""Which optional paths the flow of a rule has shown to be present.

A path is known by its *key*, equal for all the ways in which it can be written down: through an
unwrapped optional, through a chain over one, or through a define's parameter.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction

from .. import ir

Key = Hashable
Known = frozenset[Key]
NOTHING: Known = frozenset()


def key(expr: ir.Expr) -> Key:
    """The key of a path."""
    return _key(expr, {})


def present(optional: ir.Expr) -> Known:
    """What is present wherever `optional` is: itself, and what it was read through."""
    return frozenset(_present(optional, {}))


def _present(expr: ir.Expr, names: Mapping[int, Key]) -> set[Key]:
    found = {_key(expr, names)}
    match expr:
        case ir.WhenPresent(optional=optional, var=var, body=body):
            found |= _present(optional, names)
            found |= _present(body, {**names, var.slot: _key(optional, names)})
        case ir.JsonPath(document=document, steps=steps):
            if steps:
                found |= _present(ir.JsonPath(document, steps[:-1], expr.type), names)
            else:
                found |= _present(document, names)
        case ir.Unwrap(optional=optional):
            found |= _present(optional, names)
        case ir.GetField(record=record):
            found |= _present(record, names)
        case _:
            pass
    return found


def _key(expr: ir.Expr, names: Mapping[int, Key]) -> Key:
    match expr:
        case ir.Unwrap(optional=optional):
            return _key(optional, names)
        case ir.WhenPresent(optional=optional, var=var, body=body):
            return _key(body, {**names, var.slot: _key(optional, names)})
        case ir.Some(value=value):
            return _key(value, names)
        case ir.Var(slot=slot):
            return names.get(slot, ("variable", slot))
        case ir.Root(name=name):
            return ("root", name)
        case ir.Const(value=value):
            return ("value", frozen(value))
        case ir.GetField(record=record, name=name):
            return (".", _key(record, names), name)
        case ir.JsonPath(document=document, steps=steps):
            path = _key(document, names)
            for step in steps:
                path = (".", path, step)
            return path
        case (
            ir.Quantifier(var=var, list=source)
            | ir.Count(var=var, list=source)
            | ir.Sum(var=var, list=source)
            | ir.Extremum(var=var, list=source)
            | ir.ListComp(var=var, list=source)
        ):
            bound = {**names, var.slot: ("bound", len(names))}
            return (type(expr).__name__, _key(source, names), _parts(expr, bound, ("var", "list")))
        case _:
            return (type(expr).__name__, _parts(expr, names, ()))


def _parts(expr: ir.Expr, names: Mapping[int, Key], without: tuple[str, ...]) -> Key:
    return tuple(
        _part(getattr(expr, field.name), names)
        for field in fields(expr)
        if field.name not in without and field.name != "type" and field.compare
    )


def _part(part: object, names: Mapping[int, Key]) -> Key:
    if isinstance(part, tuple):
        return tuple(_part(item, names) for item in part)
    if is_dataclass(part) and isinstance(part, ir.Expr):
        return _key(part, names)
    return frozen(part)


def frozen(value: object) -> Hashable:
    """A run-time value as something hashable, its kind kept (1 and True differ)."""
    match value:
        case tuple():
            return ("list", *(frozen(item) for item in value))
        case dict():
            return ("map", *sorted((str(k), frozen(v)) for k, v in value.items()))
        case bool():
            return ("bool", value)
        case int() | Fraction() | str() | None:
            return value
        case _:
            return repr(value)
