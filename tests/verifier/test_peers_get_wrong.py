"""What other guards get wrong, and what Z3 does to the unwary: the same probes, end to end.

Every check runs with both engines, so that a difference between them would show as a fault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from licet import Guard, PolicyError
from licet.verifier.action import Action
from support.shop import refund, shop

DESK = """
policy "desk"
tool pay(amount: Decimal, times: Int, note: String?, urgent: Bool) destructive
permit pay on pay
forbid large on pay when args.amount > 500
forbid often on pay when args.times > 3
forbid noted on pay when has args.note and args.note contains "secret"
"""

FINE = {"amount": 100, "times": 1, "urgent": False}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    with shop(tmp_path_factory.mktemp("desk"), DESK, engine="both") as made:
        yield made


def pay(desk: Guard, **changes: object) -> tuple[str, str | None]:
    verdict = desk.check({"tool": "pay", "args": {**FINE, **changes}})
    return verdict.outcome, verdict.kind


def decide(folder: Path, text: str, tool: str, **args: object) -> str:
    """The outcome of one call under a policy; a fault, as where the engines differ, fails.

    No time to explain: what is asked here is decided without a search.
    """
    with shop(folder, text, engine="both", seconds=0.0) as guard:
        verdict = guard.check({"tool": tool, "args": args})
    assert verdict.kind not in ("fault", "undetermined", "solver_unknown"), verdict.message
    return verdict.outcome


def holds(folder: Path, declared: str, condition: str, **args: object) -> bool:
    """Whether a condition on one tool's arguments holds, by what it permits."""
    text = f'policy "p"\ntool t({declared})\npermit it on t when {condition}\n'
    return decide(folder, text, "t", **args) == "allow"


# --- a missing, misspelt or ill-typed argument, NaN, "seven hundred", {} -------------------------


def test_the_plain_call_is_allowed(desk: Guard) -> None:
    assert pay(desk) == ("allow", None)
    assert pay(desk, amount=700) == ("deny", "forbidden")


@pytest.mark.parametrize("name", list(FINE))
def test_a_missing_argument(desk: Guard, name: str) -> None:
    args = {key: value for key, value in FINE.items() if key != name}
    verdict = desk.check({"tool": "pay", "args": args})
    assert (verdict.outcome, verdict.kind) == ("deny", "bad_argument")
    assert [v.path for v in verdict.violations] == [f"args.{name}"]


@pytest.mark.parametrize(
    "name", ["amuont", "Amount", "amount ", "amount\u200b", "аmount", "", "args"]
)
def test_a_misspelt_argument(desk: Guard, name: str) -> None:
    """Also beside the right one: what the guard does not know, the tool may."""
    renamed = {key: value for key, value in FINE.items() if key != "amount"} | {name: 700}
    assert desk.check({"tool": "pay", "args": renamed}).kind == "bad_argument"
    assert desk.check({"tool": "pay", "args": {**FINE, name: 700}}).kind == "bad_argument"


def test_a_misspelt_optional_argument_is_not_an_absent_one(desk: Guard) -> None:
    verdict = desk.check({"tool": "pay", "args": {**FINE, "notes": "secret"}})
    assert (verdict.outcome, verdict.kind) == ("deny", "bad_argument")
    assert "did you mean `note`" in verdict.message


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        "700",
        "seven hundred",
        "1e3",
        "",
        {},
        [],
        [700],
        {"value": 700},
        None,
        True,
        False,
        b"700",
        10**101,
        1e300,
        Decimal("1E+999999"),
        Decimal("499.99999999999999999"),
        Decimal("500.0000000000000000001"),
    ],
)
def test_an_ill_typed_number(desk: Guard, value: object) -> None:
    assert pay(desk, amount=value) == ("deny", "bad_argument")


@pytest.mark.parametrize("value", [1.5, "1", True, float("nan"), None, [], {}, Decimal("0.5")])
def test_an_ill_typed_integer(desk: Guard, value: object) -> None:
    assert pay(desk, times=value) == ("deny", "bad_argument")


@pytest.mark.parametrize("value", [0, 1, "true", "false", "no", None, [], {}])
def test_an_ill_typed_truth_value(desk: Guard, value: object) -> None:
    assert pay(desk, urgent=value) == ("deny", "bad_argument")


@pytest.mark.parametrize("value", [5, True, ["secret"], {"text": "secret"}, "\ud800secret"])
def test_an_ill_typed_text(desk: Guard, value: object) -> None:
    assert pay(desk, note=value) == ("deny", "bad_argument")


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (500, "allow"),
        (500.0, "allow"),
        (-0.0, "allow"),
        (Decimal("500.00"), "allow"),
        (500.01, "deny"),
        (500.0000000000001, "deny"),
    ],
)
def test_numbers_are_what_they_print_as(desk: Guard, value: object, outcome: str) -> None:
    assert pay(desk, amount=value)[0] == outcome


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e400", '"700"', "0x10", "7_00"]
)
def test_ill_typed_numbers_in_json(desk: Guard, number: str) -> None:
    text = f'{{"tool": "pay", "args": {{"amount": {number}, "times": 1, "urgent": false}}}}'
    try:
        action = Action.from_json(text)
    except ValueError:
        return
    assert desk.check(action).kind == "bad_argument"


def test_a_key_that_stands_twice_in_json() -> None:
    text = '{"tool": "pay", "args": {"amount": 1, "amount": 700, "times": 1, "urgent": false}}'
    with pytest.raises(ValueError, match="twice"):
        Action.from_json(text)


# --- unknown tools ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tool",
    ["Pay", "pay ", " pay", "payy", "p\u0430y", "pay\x00", "desk.pay", "*", "any", "x" * 600],
)
def test_an_unknown_tool(desk: Guard, tool: str) -> None:
    verdict = desk.check({"tool": tool, "args": FINE})
    assert verdict.outcome == "deny"
    assert verdict.kind in ("unknown_tool", "bad_argument")


def test_a_tool_that_no_rule_names(tmp_path: Path) -> None:
    with shop(tmp_path, DESK + "tool other(x: Int)\n", engine="both") as guard:
        assert guard.check({"tool": "other", "args": {"x": 1}}).kind == "no_permit"


# --- the solver does not know -------------------------------------------------------------------


def test_a_solver_without_an_answer_is_no_permission(tmp_path: Path) -> None:
    """Whether 114 is the sum of three cubes, nobody knows."""
    text = """
policy "p"
context { x: Int, y: Int, z: Int }
tool t()
permit it on t
forbid hard on t when context.x * context.x * context.x + context.y * context.y * context.y
  + context.z * context.z * context.z == 114
"""
    unknown = {"$unknown": True}
    with shop(tmp_path, text, engine="both", seconds=0.5) as guard:
        verdict = guard.check({"tool": "t", "context": {"x": unknown, "y": unknown, "z": unknown}})
    assert (verdict.outcome, verdict.kind) == ("deny", "solver_unknown")


# --- `not x`, parentheses, `a > b`, typos -------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "x", "y"),
    [
        ("not args.b", 0, 0),
        ("not (args.b)", 0, 0),
        ("(((args.x))) > (5)", 6, 0),
        ("args.x > args.y", 2, 1),
        ("(args.x > 5 or args.y > 5) and args.x > 1", 2, 6),
        ("not (args.x > 5 or args.y > 5)", 5, 5),
        ("not args.x > 5", 5, 0),
        ("5 < args.x", 6, 0),
        ("1 < args.x <= 3", 3, 0),
        ("args.x - args.y > 0", 2, 1),
        ("-args.x > 5", -6, 0),
        ("args.x == args.y", 2, 2),
    ],
)
def test_conditions_mean_what_they_say(tmp_path: Path, condition: str, x: int, y: int) -> None:
    assert holds(tmp_path, "x: Int, y: Int, b: Bool", condition, x=x, y=y, b=False)
    assert not holds(tmp_path, "x: Int, y: Int, b: Bool", f"not ({condition})", x=x, y=y, b=False)


@pytest.mark.parametrize(
    "condition",
    [
        "args.amuont > 500",
        "arg.amount > 500",
        "amount > 500",
        "args.amount > fivehundred",
        "args.amount => 500",
        "args.amount = 500",
        "args.amount > 500 && true",
        "!args.urgent",
        "args.amount > '500'",
        'args.amount > "500"',
        'args.amount in ["500"]',
        "args.amount > true",
        "args.amount is 500",
        "args.amount > 500 and",
        "args.amount > 500 or or args.times > 3",
        "(args.amount > 500",
        "args.amount > 500)",
        "args.amount",
        "not args.amount",
        "args.urgent > 1",
        'args.note == "x"',
        "args.note.length > 5",
        "args.amount not 500",
        "args.amount ! = 500",
        "args.amount between 600 and 500",
        "args.amount in 600 .. 500",
        "args.amount > 1,000",
        "principal.role == admin",
        'args.urgent == "yes"',
        "args.amount > 5 > args.times < 3",
        'lenght(args.note ?? "") > 3',
        "args.note matches /(/",
        'args.note ?? "" matches /(?=x)/',
        "args.amount % 2 == 0",
        "args.times div 0 == 1",
        "args.times div args.times == 1",
    ],
)
def test_a_typo_in_a_condition_is_an_error_when_it_is_loaded(
    tmp_path: Path, condition: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        shop(tmp_path, DESK + f"forbid typo on pay when {condition}\n")
    assert "LIC" in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "forbid typo on pya when args.amount > 500",
        "forbid typo on pay wehn args.amount > 500",
        "forbid typo on pay, lookup when args.amount > 500",
        "forbid typo on pay_* when args.amount > 500",
        "forbdi typo on pay when args.amount > 500",
        "forbid large on pay when args.amount > 500",
        "forbid typo pay when args.amount > 500",
        "forbid typo on pay when args.amount > 500 when args.amount > 5",
    ],
)
def test_a_typo_in_a_rule_is_an_error_when_it_is_loaded(tmp_path: Path, line: str) -> None:
    with pytest.raises(PolicyError):
        shop(tmp_path, DESK + line + "\n")


# --- what can never match -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "declaration",
    [
        "tool t(x: Int in 600 .. 500)",
        "tool t(x: Decimal in 1 .. 0)",
        "tool t(x: Decimal in 0.1 .. 0.9 step 1)",
        "context { x: Int in 600 .. 500 }",
        "param x: Int in 600 .. 500 = 550",
        "param x: Int in 500 .. 600 = 700",
        "group g = no_such_*",
        "group g = h\ngroup h = g",
    ],
)
def test_an_empty_range_or_group(tmp_path: Path, declaration: str) -> None:
    with pytest.raises(PolicyError):
        shop(tmp_path, f'policy "p"\n{declaration}\n')


def test_an_empty_range_in_a_schema(tmp_path: Path) -> None:
    """The tool is refused, not read as one that takes anything."""
    schema = {
        "type": "object",
        "properties": {"x": {"type": "integer", "minimum": 600, "maximum": 500}},
    }
    tools = {"tools": [{"name": "t", "inputSchema": schema}]}
    (tmp_path / "tools.json").write_text(json.dumps(tools), "utf-8")
    with pytest.raises(PolicyError):
        shop(tmp_path, 'policy "p"\nuse tools "tools.json"\npermit all on any\n')


# --- the traps of Z3 ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "text", "expected"),
    [
        ('args.s == "A"', "\\u{41}", False),
        ('args.s == "A"', "\\u0041", False),
        ('args.s contains "A"', "x\\u{41}y", False),
        ('args.s startswith "A"', "\\u{41}", False),
        ("args.s matches /A/", "\\u{41}", False),
        ("args.s matches /.{6}/", "\\u{41}", True),
        ('args.s + "!" == "A!"', "\\u{41}", False),
        ("length(args.s) == 6", "\\u{41}", True),
        (r'args.s == "\\u{41}"', "\\u{41}", True),
        (r'args.s == "\\u{41}"', "A", False),
        (r'args.s contains "\\u{41}"', "xA", False),
        ('args.s like "*A*"', "\\u{41}", False),
        ('args.s < "B"', "\\u{41}", False),
    ],
)
def test_escapes_in_text_stay_what_they_are(
    tmp_path: Path, condition: str, text: str, expected: bool
) -> None:
    assert holds(tmp_path, "s: String", condition, s=text) is expected


@pytest.mark.parametrize("text", ["\n", "\r", "\x00", "\u2028", "é", "\u0301", "\U0002ffff"])
def test_a_dot_matches_every_single_character(tmp_path: Path, text: str) -> None:
    assert holds(tmp_path, "s: String", "args.s matches /./", s=text)
    assert holds(tmp_path, "s: String", "args.s matches /a.b/", s=f"a{text}b")
    assert not holds(tmp_path, "s: String", "args.s matches /./", s=text * 2)


@pytest.mark.parametrize("text", ["secret\n", "\nsecret", "x\nsecret"])
def test_a_pattern_is_about_the_whole_text(tmp_path: Path, text: str) -> None:
    assert not holds(tmp_path, "s: String", "args.s matches /secret/", s=text)
    assert holds(tmp_path, "s: String", "args.s matches /.*secret.*/", s=text)


@pytest.mark.parametrize("digit", ["\u0663", "\uff13", "²", "\U0001d7d9", "੩"])
def test_digits_words_and_spaces_are_ascii(tmp_path: Path, digit: str) -> None:
    assert holds(tmp_path, "s: String", r"args.s matches /\d/", s="3")
    assert not holds(tmp_path, "s: String", r"args.s matches /\d/", s=digit)
    assert not holds(tmp_path, "s: String", r"args.s matches /\w/", s=digit)
    assert not holds(tmp_path, "s: String", r"args.s matches /\s/", s="\u00a0")
    assert not holds(tmp_path, "s: String", r"args.s matches /\w/", s="é")
    assert not holds(tmp_path, "s: String", "has int(args.s)", s=digit)


@pytest.mark.parametrize(
    ("n", "by", "quotient", "rest"),
    [
        (-7, 2, -4, 1),
        (7, 2, 3, 1),
        (-6, 2, -3, 0),
        (-1, 3, -1, 2),
        (0, 5, 0, 0),
        (-(10**50), 7, None, None),
    ],
)
def test_division_is_floored(
    tmp_path: Path, n: int, by: int, quotient: int | None, rest: int | None
) -> None:
    quotient, rest = divmod(n, by) if quotient is None else (quotient, rest)
    condition = f"args.n div {by} == {quotient} and args.n % {by} == {rest}"
    assert holds(tmp_path, "n: Int", condition, n=n)


def test_numbers_that_one_double_stands_for_are_two(tmp_path: Path) -> None:
    assert not holds(tmp_path, "n: Int", "args.n == 9_007_199_254_740_992", n=9007199254740993)
    assert holds(tmp_path, "n: Int", "args.n == 9_007_199_254_740_993", n=9007199254740993)
    assert holds(tmp_path, "x: Decimal", "args.x + 0.2 == 0.3", x=0.1)
    assert holds(tmp_path, "x: Decimal", "args.x / 3 * 3 == 1", x=1)


@pytest.mark.parametrize("char", ["\U00030000", "\U0010ffff"])
def test_code_points_that_the_string_theory_lacks(tmp_path: Path, char: str) -> None:
    """In every operator of text: refused rather than read as another, unless only compared."""
    text = (
        'policy "p"\ntool t(s: String)\npermit it on t when args.s contains "a" or args.s != "b"\n'
    )
    with shop(tmp_path, text, engine="both") as guard:
        assert guard.check({"tool": "t", "args": {"s": char}}).kind == "bad_argument"
    assert not holds(tmp_path, "s: String", 'args.s == "a"', s=char)
    assert holds(tmp_path, "s: String", 'args.s != "a"', s=char)
    assert holds(tmp_path, "s: String", f'args.s == "{char}"', s=char)


NAMES = """
policy "names"
enum E { "a|b", "a", "|", "a b", "(assert false)", "\\\\" }
context { "a.b": Int, a: { b: Int }, "a|b": Int, "x) (assert false": Bool, "a b": Int }
fact looked(k: String) -> Int
tool "t|u.v"("p|q": Int, "p.q": Int, p: { q: Int }, e: E) destructive
permit it on "t|u.v"
forbid dotted on "t|u.v" when context."a.b" > 5
forbid nested on "t|u.v" when context.a.b > 5
forbid barred on "t|u.v" when context."a|b" > 5
forbid odd on "t|u.v" when context."x) (assert false"
forbid spaced on "t|u.v" when context."a b" > 5
forbid looked_up on "t|u.v" when looked("k") > 5
forbid arg_dotted on "t|u.v" when args."p.q" > 5
forbid arg_nested on "t|u.v" when args.p.q > 5
forbid arg_barred on "t|u.v" when args."p|q" > 5
forbid label on "t|u.v" when args.e == "a|b"
"""

NAMED: list[tuple[str, dict[str, object]]] = [
    ("dotted", {"context": {"a.b": 6}}),
    ("nested", {"context": {"a": {"b": 6}}}),
    ("barred", {"context": {"a|b": 6}}),
    ("odd", {"context": {"x) (assert false": True}}),
    ("spaced", {"context": {"a b": 6}}),
    ("looked_up", {"fact": 6}),
    ("arg_dotted", {"args": {"p.q": 6}}),
    ("arg_nested", {"args": {"p": {"q": 6}}}),
    ("arg_barred", {"args": {"p|q": 6}}),
    ("label", {"args": {"e": "a|b"}}),
]


@pytest.mark.parametrize(("rule", "changes"), NAMED, ids=[rule for rule, _ in NAMED])
@pytest.mark.parametrize("unknown", [False, True])
def test_names_that_break_symbols(
    tmp_path: Path, rule: str, changes: dict[str, dict[str, object]], unknown: bool
) -> None:
    """`a.b` is not `a` → `b`, and no name reaches SMT-LIB, where `|` would end a symbol.

    With another field unknown the same question goes to a solver as text.
    """
    context = {"a.b": 1, "a": {"b": 1}, "a|b": 1, "x) (assert false": False, "a b": 1}
    args = {"p|q": 1, "p.q": 1, "p": {"q": 1}, "e": "(assert false)"}
    hidden = next(name for name in ("a|b", "a.b") if name not in changes.get("context", {}))
    context |= {hidden: {"$unknown": True}} if unknown else {}
    call = {
        "tool": "t|u.v",
        "args": args | changes.get("args", {}),
        "context": context | changes.get("context", {}),
        "facts": {"looked": [{"key": ["k"], "value": changes.get("fact", 1)}]},
    }
    with shop(tmp_path, NAMES, engine="both") as guard:
        verdict = guard.check(call)
    assert (verdict.outcome, verdict.kind, verdict.rules) == ("deny", "forbidden", (rule,))


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("(a?){40}a{40}", "a" * 40, True),
        ("(a?){40}a{40}", "a" * 39, False),
        ("(a+)+b", "a" * 5_000, False),
        ("(a|a)*b", "a" * 5_000, False),
        ("(a|aa)+", "a" * 5_000 + "b", False),
        ("(.*)*x", "y" * 5_000, False),
        ("([a-z]+)*1", "a" * 5_000 + "!", False),
    ],
)
def test_regular_expression_bombs(tmp_path: Path, pattern: str, text: str, expected: bool) -> None:
    assert holds(tmp_path, "s: String", f"args.s matches /{pattern}/", s=text) is expected


@pytest.mark.parametrize(
    "pattern",
    ["((a{1000}){1000}){1000}", "a{1001}", "(a{100}){100}{100}", "(" + "a" * 500 + "){1000}"],
)
def test_a_regular_expression_too_large_does_not_load(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(PolicyError):
        shop(
            tmp_path,
            f'policy "p"\ntool t(s: String)\npermit it on t when args.s matches /{pattern}/\n',
        )


def test_two_patterns_about_one_unknown_text(tmp_path: Path) -> None:
    """One membership and the complement of another: decided, not given up."""
    text = r"""
policy "p"
context { s: String }
tool t()
permit it on t when context.s matches /[a-z]+@corp\.example/
forbid other on t unless context.s matches /[^@]*@corp\.example/
forbid never on t when context.s matches /[0-9]+@.*/
"""
    with shop(tmp_path, text, engine="both", seconds=5.0) as guard:
        verdict = guard.check({"tool": "t", "context": {"s": {"$unknown": True}}})
        assert verdict.kind == "undetermined"
        assert verdict.fine is not None
        assert guard.check(verdict.fine).allowed


def test_a_fact_that_nobody_supplied_is_not_nothing(tmp_path: Path) -> None:
    """A required fact that nobody supplied is unknown, never false or zero."""
    with shop(tmp_path, engine="both") as guard:
        assert guard.check(refund(facts={})).kind == "undetermined"
