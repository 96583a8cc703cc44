"""Who has signed in, kept by the browser in a signed cookie.

Trusted: a cookie with our signature that has not expired. It names the owner of a credential and
what the owner may do; never the credential. The signing key hangs on the configured credentials:
once one of them is changed or taken out and the service starts anew, every session is over. A
session that somebody has ended is written into the store, until its time would have been over:
whoever has a copy of its cookie has nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import math
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from starlette.requests import Request
from starlette.responses import Response

from licet.compiler.exact_json import JsonError, decode
from licet.compiler.json_text import json_line
from licet.verifier.history import Store

from ..callers import Caller, Role
from ..settings import Key, ServiceSettings

#: Seconds without a page after which a session is over, and those after which it is in any case.
IDLE = 3_600
LONGEST = 8 * 3_600
#: Browsers keep no longer cookie.
MAX_COOKIE = 3_900
_SECRET = "console"
#: The documents of sessions that were ended, and how many that are over are let go of at a time.
_ENDED = "ended session"
_SOME = 100
_ALGORITHM = "HS256"


T = TypeVar("T")


class SessionError(ValueError):
    """A credential that no session can be made of. The text is for its owner."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in. `id` is unique, and begins with when it is over in any case;
    `form` is what their forms have to bring along; `idle_until` and `until` are seconds since
    1970."""

    id: str
    caller: Caller
    form: str
    idle_until: float
    until: float


class Sessions:
    """Makes and reads sessions. All processes of one configuration and one store share them."""

    def __init__(self, store: Store, settings: ServiceSettings, keys: Iterable[Key]) -> None:
        self._store = store
        secret = store.secret(_SECRET, lambda: secrets.token_bytes(32))
        known = _text_of(settings, keys)
        derived = hmac.new(secret, b"licet console 1 " + known, hashlib.sha256).digest()
        self._key = OctKey.import_key(derived)
        self._secure = (settings.public_url or "").startswith("https://")

    def begin(self, caller: Caller) -> Session:
        """A session of whoever's credential was just shown."""
        now = time.time()
        until = now + LONGEST
        if caller.expires is not None:
            until = min(until, caller.expires)
        id = f"{math.ceil(until):012d}-{secrets.token_hex(16)}"
        return Session(id, caller, secrets.token_urlsafe(24), min(now + IDLE, until), until)

    async def lives(self, session: Session) -> bool:
        """Whether nobody has ended a session. Raises StoreError."""

        def look() -> bool:
            with self._store.begin(session.caller.tenant) as tx:
                return tx.document(_ENDED, session.id) is None

        return await self._stored(look)

    async def end(self, session: Session) -> None:
        """End a session, for whoever has its cookie, at once. Raises StoreError."""

        def end() -> None:
            with self._store.begin(session.caller.tenant) as tx:
                tx.put_document(_ENDED, session.id, "")
                for id, _ in tx.documents(_ENDED, f"{int(time.time()):012d}", _SOME):
                    tx.drop_document(_ENDED, id)  # its cookie counts no more anyway

        await self._stored(end)

    async def _stored(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work) if self._store.blocking else work()

    def read(self, request: Request) -> Session | None:
        """The session of a request's cookie; None where there is none that counts."""
        text = request.cookies.get(self._name(request))
        if text is None or len(text) > MAX_COOKIE:
            return None
        try:
            claims = jwt.decode(text, self._key, algorithms=[_ALGORITHM]).claims
            session = _session_of(claims)
        except (JoseError, JsonError, ValueError, TypeError, KeyError):
            return None
        return session if time.time() < session.idle_until else None

    def renewed(self, session: Session) -> Session | None:
        """The session with a new hour, where half of the last one is over and there is more."""
        now = time.time()
        until = min(now + IDLE, session.until)
        if session.idle_until - now > IDLE / 2 or until <= session.idle_until:
            return None
        return replace(session, idle_until=until)

    def keep(self, request: Request, response: Response, session: Session) -> None:
        """Let the browser keep a session. Raises SessionError where it is too long for that."""
        text = jwt.encode({"alg": _ALGORITHM}, _claims(session), self._key)
        if len(text) > MAX_COOKIE:
            raise SessionError("this credential says more of its owner than a session can hold")
        self._set(request, response, text, int(session.idle_until - time.time()))

    def forget(self, request: Request, response: Response) -> None:
        self._set(request, response, "", 0)

    def secure(self, request: Request) -> bool:
        """Whether the browser came by https, as far as the proxy in front and `public_url` say."""
        return self._secure or request.url.scheme == "https"

    def _name(self, request: Request) -> str:
        # Of the prefix browsers see to it that no other host of the domain has set the cookie.
        return "__Host-licet" if self.secure(request) else "licet"

    def _set(self, request: Request, response: Response, text: str, age: int) -> None:
        response.set_cookie(
            self._name(request),
            text,
            max_age=age,
            path="/",
            secure=self.secure(request),
            httponly=True,
            samesite="strict",
        )


def _claims(session: Session) -> dict[str, Any]:
    caller = session.caller
    try:
        principal = json_line(caller.principal)
    except TypeError:
        text = "the principal of this credential has a value that is no JSON of exact numbers"
        raise SessionError(text) from None
    return {
        "jti": session.id,
        "name": caller.name,
        "roles": sorted(caller.roles),
        "tenant": caller.tenant,
        "principal": principal,
        "key": caller.stored,
        "ends": caller.expires,
        "form": session.form,
        "idle": session.idle_until,
        "exp": session.until,
    }


def _session_of(claims: Mapping[str, Any]) -> Session:
    caller = Caller(
        claims["name"],
        frozenset(Role(role) for role in claims["roles"]),
        claims["tenant"],
        decode(claims["principal"]),
        expires=claims["ends"],
        stored=claims["key"],
    )
    return Session(
        claims["jti"], caller, claims["form"], float(claims["idle"]), float(claims["exp"])
    )


def _text_of(settings: ServiceSettings, keys: Iterable[Key]) -> bytes:
    """Everything that decides who may sign in as whom, the same in every process."""
    known = [
        {**key.model_dump(mode="json", exclude={"roles"}), "roles": sorted(key.roles)}
        for key in (*settings.keys, *keys)
    ]
    tokens = [each.model_dump(mode="json") for each in settings.tokens]
    return json.dumps([known, tokens], sort_keys=True, default=str).encode()
