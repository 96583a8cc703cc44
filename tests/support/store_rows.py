"""Rows for stores, in short."""

from __future__ import annotations

from licet.verifier.history import Head, Leaf, StoredApproval, StoredCall, StoredKey


def call(seq: int, **given: object) -> StoredCall:
    """A call whose every column differs from the others', and from other calls'."""
    values: dict[str, object] = {
        "seq": seq,
        "change": seq,
        "principal": "ann",
        "session": "s1",
        "call_id": f"call {seq}",
        "nonce": f"nonce {seq}",
        "tool": "refund",
        "digest": f"digest {seq}",
        "policy": "policy",
        "catalog": "catalog",
        "at": 1_000 * seq,
        "expires": 1_000 * seq + 500,
        "state": "reserved",
        "record": f'{{"amount": {seq}}}',
        "result": None,
    }
    return StoredCall(**{**values, **given})  # type: ignore[arg-type]


def leaf(pot: str, slot: int, **given: object) -> Leaf:
    values: dict[str, object] = {"at": 10 * slot, "seq": slot + 1, "text": f"{pot} {slot}"}
    return Leaf(pot, slot, **{**values, **given})  # type: ignore[arg-type]


def approval(id: str, **given: object) -> StoredApproval:
    values: dict[str, object] = {
        "binding": "binding",
        "principal": "ann",
        "session": "s1",
        "state": "open",
        "asked": 1,
        "expires": 2,
        "document": f"document of {id}",
    }
    return StoredApproval(id, **{**values, **given})  # type: ignore[arg-type]


def key(hash: str, **given: object) -> StoredKey:
    values: dict[str, object] = {
        "name": "desk",
        "made": 1,
        "ends": None,
        "document": f"document of {hash}",
    }
    return StoredKey(hash, **{**values, **given})  # type: ignore[arg-type]


def head(seq: int) -> Head:
    return Head(
        seq=seq,
        change=10 * seq,
        at=100 * seq,
        policy=f"policy {seq}",
        audit_seq=1_000 * seq,
        audit_hash=f"hash {seq}",
        activation=10_000 * seq,
        canary=100_000 * seq,
    )
