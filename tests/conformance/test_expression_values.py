"""What each expression of the typed core is worth: one table for each section of `ir`."""

from __future__ import annotations

from fractions import Fraction

import pytest

from licet.compiler import ir
from licet.compiler.builtins import BUILTINS
from licet.compiler.clock import parse_date, parse_time
from licet.compiler.evaluation import WrongType, evaluate
from licet.compiler.types import (
    BOOL,
    DATE,
    DAY,
    DECIMAL,
    DURATION,
    HOUR,
    INT,
    JSON,
    STRING,
    TIME,
    WEEKDAY,
    EnumType,
    ListType,
    MapType,
    OptionalType,
    Value,
)
from support.ir_building import (
    FALSE,
    NEW_YORK,
    REFUSES,
    TRUE,
    UTC,
    absent,
    all_of,
    any_of,
    arg,
    counts,
    equal,
    ints,
    less,
    maybe,
    n,
    of,
    record,
    s,
    some,
    var,
    world,
)

Row = tuple[str, ir.Expr, Value]


def table(*rows: Row) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("expr", "value"), [pytest.param(expr, value, id=text) for text, expr, value in rows]
    )


def check(expr: ir.Expr, value: Value) -> None:
    found = evaluate(expr, world(), UTC)
    assert found == value
    assert type(found) is type(value)


# --- logic -------------------------------------------------------------------------------------


@table(
    ("not true", ir.Not(TRUE), False),
    ("true and true", ir.And((TRUE, TRUE)), True),
    ("true and false", ir.And((TRUE, FALSE)), False),
    ("and of nothing", ir.And(()), True),
    ("or of nothing", ir.Or(()), False),
    ("false or true", ir.Or((FALSE, TRUE)), True),
    ("and stops at the first false", ir.And((FALSE, REFUSES)), False),
    ("or stops at the first true", ir.Or((TRUE, REFUSES)), True),
    ("if true takes the one branch", ir.If(TRUE, n(1), ir.Length(s("")), INT), 1),
    ("if false leaves the other alone", ir.If(FALSE, REFUSES, TRUE, BOOL), True),
)
def test_logic(expr: ir.Expr, value: Value) -> None:
    check(expr, value)


@pytest.mark.parametrize(
    "expr",
    [
        pytest.param(ir.And((TRUE, REFUSES)), id="and"),
        pytest.param(ir.Or((FALSE, REFUSES)), id="or"),
        pytest.param(ir.And((REFUSES, FALSE)), id="left to right"),
        pytest.param(ir.Equal(REFUSES, FALSE), id="=="),
        pytest.param(ir.Length(ir.MakeList((REFUSES,), ListType(BOOL))), id="a list's item"),
        pytest.param(ir.Count(var(0), ints(1), REFUSES), id="count"),
    ],
)
def test_what_is_evaluated_may_refuse(expr: ir.Expr) -> None:
    with pytest.raises(WrongType):
        evaluate(expr, world(), UTC)


# --- documents ---------------------------------------------------------------------------------


def doc(value: Value) -> ir.Expr:
    return ir.Const(value, JSON)


def builtin(name: str, *arguments: ir.Expr) -> ir.Expr:
    return ir.Builtin(name, arguments, BUILTINS[name].result)


@table(
    ("1 == 1.0", equal(doc(1), doc(Fraction(1))), True),
    ("1 == true", equal(doc(1), doc(True)), False),
    ('1 == "1"', equal(doc(1), doc("1")), False),
    ("null == null", equal(doc(None), doc(None)), True),
    ("keys in any order", equal(doc({"a": 1, "b": 2}), doc({"b": 2, "a": 1})), True),
    ("an entry that is null", equal(doc({"a": None}), doc({})), False),
    ("deep", equal(doc({"a": (1, {"b": "x"})}), doc({"a": (1, {"b": "y"})})), False),
    ("type_of null", builtin("type_of", doc(None)), "null"),
    ("patched", builtin("patched", doc({"a": 1}), doc(({"op": "remove", "path": "/a"},))), {}),
    ("a patch that does not apply", builtin("patched", doc({}), doc(({"op": "x"},))), None),
    ("merged", builtin("merged", doc({"a": 1}), doc({"a": None, "b": 2})), {"b": 2}),
)
def test_whole_documents(expr: ir.Expr, value: Value) -> None:
    check(expr, value)


def test_a_list_of_lists_is_flattened_in_order() -> None:
    lists = ir.MakeList((ints(1, 2), ints(), ints(3)), ListType(ListType(INT)))
    assert evaluate(ir.Flatten(lists, ListType(INT)), world(), UTC) == (1, 2, 3)


# --- comparison --------------------------------------------------------------------------------

ROLE = EnumType("Role", ("support", "manager", "admin"))
PAIR = record(a=INT, b=OptionalType(STRING))


@table(
    ("1 == 1", equal(n(1), n(1)), True),
    ("1 == 1.0", equal(n(1), n("1")), True),
    ("0.1 + 0.2 == 0.3", equal(ir.Arithmetic("+", n("0.1"), n("0.2"), DECIMAL), n("0.3")), True),
    ("2^53 == 2^53 + 1", equal(n(2**53), n(2**53 + 1)), False),
    ('"A" == "\\u{41}" as written', equal(s("A"), s("\\u{41}")), False),
    ("composed and decomposed é", equal(s("\u00e9"), s("e\u0301")), False),
    ('"a" == "a\\0"', equal(s("a"), s("a\0")), False),
    ("[1, 2] == [2, 1]", equal(ints(1, 2), ints(2, 1)), False),
    ("[] == []", equal(ints(), ints()), True),
    ("[1] == [1, 1]", equal(ints(1), ints(1, 1)), False),
    (
        "absent fields are equal",
        equal(of(PAIR, {"a": 1, "b": None}), of(PAIR, {"b": None, "a": 1})),
        True,
    ),
    (
        "absent and empty differ",
        equal(of(PAIR, {"a": 1, "b": None}), of(PAIR, {"a": 1, "b": ""})),
        False,
    ),
    ("maps by content", equal(counts(a=1, b=2), counts(b=2, a=1)), True),
    ("maps of other keys", equal(counts(a=1), counts(b=1)), False),
    ("1 < 1", less(n(1), n(1)), False),
    ("1 <= 1", ir.Less(n(1), n(1), strict=False), True),
    ("499.999… < 500", less(n("499.99999999999999999999"), n(500)), True),
    ('"B" < "a"', less(s("B"), s("a")), True),
    ('"" < "a"', less(s(""), s("a")), True),
    ('"a" < "ab"', less(s("a"), s("ab")), True),
    ("U+FFFF < U+1F600", less(s("\uffff"), s("😀")), True),
    ("U+1F600 < U+20000", less(s("😀"), s("𠀀")), True),
    ("enums in declared order", less(of(ROLE, "manager"), of(ROLE, "admin")), True),
    ("enums, not by text", less(of(ROLE, "admin"), of(ROLE, "manager")), False),
)
def test_comparison(expr: ir.Expr, value: Value) -> None:
    check(expr, value)


def test_a_bool_is_not_a_number() -> None:
    truth, one = ir.Const(True, JSON), ir.Const(1, JSON)
    assert evaluate(equal(truth, one), world(), UTC) is False
    assert evaluate(equal(one, truth), world(), UTC) is False


# --- numbers -----------------------------------------------------------------------------------


@table(
    ("1 + 2", ir.Arithmetic("+", n(1), n(2), INT), 3),
    ("1 - 2", ir.Arithmetic("-", n(1), n(2), INT), -1),
    ("2^63 * 2^63", ir.Arithmetic("*", n(2**63), n(2**63), INT), 2**126),
    ("1 / 3", ir.Arithmetic("/", n(1), n(3), DECIMAL), Fraction(1, 3)),
    ("1 / 3 * 3", ir.Arithmetic("*", n("1/3"), n(3), DECIMAL), 1),
    ("4 / 2 is whole", ir.Arithmetic("/", n(4), n(2), DECIMAL), 2),
    ("1 / -4", ir.Arithmetic("/", n(1), n(-4), DECIMAL), Fraction(-1, 4)),
    ("7 div 2", ir.Arithmetic("div", n(7), n(2), INT), 3),
    ("-7 div 2", ir.Arithmetic("div", n(-7), n(2), INT), -4),
    ("-7 % 2", ir.Arithmetic("%", n(-7), n(2), INT), 1),
    ("-6 % 3", ir.Arithmetic("%", n(-6), n(3), INT), 0),
    ("7 % 3", ir.Arithmetic("%", n(7), n(3), INT), 1),
    ("-(0.5)", ir.Negate(n("0.5"), DECIMAL), Fraction(-1, 2)),
    ("min(2, 1, 3)", ir.Pick("min", (n(2), n(1), n(3)), INT), 1),
    ("max of one", ir.Pick("max", (n("1/3"),), DECIMAL), Fraction(1, 3)),
    ("max(1, 1.5)", ir.Pick("max", (n(1), n("1.5")), DECIMAL), Fraction(3, 2)),
)
def test_numbers(expr: ir.Expr, value: Value) -> None:
    check(expr, value)


# --- time --------------------------------------------------------------------------------------


def date(text: str) -> ir.Const:
    return of(DATE, parse_date(text))


def time(text: str) -> ir.Const:
    return of(TIME, parse_time(text, UTC))


def shifted(text: str, duration: int) -> ir.Arithmetic:
    return ir.Arithmetic("date_shift", date(text), of(DURATION, duration), DATE)


@table(
    ("a leap day after", shifted("2024-02-28", DAY), parse_date("2024-02-29")),
    ("no leap day in 2023", shifted("2023-02-28", DAY), parse_date("2023-03-01")),
    ("a day before the year", shifted("2024-01-01", -DAY), parse_date("2023-12-31")),
    ("part of a day counts down", shifted("2024-01-02", -1), parse_date("2024-01-01")),
    ("36 h are one day", shifted("2024-01-01", 36 * HOUR), parse_date("2024-01-02")),
    (
        "date - date",
        ir.Arithmetic("date_difference", date("2024-03-01"), date("2024-02-28"), DURATION),
        2 * DAY,
    ),
    (
        "time - time",
        ir.Arithmetic("-", time("2024-01-01T01:00Z"), time("2024-01-01T00:00Z"), DURATION),
        HOUR,
    ),
    ("year 1", ir.ClockPart("year", date("0001-01-01"), INT), 1),
    ("0001-01-01", ir.ClockPart("weekday", date("0001-01-01"), WEEKDAY), "mon"),
    ("9999-12-31", ir.ClockPart("weekday", date("9999-12-31"), WEEKDAY), "fri"),
    ("month of a leap day", ir.ClockPart("month", date("2024-02-29"), INT), 2),
    ("day of a leap day", ir.ClockPart("day", date("2024-02-29"), INT), 29),
    ("1900 has no leap day", ir.ClockPart("day", shifted("1900-02-28", DAY), INT), 1),
    ("2000 has one", ir.ClockPart("day", shifted("2000-02-28", DAY), INT), 29),
    ("after the year 9999", ir.ClockPart("year", shifted("9999-12-31", DAY), INT), 10_000),
    ("before the year 1", ir.ClockPart("year", shifted("0001-01-01", -DAY), INT), 0),
)
def test_time(expr: ir.Expr, value: Value) -> None:
    check(expr, value)


@pytest.mark.parametrize(
    ("instant", "hour", "weekday", "day"),
    [
        pytest.param("2024-03-10T06:59:59Z", 1, "sun", "2024-03-10", id="before the gap"),
        pytest.param("2024-03-10T07:00:00Z", 3, "sun", "2024-03-10", id="after the gap"),
        pytest.param("2024-11-03T05:30:00Z", 1, "sun", "2024-11-03", id="first time round"),
        pytest.param("2024-11-03T06:30:00Z", 1, "sun", "2024-11-03", id="second time round"),
        pytest.param("2024-03-01T04:59:59Z", 23, "thu", "2024-02-29", id="leap day, local"),
        pytest.param("1970-01-01T00:00:00Z", 19, "wed", "1969-12-31", id="before 1970"),
        pytest.param("1900-01-01T00:00:00Z", 19, "sun", "1899-12-31", id="the first instant"),
    ],
)
def test_clock_of_a_zone(instant: str, hour: int, weekday: str, day: str) -> None:
    found = [
        evaluate(ir.ClockPart(part, time(instant), kind), world(), NEW_YORK)
        for part, kind in (("hour", INT), ("weekday", WEEKDAY), ("date", DATE))
    ]
    assert found == [hour, weekday, parse_date(day)]


# --- text --------------------------------------------------------------------------------------


@table(
    ("concat", ir.Concat((s("a"), s(""), s("😀")), STRING), "a😀"),
    ("length counts code points", ir.Length(s("e\u0301😀𠀀")), 4),
    ("length of \\u{41} as written", ir.Length(s("\\u{41}")), 6),
    ("contains the empty text", ir.TextTest("contains", s(""), s("")), True),
    ("contains", ir.TextTest("contains", s("a.b"), s(".")), True),
    ("startswith", ir.TextTest("startswith", s("ab"), s("b")), False),
    ("endswith", ir.TextTest("endswith", s("ab"), s("b")), True),
    ("endswith itself", ir.TextTest("endswith", s("ab"), s("ab")), True),
    ("longer than the text", ir.TextTest("startswith", s("a"), s("ab")), False),
    ("matches the whole text", ir.Matches(s("ab"), "a"), False),
    ("matches", ir.Matches(s("aab"), "a*b"), True),
    (". is any character", ir.Matches(s("\n"), "."), True),
    ("one character beyond the BMP", ir.Matches(s("😀"), "."), True),
    ("\\d is ASCII", ir.Matches(s("٣"), r"\d"), False),
    ("lower is ASCII", ir.Builtin("lower", (s("AÉ"),), STRING), "aÉ"),
    ("int of text", ir.Builtin("int", (s("12"),), OptionalType(INT)), 12),
    ("int of other text", ir.Builtin("int", (s("1e3"),), OptionalType(INT)), None),
)
def test_text(expr: ir.Expr, value: Value) -> None:
    check(expr, value)


# --- optionals ---------------------------------------------------------------------------------

MAYBE = OptionalType(INT)
PLUS_ONE = ir.Arithmetic("+", var(0), n(1), INT)


@table(
    ("has absent", ir.Present(absent(INT)), False),
    ("has 0", ir.Present(maybe(0)), True),
    ('has ""', ir.Present(some(s(""))), True),
    ("absent ?? 1", ir.Coalesce(absent(INT), n(1), INT), 1),
    ("0 ?? 1", ir.Coalesce(maybe(0), n(1), INT), 0),
    ("false ?? true", ir.Coalesce(some(FALSE), TRUE, BOOL), False),
    ("a default is not looked at", ir.Coalesce(some(TRUE), REFUSES, BOOL), True),
    ("absent ?? absent", ir.Coalesce(absent(INT), absent(INT), MAYBE), None),
    (
        "absent ?? (absent ?? 3)",
        ir.Coalesce(absent(INT), ir.Coalesce(absent(INT), n(3), INT), INT),
        3,
    ),
    ("a chain over a value", ir.WhenPresent(maybe(4), var(0), PLUS_ONE, MAYBE), 5),
    ("a chain over nothing", ir.WhenPresent(absent(INT), var(0), PLUS_ONE, MAYBE), None),
    ("nested absence is flat", ir.WhenPresent(maybe(4), var(0), absent(INT), MAYBE), None),
    ("a chain stops early", ir.WhenPresent(absent(INT), var(0), REFUSES, OptionalType(BOOL)), None),
    ("unwrap under a guard", ir.If(ir.Present(maybe(2)), ir.Unwrap(maybe(2), INT), n(0), INT), 2),
    (
        "unwrap off the guard",
        ir.If(ir.Present(maybe(None)), ir.Unwrap(maybe(None), INT), n(0), INT),
        0,
    ),
)
def test_optionals(expr: ir.Expr, value: Value) -> None:
    check(expr, value)


# --- collections -------------------------------------------------------------------------------

PAIRS = ListType(record(first=INT, second=INT))
ENTRIES = ListType(record(key=STRING, value=INT))
X, Y = var(0), var(1)
LISTS = of(ListType(ListType(INT)), ((1,), (), (2, 3)))


@table(
    ("[1, 2]", ir.MakeList((n(1), n(2)), ListType(INT)), (1, 2)),
    (
        "{ a: 1, b: absent }",
        ir.MakeRecord((("a", n(1)), ("b", absent(STRING))), PAIR),
        {"a": 1, "b": None},
    ),
    ("[] + [1] + [1]", ir.ListConcat((ints(), ints(1), ints(1)), ListType(INT)), (1, 1)),
    ("length of []", ir.Length(ints()), 0),
    ("length of a map", ir.Length(counts(a=1, b=1)), 2),
    ("1 in []", ir.Contains(n(1), ints()), False),
    ("1.0 in [2, 1]", ir.Contains(n("1"), ints(2, 1)), True),
    ("[] in [[1], []]", ir.Contains(ints(), LISTS), True),
    ("a key in a map", ir.Contains(s("a"), counts(a=0)), True),
    ("a value is no key", ir.Contains(s("b"), counts(a=0)), False),
    ("[] subset []", ir.Subset(ints(), ints()), True),
    ("[1, 1] subset [1]", ir.Subset(ints(1, 1), ints(1)), True),
    ("[1, 2] subset [1]", ir.Subset(ints(1, 2), ints(1)), False),
    ("[1] subset []", ir.Subset(ints(1), ints()), False),
    ("m[key]", ir.Lookup(counts(a=0), s("a"), MAYBE), 0),
    ("m[other key]", ir.Lookup(counts(a=0), s("A"), MAYBE), None),
    ("first of []", ir.End("first", ints(), MAYBE), None),
    ("last of []", ir.End("last", ints(), MAYBE), None),
    ("first", ir.End("first", ints(1, 2, 3), MAYBE), 1),
    ("last", ir.End("last", ints(1, 2, 3), MAYBE), 3),
    ("distinct keeps the first", ir.Distinct(ints(2, 1, 2, 3, 1), ListType(INT)), (2, 1, 3)),
    ("distinct of []", ir.Distinct(ints(), ListType(INT)), ()),
    (
        "distinct by value",
        ir.Distinct(of(ListType(DECIMAL), (1, Fraction(1))), ListType(DECIMAL)),
        (1,),
    ),
    ("distinct lists", ir.Distinct(of(LISTS.type, ((1,), (1,), ())), LISTS.type), ((1,), ())),
    ("adjacent of []", ir.Adjacent(ints(), PAIRS), ()),
    ("adjacent of one", ir.Adjacent(ints(1), PAIRS), ()),
    ("adjacent of two", ir.Adjacent(ints(1, 2), PAIRS), ({"first": 1, "second": 2},)),
    (
        "adjacent of three",
        ir.Adjacent(ints(1, 2, 3), PAIRS),
        ({"first": 1, "second": 2}, {"first": 2, "second": 3}),
    ),
    (
        "entries by code point",
        ir.Entries(
            of(MapType(STRING, INT), {"😀": 1, "b": 2, "a": 3, "\uffff": 4, "B": 5}), ENTRIES
        ),
        tuple(
            {"key": k, "value": v}
            for k, v in (("B", 5), ("a", 3), ("b", 2), ("\uffff", 4), ("😀", 1))
        ),
    ),
    ("entries of {}", ir.Entries(counts(), ENTRIES), ()),
    ("all of []", all_of(X, ints(), FALSE), True),
    ("any of []", any_of(X, ints(), TRUE), False),
    ("any", any_of(X, ints(1, 2), equal(X, n(2))), True),
    ("all", all_of(X, ints(1, 2), equal(X, n(2))), False),
    ("any of any", any_of(X, LISTS, any_of(Y, var(0, ListType(INT)), equal(Y, n(3)))), True),
    ("all of any", all_of(X, LISTS, any_of(Y, var(0, ListType(INT)), TRUE)), False),
    ("any stops early", any_of(X, ints(1, 2), ir.Or((equal(X, n(1)), REFUSES))), True),
    ("count", ir.Count(X, ints(1, 2, 3), less(n(1), X)), 2),
    ("sum of []", ir.Sum(X, ints(), X, INT), 0),
    ("sum", ir.Sum(X, ints(1, 2, 2), ir.Arithmetic("*", X, X, INT), INT), 9),
    ("sum of fractions", ir.Sum(X, ints(1, 1), n("0.5"), DECIMAL), 1),
    ("min of []", ir.Extremum("min", X, ints(), X, MAYBE), None),
    ("min", ir.Extremum("min", X, ints(3, 1, 2), X, MAYBE), 1),
    ("max of a body", ir.Extremum("max", X, ints(3, 1, 2), ir.Negate(X, INT), MAYBE), -1),
    ("[x for x in xs]", ir.ListComp(X, ints(1, 2), None, n(7), ListType(INT)), (7, 7)),
    (
        "[x for x in xs if x > 1]",
        ir.ListComp(X, ints(3, 1, 2), less(n(1), X), X, ListType(INT)),
        (3, 2),
    ),
)
def test_collections(expr: ir.Expr, value: Value) -> None:
    check(expr, value)


ROWS: tuple[tuple[tuple[Value | None, ...], Value], ...] = (
    (("support", True), 1),
    (("support", None), 2),
    ((None, True), 3),
    ((None, None), 4),
)


@pytest.mark.parametrize(
    ("role", "flag", "value"),
    [("support", True, 1), ("support", False, 2), ("admin", True, 3), ("admin", False, 4)],
)
def test_the_first_row_that_fits(role: str, flag: bool, value: int) -> None:
    check(ir.TableRead("t", (of(ROLE, role), of(BOOL, flag)), ROWS, INT), value)


# --- documents ---------------------------------------------------------------------------------

DOCUMENT = {
    "a": {"b": 2, "none": None},
    "text": "A",
    "list": (1, Fraction(1, 2)),
    "f": Fraction(5, 2),
}


def path(*steps: str) -> ir.JsonPath:
    return ir.JsonPath(arg("doc", JSON), steps, OptionalType(JSON))


def read(kind: ir.Type, *steps: str) -> ir.JsonAs:
    return ir.JsonAs(path(*steps), OptionalType.of(kind))


WORLD = world(doc=DOCUMENT)


@table(
    ("a.b", path("a", "b"), 2),
    ("a.none", path("a", "none"), None),
    ("a.none.c", path("a", "none", "c"), None),
    ("z.y", path("z", "y"), None),
    ("the whole document", path(), DOCUMENT),
    ("has a", ir.Present(path("a")), True),
    ("has a.none", ir.Present(path("a", "none")), False),
    ("a.b as Int", read(INT, "a", "b"), 2),
    ("a.b as Decimal", read(DECIMAL, "a", "b"), 2),
    ("z as Int", read(INT, "z"), None),
    ("text as String", read(STRING, "text"), "A"),
    ("list as List<Decimal>", read(ListType(DECIMAL), "list"), (1, Fraction(1, 2))),
    ("list as List<Json>", read(ListType(JSON), "list"), (1, Fraction(1, 2))),
    ("text as an enum", read(EnumType("E", ("A", "B")), "text"), "A"),
    ("a as a map", read(MapType(STRING, OptionalType(INT)), "a"), {"b": 2, "none": None}),
    ("a as a record", read(record(b=INT, none=OptionalType(INT)), "a"), {"b": 2, "none": None}),
    (
        "a record's optional field may be missing",
        read(record(b=INT, none=OptionalType(INT), more=OptionalType(INT)), "a"),
        {"b": 2, "none": None, "more": None},
    ),
)
def test_documents(expr: ir.Expr, value: Value) -> None:
    assert evaluate(expr, WORLD, UTC) == value


@pytest.mark.parametrize(
    ("expr", "refusal"),
    [
        pytest.param(
            path("text", "x"), ("text", "an object", 'the text "A"'), id="a step into text"
        ),
        pytest.param(path("list", "x"), ("list", "an object", "a list"), id="a step into a list"),
        pytest.param(
            read(INT, "text"), ("text", "a whole number", 'the text "A"'), id="text as Int"
        ),
        pytest.param(read(INT, "f"), ("f", "a whole number", "2.5"), id="2.5 as Int"),
        pytest.param(read(BOOL, "a", "b"), ("a.b", "Bool", "2"), id="2 as Bool"),
        pytest.param(read(STRING, "a"), ("a", "String", "an object"), id="an object as String"),
        pytest.param(
            read(ListType(INT), "list"), ("list.1", "a whole number", "0.5"), id="in a list"
        ),
        pytest.param(
            read(EnumType("E", ("B",)), "text"),
            ("text", "E", 'the text "A"'),
            id="no label of the enum",
        ),
        pytest.param(
            read(record(b=INT), "a"), ("a", "{ b: Int }", "an object"), id="a field too many"
        ),
        pytest.param(
            read(record(b=INT, none=INT), "a"),
            ("a.none", "a whole number", "nothing"),
            id="a field too few",
        ),
        pytest.param(read(TIME, "a", "b"), ("a.b", "Time", "2"), id="no times in documents"),
    ],
)
def test_a_wrong_type_refuses(expr: ir.Expr, refusal: tuple[str, str, str]) -> None:
    with pytest.raises(WrongType) as caught:
        evaluate(expr, WORLD, UTC)
    steps, expected, found = refusal
    assert caught.value == WrongType(
        ("args", "doc", *(int(s) if s.isdigit() else s for s in steps.split("."))), expected, found
    )


def test_true_is_not_read_as_an_integer() -> None:
    with pytest.raises(WrongType):
        evaluate(read(INT, "a"), world(doc={"a": True}), UTC)
