"""Two sets of arguments share a digest exactly where they are equal, as JSON says it: numbers by
their value, however they are spelt; keys in any order; null is not absence in what a schema leaves
open."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from licet.compiler import Program, compile_sources
from licet.compiler.catalog import Catalog, Tool
from licet.compiler.clock import clock
from licet.compiler.exact_json import canonical, decode
from licet.compiler.intake import BadValue, validator
from licet.compiler.spelling import require_text, spelled, speller
from licet.compiler.types import (
    DECIMAL,
    INT,
    JSON,
    STRING,
    TIME,
    Field,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Value,
)
from licet.compiler.values import render
from licet.compiler.world import UNKNOWN, World
from licet.policy_lang import Source
from licet.verifier.action import Action
from licet.verifier.calls import call_json
from licet.verifier.proposing import Proposal
from licet.verifier.tickets import arguments_digest, frozen
from licet.verifier.writing import Writer
from strategies.ir_strategies import Case, incomplete_cases
from support.examples import examples

NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, 2**63, -(2**53) - 1, 0, 1, -1, 500]),
    st.decimals(allow_nan=False, allow_infinity=False, places=20, min_value=-1000, max_value=1000),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e90, max_value=1e90).filter(
        lambda x: x == 0 or abs(x) > 1e-80
    ),
)
TEXTS = st.text(st.sampled_from('ab"\\/\u00e9e\u0301\u200b\n\0\x7f\U0001f600:,{}[]01'), max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def meaning(value: Any) -> Any:
    """What a value says: written on its own, with a tag for each kind."""
    if value is None or isinstance(value, bool | str):
        return type(value).__name__, value
    if isinstance(value, dict):
        return "object", frozenset((key, meaning(item)) for key, item in value.items())
    if isinstance(value, list):
        return "list", tuple(meaning(item) for item in value)
    return "number", Fraction(Decimal(repr(value)) if isinstance(value, float) else value)


def same(a: object, b: object) -> bool:
    return arguments_digest(frozen(a, a)) == arguments_digest(frozen(b, b))


@given(VALUES, VALUES)
def test_equal_exactly_where_they_say_the_same(a: Any, b: Any) -> None:
    assert same(a, b) == (meaning(a) == meaning(b))


@st.composite
def near(draw: st.DrawFn) -> tuple[Any, Any]:
    """A value, and the same with at most one place changed."""
    value = draw(VALUES)
    return value, _changed(value, draw(st.randoms(use_true_random=False)), draw(VALUES))


def _changed(value: Any, rng: random.Random, other: Any) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(sorted(value))
        if rng.random() < 0.3:
            return {k: v for k, v in value.items() if k != key}
        return {k: _changed(v, rng, other) if k == key else v for k, v in value.items()}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        return [_changed(v, rng, other) if n == place else v for n, v in enumerate(value)]
    if isinstance(value, list) and rng.random() < 0.3:
        return [value]
    return other


@given(near())
@example(({"n": 9007199254740992}, {"n": 9007199254740993}))
@example(({"n": 500}, {"n": Decimal("500.00000000000000001")}))
@example(({"n": 500}, {"n": 500.0}))
@example(({"n": Decimal("5e2")}, {"n": Decimal("500.00")}))
@example(({"n": 0.1}, {"n": Decimal("0.1000000000000000055511151231257827")}))
@example(({"n": 1}, {"n": True}))
@example(({"n": 1}, {"n": "1"}))
@example(({"n": None}, {}))
@example(({"n": [[]]}, {"n": [[], []]}))
@example(({"a": {"b": 1}, "c": 2}, {"a": {"b": 1, "c": 2}}))
@example(({"a": 'b","c'}, {"a": "b", "c": ""}))
@example(({"\u00e9": 1}, {"e\u0301": 1}))
@example(({"a": 0.0}, {"a": -0.0}))
def test_one_place_changed(pair: tuple[Any, Any]) -> None:
    a, b = pair
    assert same(a, b) == (meaning(a) == meaning(b))


@given(VALUES, st.randoms(use_true_random=False))
def test_spelling_does_not_matter(value: Any, rng: random.Random) -> None:
    text = _spelt(value, rng)
    assert same(value, decode(text))


def _spelt(value: Any, rng: random.Random) -> str:
    """The value as JSON, spelt in one of many ways."""
    space = " " * rng.randrange(2)
    match value:
        case None | bool():
            return json.dumps(value)
        case str():
            return json.dumps(value, ensure_ascii=rng.random() < 0.5)
        case list():
            return "[" + f",{space}".join(_spelt(v, rng) for v in value) + "]"
        case dict():
            items = list(value.items())
            rng.shuffle(items)
            parts = (f"{_spelt(k, rng)}{space}:{_spelt(v, rng)}" for k, v in items)
            return "{" + f",{space}".join(parts) + "}"
        case int():
            zeros = "0" * rng.randrange(3)
            return (
                f"{value}.{zeros}" if zeros else f"{value}e0" if rng.random() < 0.2 else f"{value}"
            )
        case float():
            return repr(value)
        case _:
            return f"{value:f}" if rng.random() < 0.5 else f"{value:e}"


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), object(), {1: 2}, b"x", {"a": {1, 2}}, "\ud800"]
)
def test_what_is_not_json_has_no_digest(value: object) -> None:
    with pytest.raises(ValueError, match=r"JSON|text|surrogates"):
        arguments_digest(value)


TOOL = Tool(
    "pay",
    "",
    RecordType(
        "",
        (
            Field("number", OptionalType(DECIMAL)),
            Field("document", OptionalType(JSON)),
            Field("given", JSON, default=(1, Fraction(5, 2))),
            Field("texts", OptionalType(ListType(STRING))),
            Field("named", OptionalType(MapType(STRING, RecordType("", (Field("n", INT),))))),
        ),
    ),
)
#: What was sent of it is not known from what was admitted.
OPEN = replace(TOOL, params=replace(TOOL.params, open=True))
TIMED = replace(TOOL, params=replace(TOOL.params, fields=(*TOOL.params.fields, Field("at", TIME))))
ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "number": st.none() | NUMBERS,
        "document": VALUES,
        "given": VALUES,
        "texts": st.none() | st.lists(TEXTS, max_size=3) | st.lists(TEXTS, max_size=3).map(tuple),
        "named": st.none() | st.dictionaries(TEXTS, st.fixed_dictionaries({"n": NUMBERS})),
    },
)


PROGRAM = cast(Program, compile_sources([Source("p", "principal { id: String }\n")])[0])


@given(ARGUMENTS, st.sampled_from((TOOL, OPEN, TIMED)))
@example({"document": {"b": 2.50, "a": [Decimal("1e2"), True, None, 1e16]}}, TOOL)
@example(
    {"document": {"\U0001f600": "\u00e9", "\uffff": "\x00\x7f\u2028", "$unknown": False}}, TOOL
)
@example({"document": ["0", '"0"', "\\ud8000", {"": {}}]}, TOOL)
@example({"number": -0.0, "document": None, "texts": ()}, TOOL)
@example({"more": [1.0]}, OPEN)
def test_what_was_admitted_is_spelled_as_what_was_sent(args: dict[str, Any], tool: Tool) -> None:
    if tool is TIMED:
        args = {**args, "at": "2026-11-30T10:00:00.50+01:00"}
    try:
        admitted = validator(tool.params, clock("UTC"))(args)
    except BadValue:
        return
    world = World(tool.qualified, cast(dict[str, Value], admitted))
    runs = frozen(args, render(world.args, tool.params))
    writer = Writer(PROGRAM)
    text = writer.arguments(tool, world)
    assert text == canonical(render(world.args, tool.params)).decode()
    assert writer.digest(tool, world, text, args) == arguments_digest(runs)


@given(VALUES)
def test_one_spelling(value: Any) -> None:
    try:
        admitted = validator(JSON, clock("UTC"))(value)
    except BadValue:
        return
    assert spelled(admitted) == canonical(value).decode()


@settings(max_examples=examples(40))
@given(incomplete_cases(fuel=1), st.booleans(), st.lists(TEXTS, max_size=2))
def test_a_record_says_what_the_call_does(case: Case, commit: bool, parts: list[str]) -> None:
    """What is kept of a call is the call's JSON, and what it was allowed by."""
    known, world = case.vocabulary, case.world
    source, _, name = world.tool.rpartition(".")
    tool = Tool(name, source, known.args)
    made = replace(
        PROGRAM,
        catalog=Catalog((tool,)),
        principal=known.principal,
        context=known.context,
        session=known.session,
        facts={fact.name: fact for fact in known.facts},
        history={},
    )
    writer = Writer(made)
    text = writer.arguments(tool, world)
    action = Action(tool=world.tool)
    proposal = Proposal(action, tool, world, "", "", parts[0] if parts else None, "", text, commit)
    if parts:
        proposal = proposal._replace(parts=tuple(parts), part_of=parts[-1])
    told: dict[str, object] = {"by": parts, "call": call_json(world, made), "issued": 7}
    told |= {"session": proposal.session} | ({"commit": True} if commit else {})
    if parts:
        told |= {"parts": parts} | ({"part_of": parts[-1]} if parts[-1] else {})
    call = writer.call(proposal)
    assert writer.record(proposal, call, parts, 7) == canonical(told).decode()
    agreed = call_json(world, made) | ({"approved": parts} if parts else {})
    assert writer.approved(call, parts) == canonical(agreed).decode()


@pytest.mark.parametrize("text", ["\ud800", "\ud8000", "a\ud8000", "b\udc00"])
def test_half_of_a_surrogate_pair_is_not_spelled(text: str) -> None:
    for value in (text, {text: 1}, [text, Decimal("1.5")], [Decimal("1.5"), {"a": text}]):
        with pytest.raises(ValueError, match="surrogate"):
            spelled(value)
    spell = speller(RecordType("", (Field("a", MapType(STRING, STRING)),)))
    for entry in ({text: "a"}, {"a": text}):
        with pytest.raises(UnicodeEncodeError):
            require_text(spell({"a": entry}))


def test_what_is_not_known_is_spelled_so() -> None:
    assert spelled({"b": UNKNOWN, "a": (Fraction(1, 3), Fraction(-5, 2))}) == (
        '{"a":["1/3",-2.5],"b":{"$unknown":true}}'
    )
    with pytest.raises(TypeError, match="object"):
        spelled([object()])
