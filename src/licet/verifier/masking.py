"""Parts of a world: listed, read, replaced, made unknown. Worlds given are never changed.

The parts of a world are the fields of its records, the clock, and facts by key; a part that is
a record, a list or a map has parts of its own. Paths are those of `compiler.world`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN, Path, World, holds_unknown

RECORDS = ("args", "principal", "context", "session")


def parts(world: World) -> Iterator[Path]:
    """The outermost parts: fields of the roots, `now`, facts."""
    for root in RECORDS:
        for name in getattr(world, root):
            yield (root, name)
    yield ("now",)
    for fact, entries in world.facts.items():
        for keys in entries:
            yield (fact, keys)


def below(path: Path, value: Value) -> list[Path]:
    """The parts of a part; of what has none, nothing."""
    match value:
        case dict():
            return [(*path, step) for step in value]
        case tuple():
            return [(*path, position) for position in range(len(value))]
        case _:
            return []


def value_at(world: World, path: Path) -> Value:
    """The value of a part. Raises LookupError if there is no such part."""
    value: Any
    if path[0] in RECORDS:
        value, steps = getattr(world, str(path[0])), path[1:]
    elif path[0] == "now":
        value, steps = world.now, path[1:]
    else:
        entries: Mapping[Any, Value] = world.facts[str(path[0])]
        value, steps = entries[path[1]], path[2:]
    for step in steps:
        if not isinstance(value, dict | tuple):
            raise LookupError(path)
        value = value[step]  # type: ignore[call-overload]
    return value


def place(world: World, path: Path) -> Path:
    """The path in a world of a path that counts a map's entries in the order of their keys.

    Steps that are no part of the world (`Aspect`s) end it.
    """
    found: Path = path[:1]
    value: Any = None
    if path[0] in RECORDS:
        value = getattr(world, str(path[0]))
    elif path[0] != "now":
        found = path[:2]
        value = world.facts[str(path[0])][path[1]]  # type: ignore[index]
    for step in path[len(found) :]:
        if not isinstance(step, str | int):
            break
        name = sorted(value)[step] if isinstance(value, dict) and isinstance(step, int) else step
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, tuple):
            value = value[int(name)]
        found = (*found, name)
    return found


def with_value(world: World, path: Path, value: Any) -> World:
    """The world with another value at a path whose parents exist. Raises LookupError where they do
    not."""
    root = str(path[0])
    if root == "now":
        return replace(world, now=value)
    if root in RECORDS:
        return replace(world, **{root: _put(getattr(world, root), path[1:], value)})
    entries: Mapping[Any, Value] = world.facts.get(root, {})
    entry = value if len(path) == 2 else _put(entries[path[1]], path[2:], value)
    facts = {**world.facts, root: {**entries, path[1]: entry}}
    return replace(world, facts=facts)


def without(world: World, path: Path) -> World:
    """The world with a part unknown."""
    return with_value(world, path, UNKNOWN)


def without_all(world: World, paths: Iterable[Path]) -> World:
    """The world with several parts unknown, each part of it copied once."""
    by_root: dict[Path, list[Path]] = {}
    for path in paths:
        size = 2 if path[0] not in RECORDS and path[0] != "now" else 1
        by_root.setdefault(path[:size], []).append(path[size:])
    for root, steps in by_root.items():
        if root[0] in RECORDS:
            name = str(root[0])
            world = replace(world, **{name: _forgotten(getattr(world, name), steps)})
        else:
            world = with_value(world, root, _forgotten(value_at(world, root), steps))
    return world


def _forgotten(value: Any, paths: list[Path]) -> Any:
    if any(not path for path in paths):
        return UNKNOWN
    inside: dict[Any, list[Path]] = {}
    for path in paths:
        inside.setdefault(path[0], []).append(path[1:])
    made = dict(value) if isinstance(value, dict) else list(value)
    for step, rest in inside.items():
        made[step] = _forgotten(made[step], rest)
    return made if isinstance(made, dict) else tuple(made)


def unknowns(world: World) -> Iterator[Path]:
    """Every part that is unknown, the outermost each."""
    for path in parts(world):
        value = value_at(world, path)
        if holds_unknown(value):
            yield from _unknowns(path, value)


def _unknowns(path: Path, value: Value) -> Iterator[Path]:
    if value is UNKNOWN:
        yield path
    for part in below(path, value):
        yield from _unknowns(part, value[part[-1]])  # type: ignore[index]


def _put(value: Any, steps: Path, new: Value) -> Any:
    if not steps:
        return new
    step = steps[0]
    match value:
        case dict():
            inner = value.get(step, UNKNOWN) if len(steps) == 1 else value[step]
            return {**value, step: _put(inner, steps[1:], new)}
        case tuple() if isinstance(step, int):
            return (*value[:step], _put(value[step], steps[1:], new), *value[step + 1 :])
        case _:
            raise LookupError(steps)
