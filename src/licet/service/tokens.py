"""JSON Web Tokens of an identity provider → callers, as the configuration maps their claims."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from licet.adapters.outgoing import OutgoingError, fetch
from licet.compiler.exact_json import JsonError, decode

from .callers import Caller, Role
from .settings import Tokens

log = logging.getLogger("licet.service")

#: Keys of a URL are read again when they are so old; and for a token whose key is not among them,
#: or where they could not be read, but no more often than that.
FRESH = 600.0
PAUSE = 30.0
#: Why a token of the issuer itself is nobody's is said no more often than that.
TOLD_AGAIN = 60.0
#: Keys that were read so long ago are trusted no more, if the provider has not answered since. One
#: that is silent issues no tokens either, and those that are out end within about as long.
OLDEST = 3_600.0
_MAX_CHAIN = 16
_CLAIMS = (JoseError, JsonError, ValueError, TypeError, KeyError, RecursionError)


class TokenAuthority:
    """The tokens of one issuer."""

    def __init__(self, settings: Tokens, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._ticks = ticks
        self._keys: KeySet | None = None
        #: When they were read, and when that was tried last.
        self._known_at = self._read_at = float("-inf")
        self._lock = asyncio.Lock()
        self._told: dict[str, float] = {}
        self._claims = JWTClaimsRegistry(
            leeway=settings.leeway,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            exp={"essential": True},
        )

    async def caller(self, credential: str) -> Caller | None:
        """Whose token this is. None for all that is not certainly one of the issuer's."""
        if credential.count(".") != 2:
            return None
        try:
            claims = await self._verified(credential)
        except _CLAIMS:
            return None
        if claims is None:
            return None
        try:
            self._claims.validate(dict(claims))
            return self._mapped(claims)
        except _CLAIMS as error:
            self._tell(str(error) if isinstance(error, JoseError) else "its claims are odd")
            return None

    def _tell(self, why: str) -> None:
        """Say why a token that the issuer did sign is nobody's, for whoever sets this up. `why` is
        one of a few texts, without a claim's value."""
        now = self._ticks()
        if now - self._told.get(why, float("-inf")) >= TOLD_AGAIN:
            self._told[why] = now
            log.warning("a token of `%s` is nobody's: %s", self._settings.issuer, why)

    async def _verified(self, token: str) -> Mapping[str, Any] | None:
        """The claims of a token whose signature is the issuer's."""
        keys = await self._known(FRESH)
        if keys is None:
            return None
        algorithms = list(self._settings.algorithms)
        try:
            signed = jws.deserialize_compact(token.encode("ascii"), keys, algorithms)
        except (JoseError, ValueError):
            # Perhaps signed with a key that the provider has since begun to use.
            newer = await self._known(PAUSE)
            if newer is None or newer is keys:
                return None
            signed = jws.deserialize_compact(token.encode("ascii"), newer, algorithms)
        if "crit" in signed.headers():
            return None
        claims = decode(signed.payload, max_size=20_000, max_depth=20)
        return claims if isinstance(claims, dict) else None

    async def _known(self, age: float) -> KeySet | None:
        """The provider's keys, not older than `age` if they can be had. Old ones serve on for
        `OLDEST` while the provider does not answer, and while another request asks it."""
        if self._lock.locked() and self._ticks() - self._known_at < OLDEST:
            return self._keys
        async with self._lock:
            now = self._ticks()
            is_silent = self._known_at < self._read_at
            if now - self._read_at >= (min(age, PAUSE) if is_silent else age):
                self._read_at = now
                try:
                    self._keys = KeySet.import_key_set(decode(await self._source()))
                    self._known_at = now
                except (
                    OutgoingError,
                    OSError,
                    JoseError,
                    ValueError,
                    TypeError,
                    KeyError,
                ) as error:
                    why = error if isinstance(error, OutgoingError) else type(error).__name__
                    log.warning("the keys of `%s` cannot be read: %s", self._settings.issuer, why)
            return self._keys if now - self._known_at < OLDEST else None

    async def _source(self) -> bytes:
        settings = self._settings
        if settings.jwks_url is not None:
            return await fetch(settings.jwks_url, seconds=5.0, private=settings.private)
        assert settings.jwks is not None
        return await asyncio.to_thread(Path(settings.jwks).read_bytes)

    def _mapped(self, claims: Mapping[str, Any]) -> Caller | None:
        settings = self._settings
        said = _claim(claims, settings.roles_claim)
        named = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
        roles = {settings.roles[name] for name in named if name in settings.roles}
        tenant = settings.tenant
        if settings.tenant_claim is not None:
            named_tenant = _claim(claims, settings.tenant_claim)
            if not isinstance(named_tenant, str) or named_tenant not in settings.tenants:
                self._tell("its tenant is none of `tenants`")
                return None
            tenant = named_tenant
        subject = claims.get("sub")
        if not roles:
            self._tell("`roles` gives it none")
            return None
        if not isinstance(subject, str) or not subject:
            self._tell("it has no `sub`")
            return None
        principal = {
            field: value
            for field, path in settings.principal.items()
            if (value := _claim(claims, path)) is not None
        }
        session = _claim(claims, settings.session_claim) if settings.session_claim else None
        return Caller(
            f"{settings.issuer} {subject}"[:300],
            frozenset(Role(role) for role in roles),
            tenant,
            principal,
            settings.context,
            session if isinstance(session, str) and session else subject[:200],
            expires=float(claims["exp"]),
        )


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """The claim at a path (`act.sub`). `act.*` is the chain of actors (RFC 8693): the `sub` of each
    `act`, the nearest first."""
    if path == "act.*":
        return _actors(claims)
    value: Any = claims
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def _actors(claims: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    value = claims.get("act")
    while value is not None:
        if not isinstance(value, dict) or not isinstance(value.get("sub"), str):
            raise ValueError("an actor without a name")
        found.append(value["sub"])
        if len(found) > _MAX_CHAIN:
            raise ValueError("too many actors")
        value = value.get("act")
    return found
