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

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple

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


class Summary(NamedTuple):
    """Of some calls: how many, their sum, their least and greatest value, of how many the value is
    not known, the instant of the earliest.

    `slots` counts the leaves, those that add nothing any more included; `last` is the greatest
    `Leaf.at` among them.

    Values are kept as whole numbers of 1/`per`, so that they are added and compared as integers:
    `units` the sum, `least` and `greatest` the ends. A tuple, since a check makes dozens.
    """

    calls: int = 0
    units: int = 0
    per: int = 1
    unknown: int = 0
    least: int | None = None
    greatest: int | None = None
    first: int | None = None
    slots: int = 0
    last: int = 0

    @staticmethod
    def of(value: Number | None, at: int) -> Summary:
        """One call; None: its value is not known."""
        if value is None:
            return Summary(1, 0, 1, 1, None, None, at, 1, at)
        units, per = value.numerator, value.denominator
        return Summary(1, units, per, 0, units, units, at, 1, at)

    @property
    def total(self) -> Number:
        return _number(self.units, self.per)

    @property
    def low(self) -> Number | None:
        return None if self.least is None else _number(self.least, self.per)

    @property
    def high(self) -> Number | None:
        return None if self.greatest is None else _number(self.greatest, self.per)

    def plus(self, one: Summary) -> Summary:
        """The same with one call more, whose leaf stands behind all of these."""
        if self.per != one.per:
            return Summary.sum((self, one))
        calls, units, per, unknown, least, greatest, first, slots, _ = self
        low, high, begin = one.least, one.greatest, one.first
        if least is None or (low is not None and low < least):
            least = low
        if greatest is None or (high is not None and high > greatest):
            greatest = high
        if first is None or (begin is not None and begin < first):
            first = begin
        return Summary(
            calls + one.calls,
            units + one.units,
            per,
            unknown + one.unknown,
            least,
            greatest,
            first,
            slots + one.slots,
            one.last,
        )

    @staticmethod
    def sum(parts: Sequence[Summary]) -> Summary:
        """What all of them come to."""
        if len(parts) == 1:
            return parts[0]
        parts, per = _alike(parts)
        count = units = unknown = slots = last = 0
        least: int | None = None
        greatest: int | None = None
        first: int | None = None
        for calls, sum_, _, open_, low, high, begin, places, end in parts:
            count += calls
            units += sum_
            unknown += open_
            slots += places
            if low is not None and (least is None or low < least):
                least = low
            if high is not None and (greatest is None or high > greatest):
                greatest = high
            if begin is not None and (first is None or begin < first):
                first = begin
            last = max(last, end)
        return Summary(count, units, per, unknown, least, greatest, first, slots, last)

    def instead(self, old: Summary, new: Summary) -> Summary:
        """With one part replaced; its ends have to be found anew."""
        (own, before, after), per = _alike((self, old, new))
        return own._replace(
            calls=own.calls - before.calls + after.calls,
            units=own.units - before.units + after.units,
            per=per,
            unknown=own.unknown - before.unknown + after.unknown,
        )

    def in_units_of(self, per: int) -> Summary:
        """The same, with its values as numbers of 1/`per`, a multiple of its own."""
        times = per // self.per
        return self._replace(
            units=self.units * times,
            per=per,
            least=None if self.least is None else self.least * times,
            greatest=None if self.greatest is None else self.greatest * times,
        )

    def text(self) -> str:
        count, units, per, unknown, least, greatest, first, slots, last = self
        over = "" if per == 1 else f"/{per}"
        low = "" if least is None else f"{least}{over}"
        high = "" if greatest is None else f"{greatest}{over}"
        begin = "" if first is None else first
        return f"{count};{units}{over};{unknown};{low};{high};{begin};{slots};{last}"

    @staticmethod
    def read(text: str) -> Summary:
        return _known.get(text) or _remember(text, _parsed(text))


#: What the texts of nodes say that were written or read lately: what one check writes the next one
#: reads, and most are what they were at the check before.
_known: dict[str, Summary] = {}
_MOST_KNOWN = 16_384


def _remember(text: str, summary: Summary) -> Summary:
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[text] = summary
    return summary


def _written(node: Summary) -> str:
    """The text of a node, which somebody reads soon."""
    text = node.text()
    _remember(text, node)
    return text


def _parsed(text: str) -> Summary:
    count, total, unknown, low, high, first, slots, last = text.split(";")
    (units, per), (least, under), (greatest, over) = map(_quotient, (total, low, high))
    if not per == under == over:
        common = lcm(per, under, over)
        units *= common // per
        least *= common // under
        greatest *= common // over
        per = common
    return Summary(
        int(count),
        units,
        per,
        int(unknown),
        least if low else None,
        greatest if high else None,
        int(first) if first else None,
        int(slots),
        int(last),
    )


EMPTY = Summary()


def _alike(parts: Sequence[Summary]) -> tuple[Sequence[Summary], int]:
    """The same with their values in units of one size, and that size."""
    per = parts[0].per if parts else 1
    for part in parts:
        if part.per != per:
            break
    else:
        return parts, per
    per = lcm(*[part.per for part in parts])
    return [part if part.per == per else part.in_units_of(per) for part in parts], per


def _number(units: int, per: int) -> Number:
    whole, rest = divmod(units, per)
    return Fraction(units, per) if rest else whole


def _quotient(text: str) -> tuple[int, int]:
    """`n` or `n/d`, as numerator and denominator; nothing is 0."""
    if not text:
        return 0, 1
    numerator, _, denominator = text.partition("/")
    return int(numerator), int(denominator) if denominator else 1


def leaf_text(summary: Summary, payload: str = "") -> str:
    return f"{summary.text()}|{payload}"


def leaf_parts(leaf: Leaf) -> tuple[Summary, str]:
    """A leaf's summary and what else it keeps; one that adds nothing any more keeps its slot."""
    if not leaf.text:
        return Summary(slots=1, last=leaf.at), ""
    summary, _, payload = leaf.text.partition("|")
    return Summary.read(summary), payload


# --- writing -------------------------------------------------------------------------------------


class Addition(NamedTuple):
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
            added = added._replace(last=at)
        leaves.append(Leaf(pot, top.slots, at, seq, leaf_text(added, addition.payload)))
        tops[pot] = top.plus(added)
        nodes[pot, TOP, 0] = _written(tops[pot])
        for level, above in _above(top.slots, top.slots) if addition.tree else ():
            text = known.get((pot, level, above))
            # the first node of a new level stands above all that there was
            below = Summary.read(text) if text else EMPTY if above else top
            nodes[pot, level, above] = _written(below.plus(added))
    tx.put_leaves(leaves)
    tx.put_nodes(nodes)


def amend(tx: Transaction, leaf: Leaf, addition: Addition | None, *, tree: bool) -> None:
    """Let a call add something else to a pot than before; None: nothing any more."""
    old, _ = leaf_parts(leaf)
    new = Summary(slots=1, last=leaf.at)
    text = ""
    if addition is not None:
        new = addition.summary._replace(last=leaf.at)
        text = leaf_text(new, addition.payload)
    if text == leaf.text:
        return
    tx.put_leaves([leaf._replace(text=text)])
    path = list(_above(leaf.slot, FAN**LEVELS)) if tree else []
    wanted = [(leaf.pot, level, slot, slot) for level, slot in path]
    known = tx.nodes([*wanted, (leaf.pot, TOP, 0, 0)])
    path = [(level, slot) for level, slot in path if (leaf.pot, level, slot) in known]
    nodes = {key: Summary.read(text).instead(old, new) for key, text in known.items()}
    if tree:
        _find_ends(tx, leaf.pot, path, nodes)
    tx.put_nodes({key: _written(node) for key, node in nodes.items()})


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
    (node, ends), _ = _alike((node, ends))
    # Where leaves were forgotten, the node still adds them up: it has to be opened, as before.
    first = ends.first if ends.slots == node.slots else node.first
    return node._replace(least=ends.least, greatest=ends.greatest, first=first)


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
    all_of_them = {pot: tops.get(pot, EMPTY) for pot in whole}
    if not since:
        return all_of_them
    found: dict[str, list[Summary]] = {}
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
    return all_of_them | {pot: Summary.sum(parts) for pot, parts in found.items()}


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
