"""A declaration's text beside its tree."""

from __future__ import annotations

import pytest

from licet.policy_lang import Source, ast, parse
from support.tree_building import (
    binary,
    compare,
    field,
    n,
    name,
    number,
    path,
    text,
    tool,
    tools,
    type_,
)

a, b, c, d = map(name, "abcd")

RED = n(ast.ListLiteral, (text("a"),))
DECLARATIONS: list[tuple[str, ast.Declaration]] = [
    ('policy "airline desk"', n(ast.PolicyDecl, "airline desk")),
    ('timezone "UTC"', n(ast.TimezoneDecl, "UTC")),
    (
        'use tools aws "ec2", "rds"',
        n(ast.UseTools, "aws", (text("ec2"), text("rds")), None),
    ),
    ('use tools "t.json" as desk', n(ast.UseTools, None, (text("t.json"),), "desk")),
    ('import "c.licet"', n(ast.Import, "c.licet")),
    (
        'import "c.licet" with { fee: 50, limit: a }',
        n(ast.Import, "c.licet", (("fee", number(50)), ("limit", a))),
    ),
    (
        'tool "get-it"(id: String, on: Int?) -> { ok: Bool } read_only atomic tags "x", "y"',
        n(
            ast.ToolDecl,
            "get-it",
            (field("id", type_("String")), field("on", n(ast.OptionalType, type_("Int")))),
            n(ast.RecordType, (field("ok", type_("Bool")),)),
            ("read_only", "atomic"),
            ("x", "y"),
        ),
    ),
    ("tool ping()", n(ast.ToolDecl, "ping", (), None, (), ())),
    (
        'enum Cabin { basic_economy, "on time", }',
        n(ast.EnumDecl, "Cabin", ("basic_economy", "on time")),
    ),
    (
        "record Bag { weight_kg: Decimal in 0 .. 100 step 0.1, seen: Map<String, List<Time>>? }",
        n(
            ast.RecordDecl,
            "Bag",
            (
                field(
                    "weight_kg",
                    type_("Decimal", n(ast.Bounds, number(0), number(100)), number("0.1")),
                ),
                field(
                    "seen",
                    n(
                        ast.OptionalType,
                        n(ast.MapType, type_("String"), n(ast.ListType, type_("Time"))),
                    ),
                ),
            ),
        ),
    ),
    (
        "param rate: Decimal > -5 = 1",
        n(
            ast.ValueDecl,
            "rate",
            type_(
                "Decimal",
                n(ast.Bounds, n(ast.Unary, "-", number(5)), None, low_open=True),
            ),
            number(1),
            True,
        ),
    ),
    ("param fee: Int", n(ast.ValueDecl, "fee", type_("Int"), None, True)),
    (
        "param code: String matches /[a-z]+/",
        n(ast.ValueDecl, "code", type_("String", None, None, "[a-z]+"), None, True),
    ),
    ("const x = 1", n(ast.ValueDecl, "x", None, number(1), False)),
    (
        "const x: common.T <= y = 1",
        n(
            ast.ValueDecl,
            "x",
            type_("common.T", n(ast.Bounds, None, name("y"))),
            number(1),
            False,
        ),
    ),
    (
        "param table bags(Membership, Cabin) -> Int { regular, _: 0; gold, economy: 1; }",
        n(
            ast.TableDecl,
            "bags",
            (type_("Membership"), type_("Cabin")),
            type_("Int"),
            (
                n(ast.TableRow, (name("regular"), name("_")), number(0)),
                n(ast.TableRow, (name("gold"), name("economy")), number(1)),
            ),
            True,
        ),
    ),
    (
        "table t(Bool) -> Int { true: 1; false: 0 }",
        n(
            ast.TableDecl,
            "t",
            (type_("Bool"),),
            type_("Int"),
            (
                n(ast.TableRow, (n(ast.BoolLiteral, True),), number(1)),
                n(ast.TableRow, (n(ast.BoolLiteral, False),), number(0)),
            ),
            False,
        ),
    ),
    (
        "principal { id: String, on: Bool }",
        n(
            ast.ScopeDecl,
            "principal",
            (field("id", type_("String")), field("on", type_("Bool"))),
        ),
    ),
    (
        "fact holiday(day: Date) -> { name: String }?",
        n(
            ast.FactDecl,
            "holiday",
            (field("day", type_("Date")),),
            n(ast.OptionalType, n(ast.RecordType, (field("name", type_("String")),))),
        ),
    ),
    (
        'group g = update_*, desk.x, "a-b"',
        n(ast.GroupDecl, "g", (*tools("update_*", "desk.x"), tool("a-b", quoted=True))),
    ),
    ("define x = a", n(ast.DefineDecl, "x", None, a)),
    ("define x(a, b) = a", n(ast.DefineDecl, "x", ("a", "b"), a)),
    ("shown args.id, a.b", n(ast.ShownDecl, (path("args", "id"), path("a", "b")))),
    (
        'adjustable refund(amount, limit), t(bags.on, "a-b")',
        n(
            ast.AdjustableDecl,
            (
                n(ast.Adjustable, tool("refund"), (("amount",), ("limit",))),
                n(ast.Adjustable, tool("t"), (("bags", "on"), ("a-b",))),
            ),
        ),
    ),
    ("adjustable t()", n(ast.AdjustableDecl, (n(ast.Adjustable, tool("t"), ()),))),
    ("permit x on any", n(ast.RuleDecl, "permit", "x", tools("any"))),
    (
        'forbid x on a_*, b message "{{no}} {a.b}!" unless c let y = d when b',
        n(
            ast.RuleDecl,
            "forbid",
            "x",
            tools("a_*", "b"),
            (n(ast.Let, "y", d),),
            b,
            c,
            n(ast.Message, ("{no} ", path("a", "b"), "!")),
        ),
    ),
    (
        "escalate x on a when b to approver.role == lead needs 2",
        n(
            ast.RuleDecl,
            "escalate",
            "x",
            tools("a"),
            when=b,
            approval=n(ast.Approval, compare(path("approver", "role"), ("==", name("lead"))), 2),
        ),
    ),
    (
        "limit x on a count() <= 5",
        n(
            ast.LimitDecl,
            "x",
            (n(ast.Aggregate, tools("a"), "count", None),),
            None,
            None,
            "<=",
            number(5),
        ),
    ),
    (
        """limit x let y = c on a, g sum(b * 2) on c count() within 1h per a.b < d when c
        settle at result.cost over result else escalate to a needs 3 message "m" """,
        n(
            ast.LimitDecl,
            "x",
            (
                n(ast.Aggregate, tools("a", "g"), "sum", binary("*", b, number(2))),
                n(ast.Aggregate, tools("c"), "count", None),
            ),
            path("a", "b"),
            n(ast.Window, 3_600_000_000, None),
            "<",
            d,
            (n(ast.Let, "y", c),),
            c,
            None,
            path("result", "cost"),
            n(ast.Approval, a, 3),
            n(ast.Message, ("m",)),
        ),
    ),
    (
        "prove x never allow refund, t* when a",
        n(ast.ProveDecl, "x", "never", tools("refund", "t*"), a),
    ),
    ("prove x can allow any", n(ast.ProveDecl, "x", "can", tools("any"), None)),
    (
        """test "t" given principal { id: "a" } now 1970-01-01T00:00Z f("k") { x: 1 }
        f("l") = 2 f("m") absent f("n") unknown call desk.refund { on: a } then deny by x, y
        call b {} then allow""",
        n(
            ast.TestDecl,
            "t",
            (
                n(
                    ast.Given,
                    (
                        n(
                            ast.GivenScope,
                            "principal",
                            n(ast.RecordLiteral, (("id", text("a")),)),
                        ),
                        n(ast.GivenNow, n(ast.TimeLiteral, 0, 0)),
                        n(
                            ast.GivenFact,
                            "f",
                            (text("k"),),
                            n(ast.RecordLiteral, (("x", number(1)),)),
                            "value",
                        ),
                        n(ast.GivenFact, "f", (text("l"),), number(2), "value"),
                        n(ast.GivenFact, "f", (text("m"),), None, "absent"),
                        n(ast.GivenFact, "f", (text("n"),), None, "unknown"),
                    ),
                ),
                n(ast.CallStep, tool("desk.refund"), n(ast.RecordLiteral, (("on", a),))),
                n(ast.Then, "deny", ("x", "y")),
                n(ast.CallStep, tool("b"), n(ast.RecordLiteral, ())),
                n(ast.Then, "allow"),
            ),
        ),
    ),
]


@pytest.mark.parametrize(("source", "tree"), DECLARATIONS, ids=[row[0] for row in DECLARATIONS])
def test_a_declaration_has_its_tree(source: str, tree: ast.Declaration) -> None:
    assert parse(Source("file", source)) == (n(ast.File, (tree,)), ())


def test_newlines_do_not_matter_between_declarations() -> None:
    text = "limit a on t count() <= 1 principal { id: String } permit b on t when c tool t()"
    tree, diagnostics = parse(Source("file", text))
    assert diagnostics == ()
    assert [type(node) for node in tree.declarations] == [
        ast.LimitDecl,
        ast.ScopeDecl,
        ast.RuleDecl,
        ast.ToolDecl,
    ]


@pytest.mark.parametrize("source", ["", " \n\t", "# a note", "\ufeff# a note\n"])
def test_a_file_may_be_empty(source: str) -> None:
    assert parse(Source("file", source)) == (n(ast.File, ()), ())
