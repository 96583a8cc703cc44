"""`url(s)` and `email(s)`: the parts of an address that every reader agrees on, or absent.

Readers of URLs disagree about user information, backslashes, odd spellings of hosts, encoded
dots and slashes. A text with any of these has no view, so that what a rule reads is what a tool
will reach. Grammar: docs/views.md.
"""

from __future__ import annotations

import re

from .types import STRING, Field, IntType, OptionalType, RecordType, Value
from .view_ip import address_of
from .view_path import HIDDEN, PATH, path_record

URL = RecordType(
    "Url",
    (
        Field("scheme", STRING),
        Field("host", STRING),
        Field("port", OptionalType(IntType(1, 65_535))),
        Field("path", PATH),
        Field("query", OptionalType(STRING)),
        Field("fragment", OptionalType(STRING)),
    ),
)
EMAIL = RecordType("Email", (Field("local", STRING), Field("domain", STRING)))

_PCHAR = r"[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2}"
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*+)://"
    r"(?P<host>[A-Za-z0-9.-]++|\[[0-9A-Fa-f:]++\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    rf"(?P<path>(?:/|/(?:{_PCHAR}|/)++)?)"
    rf"(?:\?(?P<query>(?:{_PCHAR}|[;/?])*+))?"
    rf"(?:\#(?P<fragment>(?:{_PCHAR}|[;/?])*+))?"
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER_LIKE = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL = re.compile(r"[A-Za-z0-9_+&=~'-]++(?:\.[A-Za-z0-9_+&=~'-]++)*+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_UNSAFE = re.compile(f"[{HIDDEN}/\\\\%;]")


def host_name(text: str) -> str | None:
    """A lower-case host name of letters, digits and hyphens; None where its last label could be
    read as a number, and for empty labels and a dot at the end."""
    lowered = text.lower()
    labels = lowered.split(".")
    if len(lowered) > 253 or not all(map(_LABEL.fullmatch, labels)):
        return None
    return None if _NUMBER_LIKE.fullmatch(labels[-1]) else lowered


def host(text: str) -> str | None:
    """A host name, a dotted quad or a bracketed IPv6 address in its usual spelling, without the
    brackets."""
    if text.startswith("["):
        address = address_of(text[1:-1])
        return None if address is None else str(address)
    if address_of(text) is not None:
        return text
    return host_name(text)


def url(text: str) -> dict[str, Value] | None:
    """The URL record of a text, or None."""
    match = _URL.fullmatch(text)
    if match is None:
        return None
    name = host(match["host"])
    port = None if match["port"] is None else int(match["port"])
    where = _url_path(match["path"])
    if name is None or where is None or (port is not None and port > 65_535):
        return None
    return {
        "scheme": match["scheme"].lower(),
        "host": name,
        "port": port,
        "path": where,
        "query": match["query"],
        "fragment": match["fragment"],
    }


def _url_path(text: str) -> dict[str, Value] | None:
    """The path with its segments decoded; None where decoding could change what it means."""
    body = text.removeprefix("/").removesuffix("/")
    if not body:
        return path_record(True, ()) if text in ("", "/") else None
    segments = []
    for raw in body.split("/"):
        segment = _decoded(raw)
        if segment is None:
            return None
        segments.append(segment)
    return path_record(True, tuple(segments))


def _decoded(raw: str) -> str | None:
    if "%" not in raw:
        return raw
    codes = [int(code, 16) for code in _ESCAPE.findall(raw)]
    if any(code in _UNRESERVED for code in codes):
        return None  # nobody needs to encode these, except to get past a check
    data = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), raw).encode("latin-1")
    try:
        decoded = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _UNSAFE.search(decoded) else decoded


def email(text: str) -> dict[str, Value] | None:
    """The EMAIL record of a text that is one plain mailbox, or None."""
    local, at, domain = text.partition("@")
    name = host_name(domain)
    if not at or name is None or "." not in name:
        return None
    if len(local) > 64 or not _LOCAL.fullmatch(local):
        return None
    return {"local": local, "domain": name}
