"""Rules in a world: states, the verdict, witnesses, messages, and what unknown parts do."""

from __future__ import annotations

from typing import Literal

import pytest

from licet.compiler import ir
from licet.compiler.evaluation import (
    RuleOutcome,
    UnknownRead,
    WrongType,
    evaluate,
    judge,
    judge_rule,
    message_text,
    read_paths,
)
from licet.compiler.types import (
    BOOL,
    INT,
    JSON,
    STRING,
    ListType,
    OptionalType,
    RecordType,
    Type,
    Value,
)
from licet.compiler.world import UNKNOWN, World
from licet.policy_lang import Source, Span
from support.ir_building import (
    FALSE,
    REFUSES,
    TRUE,
    UTC,
    all_of,
    any_of,
    arg,
    context,
    equal,
    ints,
    less,
    n,
    record,
    s,
    var,
    world,
)

SPAN = Span(Source("p.licet", "rule"), 0, 4)
Kind = Literal["permit", "forbid", "escalate"]


def rule(
    kind: Kind,
    condition: ir.Expr = TRUE,
    *lets: ir.Let,
    message: tuple[str | ir.Expr, ...] | None = None,
) -> ir.Rule:
    return ir.Rule(kind, kind, lets, condition, message, SPAN)


def let(slot: int, value: ir.Expr) -> ir.Let:
    kind = value.type.inner if isinstance(value.type, OptionalType) else value.type
    return ir.Let(var(slot, kind), value, SPAN)


def rules(*each: ir.Rule) -> ir.ToolRules:
    def of(kind: Kind) -> tuple[ir.Rule, ...]:
        return tuple(r for r in each if r.kind == kind)

    return ir.ToolRules("desk.do", of("permit"), of("forbid"), of("escalate"))


ABSENT = let(0, ir.Const(None, OptionalType(INT)))
PERMIT, FORBID, ESCALATE = rule("permit"), rule("forbid"), rule("escalate")
OFF = {kind: rule(kind, FALSE) for kind in ("permit", "forbid", "escalate")}


# --- the verdict -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        pytest.param((), "deny", id="no rules"),
        pytest.param((PERMIT,), "allow", id="a permit"),
        pytest.param((OFF["permit"],), "deny", id="no permit applies"),
        pytest.param((OFF["permit"], PERMIT), "allow", id="one of two permits"),
        pytest.param((PERMIT, FORBID), "deny", id="forbid wins"),
        pytest.param((PERMIT, OFF["forbid"]), "allow", id="a forbid that does not apply"),
        pytest.param((PERMIT, ESCALATE), "escalate", id="an escalation"),
        pytest.param((PERMIT, OFF["escalate"]), "allow", id="an escalation that does not apply"),
        pytest.param((ESCALATE,), "deny", id="an escalation permits nothing"),
        pytest.param((PERMIT, FORBID, ESCALATE), "deny", id="forbid wins over escalate"),
        pytest.param((rule("permit", TRUE, ABSENT),), "deny", id="an absent permit"),
        pytest.param((PERMIT, rule("permit", TRUE, ABSENT)), "allow", id="another permit"),
        pytest.param((PERMIT, rule("forbid", FALSE, ABSENT)), "deny", id="an absent forbid"),
        pytest.param((PERMIT, rule("escalate", FALSE, ABSENT)), "deny", id="an absent escalation"),
        pytest.param((PERMIT, rule("permit", REFUSES)), "deny", id="wrong type in a permit"),
        pytest.param((PERMIT, rule("forbid", REFUSES)), "deny", id="wrong type in a forbid"),
        pytest.param((PERMIT, rule("escalate", REFUSES)), "deny", id="wrong type when asking"),
        pytest.param(
            (PERMIT, rule("permit", ir.Or((TRUE, REFUSES)))), "allow", id="a document not read"
        ),
        pytest.param(
            (PERMIT, rule("permit", REFUSES, ABSENT)), "allow", id="absence comes before it"
        ),
    ],
)
def test_verdict(given: tuple[ir.Rule, ...], outcome: str) -> None:
    assert judge(rules(*given), world(), UTC).outcome == outcome


def test_every_rule_has_its_state() -> None:
    given = rules(PERMIT, OFF["permit"], rule("forbid", TRUE, ABSENT), rule("escalate", REFUSES))
    judged = judge(given, world(), UTC)
    assert [o.state for o in judged.outcomes] == ["applies", "not", "absent", "wrong_type"]
    assert [o.rule for o in judged.outcomes] == list(given.rules)


# --- lets and witnesses ------------------------------------------------------------------------

BAG = record(weight=INT, tags=ListType(STRING))
BAGS = arg("bags", ListType(BAG))
B, T = var(1, BAG), var(2, STRING)
HEAVY = less(n(32), ir.GetField(B, "weight", INT))
TAGS = ir.GetField(B, "tags", ListType(STRING))
LIGHT_BAG: Value = {"weight": 3, "tags": ("a",)}
HEAVY_BAG: Value = {"weight": 40, "tags": ("a", "b")}
OTHER_BAG: Value = {"weight": 50, "tags": ()}
NO_HEAVY = ir.Not(any_of(B, BAGS, HEAVY))


def outcome_of(condition: ir.Expr, *bags: Value) -> RuleOutcome:
    return judge_rule(rule("forbid", condition), world(bags=bags), UTC)


@pytest.mark.parametrize(
    ("condition", "bindings"),
    [
        pytest.param(any_of(B, BAGS, HEAVY), {1: HEAVY_BAG}, id="any true: the first"),
        pytest.param(all_of(B, BAGS, HEAVY), {1: LIGHT_BAG}, id="all false: the first"),
        pytest.param(all_of(B, BAGS, TRUE), {}, id="all true: none"),
        pytest.param(any_of(B, BAGS, FALSE), {}, id="any false: none"),
        pytest.param(NO_HEAVY, {1: HEAVY_BAG}, id="under not"),
        pytest.param(
            any_of(B, BAGS, any_of(T, TAGS, equal(T, s("b")))),
            {1: HEAVY_BAG, 2: "b"},
            id="outer, then inner",
        ),
        pytest.param(
            any_of(B, BAGS, ir.And((ir.Not(all_of(T, TAGS, equal(T, s("a")))), HEAVY))),
            {1: HEAVY_BAG, 2: "b"},
            id="all false under not",
        ),
        pytest.param(
            any_of(B, BAGS, ir.Not(any_of(T, TAGS, TRUE))), {1: OTHER_BAG}, id="none of a failure"
        ),
        pytest.param(
            ir.Or((all_of(B, BAGS, HEAVY), any_of(T, ir.Const(("x",), ListType(STRING)), TRUE))),
            {2: "x"},
            id="or: of the side that decided",
        ),
        pytest.param(
            ir.And((any_of(B, BAGS, HEAVY), FALSE)), {}, id="and: of the side that decided"
        ),
        pytest.param(
            ir.And((any_of(B, BAGS, HEAVY), TRUE)), {1: HEAVY_BAG}, id="and: of all, if true"
        ),
        pytest.param(less(n(0), ir.Count(B, BAGS, HEAVY)), {}, id="count has none"),
        pytest.param(
            equal(ir.Count(B, BAGS, any_of(T, TAGS, TRUE)), n(2)), {}, id="nothing inside a count"
        ),
        pytest.param(
            ir.If(any_of(B, BAGS, HEAVY), TRUE, FALSE, BOOL), {1: HEAVY_BAG}, id="a condition"
        ),
    ],
)
def test_witnesses(condition: ir.Expr, bindings: dict[int, Value]) -> None:
    found = outcome_of(condition, LIGHT_BAG, HEAVY_BAG, OTHER_BAG)
    assert list(found.bindings.items()) == list(bindings.items())


def test_lets_are_bound_up_to_the_first_absent_one() -> None:
    missing = ir.GetField(ir.Root("args", record(a=OptionalType(INT))), "a", OptionalType(INT))
    second = let(1, missing)
    given = rule("forbid", TRUE, let(0, n(1)), second, let(2, n(3)))
    assert judge_rule(given, world(a=None), UTC) == RuleOutcome(
        given, "absent", second, ("args", "a"), {0: 1}
    )


def test_a_let_of_an_optional_is_its_value() -> None:
    given = rule("permit", equal(var(0), n(4)), let(0, ir.Some(n(4), OptionalType(INT))))
    assert judge_rule(given, world(), UTC) == RuleOutcome(given, "applies", bindings={0: 4})


def test_a_wrong_type_says_where() -> None:
    read = ir.JsonAs(
        ir.JsonPath(context("doc", JSON), ("a",), OptionalType(JSON)), OptionalType(INT)
    )
    given = rule("forbid", TRUE, let(0, read))
    found = judge_rule(given, World("desk.do", {}, context={"doc": {"a": "1"}}), UTC)
    wrong = WrongType(("context", "doc", "a"), "a whole number", 'the text "1"')
    assert found == RuleOutcome(given, "wrong_type", None, wrong)
    assert str(found.detail) == '`context.doc.a` must be a whole number, not the text "1"'


# --- messages ----------------------------------------------------------------------------------


def show(value: Value, kind: Type) -> str:
    return f"<{value}: {kind}>"


def told(given: ir.Rule, at: World) -> str:
    return message_text(given, judge_rule(given, at, UTC), at, UTC, show)


def test_a_message_shows_witnesses_and_lets() -> None:
    given = rule(
        "forbid",
        any_of(B, BAGS, HEAVY),
        let(0, n(7)),
        message=("a bag of ", ir.GetField(B, "weight", INT), " kg, not ", var(0), "."),
    )
    text = told(given, world(bags=(LIGHT_BAG, HEAVY_BAG)))
    assert text == "a bag of <40: Int> kg, not <7: Int>."


def test_holes_without_a_value() -> None:
    nothing = ir.Const(None, OptionalType(INT))
    given = rule(
        "forbid",
        ir.Or((any_of(B, BAGS, HEAVY), TRUE)),
        message=(
            *(ir.GetField(B, "weight", INT), " ", nothing, " ", context("risk", INT), " "),
            *(REFUSES, " ", ir.Unwrap(nothing, INT)),
        ),
    )
    text = told(given, world(bags=(LIGHT_BAG,)))
    assert text == "(none found) none (unknown) (wrong type) none"


def test_the_message_of_an_absent_let_says_none() -> None:
    given = rule("forbid", TRUE, ABSENT, message=("there is ", var(0)))
    assert told(given, world()) == "there is none"


def test_an_optional_hole_shows_its_value() -> None:
    given = rule("forbid", message=(ir.Const(2, OptionalType(INT)),))
    assert told(given, world()) == "<2: Int>"


def test_no_message_is_no_text() -> None:
    assert told(FORBID, world()) == ""


# --- facts and unknown parts -------------------------------------------------------------------

USER = RecordType("User", record(name=STRING, boss=STRING).fields)


def user(key: ir.Expr) -> ir.Fact:
    return ir.Fact("user", (key,), USER)


def name_of(record_: ir.Expr) -> ir.GetField:
    return ir.GetField(record_, "name", STRING)


def test_a_fact_by_a_fact() -> None:
    boss = ir.GetField(user(arg("id", STRING)), "boss", STRING)
    facts = {"user": {("u",): {"name": "U", "boss": "b"}, ("b",): {"name": "B", "boss": UNKNOWN}}}
    at = World("desk.do", {"id": "u"}, facts=facts)
    assert evaluate(name_of(user(boss)), at, UTC) == "B"
    assert read_paths(name_of(user(boss)), at, UTC) == (
        ("args", "id"),
        ("user", ("u",), "boss"),
        ("user", ("b",), "name"),
    )


@pytest.mark.parametrize(
    ("facts", "path"),
    [
        pytest.param({}, ("user", ("u",)), id="no facts"),
        pytest.param({"user": {}}, ("user", ("u",)), id="another key"),
        pytest.param({"user": {("u",): UNKNOWN}}, ("user", ("u",)), id="unknown"),
        pytest.param(
            {"user": {("u",): {"name": UNKNOWN, "boss": ""}}},
            ("user", ("u",), "name"),
            id="an unknown field",
        ),
        pytest.param(
            {"user": {("u",): {"boss": ""}}}, ("user", ("u",), "name"), id="a field left out"
        ),
    ],
)
def test_reading_what_is_unknown(
    facts: dict[str, dict[tuple[Value, ...], Value]], path: tuple[object, ...]
) -> None:
    at = World("desk.do", {}, facts=facts)
    with pytest.raises(UnknownRead) as caught:
        evaluate(name_of(user(s("u"))), at, UTC)
    assert caught.value.path == path
    given = rules(PERMIT, rule("forbid", equal(name_of(user(s("u"))), s(""))))
    with pytest.raises(UnknownRead):
        judge(given, at, UTC)


def test_what_is_not_read_may_be_unknown() -> None:
    xs = context("xs", ListType(INT))
    at = World("desk.do", {}, context={"xs": (1, UNKNOWN)})
    assert evaluate(ir.Length(xs), at, UTC) == 2
    assert evaluate(any_of(var(0), xs, equal(var(0), n(1))), at, UTC) is True
    assert read_paths(any_of(var(0), xs, equal(var(0), n(1))), at, UTC) == (
        ("context", "xs"),
        ("context", "xs", 0),
    )
    with pytest.raises(UnknownRead) as caught:
        evaluate(xs, at, UTC)
    assert caught.value.path == ("context", "xs", 1)


def test_bindings_keep_unknown_parts() -> None:
    xs = context("xs", ListType(record(a=INT, b=INT)))
    v = var(0, record(a=INT, b=INT))
    given = rule("forbid", any_of(v, xs, equal(ir.GetField(v, "a", INT), n(1))))
    at = World("desk.do", {}, context={"xs": ({"a": 1, "b": UNKNOWN},)})
    found = judge_rule(given, at, UTC)
    assert found.bindings == {0: {"a": 1, "b": UNKNOWN}}
    assert read_paths(ir.GetField(v, "a", INT), at, UTC, found.places) == (
        ("context", "xs", 0, "a"),
    )


def test_a_param_and_an_approver_have_to_be_there() -> None:
    fee = ir.Param("fee", INT)
    who = ir.GetField(ir.Root("approver", record(id=STRING)), "id", STRING)
    for expr, path in ((fee, ("params", "fee")), (who, ("approver",))):
        with pytest.raises(UnknownRead) as caught:
            evaluate(expr, world(), UTC)
        assert caught.value.path == path
    at = World("desk.do", {}, params={"fee": 5}, approver={"id": "x"})
    assert (evaluate(fee, at, UTC), evaluate(who, at, UTC)) == (5, "x")


def test_bindings_are_given_to_an_expression() -> None:
    assert evaluate(ir.Arithmetic("+", var(3), n(1), INT), world(), UTC, {3: 4}) == 5


# --- size --------------------------------------------------------------------------------------


def test_a_hundred_times_a_hundred_is_no_wait() -> None:
    x, y = var(0), var(1)
    hundred = ints(*range(100))
    body = less(ir.Arithmetic("+", x, y, INT), n(1_000))
    assert evaluate(all_of(x, hundred, all_of(y, hundred, body)), world(), UTC) is True
