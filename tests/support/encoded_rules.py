"""Rules of one tool in typed IR, encoded."""

from __future__ import annotations

import z3

from licet.compiler import ir
from licet.compiler.clock import clock
from licet.compiler.encoding import (
    Question,
    ToolEncoder,
)
from licet.compiler.evaluation import judge
from licet.compiler.types import (
    INT,
    STRING,
    Field,
    ListType,
    RecordType,
    Type,
    Value,
)
from licet.compiler.world import World
from licet.policy_lang import Source, Span

SPAN = Span(Source("<test>", "rule"), 0, 4)
NOTHING = RecordType("", ())
TEXTS = ListType(STRING)


def record(**fields: Type) -> RecordType:
    return RecordType("", tuple(Field(name, kind) for name, kind in fields.items()))


def rule(kind: str, condition: ir.Expr, *lets: ir.Let) -> ir.Rule:
    return ir.Rule(kind, f"{kind}_{id(condition)}", lets, condition, None, SPAN)  # type: ignore[arg-type]


def rules(*each: ir.Rule) -> ir.ToolRules:
    kinds = {k: tuple(r for r in each if r.kind == k) for k in ("permit", "forbid", "escalate")}
    return ir.ToolRules("t", kinds["permit"], kinds["forbid"], kinds["escalate"])


def encoder(
    made: ir.ToolRules,
    args: RecordType = NOTHING,
    context: RecordType = NOTHING,
    zone: str = "UTC",
    **facts: ir.FactSignature,
) -> ToolEncoder:
    return ToolEncoder(made, facts, args, NOTHING, context, NOTHING, zone)


def permitted(condition: ir.Expr, args: RecordType, **values: Value) -> bool:
    """Whether a permit with this condition applies; both engines must say so."""
    made = rules(rule("permit", condition))
    world = World("t", dict(values), now=0)
    outcome = encoder(made, args).decide(world)
    assert outcome == judge(made, world, clock("UTC")).outcome
    return outcome == "allow"


def arg(args: RecordType, name: str) -> ir.Expr:
    field = args.field(name)
    assert field is not None
    return ir.GetField(ir.Root("args", args), name, field.type)


def text(value: str) -> ir.Expr:
    return ir.Const(value, STRING)


ONE_TEXT = record(s=STRING)
S = arg(ONE_TEXT, "s")
ONE_INT = record(n=INT)
N = arg(ONE_INT, "n")
#: Forces the text into the sequence theory and is true of everything short.
SEQUENCE = ir.Less(ir.Length(S), ir.Const(1_000, INT), True)


def solved(question: Question, *assertions: str) -> str:
    solver = z3.Solver(ctx=z3.Context())
    solver.set("timeout", 10_000)
    known = [f"(= {leaf.symbol} {leaf.literal})" for leaf in question.leaves if leaf.known]
    claims = "".join(f"(assert {claim})" for claim in (*known, *assertions))
    solver.from_string(question.text + claims)
    return str(solver.check())
