"""One entry of the audit: its text, its hash, and its line in an exported file.

The text is one line of ASCII JSON whose first fields have a fixed order, so that a reader of a
million entries needs to parse none of them:

    {"v": 1, "tenant": "t", "seq": 7, "previous": "sha256:…", "at": "…Z", "kind": "verdict",
     "body": {…}}

The hash covers the text, byte for byte, and the hash of the entry before it. It has its own domain
("licet audit entry 1"), so that no other digest of ours is ever a hash of an entry.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from licet.compiler.clock import format_time
from licet.compiler.json_text import json_line

from ..history import AuditEntry

_DOMAIN: Final = b"licet audit entry 1\n"
_HASH: Final = r"sha256:[0-9a-f]{64}"
_ENVELOPE: Final = re.compile(
    r'\{"v": 1, "tenant": ("(?:[^"\\]|\\.)*+"), "seq": ([1-9][0-9]{0,17}), '
    rf'"previous": "({_HASH}|)", "at": "([0-9TZ:.+-]{{1,40}})", '
    r'"kind": "([a-z]{1,40})", "body": \{'
)
_LINE: Final = re.compile(rf'\{{"hash": "({_HASH})", "entry": ')

#: A longer line is no entry of ours.
MAX_ENTRY: Final = 64_000_000


class EntryError(ValueError):
    """A text that is not an entry. The message says what it lacks."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an entry says of itself. `previous` is empty for a tenant's first; `at` is RFC 3339."""

    tenant: str
    seq: int
    previous: str
    at: str
    kind: str


def make_entry(
    tenant: str, seq: int, previous: str, at: int, kind: str, body: Mapping[str, object]
) -> AuditEntry:
    """The entry with this content. `at` is in microseconds since 1970. Raises TypeError or
    ValueError for a body that is not JSON-able without loss (floats are not) or is too long."""
    text = (
        f'{{"v": 1, "tenant": {json.dumps(tenant)}, "seq": {seq}, "previous": "{previous}", '
        f'"at": "{format_time(at)}", "kind": "{kind}", "body": {json_line(body)}}}'
    )
    if len(text) > MAX_ENTRY - 200:  # with its hash, it is a line of an export
        raise ValueError("an audit entry would be longer than any reader takes")
    return AuditEntry(seq, entry_hash(previous, text), text)


def entry_hash(previous: str, text: str) -> str:
    """The hash of a text that follows the entry with the hash `previous` (empty: none)."""
    given = hashlib.sha256(_DOMAIN)
    given.update(previous.encode("utf-8") + b"\n")
    given.update(text.encode("utf-8", "surrogatepass"))
    return "sha256:" + given.hexdigest()


@lru_cache(4)  # whoever reads a line and verifies its entry asks twice
def envelope(text: str) -> Envelope:
    """What an entry's text says of itself, without a look at its body. Raises EntryError."""
    match = _ENVELOPE.match(text)
    if match is None or not text.endswith("}}") or not text.isascii():
        raise EntryError("it does not begin as an entry does")
    return Envelope(_tenant(match[1]), int(match[2]), match[3], match[4], match[5])


@lru_cache(1_024)
def _tenant(text: str) -> str:
    try:
        tenant: str = json.loads(text)
    except ValueError:
        raise EntryError("its tenant is not a text of JSON") from None
    return tenant


def body_of(text: str) -> dict[str, object]:
    """The body of an entry. Raises EntryError."""
    from licet.compiler.exact_json import JsonError, decode

    try:
        entry = decode(text, max_size=MAX_ENTRY, max_depth=MAX_ENTRY_DEPTH)
    except JsonError as error:
        raise EntryError(error.message) from None
    body = entry.get("body") if isinstance(entry, dict) else None
    if not isinstance(body, dict):
        raise EntryError("it has no body")
    return body


#: A call nests up to 64 deep, and stands inside an entry's verdict.
MAX_ENTRY_DEPTH: Final = 80


# --- a file of entries, one a line -------------------------------------------------------------


def line_of(entry: AuditEntry) -> str:
    """An entry as one line of JSON, with its hash: `{"hash": "sha256:…", "entry": {…}}`."""
    return f'{{"hash": "{entry.hash}", "entry": {entry.text}}}\n'


def entry_of(line: bytes) -> AuditEntry:
    """The entry of a line, its text exactly as it stands there. Raises EntryError."""
    try:
        text = line.decode("ascii")
    except UnicodeDecodeError:
        raise EntryError("it is not ASCII text") from None
    match = _LINE.match(text)
    if match is None or not text.endswith("}\n"):
        raise EntryError("it does not begin and end as a line of an export does")
    inner = text[match.end() : -2]
    return AuditEntry(envelope(inner).seq, match[1], inner)
