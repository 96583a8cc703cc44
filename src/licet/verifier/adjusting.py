"""Which arguments a repair may change.

By default numbers, truth values, enums, dates, times and durations, in list elements and nested
records too; where the policy declares `adjustable`, only those. Never text, never anything by
which a fact is looked up, and, unless declared, nothing whose name says that it is an identifier:
another reservation or another account is another call, not a nearer one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from licet.compiler import ir
from licet.compiler.types import (
    BoolType,
    DateType,
    DecimalType,
    DurationType,
    EnumType,
    IntType,
    OptionalType,
    TimeType,
    Type,
)
from licet.compiler.walking import NODES
from licet.compiler.world import Path

Names = tuple[str, ...]

_IDENTIFIER: Final = re.compile(r"(?i:id|ids|uuid|guid)|.*([_-](?i:ids?)|[a-z](?:Id|ID|Ids|IDs))")


def may_change(
    path: Path, kind: Type, adjustable: tuple[Names, ...] | None, keys: frozenset[Names]
) -> bool:
    """Whether a repair may change the value at `path` of the arguments (positions included).

    `adjustable` and `keys` are paths below `args` without positions; a declared one covers all
    that is in it.
    """
    names = tuple(step for step in path[1:] if isinstance(step, str))
    inner = kind.inner if isinstance(kind, OptionalType) else kind
    numeric = isinstance(inner, IntType | DecimalType | DateType | TimeType | DurationType)
    if not numeric and not isinstance(inner, BoolType | EnumType):
        return False
    if any(_within(names, key) or _within(key, names) for key in keys):
        return False
    if adjustable is not None:
        return any(_within(names, declared) for declared in adjustable)
    return not (isinstance(inner, IntType) and names and _IDENTIFIER.fullmatch(names[-1]))


def _within(names: Names, outer: Names) -> bool:
    return names[: len(outer)] == outer


def key_arguments(rules: ir.ToolRules) -> frozenset[Names]:
    """The arguments, without positions, that decide which fact a rule looks up."""
    found: set[Names] = set()
    for rule in rules.rules:
        reading = _Reading()
        for let in rule.lets:
            reading.bind(let.var, let.value)
            reading.walk(let.value)
        reading.walk(rule.condition)
        found |= reading.keys
    return frozenset(found)


class _Reading:
    """Follows variables to the arguments that they come from, and notes those in keys of facts."""

    def __init__(self) -> None:
        self.keys: set[Names] = set()
        #: Variables that stand for arguments or elements of them, and those computed from some.
        self._paths: dict[int, set[Names]] = {}
        self._computed: dict[int, set[Names]] = {}

    def bind(self, var: ir.Var, value: ir.Expr) -> None:
        path = self._path(value)
        if path is not None:
            self._paths[var.slot] = path
        else:
            self._computed[var.slot] = self.sources(value)

    def walk(self, node: object) -> None:
        match node:
            case tuple():
                for item in node:
                    self.walk(item)
            case ir.Fact(_, keys):
                for key in keys:
                    self.keys |= self.sources(key)
                self.walk(keys)
            case ir.WhenPresent(optional, var, body):
                self.bind(var, optional)
                self.walk((optional, body))
            case _ if isinstance(node, NODES):
                self._enter(node)
                for child in _children(node):
                    self.walk(child)

    def _enter(self, node: object) -> None:
        """Binds the variable of a comprehension."""
        var, listed = getattr(node, "var", None), getattr(node, "list", None)
        if var is not None and listed is not None:
            self.bind(var, listed)

    def sources(self, node: object) -> set[Names]:
        """The arguments from which a value comes, or on which it depends."""
        path = self._path(node)
        if path is not None:
            return path
        match node:
            case ir.Var(slot):
                return self._computed.get(slot, set())
            case tuple():
                return set().union(*map(self.sources, node))
            case ir.WhenPresent(optional, var, body):
                self.bind(var, optional)
                return self.sources(optional) | self.sources(body)
            case _ if isinstance(node, NODES):
                self._enter(node)
                return set().union(*map(self.sources, _children(node)))
            case _:
                return set()

    def _path(self, node: object) -> set[Names] | None:
        """The arguments that a chain of fields stands for; None of anything else."""
        match node:
            case ir.Root("args"):
                return {()}
            case ir.Var(slot):
                return self._paths.get(slot)
            case ir.GetField(record, name):
                inner = self._path(record)
                return None if inner is None else {(*names, name) for names in inner}
            case ir.Unwrap(inner) | ir.Some(inner):
                return self._path(inner)
            case ir.End(_, inner):
                return self._path(inner)
            case _:
                return None


def _children(node: object) -> Iterator[object]:
    for field in fields(node):  # type: ignore[arg-type]
        if field.name not in ("type", "var", "rows", "places", "value") or isinstance(
            node, ir.Some
        ):
            yield getattr(node, field.name)
