"""What `verifier.history.store` promises, held against every kind of store."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from licet.verifier.history import AuditEntry, Head, Store, StoreError, UnkeepableError
from support.store_rows import approval, call, head, key, leaf


def test_a_tenant_begins_with_an_empty_head(store: Store) -> None:
    with store.begin("acme") as t:
        assert (t.tenant, t.head()) == ("acme", Head())
        assert t.coverage("p") == 0
        assert t.calls_due(10**9, 10) == []
        assert t.nodes([("pot", 1, 0, 9)]) == {}
        assert t.nodes([]) == {}
    assert store.tenants() == []


def test_the_instant_is_now_and_stands_still(store: Store) -> None:
    before = time.time_ns() // 1000
    with store.begin("acme") as t:
        instant = t.instant
        time.sleep(0.002)
        assert t.instant == instant
    assert before <= instant <= time.time_ns() // 1000


def test_the_head_is_what_was_set(store: Store) -> None:
    with store.begin("acme") as t:
        t.set_head(head(1))
        assert t.head() == head(1)
    with store.begin("acme") as t:
        assert t.head() == head(1)
        t.set_head(head(2))
    with store.begin("acme") as t:
        assert t.head() == head(2)


def test_calls_are_found_by_what_identifies_them(store: Store) -> None:
    first, second = call(1), call(2, session="s2", call_id="call 1", result='"done"', state="ok")
    with store.begin("acme") as t:
        t.put_call(first)
        t.put_call(second)
        assert t.call_by_id("ann", "s1", "call 1") == first  # in the same transaction
    with store.begin("acme") as t:
        assert t.call_by_id("ann", "s1", "call 1") == first
        assert t.call_by_id("ann", "s2", "call 1") == second
        assert t.call_by_id("bob", "s1", "call 1") is None
        assert t.call_by_nonce("nonce 2") == second
        assert t.call_by_nonce("nonce 3") is None


def test_a_call_is_replaced_by_its_number(store: Store) -> None:
    with store.begin("acme") as t:
        t.put_call(call(1))
    settled = call(1, change=2, state="ok", result="{}")
    with store.begin("acme") as t:
        t.put_call(settled)
        assert t.call_by_id("ann", "s1", "call 1") == settled
    with store.begin("acme") as t:
        assert t.calls_changed_after(0, 10) == [settled]


def test_a_later_call_takes_the_place_of_an_earlier_one(store: Store) -> None:
    with store.begin("acme") as t:
        t.put_call(call(1, call_id="same"))
    with store.begin("acme") as t:
        t.put_call(call(2, call_id="same"))
        t.put_call(call(3, call_id="same"))
    with store.begin("acme") as t:
        assert t.call_by_id("ann", "s1", "same") == call(3, call_id="same")
        assert t.call_by_nonce("nonce 1") == call(1, call_id="nonce 1")
        assert t.call_by_nonce("nonce 2") == call(2, call_id="nonce 2")
        assert t.call_by_id("ann", "s1", "nonce 1") == call(1, call_id="nonce 1")


def test_changes_come_in_their_order(store: Store) -> None:
    calls = [call(1, change=5), call(2, change=3), call(3, change=4)]
    with store.begin("acme") as t:
        for one in calls:
            t.put_call(one)
        assert t.calls_changed_after(3, 10) == [calls[2], calls[0]]
        assert t.calls_changed_after(0, 2) == [calls[1], calls[2]]
        assert t.calls_changed_after(5, 10) == []


def test_only_reserved_calls_are_due(store: Store) -> None:
    with store.begin("acme") as t:
        t.put_call(call(1, expires=30))
        t.put_call(call(2, expires=10))
        t.put_call(call(3, expires=20, state="redeemed"))
        t.put_call(call(4, expires=31))
        assert t.calls_due(30, 10) == [call(2, expires=10), call(1, expires=30)]
        assert t.calls_due(30, 1) == [call(2, expires=10)]
        t.put_call(call(2, expires=10, change=9, state="cancelled"))
        assert t.calls_due(30, 10) == [call(1, expires=30)]


def test_coverage_is_kept_for_each_policy(store: Store) -> None:
    with store.begin("acme") as t:
        t.cover("p", 3)
        assert (t.coverage("p"), t.coverage("q")) == (3, 0)
    with store.begin("acme") as t:
        assert t.coverage("p") == 3
        t.cover("p", 4)
        t.cover("q", 1)
    with store.begin("acme") as t:
        assert (t.coverage("p"), t.coverage("q")) == (4, 1)


def test_leaves_are_counted_by_their_instants(store: Store) -> None:
    ats = [5, 5, 7, 7, 7, 9]
    with store.begin("acme") as t:
        t.put_leaves(leaf("pot", slot, at=at) for slot, at in enumerate(ats))
        t.put_leaves([leaf("pot 2", 0, at=6)])
        assert [t.leaves_until("pot", at) for at in range(4, 11)] == [0, 2, 2, 5, 5, 6, 6]
        assert t.leaves_until("none", 9) == 0


def test_leaves_come_by_slot_or_by_call(store: Store) -> None:
    a, b = [leaf("a", slot) for slot in range(12)], [leaf("b", slot) for slot in range(2)]
    with store.begin("acme") as t:
        t.put_leaves([*reversed(a), *b])
    with store.begin("acme") as t:
        assert t.leaves("a", 3, 7) == a[3:10]
        assert t.leaves("a", 12, 7) == []
        assert t.leaves_of(2) == [a[1], b[1]]
        emptied = a[1]._replace(text="")
        t.put_leaves([emptied])
        assert t.leaves_of(2) == [emptied, b[1]]
    with store.begin("acme") as t:
        assert t.leaves("a", 0, 2) == [a[0], emptied]


def test_nodes_come_by_ranges(store: Store) -> None:
    nodes = {
        (pot, level, slot): f"{pot}{level}{slot}"
        for pot in "ab"
        for level in (1, 2)
        for slot in range(5)
    }
    with store.begin("acme") as t:
        t.put_nodes(nodes)
        assert t.nodes([("a", 1, 1, 2), ("b", 2, 4, 9), ("c", 1, 0, 9), ("a", 1, 3, 2)]) == {
            key: nodes[key] for key in [("a", 1, 1), ("a", 1, 2), ("b", 2, 4)]
        }
        t.put_nodes({("a", 1, 1): "new", ("a", 1, 5): "more"})
    with store.begin("acme") as t:
        assert t.nodes([("a", 1, 0, 0), ("a", 1, 1, 1), ("a", 1, 5, 5)]) == {
            ("a", 1, 0): "a10",
            ("a", 1, 1): "new",
            ("a", 1, 5): "more",
        }


def test_more_ranges_than_a_statement_takes(store: Store) -> None:
    nodes = {(f"pot {n}", 1, n): str(n) for n in range(1_201)}
    with store.begin("acme") as t:
        t.put_nodes(nodes)
    with store.begin("acme") as t:
        assert t.nodes([(pot, level, slot, slot) for pot, level, slot in nodes]) == nodes


def test_approvals(store: Store) -> None:
    a, b, c = approval("a", asked=1), approval("b", asked=3), approval("c", asked=2, binding="x")
    with store.begin("acme") as t:
        for one in (c, a, b):
            t.put_approval(one)
        assert t.approvals_for("binding") == [b, a]
    with store.begin("acme") as t:
        assert (t.approval("b"), t.approval("d")) == (b, None)
        assert t.approvals("open", "", 2) == [a, b]
        assert t.approvals("open", "b", 2) == [c]
        assert t.count_approvals("ann", "s1", "open") == 3
        used = replace(a, state="used")
        t.put_approval(used)
        assert t.count_approvals("ann", "s1", "open") == 2
        assert t.approvals("used", "", 9) == [used]


def test_documents(store: Store) -> None:
    with store.begin("acme") as t:
        t.put_document("bundle", "b1", "one")
        assert t.document("bundle", "b1") == "one"
        t.drop_document("bundle", "b1")
        t.drop_document("bundle", "never")
        assert t.document("bundle", "b1") is None
        for id in ("b1", "b3", "b2"):
            t.put_document("bundle", id, f"text of {id}")
        t.put_document("other", "b1", "of another kind")
        t.put_document("bundle", "b2", "replaced")
    with store.begin("acme") as t:
        assert t.document("bundle", "b2") == "replaced"
        assert t.documents("bundle", "~", 2) == [("b3", "text of b3"), ("b2", "replaced")]
        assert t.documents("bundle", "b2", 9) == [("b1", "text of b1")]
        t.drop_document("bundle", "b3")
        assert [id for id, _ in t.documents("bundle", "~", 9)] == ["b2", "b1"]
    with store.begin("other") as t:
        assert t.document("bundle", "b1") is None
        assert t.documents("bundle", "~", 9) == []


def test_heads_are_read_apart(store: Store) -> None:
    with store.begin("acme") as t:
        t.set_head(head(1))
    with store.begin("bolt") as t:
        t.set_head(head(2))
    with suppress(ZeroDivisionError), store.begin("acme") as t:
        t.set_head(head(3))
        raise ZeroDivisionError
    assert store.heads() == {"acme": head(1), "bolt": head(2)}
    assert [store.head(name) for name in ("acme", "bolt", "none")] == [head(1), head(2), Head()]


def test_ids_are_ordered_by_their_code_points(store: Store) -> None:
    ids = ["", "B", "a", "é", "Ω", "\uffff", "😀"]
    with store.begin("acme") as t:
        for id in ids[1:]:
            t.put_approval(approval(id))
        assert [one.id for one in t.approvals("open", "", 99)] == ids[1:]
        assert [one.id for one in t.approvals("open", "é", 99)] == ids[4:]
    for name in reversed(ids[1:]):
        with store.begin(name) as t:
            t.set_head(head(1))
    assert store.tenants() == sorted([*ids[1:], "acme"])


def test_the_audit_is_read_apart(store: Store) -> None:
    entries = [AuditEntry(n, f"hash {n}", f'{{"n": {n}}}') for n in range(1, 6)]
    with store.begin("acme") as t:
        t.append_audit(entries[:2])
        t.append_audit(entries[2:3])
    with store.begin("acme") as t:
        t.append_audit(entries[3:])
    assert store.audit("acme", 0, 100) == entries
    assert store.audit("acme", 1, 2) == entries[1:3]
    assert store.audit("acme", 5, 100) == []
    assert store.audit("other", 0, 100) == []


def test_an_entry_of_the_audit_is_never_replaced(store: Store) -> None:
    with store.begin("acme") as t:
        t.append_audit([AuditEntry(1, "a", "a")])
    with pytest.raises(StoreError), store.begin("acme") as t:
        t.append_audit([AuditEntry(1, "b", "b")])
    assert store.audit("acme", 0, 9) == [AuditEntry(1, "a", "a")]


def test_a_nonce_belongs_to_one_call(store: Store) -> None:
    with store.begin("acme") as t:
        t.put_call(call(1))
    with pytest.raises(StoreError), store.begin("acme") as t:
        t.put_call(call(2, nonce="nonce 1"))
    with store.begin("acme") as t:
        assert t.calls_changed_after(0, 9) == [call(1)]


def put_everything(store: Store, tenant: str, n: int) -> None:
    with store.begin(tenant) as t:
        _put_everything(t, n)


def _put_everything(t, n: int) -> None:  # type: ignore[no-untyped-def]
    t.put_call(call(n, record=f"{t.tenant} {n}"))
    t.put_leaves([leaf("pot", n, text=f"{t.tenant} {n}")])
    t.put_nodes({("pot", 1, n): f"{t.tenant} {n}"})
    t.put_approval(approval(f"id {n}", document=f"{t.tenant} {n}"))
    t.append_audit([AuditEntry(n, f"{t.tenant} {n}", "{}")])
    t.cover("p", n)
    t.put_document("kind", f"id {n}", f"{t.tenant} {n}")
    t.set_head(head(n))


def everything(store: Store, tenant: str) -> tuple[object, ...]:
    with store.begin(tenant) as t:
        return (
            t.head(),
            list(t.calls_changed_after(0, 99)),
            t.call_by_id("ann", "s1", "call 1"),
            t.call_by_nonce("nonce 1"),
            list(t.calls_due(10**15, 99)),
            t.coverage("p"),
            list(t.leaves("pot", 0, 99)),
            list(t.leaves_of(2)),
            t.leaves_until("pot", 10**15),
            dict(t.nodes([("pot", 1, 0, 99)])),
            t.approval("id 1"),
            list(t.approvals("open", "", 99)),
            list(t.approvals_for("binding")),
            t.count_approvals("ann", "s1", "open"),
            t.document("kind", "id 1"),
            list(t.documents("kind", "~", 99)),
        )


def test_tenants_do_not_see_each_other(store: Store) -> None:
    empty = everything(store, "b")
    put_everything(store, "a", 1)
    of_a = everything(store, "a")
    assert everything(store, "b") == empty
    assert store.audit("b", 0, 9) == []
    put_everything(store, "b", 1)
    put_everything(store, "b", 2)
    assert everything(store, "a") == of_a
    assert store.audit("a", 0, 9) == [AuditEntry(1, "a 1", "{}")]
    assert store.tenants() == ["a", "b"]


class Stop(Exception):  # noqa: N818 - it is no error
    """Raised inside a transaction."""


@pytest.mark.parametrize("read_between", [False, True])
def test_an_exception_leaves_no_trace(store: Store, read_between: bool) -> None:
    def stopped() -> None:
        with store.begin("acme") as t:
            _put_everything(t, 2)
            if read_between:  # so that some of it was sent already
                t.leaves_of(2)
                t.call_by_nonce("x")
                t.nodes([("pot", 1, 0, 1)])
                t.approval("x")
            raise Stop

    put_everything(store, "acme", 1)
    before = everything(store, "acme")
    with pytest.raises(Stop):
        stopped()
    assert everything(store, "acme") == before
    assert store.audit("acme", 0, 9) == [AuditEntry(1, "acme 1", "{}")]


def test_a_tenant_that_was_rolled_back_never_was(store: Store) -> None:
    def stopped() -> None:
        with store.begin("acme") as t:
            _put_everything(t, 1)
            t.leaves_of(1)
            raise Stop

    with pytest.raises(Stop):
        stopped()
    assert store.tenants() == []


def test_a_failure_that_is_caught_inside_still_undoes_all(store: Store) -> None:
    def careless() -> None:
        with store.begin("acme") as t:
            t.cover("p", 7)
            with suppress(StoreError):  # a store may find it here, or when it commits
                t.put_call(call(2, nonce="nonce 1"))
                t.call_by_nonce("nonce 1")

    with store.begin("acme") as t:
        t.put_call(call(1))
    with pytest.raises(StoreError):
        careless()
    with store.begin("acme") as t:
        assert t.coverage("p") == 0


def test_a_transaction_is_alone_in_its_tenant(store: Store) -> None:
    """Read, wait, write: nothing is lost."""

    def add(_: int) -> None:
        with store.begin("acme") as t:
            seen = t.head().seq
            time.sleep(0.001)
            t.set_head(Head(seq=seen + 1))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(160)))
    with store.begin("acme") as t:
        assert t.head() == Head(seq=160)


def test_instants_follow_the_order_of_transactions(store: Store) -> None:
    seen: list[int] = []

    def look(_: int) -> None:
        with store.begin("acme") as t:
            seen.append(t.instant)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look, range(80)))
    assert seen == sorted(seen)


def test_a_secret_is_made_once(store: Store) -> None:
    made = [store.secret("signing", lambda: b"\x00first\xff") for _ in range(2)]
    assert made == [b"\x00first\xff"] * 2
    assert store.secret("other", lambda: b"2") == b"2"


def test_a_secret_is_the_same_for_all_who_race(store: Store) -> None:
    start = threading.Barrier(16)

    def ask(n: int) -> bytes:
        start.wait()
        return store.secret("signing", lambda: str(n).encode())

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(ask, range(16)))) == 1


def test_texts_are_opaque(store: Store) -> None:
    text = "'; DROP TABLE licet_calls; --\n\t\"%s %(x)s :tenant ?\\ \u202e😀"
    with store.begin(text) as t:
        t.put_call(call(1, call_id=text, nonce=text, record=text, result=text))
        t.put_leaves([leaf(text, 0, text=text), leaf(text, 1, text=text)])
        t.put_nodes({(text, 1, 0): text, (text, 1, 1): text})
        t.cover(text, 1)
        t.append_audit([AuditEntry(1, text, text)])
    with store.begin(text) as t:
        assert t.call_by_id("ann", "s1", text) == call(
            1, call_id=text, nonce=text, record=text, result=text
        )
        assert t.leaves(text, 0, 9) == [leaf(text, 0, text=text), leaf(text, 1, text=text)]
        assert t.nodes([(text, 1, 0, 9)]) == {(text, 1, 0): text, (text, 1, 1): text}
        assert t.coverage(text) == 1
    assert store.audit(text, 0, 9) == [AuditEntry(1, text, text)]
    assert store.tenants() == [text]


def test_a_text_that_is_no_text_is_not_kept(store: Store) -> None:
    with pytest.raises(UnkeepableError), store.begin("acme") as t:
        t.put_call(call(1, call_id="\ud800"))
    with pytest.raises(UnkeepableError), store.begin("\ud800") as t:
        t.set_head(head(1))
    assert store.tenants() == []


def test_large_numbers_and_texts(store: Store) -> None:
    most = 2**63 - 1
    with store.begin("acme") as t:
        t.set_head(Head(seq=most, at=most))
        t.put_call(call(most, record="é" * 1_000_000, at=0, expires=most))
        t.put_nodes({("pot", 1, most): "x"})
    with store.begin("acme") as t:
        assert t.head() == Head(seq=most, at=most)
        assert t.calls_due(most, 1) == [call(most, record="é" * 1_000_000, at=0, expires=most)]
        assert t.nodes([("pot", 1, 0, most)]) == {("pot", 1, most): "x"}


def test_a_closed_store_refuses(store: Store) -> None:
    put_everything(store, "acme", 1)
    store.close()
    store.close()
    with pytest.raises(StoreError), store.begin("acme"):
        pass


def test_keys_are_found_by_hash_and_listed_by_name(store: Store) -> None:
    old, new, other = key("h1", ends=9), key("h2", made=2), key("h0", name="batch")
    with store.begin("acme") as t:
        for each in (new, old, other):
            t.put_key(each)
        assert t.api_keys() == [other, old, new]  # in the same transaction
    with store.begin("zenith") as t:
        t.put_key(key("h9"))
    assert store.key("h2") == ("acme", new)
    assert store.key("h9") == ("zenith", key("h9"))
    assert store.key("h3") is None
    with store.begin("acme") as t:
        assert t.api_keys() == [other, old, new]
        t.put_key(replace(old, ends=5))
        t.drop_key("h2")
        t.drop_key("h9")  # another tenant's is out of reach
    assert store.key("h1") == ("acme", replace(old, ends=5))
    assert store.key("h2") is None
    assert store.key("h9") is not None
    with suppress(RuntimeError), store.begin("acme") as t:
        t.drop_key("h1")
        raise RuntimeError
    assert store.key("h1") is not None
