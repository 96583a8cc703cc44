"""Who is told of approvals: the webhooks of the configuration, each of its own tenant's."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterable, Mapping
from concurrent.futures import Future

from licet.adapters.webhooks import Webhook
from licet.verifier.approvals import Approval

from .settings import SettingsError, WebhookSettings


class Notifier:
    """Sends each approval that waits or was answered (`outbox.Tell`). Raises SettingsError for a
    webhook without a secret."""

    def __init__(self, webhooks: Iterable[WebhookSettings]) -> None:
        self._of_tenant: dict[str, dict[str, Webhook]] = {}
        for each in webhooks:
            made = Webhook(
                each.url, _secret(each.secret_env), seconds=each.seconds, private=each.private
            )
            # the URL may be a secret, and names are kept in the store
            name = hashlib.sha256(f"{each.secret_env} {each.url}".encode()).hexdigest()[:16]
            self._of_tenant.setdefault(each.tenant, {})[name] = made

    @property
    def tenants(self) -> frozenset[str]:
        """Those whose approvals somebody is told of."""
        return frozenset(self._of_tenant)

    def __call__(self, approval: Approval, told: Container[str]) -> Mapping[str, Future[bool]]:
        """Send it, in the background, to those whose names are not in `told`; each answer says
        whether it arrived."""
        webhooks = self._of_tenant.get(approval.tenant, {})
        return {name: webhook(approval) for name, webhook in webhooks.items() if name not in told}

    def close(self) -> None:
        """Wait for what is being sent."""
        for webhooks in self._of_tenant.values():
            for webhook in webhooks.values():
                webhook.close()


def _secret(name: str) -> bytes:
    secret = os.environ.get(name, "").encode("utf-8", "surrogateescape")
    if len(secret) < 32:
        raise SettingsError(
            f"`service.webhooks`: the environment's {name} is the secret that signs, of 32 bytes "
            "or more"
        )
    return secret
