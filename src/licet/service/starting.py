"""From the command line to running workers: what each process builds its app from."""

from __future__ import annotations

import gc
import os
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

from licet.compiler.exact_json import decode
from licet.compiler.json_text import json_line
from licet.verifier.guard import Guard
from licet.verifier.history import Store
from licet.verifier.history.memory import MemoryStore

from .app import create_app
from .auth import MIN_KEY, hash_of
from .bundles.files import read_files
from .bundles.opening import files_of
from .bundles.unpacking import compiled
from .callers import Role
from .keys import KeyRefusedError, Keyring
from .large_pages import use_large_pages
from .notifying import Notifier
from .outbox import Outbox
from .patience import Patient
from .settings import Key, Scope, ServiceSettings, SettingsError

#: The environment variable with the first host key.
KEY_VARIABLE = "LICET_API_KEY"
#: How the workers are told what to serve; set by `licet serve` for its own children.
PLAN_VARIABLE = "LICET_SERVE_PLAN"
#: In the store: that the first key was made.
_SECRET = "service first key"
FIRST = "first"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve. `key_hash`: of the host key that the environment gave, if it did."""

    policies: tuple[Path, ...]
    settings: ServiceSettings
    params: dict[str, object] | None = None
    key_hash: str | None = None

    def text(self) -> str:
        return json_line(
            {
                "policies": [str(path.resolve()) for path in self.policies],
                "settings": self.settings.model_dump_json(),
                "params": self.params,
                "key_hash": self.key_hash,
            }
        )

    @staticmethod
    def read(text: str) -> Plan:
        data = decode(text)
        return Plan(
            tuple(Path(path) for path in data["policies"]),
            ServiceSettings.model_validate_json(data["settings"]),
            data["params"],
            data["key_hash"],
        )


def first_key(settings: ServiceSettings, store: Store) -> tuple[str | None, str | None]:
    """The hash of the host key in `LICET_API_KEY`, if that is set, and the key that was made
    just now, if it was.

    One is made, under the name `first`, where nothing has a key: neither the environment, nor the
    configuration, nor the tenant `default` in the store, and none was made before. It is shown this
    once. Raises SettingsError for a weak key, and StoreError.
    """
    given = os.environ.get(KEY_VARIABLE)
    if given is not None:
        if len(given) < MIN_KEY:
            raise SettingsError(f"{KEY_VARIABLE} has {MIN_KEY} characters or more")
        return hash_of(given), None
    if settings.keys:
        return None, None
    keyring = Keyring(store, settings.redact)
    mine = secrets.token_bytes(16)
    if keyring.list("default") or store.secret(_SECRET, lambda: mine) != mine:
        return None, None
    try:
        host = Scope(roles=frozenset({Role.host}))
        return None, keyring.create("default", FIRST, host, by="licet serve")[0]
    except KeyRefusedError:  # another process was faster
        return None, None


def open_database(url: str) -> Store:
    """The store of a service. Raises ValueError, ImportError, StoreError."""
    if url == "memory":
        return MemoryStore()
    from licet.adapters.stores import open_store

    return open_store(url)


def app_of(plan: Plan, store: Store | None = None) -> FastAPI:
    """The app of a plan. Raises what loading a guard and opening a store raise, and lets go of the
    store then."""
    settings = plan.settings
    store = open_database(settings.database) if store is None else store
    with ExitStack() as opened:
        opened.callback(store.close)
        bundle, until = read_files(plan.policies, plan.params)
        notifier = Notifier(settings.webhooks)
        outbox = Outbox(store, notifier.tenants, notifier)
        opened.callback(outbox.close)
        opened.callback(notifier.close)
        closing = opened.pop_all()
        opened.callback(closing.close)
        # What runs is what is kept: compiled from the bundle, not from the disk once more.
        guard = Guard(
            compiled(bundle),
            store=store,
            seconds=settings.seconds,
            observe_until=until,
            activate=False,
            announce=outbox.announce,
            redact=settings.redact,
            ahead=False,  # one host whose clock is wrong would keep out all others
        )
        opened.callback(guard.close)
        files = files_of(bundle, guard.program, until)
        keys = []
        if plan.key_hash is not None:
            keys.append(Key(name=FIRST, hash=plan.key_hash, roles=frozenset({Role.host})))
        app = create_app(
            guard, settings, keys=keys, on_close=closing.close, files=files, every=outbox.look
        )
        closing.callback(outbox.stop)  # first of all: what is noted by then is still sent
        opened.pop_all()  # all of it is the app's now
        return app


def settled(app: FastAPI) -> FastAPI:
    """The app, in a process that does nothing else. The garbage collector no longer looks at what
    has been made by now, which stays, and seldom at all that a store in memory keeps: to walk it
    keeps requests waiting, again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000, 20, 100)  # what requests leave behind is young
    use_large_pages()
    return app


def worker() -> Patient:
    """The app of one worker process, which `licet serve` has started. Where the database is away by
    now, it waits."""
    plan = Plan.read(os.environ[PLAN_VARIABLE])
    return Patient(lambda: settled(app_of(plan)))
