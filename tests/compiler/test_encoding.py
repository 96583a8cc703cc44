"""The encoding decides as the language says where Z3's own habits differ, and never defaults."""

from __future__ import annotations

from fractions import Fraction

import pytest
import z3

from licet.compiler import ir
from licet.compiler.builtins import PATH
from licet.compiler.clock import clock
from licet.compiler.encoding import (
    EncodingFault,
    EncodingLimit,
    Leaf,
    Question,
    ToolEncoder,
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
    IntType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
    Value,
)
from licet.compiler.world import UNKNOWN, World
from licet.policy_lang import Source, Span

SPAN = Span(Source("<test>", "rule"), 0, 4)
NOTHING = RecordType("", ())
TEXTS = ListType(STRING)


def record(**fields: Type) -> RecordType:
    return RecordType("", tuple(Field(name, kind) for name, kind in fields.items()))


def rule(kind: str, condition: ir.Expr, *lets: ir.Let) -> ir.Rule:
    return ir.Rule(kind, f"{kind}_{id(condition)}", lets, condition, None, SPAN)  # type: ignore[arg-type]


def rules(*each: ir.Rule) -> ir.ToolRules:
    kinds = {k: tuple(r for r in each if r.kind == k) for k in ("permit", "forbid", "escalate")}
    return ir.ToolRules("t", kinds["permit"], kinds["forbid"], kinds["escalate"])


def encoder(
    made: ir.ToolRules,
    args: RecordType = NOTHING,
    context: RecordType = NOTHING,
    zone: str = "UTC",
    **facts: ir.FactSignature,
) -> ToolEncoder:
    return ToolEncoder(made, facts, args, NOTHING, context, NOTHING, zone)


def permitted(condition: ir.Expr, args: RecordType, **values: Value) -> bool:
    """Whether a permit with this condition applies; both engines must say so."""
    made = rules(rule("permit", condition))
    world = World("t", dict(values), now=0)
    outcome = encoder(made, args).decide(world)
    assert outcome == judge(made, world, clock("UTC")).outcome
    return outcome == "allow"


def arg(args: RecordType, name: str) -> ir.Expr:
    field = args.field(name)
    assert field is not None
    return ir.GetField(ir.Root("args", args), name, field.type)


def text(value: str) -> ir.Expr:
    return ir.Const(value, STRING)


ONE_TEXT = record(s=STRING)
S = arg(ONE_TEXT, "s")
ONE_INT = record(n=INT)
N = arg(ONE_INT, "n")

#: Forces the text into the sequence theory and is true of everything short.
SEQUENCE = ir.Less(ir.Length(S), ir.Const(1_000, INT), True)


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
    assert encoded.decide(World("t", {}, context={"ok": False})) == "deny"


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


# --- questions -----------------------------------------------------------------------------------


def solved(question: Question, *assertions: str) -> str:
    solver = z3.Solver(ctx=z3.Context())
    solver.set("timeout", 10_000)
    known = [f"(= {leaf.symbol} {leaf.literal})" for leaf in question.leaves if leaf.known]
    claims = "".join(f"(assert {claim})" for claim in (*known, *assertions))
    solver.from_string(question.text + claims)
    return str(solver.check())


def leaf_at(question: Question, *path: object) -> Leaf:
    return next(leaf for leaf in question.leaves if leaf.path == path)


def test_a_question_about_nothing_known_proves() -> None:
    args = record(amount=DecimalType(Fraction(0), None, step=Fraction(1, 100)))
    amount = arg(args, "amount")
    small = ir.Less(amount, ir.Const(500, INT), False)
    made = rules(rule("permit", small), rule("escalate", ir.Less(ir.Const(100, INT), amount, True)))
    question = encoder(made, args).question(World("t", {"amount": UNKNOWN}), bounded=None)
    assert question.exact
    assert solved(question, "allowed", "(< 50000 v0)") == "unsat"
    assert solved(question, "allowed", "pending") == "sat"
    assert solved(question, "allowed", "(<= v0 10000)", "pending") == "unsat"
    assert solved(question, "(< v0 0)") == "unsat"


@pytest.mark.parametrize("value", ["", "A", "\\u{41}", '"', "é", "a\x00\n", "𠀀", "|", "\\"])
def test_literals_of_texts_come_back(value: str) -> None:
    made = encoder(rules(rule("permit", SEQUENCE)), ONE_TEXT)
    question = made.question(World("t", {"s": "k"}), bounded=None)
    leaf = leaf_at(question, "args", "s")
    assert question.value(leaf, question.literal(leaf, value)) == value
    said = question.literal(leaf, value)
    parsed = z3.parse_smt2_string(f"(declare-const s String)(assert (= s {said}))")
    assert question.value(leaf, parsed[0].arg(1).sexpr()) == value
    assert z3.simplify(z3.Length(parsed[0].arg(1))).as_long() == len(value)


def test_unnamed_codes_become_new_texts_of_the_type() -> None:
    args = RecordType("", (Field("s", StringType(min_length=3, max_length=4)), Field("t", STRING)))
    condition = ir.Or(
        (
            ir.Equal(arg(args, "s"), text("abc")),
            ir.Equal(arg(args, "s"), text("toolong")),
            ir.Not(ir.Equal(arg(args, "t"), text("x"))),
        )
    )
    made = encoder(rules(rule("permit", condition)), args)
    question = made.question(World("t", {"s": UNKNOWN, "t": "x"}), bounded=None)
    leaf = leaf_at(question, "args", "s")
    assert question.value(leaf, question.literal(leaf, "abc")) == "abc"
    fresh = question.value(leaf, "77")
    assert isinstance(fresh, str)
    assert len(fresh) in (3, 4)
    assert fresh not in ("abc", "toolong", "x")
    assert question.value(leaf, "77") == fresh
    assert question.value(leaf, "78") != fresh
    assert solved(question, f"(= {leaf.symbol} {question.literal(leaf, 'toolong')})") == "unsat"


def test_opaque_lists_keep_proofs_sound_and_bounded_ones_find_worlds() -> None:
    var = ir.Var(1, "x", STRING)
    two = ir.Equal(ir.Count(var, XS, ir.Equal(var, text("bad"))), ir.Const(2, INT))
    made = rules(rule("permit", ir.Const(True, BOOL)), rule("forbid", two))
    encoded = encoder(made, context=CONTEXT)
    world = World("t", {}, context={"xs": UNKNOWN, "ok": True, "n": 0})
    opaque = encoded.question(world, bounded=None)
    assert not opaque.exact
    assert solved(opaque, "allowed") == "sat"
    assert solved(opaque, "(not allowed)") == "sat"
    assert solved(encoded.question(world, bounded=1), "(not allowed)") == "unsat"
    bounded = encoded.question(world, bounded=2)
    assert solved(bounded, "(not allowed)") == "sat"
    length = next(leaf for leaf in bounded.leaves if leaf.sort == "Int" and leaf.type is None)
    texts = [leaf for leaf in bounded.leaves if leaf.type == STRING]
    rebuilt = bounded.world({length.path: 2} | {leaf.path: "bad" for leaf in texts})
    assert rebuilt.context == {"xs": ("bad", "bad"), "ok": True, "n": 0}


def test_freeing_a_known_length_does_not_prove_too_much() -> None:
    args = record(xs=ListType(INT))
    var = ir.Var(1, "x", INT)
    few = ir.Quantifier("all", var, arg(args, "xs"), ir.Less(var, ir.Const(10, INT), True))
    made = encoder(rules(rule("permit", few)), args)
    question = made.question(World("t", {"xs": (1,)}), bounded=None)
    solver = z3.Solver(ctx=z3.Context())
    element = leaf_at(question, "args", "xs", 0)
    solver.from_string(
        question.text + f"(assert (= {element.symbol} {element.literal}))(assert (not allowed))"
    )
    assert str(solver.check()) == "sat"


def test_equal_keys_have_equal_values() -> None:
    other = record(s=STRING, t=STRING)
    first = ir.Fact("level", (arg(other, "s"),), INT)
    second = ir.Fact("level", (arg(other, "t"),), INT)
    signature = ir.FactSignature("level", (("id", STRING),), INT)
    made = rules(rule("permit", ir.Less(first, second, True)))
    encoded = encoder(made, other, level=signature)
    same = encoded.question(World("t", {"s": "a", "t": "a"}), bounded=None)
    assert solved(same, "allowed") == "unsat"
    apart = encoded.question(World("t", {"s": "a", "t": "b"}), bounded=None)
    assert solved(apart, "allowed") == "sat"
    facts = {"level": {("a",): 5}}
    partly = encoded.question(World("t", {"s": "a", "t": UNKNOWN}, facts=facts), bounded=None)
    t = leaf_at(partly, "args", "t")
    assert solved(partly, "allowed") == "sat"
    assert solved(partly, "allowed", f"(= {t.symbol} {partly.literal(t, 'a')})") == "unsat"


def test_types_without_values_behind_optionals_prove_nothing() -> None:
    impossible = StringType(min_length=3, max_length=2)
    context = record(s=OptionalType(impossible), ok=BOOL)
    root = ir.Root("context", context)
    said = ir.Coalesce(ir.GetField(root, "s", OptionalType(impossible)), text("-"), STRING)
    condition = ir.And((ir.Equal(said, text("-")), ir.GetField(root, "ok", BOOL)))
    question = encoder(rules(rule("permit", condition)), context=context).question(
        World("t", {}), bounded=None
    )
    assert solved(question, "allowed") == "sat"
    assert solved(question, "(not allowed)") == "sat"


def test_maps_are_read_by_key() -> None:
    kind = MapType(STRING, IntType(0, 9))
    args = record(m=kind)
    found = ir.Lookup(arg(args, "m"), text("k"), OptionalType(INT))
    value = ir.Coalesce(found, ir.Const(-1, INT), INT)
    condition = ir.Equal(value, ir.Const(3, INT))
    assert permitted(condition, args, m={}) is False
    assert permitted(condition, args, m={"a": 3, "k": 4}) is False
    assert permitted(condition, args, m={"a": 1, "k": 3, "z": 2}) is True


def test_encoders_free_their_contexts() -> None:
    made = encoder(rules(rule("permit", ir.Const(True, BOOL))))
    assert made.decide(World("t", {})) == "allow"
    made.close()
    made.close()
