"""What a guard lets go of, where its store lives in memory, so that a long life does not fill it.

A store that is durable keeps every call: a later policy may ask for it. One in memory keeps what
the guard's own policy can still ask for. Each transaction looks at a few of the rows, and lets go
of those that are over: calls that ended and whose ticket is no good any more, what a window has
left behind, approvals of long ago. The sums of limits and folds without a window stay, and their
calls go. So what is kept grows with the calls inside of windows and with the keys by which calls
are counted, not with the calls.

Nothing is forgiven by it. A policy that comes later and asks for calls that are not kept any more
finds them unknown; the id of a call that was made is known for a day after its ticket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from licet.compiler.clock import Clock
from licet.compiler.history import Window

from .history import ForgetfulTransaction, StoredCall
from .history.pots import period_end, unknown_call
from .history.summaries import TOP, Summary, append, drop, leaf_parts, trim

if TYPE_CHECKING:
    from .remembering import Memory, Sitting

#: The latest calls are kept in any case, so that a policy that is mended counts them.
KEPT = 10_000
#: Rows that one transaction looks at, at most, beside four for each change since the last one did.
MOST = 64
#: For so long after its ticket a call's id stays known, a call that nobody settles stays open, and
#: an approval that is over can be seen (microseconds).
DAY = 86_400_000_000
#: Where it is kept up to which change rows were looked at.
_LOOKED = "looked at"


def is_over(window: Window, last: int, at: int, clock: Clock) -> bool:
    """Whether no decision from the instant `at` on reads what a window holds up to `last`."""
    if window.microseconds is not None:
        return last + window.microseconds <= at
    return (
        window.calendar is not None and last < at and period_end(window.calendar, last, clock) <= at
    )


def forget(memory: Memory, sitting: Sitting, counted_to: int) -> None:
    """Let go of what is over, of a few rows. `counted_to`: up to which change the policy's pots
    hold all calls."""
    tx = cast(ForgetfulTransaction, sitting.tx)
    changes = sitting.head.change - tx.coverage(_LOOKED)
    if not changes:
        return
    tx.cover(_LOOKED, sitting.head.change)

    def call() -> bool:
        return any(
            _is_done(memory, sitting, call, counted_to)
            and _forget_call(memory, sitting, tx, call, counted_to)
            for call in tx.some_calls(1)
        )

    def pot() -> bool:
        return any(_forget_in(memory, sitting, tx, pot) for pot in tx.some_pots(1))

    def approval() -> bool:
        for approval in tx.some_approvals(1):
            if approval.expires + DAY <= sitting.now:
                tx.forget_approval(approval.id)
                return True
        return False

    for look in (call, pot, approval):
        _look(look, changes)


def _look(look: Callable[[], bool], changes: int) -> None:
    """Look at a row for each change, and at two more for each that was over: so there are never
    many more of those than of others."""
    left, seen = changes, 0
    while left and seen < MOST + 4 * changes:
        left += 1 if look() else -1
        seen += 1


def _is_done(memory: Memory, sitting: Sitting, call: StoredCall, counted_to: int) -> bool:
    """Whether a call has been counted, and nothing can happen to it any more."""
    if call.seq > sitting.head.seq - KEPT or (memory.indices and call.change > counted_to):
        return False
    match call.state:
        case "reserved":
            return False  # it is given back first
        case "redeemed" if not memory.is_committed(call):
            return call.expires + DAY <= sitting.now
        case _:
            return call.expires <= sitting.now


def _forget_call(
    memory: Memory, sitting: Sitting, tx: ForgetfulTransaction, call: StoredCall, counted_to: int
) -> bool:
    # a call that was given back has left its id to others
    own = call.call_id != call.nonce and call.state != "cancelled"
    but_id = own and sitting.now < call.expires + DAY
    if but_id and not call.record:
        return False
    for leaf in tx.leaves_of(call.seq):
        index = memory.indices.get(leaf.pot[:16])
        if index is not None and not index.is_tree and not leaf_parts(leaf)[1]:
            tx.forget_leaf(leaf.pot, leaf.slot)  # the pot's sum is all that is asked for
    tx.forget_call(call.seq, but_id=but_id)
    for pots in memory.indices:
        tx.cover(pots, counted_to)
    return True


def _forget_in(memory: Memory, sitting: Sitting, tx: ForgetfulTransaction, pot: str) -> bool:
    """Forget what of a pot no decision can read any more; whether that was all of it."""
    index = memory.indices.get(pot[:16])
    if index is None:  # of another policy, which may become active again
        return False
    window, at = index.window, sitting.head.at
    text = tx.nodes([(pot, TOP, 0, 0)]).get((pot, TOP, 0))
    if text is None or is_over(window, Summary.read(text).last, at, memory.clock):
        drop(tx, pot)
        return True
    if window.microseconds is not None:
        trim(tx, pot, tx.leaves_until(pot, at - window.microseconds))
    return False


def mark_forgotten(memory: Memory, sitting: Sitting, counted_to: int) -> None:
    """Let what is forgotten be unknown to those of the policy's indices that had not counted it.

    `counted_to`: up to which change the policy itself had counted.
    """
    tx = cast(ForgetfulTransaction, sitting.tx)
    for pots, index in memory.indices.items():
        missed = [found for tool in index.plans if (found := tx.forgotten(tool)) is not None]
        change = max((change for change, _ in missed), default=0)
        if change > max(counted_to, tx.coverage(pots)):
            latest = max(at for _, at in missed)
            append(tx, 0, [unknown_call(index, latest, memory.clock)])
            tx.cover(pots, change)
