"""A policy that remembers much, and stores filled with calls that it would have recorded.

The rows are made from those that a real check leaves, and written by the store's own protocol, many
in one transaction: a million checks would take hours.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from licet import Guard
from licet.verifier import forgetting
from licet.verifier.history import Leaf, Store, StoredCall
from licet.verifier.history.summaries import (
    FAN,
    TOP,
    Summary,
    leaf_parts,
    leaf_text,
)
from support.desk_memory import ClockedStore

#: Three limits and two rules about what came before, all of them on `refund`.
POLICY = """
enum Role { support, manager }
principal { id: String, role: Role }
tool verify(user: String) -> { ok: Bool }
tool refund(user: String, amount: Decimal in 0 .. 1_000 step 0.01)
permit verifies on verify
permit refunds on refund when principal.role == support
forbid unverified on refund
  unless any(c in calls(verify, within 30min): c.outcome == ok and c.args.user == args.user)
forbid hasty on refund
  when count(c in calls(refund, per principal.id, within 1min): c.args.user == args.user) > 9_999
limit day   on refund sum(args.amount) per principal.id within day <= 1_000_000_000
limit hour  on refund sum(args.amount) within 1h <= 1_000_000_000
limit month on refund sum(args.amount) per args.user within month <= 1_000_000_000
"""

AGENTS, DAYS = 100, 10
#: What a call adds to one pot: the pot, the summary, and what else is kept.
Part = tuple[str, Summary, str]
SECOND = 1_000_000
DAY = 86_400 * SECOND


def refund(agent: int, **more: object) -> dict[str, object]:
    """One call of `refund`, as a host passes it."""
    return {
        "tool": "refund",
        "args": {"user": f"user {agent % 50}", "amount": 12.5},
        "principal": {"id": f"agent {agent}", "role": "support"},
        "session": f"session {agent}",
        **more,
    }


def verify(guard: Guard, agent: int) -> None:
    """What has to come before a refund."""
    args = {"user": f"user {agent % 50}"}
    verdict = guard.check({**refund(agent), "tool": "verify", "args": args})
    with guard.redeem(verdict.ticket, args) as call:
        call.result = {"ok": True}


def fill(guard: Guard, policy: Path, store: Store, number: int) -> None:
    """Put so many refunds into an empty store that `guard` has been opened on."""
    pots: dict[str, list[tuple[Summary, int, str]]] = defaultdict(list)
    calls: list[StoredCall] = []
    last = 0
    for seq, (call, at, parts) in enumerate(_made(policy, number), 1):
        nonce = f"recorded {seq}"
        calls.append(call._replace(seq=seq, change=seq, call_id=nonce, nonce=nonce, at=at))
        for pot, one, payload in parts:
            pots[pot].append((Summary.of(one.total, at), seq, payload))
        last = at
        if len(calls) == 10_000:
            _put(store, calls)
            calls = []
    _put(store, calls)
    for pot, entries in pots.items():
        _plant(store, pot, entries)
    with store.begin(guard.tenant) as tx:
        tx.set_head(tx.head()._replace(seq=number, change=number, at=last))
        tx.cover(guard._memory.counting, number)
    if not store.durable:
        _forget(guard, store)


def _forget(guard: Guard, store: Store) -> None:
    """Let the guard forget what it would have by now, had the calls come one by one."""
    before = -1
    while before != (before := _kept(store)):
        for _ in range(200):
            with store.begin(guard.tenant) as tx:
                tx.cover(forgetting._LOOKED, 0)
            with guard._memory.sit(guard.tenant):
                pass


def _kept(store: Store) -> int:
    rows = store._tenants["default"]  # type: ignore[attr-defined]
    return len(rows.calls) + sum(pot.end - pot.base for pot in rows.pots.values())


def _made(policy: Path, number: int) -> Iterator[tuple[StoredCall, int, list[Part]]]:
    """Refunds in the order of their instants: ten days, the last hour of today as full as a day."""
    now = time.time_ns() // 1000
    today = now - now % DAY
    scratch = ClockedStore()
    with Guard.load(policy, store=scratch) as guard:
        for day in range(DAYS - 1, -1, -1):
            began, ended = today - day * DAY, today - (day - 1) * DAY - SECOND
            if day == 0:
                began, ended = max(today, now - 3_600 * SECOND), now - SECOND
            scratch.instant = ended
            examples = [_example(guard, scratch, agent) for agent in range(AGENTS)]
            count = number // DAYS
            for place in range(count):
                call, parts = examples[place % AGENTS]
                yield call, began + (ended - began) * place // count, parts


def _example(guard: Guard, store: Store, agent: int) -> tuple[StoredCall, list[Part]]:
    verify(guard, agent)
    verdict = guard.check(refund(agent), commit=True)
    assert verdict.allowed, verdict.message
    with store.begin(guard.tenant) as tx:
        [stored] = tx.calls_changed_after(tx.head().change - 1, 1)
        return stored, [(leaf.pot, *leaf_parts(leaf)) for leaf in tx.leaves_of(stored.seq)]


def _put(store: Store, calls: list[StoredCall]) -> None:
    with store.begin("default") as tx:
        for call in calls:
            tx.put_call(call)


def _plant(store: Store, pot: str, entries: list[tuple[Summary, int, str]]) -> None:
    """The leaves of one pot, and the tree above them."""
    level = [summary for summary, _, _ in entries]
    tree: dict[tuple[str, int, int], str] = {}
    height = 0
    while height == 0 or len(level) > 1:
        height += 1
        level = [Summary.sum(level[i : i + FAN]) for i in range(0, len(level), FAN)]
        tree |= {(pot, height, slot): node.text() for slot, node in enumerate(level)}
    tree[pot, TOP, 0] = Summary.sum(level).text()
    rows = [
        Leaf(pot, slot, summary.last, seq, leaf_text(summary, payload))
        for slot, (summary, seq, payload) in enumerate(entries)
    ]
    for start in range(0, len(rows), 20_000):
        with store.begin("default") as tx:
            tx.put_leaves(rows[start : start + 20_000])
    with store.begin("default") as tx:
        tx.put_nodes(tree)
