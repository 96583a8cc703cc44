"""A service over the shop's policy, with a credential for every role in two tenants."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from licet import Guard
from licet.adapters.stores import open_store
from licet.service.app import create_app
from licet.service.auth import hash_of
from licet.service.bundles.files import read_files
from licet.service.bundles.opening import files_of
from licet.service.bundles.unpacking import compiled
from licet.service.callers import Role
from licet.service.settings import Key, settings_of
from licet.verifier.history import Store
from licet.verifier.history.memory import MemoryStore
from support.shop import SHOP

TENANTS = ("one", "two")
POLICY = SHOP + "escalate large on refund when args.amount > 150 to approver.role == manager\n"
ROLES = tuple(Role)


def key(role: Role | str, tenant: str = "one") -> str:
    return f"licet_test_{tenant}_{role}_key"


def keys() -> Iterable[Key]:
    for tenant in TENANTS:
        for role in ROLES:
            yield Key(
                name=f"{tenant}-{role}",
                hash=hash_of(key(role, tenant)),
                roles=frozenset({role}),
                tenant=tenant,
                principal={"id": f"{tenant}-{role}", "role": "manager"},
                context={"risk": 0},
            )


def serve(
    folder: Path,
    text: str = POLICY,
    *,
    store: str | None = "sqlite",
    patience: float = 2.0,
    **settings: object,
) -> FastAPI:
    """The app, remembering in `folder` (`store=None`: in memory), whose transactions wait for each
    other so many seconds."""
    if store is None:
        kept: Store = MemoryStore()
    else:
        kept = open_store(f"sqlite:///{folder / 'state.db'}", seconds=patience)
    policy = folder / "shop.licet"
    policy.write_text(text, "utf-8")
    given = settings_of(settings)
    bundle, until = read_files([policy])
    program = compiled(bundle)
    guard = Guard(
        program,
        store=kept,
        seconds=20.0,
        tenant="one",
        activate=False,
        observe_until=until,
        redact=given.redact,
        ahead=False,
    )
    return create_app(guard, given, keys=keys(), files=files_of(bundle, program, until))


def close(app: FastAPI) -> None:
    if hasattr(app.state, "console"):
        app.state.console.close()
    app.state.service.policies.close()
    app.state.service.guards.close()
    app.state.service.store.close()


def ask(
    app: FastAPI,
    method: str,
    path: str,
    *,
    role: Role | str | None = None,
    tenant: str = "one",
    headers: dict[str, str] | None = None,
    **sent: Any,
) -> httpx.Response:
    """One request to the app itself, without a socket."""
    given = dict(headers or {})
    if role is not None:
        given["Authorization"] = f"Bearer {key(role, tenant)}"

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://licet.test") as client:
            return await client.request(method, path, headers=given, **sent)

    return asyncio.run(go())
