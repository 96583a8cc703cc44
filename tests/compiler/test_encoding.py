"""The encoding decides as the language says where Z3's own habits differ, and never defaults."""

from __future__ import annotations

from fractions import Fraction

import pytest

from licet.compiler import ir
from licet.compiler.builtins import PATH
from licet.compiler.clock import clock
from licet.compiler.encoding import (
    EncodingFault,
    EncodingLimit,
    UnsupportedText,
)
from licet.compiler.evaluation import judge
from licet.compiler.types import (
    BOOL,
    DATE,
    DECIMAL,
    INT,
    JSON,
    STRING,
    TIME,
    WEEKDAY,
    DecimalType,
    EnumType,
    Field,
    ListType,
    OptionalType,
    RecordType,
    Value,
)
from licet.compiler.world import UNKNOWN, World
from support.encoded_rules import (
    ONE_INT,
    ONE_TEXT,
    SEQUENCE,
    SPAN,
    TEXTS,
    N,
    S,
    arg,
    encoder,
    permitted,
    record,
    rule,
    rules,
    solved,
    text,
)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize(
    ("literal", "given"),
    [("A", "\\u{41}"), ("A", "\\u0041"), ("\\u{41}", "A"), ("\\x41", "A"), ('"', '""')],
)
def test_escapes_in_texts_are_not_read(literal: str, given: str, ordered: bool) -> None:
    condition: ir.Expr = ir.Equal(S, text(literal))
    if ordered:
        condition = ir.And((SEQUENCE, condition))
    assert permitted(condition, ONE_TEXT, s=given) is False
    assert permitted(condition, ONE_TEXT, s=literal) is True


@pytest.mark.parametrize("value", ["", "a", "é", "\U0002ffff", "a\x00b", "\n"])
def test_lengths_count_code_points(value: str) -> None:
    condition = ir.Equal(ir.Length(S), ir.Const(len(value), INT))
    assert permitted(condition, ONE_TEXT, s=value) is True


def test_code_points_above_the_theory_are_refused_only_where_text_is_searched() -> None:
    compared = encoder(rules(rule("permit", ir.Equal(S, text("\U00030000")))), ONE_TEXT)
    assert compared.decide(World("t", {"s": "\U00030000"})) == "allow"
    assert compared.decide(World("t", {"s": "\U00030001"})) == "deny"
    searched = encoder(rules(rule("permit", SEQUENCE)), ONE_TEXT)
    with pytest.raises(UnsupportedText):
        searched.decide(World("t", {"s": "\U00030000"}))


def test_a_dotted_name_is_not_a_path() -> None:
    inner = record(b=BOOL)
    args = RecordType("", (Field("a.b", BOOL), Field("a", inner), Field("|", BOOL)))
    dotted = arg(args, "a.b")
    nested = ir.GetField(arg(args, "a"), "b", BOOL)
    condition = ir.And((dotted, ir.Not(nested), arg(args, "|")))
    values: dict[str, Value] = {"a.b": True, "a": {"b": False}, "|": True}
    assert permitted(condition, args, **values) is True
    made = encoder(rules(rule("permit", condition)), args)
    question = made.question(World("t", values), bounded=None)
    assert solved(question, "(not allowed)") == "unsat"
    assert {leaf.path for leaf in question.leaves} == {
        ("args", "a.b"),
        ("args", "a", "b"),
        ("args", "|"),
    }
    assert all(f"v{i}" == leaf.symbol for i, leaf in enumerate(question.leaves))


@pytest.mark.parametrize("value", [-8, -7, -1, 0, 1, 7, 8, 10**30, -(10**30)])
def test_division_is_floored(value: int) -> None:
    for op, wanted in (("div", value // 3), ("%", value % 3)):
        result = ir.Arithmetic(op, N, ir.Const(3, INT), INT)  # type: ignore[arg-type]
        assert permitted(ir.Equal(result, ir.Const(wanted, INT)), ONE_INT, n=value) is True


def test_exact_division_and_steps() -> None:
    args = record(x=DecimalType(step=Fraction(1, 100)), y=DECIMAL)
    x, y = arg(args, "x"), arg(args, "y")
    third = ir.Arithmetic("/", x, ir.Const(3, INT), DECIMAL)
    condition = ir.Equal(third, y)
    assert permitted(condition, args, x=Fraction(1, 4), y=Fraction(1, 12)) is True
    assert permitted(condition, args, x=Fraction(1, 4), y=Fraction(83333, 10**6)) is False


def test_numbers_beyond_64_bits() -> None:
    condition = ir.Less(ir.Const(2**63, INT), N, True)
    assert permitted(condition, ONE_INT, n=2**63) is False
    assert permitted(condition, ONE_INT, n=2**64 + 1) is True
    assert permitted(condition, ONE_INT, n=-(2**64)) is False


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("a.b", "a\nb", True),
        (r"\d", "٣", False),
        (r"\w", "é", False),
        (r"\s", "\u00a0", False),
        ("a", "ba", False),
        ("(a?){50}a{50}", "a" * 75, True),
        ("(a?){50}a{50}", "a" * 49, False),
        ("[^a]*", "bcd\U0002ffff", True),
    ],
)
def test_regular_expressions_are_of_the_language(pattern: str, value: str, matches: bool) -> None:
    assert permitted(ir.Matches(S, pattern), ONE_TEXT, s=value) is matches


@pytest.mark.parametrize(
    ("a", "b"), [("", ""), ("", "a"), ("a", ""), ("a", "ab"), ("b", "ab"), ("\uffff", "𠀀")]
)
def test_text_order_is_by_code_point(a: str, b: str) -> None:
    args = record(a=STRING, b=STRING)
    left, right = arg(args, "a"), arg(args, "b")
    assert permitted(ir.Less(left, right, True), args, a=a, b=b) is (a < b)
    assert permitted(ir.Less(left, right, False), args, a=a, b=b) is (a <= b)


def test_clock_parts_follow_the_zone() -> None:
    now = ir.Root("now", TIME)
    hour = ir.ClockPart("hour", now, INT)
    made = rules(rule("permit", ir.Equal(hour, ir.Const(3, INT))))
    encoded = encoder(made, zone="America/New_York")
    change = 1710054000 * 1_000_000  # 2024-03-10T07:00Z: 02:00 becomes 03:00
    assert encoded.decide(World("t", {}, now=change)) == "allow"
    assert encoded.decide(World("t", {}, now=change - 1)) == "deny"


@pytest.mark.parametrize("day", [-719_162, -25_509, -1, 0, 59, 11_016, 19_782, 2_932_896])
def test_civil_dates(day: int) -> None:
    args = record(d=DATE)
    zone = clock("UTC")
    for part in ("year", "month", "day"):
        made = rules(
            *(
                rule("permit", ir.Equal(ir.ClockPart(part, arg(args, "d"), INT), ir.Const(n, INT)))
                for n in (1, 2, 12, 28, 29, 31, 1970, 1900, 2000, 2024, 9999)
            )
        )
        world = World("t", {"d": day})
        states = encoder(made, args).states(world)
        assert states == tuple(o.state for o in judge(made, world, zone).outcomes)


@pytest.mark.parametrize("day", [-719_162, -4, -1, 0, 3, 4, 19_782])
def test_weekdays(day: int) -> None:
    args = record(d=DATE)
    weekday = ir.ClockPart("weekday", arg(args, "d"), WEEKDAY)
    wanted = WEEKDAY.labels[(day + 3) % 7]
    condition = ir.Equal(weekday, ir.Const(wanted, WEEKDAY))
    assert permitted(condition, args, d=day) is True
    assert permitted(condition, args, d=day + 1) is False


@pytest.mark.parametrize("values", [(), (1,), (1, 1), (1, 2, 1), (2, 1, 1, 2, 3), (3, 3, 3, 1)])
def test_distinct_keeps_first_occurrences(values: tuple[int, ...]) -> None:
    numbers = ListType(INT)
    args = record(xs=numbers)
    distinct = ir.Distinct(arg(args, "xs"), numbers)
    wanted = tuple(dict.fromkeys(values))
    assert permitted(ir.Equal(distinct, ir.Const(wanted, numbers)), args, xs=values) is True
    longer = ir.Const((*wanted, 9), numbers)
    assert permitted(ir.Equal(distinct, longer), args, xs=values) is False


def test_neighbours_of_a_filtered_list() -> None:
    numbers = ListType(INT)
    args = record(xs=numbers)
    x = ir.Var(1, "x", INT)
    kept = ir.ListComp(x, arg(args, "xs"), ir.Less(ir.Const(0, INT), x, True), x, numbers)
    pair = record(first=INT, second=INT)
    p = ir.Var(2, "p", pair)
    rising = ir.Less(ir.GetField(p, "first", INT), ir.GetField(p, "second", INT), True)
    condition = ir.Quantifier("all", p, ir.Adjacent(kept, ListType(pair)), rising)
    assert permitted(condition, args, xs=(1, -5, 2, 0, 3)) is True
    assert permitted(condition, args, xs=(1, -5, 3, 0, 2)) is False
    assert permitted(condition, args, xs=(-1,)) is True


def under_data(view: ir.Expr) -> ir.Expr:
    """`path(view) under "/data"`, false where it is no path."""
    found = ir.Builtin("path", (view,), OptionalType(PATH))
    p = ir.Var(7, "p", PATH)
    inside = ir.Builtin("path_under", (p, text("/data")), BOOL)
    held = ir.WhenPresent(found, p, inside, OptionalType(BOOL))
    return ir.Coalesce(held, ir.Const(False, BOOL), BOOL)


def test_views_of_views_are_computed_in_stages() -> None:
    condition = under_data(S)
    assert permitted(condition, ONE_TEXT, s="/data/a/b/c.txt") is True
    assert permitted(condition, ONE_TEXT, s="/database") is False
    assert permitted(condition, ONE_TEXT, s="/data/../etc") is False
    given = ir.GetField(ir.Root("context", CONTEXT), "xs", TEXTS)
    x = ir.Var(1, "x", STRING)
    every = ir.Quantifier("all", x, given, under_data(x))
    encoded = encoder(rules(rule("permit", every)), context=CONTEXT)

    def outcome(*texts: Value) -> object:
        return encoded.decide(World("t", {}, context={"xs": texts}))

    assert outcome("/data/a", "/data/b/c") == "allow"
    assert outcome("/data/a", "/etc", "/data/b/c") == "deny"
    assert outcome("/data/a", UNKNOWN) is None
    assert outcome("/etc", UNKNOWN) == "deny"


# --- unknown -------------------------------------------------------------------------------------


CONTEXT = record(ok=BOOL, n=INT, xs=TEXTS)
OK = ir.GetField(ir.Root("context", CONTEXT), "ok", BOOL)
XS = ir.GetField(ir.Root("context", CONTEXT), "xs", TEXTS)


def test_unknown_is_never_defaulted() -> None:
    made = rules(rule("permit", OK), rule("forbid", ir.Not(OK)))
    encoded = encoder(made, context=CONTEXT)
    for world in (World("t", {}), World("t", {}, context={"ok": UNKNOWN})):
        assert encoded.decide(world) is None
        assert encoded.lacking(world) == ()
        assert encoded.states(world) == (None, None)
    assert encoded.decide(World("t", {}, context={"ok": True})) == "allow"
    assert encoded.decide(World("t", {})) is None  # what another world said is gone
    assert encoded.decide(World("t", {}, context={"ok": False})) == "deny"
    assert encoded.decide(World("t", {}, context={"ok": UNKNOWN})) is None


def test_unknown_lists_are_any_list() -> None:
    some = ir.Quantifier("any", ir.Var(1, "x", STRING), XS, ir.Const(True, BOOL))
    made = rules(rule("permit", ir.Const(True, BOOL)), rule("forbid", some))
    encoded = encoder(made, context=CONTEXT)
    assert encoded.decide(World("t", {}, context={"xs": UNKNOWN})) is None
    assert encoded.decide(World("t", {}, context={"xs": ()})) == "allow"
    assert encoded.decide(World("t", {}, context={"xs": ("a",)})) == "deny"
    assert encoded.decide(World("t", {}, context={"xs": UNKNOWN})) is None


def test_known_parts_of_unknown_lists_count() -> None:
    joined = ir.ListConcat((ir.Const(("a",), TEXTS), XS, ir.Const(("b",), TEXTS)), TEXTS)
    x = ir.Var(1, "x", STRING)
    pair = record(first=STRING, second=STRING)
    p = ir.Var(2, "p", pair)
    ends = ir.And(
        (
            ir.Equal(ir.GetField(p, "first", STRING), text("a")),
            ir.Equal(ir.GetField(p, "second", STRING), text("b")),
        )
    )
    adjacent = ir.Adjacent(joined, ListType(pair))
    conditions = (
        ir.Quantifier("any", x, joined, ir.Equal(x, text("b"))),
        ir.Quantifier("all", x, joined, ir.Equal(x, text("b"))),
        ir.Contains(text("a"), joined),
        ir.Quantifier("any", p, adjacent, ends),
        ir.Subset(ir.Const((), TEXTS), joined),
        ir.Subset(joined, ir.Const(("a",), TEXTS)),
        ir.Equal(ir.Const((), ListType(TEXTS)), ir.MakeList((XS,), ListType(TEXTS))),
    )
    encoded = encoder(rules(*(rule("permit", c) for c in conditions)), context=CONTEXT)

    def states(xs: Value) -> tuple[object, ...]:
        return encoded.states(World("t", {}, context={"xs": xs}))

    open = ("applies", "not", "applies", None, "applies", "not", "not")
    assert states(UNKNOWN) == open
    assert states(()) == (*open[:3], "applies", *open[4:])
    assert states(("c",)) == (*open[:3], "not", *open[4:])


USER = ir.FactSignature("user", (("id", STRING),), OptionalType(record(boss=STRING, level=INT)))
BOSS = ir.WhenPresent(
    ir.Fact("user", (S,), USER.result),
    ir.Var(1, "u", record(boss=STRING, level=INT)),
    ir.GetField(ir.Var(1, "u", record(boss=STRING, level=INT)), "boss", STRING),
    OptionalType(STRING),
)


def test_facts_are_asked_for_in_stages() -> None:
    boss = ir.Var(2, "b", STRING)
    level = ir.Fact("user", (boss,), USER.result)
    user = ir.Var(3, "u", record(boss=STRING, level=INT))
    high = ir.Less(ir.Const(3, INT), ir.GetField(user, "level", INT), True)
    made = rules(
        rule("permit", high, ir.Let(boss, BOSS, SPAN), ir.Let(user, level, SPAN)),
    )
    encoded = encoder(made, ONE_TEXT, user=USER)
    world = World("t", {"s": "u1"})
    assert encoded.lacking(world) == (("user", ("u1",)),)
    world.facts = {"user": {("u1",): {"boss": "u2", "level": 1}}}
    assert encoded.lacking(world) == (("user", ("u2",)),)
    world.facts = {"user": {("u1",): {"boss": "u2", "level": 1}, ("u2",): None}}
    assert (encoded.decide(world), encoded.states(world)) == ("deny", ("absent",))
    world.facts = {"user": {("u1",): {"boss": "u1", "level": 9}}}
    assert (encoded.decide(world), encoded.lacking(world)) == ("allow", ())


def test_values_of_other_types_are_faults() -> None:
    args = record(n=INT, b=BOOL, c=EnumType("C", ("x",)), d=DecimalType(step=Fraction(1, 2)))
    condition = ir.And(
        (
            ir.Less(arg(args, "n"), ir.Const(1, INT), True),
            arg(args, "b"),
            ir.Equal(arg(args, "c"), ir.Const("x", EnumType("C", ("x",)))),
            ir.Less(arg(args, "d"), ir.Const(1, INT), True),
        )
    )
    encoded = encoder(rules(rule("permit", condition)), args)
    good: dict[str, Value] = {"n": 0, "b": True, "c": "x", "d": Fraction(1, 2)}
    assert encoded.decide(World("t", good)) == "allow"
    for name, bad in (("n", True), ("n", 0.5), ("b", 1), ("c", "y"), ("d", Fraction(1, 3))):
        with pytest.raises(EncodingFault):
            encoded.decide(World("t", good | {name: bad}))


def test_a_wrong_type_in_a_document_refuses_only_where_it_is_read() -> None:
    context = record(doc=JSON, ok=BOOL)
    doc = ir.GetField(ir.Root("context", context), "doc", JSON)
    ok = ir.GetField(ir.Root("context", context), "ok", BOOL)
    read = ir.JsonAs(ir.JsonPath(doc, ("a",), OptionalType(JSON)), OptionalType(BOOL))
    held = ir.Coalesce(read, ir.Const(False, BOOL), BOOL)
    made = rules(rule("permit", ir.Const(True, BOOL)), rule("forbid", ir.And((ok, held))))
    encoded = encoder(made, context=context)

    def states(document: Value, ok: bool) -> tuple[object, ...]:
        with encoded.deciding(World("t", {}, context={"doc": document, "ok": ok})) as decided:
            return (decided.outcome, *decided.states())

    assert states({"a": True}, True) == ("deny", "applies", "applies")
    assert states({"a": None}, True) == ("allow", "applies", "not")
    assert states({"a": "yes"}, True) == ("deny", "applies", "wrong_type")
    assert states({"a": "yes"}, False) == ("allow", "applies", "not")
    assert states((), True) == ("deny", "applies", "wrong_type")


# --- limits and memory ---------------------------------------------------------------------------


def nested(outer: int, inner: int) -> tuple[ir.ToolRules, RecordType, dict[str, Value]]:
    bag = record(tags=TEXTS)
    args = record(bags=ListType(bag))
    b, t = ir.Var(1, "b", bag), ir.Var(2, "t", STRING)
    tagged = ir.Quantifier("any", t, ir.GetField(b, "tags", TEXTS), ir.Equal(t, text("x")))
    condition = ir.Quantifier("all", b, arg(args, "bags"), tagged)
    bags = tuple({"tags": ("y",) * (inner - 1) + ("x",)} for _ in range(outer))
    return rules(rule("permit", condition)), args, {"bags": bags}


def test_nested_lists_of_a_hundred_by_a_hundred() -> None:
    made, args, values = nested(96, 96)
    assert encoder(made, args).decide(World("t", values)) == "allow"


def test_what_is_too_large_is_a_limit() -> None:
    made, args, values = nested(700, 700)
    with pytest.raises(EncodingLimit):
        encoder(made, args).decide(World("t", values))


def test_handles_do_not_pile_up() -> None:
    args = record(s=STRING, n=INT, xs=ListType(INT))
    body = ir.Less(ir.Var(1, "x", INT), arg(args, "n"), True)
    condition = ir.And(
        (
            ir.Equal(arg(args, "s"), text("a")),
            ir.Quantifier("all", ir.Var(1, "x", INT), arg(args, "xs"), body),
        )
    )
    encoded = encoder(rules(rule("permit", condition)), args)

    def run(start: int) -> int:
        for i in range(start, start + 12_000):
            values: dict[str, Value] = {"s": f"t{i}", "n": i, "xs": tuple(range(i, i + i % 70))}
            assert encoded.decide(World("t", values)) == "deny"
        return encoded._context.kept

    first = run(0)
    assert run(100_000) < first + 10_000
