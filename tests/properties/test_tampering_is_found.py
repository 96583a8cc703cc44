"""Law: whatever is done to an audit or its checkpoints is found, as long as one checkpoint that
covers it is left and its key is not the tamperer's.

What cannot be found is stated too: without checkpoints, an end cut off and a chain hashed anew.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.verifier.audit import Anchor, EntryError, Finding, Recorder, Verifier, entry_of, line_of
from licet.verifier.audit.checkpoints import append, appending, held_in, read_checkpoints
from licet.verifier.audit.entries import make_entry
from licet.verifier.history import AuditEntry
from support.audit_log import AuditLog, settlement

COUNT = 12
KEY = Ed25519PrivateKey.generate()


def two_tenants() -> tuple[AuditEntry, ...]:
    """Two tenants' entries, in turn."""
    logs, recorder = (AuditLog("acme"), AuditLog("zenith")), Recorder()
    return tuple(
        recorder.append(log, "settlement", settlement(number))  # type: ignore[arg-type]
        for number in range(COUNT)
        for log in logs
    )


ENTRIES = two_tenants()
LINES = tuple(line_of(entry).encode() for entry in ENTRIES)
ANCHORS = tuple(
    Anchor(tenant, seq, entry.hash, "checkpoint")
    for tenant, offset in (("acme", 0), ("zenith", 1))
    for seq in (5, COUNT)
    for entry in [ENTRIES[2 * (seq - 1) + offset]]
)
places = st.integers(0, len(LINES) - 1)


def verify(data: bytes, anchors: Sequence[Anchor] = ANCHORS) -> list[Finding]:
    """All findings on an exported file's bytes."""
    verifier = Verifier(anchors)
    found: list[Finding] = []
    for line in io.BytesIO(data):
        try:
            found.extend(verifier.of(entry_of(line)))
        except EntryError as error:
            found.append(verifier.malformed(str(error)))
    return [*found, *verifier.end()]


def test_the_untouched_is_whole() -> None:
    assert verify(b"".join(LINES)) == []


@given(data=st.data())
def test_a_changed_byte(data: st.DataObject) -> None:
    whole = bytearray(b"".join(LINES))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    assert verify(bytes(whole))
    assert verify(bytes(whole), ())


@given(at=st.integers(0, len(b"".join(LINES))), extra=st.binary(min_size=1, max_size=20))
def test_inserted_bytes(at: int, extra: bytes) -> None:
    whole = b"".join(LINES)
    assert verify(whole[:at] + extra + whole[at:])


@given(data=st.data())
def test_removed_bytes(data: st.DataObject) -> None:
    whole = b"".join(LINES)
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start + 1, len(whole)))
    assert verify(whole[:start] + whole[end:])


@given(st.sets(places, min_size=1))
def test_removed_entries(gone: set[int]) -> None:
    assert verify(b"".join(line for n, line in enumerate(LINES) if n not in gone))


@given(st.permutations(range(len(LINES))))
def test_reordered_entries(order: list[int]) -> None:
    """Tenants may interleave in any way; each one's entries are in order."""
    in_order = all(
        [n for n in order if n % 2 == tenant] == list(range(tenant, len(LINES), 2))
        for tenant in (0, 1)
    )
    assert bool(verify(b"".join(LINES[n] for n in order))) is not in_order


@given(places, st.integers(0, len(LINES)))
def test_a_repeated_entry(which: int, at: int) -> None:
    lines = [*LINES[:at], LINES[which], *LINES[at:]]
    assert any(f.fault in ("repeated", "missing", "reordered") for f in verify(b"".join(lines)))


@given(places, st.integers(0, 100))
def test_a_replaced_entry_with_a_fitting_hash(which: int, number: int) -> None:
    """Its hash is right for its text, so it is the next entry that gives it away."""
    old = ENTRIES[which]
    body = json.loads(old.text)
    new = make_entry(
        body["tenant"], old.seq, body["previous"], 7, "settlement", settlement(1_000 + number)
    )
    lines = [*LINES[:which], line_of(new).encode(), *LINES[which + 1 :]]
    assert verify(b"".join(lines))


@given(places)
def test_everything_hashed_anew_after_a_change(which: int) -> None:
    """By somebody who has all but the checkpoints' key."""
    tenant = which % 2
    log, recorder = AuditLog("acme" if tenant == 0 else "zenith"), Recorder()
    forged = list(LINES)
    for n in range(tenant, len(LINES), 2):
        number = n // 2 + (1_000 if n == which else 0)
        entry = recorder.append(log, "settlement", settlement(number))  # type: ignore[arg-type]
        forged[n] = line_of(entry).encode()
    found = verify(b"".join(forged))
    assert {f.fault for f in found} == {"rewritten"}
    assert verify(b"".join(forged), ()) == []  # what cannot be found


@given(st.integers(0, len(LINES) - 1))
def test_a_cut_off_end(length: int) -> None:
    cut = b"".join(LINES[:length])
    assert {f.fault for f in verify(cut)} == {"truncated"}
    assert verify(cut, ()) == []  # what cannot be found


# --- the checkpoints' own file


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A file with three checkpoints of two tenants, and its bytes."""
    path = tmp_path_factory.mktemp("checkpoints") / "checkpoints.jsonl"
    for seq in (3, 5, COUNT):
        with appending(path) as file:
            held = held_in(file, [KEY.public_key()])
            ends = {
                a: (seq, ENTRIES[2 * (seq - 1) + o].hash) for a, o in (("acme", 0), ("zenith", 1))
            }
            append(file, held, KEY, ends)
    return path.with_name("tampered.jsonl"), path.read_bytes()


def problems(checkpoints: tuple[Path, bytes], data: bytes) -> bool:
    """Whether the file is found wanting, or vouches for less than it did."""
    path, _ = checkpoints
    path.write_bytes(data)
    return bool(read_checkpoints(path, [KEY.public_key()]).problems)


def test_untouched_checkpoints_hold(checkpoints: tuple[Path, bytes]) -> None:
    path, whole = checkpoints
    assert not problems(checkpoints, whole)
    read = read_checkpoints(path, [KEY.public_key()])
    assert [(c.number, c.tenant, c.seq) for c in read.valid] == [
        (1, "acme", 3),
        (2, "zenith", 3),
        (3, "acme", 5),
        (4, "zenith", 5),
        (5, "acme", COUNT),
        (6, "zenith", COUNT),
    ]


@given(data=st.data())
@settings(max_examples=200)
def test_a_changed_byte_of_a_checkpoint(
    checkpoints: tuple[Path, bytes], data: st.DataObject
) -> None:
    whole = bytearray(checkpoints[1])
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    assert problems(checkpoints, bytes(whole))


@given(order=st.lists(st.integers(0, 5), max_size=7))
def test_checkpoints_moved_removed_repeated(
    checkpoints: tuple[Path, bytes], order: list[int]
) -> None:
    """Only lines off the end can go unseen, and then the file vouches for less."""
    lines = checkpoints[1].splitlines(keepends=True)
    beginning = order == list(range(len(order)))
    assert problems(checkpoints, b"".join(lines[n] for n in order)) is not beginning


def test_checkpoints_of_another_key(checkpoints: tuple[Path, bytes], tmp_path: Path) -> None:
    path = tmp_path / "forged.jsonl"
    forger = Ed25519PrivateKey.generate()
    with appending(path) as file:
        held = held_in(file, [forger.public_key()])
        append(file, held, forger, {"acme": (3, ENTRIES[4].hash)})
    read = read_checkpoints(path, [KEY.public_key()])
    assert read.valid == ()
    assert [line for line, _ in read.problems] == [1]
