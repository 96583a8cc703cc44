"""What a guard lets go of, where its store lives in memory, so that a long life does not fill it.

A store that is durable keeps every call: a later policy may ask for it. One in memory keeps what
the guard's own policy can still ask for. Every few changes a transaction looks at some rows, and
lets go of those that are over: calls that ended and whose ticket is no good any more, what a window
has left behind, approvals of long ago. The sums of limits and folds without a window stay, and
their calls go. So what is kept grows with the calls inside of windows and with the keys by which
calls are counted, not with the calls.

Nothing is forgiven by it. A policy that comes later and asks for calls that are not kept any more
finds them unknown; the id of a call that was made is known for a day after its ticket.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from licet.compiler.clock import Clock, clock
from licet.compiler.history import Window

from .history import ForgetfulTransaction, StoredApproval, StoredCall
from .history.counting import unknown_call
from .history.summaries import EMPTY, TOP, Summary, append, drop, leaf_parts, trim
from .history.windows import left_behind
from .records import record_of

if TYPE_CHECKING:
    from .remembering import Memory
    from .sitting import Sitting

Row = TypeVar("Row")

#: The latest calls are kept in any case, so that a policy that is mended counts them.
KEPT = 10_000
#: Rows of each kind that one transaction looks at, at most, beside four for each change since the
#: last one did, and so many of these changes.
MOST = 8
CHANGES = 200
#: Changes that are waited for, so that most transactions look at nothing.
AT_ONCE = 16
#: For so long after its ticket a call's id stays known, a call that nobody settles stays open, and
#: an approval that is over can be seen (microseconds).
DAY = 86_400_000_000
#: Where it is kept up to which change rows were looked at.
_LOOKED = "looked at"
#: The kind of the documents that say of pots, by what their names begin with, what window they are
#: read in: those of a policy that is active no more are let go of by another's guard.
_WINDOW = "window"


def forget(memory: Memory, sitting: Sitting, counted_to: int) -> None:
    """Every few changes, let go of what is over of a few rows. `counted_to`: up to which change the
    policy's pots hold all calls."""
    tx: ForgetfulTransaction = sitting.tx  # type: ignore[assignment]  # memory.forgetting says so
    change = tx.head().change
    changes = min(change - tx.coverage(_LOOKED), CHANGES)
    if changes < AT_ONCE:
        return
    tx.cover(_LOOKED, change)
    sweep = _Sweep(memory, sitting, tx, counted_to)
    if _look(tx.some_calls, sweep.call, changes):
        for pots in memory.indices:
            tx.cover(pots, counted_to)
    _look(tx.some_pots, sweep.pot, changes)
    _look(tx.some_approvals, sweep.approval, changes)


def _look(some: Callable[[int], Sequence[Row]], look: Callable[[Row], bool], changes: int) -> bool:
    """Look at a row for each change, and at two more for each that was over: so there are never
    many more of those than of others. Whether any was."""
    left, seen, found = changes, 0, False
    while left > 0 and seen < MOST + 4 * changes:
        asked = min(left, MOST + 4 * changes - seen)
        rows = some(asked)
        over = sum(map(look, rows))
        if not over and len(rows) < asked:
            break  # there are no more
        found = found or over > 0
        left += 2 * over - len(rows)
        seen += len(rows)
    return found


class _Sweep:
    """One look at a row of each kind, in turns; whether something of it was forgotten."""

    def __init__(
        self, memory: Memory, sitting: Sitting, tx: ForgetfulTransaction, counted_to: int
    ) -> None:
        self._memory = memory
        self._tx = tx
        self._now = sitting.now
        head = tx.head()
        #: No decision will be made for an earlier instant.
        self._at = head.at
        #: By what their names begin with, up to which instant pots are read no more, if there is
        #: one, and whether they are of a rolling window.
        self._edges: dict[str, tuple[int | None, bool]] = {}
        for pots, index in memory.indices.items():
            if tx.document(_WINDOW, pots) is None:
                tx.put_document(_WINDOW, pots, _window_text(index.window, memory.clock))
        self._kept_from = head.seq - KEPT
        self._counted_to = counted_to if memory.indices else head.change

    def call(self, call: StoredCall) -> bool:
        return self._is_done(call) and self._forget_call(call)

    def _is_done(self, call: StoredCall) -> bool:
        """Whether a call has been counted, and nothing can happen to it any more."""
        if call.seq > self._kept_from or call.change > self._counted_to:
            return False
        match call.state:
            case "reserved":
                return False  # it is given back first
            case "redeemed" if not record_of(call).committed:
                return call.expires + DAY <= self._now
            case _:
                return call.expires <= self._now

    def _forget_call(self, call: StoredCall) -> bool:
        # a call that was given back has left its id to others
        own = call.call_id != call.nonce and call.state != "cancelled"
        but_id = own and self._now < call.expires + DAY
        if but_id and not call.record:
            return False
        for leaf in self._tx.leaves_of(call.seq):
            index = self._memory.indices.get(leaf.pot[:16])
            if index is not None and not index.is_tree and not leaf_parts(leaf)[1]:
                self._tx.forget_leaf(leaf.pot, leaf.slot)  # the pot's sum is all that is asked for
        self._tx.forget_call(call.seq, but_id=but_id)
        return True

    def pot(self, pot: str) -> bool:
        edge, rolling = self._edge(pot[:16])
        return edge is not None and self._forget_in(pot, edge, rolling)

    def _edge(self, pots: str) -> tuple[int | None, bool]:
        found = self._edges.get(pots)
        if found is None:
            text = self._tx.document(_WINDOW, pots)
            found = None, False  # nobody said: it may be read as a whole
            if text is not None:
                window, zone = _window_of(text)
                found = left_behind(window, self._at, zone), window.microseconds is not None
            self._edges[pots] = found
        return found

    def _forget_in(self, pot: str, edge: int, rolling: bool) -> bool:
        text = self._tx.nodes([(pot, TOP, 0, 0)]).get((pot, TOP, 0))
        top = EMPTY if text is None else Summary.read(text)
        if top.last <= edge:
            if not trim(self._tx, pot, top.slots):
                drop(self._tx, pot, top.slots)
            return True
        return rolling and trim(self._tx, pot, self._tx.leaves_until(pot, edge))

    def approval(self, approval: StoredApproval) -> bool:
        over = approval.expires + DAY <= self._now
        if over:
            self._tx.forget_approval(approval.id)
        return over


def _window_text(window: Window, zone: Clock) -> str:
    return json.dumps([window.microseconds, window.calendar, zone.zone])


def _window_of(text: str) -> tuple[Window, Clock]:
    microseconds, calendar, zone = json.loads(text)
    return Window(microseconds, calendar), clock(zone)


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
