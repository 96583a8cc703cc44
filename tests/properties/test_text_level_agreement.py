"""Laws on whole policies as text, over one vocabulary, and calls as JSON:

- on a call with everything known, the guard answers what the reference evaluator says, naming the
  same rules, and never faults;
- with facts missing, a definite answer is the answer for every value of them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from licet.compiler import compile_sources
from licet.compiler.clock import clock
from licet.compiler.evaluation import Judgement, judge
from licet.compiler.exact_json import decode
from licet.compiler.program import Program
from licet.policy_lang import Source, has_errors, render_text
from licet.verifier import Action, Guard, Verdict
from licet.verifier import guard as guard_module
from licet.verifier.admission import Admission
from licet.verifier.solving import SolverPool
from strategies.choosing import Choose
from support.examples import examples

VOCABULARY = """policy "generated"
timezone "America/New_York"
enum Level { low, mid, high }
enum Kind { card, "gift card" }
record Item { name: String, qty: Int in 0 .. 9, price: Decimal? }
param cap: Decimal = 2.5
param levels: List<Level> = [low, mid]
param table bags(Level, Bool) -> Int { low, true: 0; low, false: 1; mid, _: 2; high, _: 3 }
principal { id: String, level: Level, boss: String? }
context { sure: Bool, risk: Decimal in 0 .. 1 step 0.5, limit: Int? }
session { prompt: String }
tool pay(
  to: String, amount: Decimal, count: Int, items: List<Item>, note: String?, kind: Kind,
  prices: Map<Level, Decimal>
) destructive
tool look(to: String, deep: Bool?) read_only
tool move(to: String, items: List<Item>, at: Time) tags "slow"
fact user(id: String) -> {
  level: Level, names: List<String>, limits: Map<String, Int>, boss: String?, spent: Decimal
}?
fact blocked(id: String, kind: Kind) -> Bool
group writes = pay, move
define known = has user(args.to)
define over(x, y) = x > y + 1
define names_of(xs) = [x.name for x in xs if x.qty > 0]
"""

WORDS = ("", "a", "b", "ab")  # every key of a fact is one of them
LEVELS = ("low", "mid", "high")
KINDS = ("card", "gift card")
AMOUNTS = (0, 1, 2.5, 50, -1)
COUNTS = (0, 1, 2, 9, -3)


# --- policies

Maker = Callable[["Writer", int], str]


@dataclass
class Writer:
    """Writes expressions of a type for a rule on some tools; what is composite in parentheses."""

    choose: Choose
    tools: frozenset[str]
    names: dict[str, list[str]] = field(default_factory=dict)  # by type: variables in scope
    fresh: Iterator[int] = field(default_factory=itertools.count)

    def write(self, kind: str, depth: int = 3) -> str:
        makers: list[Maker] = list(ATOMS.get(kind, ()))
        if self.tools <= {"pay"}:
            makers += PAY_ATOMS.get(kind, [])
        if self.tools <= {"pay", "move"}:
            makers += ITEM_ATOMS.get(kind, [])
        for name in self.names.get(kind, ()):
            makers += 2 * [lambda w, d, name=name: name]
        for name in self.names.get("Item", ()):
            makers += [
                lambda w, d, name=name, part=part: name + part for part in OF_ITEM.get(kind, ())
            ]
        if depth > 0:
            makers += COMPOSITES.get(kind, [])
        return self.choose.one(makers)(self, depth - 1)

    def within(self, kind: str, name: str, wanted: str, depth: int) -> str:
        """An expression in which a new variable of a type is in scope."""
        self.names.setdefault(kind, []).append(name)
        try:
            return self.write(wanted, depth)
        finally:
            self.names[kind].pop()


def text(template: str) -> Maker:
    """`{Int}` stands for an expression of that type; `{{` and `}}` for braces."""
    pieces = template.split("«")

    def make(writer: Writer, depth: int) -> str:
        made = pieces[0]
        for piece in pieces[1:]:
            kind, rest = piece.split("»", 1)
            made += writer.write(kind, depth) + rest
        return made

    return make


def over(template: str, element: str, source: str, wanted: str) -> Maker:
    """A comprehension: `VAR`, `LIST`, `BODY` stand for its parts."""

    def make(writer: Writer, depth: int) -> str:
        name = f"x{next(writer.fresh)}"
        listed = writer.write(source, depth)
        body = writer.within(element, name, wanted, depth)
        return template.replace("VAR", name).replace("LIST", listed).replace("BODY", body)

    return make


def texts(*templates: str) -> list[Maker]:
    return [text(template) for template in templates]


def compared(kind: str) -> list[Maker]:
    return texts(
        *(f"(«{kind}» {sign} «{kind}»)" for sign in ("==", "!=", "<", "<=", ">", ">=")),
        f"(«{kind}» <= «{kind}» < «{kind}»)",
    )


ATOMS: dict[str, list[Maker]] = {
    "Bool": texts("true", "context.sure", "known", "has principal.boss", "has context.limit",
                  "blocked(«Key», «Kind»)", "has user(«Key»)", "has user(«Key»).boss",
                  "tool.read_only", '("slow" in tool.tags)'),
    "Int": texts("0", "1", "2", "(context.limit ?? «Small»)", "bags(«Level», context.sure)",
                 "now.hour", "(user(«Key»).limits[«Key»] ?? 0)"),
    "Small": texts("0", "3", "(-2)"),
    "Decimal": texts("0", "2.5", "cap", "context.risk", "(user(«Key»).spent ?? 1)"),
    "Key": texts('"a"', '"b"', "args.to", "principal.id", '(principal.boss ?? "")',
                 '(user(args.to).boss ?? "a")', "session.prompt"),
    "String": texts('"a"', '"b "', "«Key»", "session.prompt", '(principal.boss ?? "none")'),
    "Level": texts("low", "high", "principal.level", "(user(«Key»).level ?? mid)"),
    "Kind": texts("card", '"gift card"'),
    "Time": texts("now", "(now - 2h)", "2026-03-01T12:00:00Z"),
    "List<Level>": texts("levels", "[low, «Level»]"),
    "List<String>": texts("[«String», «String»]", "(user(«Key»).names ?? [])"),
}  # fmt: skip
PAY_ATOMS: dict[str, list[Maker]] = {
    "Bool": texts("has args.note", "has args.prices[«Level»]", "(args.kind == «Kind»)"),
    "Int": texts("args.count"),
    "Decimal": texts("args.amount", "(args.prices[«Level»] ?? 0)"),
    "String": texts('(args.note ?? "")'),
    "Kind": texts("args.kind"),
}
ITEM_ATOMS: dict[str, list[Maker]] = {
    "Int": texts("length(args.items)"),
    "List<Item>": texts("args.items"),
    "List<String>": texts("names_of(args.items)"),
    "String": texts('(first(args.items).name ?? "-")'),
    "Bool": [
        over("any(VAR in LIST: BODY)", "Item", "List<Item>", "Bool"),
        over("all(VAR in LIST: BODY)", "Item", "List<Item>", "Bool"),
    ],
    "Decimal": [over("sum(VAR in LIST: BODY)", "Item", "List<Item>", "Decimal")],
}
OF_ITEM = {"Int": [".qty"], "String": [".name"], "Key": [".name"], "Bool": [".qty > 3"]}
COMPOSITES: dict[str, list[Maker]] = {
    "Bool": [
        *texts("(«Bool» and «Bool»)", "(«Bool» or «Bool»)", "(not «Bool»)", "over(«Decimal», cap)",
               "(«Level» in «List<Level>»)", "(«String» in «List<String>»)",
               "(«String» startswith «Key»)", '(«String» like "a*")', "(«String» matches /a?b*/)",
               "(«List<String>» subset «List<String>»)", "(if «Bool» then «Bool» else «Bool»)",
               "(now - «Time» <= 24h)", "(«Int» in [1, «Int»])"),
        *compared("Int"), *compared("Decimal"), *compared("Level"), *compared("Time"),
        *texts("(«String» == «String»)", "(«String» != «String»)",
               "(«List<String>» == «List<String>»)"),
        over("any(VAR in LIST: BODY)", "String", "List<String>", "Bool"),
        over("all(VAR in LIST: BODY)", "Level", "List<Level>", "Bool"),
    ],
    "Int": [
        *texts("(«Int» + «Int»)", "(«Int» - «Int»)", "(-«Int»)", "(2 * «Int»)", "(«Int» div 2)",
               "(«Int» % 3)", "max(«Int», «Int»)", "length(«List<String>»)", "length(«String»)",
               "(if «Bool» then «Int» else «Int»)"),
        over("count(VAR in LIST: BODY)", "String", "List<String>", "Bool"),
    ],
    "Decimal": texts("(«Decimal» + «Decimal»)", "(«Decimal» - «Int»)", "(«Decimal» / 4)",
                     "min(«Decimal», «Decimal»)", "(if «Bool» then «Decimal» else «Int»)"),
    "String": texts("(«String» + «String»)", "lower(«String»)"),
    "List<String>": [
        *texts("(«List<String>» + «List<String>»)", "distinct(«List<String>»)"),
        over("[VAR for VAR in LIST if BODY]", "String", "List<String>", "Bool"),
    ],
    "Level": texts("(if «Bool» then «Level» else «Level»)"),
}  # fmt: skip

ON = {
    "any": {"pay", "look", "move"},
    "pay": {"pay"},
    "writes": {"pay", "move"},
    "look, move": {"look", "move"},
    "m*": {"move"},
}


def write_rule(choose: Choose, kind: str, name: str) -> str:
    on = choose.one(list(ON))
    writer = Writer(choose, frozenset(ON[on]))
    lines = [f"{kind} {name} on {on}"]
    if kind != "permit" and not choose.chance(3):
        value, parts = choose.one(
            [("user(«Key»)", {"Level": ".level", "Decimal": ".spent", "List<String>": ".names"}),
             ("principal.boss", {"String": "", "Key": ""}),
             ("context.limit", {"Int": ""})]
        )  # fmt: skip
        lines.append(f"  let v = {text(value)(writer, 1)}")
        for part, path in parts.items():
            writer.names.setdefault(part, []).append(f"v{path}")
    for word in ("when", "unless"):
        if choose.chance(2) or (word == "when" and kind != "permit"):
            lines.append(f"  {word} {writer.write('Bool')}")
    return "\n".join(lines)


def write_policy(choose: Choose) -> str:
    rules = ["permit base on any"] if choose.chance(2) else []
    rules += [write_rule(choose, "permit", f"p{i}") for i in range(1 + choose.number(1))]
    rules += [write_rule(choose, "forbid", f"f{i}") for i in range(choose.number(3))]
    return VOCABULARY + "\n".join(rules) + "\n"


# --- calls

Json = dict[str, object]


def maybe(choose: Choose, name: str, values: tuple[object, ...]) -> Json:
    """A field that may be left out, or null."""
    return choose.one([{}, {name: None}, {name: choose.one(values)}, {name: choose.one(values)}])


def items(choose: Choose) -> list[Json]:
    return [
        {"name": choose.one(WORDS), "qty": choose.one((0, 1, 9)), **maybe(choose, "price", AMOUNTS)}
        for _ in range(choose.number(3))
    ]


def arguments(choose: Choose, tool: str) -> Json:
    to = {"to": choose.one(WORDS)}
    if tool == "look":
        return {**to, **maybe(choose, "deep", (True, False))}
    if tool == "move":
        at = choose.one(("2026-03-01T12:00:00Z", "2026-03-01T07:00:00", "2020-01-01T00:00:00Z"))
        return {**to, "items": items(choose), "at": at}
    return {
        **to,
        "amount": choose.one(AMOUNTS),
        "count": choose.one(COUNTS),
        "items": items(choose),
        **maybe(choose, "note", ("", "a", "AB")),
        "kind": choose.one(KINDS),
        "prices": {level: choose.one(AMOUNTS) for level in LEVELS if choose.chance(2)},
    }


def user(choose: Choose) -> object:
    if choose.chance(3):
        return None
    return {
        "level": choose.one(LEVELS),
        "names": [choose.one(WORDS) for _ in range(choose.number(2))],
        "limits": {word: choose.one(COUNTS) for word in WORDS if choose.chance(2)},
        **maybe(choose, "boss", WORDS),
        "spent": choose.one(AMOUNTS),
    }


def write_call(choose: Choose) -> Json:
    """A call in which everything is known that a policy can read."""
    tool = choose.one(("pay", "pay", "move", "look"))
    return {
        "tool": tool,
        "args": arguments(choose, tool),
        "principal": {
            "id": choose.one(WORDS),
            "level": choose.one(LEVELS),
            **maybe(choose, "boss", WORDS),
        },
        "context": {
            "sure": choose.chance(2),
            "risk": choose.one((0, 0.5, 1)),
            **maybe(choose, "limit", COUNTS),
        },
        "session": {"prompt": choose.one(WORDS)},
        "facts": {
            "user": [{"key": [word], "value": user(choose)} for word in WORDS],
            "blocked": [
                {"key": [word, kind], "value": choose.chance(2)} for word in WORDS for kind in KINDS
            ],
        },
        "now": choose.one(("2026-03-01T12:00:00Z", "2026-03-08T02:30:00-05:00")),
    }


USERS: tuple[object, ...] = (
    None,
    {"level": "low", "names": [], "limits": {}, "spent": 0},
    {"level": "high", "names": ["a", "b"], "limits": {"a": 2, "": -3}, "boss": "b", "spent": 50},
)


def forgetting(choose: Choose, call: Json) -> tuple[Json, list[Json]]:
    """The call without up to three of its facts, and its completions over small domains.

    Mostly what rules read is lost: what the facts say of the ids in the call.
    """
    facts: dict[str, list[Json]] = call["facts"]  # type: ignore[assignment]
    read = [call["args"]["to"], call["principal"]["id"]]  # type: ignore[index]
    near = [e for listed in facts.values() for e in listed if e["key"][0] in read]  # type: ignore[index]
    lost: list[Json] = []
    for entries in (near, facts["user"], near)[: 1 + choose.number(2)]:
        entry = choose.one(entries)
        lost += [entry] if entry not in lost else []

    def with_facts(values: tuple[object, ...]) -> Json:
        given = [{**entry, "value": value} for entry, value in zip(lost, values, strict=False)]
        kept = {
            name: [e for e in listed if e not in lost]
            + [e for e in given if len(e["key"]) == len(listed[0]["key"])]  # type: ignore[arg-type]
            for name, listed in facts.items()
        }
        return {**call, "facts": kept}

    domains = [USERS if entry in facts["user"] else (True, False) for entry in lost]
    values = itertools.product(*domains)
    return with_facts(()), [with_facts(each) for each in values]


# --- the laws


@pytest.fixture(scope="module", autouse=True)
def one_pool() -> Iterator[None]:
    """All guards of this file share their solver's process: starting one takes half a second."""
    with SolverPool(1) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard_module, "SolverPool", lambda: pool)
        yield


class Case:
    """Not a dataclass, so that Hypothesis prints it as it prints itself."""

    def __init__(self, policy: str, calls: list[Json]) -> None:
        self.policy = policy
        self.calls = calls

    def __repr__(self) -> str:
        rules = self.policy.removeprefix(VOCABULARY)
        return rules + "\n".join(json.dumps(call) for call in self.calls)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A policy and a call in which everything is known."""
    choose = Choose(draw)
    return Case(write_policy(choose), [write_call(choose)])


@st.composite
def open_cases(draw: st.DrawFn) -> Case:
    """A policy, a call that lacks facts, and all its completions."""
    choose = Choose(draw)
    policy = write_policy(choose)
    call, completions = forgetting(choose, write_call(choose))
    return Case(policy, [call, *completions])


def compiled(policy: str) -> Program:
    program, diagnostics = compile_sources((Source("generated.licet", policy),))
    assert program is not None, render_text(diagnostics)
    assert not has_errors(diagnostics)
    return program


def as_json(call: Json) -> Mapping[str, object]:
    """Through text, as a door gets it."""
    decoded = decode(json.dumps(call).encode())
    assert isinstance(decoded, dict)
    return decoded


def reference(program: Program, call: Json) -> Judgement:
    zone = clock(program.zone)
    admission = Admission(program, zone)
    action = Action.from_mapping(as_json(call))
    tool = admission.tool(action.tool)
    return judge(program.rules[tool.qualified], admission.world(tool, action), zone)


def names(judgement: Judgement, *kinds: str) -> list[str]:
    """The rules of some kinds that apply or, if they refuse where absent, are absent."""
    return [
        outcome.rule.name
        for outcome in judgement.outcomes
        if outcome.rule.kind in kinds
        and (outcome.state == "applies" or (outcome.state == "absent" and kinds != ("permit",)))
    ]


def sound(verdict: Verdict) -> None:
    assert not {v.kind for v in verdict.violations} & {"fault", "bad_argument", "unknown_tool"}, (
        verdict.violations
    )


@given(cases())
@settings(max_examples=examples(50), suppress_health_check=[HealthCheck.too_slow])
def test_the_guard_answers_what_the_evaluator_says(case: Case) -> None:
    program = compiled(case.policy)
    with Guard(program, engine="both", seconds=0.1) as guard:
        for call in case.calls:
            verdict = guard.check(as_json(call))
            sound(verdict)
            expected = reference(program, call)
            event(expected.outcome)
            assert verdict.outcome == expected.outcome
            fired = names(expected, "permit") if verdict.allowed else names(expected, "forbid")
            assert list(verdict.rules) == fired


@given(open_cases())
@settings(max_examples=examples(25, share=2), suppress_health_check=[HealthCheck.too_slow])
def test_a_definite_answer_holds_for_every_missing_fact(case: Case) -> None:
    program = compiled(case.policy)
    call, *completions = case.calls
    with Guard(program, engine="both", seconds=0.3) as guard:
        verdict = guard.check(as_json(call))
    sound(verdict)
    kinds = {v.kind for v in verdict.violations}
    judgements = [reference(program, completion) for completion in completions]
    if kinds & {"undetermined", "solver_unknown"}:
        event("open")
        assert verdict.outcome == "deny"
        return
    event(f"definite {verdict.outcome}")
    assert {judgement.outcome for judgement in judgements} == {verdict.outcome}
    certain = {v.rule for v in verdict.violations if v.certain and v.rule is not None}
    for judgement in judgements:
        assert certain <= set(names(judgement, "forbid"))
