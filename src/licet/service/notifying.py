"""Who is told of approvals: the webhooks of the configuration, each of its own tenant's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future

from licet.adapters.webhooks import Webhook
from licet.verifier.approvals import Approval

from .settings import SettingsError, WebhookSettings


class Notifier:
    """What a guard calls with each approval that waits or was answered. Raises SettingsError for a
    webhook without a secret."""

    def __init__(self, webhooks: Iterable[WebhookSettings]) -> None:
        self._of_tenant: dict[str, list[Webhook]] = {}
        for each in webhooks:
            made = Webhook(
                each.url, _secret(each.secret_env), seconds=each.seconds, private=each.private
            )
            self._of_tenant.setdefault(each.tenant, []).append(made)

    @property
    def tenants(self) -> frozenset[str]:
        """Those whose approvals somebody is told of."""
        return frozenset(self._of_tenant)

    def __call__(self, approval: Approval) -> list[Future[bool]]:
        """Send it, in the background; each answer says whether it arrived."""
        return [webhook(approval) for webhook in self._of_tenant.get(approval.tenant, ())]

    def close(self) -> None:
        """Wait for what is being sent."""
        for webhooks in self._of_tenant.values():
            for webhook in webhooks:
                webhook.close()


def _secret(name: str) -> bytes:
    secret = os.environ.get(name, "").encode("utf-8", "surrogateescape")
    if len(secret) < 32:
        raise SettingsError(
            f"`service.webhooks`: the environment's {name} is the secret that signs, of 32 bytes "
            "or more"
        )
    return secret
