"""Worlds for generated rules: complete ones, ones with unknown parts, and all that those may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

from licet.compiler import ir
from licet.compiler.clock import clock
from licet.compiler.evaluation import UnknownRead, WrongType, judge
from licet.compiler.types import (
    TIME,
    ListType,
    MapType,
    RecordType,
    Type,
    Value,
)
from licet.compiler.world import UNKNOWN, Facts, Path, World

from .choosing import Choose
from .ir_types import draw_value, inner, values_of
from .ir_vocabulary import Vocabulary

SCOPES = ("principal", "context", "session")


class TooManyWorldsError(Exception):
    """An incomplete world may be more worlds than the limit."""


#: What is done with a world: it may raise UnknownRead.
Read = Callable[[World], object]


def judging(rules: ir.ToolRules, vocabulary: Vocabulary) -> Read:
    """Judging the rules."""
    return lambda world: judge(rules, world, clock(vocabulary.zone))


def draw_world(choose: Choose, vocabulary: Vocabulary, tool: str, read: Read) -> World:
    """A world that has all that is read."""
    world = World(
        tool=tool,
        args=_record(choose, vocabulary.args),
        principal=_record(choose, vocabulary.principal),
        context=_record(choose, vocabulary.context),
        session=_record(choose, vocabulary.session),
        now=cast(int, draw_value(choose, TIME)),
        params={name: draw_value(choose, kind) for name, kind in vocabulary.params},
        approver=_record(choose, vocabulary.principal),
    )
    while (path := unknown_read(read, world)) is not None:
        world = with_part(world, path, draw_value(choose, type_at(vocabulary, path)))
    return world


def _record(choose: Choose, kind: RecordType) -> dict[str, Value]:
    return cast(dict[str, Value], draw_value(choose, kind))


def unknown_read(read: Read, world: World) -> Path | None:
    """The first unknown part that is read; None where all that is read is there."""
    try:
        read(world)
    except UnknownRead as unknown:
        return unknown.path
    except WrongType:
        return None
    return None


def type_at(vocabulary: Vocabulary, path: Path) -> Type:
    """The type of a part of a world that is no part of a document."""
    root, *steps = path
    if root == "now":
        return TIME
    if root in ("args", *SCOPES):
        kind: Type = getattr(vocabulary, cast(str, root))
    else:
        kind = vocabulary.fact(cast(str, root)).result
        steps = steps[1:]
    for step in steps:
        match inner(kind):
            case RecordType() as record:
                field = record.field(cast(str, step))
                assert field is not None
                kind = field.type
            case ListType(element):
                kind = element
            case MapType(value=value):
                kind = value
            case other:
                raise TypeError(f"{other} has no parts")
    return kind


def with_part(world: World, path: Path, value: Value) -> World:
    """The world with another value at a path."""
    root, *steps = path
    if root == "now":
        return replace(world, now=cast(int, value))
    if root in ("args", *SCOPES):
        name = cast(str, root)
        return replace(world, **{name: _put(getattr(world, name), steps, value)})
    name, keys = cast(str, root), cast(tuple[Value, ...], steps[0])
    known = dict(world.facts.get(name, {}))
    known[keys] = _put(known.get(keys, UNKNOWN), steps[1:], value)
    return replace(world, facts={**world.facts, name: known})


def _put(whole: Value, steps: list[object], value: Value) -> Value:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(whole, tuple):
        at = cast(int, step)
        return (*whole[:at], _put(whole[at], rest, value), *whole[at + 1 :])
    assert isinstance(whole, dict)
    return {**whole, step: _put(whole[step], rest, value)}


def parts(vocabulary: Vocabulary, world: World) -> list[Path]:
    """Every part that could be unknown, the smallest last; documents only as a whole."""
    found: list[Path] = [] if vocabulary.small else [("now",)]
    for name, entries in world.facts.items():
        result = vocabulary.fact(name).result
        for keys, value in entries.items():
            found += _parts(result, value, (name, keys))
    for scope in SCOPES:
        found += _parts(getattr(vocabulary, scope), getattr(world, scope), (scope,))[1:]
    return found


def _parts(kind: Type, value: Value, path: Path) -> list[Path]:
    found = [path]
    match inner(kind), value:
        case RecordType() as record, dict():
            for field in record.fields:
                found += _parts(field.type, value[field.name], (*path, field.name))
        case ListType(element), tuple():
            for at, item in enumerate(value):
                found += _parts(element, item, (*path, at))
        case MapType(value=held), dict():
            for key, item in value.items():
                found += _parts(held, item, (*path, key))
        case _:
            pass
    return found


def forget(choose: Choose, vocabulary: Vocabulary, world: World) -> World:
    """The world with up to three of its parts unknown."""
    for _ in range(1 + choose.number(2)):
        left = parts(vocabulary, world)
        if not left:
            return world
        path = choose.one(left)
        if len(path) == 2 and path[0] not in SCOPES and choose.chance(2):
            world = _without_fact(world, path)
        else:
            world = with_part(world, path, UNKNOWN)
    return world


def _without_fact(world: World, path: Path) -> World:
    name = cast(str, path[0])
    facts: Facts = {
        **world.facts,
        name: {k: v for k, v in world.facts[name].items() if k != path[1]},
    }
    return replace(world, facts=facts)


def worlds_completing(
    world: World,
    vocabulary: Vocabulary,
    read: Read,
    limit: int = 2_000,
) -> Iterator[World]:
    """Every world that an incomplete one may turn out to be, as far as `read` can tell.

    `read` is what is done with a world, such as `judging(rules, vocabulary)`; where it raises
    UnknownRead, each value of that part makes a world of its own. What it never reads stays
    unknown. Raises TooManyWorldsError, and TypeError where a part read has no few values.
    """
    waiting = [world]
    made = 0
    while waiting:
        at = waiting.pop()
        try:
            read(at)
        except UnknownRead as unknown:
            kind = type_at(vocabulary, unknown.path)
            waiting += [with_part(at, unknown.path, value) for value in values_of(kind)]
        else:
            yield at
        made += 1
        if made > limit or len(waiting) > limit:
            raise TooManyWorldsError
