"""Whether an audit is whole: every entry there, in order, once, and as it was written.

Entries come one by one and are forgotten; what is kept is where each tenant stands and which
numbers were missed. The chain alone finds whatever was done by somebody who left the hashes as
they were. Somebody who can write may compute all hashes anew, or cut the end off: that is found
by anchors, hashes of certain entries that were kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from ..history import AuditEntry
from .entries import EntryError, entry_hash, envelope

Fault = Literal[
    "malformed",  # not an entry at all
    "changed",  # its text is not what its hash was made of
    "unlinked",  # it names another predecessor than the entry before it
    "missing",  # numbers were skipped
    "reordered",  # it stands later than its number says
    "repeated",  # a number stands a second time
    "rewritten",  # an anchor has another hash for its number
    "truncated",  # an anchor is past the end
]

#: Runs of missing numbers that are remembered, to tell an entry out of order from a second one.
_MOST_GAPS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `position` counts the entries (or lines) of the source from 1; it
    is None for what is not there at all. `seq` and `last` are the numbers concerned."""

    fault: Fault
    tenant: str
    seq: int | None
    position: int | None
    message: str
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """The hash of a tenant's entry number `seq`, and who says so (`checkpoint 3, signed …`).

    `signed` is False for what whoever can write the audit can write as well.
    """

    tenant: str
    seq: int
    hash: str
    source: str
    signed: bool = True


@dataclass(slots=True)
class Standing:
    """How far a tenant's chain was read: its last entry in order, and when that was written.

    `vouched` is the number of the last entry that a signed anchor confirmed.
    """

    seq: int = 0
    hash: str = ""
    at: str = ""
    vouched: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)


class Verifier:
    """Reads an audit entry by entry, of any number of tenants, interleaved or not.

    `of` reports what is wrong with one entry, `end` what is wrong with the whole; what neither
    reports is as it was written, as far as the anchors reach (`standings`).
    """

    def __init__(self, anchors: Iterable[Anchor] = ()) -> None:
        self._anchors: dict[str, dict[int, list[Anchor]]] = {}
        for anchor in anchors:
            of_tenant = self._anchors.setdefault(anchor.tenant, {})
            of_tenant.setdefault(anchor.seq, []).append(anchor)
        self._standings: dict[str, Standing] = {}
        self._position = 0

    @property
    def count(self) -> int:
        """Entries and lines read so far."""
        return self._position

    @property
    def standings(self) -> Mapping[str, Standing]:
        """By tenant."""
        return self._standings

    def malformed(self, message: str) -> Finding:
        """Something stands where an entry should."""
        self._position += 1
        return Finding("malformed", "", None, self._position, f"is no entry: {message}")

    def of(self, entry: AuditEntry) -> Sequence[Finding]:
        """What is wrong with the next entry."""
        try:
            said = envelope(entry.text)
        except EntryError as error:
            return (self.malformed(str(error)),)
        self._position += 1
        if said.seq != entry.seq:
            message = f"is filed as number {entry.seq:,} and says it is number {said.seq:,}"
            return (Finding("changed", said.tenant, entry.seq, self._position, message),)
        found: list[Finding] = []
        standing = self._standings.setdefault(said.tenant, Standing())

        def note(fault: Fault, message: str, seq: int = said.seq, last: int | None = None) -> None:
            found.append(Finding(fault, said.tenant, seq, self._position, message, last))

        if entry_hash(said.previous, entry.text) != entry.hash:
            note("changed", "its text was changed: it does not give its hash")
        expected = standing.seq + 1
        if said.seq < expected:
            if _fill(standing.gaps, said.seq):
                note("reordered", f"stands after number {standing.seq:,}")
            else:
                note("repeated", f"a second entry with this number, after number {standing.seq:,}")
        else:
            if said.seq > expected:
                last = said.seq - 1
                if len(standing.gaps) < _MOST_GAPS:
                    standing.gaps.append((expected, last))
                missing = last - expected + 1
                what = "is not in its place" if missing == 1 else f"{missing:,} entries missing"
                note("missing", f"{what} before number {said.seq:,}", expected, last)
            elif said.previous != standing.hash:
                note("unlinked", "does not follow the entry that stands before it")
            standing.seq, standing.hash, standing.at = said.seq, entry.hash, said.at
        for anchor in self._anchors.get(said.tenant, {}).get(said.seq, ()):
            if anchor.hash != entry.hash:
                note("rewritten", f"is not the entry that {anchor.source} vouches for")
            elif anchor.signed and not found:
                standing.vouched = max(standing.vouched, said.seq)
        return found

    def end(self) -> Iterator[Finding]:
        """What is wrong with the end, once all entries have been read."""
        for tenant, anchors in sorted(self._anchors.items()):
            seq = self._standings.get(tenant, Standing()).seq
            last = max(anchors)
            if last > seq:
                source = anchors[last][0].source
                message = f"the end is missing: {source} vouches for number {last:,}"
                yield Finding("truncated", tenant, seq + 1, None, message, last)


def _fill(gaps: list[tuple[int, int]], seq: int) -> bool:
    """Take a number out of the gaps; whether it was in one."""
    for index, (first, last) in enumerate(gaps):
        if first <= seq <= last:
            gaps[index : index + 1] = [
                (low, high) for low, high in ((first, seq - 1), (seq + 1, last)) if low <= high
            ]
            return True
    return False
