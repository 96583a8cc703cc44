"""Text beside its tree, or beside the codes of what is wrong with it."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from fractions import Fraction

import pytest

from licet.policy_lang import Source, ast, parse, parse_expression
from licet.policy_lang.lexing import MAX_DEPTH
from support.tree_building import (
    HERE,
    binary,
    compare,
    n,
    name,
    number,
    path,
    text,
    tool,
    tools,
)

a, b, c, d = map(name, "abcd")

EXPRESSIONS: list[tuple[str, ast.Expr]] = [
    # literals
    ("true", n(ast.BoolLiteral, True)),
    ("2_000", number(2000)),
    ("0.05", number("0.05")),
    ("50.0", n(ast.NumberLiteral, Fraction(50), False)),
    ("1_000.000_1", number("1000.0001")),
    (r'"a \"b\" \\ \n \t \u{1f600}"', text('a "b" \\ \n \t 😀')),
    ("2026-11-22", n(ast.DateLiteral, 20779)),
    ("1970-01-01T00:01Z", n(ast.TimeLiteral, 60_000_000, 0)),
    ("1970-01-01T00:00:01.5+01:30", n(ast.TimeLiteral, 1_500_000, 5400)),
    ("1969-12-31T23:59:59-05:00", n(ast.TimeLiteral, -1_000_000, -18000)),
    ("1970-01-02T00:00", n(ast.TimeLiteral, 86_400_000_000, None)),
    ("30min", n(ast.DurationLiteral, 1_800_000_000, "min")),
    ("24h", n(ast.DurationLiteral, 86_400_000_000, "h")),
    # paths
    ("a.b.c", path("a", "b", "c")),
    ('args."user-id"', n(ast.Member, name("args"), "user-id")),
    ("args.limit.when.if", path("args", "limit", "when", "if")),
    ("a[b].c", n(ast.Member, n(ast.Index, a, b), "c")),
    ("f()", n(ast.Call, "f", ())),
    ("common.f(a, b).c", n(ast.Member, n(ast.Call, "common.f", (a, b)), "c")),
    # precedence
    ("a + b * c", binary("+", a, binary("*", b, c))),
    ("a - b - c", binary("-", binary("-", a, b), c)),
    ("a ?? b ?? c", binary("??", a, binary("??", b, c))),
    ("a.b ?? c + d", binary("+", binary("??", path("a", "b"), c), d)),
    ("-a ?? b", n(ast.Unary, "-", binary("??", a, b))),
    ("a ?? -b * c", binary("*", binary("??", a, n(ast.Unary, "-", b)), c)),
    ("a * -b", binary("*", a, n(ast.Unary, "-", b))),
    ("a div b % c", binary("%", binary("div", a, b), c)),
    ("not a == b", n(ast.Unary, "not", compare(a, ("==", b)))),
    ("not a and b or c", binary("or", binary("and", n(ast.Unary, "not", a), b), c)),
    ("a or b and c", binary("or", a, binary("and", b, c))),
    ("(a or b) and c", binary("and", binary("or", a, b), c)),
    ("has a.b and c", binary("and", n(ast.Has, path("a", "b")), c)),
    ("not has f(a)", n(ast.Unary, "not", n(ast.Has, n(ast.Call, "f", (a,))))),
    ("a < b <= c", compare(a, ("<", b), ("<=", c))),
    ("a == b == c", compare(a, ("==", b), ("==", c))),
    ("(a < b) == c", compare(compare(a, ("<", b)), ("==", c))),
    ("a not in b + c", n(ast.WordComparison, "not in", a, binary("+", b, c))),
    ("a ?? b in c", n(ast.WordComparison, "in", binary("??", a, b), c)),
    ("a subset b or c", binary("or", n(ast.WordComparison, "subset", a, b), c)),
    (
        r"a + b matches /x\/y\d/",
        n(ast.Matches, binary("+", a, b), r"x/y\d", pattern_span=HERE),
    ),
    ("a / b", binary("/", a, b)),
    ("a*b", binary("*", a, b)),
    (
        "if a then b else if b then c else d",
        n(ast.Conditional, a, b, n(ast.Conditional, b, c, d)),
    ),
    ("(if a then b else c) + d", binary("+", n(ast.Conditional, a, b, c), d)),
    # collections
    ("[]", n(ast.ListLiteral, ())),
    ("[a, b,]", n(ast.ListLiteral, (a, b))),
    ("[1,200]", n(ast.ListLiteral, (number(1), number(200)))),
    (
        '{ on: 1, "odd key": a, true: b }',
        n(ast.RecordLiteral, (("on", number(1)), ("odd key", a), ("true", b))),
    ),
    (
        "any(x in a: x > b)",
        n(
            ast.Comprehension,
            "any",
            n(ast.Generator, ("x",), a),
            compare(name("x"), (">", b)),
        ),
    ),
    (
        "all(k, v in a + b: k)",
        n(ast.Comprehension, "all", n(ast.Generator, ("k", "v"), binary("+", a, b)), name("k")),
    ),
    ("min(a, b)", n(ast.Call, "min", (a, b))),
    (
        "min((a in b), c)",
        n(ast.Call, "min", (n(ast.WordComparison, "in", a, b), c)),
    ),
    (
        "[x.c for x in a if b]",
        n(ast.ListComprehension, path("x", "c"), n(ast.Generator, ("x",), a), b),
    ),
    # contextual words are names where no keyword may stand
    ("to.host == within", compare(path("to", "host"), ("==", name("within")))),
    (
        "[day for day in month]",
        n(ast.ListComprehension, name("day"), n(ast.Generator, ("day",), name("month")), None),
    ),
    (
        "any(call in given: call)",
        n(ast.Comprehension, "any", n(ast.Generator, ("call",), name("given")), name("call")),
    ),
    # history
    ("calls(a*)", n(ast.HistoryCalls, tools("a*"), None, None)),
    (
        'calls(desk.a, "b-c", per principal.id, within 30min)',
        n(
            ast.HistoryCalls,
            (tool("desk.a"), tool("b-c", quoted=True)),
            path("principal", "id"),
            n(ast.Window, 1_800_000_000, None),
        ),
    ),
    (
        "calls(any, within month)",
        n(ast.HistoryCalls, tools("any"), None, n(ast.Window, None, "month")),
    ),
    # space and comments
    ("a # why\n  +b", binary("+", a, b)),
    ("a\r\n\tand\r\nb", binary("and", a, b)),
]


@pytest.mark.parametrize(("source", "tree"), EXPRESSIONS, ids=[row[0] for row in EXPRESSIONS])
def test_an_expression_has_its_tree(source: str, tree: ast.Expr) -> None:
    assert parse_expression(Source("expression", source)) == (tree, ())


REFUSED = [
    ("", "LIC002"),
    ("a b", "LIC001"),
    ("a == if b then c else d", "LIC001"),
    ("a ?? ", "LIC002"),
    ("if a then b", "LIC002"),
    ("any(x in xs)", "LIC001"),
    ("min(x in xs, 1)", "LIC001"),
    ("/a/", "LIC001"),
    ("on", "LIC001"),
    ("limit > 5", "LIC031"),
    ("a = b", "LIC006"),
    ("a === b", "LIC007"),
    ("a <> b", "LIC007"),
    ("a & b", "LIC007"),
    ("a is b", "LIC008"),
    ("1__0", "LIC010"),
    ("1_", "LIC010"),
    ("5.", "LIC010"),
    (".5", "LIC010"),
    ("5.x", "LIC010"),
    ("00", "LIC010"),
    ("1m", "LIC012"),
    ("3 days", "LIC013"),
    ("2w", "LIC013"),
    ("1_000_000.5h", "LIC013"),
    ("9" * 401 + "h", "LIC014"),
    ("2026-11-31", "LIC015"),
    ("2026-11-22T24:00Z", "LIC015"),
    ("2026-11-22T10:00:60Z", "LIC015"),
    ("2026-11-22T10:00:00.1234567Z", "LIC015"),
    ("0000-01-01", "LIC015"),
    ('"a', "LIC016"),
    ('"a\nb"', "LIC016"),
    (r'"\d"', "LIC017"),
    (r'"\u{d800}"', "LIC017"),
    (r'"\u{110000}"', "LIC017"),
    (r'"\u{}"', "LIC017"),
    ('"a\tb"', "LIC017"),
    ("'a'", "LIC018"),
    ("`a`", "LIC018"),
    ("a ^ b", "LIC019"),
    ("a\u3000+ b", "LIC019"),
    ("é", "LIC019"),
    ('"\ud800"', "LIC020"),
    ('"\x00"', "LIC020"),
    ("a\u200b", "LIC020"),
    ("a\rand b", "LIC020"),
    ("a matches /b", "LIC021"),
    ("a matches /b\n/", "LIC021"),
    ("a != b != c", "LIC023"),
    ("a < b >= c", "LIC023"),
    ("a in b in c", "LIC023"),
    ("a == b in c", "LIC023"),
    ("a in b == c", "LIC023"),
    ("a matches /b/ == c", "LIC023"),
    ("a + not b", "LIC024"),
    ("has 1", "LIC025"),
    ("has a ?? b", "LIC025"),
    ('{ a: 1, "a": 2 }', "LIC030"),
]


@pytest.mark.parametrize(("source", "code"), REFUSED, ids=[repr(row[0])[:30] for row in REFUSED])
def test_an_expression_is_refused_with_its_code(source: str, code: str) -> None:
    _, diagnostics = parse_expression(Source("expression", source))
    assert {diagnostic.code for diagnostic in diagnostics} == {code}


def test_spans_point_at_what_was_written() -> None:
    source = Source("file", 'forbid x on t when (a + b) > 1 message "\\u{e9} {args.x ?? \\"n\\"}"')
    (rule,) = parse(source)[0].declarations
    assert isinstance(rule, ast.RuleDecl)
    assert isinstance(rule.when, ast.Comparison)
    assert rule.message is not None
    hole = rule.message.parts[1]
    assert isinstance(hole, ast.Binary)
    assert [rule.span.text, rule.when.span.text, rule.when.first.span.text] == [
        source.text,
        "(a + b) > 1",
        "(a + b)",
    ]
    assert [hole.span.text, hole.left.span.text, hole.right.span.text] == [
        'args.x ?? \\"n\\"',
        "args.x",
        '\\"n\\"',
    ]


NESTED = {
    "parentheses": ("(", "a", ")"),
    "lists": ("[", "a", "]"),
    "calls": ("f(", "a", ")"),
    "records": ("{ a: ", "b", "}"),
    "not": ("not ", "a", ""),
    "minus": ("-", "a", ""),
    "else": ("if a then b else ", "c", ""),
    "members": ("", "a", ".b"),
    "sums": ("", "a", " + a"),
    "absent": ("a ?? ", "a", ""),
    "open": ("(", "", ""),
}


@pytest.mark.parametrize(("before", "middle", "after"), NESTED.values(), ids=list(NESTED))
def test_deep_nesting_is_refused(before: str, middle: str, after: str) -> None:
    source = Source("expression", before * 10_000 + middle + after * 10_000)
    tree, diagnostics = parse_expression(source)
    assert [diagnostic.code for diagnostic in diagnostics] == ["LIC026"]
    assert tree is None


@pytest.mark.parametrize(("before", "middle", "after"), list(NESTED.values())[:10])
def test_the_permitted_depth_is_read(before: str, middle: str, after: str) -> None:
    levels = MAX_DEPTH - 1
    source = Source("expression", before * levels + middle + after * levels)
    tree, diagnostics = parse_expression(source)
    assert diagnostics == ()
    assert tree == parse_expression(source)[0]


def test_lark_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, licet.policy_lang; sys.exit('lark' in sys.modules or 'z3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_a_thousand_rich_rules_are_read_in_little_more_than_a_second() -> None:
    rule = """forbid rule_{i} on refund, update_*  # note
  let r = reservation(args.reservation_id)
  when r.cabin == basic and [f.number for f in args.flights] != [f.number for f in r.flights]
  unless any(c in calls(verify, within 30min): c.outcome == ok and c.args.id == args.id * 2)
  message "Flights cannot be changed ({{args.reservation_id}}), {{r.cabin}}."
"""
    text = "".join(rule.format(i=i) for i in range(1000))
    parse(Source("first", "permit x on any"))
    best = 10.0
    gc.disable()  # what else lives in the test process is not the parser's to walk
    try:
        for _ in range(3):
            started = time.process_time()
            tree, diagnostics = parse(Source("policy", text))
            best = min(best, time.process_time() - started)
    finally:
        gc.enable()
    assert (len(tree.declarations), diagnostics) == (1000, ())
    assert best < 1.2
