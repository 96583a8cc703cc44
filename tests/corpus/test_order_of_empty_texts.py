"""Found by the engines-agree property: Z3 5.4 evaluates `str.<=` with an empty side to an open
equation, so a complete world stayed undecided."""

from licet.compiler import ir
from licet.compiler.encoding import ToolEncoder
from licet.compiler.types import STRING, Field, RecordType
from licet.compiler.world import World
from licet.policy_lang import Source, Span

SPAN = Span(Source("<corpus>", "rule"), 0, 4)
NOTHING = RecordType("", ())


def test_a_text_is_not_before_the_empty_one() -> None:
    args = RecordType("", (Field("s", STRING),))
    given = ir.GetField(ir.Root("args", args), "s", STRING)
    condition = ir.Less(ir.Const("a", STRING), given, strict=False)
    permit = ir.Rule("permit", "p", (), condition, None, SPAN)
    rules = ir.ToolRules("t", (permit,), (), ())
    encoder = ToolEncoder(rules, {}, args, NOTHING, NOTHING, NOTHING, "UTC")
    assert encoder.decide(World("t", {"s": ""})) == "deny"
    assert encoder.decide(World("t", {"s": "a"})) == "allow"
