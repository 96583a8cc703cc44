"""Whether there is anybody who may ask a service anything."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from .keys import Keyring
from .settings import Key

NOBODY = (
    "nobody can sign in: every key has expired or was revoked, and no identity provider is "
    "configured. Make a key with `licet keys create NAME --role host`, or set LICET_API_KEY"
)


def anybody(keyring: Keyring, known: Iterable[Key], served: Iterable[str]) -> bool:
    """Whether some key is good now: one of the configuration's, which are `known`, or one in the
    store of a tenant that is served. Raises StoreError."""
    now = datetime.now(UTC)
    if any(key.expires is None or now < key.expires for key in known):
        return True
    until = int(now.timestamp() * 1_000_000)
    return any(
        secret.ends is None or until < secret.ends
        for tenant in sorted(served)
        for key in keyring.list(tenant)
        for secret in key.secrets
    )
