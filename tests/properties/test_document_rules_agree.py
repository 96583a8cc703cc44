"""Laws on policies about documents as text, typed, encoded and evaluated:

- with everything known, both engines agree and nothing faults;
- where the document before is unknown, a definite answer is the answer for every document tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from licet.compiler import compile_sources
from licet.compiler.clock import clock
from licet.compiler.evaluation import Judgement, judge
from licet.compiler.program import Program
from licet.policy_lang import Source, render_text
from licet.verifier import Action, Guard
from licet.verifier import guard as guard_module
from licet.verifier.admission import Admission
from licet.verifier.solving import SolverPool
from strategies.choosing import Choose
from support.examples import examples

VOCABULARY = """
record Part { a: Int?, b: String? }
param globs: List<String> = ["a*", "b"]
fact stored(k: String) -> Json?
tool apply(k: String, doc: Json)
tool patch(k: String, doc: Json)
tool merge(k: String, doc: Json)
change on apply
  before stored(args.k)
  after args.doc
change on patch
  before stored(args.k)
  after patched(before, args.doc)
change on merge
  before stored(args.k)
  after merged(before, args.doc)
permit all on any
"""

STEPS = (".a", ".b", '["c"]', "[args.k]", '[before.b as String ?? "a"]')
TYPES = ("Int", "String", "Bool", "List<Int>", "List<Json>", "Map<String, Json>", "Part", "Json")


class Writer:
    """Writes conditions over documents; every path may be of any shape."""

    def __init__(self, choose: Choose) -> None:
        self.choose = choose
        self.documents = ["before", "after", "args.doc"]
        self.texts = ['"a"', '"b"', "args.k"]
        self.count = 0

    def path(self) -> str:
        made = self.choose.one(self.documents)
        for _ in range(self.choose.number(2)):
            made += self.choose.one(STEPS)
        return made

    def relative(self) -> str:
        return self.choose.one(("a", "b", "a.b", "b[args.k]", "c"))

    def text(self) -> str:
        return self.choose.one((*self.texts, f'({self.path()} as String ?? "")'))

    def number(self) -> str:
        forms = (
            "0",
            "1",
            f"({self.path()} as Int ?? 1)",
            f"(quantity({self.path()}) ?? 2)",
            f"length({self.path()} ?? [])",
            f"length({self.path()} ?? {{}})",
        )
        return self.choose.one(forms)

    def within(self, name: str, kind: list[str], depth: int) -> str:
        kind.append(name)
        try:
            return self.truth(depth)
        finally:
            kind.pop()

    def fresh(self) -> str:
        self.count += 1
        return f"x{self.count}"

    def truth(self, depth: int = 3) -> str:
        leaves = (
            lambda: f"has {self.path()}",
            lambda: f"has {self.path()} as {self.choose.one(TYPES)}",
            lambda: f"({self.path()} == {self.path()})",
            lambda: f"({self.path()} as Bool ?? true)",
            lambda: f"({self.number()} < {self.number()})",
            lambda: f"({self.text()} == {self.text()})",
            lambda: f"({self.text()} in {self.path()} ?? {{}})",
            lambda: f"({self.path()} in [{self.path()}, {self.path()}])",
            lambda: f"({self.path()} as List<Json> ?? [] == [{self.path()}])",
            lambda: f"(type_of({self.path()}) == {self.choose.one(('null', 'array', 'string'))})",
            lambda: f"(({self.path()} as Part).a ?? 0 == 1)",
            lambda: f"any(g in globs: {self.text()} like g)",
            lambda: f'(search({self.text()}, "^a") ?? false)',
            lambda: f"changed({self.relative()})",
            lambda: f"(length(added({self.relative()})) > 0)",
            lambda: f"({self.text()} in removed({self.relative()}))",
            lambda: f"(1 in added({self.relative()} as List<Int>))",
            lambda: f'(first(split({self.text()}, "b")) ?? "" == "a")',
        )
        if depth == 0 or self.choose.chance(3):
            return self.choose.one(leaves)()
        form = self.choose.number(6)
        a, b, c = self.fresh(), self.fresh(), self.choose.one(("any", "all"))
        match form:
            case 0:
                return f"(not {self.truth(depth - 1)})"
            case 1:
                return f"({self.truth(depth - 1)} and {self.truth(depth - 1)})"
            case 2:
                return f"({self.truth(depth - 1)} or {self.truth(depth - 1)})"
            case 3:
                inside = self.within(a, self.documents, depth - 1)
                return f"{c}({a} in {self.path()} ?? []: {inside})"
            case 4:
                self.texts.append(a)
                inside = self.within(b, self.documents, depth - 1)
                self.texts.remove(a)
                return f"{c}({a}, {b} in {self.path()} ?? {{}}: {inside})"
            case 5:
                lists = f"flatten([{b} ?? [] for {b} in {self.path()} ?? []])"
                inside = self.within(a, self.documents, depth - 1)
                return f"{c}({a} in {lists}: {inside})"
            case _:
                return (
                    f"(if {self.truth(depth - 1)} then {self.truth(depth - 1)} "
                    f"else {self.truth(depth - 1)})"
                )


def document(choose: Choose, depth: int = 0) -> Any:
    if depth > 2 or choose.chance(3):
        return choose.one((None, 1, "a", True, 0, 1.5, "b", "1k", "ab", False))
    if choose.chance(3):
        return [document(choose, depth + 1) for _ in range(choose.number(3))]
    return {key: document(choose, depth + 1) for key in ("a", "b", "c")[: choose.number(3)]}


def operation(choose: Choose) -> Any:
    made = {
        "op": choose.one(("add", "replace", "remove", "test", "copy", "move")),
        "path": choose.one(("/a", "/b", "/a/b", "/b/0", "/b/-", "", "/c")),
        "from": choose.one(("/a", "/b", "")),
        "value": document(choose, 2),
    }
    return document(choose) if choose.chance(8) else made


class Case:
    """Not a dataclass, so that Hypothesis prints it as it prints itself."""

    def __init__(self, choose: Choose) -> None:
        self.tool = choose.one(("apply", "merge", "patch"))
        rules = []
        for i in range(1 + choose.number(1)):
            writer = Writer(choose)
            head = "forbid" if choose.chance(2) else "permit"
            let = f"\n  let l = {writer.path()}" if choose.chance(3) else ""
            if let:
                writer.documents.append("l")
            rules.append(f"{head} r{i} on {self.tool}{let}\n  when {writer.truth()}\n")
        self.policy = VOCABULARY + "".join(rules)
        self.before = [document(choose) for _ in range(4)]
        args = {"k": choose.one(("a", "b"))}
        args["doc"] = document(choose)
        if self.tool == "patch":
            args["doc"] = [operation(choose) for _ in range(choose.number(2))]
        self.args = args

    def call(self, before: object) -> dict[str, Any]:
        facts = {"stored": [{"key": [self.args["k"]], "value": before}]}
        return {"tool": self.tool, "args": self.args, "facts": facts}

    def __repr__(self) -> str:
        return self.policy + json.dumps([self.args, self.before])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    return Case(Choose(draw))


@pytest.fixture(scope="module", autouse=True)
def one_pool() -> Iterator[None]:
    """All guards of this file share their solver's process: starting one takes half a second."""
    with SolverPool(1) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard_module, "SolverPool", lambda: pool)
        yield


def compiled(policy: str) -> Program:
    program, found = compile_sources((Source("generated.licet", policy),))
    assert program is not None, render_text(found)
    return program


def reference(program: Program, call: dict[str, Any]) -> Judgement:
    zone = clock(program.zone)
    admission = Admission(program, zone)
    tool = admission.tool(call["tool"])
    world = admission.world(tool, Action.from_mapping(call))
    return judge(program.rules[tool.qualified], world, zone)


@given(cases())
@settings(max_examples=examples(25, share=2), suppress_health_check=[HealthCheck.too_slow])
def test_both_engines_agree_on_what_is_known(case: Case) -> None:
    program = compiled(case.policy)
    guard = Guard(program, engine="both", seconds=0.05)
    for before in case.before[:2]:
        call = case.call(before)
        verdict = guard.check(call)
        expected = reference(program, call)
        event(expected.outcome)
        assert verdict.outcome == expected.outcome
        faults = [v.message for v in verdict.violations if v.kind == "fault"]
        wrong = ("must be", "of the wrong type")  # in the host's document, or in a patched one
        assert all(any(said in message for said in wrong) for message in faults), faults
        assert not {"undetermined", "solver_unknown"} & {v.kind for v in verdict.violations}


@given(cases())
@settings(max_examples=examples(12, share=5), suppress_health_check=[HealthCheck.too_slow])
def test_a_definite_answer_holds_for_every_document(case: Case) -> None:
    program = compiled(case.policy)
    guard = Guard(program, engine="both", seconds=0.3)
    verdict = guard.check(case.call({"$unknown": True}))
    if {v.kind for v in verdict.violations} & {"undetermined", "solver_unknown"}:
        event("open")
        assert verdict.outcome == "deny"
        return
    event(f"definite {verdict.outcome}")
    for before in (None, {}, *case.before):
        assert reference(program, case.call(before)).outcome == verdict.outcome
