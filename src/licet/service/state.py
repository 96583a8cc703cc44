"""What the routes of one app share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from licet.adapters.feedback import Feedbacks
from licet.verifier.history import Store

from .auth import Authenticator
from .bundles.policies import Policies
from .callers import Caller
from .guards import Guards
from .keys import Keyring
from .rates import Rates
from .settings import ServiceSettings
from .stored_keys import StoredKeys
from .telemetry.sinks import Telemetry

#: Where the service is in a request's scope.
SERVICE = "licet.service"


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running service, at `app.state.service` and in every request's scope."""

    settings: ServiceSettings
    guards: Guards
    store: Store
    authenticator: Authenticator
    rates: Rates
    telemetry: Telemetry
    policies: Policies
    keyring: Keyring
    stored_keys: StoredKeys
    #: The tenant by which the service itself is judged ready.
    tenant: str = "default"
    #: What the sessions of coding agents were told by this replica.
    feedbacks: Feedbacks = field(default_factory=Feedbacks)


def service_of(request: Request) -> Service:
    return cast(Service, request.scope[SERVICE])


def caller_of(request: Request) -> Caller:
    """Who asks; only where the route asks for a credential."""
    return cast(Caller, request.scope["licet.caller"])
