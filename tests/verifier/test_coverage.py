"""What tests decide: each rule, atomic condition and table row, both ways."""

from __future__ import annotations

import pytest

from licet.compiler import compile_sources
from licet.policy_lang import Source
from licet.verifier.coverage import Coverage, coverage

POLICY = """\
enum Tier { basic, gold }
principal { tier: Tier, boss: Bool }
fact order(id: String) -> { total: Int, lines: List<Int> }?
table free(Tier, Bool) -> Int { gold, true: 3; gold, _: 2; _, _: 0 }
define big = args.n > 10
tool buy(n: Int, id: String, note: String?) destructive
tool look(id: String) read_only
permit all  on any
permit bosses on buy when principal.boss and not big
forbid much on buy
  let o = order(args.id)
  when big or any(l in o.lines: l < 0 or l > 5) or args.n != o.total
  unless principal.tier == gold
forbid notes on buy when has args.note and 0 < args.n < 4 and tool.destructive
forbid over on buy when args.n > free(principal.tier, principal.boss)
"""


def covered(tests: str) -> Coverage:
    program, diagnostics = compile_sources([Source("p.licet", POLICY + tests)])
    assert program is not None, diagnostics
    return coverage(program)


def told(found: Coverage) -> tuple[dict[str, str], dict[str, str], dict[str, bool]]:
    """Each part with the ways that it went: `+` it applied or was true, `-` not."""

    def ways(yes: bool, no: bool) -> str:
        return "+" * yes + "-" * no

    return (
        {rule.rule: ways(rule.applied, rule.passed) for rule in found.rules},
        {one.span.text: ways(one.was_true, one.was_false) for one in found.conditions},
        {row.keys: row.read for row in found.rows},
    )


CALL = """
test "t"
  given principal { tier: %s, boss: %s }  order("a") { total: 5, lines: %s }
  call buy { n: %s, id: "a"%s } then %s
"""


def test_without_tests_everything_is_listed_and_nothing_decided() -> None:
    rules, conditions, rows = told(covered(""))
    assert rules == dict.fromkeys(("all", "bosses", "much", "notes", "over"), "")
    assert conditions == dict.fromkeys(
        (
            "args.n > 10",
            "principal.boss",
            "l < 0",
            "l > 5",
            "args.n != o.total",
            "principal.tier == gold",
            "has args.note",
            "0 < args.n",
            "args.n < 4",
            "args.n > free(principal.tier, principal.boss)",
        ),
        "",
    )
    assert rows == {"gold, true": False, "gold, _": False, "_, _": False}


def test_one_call_goes_one_way_and_skips_what_short_circuits_skip() -> None:
    rules, conditions, rows = told(covered(CALL % ("basic", "true", "[1, 9]", 3, "", "deny")))
    assert rules == {"all": "+", "bosses": "+", "much": "+", "notes": "-", "over": "+"}
    assert conditions == {
        "args.n > 10": "-",
        "principal.boss": "+",
        "l < 0": "-",  # of both lines
        "l > 5": "+-",
        "args.n != o.total": "",
        "principal.tier == gold": "-",
        "has args.note": "-",
        "0 < args.n": "",
        "args.n < 4": "",
        "args.n > free(principal.tier, principal.boss)": "+",
    }
    assert rows == {"gold, true": False, "gold, _": False, "_, _": True}


def test_a_condition_that_is_negated_is_told_as_it_is_written() -> None:
    more = CALL % ("gold", "true", "[]", 5, ', note: "x"', "deny")
    _, conditions, rows = told(covered(more))
    assert conditions["args.n != o.total"] == "-"
    assert conditions["principal.tier == gold"] == ""
    assert conditions["0 < args.n"] == "+"
    assert conditions["args.n < 4"] == "-"
    assert rows["gold, true"]
    _, conditions, _ = told(covered(CALL % ("gold", "true", "[]", 4, "", "deny")))
    assert conditions["args.n != o.total"] == "+"
    assert conditions["principal.tier == gold"] == "+"


def test_a_define_counts_once_and_names_the_rules_that_use_it() -> None:
    (big,) = [one for one in covered("").conditions if one.span.text == "args.n > 10"]
    assert big.rules == ("bosses", "much")


def test_a_constant_rule_needs_only_to_apply() -> None:
    (always,) = [rule for rule in covered("").rules if rule.constant]
    assert (always.rule, always.complete) == ("all", False)
    found = covered('test "t" call look { id: "a" } then allow by all\n')
    assert [rule.complete for rule in found.rules if rule.constant] == [True]


def test_what_is_unknown_decides_nothing() -> None:
    rules, conditions, _ = told(covered('test "t" call buy { n: 99, id: "a" } then deny\n'))
    assert rules["all"] == "+"
    assert rules["bosses"] == rules["much"] == ""
    assert conditions["args.n > 10"] == ""  # reading it came after what is unknown
    assert not covered("").complete


def test_a_refused_argument_decides_nothing() -> None:
    rules, _, _ = told(covered('test "t" call look { id: 7 } then deny\n'))
    assert set(rules.values()) == {""}


@pytest.mark.parametrize("absent", ["", "absent"])
def test_an_absent_let_is_a_forbid_that_applied(absent: str) -> None:
    given = f'order("a") {absent}' if absent else ""
    test = (
        f'test "t" given principal {{ tier: gold, boss: true }} {given}\n'
        '  call buy { n: 2, id: "a" } then deny\n'
    )
    rules, _, _ = told(covered(test))
    assert rules["much"] == ("+" if absent else "")
