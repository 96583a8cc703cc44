"""A verdict as a person reads it, for the kinds that are rare in other tests."""

from licet.cli.cards import card
from licet.cli.terminal import Styled
from licet.verifier.verdict import Change, Reason, Repair, Verdict, Violation


def text(verdict: Verdict, line: int | None = None) -> list[str]:
    return [
        "".join(piece.text if isinstance(piece, Styled) else piece for piece in told)
        for told in card(verdict, line)
    ]


def verdict(outcome, violations=(), **more):
    return Verdict("v1", outcome, "desk.refund", "p", "c", violations=violations, **more)


def test_an_escalation_names_who_asks():
    asked = Violation("approval", "large refunds", "large refunds", "large", "desk.licet:4:1")
    assert text(verdict("escalate", (asked,), call_id="c7")) == [
        "escalate c7  desk.refund",
        "  rule         large (approval)  desk.licet:4:1",
        "               large refunds",
    ]


def test_an_undetermined_verdict_shows_both_worlds():
    depends = Violation("undetermined", "it depends", "it depends")
    perhaps = Violation("forbidden", "r may apply", "r may apply", "r", "a:1:1", certain=False)
    told = text(
        verdict(
            "deny",
            (depends, perhaps),
            settle=("context.risk", 'order("R1")'),
            fine={"tool": "desk.refund", "context": {"risk": 0}},
            counterexample={"tool": "desk.refund", "context": {"risk": 1}},
        ),
        line=3,
    )
    assert told == [
        "deny     line 3  desk.refund",
        "  undetermined it depends",
        "  rule         r (forbidden) perhaps  a:1:1",
        "               r may apply",
        "  settle       context.risk",
        '               order("R1")',
        '  fine if      {"context": {"risk": 0}}',
        '  broken if    {"context": {"risk": 1}}',
    ]


def test_a_bound_is_told_where_there_is_no_nearest_call():
    lacks = Violation("no_permit", "no rule permits this call", "no rule permits this call")
    told = text(
        verdict(
            "deny",
            (lacks,),
            repair=Repair(None, (), "allow", "args.amount < 500", shown=True),
            explained=False,
        )
    )
    assert told == [
        "deny     desk.refund",
        "  no permit    no rule permits this call",
        "  repair       args.amount < 500 would be allowed",
        "  note         the reasons could not be worked out in time",
    ]


def test_long_values_are_cut():
    change = Change("args.note", "x" * 1_000, "y")
    fix = Repair({"note": "y"}, (change,), "escalate", None, shown=True)
    told = text(verdict("deny", because=(Reason("args.note", "z" * 1_000, True),), repair=fix))
    assert max(map(len, told)) < 260
    assert told[-1] == "               with this, the call would need approval only"
