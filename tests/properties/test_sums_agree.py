"""Law: what a store's sums say of earlier calls is what the folds and limits mean.

Random calls are made, answered, failed, given back and left pending; after them every index is
asked, with keys that do and do not occur, and compared with its definition over the whole log. A
second program with the same store, which takes in what it missed, must say the same, and so must a
store that forgets what is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licet.compiler import Program, compile_sources
from licet.compiler.clock import clock
from licet.compiler.exact_json import canonical
from licet.compiler.types import Value
from licet.compiler.world import UNKNOWN
from licet.policy_lang import Source
from licet.verifier import forgetting
from licet.verifier.action import Action
from licet.verifier.admission import Admission
from licet.verifier.history import Store, StoredCall, summaries
from licet.verifier.history.definition import by_definition
from licet.verifier.history.memory import MemoryStore
from licet.verifier.history.pots import Query, values
from licet.verifier.proposing import Proposal
from licet.verifier.remembering import Memory
from licet.verifier.sitting import Sitting
from licet.verifier.tickets import Keys
from support.desk_memory import ClockedStore
from support.examples import examples

HEAD = """
timezone "America/New_York"
enum Role { one, two }
principal { id: String, role: Role, team: String? }
fact rate(kind: String) -> Decimal in 0 .. 10
tool buy(who: String, amount: Decimal in 0 .. 100 step 0.5, tags: List<String>, kind: String?)
  -> { id: String, cost: Decimal in -5 .. 100 }
tool sell(who: String, amount: Int in -9 .. 9) -> Json
tool ask(text: String) atomic
permit all on any
"""

RULES = """
forbid f1 on any when any(c in calls(buy): c.outcome == ok)
forbid f2 on buy when any(c in calls(buy, within 1h): c.outcome == ok and c.args.who == args.who)
forbid f3 on buy when count(c in calls(any, per principal.id, within 2h): c.tool == "ask") > 100
forbid f4 on buy when sum(c in calls(buy, per principal.role, within day): c.args.amount) > 1_000
forbid f5 on sell
  when sum(c in calls(sell, within week): if c.args.who == args.who then c.args.amount else 0) > 999
forbid f6 on buy when (max(c in calls(buy, within 90min): c.args.amount) ?? 0) > 99
forbid f7 on any when (min(c in calls(buy, per principal.id): c.at) ?? now) > now
forbid f8 on buy
  when all(c in calls(buy, within 3h): c.args.amount <= args.amount or c.outcome == error)
forbid f9 on buy when any(c in calls(buy): any(t in c.args.tags: t == args.who and t != "b"))
forbid f10 on buy when any(c in calls(buy, within 1h): args.who in c.args.tags)
forbid f11 on buy when any(c in calls(buy, within month): c.result.id ?? "" == args.who)
forbid f12 on sell when count(c in calls(sell, within 1h): (c.result.n ?? 0) > args.amount) > 100
forbid f13 on any when any(c in calls(any): f1 in c.by and c.principal.role == principal.role)
forbid f14 on buy
  when count(c in calls(buy, within year):
    length(c.args.tags) > length(args.tags) or c.args.who == args.who) > 100
limit l1 on buy sum(args.amount) on sell count() per principal.id within 1h <= 10_000
limit l2 on buy sum(rate(args.kind) * args.amount) within month <= 10_000
limit l3 on buy sum(args.amount) within day <= 10_000 when args.who != "b"
  settle at max(0, result.cost) over result
limit l4 on ask count() per principal.role <= 10_000
"""


def program(text: str) -> Program:
    made, found = compile_sources([Source("p", HEAD + text)])
    assert made is not None, found
    return made


EVERY = program(RULES)
OTHER = program(RULES.replace("forbid f3", "forbid other"))

NAMES = st.sampled_from("abc")
MINUTE = 60_000_000
START = 1_793_000_000_000_000  # late in an October, so that calendar windows end


@st.composite
def calls(draw: st.DrawFn) -> dict[str, object]:
    tool = draw(st.sampled_from(["buy", "buy", "sell", "ask"]))
    args: dict[str, object] = {
        "buy": {
            "who": draw(NAMES),
            "amount": draw(st.sampled_from([0, 0.5, 7, 100])),
            "tags": draw(st.lists(NAMES, max_size=3)),
            "kind": draw(st.sampled_from(["x", "y"])),
        },
        "sell": {"who": draw(NAMES), "amount": draw(st.integers(-9, 9))},
        "ask": {"text": "?"},
    }[tool]
    return {
        "tool": tool,
        "args": args,
        "principal": {"id": draw(NAMES), "role": draw(st.sampled_from(["one", "two"]))},
        "session": draw(st.sampled_from(["s", "t"])),
        "facts": {"rate": [{"key": ["x"], "value": 0.5}, {"key": ["y"], "value": 3}]},
    }


RESULTS = st.sampled_from(
    [
        None,
        '{"id":"a","cost":3.5}',
        '{"id":"b","cost":-1}',
        '{"n":3}',
        '{"n":-3}',
        '{"n":"three"}',
        '"odd"',
    ]
)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 200),  # minutes that pass
        calls(),
        st.sampled_from(["pending", "pending", "ok", "ok", "error", "cancelled", "late"]),
        RESULTS,
    ),
    max_size=30,
)


def memory(made: Program, store: Store, *, forgets: bool = False) -> Memory:
    zone = clock(made.zone)
    keys = Keys(bytes(32))
    return Memory(
        made,
        Admission(made, zone),
        zone,
        store,
        keys,
        ticket_seconds=60.0,
        recorder=None,
        forgetting=forgets,
    )


@contextmanager
def narrow_trees() -> Iterator[None]:
    """Trees with two branches a node, so that a few calls make several levels."""
    patch = pytest.MonkeyPatch()
    patch.setattr(summaries, "FAN", 2)
    try:
        yield
    finally:
        patch.undo()


def play(sitting: Sitting, steps: list[tuple[int, dict[str, object], str, str | None]]) -> int:
    """Make the calls, and let some end at once and some much later. The last instant."""
    at, later = max(START, sitting.head.at), []  # instants never go back
    for minutes, data, ending, result in steps:
        at += minutes * MINUTE
        call = put(sitting, data, at, by=("all", "f1") if minutes % 2 else ("all",))
        if ending == "late":
            later.append((call, result))
        elif ending != "pending":
            end(sitting, call, ending, result if ending == "ok" else None)
    for call, result in later:
        end(sitting, call, "ok", result)
    return at


def put(
    sitting: Sitting, data: dict[str, object], at: int, *, by: tuple[str, ...], commit: bool = False
) -> StoredCall:
    made = sitting.memory
    action = Action.from_mapping(data)
    tool = made.program.catalog.qualified[action.tool]
    world = made._admission.world(tool, action)
    world.now = at
    tenant = sitting.tx.tenant
    proposal = Proposal.of(made.writer, action, tool, world, tenant, commit=commit)
    call = made.new_call(proposal, made.writer.call(proposal), sitting.head, at, sitting.now, by)
    sitting.put(call, proposal, by)
    return call


def end(sitting: Sitting, call: StoredCall, ending: str, result: str | None) -> None:
    if ending != "cancelled":
        call = sitting.change(call, "redeemed", None)
    sitting.change(call, ending, result)  # type: ignore[arg-type]


def keys_of(index_name: str, made: Program) -> list[tuple[Value, ...]]:
    """A few keys of every type."""
    values: dict[str, list[Value]] = {
        "String": ["a", "b", "zz"],
        "Role": ["one", "two"],
        "Int": [-3, 0, 2],
    }
    found: list[tuple[Value, ...]] = [()]
    for name, kind in made.history[index_name].signature.params:
        choices = next(
            (v for k, v in values.items() if str(kind).startswith(k)),
            [Fraction(1, 2), 7] if "Decimal" in str(kind) else [("a", "b"), ("c",), ()],
        )
        assert name
        found = [(*keys, value) for keys in found for value in choices]
    return found


def compare(sitting: Sitting, at: int, *, exactly: bool) -> None:
    made = sitting.memory.program
    past = [
        sitting.memory.past(call)
        for call in sitting.tx.calls_changed_after(0, sitting.head.change)
        if call.state != "cancelled"
    ]
    past.sort(key=lambda call: call.at)
    queries = [
        Query(index, keys, session)
        for name, index in made.history.items()
        for keys in keys_of(name, made)
        for session in ("s", "t")
    ]
    for query, ours in zip(
        queries, values(sitting.tx, queries, at, sitting.memory.clock), strict=True
    ):
        theirs = by_definition(query, past, at, sitting.memory.clock)
        # A sum may be unknown where the definition stops before what it cannot read.
        if ours is not UNKNOWN or exactly:
            assert ours == theirs, (query.index.name, query.keys, query.session)


@given(STEPS, st.integers(0, 600))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_sums_are_what_folds_and_limits_mean(
    steps: list[tuple[int, dict[str, object], str, str | None]], minutes: int
) -> None:
    store = MemoryStore()
    with narrow_trees(), memory(EVERY, store).sit("t") as sitting:
        at = play(sitting, steps) + minutes * MINUTE
        odd = any(
            result in ('"odd"', '{"n":"three"}', '{"n":3}', '{"n":-3}') for *_, result in steps
        )
        odd = odd or any('"cost"' in (result or "") for *_, result in steps)
        compare(sitting, at, exactly=not odd)


@given(STEPS, STEPS, st.integers(0, 600))
@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow])
def test_another_policy_takes_in_what_it_missed(
    first: list[tuple[int, dict[str, object], str, str | None]],
    second: list[tuple[int, dict[str, object], str, str | None]],
    minutes: int,
) -> None:
    store = MemoryStore()
    with narrow_trees():
        with memory(OTHER, store).sit("t") as sitting:
            play(sitting, first)
        with memory(EVERY, store).sit("t") as sitting:
            at = play(sitting, second) + minutes * MINUTE
        with memory(OTHER, store).sit("t") as sitting:
            compare(sitting, at, exactly=False)


class Life:
    """A store, and steps on it, each in a transaction of its own."""

    def __init__(self, *, forgets: bool) -> None:
        self._store = ClockedStore(instant=START)
        self._memory = memory(EVERY, self._store, forgets=forgets)
        self._late: list[tuple[StoredCall, str | None]] = []

    def step(self, at: int, step: tuple[int, dict[str, object], str, str | None]) -> list[object]:
        """What every index says after it, then and at instants to come."""
        minutes, data, ending, result = step
        self._store.instant = at
        with self._memory.sit("t") as sitting:
            by = ("all", "f1") if minutes % 2 else ("all",)
            call = put(sitting, data, at, by=by, commit=minutes % 3 == 0)
            if call.state == "reserved" and ending == "late":
                self._late.append((sitting.change(call, "redeemed", None), result))
            elif call.state == "reserved" and ending != "pending":
                end(sitting, call, ending, result if ending == "ok" else None)
            elif len(self._late) > 2:
                late, result = self._late.pop(0)
                # of a call that is silent for longer nobody says any more how it ended
                if at - late.at < forgetting.DAY:
                    found = sitting.tx.call_by_nonce(late.nonce)
                    assert found is not None
                    sitting.change(found, "ok", result)
            queries = [
                Query(index, keys, session)
                for name, index in EVERY.history.items()
                for keys in keys_of(name, EVERY)[:4]
                for session in ("s", "t")
            ]
            return [
                values(sitting.tx, queries, at + later * MINUTE, self._memory.clock)
                for later in (0, 45, 200, 2_000)
            ]


@pytest.mark.slow
@given(STEPS, st.integers(1, 9))
@settings(max_examples=examples(25, share=2), suppress_health_check=[HealthCheck.too_slow])
def test_what_was_forgotten_could_not_be_seen(
    steps: list[tuple[int, dict[str, object], str, str | None]], pace: int
) -> None:
    forgetful, whole = Life(forgets=True), Life(forgets=False)
    with pytest.MonkeyPatch.context() as patch, narrow_trees():
        patch.setattr(forgetting, "KEPT", 0)
        at = START
        for step in steps:
            at += step[0] * pace * MINUTE
            assert forgetful.step(at, step) == whole.step(at, step)


def test_the_answers_of_tools_are_json() -> None:
    """The strategies above write results as the store does."""
    assert canonical({"n": 3}) == b'{"n":3}'
