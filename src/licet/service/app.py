"""The service as an ASGI application."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI

from licet import __version__
from licet.verifier.guard import Guard
from licet.verifier.history import StoreError

from . import problems
from .anybody import NOBODY, anybody
from .auth import Authenticator, authenticator_of
from .bundles.opening import Files
from .bundles.policies import Policies
from .console.app import Console, routes_of
from .doors import Door
from .entrance import App
from .guards import Guards
from .keys import Keyring
from .rates import Rates
from .resolvers import add_resolvers
from .routes import ROUTERS
from .settings import Key, ServiceSettings
from .state import Service
from .stored_keys import StoredKeys
from .telemetry.making import telemetry_of

log = logging.getLogger("licet.service")

ABOUT = """Every proposed action of an agent is decided here before it runs.

An agent's credential sends the tool and its arguments; a host's may vouch for who acts, where, and
for facts. A refusal names the rule, the reason, and the nearest call that would be allowed."""


def create_app(
    guard: Guard,
    settings: ServiceSettings | None = None,
    *,
    keys: Iterable[Key] = (),
    authenticator: Authenticator | None = None,
    on_close: Callable[[], object] | None = None,
    files: Files | None = None,
    every: Callable[[], object] | None = None,
) -> FastAPI:
    """The app around a guard, which it closes at its end. `keys` are known beside those of the
    settings and of the store; an `authenticator` takes the place of all.

    `files` are what the guard was compiled from, with its mode. What is active in the store decides
    in each tenant that is served, as `bundles.opening` says; without `files`, the guard's policy is
    made the active one. `every` is called every second, in a thread.
    """
    settings = settings or ServiceSettings()
    known = (*settings.keys, *keys)
    key = None if files is None else (files.bundle.digest, files.observe_until)
    guards = Guards(guard, key)
    telemetry = telemetry_of(settings.telemetry)
    served = settings.served | {guard.tenant} | {key.tenant for key in known}
    keyring = Keyring(guard.store, settings.redact)
    stored = StoredKeys(keyring, guard.store, served)
    policies = Policies(guard.store, guards, guard, settings, telemetry, every)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        policies.start()
        with suppress(StoreError):
            by_key = authenticator is None and not settings.tokens
            if by_key and not anybody(keyring, known, served):
                log.error(NOBODY)
        try:
            yield
        finally:
            policies.close()
            guards.close()
            telemetry.close()
            stored.close()
            if console is not None:
                console.close()
            if on_close is not None:
                on_close()

    app = App(
        title="licet",
        version=__version__,
        description=ABOUT,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.service = service = Service(
        settings,
        guards,
        guard.store,
        authenticator or authenticator_of(settings, known[len(settings.keys) :], stored),
        Rates(settings.limits.rate, settings.limits.burst),
        telemetry,
        policies,
        keyring,
        stored,
        guard.tenant,
    )
    add_resolvers(guard, settings.facts, telemetry.fact_lost)
    policies.open(sorted(served), files)
    problems.add_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    console = Console(service, known[len(settings.keys) :]) if settings.console else None
    if console is not None:
        app.state.console = console
        app.router.routes += routes_of(console)
    doors = [each for router in ROUTERS for each in router.routes if isinstance(each, Door)]
    app.enter_by(doors, service)
    _describe(app, doors)
    return app


def _describe(app: FastAPI, doors: Iterable[Door]) -> None:
    """Add to the description how one authenticates, and put the answers into it as they are: the
    framework leaves out of their examples whatever is null."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        described = made()
        described.setdefault("components", {})["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        for each in doors:
            for method in each.methods or ():
                answers = described["paths"][each.path_format][method.lower()]["responses"]
                for status, answer in each.responses.items():
                    answers[str(status)]["content"] = answer["content"]
        return described

    app.openapi = openapi  # type: ignore[method-assign]
