"""Credentials → callers. What is not known is refused, and told no more than that."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from typing import Protocol

from starlette.requests import Request

from .callers import Caller
from .problems import Problem
from .settings import Key, ServiceSettings

#: The first letters of keys that were made here.
PREFIX = "licet_"
MIN_KEY = 20
MAX_CREDENTIAL = 16_384
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Authority(Protocol):
    """Something that knows credentials of one kind."""

    async def caller(self, credential: str) -> Caller | None:
        """Whose credential this is; None: none that is known here. Raises StoreError where that
        cannot be known now, and nothing else."""


def hash_of(key: str) -> str:
    """What is kept of a key. They are long random texts, so that no slow hash is needed."""
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class ApiKeys:
    """The keys of the configuration."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._by_hash = {
            key.hash: Caller(
                key.name,
                key.roles,
                key.tenant,
                key.principal,
                key.context,
                key.session,
                key.tools,
                None if key.expires is None else key.expires.timestamp(),
            )
            for key in keys
        }

    async def caller(self, credential: str) -> Caller | None:
        # The look-up is by hash: how long it takes says nothing of a key that is close.
        found = self._by_hash.get(hash_of(credential))
        if found is None or found.expires is None or time.time() < found.expires:
            return found
        return None


class Authenticator:
    """Asks each authority in turn."""

    def __init__(self, authorities: Iterable[Authority]) -> None:
        self._authorities = tuple(authorities)

    async def caller(self, request: Request) -> Caller:
        """Who asks. Raises Problem 401, and StoreError."""
        return await self.known(_credential(request))

    async def known(self, credential: str) -> Caller:
        """Whose credential this is. Raises Problem 401, and StoreError."""
        known = self._authorities if 0 < len(credential) <= MAX_CREDENTIAL else ()
        for authority in known:
            found = await authority.caller(credential)
            if found is not None:
                return found
        raise Problem(401, "the credential is not known, or has expired", headers=_CHALLENGE)


def _credential(request: Request) -> str:
    """The one credential of a request: a bearer token, or the header `X-API-Key`."""
    bearer: list[str] = []
    for name, value in request.scope["headers"]:
        if name == b"authorization":
            scheme, _, rest = value.decode("latin-1").partition(" ")
            if scheme.lower() != "bearer":
                raise Problem(401, "authenticate with a bearer token", headers=_CHALLENGE)
            bearer.append(rest.strip())
        elif name == b"x-api-key":
            bearer.append(value.decode("latin-1").strip())
    if len(bearer) != 1 or not bearer[0] or len(bearer[0]) > MAX_CREDENTIAL:
        raise Problem(401, "send exactly one bearer token", headers=_CHALLENGE)
    return bearer[0]


def authenticator_of(
    settings: ServiceSettings, more: Iterable[Key] = (), stored: Authority | None = None
) -> Authenticator:
    """What the configuration knows; `more` are keys that are not written there, `stored` knows
    those of the store."""
    tokens: list[Authority] = [] if stored is None else [stored]
    if settings.tokens:
        from .tokens import TokenAuthority

        tokens += [TokenAuthority(each) for each in settings.tokens]
    return Authenticator([ApiKeys((*settings.keys, *more)), *tokens])
