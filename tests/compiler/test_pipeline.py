"""What a compiled policy holds, node by node where it matters."""

from __future__ import annotations

from decimal import Decimal

from licet.compiler import GivenValues, Program, compile_sources, ir
from licet.compiler import program as programs  # its Test… classes are no tests of ours
from licet.compiler.types import BOOL, STRING, OptionalType
from licet.compiler.world import UNKNOWN
from licet.policy_lang import Source

HEAD = """enum Role { support, manager }
principal { id: String, role: Role, boss: String? }
context { sure: Bool }
tool look(id: String) read_only tags "free"
tool pay(id: String, note: String?, amounts: List<Decimal>)
fact user(id: String) -> { name: String }?
"""


def found(text: str) -> list[str]:
    _, diagnostics = compile_sources([Source("p", HEAD + text)])
    return [f"{d.code} {d.message}" for d in diagnostics]


def program(text: str) -> Program:
    compiled, diagnostics = compile_sources([Source("p", HEAD + text)])
    assert diagnostics == ()
    assert compiled is not None
    return compiled


def test_what_is_constant_for_a_tool_is_folded() -> None:
    rules = program('permit p on any when tool.read_only and "free" in tool.tags').rules
    conditions = {name: tool.permits[0].condition for name, tool in rules.items()}
    assert conditions == {"look": ir.Const(True, BOOL), "pay": ir.Const(False, BOOL)}


def test_a_path_that_is_shown_to_be_present_is_unwrapped() -> None:
    (rule,) = (
        program('forbid f on pay when has args.note and args.note == "x"').rules["pay"].forbids
    )
    match rule.condition:
        case ir.And(
            operands=(
                ir.Present(optional=ir.GetField(name="note") as asked),
                ir.Equal(left=ir.Unwrap(optional=read, type=type_), right=ir.Const(value="x")),
            )
        ):
            assert asked == read
            assert type_ == STRING
        case other:
            raise AssertionError(other)


def test_presence_is_known_across_defines_lets_and_chains() -> None:
    assert (
        found(
            """define known(x) = has user(x).name
forbid a on pay when known(args.id) and user(args.id).name == "x"
forbid b on pay let u = user(args.id) when u.name == user(args.id).name
forbid c on pay unless not has principal.boss or principal.boss == "x"
forbid d on pay when not (not has args.note or args.note == "x") and args.note == "y"
forbid e on pay when (if has args.note then args.note else "") == "x"
"""
        )
        == []
    )


def test_presence_that_is_not_certain_is_refused() -> None:
    absent = "LIC112 this may be absent (`String?`)"
    for condition in (
        'has args.note or args.note == "x"',
        'not has args.note and args.note == "x"',
        '(has args.note or context.sure) and args.note == "x"',
        'any(a in args.amounts: has args.note) and args.note == "x"',
        'args.note == "x" and has args.note',
        'has principal.boss and args.note == "x"',
        '(if context.sure then has args.note else true) and args.note == "x"',
    ):
        assert found(f"forbid f on pay when {condition}") == [absent], condition


def test_a_permit_s_message_knows_nothing_of_its_condition() -> None:
    text = 'on pay when has args.note and args.note == "x" message "{length(args.note)}"'
    assert found(f"forbid f {text}") == []
    assert found(f"permit f {text}") == [
        "LIC134 the message of a permit is never shown",
        "LIC112 this may be absent (`String?`)",
    ]


def test_a_message_names_the_first_element_that_decided() -> None:
    text = 'forbid f on pay when any(a in args.amounts: a > 5) message "not {a}, {principal.boss}"'
    (rule,) = program(text).rules["pay"].forbids
    assert isinstance(rule.condition, ir.Quantifier)
    assert rule.message is not None
    assert rule.message[:3] == ("not ", rule.condition.var, ", ")
    boss = rule.message[3]
    assert isinstance(boss, ir.GetField)
    assert boss.type == OptionalType(STRING)


def test_a_variable_of_a_count_is_no_witness() -> None:
    assert found('forbid f on pay when count(a in args.amounts: a > 5) > 1 message "{a}"') == [
        "LIC101 unknown name `a`"
    ]


def test_unless_stands_under_when() -> None:
    (rule,) = (
        program('forbid f on pay unless args.note == "x" when has args.note').rules["pay"].forbids
    )
    assert isinstance(rule.condition, ir.And)
    present, rest = rule.condition.operands
    assert isinstance(present, ir.Present)
    assert isinstance(rest, ir.Not)


def test_a_rule_is_the_same_object_for_tools_that_it_does_not_read() -> None:
    rules = program("forbid f on any when principal.role == support").rules
    assert rules["look"].forbids[0] is rules["pay"].forbids[0]


def test_all_errors_come_at_once_and_none_twice() -> None:
    assert found(
        """const a: Int = "x"
define wrong = args.id > 5
forbid f on pay, look when wrong and context.sur and usr(args.id)
forbid g on pay when a > 1 and args.nte == "x"
permit h on payy
"""
    ) == [
        "LIC111 `Int` is wanted here, not `String`",
        "LIC111 `String` cannot be compared with `Int`",
        "LIC109 unknown field of `context`: `sur`",
        "LIC101 unknown function `usr`",
        "LIC108 unknown argument of `pay`: `nte`",
        "LIC106 unknown tool `payy`",
    ]


def test_a_mistake_in_a_define_shows_where_it_is_used() -> None:
    text = "define wrong(x) = x > 5\nforbid f on pay when wrong(args.id)"
    _, (diagnostic,) = compile_sources([Source("p", HEAD + text)])
    assert diagnostic.span is not None
    assert diagnostic.span.text == "x > 5"
    (note,) = diagnostic.notes
    assert note.message == "`wrong` is used here"
    assert note.span is not None
    assert note.span.text == "wrong(args.id)"


def test_the_mistakes_of_a_limit() -> None:
    limit = "limit l on pay count() per principal.{} within day <= {}"
    assert found(limit.format("id", "5")) == []
    assert found(limit.format("boss", '"5"')) == [
        "LIC112 this may be absent (`String?`)",
        "LIC111 a number is wanted here, not `String`",
    ]


def test_declarations_in_endless_chains_are_refused() -> None:
    chain = "const c0 = 1\n" + "".join(f"const c{i} = c{i - 1} + 1\n" for i in range(1, 3000))
    assert found(chain) == []
    backwards = "".join(f"const c{i} = c{i + 1} + 1\n" for i in range(3000)) + "const c3000 = 1"
    assert found(backwards) == ["LIC129 the declarations of the policy nest too deeply"]


def test_tests_are_ready_to_run() -> None:
    compiled = program(
        """permit p on pay
test "one"
  given principal { id: "a" } user("b") absent user("c") { name: "x" } user("d") unknown
        now 2026-01-01T00:00Z
  call pay { id: "b", amounts: [1, 2.5], extra: { when: 2026-01-01 } }
  then allow by p
  call look { id: 5 }
  then deny
"""
    )
    (case,) = compiled.tests
    given = GivenValues(
        principal={"id": "a", "role": UNKNOWN, "boss": None},
        context={"sure": UNKNOWN},
        facts={"user": {("b",): None, ("c",): {"name": "x"}, ("d",): UNKNOWN}},
        now=1_767_225_600_000_000,
    )
    args = {"id": "b", "amounts": [1, Decimal("2.5")], "extra": {"when": "2026-01-01"}}
    assert case.steps == (
        programs.TestStep(given, "pay", args, "allow", ("p",), "ok", None, case.span),
        programs.TestStep(given, "look", {"id": 5}, "deny", None, "ok", None, case.span),
    )


def test_typos_in_tests_are_errors() -> None:
    assert found(
        """permit p on pay
test "one"
  given principal { id: "a", rle: support, role: suport } usr("b") absent user("b", 1) absent
  call payy { } then deny by q
"""
    ) == [
        "LIC109 unknown field of `principal`: `rle`",
        "LIC110 unknown label of `Role` `suport`",
        "LIC101 unknown fact `usr`",
        "LIC114 `user` takes 1 key, not 2",
        "LIC106 unknown tool `payy`",
        "LIC101 unknown rule `q`",
    ]
