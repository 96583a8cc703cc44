"""The protocol against plain dictionaries: Hypothesis looks for a sequence where they differ.

Two tenants, transactions that commit or are rolled back, one store that is closed and opened again.
"""

from __future__ import annotations

import copy
import itertools
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from licet.adapters.stores import open_store
from licet.verifier.history import (
    AuditEntry,
    Head,
    Leaf,
    Store,
    StoredApproval,
    StoredCall,
    StoredKey,
    Transaction,
)
from support.examples import examples

TENANTS = st.sampled_from(["a", "b"])
NAMES = st.sampled_from(["x", "y", "ü"])
KINDS = st.sampled_from(["k", "l", "m"])
NUMBERS = st.integers(0, 6)
TEXTS = st.text(max_size=3).filter(lambda text: "\0" not in text)
STATES = ("reserved", "redeemed", "ok", "error", "cancelled")


@dataclass
class Model:
    """One tenant, as dictionaries."""

    head: Head = field(default_factory=Head)
    calls: dict[int, StoredCall] = field(default_factory=dict)
    covered: dict[str, int] = field(default_factory=dict)
    leaves: dict[tuple[str, int], Leaf] = field(default_factory=dict)
    nodes: dict[tuple[str, int, int], str] = field(default_factory=dict)
    approvals: dict[str, StoredApproval] = field(default_factory=dict)
    documents: dict[tuple[str, str], str] = field(default_factory=dict)
    keys: dict[str, StoredKey] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    exists: bool = False

    def put_call(self, call: StoredCall) -> None:
        for seq, other in self.calls.items():
            same = (other.principal, other.session, other.call_id) == (
                call.principal,
                call.session,
                call.call_id,
            )
            if same and seq != call.seq:
                self.calls[seq] = other._replace(call_id=other.nonce)
        self.calls[call.seq] = call

    def pot(self, pot: str) -> list[Leaf]:
        return [leaf for (name, _), leaf in sorted(self.leaves.items()) if name == pot]


class Stop(Exception):  # noqa: N818 - it is no error
    """Rolls a transaction back."""


def machine(url: str) -> type[RuleBasedStateMachine]:
    class Machine(RuleBasedStateMachine):
        #: Machines share a database, each with tenants of its own
        serial = itertools.count()

        def __init__(self) -> None:
            super().__init__()
            self.store: Store = open_store(url)
            self.committed = {"a": Model(), "b": Model()}
            self.prefix = f"{next(self.serial)} "
            self.block: AbstractContextManager[Transaction] | None = None

        @property
        def t(self) -> Transaction:
            assert self.open is not None
            return self.open

        @initialize(tenant=TENANTS)
        def start(self, tenant: str) -> None:
            self.open: Transaction | None = None
            self.begin(tenant)

        @precondition(lambda self: self.open is None)
        @rule(tenant=TENANTS)
        def begin(self, tenant: str) -> None:
            self.tenant = tenant
            self.block = self.store.begin(self.prefix + tenant)
            self.open = self.block.__enter__()
            self.model = copy.deepcopy(self.committed[tenant])

        @precondition(lambda self: self.open is not None)
        @rule()
        def commit(self) -> None:
            assert self.block is not None
            self.block.__exit__(None, None, None)
            self.committed[self.tenant] = self.model
            self.open = self.block = None

        @precondition(lambda self: self.open is not None)
        @rule()
        def roll_back(self) -> None:
            assert self.block is not None
            assert not self.block.__exit__(Stop, Stop(), None)  # which passes it on
            self.open = self.block = None

        @precondition(lambda self: self.open is None)
        @rule()
        def open_again(self) -> None:
            self.store.close()
            self.store = open_store(url)

        # writing

        @precondition(lambda self: self.open is not None)
        @rule(number=NUMBERS, text=TEXTS)
        def set_head(self, number: int, text: str) -> None:
            self.model.head = self.model.head._replace(at=number, policy=text)
            self.model.exists = True
            self.t.set_head(self.model.head)

        @precondition(lambda self: self.open is not None)
        @rule(
            seq=NUMBERS,
            principal=NAMES,
            call_id=NAMES,
            state=st.sampled_from(STATES),
            expires=NUMBERS,
            result=st.none() | TEXTS,
        )
        def put_call(self, seq, principal, call_id, state, expires, result) -> None:  # type: ignore[no-untyped-def]
            change = self.model.head.change + 1
            self.set_counters(change=change)
            known = self.model.calls.get(seq)
            nonce = known.nonce if known else f"nonce {seq}"
            call = StoredCall(
                seq, change, principal, "s", call_id, nonce, "tool", "d", "p", "c", 1, expires,
                state, f"record {change}", result,
            )  # fmt: skip
            self.model.put_call(call)
            self.t.put_call(call)

        def set_counters(self, **given: int) -> None:
            self.model.head = self.model.head._replace(**given)
            self.model.exists = True
            self.t.set_head(self.model.head)

        @precondition(lambda self: self.open is not None)
        @rule(pot=NAMES, count=st.integers(1, 4), later=NUMBERS)
        def add_leaves(self, pot: str, count: int, later: int) -> None:
            known = self.model.pot(pot)
            at = (known[-1].at if known else 0) + later
            new = [Leaf(pot, len(known) + n, at, n, f"{at}") for n in range(count)]
            self.model.leaves.update(((leaf.pot, leaf.slot), leaf) for leaf in new)
            self.model.exists = True
            self.t.put_leaves(new)

        @precondition(lambda self: self.open is not None)
        @rule(pot=NAMES, slot=NUMBERS)
        def empty_leaf(self, pot: str, slot: int) -> None:
            known = self.model.leaves.get((pot, slot))
            if known is not None:
                self.model.leaves[pot, slot] = known._replace(text="")
                self.t.put_leaves([self.model.leaves[pot, slot]])

        @precondition(lambda self: self.open is not None)
        @rule(nodes=st.dictionaries(st.tuples(NAMES, st.integers(1, 2), NUMBERS), TEXTS))
        def put_nodes(self, nodes: dict[tuple[str, int, int], str]) -> None:
            self.model.nodes.update(nodes)
            self.model.exists |= bool(nodes)
            self.t.put_nodes(nodes)

        @precondition(lambda self: self.open is not None)
        @rule(policy=NAMES, change=NUMBERS)
        def cover(self, policy: str, change: int) -> None:
            self.model.covered[policy] = change
            self.model.exists = True
            self.t.cover(policy, change)

        @precondition(lambda self: self.open is not None)
        @rule(id=NAMES, binding=NAMES, principal=NAMES, state=NAMES, asked=NUMBERS, text=TEXTS)
        def put_approval(self, id, binding, principal, state, asked, text) -> None:  # type: ignore[no-untyped-def]
            given = StoredApproval(id, binding, principal, "s", state, asked, 9, text)
            self.model.approvals[id] = given
            self.model.exists = True
            self.t.put_approval(given)

        @precondition(lambda self: self.open is not None)
        @rule(kind=KINDS, id=KINDS, text=st.none() | TEXTS)
        def put_document(self, kind: str, id: str, text: str | None) -> None:
            self.model.exists = True
            if text is None:
                self.model.documents.pop((kind, id), None)
                self.t.drop_document(kind, id)
            else:
                self.model.documents[kind, id] = text
                self.t.put_document(kind, id, text)

        @precondition(lambda self: self.open is not None)
        @rule(kind=KINDS, id=KINDS, most=NUMBERS)
        def read_documents(self, kind: str, id: str, most: int) -> None:
            known = self.model.documents
            assert self.t.document(kind, id) == known.get((kind, id))
            below = sorted(
                ((i, text) for (k, i), text in known.items() if k == kind and i < id), reverse=True
            )
            assert list(self.t.documents(kind, id, most)) == below[:most]

        @precondition(lambda self: self.open is not None)
        @rule(hash=NAMES, name=NAMES, made=NUMBERS, ends=st.none() | NUMBERS, text=TEXTS)
        def put_key(self, hash, name, made, ends, text) -> None:  # type: ignore[no-untyped-def]
            given = StoredKey(self.hashed(hash), name, made, ends, text)
            self.model.keys[given.hash] = given
            self.model.exists = True
            self.t.put_key(given)

        @precondition(lambda self: self.open is not None)
        @rule(hash=NAMES)
        def drop_key(self, hash: str) -> None:
            self.model.keys.pop(self.hashed(hash), None)
            self.model.exists = True
            self.t.drop_key(self.hashed(hash))

        def hashed(self, name: str) -> str:
            return f"{self.prefix}{self.tenant} {name}"

        @precondition(lambda self: self.open is not None)
        @rule(count=NUMBERS, text=TEXTS)
        def append_audit(self, count: int, text: str) -> None:
            first = self.model.head.audit_seq + 1
            entries = [AuditEntry(first + n, f"{first + n}", text) for n in range(count)]
            self.model.audit += entries
            self.set_counters(audit_seq=first + count - 1)
            self.t.append_audit(entries)

        # reading

        @precondition(lambda self: self.open is not None)
        @rule(principal=NAMES, call_id=NAMES, seq=NUMBERS, number=st.integers(0, 40), most=NUMBERS)
        def read_calls(self, principal, call_id, seq, number, most) -> None:  # type: ignore[no-untyped-def]
            calls = self.model.calls.values()
            by_id = [c for c in calls if (c.principal, c.call_id) == (principal, call_id)]
            assert self.t.call_by_id(principal, "s", call_id) == next(iter(by_id), None)
            assert self.t.call_by_nonce(f"nonce {seq}") == self.model.calls.get(seq)
            changed = sorted((c for c in calls if c.change > number), key=lambda c: c.change)
            assert list(self.t.calls_changed_after(number, most)) == changed[:most]
            due = [c for c in calls if c.state == "reserved" and c.expires <= seq]
            due.sort(key=lambda c: (c.expires, c.seq))
            assert list(self.t.calls_due(seq, most)) == due[:most]

        @precondition(lambda self: self.open is not None)
        @rule(pot=NAMES, number=NUMBERS, at=st.integers(0, 40), most=NUMBERS)
        def read_leaves(self, pot: str, number: int, at: int, most: int) -> None:
            known = self.model.pot(pot)
            assert self.t.leaves_until(pot, at) == sum(leaf.at <= at for leaf in known)
            assert list(self.t.leaves(pot, number, most)) == known[number:][:most]
            of_call = [leaf for _, leaf in sorted(self.model.leaves.items()) if leaf.seq == number]
            assert list(self.t.leaves_of(number)) == of_call

        @precondition(lambda self: self.open is not None)
        @rule(ranges=st.lists(st.tuples(NAMES, st.integers(1, 2), NUMBERS, NUMBERS), max_size=5))
        def read_nodes(self, ranges: list[tuple[str, int, int, int]]) -> None:
            assert self.t.nodes(ranges) == {
                (pot, level, slot): text
                for (pot, level, slot), text in self.model.nodes.items()
                if any(
                    (pot, level) == asked[:2] and asked[2] <= slot <= asked[3] for asked in ranges
                )
            }

        @precondition(lambda self: self.open is not None)
        @rule(name=NAMES, state=NAMES, principal=NAMES, most=NUMBERS)
        def read_approvals(self, name: str, state: str, principal: str, most: int) -> None:
            known = self.model.approvals
            assert self.t.approval(name) == known.get(name)
            newest = sorted(known.values(), key=lambda a: (a.asked, a.id), reverse=True)
            assert list(self.t.approvals_for(name)) == [a for a in newest if a.binding == name]
            in_state = [known[id] for id in sorted(known) if known[id].state == state]
            after = [a for a in in_state if a.id > name]
            assert list(self.t.approvals(state, name, most)) == after[:most]
            counted = sum(a.principal == principal for a in in_state)
            assert self.t.count_approvals(principal, "s", state) == counted

        @precondition(lambda self: self.open is not None)
        @rule(policy=NAMES)
        def read_the_rest(self, policy: str) -> None:
            assert self.t.head() == self.model.head
            keys = sorted(self.model.keys.values(), key=lambda k: (k.name, k.made, k.hash))
            assert list(self.t.api_keys()) == keys
            assert self.t.coverage(policy) == self.model.covered.get(policy, 0)

        @precondition(lambda self: self.open is None)
        @rule(after=NUMBERS, most=NUMBERS)
        def read_from_outside(self, after: int, most: int) -> None:
            for tenant, model in self.committed.items():
                rest = [entry for entry in model.audit if entry.seq > after]
                assert list(self.store.audit(self.prefix + tenant, after, most)) == rest[:most]
            heads = self.store.heads()
            for tenant, model in self.committed.items():
                assert heads.get(self.prefix + tenant, Head()) == model.head
            ours = [name for name in self.store.tenants() if name.startswith(self.prefix)]
            there = [t for t, model in self.committed.items() if model.exists]
            assert ours == [self.prefix + tenant for tenant in there]

        def teardown(self) -> None:
            if self.block is not None:
                self.roll_back()
            self.store.close()

    return Machine


def test_the_store_does_what_the_dictionaries_do(url: str) -> None:
    run_state_machine_as_test(
        machine(url), settings=settings(max_examples=examples(10, most=20), stateful_step_count=25)
    )
