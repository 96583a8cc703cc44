"""Checkpoints: signed statements of where a tenant's audit stood, kept away from the audit.

A file of checkpoints has one line each, and is only ever appended to:

    {"statement": {"v": 1, "number": 3, "previous": "sha256:…", "tenant": "t", "seq": 812,
     "hash": "sha256:…", "at": "…Z", "key": "ed25519:…"}, "signature": "…"}

`number` counts the file's checkpoints and `previous` is the digest of the line before, so a line
taken out of the middle shows. `seq` is the number of entries, since a tenant's have no gaps.
The signature (Ed25519, hexadecimal) covers the statement's bytes as they stand, after the line
"licet audit checkpoint 1". `key` is the SHA-256 of the raw public key, its first 16 bytes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from licet.compiler.clock import format_time

from .signing_keys import CheckpointError, key_id
from .verifying import Anchor

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_DOMAIN: Final = b"licet audit checkpoint 1\n"
_HASH: Final = r"sha256:[0-9a-f]{64}"
_NUMBER: Final = r"[1-9][0-9]{0,17}"
_LINE: Final = re.compile(
    rf'\{{"statement": (\{{"v": 1, "number": ({_NUMBER}), "previous": "({_HASH}|)", '
    rf'"tenant": ("(?:[^"\\]|\\.)*+"), "seq": ({_NUMBER}), "hash": "({_HASH})", '
    r'"at": "([0-9TZ:.+-]{1,40})", "key": "(ed25519:[0-9a-f]{32})"\}), '
    r'"signature": "([0-9a-f]{128})"\}\n'
)

#: A longer line is no checkpoint of ours.
_MAX_LINE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`tenant`'s audit had `seq` entries, the last with `hash`, at the time `at` (RFC 3339).

    It is line `number` of its file, and `previous` the digest of the line before.
    """

    number: int
    previous: str
    tenant: str
    seq: int
    hash: str
    at: str
    key: str

    @property
    def anchor(self) -> Anchor:
        source = f"checkpoint {self.number:,}, signed {self.at},"
        return Anchor(self.tenant, self.seq, self.hash, source)


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What a file holds: the checkpoints that hold, and what is wrong with which line.

    `lines` is how many lines there are, `tail` the digest of the last one.
    """

    valid: tuple[Checkpoint, ...]
    problems: tuple[tuple[int, str], ...]
    lines: int
    tail: str

    @property
    def last(self) -> Mapping[str, Checkpoint]:
        """Each tenant's last checkpoint."""
        return {checkpoint.tenant: checkpoint for checkpoint in self.valid}


# --- reading -----------------------------------------------------------------------------------


def read_checkpoints(path: Path, keys: Sequence[Ed25519PublicKey]) -> Checkpoints:
    """The checkpoints of a file, each checked against one of the keys. Raises CheckpointError
    where the file cannot be read; what is wrong in it is a problem with its line."""
    try:
        with path.open("rb") as file:
            return _parse(file, keys)
    except OSError as error:
        raise CheckpointError(f"cannot read `{path}`: {error.strerror}") from None


def _parse(file: BinaryIO, keys: Sequence[Ed25519PublicKey]) -> Checkpoints:
    by_id = {key_id(key): key for key in keys}
    valid: list[Checkpoint] = []
    problems: list[tuple[int, str]] = []
    reached: dict[str, int] = {}
    tail, number = "", 0
    while line := file.readline(_MAX_LINE):
        number += 1
        checkpoint, problem = _read_line(line, by_id)
        if checkpoint is None:
            problems.append((number, problem))
        elif checkpoint.number != number or checkpoint.previous != tail:
            problems.append((number, "does not follow the line before it"))
        elif checkpoint.seq <= reached.get(checkpoint.tenant, 0):
            problems.append((number, "vouches for no more entries than one before it"))
        else:
            valid.append(checkpoint)
            reached[checkpoint.tenant] = checkpoint.seq
        tail = _digest(line)
    return Checkpoints(tuple(valid), tuple(problems), number, tail)


def _read_line(line: bytes, keys: Mapping[str, Ed25519PublicKey]) -> tuple[Checkpoint | None, str]:
    """The checkpoint of a line, or why it is none. Nothing is believed before its signature."""
    match = _LINE.fullmatch(line.decode("ascii")) if line.isascii() else None
    if match is None:
        return None, "is no checkpoint" if line.endswith(b"\n") else "is cut off"
    number, previous, tenant, seq, last, at, name, signature = match.groups()[1:]
    key = keys.get(name)
    if key is None:
        return None, f"is signed with another key, {name}"
    if not _holds(key, bytes.fromhex(signature), match[1]):
        return None, "has a signature that does not hold"
    return Checkpoint(int(number), previous, json.loads(tenant), int(seq), last, at, name), ""


def _holds(key: Ed25519PublicKey, signature: bytes, statement: str) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, _DOMAIN + statement.encode("ascii"))
    except InvalidSignature:
        return False
    return True


def _digest(line: bytes) -> str:
    return "sha256:" + hashlib.sha256(line).hexdigest()


# --- writing -----------------------------------------------------------------------------------


@contextmanager
def appending(path: Path) -> Iterator[BinaryIO]:
    """The file, made if need be, for one writer at a time. Raises CheckpointError."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise CheckpointError(f"cannot write `{path}`: {error.strerror}") from None
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        _lock(file)
        yield file


def _lock(file: BinaryIO) -> None:
    """Until the file is closed, or the process ends."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system: one writer at a time is up to the operator
        return
    fcntl.flock(file, fcntl.LOCK_EX)


def held_in(file: BinaryIO, keys: Sequence[Ed25519PublicKey]) -> Checkpoints:
    """What a file from `appending` holds."""
    file.seek(0)
    with open(file.fileno(), "rb", closefd=False) as reader:
        return _parse(reader, keys)


def append(
    file: BinaryIO,
    held: Checkpoints,
    key: Ed25519PrivateKey,
    ends: Mapping[str, tuple[int, str]],
) -> tuple[Checkpoint, ...]:
    """Sign where tenants' audits end (number and hash of the last entry), durably; what was added.

    `file` is from `appending`, `held` what it holds, without problems. A tenant whose audit has
    not grown since its last checkpoint gets none. Raises CheckpointError; the file is as it was.
    """
    number, tail = held.lines, held.tail
    name, at = key_id(key.public_key()), format_time(time.time_ns() // 1000)
    added: list[Checkpoint] = []
    lines: list[bytes] = []
    for tenant, (seq, last) in sorted(ends.items()):
        before = held.last.get(tenant)
        if before is not None and before.seq >= seq:
            continue
        number += 1
        statement = (
            f'{{"v": 1, "number": {number}, "previous": "{tail}", "tenant": {json.dumps(tenant)}, '
            f'"seq": {seq}, "hash": "{last}", "at": "{at}", "key": "{name}"}}'
        )
        signature = key.sign(_DOMAIN + statement.encode("ascii")).hex()
        line = f'{{"statement": {statement}, "signature": "{signature}"}}\n'.encode("ascii")
        added.append(Checkpoint(number, tail, tenant, seq, last, at, name))
        lines.append(line)
        tail = _digest(line)
    _write(file, b"".join(lines))
    return tuple(added)


def _write(file: BinaryIO, data: bytes) -> None:
    size = os.fstat(file.fileno()).st_size
    try:
        if data and file.write(data) != len(data):
            raise OSError(errno.ENOSPC, "no space left on device")
        os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):  # a file that can only be appended to keeps the torn line
            os.ftruncate(file.fileno(), size)
        raise CheckpointError(f"cannot write the checkpoint: {error.strerror}") from None
