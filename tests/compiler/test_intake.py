from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

import pytest

from licet.compiler.clock import clock
from licet.compiler.intake import BadValue, Problem, conforms, render, show, validator
from licet.compiler.types import (
    BOOL,
    DATE,
    DAY,
    DURATION,
    INT,
    JSON,
    MINUTE,
    STRING,
    TIME,
    DecimalType,
    EnumType,
    Field,
    IntType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
)
from licet.compiler.world import UNKNOWN

UTC_CLOCK = clock("UTC")
CABIN = EnumType("Cabin", ("basic_economy", "economy", "business"))
EXACT = DecimalType(exact=True)
BAG = RecordType(
    "Bag",
    (
        Field("kg", DecimalType(low=Fraction(0), high=Fraction(32))),
        Field("cabin", CABIN),
        Field("count", INT, 1),
        Field("note", OptionalType(STRING)),
    ),
)


class Label(StrEnum):
    economy = "economy"


class Liar:
    __class__ = str  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("type", "given", "value"),
    [
        (BOOL, True, True),
        (INT, 3, 3),
        (INT, 3.0, 3),
        (INT, Decimal("3.00"), 3),
        (DecimalType(), 499.99, Fraction(49999, 100)),
        (DecimalType(), 0.1, Fraction(1, 10)),
        (DecimalType(), 1e23, 10**23),
        (DecimalType(), Decimal("1.50"), Fraction(3, 2)),
        (DecimalType(), -0.0, 0),
        (EXACT, Decimal("499.99999999999999999"), Fraction("499.99999999999999999")),
        (EXACT, 9007199254740993, 9007199254740993),
        (STRING, "é\U0001f600", "é\U0001f600"),
        (CABIN, "economy", "economy"),
        (DATE, "1970-01-02", 1),
        (DATE, date(1970, 1, 2), 1),
        (TIME, "1970-01-02T00:00Z", DAY),
        (TIME, datetime(1970, 1, 2, tzinfo=UTC), DAY),
        (DURATION, "30min", 30 * MINUTE),
        (DURATION, timedelta(minutes=30), 30 * MINUTE),
        (OptionalType(INT), None, None),
        (ListType(INT), [1, 2], (1, 2)),
        (ListType(INT), (1, 2), (1, 2)),
        (MapType(STRING, INT), {"b": 1, "a": 2}, {"a": 2, "b": 1}),
        (JSON, {"b": [1.5, None, True], "a": {}}, {"a": {}, "b": (Fraction(3, 2), None, True)}),
        (ListType(JSON, unique=True), [1, True, "1"], (1, True, "1")),
        (
            BAG,
            {"cabin": "economy", "kg": 3},
            {"kg": 3, "cabin": "economy", "count": 1, "note": None},
        ),
    ],
)
def test_taken(type: Type, given: object, value: object) -> None:
    found = validator(type, UTC_CLOCK)(given)
    assert found == value
    assert found.__class__ is value.__class__
    assert conforms(found, type)
    assert validator(type, UTC_CLOCK)(render(found, type)) == found


@pytest.mark.parametrize(
    ("type", "given", "kind"),
    [
        (BOOL, 1, "wrong_type"),
        (BOOL, "true", "wrong_type"),
        (INT, True, "wrong_type"),
        (INT, "700", "wrong_type"),
        (INT, 1.5, "wrong_type"),
        (INT, 10**100, "out_of_range"),
        (IntType(0, 10), 11, "out_of_range"),
        (IntType(0, 10, 5), 7, "out_of_range"),
        (DecimalType(), True, "wrong_type"),
        (DecimalType(), "700", "wrong_type"),
        (DecimalType(), "seven hundred", "wrong_type"),
        (DecimalType(), {}, "wrong_type"),
        (DecimalType(), None, "wrong_type"),
        (DecimalType(), float("nan"), "wrong_type"),
        (DecimalType(), float("inf"), "wrong_type"),
        (DecimalType(), Decimal("NaN"), "wrong_type"),
        (DecimalType(), Decimal("sNaN"), "wrong_type"),
        (DecimalType(), 1e300, "too_large"),
        (DecimalType(), 5e-324, "too_large"),
        (DecimalType(), Decimal("1e999999"), "too_large"),
        (DecimalType(), Decimal("499.99999999999999999"), "not_exact"),
        (DecimalType(), 9007199254740993, "not_exact"),
        (EXACT, Fraction(1, 3), "too_large"),
        (DecimalType(), 1j, "wrong_type"),
        (STRING, b"a", "wrong_type"),
        (STRING, "\ud800", "malformed"),
        (STRING, "a" * 100_001, "wrong_length"),
        (STRING, Label.economy, "wrong_type"),
        (StringType(2, 3), "a", "wrong_length"),
        (StringType(patterns=("[A-Z]+",)), "Ab", "no_match"),
        (CABIN, "first", "not_a_label"),
        (CABIN, 1, "wrong_type"),
        (DATE, datetime(1970, 1, 2, tzinfo=UTC), "wrong_type"),
        (DATE, "1970-01-32", "malformed"),
        (TIME, datetime(1970, 1, 2), "wrong_type"),
        (TIME, 0, "wrong_type"),
        (DURATION, "1m", "malformed"),
        (DURATION, "99999999d", "out_of_range"),
        (ListType(INT), {"a": 1}, "wrong_type"),
        (ListType(INT), "12", "wrong_type"),
        (ListType(INT), {1, 2}, "wrong_type"),
        (ListType(INT), [0] * 10_001, "wrong_length"),
        (ListType(INT, 1), [], "wrong_length"),
        (ListType(INT, unique=True), [1, 1.0], "not_unique"),
        (ListType(ListType(INT)), [[0] * 10_000] * 10, "too_large"),
        (MapType(STRING, INT), {1: 1}, "wrong_type"),
        (MapType(STRING, BOOL), {"$unknown": True}, "unknown"),
        (MapType(CABIN, INT), {"x": 1}, "not_a_label"),
        (BAG, [], "wrong_type"),
        (JSON, {1: 2}, "wrong_type"),
        (JSON, {"a": {"$unknown": True}}, "unknown"),
        (JSON, object(), "wrong_type"),
        (JSON, UNKNOWN, "wrong_type"),
        (JSON, float("nan"), "wrong_type"),
    ],
)
def test_refused(type: Type, given: object, kind: str) -> None:
    with pytest.raises(BadValue) as caught:
        validator(type, UTC_CLOCK)(given)
    assert [problem.kind for problem in caught.value.problems] == [kind]


def test_a_class_that_lies_about_itself_is_seen_through() -> None:
    with pytest.raises(BadValue) as caught:
        validator(STRING, UTC_CLOCK)(Liar())
    assert caught.value.problems == (Problem((), "text", "a value of type `Liar`", "wrong_type"),)


def test_nesting_and_circles_are_refused() -> None:
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(BadValue) as caught:
        validator(JSON, UTC_CLOCK)(circle)
    assert caught.value.problems[0].kind == "too_large"


def test_every_problem_of_a_record_at_once() -> None:
    with pytest.raises(BadValue) as caught:
        validator(BAG, UTC_CLOCK)({"kg": 33, "cabn": "economy", "note": 1}, ("args", "bag"))
    assert caught.value.problems == (
        Problem(("args", "bag", "kg"), "a number in 0 .. 32", "33", "out_of_range"),
        Problem(("args", "bag", "cabin"), "a value of type Cabin", "nothing", "missing"),
        Problem(("args", "bag", "note"), "text", "1", "wrong_type"),
        Problem(("args", "bag", "cabn"), "no such field", "`cabn`", "unknown_field", "cabin"),
    )


def test_at_most_twenty_problems() -> None:
    with pytest.raises(BadValue) as caught:
        validator(BAG, UTC_CLOCK)({f"x{i}": 0 for i in range(100_000)})
    assert len(caught.value.problems) == 20


def test_the_path_leads_into_lists() -> None:
    with pytest.raises(BadValue) as caught:
        validator(ListType(BAG), UTC_CLOCK)(
            [{"kg": 1, "cabin": "economy"}, {"kg": "1", "cabin": "econmy"}], ("args", "bags")
        )
    expected = 'one of "basic_economy", "economy", "business"'
    assert caught.value.problems == (
        Problem(("args", "bags", 1, "kg"), "a number in 0 .. 32", 'the text "1"', "wrong_type"),
        Problem(
            ("args", "bags", 1, "cabin"), expected, 'the text "econmy"', "not_a_label", "economy"
        ),
    )


def test_an_open_record_ignores_more_fields() -> None:
    open_record = RecordType("", (Field("a", INT),), open=True)
    assert validator(open_record, UTC_CLOCK)({"a": 1, "b": 2}) == {"a": 1}


def test_the_host_may_leave_things_unknown() -> None:
    host = validator(ListType(BAG), UTC_CLOCK, allow_unknown=True)
    given = [{"kg": {"$unknown": True}}, {"$unknown": True}, UNKNOWN]
    first = {"kg": UNKNOWN, "cabin": UNKNOWN, "count": 1, "note": None}
    assert host(given) == (first, UNKNOWN, UNKNOWN)
    document = validator(JSON, UTC_CLOCK, allow_unknown=True)({"a": [{"$unknown": True}]})
    assert document == {"a": (UNKNOWN,)}


def test_the_host_may_not_be_wrong() -> None:
    with pytest.raises(BadValue) as caught:
        validator(BAG, UTC_CLOCK, allow_unknown=True)({"kg": {"$unknown": 1}})
    assert [problem.path for problem in caught.value.problems] == [("kg",)]


@pytest.mark.parametrize(
    ("type", "value"),
    [
        (INT, True),
        (INT, Fraction(1)),
        (DecimalType(), Fraction(1, 3)),
        (DecimalType(), 0.5),
        (BAG, {"kg": 1, "cabin": "economy"}),
        (ListType(INT), [1]),
        (ListType(INT, unique=True), (1, 1)),
        (MapType(STRING, INT), {"b": 1, "a": 1}),
        (STRING, "\ud800"),
        (INT, UNKNOWN),
    ],
)
def test_does_not_conform(type: Type, value: object) -> None:
    assert not conforms(value, type)


@pytest.mark.parametrize(
    ("type", "value", "text"),
    [
        (STRING, "u1", '"u1"'),
        (STRING, 'a"\\', '"a\\"\\\\"'),
        (STRING, "a\n\u202e\u200b\x1b\u3164", '"a\\u{a}\\u{202e}\\u{200b}\\u{1b}\\u{3164}"'),
        (STRING, "a" * 100, '"' + "a" * 57 + '…"'),
        (DecimalType(), Fraction(49999, 100), "499.99"),
        (DecimalType(), Fraction(-1, 3), "-1/3"),
        (CABIN, "basic_economy", "basic_economy"),
        (EnumType("", ("on time",)), "on time", '"on time"'),
        (DATE, 0, "1970-01-01"),
        (TIME, 0, "1970-01-01T00:00:00Z"),
        (DURATION, 30 * MINUTE, "30min"),
        (OptionalType(INT), None, "none"),
        (INT, UNKNOWN, "(unknown)"),
        (ListType(INT), (1, 2), "[1, 2]"),
        (ListType(INT), tuple(range(1000)), None),
        (MapType(STRING, INT), {"a b": 1}, '{ "a b": 1 }'),
        (
            BAG,
            {"kg": 1, "cabin": "economy", "count": 1, "note": None},
            "{ kg: 1, cabin: economy, count: 1, note: none }",
        ),
        (JSON, {"a": (True, None, Fraction(1, 2))}, "{ a: [true, none, 0.5] }"),
    ],
)
def test_show(type: Type, value: object, text: str | None) -> None:
    shown = show(value, type)
    assert len(shown) <= 60
    if text is not None:
        assert shown == text


def test_render_leaves_absent_fields_out() -> None:
    value = {"kg": Fraction(3, 2), "cabin": "economy", "count": 1, "note": None}
    rendered = render(value, BAG)
    assert rendered == {"kg": Decimal("1.5"), "cabin": "economy", "count": 1}
