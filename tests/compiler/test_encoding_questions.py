"""Questions about all worlds: what they prove and find, and what comes back."""

from __future__ import annotations

from fractions import Fraction

import pytest
import z3

from licet.compiler import ir
from licet.compiler.encoding import (
    Leaf,
    Question,
)
from licet.compiler.types import (
    BOOL,
    INT,
    STRING,
    DecimalType,
    Field,
    IntType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
)
from licet.compiler.world import UNKNOWN, World
from support.encoded_rules import (
    ONE_TEXT,
    SEQUENCE,
    TEXTS,
    arg,
    encoder,
    permitted,
    record,
    rule,
    rules,
    solved,
    text,
)

CONTEXT = record(ok=BOOL, n=INT, xs=TEXTS)
XS = ir.GetField(ir.Root("context", CONTEXT), "xs", TEXTS)


def leaf_at(question: Question, *path: object) -> Leaf:
    return next(leaf for leaf in question.leaves if leaf.path == path)


def test_a_question_about_nothing_known_proves() -> None:
    args = record(amount=DecimalType(Fraction(0), None, step=Fraction(1, 100)))
    amount = arg(args, "amount")
    small = ir.Less(amount, ir.Const(500, INT), False)
    made = rules(rule("permit", small), rule("escalate", ir.Less(ir.Const(100, INT), amount, True)))
    question = encoder(made, args).question(World("t", {"amount": UNKNOWN}), bounded=None)
    assert question.exact
    assert solved(question, "allowed", "(< 50000 v0)") == "unsat"
    assert solved(question, "allowed", "pending") == "sat"
    assert solved(question, "allowed", "(<= v0 10000)", "pending") == "unsat"
    assert solved(question, "(< v0 0)") == "unsat"


@pytest.mark.parametrize("value", ["", "A", "\\u{41}", '"', "é", "a\x00\n", "𠀀", "|", "\\"])
def test_literals_of_texts_come_back(value: str) -> None:
    made = encoder(rules(rule("permit", SEQUENCE)), ONE_TEXT)
    question = made.question(World("t", {"s": "k"}), bounded=None)
    leaf = leaf_at(question, "args", "s")
    assert question.value(leaf, question.literal(leaf, value)) == value
    said = question.literal(leaf, value)
    parsed = z3.parse_smt2_string(f"(declare-const s String)(assert (= s {said}))")
    assert question.value(leaf, parsed[0].arg(1).sexpr()) == value
    assert z3.simplify(z3.Length(parsed[0].arg(1))).as_long() == len(value)


def test_unnamed_codes_become_new_texts_of_the_type() -> None:
    args = RecordType("", (Field("s", StringType(min_length=3, max_length=4)), Field("t", STRING)))
    condition = ir.Or(
        (
            ir.Equal(arg(args, "s"), text("abc")),
            ir.Equal(arg(args, "s"), text("toolong")),
            ir.Not(ir.Equal(arg(args, "t"), text("x"))),
        )
    )
    made = encoder(rules(rule("permit", condition)), args)
    question = made.question(World("t", {"s": UNKNOWN, "t": "x"}), bounded=None)
    leaf = leaf_at(question, "args", "s")
    assert question.value(leaf, question.literal(leaf, "abc")) == "abc"
    fresh = question.value(leaf, "77")
    assert isinstance(fresh, str)
    assert len(fresh) in (3, 4)
    assert fresh not in ("abc", "toolong", "x")
    assert question.value(leaf, "77") == fresh
    assert question.value(leaf, "78") != fresh
    assert solved(question, f"(= {leaf.symbol} {question.literal(leaf, 'toolong')})") == "unsat"


def test_opaque_lists_keep_proofs_sound_and_bounded_ones_find_worlds() -> None:
    var = ir.Var(1, "x", STRING)
    two = ir.Equal(ir.Count(var, XS, ir.Equal(var, text("bad"))), ir.Const(2, INT))
    made = rules(rule("permit", ir.Const(True, BOOL)), rule("forbid", two))
    encoded = encoder(made, context=CONTEXT)
    world = World("t", {}, context={"xs": UNKNOWN, "ok": True, "n": 0})
    opaque = encoded.question(world, bounded=None)
    assert not opaque.exact
    assert solved(opaque, "allowed") == "sat"
    assert solved(opaque, "(not allowed)") == "sat"
    assert solved(encoded.question(world, bounded=1), "(not allowed)") == "unsat"
    bounded = encoded.question(world, bounded=2)
    assert solved(bounded, "(not allowed)") == "sat"
    length = next(leaf for leaf in bounded.leaves if leaf.sort == "Int" and leaf.type is None)
    texts = [leaf for leaf in bounded.leaves if leaf.type == STRING]
    rebuilt = bounded.world({length.path: 2} | {leaf.path: "bad" for leaf in texts})
    assert rebuilt.context == {"xs": ("bad", "bad"), "ok": True, "n": 0}


def test_freeing_a_known_length_does_not_prove_too_much() -> None:
    args = record(xs=ListType(INT))
    var = ir.Var(1, "x", INT)
    few = ir.Quantifier("all", var, arg(args, "xs"), ir.Less(var, ir.Const(10, INT), True))
    made = encoder(rules(rule("permit", few)), args)
    question = made.question(World("t", {"xs": (1,)}), bounded=None)
    solver = z3.Solver(ctx=z3.Context())
    element = leaf_at(question, "args", "xs", 0)
    solver.from_string(
        question.text + f"(assert (= {element.symbol} {element.literal}))(assert (not allowed))"
    )
    assert str(solver.check()) == "sat"


def test_equal_keys_have_equal_values() -> None:
    other = record(s=STRING, t=STRING)
    first = ir.Fact("level", (arg(other, "s"),), INT)
    second = ir.Fact("level", (arg(other, "t"),), INT)
    signature = ir.FactSignature("level", (("id", STRING),), INT)
    made = rules(rule("permit", ir.Less(first, second, True)))
    encoded = encoder(made, other, level=signature)
    same = encoded.question(World("t", {"s": "a", "t": "a"}), bounded=None)
    assert solved(same, "allowed") == "unsat"
    apart = encoded.question(World("t", {"s": "a", "t": "b"}), bounded=None)
    assert solved(apart, "allowed") == "sat"
    facts = {"level": {("a",): 5}}
    partly = encoded.question(World("t", {"s": "a", "t": UNKNOWN}, facts=facts), bounded=None)
    t = leaf_at(partly, "args", "t")
    assert solved(partly, "allowed") == "sat"
    assert solved(partly, "allowed", f"(= {t.symbol} {partly.literal(t, 'a')})") == "unsat"


def test_types_without_values_behind_optionals_prove_nothing() -> None:
    impossible = StringType(min_length=3, max_length=2)
    context = record(s=OptionalType(impossible), ok=BOOL)
    root = ir.Root("context", context)
    said = ir.Coalesce(ir.GetField(root, "s", OptionalType(impossible)), text("-"), STRING)
    condition = ir.And((ir.Equal(said, text("-")), ir.GetField(root, "ok", BOOL)))
    question = encoder(rules(rule("permit", condition)), context=context).question(
        World("t", {}), bounded=None
    )
    assert solved(question, "allowed") == "sat"
    assert solved(question, "(not allowed)") == "sat"


def test_maps_are_read_by_key() -> None:
    kind = MapType(STRING, IntType(0, 9))
    args = record(m=kind)
    found = ir.Lookup(arg(args, "m"), text("k"), OptionalType(INT))
    value = ir.Coalesce(found, ir.Const(-1, INT), INT)
    condition = ir.Equal(value, ir.Const(3, INT))
    assert permitted(condition, args, m={}) is False
    assert permitted(condition, args, m={"a": 3, "k": 4}) is False
    assert permitted(condition, args, m={"a": 1, "k": 3, "z": 2}) is True


def test_encoders_free_their_contexts() -> None:
    made = encoder(rules(rule("permit", ir.Const(True, BOOL))))
    assert made.decide(World("t", {})) == "allow"
    made.close()
    made.close()
