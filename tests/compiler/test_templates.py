"""Long lists are folded a few elements at a time, to what the unrolled fold comes to."""

from __future__ import annotations

from fractions import Fraction

import pytest

from licet.compiler import compile_sources
from licet.compiler.clock import clock
from licet.compiler.encoding import EncodingLimit, ToolEncoder, UnsupportedText
from licet.compiler.encoding.encoder import SPARE
from licet.compiler.evaluation import judge
from licet.compiler.program import Program
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN, World
from licet.policy_lang import Source

HEAD = """
record Item { n: Int, price: Decimal, ok: Bool, name: String, tags: List<String> }
context {
  items: List<Item>, others: List<Int>, names: Map<String, Int>, doc: Json, limit: Int, flag: Bool
}
fact stock(name: String) -> Int
fact low() -> Int
fact high() -> Int
tool t()
"""


def program(*conditions: str) -> Program:
    rules = "\n".join(f"forbid r{i} on t when {c}" for i, c in enumerate(conditions))
    made, found = compile_sources([Source("p", f"{HEAD}permit all on t\n{rules}\n")])
    assert made is not None, found
    return made


def encoder(made: Program, spare: int) -> ToolEncoder:
    return ToolEncoder(
        made.rules["t"],
        made.signatures,
        made.catalog.qualified["t"].params,
        made.principal,
        made.context,
        made.session,
        made.zone,
        spare=spare,
    )


def item(n: Value, **other: Value) -> dict[str, Value]:
    made: dict[str, Value] = {"n": n, "price": n, "ok": True, "name": f"i{n}", "tags": ()}
    return made | other


def context(**given: Value) -> dict[str, Value]:
    none: dict[str, Value] = {
        "items": (), "others": (), "names": {}, "doc": {}, "limit": 0, "flag": True,
    }  # fmt: skip
    return none | given


FOLDS = (
    "any(i in context.items: i.n > 17)",
    "all(i in context.items: i.n < 17 or i.ok)",
    "count(i in context.items: i.n > context.limit) == 12",
    "sum(i in context.items: i.price) == 190.5",
    "(max(i in context.items: i.n) ?? 0) == 19",
    "(min(i in context.items: i.price) ?? 1.0) == 0.5",
    'any(i in context.items: i.name like "*9" and context.flag)',
    "any(i in [i for i in context.items if i.n > context.limit]: i.n < 9)",
    "any(n in [i.n * 2 for i in context.items if i.ok]: n == 38)",
    "length([i for i in context.items if i.n > 2]) == 17",
    'any(t in flatten([i.tags for i in context.items]): t == "b")',
    "length(context.others + [7]) == 21",
    "7 in context.others + [6]",
    "[i.n for i in context.items if i.n > 15] subset context.others",
    'any(k, v in context.names: v > 18 and k startswith "k")',
    '"k19" in context.names',
    'context.names["k3"] ?? 0 == 3',
    "any(i in context.items: (context.names[i.name] ?? 0) > 18 and i.name in context.names)",
    '"no" in (context.doc.map as Map<String, Json> ?? {})',
    'has context.doc.map["no"]',
    '(if context.flag then context.names else {})["k9"] ?? 1 == 9',
    "any(i in (if context.flag then context.items else []): i.n == 19)",
    "any(i in context.items: any(o in context.others: o == i.n and o > 18))",
    "any(i in context.items: i.n > count(o in context.others: o > 1))",
    "any(a, b in adjacent(context.others): a > b)",
    "any(c in context.doc.cs as List<Json> ?? []: (quantity(c.cpu) ?? 9) > 2)",
    "any(c in context.doc.cs as List<Json> ?? []: c.n as Int ?? 0 == 19)",
)


@pytest.mark.parametrize("spare", [0, 40, SPARE])
@pytest.mark.parametrize("length", [0, 1, 19, 20])
def test_long_lists_come_to_what_short_ones_do(spare: int, length: int) -> None:
    made = program(*FOLDS)
    items = tuple(
        item(n, price=Fraction(2 * n + 1, 2), ok=n % 3 > 0, tags=("a",) * n + ("b",) * (n == 19))
        for n in range(length)
    )
    given = context(
        items=items,
        others=tuple(range(length)),
        names={f"{name}{n}": n for n in range(length) for name in "ki"},
        doc={
            "cs": tuple({"cpu": f"{n}", "n": n} for n in range(length)),
            "map": {"no": None} | {f"k{n}": n for n in range(length)},
        },
        limit=7,
    )
    world = World("t", {}, context=given)
    judged = judge(made.rules["t"], world, clock(made.zone))
    with encoder(made, spare).deciding(world) as decided:
        assert decided.states() == tuple(outcome.state for outcome in judged.outcomes)


@pytest.mark.parametrize("spare", [0, 40])
def test_what_is_not_known_of_an_element_is_not_what_was_known_of_the_one_before(
    spare: int,
) -> None:
    encoded = encoder(program("any(i in context.items: i.n > 17)"), spare)

    def decided(*numbers: Value) -> object:
        items = tuple(item(n) for n in numbers)
        return encoded.decide(World("t", {}, context=context(items=items)))

    small = (1,) * 30
    assert decided(*small) == "allow"
    assert decided(*small, UNKNOWN, *small) is None
    assert decided(*small, UNKNOWN, *small, 18) == "deny"
    assert encoded.decide(World("t", {}, context=context(items=UNKNOWN))) is None
    assert encoded.decide(World("t", {}, context=context(items=(UNKNOWN,) * 30))) is None


def test_what_is_not_known_of_a_map_stays_open() -> None:
    conditions = (
        'context.names["k1"] ?? 0 == 1',
        '"k2" in context.names',
        'has context.names["no"]',
        'context.names["k2"] ?? 0 == 2',
    )
    encoded = encoder(program(*conditions), 0)
    names: dict[str, Value] = {"k1": 1, "k2": UNKNOWN}
    for names_now, expected in (
        (names, ("applies", "applies", "not", None)),
        (UNKNOWN, (None, None, None, None)),
        ({}, ("not", "not", "not", "not")),
    ):
        states = encoded.states(World("t", {}, context=context(names=names_now)))
        assert states[1:] == expected


def test_what_is_not_known_of_an_element_leaves_sums_open() -> None:
    conditions = (
        "count(i in context.items: i.ok) > 3",
        "sum(i in context.items: i.n) > 3",
        "(max(i in context.items: i.n) ?? 0) > 3",
        "count(i in context.items: i.price > 0) > 3",
    )
    encoded = encoder(program(*conditions), 0)
    items = (*(item(n) for n in range(9)), item(UNKNOWN, ok=UNKNOWN, price=1))
    states = encoded.states(World("t", {}, context=context(items=items)))
    assert states == ("applies", None, None, None, "applies")


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ((1, 2, 3, 4, 5), "not"),
        ((1, 2, "x", 4, 5), "wrong_type"),
        ((1, 2, "x", 9, 5), "wrong_type"),
        ((1, 9, "x", 4, 5), "applies"),
        ((1, UNKNOWN, "x", 4, 5), None),
        ((1, UNKNOWN, 3, 9, 5), None),
        ((9, UNKNOWN, "x", 4, 5), "applies"),
    ],
)
def test_elements_are_read_in_turn(values: tuple[Value, ...], state: object) -> None:
    """A wrong type refuses where evaluation comes to it, and an unknown one may be one."""
    made = program("any(c in context.doc.cs as List<Json> ?? []: c.n as Int ?? 0 > 8)")
    cs = tuple({"n": value} for value in values)
    for spare in (0, 80):
        given = context(doc={"cs": cs})
        assert encoder(made, spare).states(World("t", {}, context=given))[1] == state


def test_what_elements_ask_for_is_asked_in_order() -> None:
    made = program("low() > 1", "any(i in context.items: stock(i.name) > i.n)", "high() > 1")
    items = tuple(item(n) for n in range(6))
    world = World("t", {}, context=context(items=items), facts={"stock": {("i2",): 9}})
    encoded = encoder(made, 0)
    assert encoded.lacking(world) == (
        ("low", ()),
        *(("stock", (f"i{n}",)) for n in (0, 1, 3, 4, 5)),
        ("high", ()),
    )
    assert encoded.states(world)[2] == "applies"


def test_folds_of_folds() -> None:
    most = 'stock(if sum(j in context.items: j.n) > 3 then "a" else "b")'
    made = program(f"any(i in context.items: i.n > {most})")
    encoded = encoder(made, 0)
    for items, stock, state in (
        ((1, 2, 3), {("a",): 2}, "applies"),
        ((1, 2, 3), {("a",): 3}, "not"),
        ((1, 2, 0), {("b",): 1}, "applies"),
        ((1, 2, 0), {("a",): 1}, None),
    ):
        given = context(items=tuple(map(item, items)))
        world = World("t", {}, context=given, facts={"stock": stock})
        assert encoded.states(world)[1] == state


def test_one_formula_is_for_all_lengths() -> None:
    encoded = encoder(program(*FOLDS[:8]), SPARE)

    def handles(length: int) -> int:
        given = context(items=tuple(item(n % 9) for n in range(length)))
        encoded.states(World("t", {}, context=given))
        return encoded._context.kept

    before = handles(400)
    assert handles(900) < before + 20  # numbers that were met


def test_too_many_elements_are_a_limit() -> None:
    body = " or ".join(f"(i.n == {n} and i.ok and i.price > {n})" for n in range(50))
    encoded = encoder(program(f"any(i in context.items: {body})"), SPARE)
    items = tuple(item(99) for _ in range(9_999))
    with pytest.raises(EncodingLimit):
        encoded.decide(World("t", {}, context=context(items=items)))
    assert encoded.decide(World("t", {}, context=context(items=items[:999]))) == "allow"


def test_too_many_facts_of_elements_are_a_limit() -> None:
    encoded = encoder(program("any(i in context.items: stock(i.name) > i.n)"), SPARE)
    items = tuple(item(n) for n in range(2_100))
    with pytest.raises(EncodingLimit):
        encoded.lacking(World("t", {}, context=context(items=items)))


def test_an_element_that_cannot_be_decided_on_leaves_nothing_behind() -> None:
    encoded = encoder(program("any(i in context.items: length(i.name) > 9)"), 0)
    items = tuple(item(n) for n in range(30))
    rare = (*items[:17], item(17, name="\U000e0041"), *items)
    assert encoded.decide(World("t", {}, context=context(items=items))) == "allow"
    with pytest.raises(UnsupportedText):
        encoded.decide(World("t", {}, context=context(items=rare)))
    assert encoded.decide(World("t", {}, context=context(items=items))) == "allow"
    encoded.close()
