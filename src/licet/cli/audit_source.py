"""Where an audit is read from: a store, or a file of one entry a line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TextIO

from .failures import Failed
from .policies import reason
from .progress import size_of
from .stores import existing_store

if TYPE_CHECKING:
    from licet.verifier.audit import Anchor
    from licet.verifier.history import AuditEntry, Store

#: Entries that are read from a store at once.
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Record:
    """One entry, or (`entry` None) what stands in its place and why it is none.

    `end` counts what has been read up to here, in the unit of `Source.total`.
    """

    entry: AuditEntry | None
    problem: str
    end: int


@dataclass(frozen=True, slots=True)
class Source:
    """An audit that can be read once, entry by entry. `heads` say where it ends, as far as the
    place where it is kept knows; `unit` is what positions count."""

    records: Callable[[], Iterator[Record]]
    total: int | None
    heads: tuple[Anchor, ...]
    unit: str


def source_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="AUDIT",
        help="a store (sqlite:///state.db) or an exported file (- is standard input)",
    )
    parser.add_argument("--tenant", metavar="NAME", help="this tenant's alone")


def open_source(options: argparse.Namespace, stdin: TextIO) -> Source:
    """The audit that the command line names. Raises Failed."""
    name: str = options.source
    tenant: str | None = options.tenant
    if "://" not in name:
        lines = Source(lambda: _lines(name, stdin), size_of(name), (), "line")
        return lines if tenant is None else _one_tenant(lines, tenant)

    store = existing_store(name)
    from licet.verifier.history import StoreError

    try:
        tenants = store.tenants()
        if tenant is not None and tenant not in tenants:
            raise Failed(f"there is no tenant `{tenant}` in the store")
        chosen = tenants if tenant is None else (tenant,)
        heads = tuple(head for name in chosen if (head := _head(store, name)) is not None)
    except StoreError as error:
        raise Failed(f"cannot read the store: {error}") from None
    return Source(lambda: _stored(store, chosen), sum(head.seq for head in heads), heads, "entry")


def _head(store: Store, tenant: str) -> Anchor | None:
    from licet.verifier.audit import Anchor

    with store.begin(tenant) as tx:
        head = tx.head()
    if head.audit_seq == 0:
        return None
    return Anchor(tenant, head.audit_seq, head.audit_hash, "the store's own count", signed=False)


def _stored(store: Store, tenants: Sequence[str]) -> Iterator[Record]:
    from licet.verifier.history import StoreError

    done = 0
    try:
        for tenant in tenants:
            after = 0
            while page := store.audit(tenant, after, _PAGE):
                for entry in page:
                    done += 1
                    yield Record(entry, "", done)
                after = page[-1].seq
    except StoreError as error:
        raise Failed(f"cannot read the store: {error}") from None
    finally:
        store.close()


def _one_tenant(source: Source, tenant: str) -> Source:
    from licet.verifier.audit.entries import envelope

    def records() -> Iterator[Record]:
        for record in source.records():
            if record.entry is None or envelope(record.entry.text).tenant == tenant:
                yield record

    return Source(records, source.total, (), "entry")


def _lines(path: str, stdin: TextIO) -> Iterator[Record]:
    from licet.verifier.audit import EntryError, entry_of
    from licet.verifier.audit.entries import MAX_ENTRY

    from .proposals import opened

    with opened(path, stdin) as file:
        end = 0
        while line := _read_line(file, path, MAX_ENTRY):
            end += len(line)
            try:
                yield Record(entry_of(line), "", end)
            except EntryError as error:
                yield Record(None, str(error), end)


def _read_line(file: BinaryIO, path: str, most: int) -> bytes:
    try:
        return file.readline(most)
    except OSError as error:
        raise Failed(f"cannot read `{path}`: {reason(error)}") from None
