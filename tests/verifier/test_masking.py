"""Parts of a world: worlds given stay as they are."""

from __future__ import annotations

from functools import reduce

import pytest

from licet.compiler.world import UNKNOWN, World
from licet.verifier.masking import (
    below,
    parts,
    unknowns,
    value_at,
    with_value,
    without,
    without_all,
)

WORLD = World(
    "desk.refund",
    {"amount": 7, "bags": ({"weight": 1}, {"weight": UNKNOWN})},
    {"role": "support", "tags": {"a": 1, "b": 2}},
    {},
    {},
    5,
    {"order": {("R1",): {"owner": "u"}, ("R2",): None, ("R3",): UNKNOWN}},
)


def test_parts_are_fields_clock_and_facts() -> None:
    assert list(parts(WORLD)) == [
        ("args", "amount"),
        ("args", "bags"),
        ("principal", "role"),
        ("principal", "tags"),
        ("now",),
        ("order", ("R1",)),
        ("order", ("R2",)),
        ("order", ("R3",)),
    ]


def test_parts_of_parts() -> None:
    bags, tags = ("args", "bags"), ("principal", "tags")
    assert below(bags, value_at(WORLD, bags)) == [("args", "bags", 0), ("args", "bags", 1)]
    assert below(tags, value_at(WORLD, tags)) == [
        ("principal", "tags", "a"),
        ("principal", "tags", "b"),
    ]
    assert below(("now",), value_at(WORLD, ("now",))) == []
    assert below(("order", ("R2",)), value_at(WORLD, ("order", ("R2",)))) == []


@pytest.mark.parametrize(
    "path",
    [
        ("args", "amount"),
        ("args", "bags", 1, "weight"),
        ("principal", "tags", "b"),
        ("now",),
        ("order", ("R1",)),
        ("order", ("R1",), "owner"),
        ("order", ("R9",)),
        ("blocked", ("u",)),
    ],
)
def test_a_value_put_is_there_and_nowhere_else(path: tuple[object, ...]) -> None:
    before = repr(WORLD)
    new = with_value(WORLD, path, 99)
    assert value_at(new, path) == 99
    assert repr(WORLD) == before
    for other in parts(WORLD):
        if other != path[: len(other)]:
            assert value_at(new, other) is value_at(WORLD, other)


def test_what_is_not_there_has_no_parts() -> None:
    with pytest.raises(LookupError):
        value_at(WORLD, ("args", "amount", "cents"))
    with pytest.raises(LookupError):
        with_value(WORLD, ("order", ("R2",), "owner"), "u")


def test_unknown_parts_are_found_wherever_they_are() -> None:
    forgotten = without(WORLD, ("principal", "tags", "b"))
    assert list(unknowns(forgotten)) == [
        ("args", "bags", 1, "weight"),
        ("principal", "tags", "b"),
        ("order", ("R3",)),
    ]


def test_several_are_forgotten_as_one_after_the_other() -> None:
    paths = [
        ("args", "bags", 0, "weight"),
        ("args", "amount"),
        ("args", "bags", 1),
        ("principal", "tags", "a"),
        ("now",),
        ("order", ("R1",), "owner"),
        ("order", ("R2",)),
    ]
    before = repr(WORLD)
    assert without_all(WORLD, paths) == reduce(without, paths, WORLD)
    assert without_all(WORLD, []) == WORLD
    assert repr(WORLD) == before
