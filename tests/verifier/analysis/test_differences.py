"""What a change of a policy does, over the whole bundle: shown by a call, or proved not to be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from licet.compiler import compile_sources
from licet.compiler.program import Program
from licet.policy_lang import Source
from licet.verifier.analysis.differences import Difference, compare_tool, tools_of, total
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.analysis.joining import join
from licet.verifier.analysis.joining_types import UnjoinableError
from licet.verifier.solving import SolverPool

POLICY = """
enum Role { support, manager }
enum Cabin { basic, economy }
principal { id: String, role: Role }
context { risk: Int in 0 .. 10 }
record Item { sku: String, price: Decimal >= 0 }
fact order(id: String) -> { owner: String, total: Decimal in 0 .. 1_000 step 0.01, items: List<Item> }?
param cap: Decimal = 500
param table bags(Cabin) -> Int { basic: 0; economy: 1 }
tool refund(order_id: String, amount: Decimal in 0 .. 10_000 step 0.01, cabin: Cabin, n: Int in 0 .. 5, note: String?, url: String)
tool look(id: String)
permit looks on look
permit refunds on refund when args.url matches /https:\\/\\/[a-z]+\\.example\\.com\\/.*/
permit little on refund when principal.role == manager and args.amount < 10
forbid too_much on refund
  let o = order(args.order_id)
  when args.amount > o.total
forbid capped on refund when args.amount > cap
forbid baggy on refund when args.n > bags(args.cabin)
forbid night on refund when now.hour < 8
forbid risky on refund when principal.role < manager and context.risk > 5
forbid odd on refund when any(i in order(args.order_id).items ?? []: i.sku startswith "x")
"""  # noqa: E501


def compiled(text: str) -> Program:
    program, found = compile_sources([Source("p.licet", text)])
    assert program is not None, found
    return program


@pytest.fixture(scope="module")
def pool():
    with SolverPool(1) as pool:
        yield pool


def difference(pool: SolverPool, old: Program, new: Program, seconds: float = 10) -> Difference:
    tools = tools_of(old, new)
    found = total(compare_tool(old, new, tool, pool, Effort(seconds)) for tool in tools)
    for tool in found.tools:
        if tool.presence != "both" or tool.verdict == "equivalent":
            continue
        try:
            both = join(old, new, tool.tool)
        except UnjoinableError:
            continue
        for change in tool.changes:
            if change.witness is not None:
                got = tuple(side.outcome(change.witness.world) for side in (both.old, both.new))
                assert got == (change.before, change.after)
    return found


@pytest.mark.parametrize(
    ("changes", "verdict", "rules"),
    [
        # A regular expression, anchored as all are.
        ([(r"[a-z]+\.example", r".*\.example")], "widens", ["refunds"]),
        ([(r"[a-z]+\.example", r"[a-z]{1,5}\.example")], "narrows", ["refunds"]),
        ([(r"[a-z]+\.example", r"[a-z][a-z]*\.example")], "equivalent", []),
        # A second rule that permits more than the first.
        (
            [("forbid too_much", "permit two on refund when args.amount < 20\nforbid too_much")],
            "widens",
            ["two"],
        ),
        (
            [("forbid too_much", "permit two on refund when args.amount < 0\nforbid too_much")],
            "equivalent",
            [],
        ),
        # A forbid that is dropped; a cell; a param; the zone.
        ([("forbid night on refund when now.hour < 8\n", "")], "widens", ["night"]),
        ([("economy: 1 }", "economy: 2 }")], "widens", ["baggy"]),
        ([("cap: Decimal = 500", "cap: Decimal = 501")], "widens", ["capped"]),
        ([("cap: Decimal = 500", "cap: Decimal = 400")], "narrows", ["capped"]),
        (
            [("enum Role", 'timezone "America/New_York"\nenum Role')],
            "incomparable",
            ["night", "night"],
        ),
        # The catalog.
        ([("note: String?", "note: String?, extra: Int?")], "widens", None),
        ([("note: String?", "note: String")], "narrows", None),
        ([("10_000 step 0.01", "20_000 step 0.01")], "equivalent", []),  # `capped` is in the way
        ([("10_000 step 0.01", "10_000 step 0.001")], "widens", None),
        ([("n: Int in 0 .. 5", "n: Int in 0 .. 0")], "narrows", None),
        (
            [("basic, economy }", "basic, economy, first }"), ("economy: 1 }", "_: 1 }")],
            "widens",
            None,
        ),
        # What the host says.
        ([("0 .. 1_000 step", "0 .. 2_000 step")], "widens", None),
        ([("risk: Int in 0 .. 10", "risk: Int in 0 .. 20")], "widens", None),
        ([("owner: String, total", "owner: String, vip: Bool, total")], "equivalent", []),
        ([("role: Role }", "role: Role, team: String? }")], "equivalent", []),
        # The same, said otherwise.
        ([("args.n > bags(args.cabin)", "not (args.n <= bags(args.cabin))")], "equivalent", []),
        (
            [
                ("enum Role { support, manager }", "enum Role { manager, support }"),
                ("principal.role < manager", "principal.role > manager"),
            ],
            "equivalent",
            [],
        ),
        (
            [("enum Role { support, manager }", "enum Role { manager, support }")],
            "widens",
            ["risky"],
        ),
    ],
)
def test_one_change(pool, changes, verdict, rules):
    text = POLICY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    found = difference(pool, compiled(POLICY), compiled(text))
    assert found.verdict == verdict
    refund = found.tools[0]
    blamed = [rule for change in refund.changes for rule in change.rules]
    assert blamed == rules if rules is not None else blamed
    assert all(change.kind in ("allowed", "denied") for change in refund.changes)
    assert all(change.witness is not None for change in refund.changes)


def test_tools_that_come_and_go(pool):
    old = compiled(POLICY)
    new = compiled(POLICY.replace("tool look(id: String)\npermit looks on look\n", ""))
    gone = difference(pool, old, new)
    [_, look] = gone.tools
    assert (gone.verdict, look.presence, look.changes[0].rules) == (
        "narrows",
        "removed",
        ("looks",),
    )
    come = difference(pool, new, old)
    assert (come.verdict, come.tools[1].presence) == ("widens", "added")


def test_arguments_of_another_kind_are_not_compared_but_shown(pool):
    text = POLICY.replace("n: Int in 0 .. 5", "n: String").replace("args.n >", "length(args.n) >")
    found = difference(pool, compiled(POLICY), compiled(text))
    assert found.verdict == "incomparable"
    assert [change.kind for change in found.tools[0].changes] == ["undecided", "allowed", "denied"]


def test_records_that_are_compared_whole_keep_their_own_fields(pool):
    base = """
record Item { sku: String }
fact order(id: String) -> { items: List<Item> }
tool ship(id: String, items: List<Item>)
permit ships on ship when args.items == order(args.id).items and length(args.items) <= 2
"""
    more = base.replace("record Item { sku: String }", "record Item { sku: String, gift: Bool? }")
    found = difference(pool, compiled(base), compiled(more))
    assert found.verdict == "incomparable"
    with_gift, without = found.tools[0].changes[0], found.tools[0].changes[-1]
    assert with_gift.kind == "allowed"
    assert without.kind == "denied"


def test_lists_without_end_are_not_called_proved_unless_their_rule_is_the_same(pool):
    base = "tool post(tags: List<String>, n: Int)\npermit posts on post\n"
    one = f'{base}forbid odd on post when any(t in args.tags: t startswith "x") and args.n > 5\n'
    same = one.replace("args.n > 5", "args.n > 4")
    assert difference(pool, compiled(one), compiled(same)).verdict == "narrows"
    other = one.replace('t startswith "x"', 't startswith "xa"')
    found = difference(pool, compiled(other), compiled(one))
    assert found.verdict == "incomparable"
    assert "which is no proof" in " ".join(c.reason for t in found.tools for c in t.changes)


def test_a_dead_solver_proves_nothing():
    pool = SolverPool(1)
    pool.close()
    old, new = compiled(POLICY), compiled(POLICY.replace("= 500", "= 400"))
    [refund, _] = total(
        compare_tool(old, new, tool, pool, Effort(1)) for tool in tools_of(old, new)
    ).tools
    assert refund.verdict == "incomparable"
    assert {change.kind for change in refund.changes} == {"undecided"}


REMEMBERING = """
enum Role { support, manager, owner }
principal { id: String, role: Role, team: String }
tool refund(id: String, amount: Decimal in 1 .. 10_000 step 0.01)
tool verify(id: String)
permit all on refund, verify
limit daily on refund sum(args.amount) per principal.team within day <= 5_000
forbid unverified on refund
  unless any(c in calls(verify, within 30min): c.outcome == ok and c.args.id == args.id)
escalate large on refund when args.amount > 500 to approver.role >= manager needs 2
"""


@pytest.mark.parametrize(
    ("old", "new", "verdict", "kinds"),
    [
        ("within 30min", "within 60min", "widens", ["allowed", "escalated"]),
        ("within 30min", "within 10min", "narrows", ["denied", "denied"]),
        ("<= 5_000", "<= 6_000", "widens", ["allowed", "escalated"]),
        ("within day <=", "within month <=", "narrows", ["denied", "denied"]),
        ("within day <=", "within 24h <=", "incomparable", None),
        ("per principal.team within", "per principal.id within", "incomparable", None),
        ("needs 2", "needs 1", "widens", ["approval"]),
        ("needs 2", "needs 3", "narrows", ["approval"]),
        ("team: String }", "team: String, floor: Int? }", "equivalent", None),
        ("support, manager, owner }", "support, manager, owner, chief }", "widens", None),
        ("team: String }", "team: String, delegation: List<String> }", "incomparable", None),
        (">= manager needs", "== owner needs", "narrows", ["approval"]),
        (">= manager needs", ">= support needs", "widens", ["approval"]),
        (">= manager needs", "== support needs", "incomparable", ["approval", "approval"]),
        ("amount > 500 to", "amount > 600 to", "widens", ["allowed"]),
        (
            "escalate large",
            (
                "escalate more on refund when args.amount > 900"
                " to approver.role == owner\nescalate large"
            ),
            "narrows",
            ["approval"],
        ),
        ("c.outcome == ok and", "c.outcome != error and", "incomparable", None),
    ],
)
def test_what_is_remembered_and_who_agrees(pool, old, new, verdict, kinds):
    assert old in REMEMBERING
    changed = compiled(REMEMBERING.replace(old, new))
    found = difference(pool, compiled(REMEMBERING), changed)
    assert found.verdict == verdict
    if kinds is not None:
        assert [change.kind for change in found.tools[0].changes] == kinds
        assert all(change.witness is not None for change in found.tools[0].changes)


ATOMIC = """
tool pay(amount: Int in 1 .. 100) atomic
tool look(id: String)
permit all on any
limit daily on pay sum(args.amount) within day <= 150
"""


def test_what_is_given_back_after_a_failure_is_part_of_a_limit(pool):
    kept = ATOMIC.replace(" atomic", "")
    found = difference(pool, compiled(kept), compiled(ATOMIC))
    assert (found.verdict, found.tools[0].changes[0].rules) == ("widens", ("daily",))
    assert found.tools[0].changes[0].witness is not None
    assert difference(pool, compiled(ATOMIC), compiled(kept)).verdict == "narrows"


def test_calls_inside_of_a_call_that_are_no_longer_judged_are_told(pool):
    old = "enum Op { a }\ntool batch(calls: Json) dispatch\npermit all on any\n"
    found = difference(pool, compiled(old), compiled(old.replace(" dispatch", "")))
    assert found.verdict == "incomparable"
    assert "calls inside of it" in found.tools[0].changes[0].reason


OBSERVED = (
    POLICY
    + """
tool shut(id: String)
escalate large on look when length(args.id) > 5 to approver.role == manager
"""
)


def observing(program: Program, until: datetime | None) -> Program:
    return replace(program, observe_until=until)


def test_observing_instead_of_enforcing_widens_every_tool(pool):
    program = compiled(OBSERVED)
    later = observing(program, datetime(2026, 12, 1, tzinfo=UTC))
    found = difference(pool, program, later)
    assert found.verdict == "widens"
    for tool in found.tools:
        assert tool.verdict == "widens"
        for change in tool.changes:
            assert change.after == "allow"
            assert change.witness is not None
            assert change.witness.world.now < 1_764_547_200_000_000 + 365 * 86_400_000_000
            assert change.reason == (
                "the new policy's guards only observe until 2026-12-01T00:00:00+00:00"
            )
    assert [change.before for change in found.tools[1].changes] == ["escalate"]
    assert difference(pool, later, program).verdict == "narrows"
    assert difference(pool, later, later).verdict == "equivalent"
    longer = observing(program, datetime(2027, 1, 1, tzinfo=UTC))
    assert difference(pool, later, longer).verdict == "widens"


def test_rules_are_compared_beyond_the_end_of_observing(pool):
    until = datetime(2026, 12, 1, tzinfo=UTC)
    old, new = (
        observing(compiled(text), until) for text in (POLICY, POLICY.replace("= 500", "= 501"))
    )
    found = difference(pool, old, new)
    assert (found.verdict, found.tools[0].changes[0].rules) == ("widens", ("capped",))
    assert found.tools[0].changes[0].witness.world.now >= 1_796_083_200_000_000
