"""Tables: gaps, overlaps, and what a deployment may change."""

from __future__ import annotations

import pytest

from licet.compiler import Program, compile_sources, ir
from licet.policy_lang import Source

HEAD = """enum Level { silver, gold }
tool book(level: Level, window: Bool, n: Int in 1 .. 3, wide: Int, kind: String)
"""


def compiled(
    text: str, params: dict[str, object] | None = None
) -> tuple[Program | None, list[str]]:
    program, found = compile_sources([Source("t.licet", HEAD + text)], params=params)
    return program, [f"{d.code} {d.message}" for d in found]


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("t(Level, Bool) -> Int { silver, _: 1; gold, true: 2; gold, false: 3 }", []),
        (
            "t(Level, Bool) -> Int { silver, _: 1; gold, true: 2 }",
            ["LIC120 `t` has no row for (gold, false)"],
        ),
        (
            "t(Level, Bool) -> Int { silver, _: 1; _, true: 2; _, _: 3 }",
            ["LIC121 `t` has two rows for (silver, true)"],
        ),
        (
            "t(Level) -> Int { silver: 1; gold: 2; silver: 3 }",
            ["LIC121 `t` has two rows for (silver)"],
        ),
        (
            "t(Level) -> Int { silver: 1; gold: 2; _: 3 }",
            ["LIC133 this row of `t` is never reached"],
        ),
        (
            "t(Level, Bool) -> Int { silver, true: 1; silver, false: 2; silver, _: 3; _, _: 4 }",
            ["LIC133 this row of `t` is never reached"],
        ),
        ("t(Level, Bool) -> Int { silver, true: 1; silver, _: 3; _, _: 4 }", []),
        (
            "t(Int in 1 .. 2) -> Int { 1: 1; 2: 2; _: 3 }",
            ["LIC133 this row of `t` is never reached"],
        ),
        ('t(String) -> Int { "a": 1; "b": 2; _: 3 }', []),
        ("t(Level) -> Int { _: 1; gold: 2 }", ["LIC121 `t` has two rows for (gold)"]),
        ("t(Int in 1 .. 3) -> Int { 1: 1; 3: 2 }", ["LIC120 `t` has no row for (2)"]),
        ("t(Int) -> Int { 1: 1 }", ["LIC120 `t` has no row for (_)"]),
        ('t(String) -> Int { "a": 1; _: 2 }', []),
        ('t(String) -> Int { "a": 1 }', ["LIC120 `t` has no row for (_)"]),
        ("t(Level) -> Decimal { silver: 1; gold: 2.5 }", []),
        (
            "t(Level) -> Int { silver: 1; gold: 2.5 }",
            ["LIC111 `Int` is wanted here, not `Decimal`"],
        ),
        (
            "t(Level) -> Int in 0 .. 5 { silver: 1; gold: 9 }",
            ["LIC124 `9` is not in `Int in 0 .. 5`"],
        ),
        (
            "t(Level) -> Int { silver, gold: 1 }",
            ["LIC114 a row of `t` has 1 keys, not 2"],
        ),
        (
            "t(Decimal) -> Int { _: 1 }",
            ["LIC111 the keys of a table are labels, Bool, Int or text, not `Decimal`"],
        ),
    ],
)
def test_a_table_is_total_and_unambiguous(table: str, found: list[str]) -> None:
    assert compiled(f"table {table}")[1] == found


def rows(program: Program | None) -> object:
    assert program is not None
    (rule,) = program.rules["book"].forbids
    assert isinstance(rule.condition, ir.Less)
    assert isinstance(rule.condition.right, ir.TableRead)
    return rule.condition.right.rows


TABLE = """param table t(Level, Bool) -> Int { silver, _: 1; gold, true: 2; gold, false: 3 }
forbid f on book when t(args.level, args.window) > 5
"""


def test_single_cells_of_a_param_table_change() -> None:
    program, found = compiled(TABLE, {"t": {"gold": {"true": 7}, "silver": {"false": 0}}})
    assert found == []
    assert rows(program) == (
        (("silver", False), 0),
        (("silver", None), 1),
        (("gold", True), 7),
        (("gold", False), 3),
    )


def test_a_param_table_is_replaced_by_a_list_of_rows() -> None:
    program, found = compiled(TABLE, {"t": [["silver", True, 4], ["_", "_", 6]]})
    assert found == []
    assert rows(program) == ((("silver", True), 4), ((None, None), 6))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([["silver", True, 4]], ["LIC120 `t` has no row for (silver, false)"]),
        ({"bronze": {"true": 1}}, None),
        ({"gold": 1}, ["LIC123 the value given for the table `t` does not fit"]),
        (5, ["LIC123 the value given for the table `t` does not fit"]),
        ([["silver", 4]], ["LIC123 the value given for the table `t` does not fit"]),
    ],
)
def test_given_rows_are_checked(given: object, found: list[str] | None) -> None:
    program, shown = compiled(TABLE, {"t": given})
    assert program is None
    if found is None:
        assert [text[:6] for text in shown] == ["LIC123"]
    else:
        assert shown == found


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("args.n", []),
        ("2", []),
        ("args.wide", ["LIC111"]),
        ("args.n + 1", ["LIC111"]),
        ("9", ["LIC111"]),
    ],
)
def test_a_number_that_may_have_no_row_is_refused(key: str, found: list[str]) -> None:
    text = "table t(Int in 1 .. 3) -> Int { 1: 1; 2: 2; 3: 3 }\n"
    shown = compiled(f"{text}forbid f on book when t({key}) > 1")[1]
    assert [line[:6] for line in shown] == found
