"""API keys in the store: made, listed, rotated, revoked, each written down in the tenant's audit.

A key is `licet_`, 32 random characters, and a mark of 16 that only the store's own secret makes: a
text that somebody made up is refused without a look at the store. What is kept is a hash. A key
that is rotated has two secrets until the old one ends.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from pydantic import ValidationError

from licet.compiler.clock import format_time
from licet.compiler.exact_json import JsonError, decode
from licet.compiler.json_text import json_line
from licet.verifier.audit import Recorder
from licet.verifier.guard import keys_of, redaction_of
from licet.verifier.history import Store, StoredKey, Transaction

from .auth import PREFIX, hash_of
from .settings import NAME, Scope, first_mistake

#: Of one tenant, at most.
MOST_KEYS = 1_000
#: Characters of what a key is for, as JSON.
MOST_SCOPE = 20_000
#: Seconds that an old secret may live on after a rotation.
MOST_OVERLAP = 30 * 86_400
_RANDOM = 24  # bytes, as is the mark's number
_MARK = 12
_BODY = len(PREFIX) + _RANDOM * 4 // 3
_SECRET = "service keys"

#: Asked before a key is made or renewed, with what it is for; raises where it may not be.
May = Callable[[Scope], None]


class KeyRefusedError(ValueError):
    """It cannot be done as things stand; the text says why, to whoever asked."""


class UnknownKeyError(LookupError):
    """The tenant has no such key."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret of a key: when it was made, when it ends (None: never). Microseconds."""

    made: int
    ends: int | None


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as people see it: its name, what it is for, its secrets, the newest last."""

    name: str
    scope: Scope
    secrets: tuple[Secret, ...]

    def plain(self) -> dict[str, object]:
        """As JSON. There is nothing secret in it."""
        return {
            "name": self.name,
            **_plain(self.scope),
            "secrets": [
                {
                    "made": format_time(each.made),
                    "ends": None if each.ends is None else format_time(each.ends),
                }
                for each in self.secrets
            ],
        }


class Keyring:
    """The keys of a store. Safe to share between threads. Every method raises StoreError; `by` says
    in the audit who did it. `redact` are the fields that the audit does not tell, as a guard has
    them. Raises FieldPathError."""

    def __init__(self, store: Store, redact: Sequence[str] = ()) -> None:
        self._store = store
        self._marking = store.secret(_SECRET, lambda: secrets.token_bytes(32))
        self._recorder = Recorder(redaction_of(keys_of(store), redact) if redact else None)

    def is_marked(self, credential: str) -> bool:
        """Whether a credential was made for this store; not whether it still counts."""
        body, mark = credential[:_BODY], credential[_BODY:].encode("utf-8", "surrogatepass")
        return hmac.compare_digest(mark, self._mark(body).encode())

    def _mark(self, body: str) -> str:
        made = hmac.digest(self._marking, body.encode("utf-8", "surrogatepass"), "sha256")
        return base64.urlsafe_b64encode(made[:_MARK]).decode()

    def _new(self) -> str:
        body = PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(_RANDOM)).decode()
        return body + self._mark(body)

    def list(self, tenant: str) -> list[KeyView]:
        """The keys of a tenant by name, those that have ended too."""
        with self._store.begin(tenant) as tx:
            rows = tx.api_keys()
        return [
            KeyView(
                name,
                scope_of(of_name[-1]),
                tuple(Secret(row.made, row.ends) for row in of_name),
            )
            for name, group in groupby(rows, key=lambda row: row.name)
            if (of_name := list(group))
        ]

    def create(self, tenant: str, name: str, scope: Scope, *, by: str) -> tuple[str, KeyView]:
        """A new key: its text, which is nowhere but here, and how it is seen. Raises
        KeyRefusedError."""
        for text in (name, tenant):
            if not re.fullmatch(NAME, text):
                raise KeyRefusedError("names are 1 to 100 of A-Z, a-z, 0-9, `.`, `_`, `-`")
        document = _document(scope)
        with self._store.begin(tenant) as tx:
            rows = tx.api_keys()
            of_name = [row for row in rows if row.name == name]
            if any(_lives(row, tx.instant) for row in of_name):
                raise KeyRefusedError(f"there is a key `{name}` already: rotate it, or revoke it")
            if len({row.name for row in rows} | {name}) > MOST_KEYS:
                raise KeyRefusedError(f"a tenant has at most {MOST_KEYS:,} keys: revoke some")
            ends = _instant(scope.expires)
            if ends is not None and ends <= tx.instant:
                raise KeyRefusedError("it would have expired already")
            for row in of_name:
                tx.drop_key(row.hash)
            key = self._new()
            tx.put_key(StoredKey(hash_of(key), name, tx.instant, ends, document))
            self._note(tx, name, "created", by, scope)
        return key, KeyView(name, scope, (Secret(tx.instant, ends),))

    def rotate(
        self,
        tenant: str,
        name: str,
        *,
        overlap: float,
        by: str,
        expires: datetime | None = None,
        may: May | None = None,
    ) -> tuple[str, KeyView]:
        """A new secret of a key, as `create` gives one. Older ones end after `overlap` seconds.
        `expires` is of the new one (None: as before).

        Raises UnknownKeyError, KeyRefusedError, and what `may` raises.
        """
        if not 0 <= overlap <= MOST_OVERLAP:
            raise KeyRefusedError(f"an overlap is of 0 to {MOST_OVERLAP:,} seconds")
        with self._store.begin(tenant) as tx:
            of_name = _named(tx, name)
            scope = scope_of(of_name[-1])
            if may is not None:
                may(scope)
            if expires is not None:
                scope = scope.model_copy(update={"expires": expires})
            ends = _instant(scope.expires)
            if ends is not None and ends <= tx.instant:
                raise KeyRefusedError("the key has expired: say until when the new secret is good")
            over = tx.instant + int(overlap * 1_000_000)
            kept: list[StoredKey] = []
            for row in of_name:
                last = over if row.ends is None else min(row.ends, over)
                if last <= tx.instant:
                    tx.drop_key(row.hash)
                else:
                    kept.append(replace(row, ends=last))
                    tx.put_key(kept[-1])
            key = self._new()
            made = StoredKey(hash_of(key), name, tx.instant, ends, _document(scope))
            tx.put_key(made)
            self._note(tx, name, "rotated", by, scope, until=format_time(over))
        rows = (*kept, made)
        return key, KeyView(name, scope, tuple(Secret(row.made, row.ends) for row in rows))

    def revoke(self, tenant: str, name: str, *, by: str) -> None:
        """End all secrets of a key. Raises UnknownKeyError."""
        with self._store.begin(tenant) as tx:
            of_name = _named(tx, name)
            for row in of_name:
                tx.drop_key(row.hash)
            self._note(tx, name, "revoked", by)

    def _note(
        self,
        tx: Transaction,
        name: str,
        event: str,
        by: str,
        scope: Scope | None = None,
        **more: object,
    ) -> None:
        scoped = {} if scope is None else _plain(scope)
        self._recorder.append(tx, "key", {"key": name, "event": event, "by": by, **scoped, **more})


def scope_of(row: StoredKey) -> Scope:
    """What a key is for. A row that cannot be read is nobody's: raises KeyRefusedError."""
    try:
        return Scope.model_validate(decode(row.document, max_size=2 * MOST_SCOPE))
    except (JsonError, ValidationError):
        raise KeyRefusedError(f"the store's entry of the key `{row.name}` cannot be read") from None


def scope_from(data: Mapping[str, object]) -> Scope:
    """The scope that somebody asks for. Raises KeyRefusedError, which quotes no value."""
    try:
        return Scope.model_validate({k: v for k, v in data.items() if v is not None})
    except ValidationError as error:
        path, text = first_mistake(error)
        place = f"`{'.'.join(str(part) for part in path)}`: " if path else ""
        raise KeyRefusedError(f"{place}{text}") from None


def _document(scope: Scope) -> str:
    try:
        text = json_line(_plain(scope))
    except (TypeError, RecursionError):
        raise KeyRefusedError("principal and context hold JSON alone, numbers exact") from None
    if len(text) > MOST_SCOPE:
        raise KeyRefusedError(f"what a key is for has at most {MOST_SCOPE:,} characters of JSON")
    return text


def _plain(scope: Scope) -> dict[str, object]:
    """A scope as JSON, without what it leaves open."""
    said: dict[str, object] = {
        "roles": sorted(role.value for role in scope.roles),
        "principal": scope.principal or None,
        "context": scope.context or None,
        "session": scope.session,
        "tools": scope.tools,
        "expires": None if scope.expires is None else format_time(_instant(scope.expires) or 0),
    }
    return {name: value for name, value in said.items() if value is not None}


def _instant(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1_000_000)


def _lives(row: StoredKey, now: int) -> bool:
    return row.ends is None or now < row.ends


def _named(tx: Transaction, name: str) -> list[StoredKey]:
    found = [row for row in tx.api_keys() if row.name == name]
    if not found:
        raise UnknownKeyError(name)
    return found
