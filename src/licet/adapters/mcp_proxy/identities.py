"""Who calls, by the host's word: from the proxy's configuration, or from a bearer token.

Nothing here is read from a call's arguments or its `_meta`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from licet.compiler.exact_json import JsonError, decode

_KEYS: Final = {"sha256", "principal", "context", "session"}


class IdentityError(ValueError):
    """What should say who calls does not; the text is for whoever wrote it."""


@dataclass(frozen=True)
class Identity:
    """A principal with its context and session, as a call's JSON has them. Without a session there
    is one for as long as the proxy runs, however often the client connects."""

    principal: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    session: Mapping[str, Any] | str = field(default_factory=lambda: secrets.token_urlsafe(12))
    #: Tells identities apart; says nothing of them.
    key: str = field(default_factory=lambda: secrets.token_urlsafe(12))


@dataclass(frozen=True)
class Token:
    """A bearer token, kept as its SHA-256 alone, and whom it stands for."""

    sha256: str
    identity: Identity

    @staticmethod
    def of(secret: str, identity: Identity) -> Token:
        return Token(_digest(secret), identity)


def holder(tokens: Sequence[Token], shown: str) -> Identity | None:
    """Whom a token stands for; every token is compared, so that time says nothing."""
    digest = _digest(shown)
    found: Identity | None = None
    for token in tokens:
        if hmac.compare_digest(token.sha256, digest):
            found = token.identity
    return found


def read_tokens(data: bytes) -> list[Token]:
    """The tokens of a file: `{"tokens": [{"sha256": HEX, "principal": {…}, …}]}`.

    Raises IdentityError.
    """
    try:
        entries = decode(data, max_size=1_000_000)["tokens"]
    except (JsonError, KeyError, TypeError):
        raise IdentityError(
            'the tokens are `{"tokens": [{"sha256": …, "principal": …}]}`'
        ) from None
    if not isinstance(entries, list) or not entries:
        raise IdentityError("`tokens` is a list with at least one token")
    return [_token(entry, number) for number, entry in enumerate(entries, 1)]


def _token(entry: object, number: int) -> Token:
    if not isinstance(entry, Mapping) or not set(entry) <= _KEYS:
        raise IdentityError(f"token {number} has `sha256`, `principal`, `context` and `session`")
    digest = entry.get("sha256")
    if not isinstance(digest, str) or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise IdentityError(f"`sha256` of token {number} is 64 lower-case hexadecimal digits")
    named: dict[str, Any] = {}
    for key in ("principal", "context"):
        value = entry.get(key, {})
        if not isinstance(value, Mapping):
            raise IdentityError(f"`{key}` of token {number} is an object")
        named[key] = value
    if "session" in entry:
        session = entry["session"]
        if not isinstance(session, str | Mapping):
            raise IdentityError(f"`session` of token {number} is a text or an object")
        named["session"] = session
    return Token(digest, Identity(**named))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
