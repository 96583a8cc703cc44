"""What calls come to: summaries that add up, and trees of them that a store keeps.

A pot is a row of leaves, one for each call that counts, in the order in which they came to count.
Its top holds the summary of all of them. A pot that is asked for its latest calls only (a rolling
window), or for its least or greatest, has nodes between, each the summary of up to `FAN` below it,
so that any end of the row is the sum of a few nodes, however long the row is. There are as many
levels of them as the row needs to come to one node.

A call that counts only once it is settled comes late: its leaf stands behind those of younger
calls. So every summary knows its earliest call, and one that reaches out of a window is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import cast

from .store import ForgetfulTransaction, Leaf, NodeRange, Transaction

Number = int | Fraction
Key = tuple[str, int, int]

FAN = 16
#: The level of a pot's top, above all others.
TOP = 99
#: Levels of a tree, enough for FAN ** LEVELS leaves: more than anybody has calls.
LEVELS = 8
#: Leaves that are forgotten at a time.
TRIMMED = 32


@dataclass(frozen=True, slots=True)
class Summary:
    """Of some calls: how many, their sum, their least and greatest value, of how many the value is
    not known, the instant of the earliest.

    `slots` counts the leaves, those that add nothing any more included; `last` is the greatest
    `Leaf.at` among them.
    """

    count: int = 0
    total: Number = 0
    unknown: int = 0
    low: Number | None = None
    high: Number | None = None
    first: int | None = None
    slots: int = 0
    last: int = 0

    @staticmethod
    def of(value: Number | None, at: int) -> Summary:
        """One call; None: its value is not known."""
        if value is None:
            return Summary(1, 0, 1, None, None, at, 1, at)
        return Summary(1, value, 0, value, value, at, 1, at)

    @staticmethod
    def sum(parts: Sequence[Summary]) -> Summary:
        """What all of them come to."""
        if len(parts) == 1:
            return parts[0]
        if len(parts) == 2:
            return parts[0]._and(parts[1])
        return Summary(
            sum(p.count for p in parts),
            _total(p.total for p in parts),
            sum(p.unknown for p in parts),
            _end(min, (p.low for p in parts)),
            _end(max, (p.high for p in parts)),
            min((p.first for p in parts if p.first is not None), default=None),
            sum(p.slots for p in parts),
            max((p.last for p in parts), default=0),
        )

    def _and(self, other: Summary) -> Summary:
        """What two come to, which is asked for most."""
        total = self.total + other.total
        return Summary(
            self.count + other.count,
            total.numerator if total.denominator == 1 else total,
            self.unknown + other.unknown,
            _least(self.low, other.low),
            _greatest(self.high, other.high),
            cast("int | None", _least(self.first, other.first)),
            self.slots + other.slots,
            max(self.last, other.last),
        )

    def instead(self, old: Summary, new: Summary) -> Summary:
        """With one part replaced; its ends have to be found anew."""
        return replace(
            self,
            count=self.count - old.count + new.count,
            total=self.total - old.total + new.total,
            unknown=self.unknown - old.unknown + new.unknown,
        )

    def text(self) -> str:
        fields = (
            self.count, self.total, self.unknown, self.low, self.high, self.first, self.slots,
            self.last,
        )  # fmt: skip
        return ";".join("" if n is None else str(n) for n in fields)

    @staticmethod
    def read(text: str) -> Summary:
        return _read(text)


@lru_cache(maxsize=16_384)
def _read(text: str) -> Summary:
    """Most nodes are what they were at the check before."""
    count, total, unknown, low, high, first, slots, last = text.split(";")
    return Summary(
        int(count),
        _number(total),
        int(unknown),
        _number(low) if low else None,
        _number(high) if high else None,
        int(first) if first else None,
        int(slots),
        int(last),
    )


EMPTY = Summary()


def _least(one: Number | None, other: Number | None) -> Number | None:
    if one is None or other is None:
        return other if one is None else one
    return one if one <= other else other


def _greatest(one: Number | None, other: Number | None) -> Number | None:
    if one is None or other is None:
        return other if one is None else one
    return one if one >= other else other


def _total(numbers: Iterable[Number]) -> Number:
    """Their sum. Amounts are mostly of one denominator, and integers add faster than fractions."""
    found: dict[int, int] = {}
    for number in numbers:
        denominator = number.denominator
        found[denominator] = found.get(denominator, 0) + number.numerator
    whole = found.pop(1, 0)
    return _plain(sum((Fraction(n, d) for d, n in found.items()), Fraction(whole)))


def _end(choose: Callable[[int, int], int], numbers: Iterable[Number | None]) -> Number | None:
    """The least or greatest of those that are known, compared as integers where they can be."""
    found: dict[int, int] = {}
    for number in numbers:
        if number is not None:
            denominator, numerator = number.denominator, number.numerator
            best = found.get(denominator)
            found[denominator] = numerator if best is None else choose(best, numerator)
    if not found:
        return None
    ends = [Fraction(n, d) for d, n in found.items()]
    return _plain(min(ends) if choose is min else max(ends))


def _plain(number: Fraction) -> Number:
    return number.numerator if number.denominator == 1 else number


def _number(text: str) -> Number:
    return Fraction(text) if "/" in text else int(text)


def leaf_text(summary: Summary, payload: str = "") -> str:
    return f"{summary.text()}|{payload}"


def leaf_parts(leaf: Leaf) -> tuple[Summary, str]:
    """A leaf's summary and what else it keeps; one that adds nothing any more keeps its slot."""
    if not leaf.text:
        return Summary(slots=1, last=leaf.at), ""
    summary, _, payload = leaf.text.partition("|")
    return Summary.read(summary), payload


# --- writing -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Addition:
    """What a call adds to a pot. `tree`: the pot has nodes between its leaves and its top."""

    pot: str
    tree: bool
    summary: Summary
    payload: str = ""


def append(tx: Transaction, seq: int, additions: Sequence[Addition]) -> None:
    """Let a call count in pots in which it did not."""
    if not additions:
        return
    tops = _tops(tx, [a.pot for a in additions])
    ranges: list[NodeRange] = []
    for addition in additions:
        if addition.tree:
            slot = tops.get(addition.pot, EMPTY).slots
            ranges += [(addition.pot, level, above, above) for level, above in _above(slot, slot)]
    known = tx.nodes(ranges) if ranges else {}
    nodes: dict[Key, str] = {}
    leaves: list[Leaf] = []
    for addition in additions:
        pot = addition.pot
        top = tops.get(pot, EMPTY)
        at = max(top.last, addition.summary.last)
        added = addition.summary
        if added.last != at:
            added = replace(added, last=at)
        leaves.append(Leaf(pot, top.slots, at, seq, leaf_text(added, addition.payload)))
        tops[pot] = Summary.sum((top, added))
        nodes[pot, TOP, 0] = tops[pot].text()
        for level, above in _above(top.slots, top.slots) if addition.tree else ():
            text = known.get((pot, level, above))
            # the first node of a new level stands above all that there was
            below = Summary.read(text) if text else EMPTY if above else top
            nodes[pot, level, above] = Summary.sum((below, added)).text()
    tx.put_leaves(leaves)
    tx.put_nodes(nodes)


def amend(tx: Transaction, leaf: Leaf, addition: Addition | None, *, tree: bool) -> None:
    """Let a call add something else to a pot than before; None: nothing any more."""
    old, _ = leaf_parts(leaf)
    new = Summary(slots=1, last=leaf.at)
    text = ""
    if addition is not None:
        new = replace(addition.summary, last=leaf.at)
        text = leaf_text(new, addition.payload)
    if text == leaf.text:
        return
    tx.put_leaves([replace(leaf, text=text)])
    path = list(_above(leaf.slot, FAN**LEVELS)) if tree else []
    wanted = [(leaf.pot, level, slot, slot) for level, slot in path]
    known = tx.nodes([*wanted, (leaf.pot, TOP, 0, 0)])
    path = [(level, slot) for level, slot in path if (leaf.pot, level, slot) in known]
    nodes = {key: Summary.read(text).instead(old, new) for key, text in known.items()}
    if tree:
        _find_ends(tx, leaf.pot, path, nodes)
    tx.put_nodes({key: node.text() for key, node in nodes.items()})


def _find_ends(
    tx: Transaction, pot: str, path: Sequence[tuple[int, int]], nodes: dict[Key, Summary]
) -> None:
    """The ends of the nodes on the way from a changed leaf to the top, found from below."""
    ranges: list[NodeRange] = [
        (pot, level - 1, slot * FAN, slot * FAN + FAN - 1) for level, slot in path if level > 1
    ]
    below = {key: Summary.read(text) for key, text in tx.nodes(ranges).items()}
    parts = [leaf_parts(leaf)[0] for leaf in tx.leaves(pot, path[0][1] * FAN, FAN)]
    for level, slot in path:
        if level > 1:
            keys = [(pot, level - 1, s) for s in range(slot * FAN, slot * FAN + FAN)]
            parts = [nodes.get(k) or below[k] for k in keys if k in nodes or k in below]
        ends = Summary.sum(parts)
        nodes[pot, level, slot] = _with_ends(nodes[pot, level, slot], ends)
    nodes[pot, TOP, 0] = _with_ends(nodes[pot, TOP, 0], ends)


def _with_ends(node: Summary, ends: Summary) -> Summary:
    # Where leaves were forgotten, the node still adds them up: it has to be opened, as before.
    first = ends.first if ends.slots == node.slots else node.first
    return replace(node, low=ends.low, high=ends.high, first=first)


def _above(slot: int, last: int) -> Iterator[tuple[int, int]]:
    """The nodes above a leaf, (level, slot), up to the one that is above the last leaf too."""
    for level in range(1, LEVELS + 1):
        slot, last = slot // FAN, last // FAN
        yield level, slot
        if last == 0:
            break


# --- forgetting ----------------------------------------------------------------------------------


def trim(tx: ForgetfulTransaction, pot: str, until: int) -> bool:
    """Forget leaves before slot `until`, which no window reaches any more, and the nodes that stand
    above nothing else; some at a time. Whether some are left."""
    first = tx.first_leaf(pot)
    end = min(until, first + TRIMMED)
    if end > first:
        tx.forget_leaves(pot, end)
        tx.forget_nodes(
            (pot, level, slot)
            for level in range(1, LEVELS + 1)
            for slot in range(first // FAN**level, end // FAN**level)
        )
    return end < until


def drop(tx: ForgetfulTransaction, pot: str, slots: int) -> None:
    """Forget a pot of so many slots, that has no leaves any more and that nobody asks for."""
    tx.forget_nodes([(pot, TOP, 0), *((pot, *node) for node in _above(slots, slots))])
    tx.forget_pot(pot)


# --- reading -------------------------------------------------------------------------------------


def _tops(tx: Transaction, pots: Sequence[str]) -> dict[str, Summary]:
    found = tx.nodes([(pot, TOP, 0, 0) for pot in dict.fromkeys(pots)]) if pots else {}
    return {pot: Summary.read(text) for (pot, _, _), text in found.items()}


def totals(tx: Transaction, whole: Sequence[str], since: Mapping[str, int]) -> dict[str, Summary]:
    """The summaries of some pots: of whole ones, and of the calls later than `since[pot]`."""
    tops = _tops(tx, [*whole, *since])
    found = {pot: [tops.get(pot, EMPTY)] for pot in whole}
    ranges: list[NodeRange] = []
    for pot, instant in since.items():
        top = tops.get(pot, EMPTY)
        if top.first is None or top.first > instant:
            found[pot] = [top]
            continue
        start = tx.leaves_until(pot, instant)
        found[pot] = _leaves(tx, pot, start, -start % FAN, instant)
        ranges += _nodes_from(pot, start, top.slots)
    while ranges:
        opened: list[NodeRange] = []
        for (pot, level, slot), text in tx.nodes(ranges).items():
            node = Summary.read(text)
            if node.first is None or node.first > since[pot]:
                found[pot].append(node)
            elif level > 1:
                opened.append((pot, level - 1, slot * FAN, slot * FAN + FAN - 1))
            else:
                found[pot] += _leaves(tx, pot, slot * FAN, FAN, since[pot])
        ranges = opened
    return {pot: Summary.sum(parts) for pot, parts in found.items()}


def _leaves(tx: Transaction, pot: str, first: int, most: int, since: int) -> list[Summary]:
    """The calls among some leaves that are later than `since`."""
    parts = [leaf_parts(leaf)[0] for leaf in tx.leaves(pot, first, most)] if most else []
    return [part for part in parts if part.first is not None and part.first > since]


def _nodes_from(pot: str, start: int, slots: int) -> list[NodeRange]:
    """The nodes that hold the leaves from slot `start`, rounded up to a whole node, to the end."""
    ranges: list[NodeRange] = []
    first, last = -(-start // FAN), (slots - 1) // FAN
    for level in range(1, LEVELS + 1):
        if first > last:
            break
        # at the level that comes to one node, that is all there is
        edge = last if last == 0 else min(-(-first // FAN) * FAN - 1, last)
        if edge >= first:
            ranges.append((pot, level, first, edge))
        first, last = edge // FAN + 1, last // FAN
    return ranges
