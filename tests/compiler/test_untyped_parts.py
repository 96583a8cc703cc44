"""Whoever uses a part of a document without a type is told the type that its use wants."""

from __future__ import annotations

import pytest

from licet.compiler import compile_sources
from licet.policy_lang import Source

TEXT = """enum Size { small, large }
principal { role: String, share: Decimal, size: Size, day: Date }
tool put(doc: Json, names: List<String>, n: Int)
permit puts on put when """

BY_NAME = "give it a type by a default, `{}`, or after `has …` by name: `… as {}`"
ONE_OF = "give it a type by a default: {}"


@pytest.mark.parametrize(
    ("condition", "help"),
    [
        ("args.doc.a", BY_NAME.format("… ?? false", "Bool")),
        ("not args.doc.a", BY_NAME.format("… ?? false", "Bool")),
        ("args.doc.a == true", BY_NAME.format("… ?? false", "Bool")),
        ('"x" != args.doc.a', BY_NAME.format('… ?? ""', "String")),
        ("args.doc.a == principal.role", BY_NAME.format('… ?? ""', "String")),
        ('args.doc.a startswith "x"', BY_NAME.format('… ?? ""', "String")),
        ("args.doc.a matches /x/", BY_NAME.format('… ?? ""', "String")),
        ('lower(args.doc.a) == "x"', BY_NAME.format('… ?? ""', "String")),
        ("args.doc.a in args.names", BY_NAME.format('… ?? ""', "String")),
        ('args.doc.a in ["x"]', BY_NAME.format('… ?? ""', "String")),
        ("1 < args.doc.a <= 5", BY_NAME.format("… ?? 0", "Int")),
        ("args.n + args.doc.a > 5", BY_NAME.format("… ?? 0", "Int")),
        ("args.doc.a > principal.share", BY_NAME.format("… ?? 0.0", "Decimal")),
        ("args.doc.a == small", BY_NAME.format("… as Size ?? …", "Size")),
        ("args.doc.a == principal.day", 'a document holds a Date as text: `date(… ?? "")`'),
        ("any(x in args.doc.a: true)", BY_NAME.format("… ?? []", "List<Json>")),
        ("any(k, v in args.doc.a: true)", BY_NAME.format("… ?? {}", "Map<String, Json>")),
        ("args.doc.a subset args.names", BY_NAME.format("… as List<String> ?? []", "List<String>")),
        ('"x" in args.doc.a', ONE_OF.format("`… as List<String> ?? []` or `… ?? {}`")),
        ('args.doc.a contains "x"', ONE_OF.format('`… ?? ""` or `… as List<String> ?? []`')),
        ("length(args.doc.a) > 1", ONE_OF.format('`… ?? ""` or `… ?? []` or `… ?? {}`')),
        ("args.doc.a - args.n > 1", ONE_OF.format("`… ?? 0` or `… ?? 0.0`")),
    ],
)
def test_the_type_that_is_wanted(condition: str, help: str) -> None:
    program, found = compile_sources([Source("p.licet", TEXT + condition)])
    assert program is None
    assert [(d.code, d.help) for d in found] == [("LIC115", help)]


def test_nothing_says_what_is_wanted() -> None:
    program, found = compile_sources([Source("p.licet", TEXT + "args.doc.a < args.doc.b")])
    assert program is None
    every = '`… ?? 0`, `… ?? ""`, `… ?? false`, `… ?? []`, `… ?? {}`'
    assert [(d.code, d.help) for d in found] == [("LIC115", ONE_OF.format(every))] * 2


def test_a_message_about_what_failed_is_not_reported_again() -> None:
    text = """tool put(doc: Json)
    forbid odd on put when any(k, v in args.doc.a: k == "x") message "{k} is {v}, not {w}."
    """
    program, found = compile_sources([Source("p.licet", text)])
    assert program is None
    assert [(d.code, d.span.text if d.span else "") for d in found] == [
        ("LIC115", "args.doc.a"),
        ("LIC101", "w"),
    ]
