"""Keys in the store: who may make which, that they are shown once, rotate, and end."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from licet.adapters.stores import open_store
from licet.service.anybody import NOBODY, anybody
from licet.service.app import create_app
from licet.service.auth import hash_of
from licet.service.callers import GRANTABLE, Role
from licet.service.keys import KeyRefusedError, Keyring, UnknownKeyError
from licet.service.settings import Key, Scope, settings_of
from licet.service.starting import first_key
from licet.service.stored_keys import KEPT, StoredKeys
from licet.verifier.history import Store, StoreError
from licet.verifier.history.memory import MemoryStore
from support.console import sign_in, visitor
from support.serving import POLICY, ask, close, serve
from support.shop import shop

HOST = Scope(roles=frozenset({Role.host}))
LOOKUP = {"tool": "lookup", "args": {"order_id": "R1"}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    app = serve(tmp_path_factory.mktemp("keys"), store=None)
    yield app
    close(app)


@pytest.fixture
def app(served: FastAPI) -> Iterator[FastAPI]:
    """One service for all of these tests, in which nobody has a key of the store."""
    yield served
    ring: Keyring = served.state.service.keyring
    for tenant in ("one", "two"):
        with served.state.service.store.begin(tenant) as tx:
            names = {row.name for row in tx.api_keys()}
        for name in names:
            ring.revoke(tenant, name, by="test")


def admin(
    app: FastAPI, method: str, path: str = "", of: str = "one", **body: object
) -> httpx.Response:
    sent: dict[str, Any] = {"json": body} if method == "POST" else {}
    path = f"/v1/keys{path}"
    return ask(app, method, path, role="administrator", tenant=of, **sent)


def make(app: FastAPI, name: str = "desk", of: str = "one", **more: object) -> str:
    body = {"name": name, "roles": ["host"], **more}
    answer = admin(app, "POST", of=of, **body)
    assert answer.status_code == 200, answer.text
    key: str = answer.json()["key"]
    return key


def status(app: FastAPI, key: str, body: dict[str, Any] = LOOKUP) -> int:
    forget(app)
    headers = {"X-API-Key": key}
    return ask(app, "POST", "/v1/check", headers=headers, json=body).status_code


def forget(app: FastAPI) -> None:
    """As if `KEPT` seconds had passed."""
    app.state.service.stored_keys._known.clear()


def audited(app: FastAPI, name: str, tenant: str = "one") -> list[dict[str, Any]]:
    path = "/v1/decisions?kind=key&limit=500"
    found = ask(app, "GET", path, role="auditor", tenant=tenant).json()["entries"]
    bodies = [entry["body"] for entry in reversed(found)]
    return [body for body in bodies if body["key"] == name]


def test_a_key_is_shown_once_and_kept_as_a_hash(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    app = serve(tmp_path)
    caplog.set_level(logging.DEBUG)
    made = make(app, principal={"id": "a1", "role": "support"}, context={"risk": 0})
    assert status(app, made) == 200
    listed = admin(app, "GET").json()["keys"]
    assert [key.pop("secrets")[0]["ends"] for key in listed] == [None]
    assert listed == [
        {
            "name": "desk",
            "roles": ["host"],
            "principal": {"id": "a1", "role": "support"},
            "context": {"risk": 0},
        }
    ]
    told = ask(app, "GET", "/v1/decisions?kind=key", role="auditor").text
    metrics = ask(app, "GET", "/metrics", role="administrator").text
    out, err = capfd.readouterr()
    for text in (told, metrics, out, err, caplog.text, json.dumps(listed)):
        assert made not in text
        assert hash_of(made) not in text
    assert made.encode() not in (tmp_path / "state.db-wal").read_bytes()
    close(app)


def test_all_of_it_is_audited(app: FastAPI) -> None:
    make(app, "noted", tools=["look*"], expires="2100-01-01T00:00:00Z")
    admin(app, "POST", "/noted/rotate", overlap=60)
    admin(app, "DELETE", "/noted")
    entries = audited(app, "noted")
    scope = {"roles": ["host"], "tools": ["look*"], "expires": "2100-01-01T00:00:00Z"}
    by = {"key": "noted", "by": "one-administrator"}
    assert entries[1].pop("until") > "2026"
    assert entries == [
        {**by, "event": "created", **scope},
        {**by, "event": "rotated", **scope},
        {**by, "event": "revoked"},
    ]
    assert audited(app, "noted", "two") == []


def test_an_agents_key_acts_as_it_says_and_reaches_its_tools_alone(app: FastAPI) -> None:
    made = make(
        app, roles=["agent"], principal={"id": "a9", "role": "support"}, context={"risk": 0},
        tools=["look*"],
    )  # fmt: skip
    assert status(app, made) == 200
    assert status(app, made, {"tool": "refund", "args": {}}) == 403
    assert status(app, made, {**LOOKUP, "principal": {"id": "boss"}}) == 403
    caller = asyncio.run(app.state.service.authenticator.known(made))
    assert (caller.name, caller.session, caller.principal["id"]) == ("keys/desk", None, "a9")


# --- what an administrator may hand out


@pytest.mark.parametrize("role", sorted(Role))
def test_roles_that_an_administrator_may_give(app: FastAPI, role: Role) -> None:
    for roles in ([role], ["agent", role]):
        name = f"{role}-{len(roles)}"
        answer = admin(app, "POST", name=name, roles=roles)
        assert answer.status_code == (200 if role in GRANTABLE else 403)
    ring: Keyring = app.state.service.keyring
    ring.create("one", "by-the-operator", Scope(roles=frozenset({role})), by="test")
    turned = admin(app, "POST", "/by-the-operator/rotate")
    assert turned.status_code == (200 if role in GRANTABLE else 403)
    assert "key" in turned.json() or turned.json()["path"] == "roles"
    assert admin(app, "DELETE", "/by-the-operator").status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        {"tenant": "two"},
        {"hash": hash_of("x")},
        {"key": "licet_mine"},
        {"roles": []},
        {"roles": ["root"]},
        {"roles": "host"},
        {"name": "../x"},
        {"name": "x" * 101},
        {"name": "x\n"},
        {"principal": []},
        {"tools": "*"},
        {"expires": "tomorrow"},
        {"expires": "2030-01-01T00:00:00"},
        {"expires": 2_000_000_000},
    ],
)
def test_what_is_no_key(app: FastAPI, more: dict[str, object]) -> None:
    body = {"name": "desk", "roles": ["host"], **more}
    assert admin(app, "POST", **body).status_code == 422
    for tenant in ("one", "two"):
        assert admin(app, "GET", of=tenant).json() == {"keys": []}


def test_what_cannot_be_as_things_stand(app: FastAPI) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert admin(app, "POST", name="desk", roles=["host"], expires=past).status_code == 409
    huge = {"text": "x" * 20_000}
    assert admin(app, "POST", name="desk", roles=["host"], principal=huge).status_code == 409
    make(app)
    assert admin(app, "POST", name="desk", roles=["host"]).status_code == 409
    for method, path in (("POST", "/other/rotate"), ("DELETE", "/other")):
        assert admin(app, method, path).status_code == 404
    assert admin(app, "POST", "/desk/rotate", overlap=-1).status_code == 422
    assert admin(app, "POST", "/desk/rotate", expires=past).status_code == 409


def test_tenants_have_nothing_of_each_others(app: FastAPI) -> None:
    first, second = make(app), make(app, of="two")
    assert [key["name"] for key in admin(app, "GET", of="two").json()["keys"]] == ["desk"]
    admin(app, "DELETE", "/desk", of="two")
    assert (status(app, first), status(app, second)) == (200, 401)
    assert admin(app, "POST", "/desk/rotate", of="two").status_code == 404
    headers = {"X-API-Key": make(app, "reader", roles=["auditor"])}
    make(app, "theirs", of="two")
    told = ask(app, "GET", "/v1/decisions?limit=500", headers=headers).text
    assert "theirs" not in told


def test_a_limited_administrator_makes_limited_keys(tmp_path: Path) -> None:
    few = Key(
        name="few",
        hash=hash_of("licet_test_few"),
        roles=frozenset({Role.administrator}),
        tenant="one",
        tools=("look*", "crm.*"),
    )
    app = create_app(shop(tmp_path, POLICY, tenant="one"), keys=[few])

    def made(name: str, **more: object) -> int:
        body = {"name": name, "roles": ["agent"], **more}
        headers = {"X-API-Key": "licet_test_few"}
        return ask(app, "POST", "/v1/keys", headers=headers, json=body).status_code

    wanted: list[list[str] | None] = [None, [], ["*"], ["look*", "refund"], ["crm*"], ["look?"]]
    assert [made(f"n{n}", tools=tools) for n, tools in enumerate(wanted)] == [403] * len(wanted)
    assert [made("a", tools=["look*"]), made("b", tools=["lookup", "crm.x"])] == [200, 200]
    app.state.service.guards.close()


# --- the ends of a key


def test_a_rotated_key_has_two_secrets_for_a_while(app: FastAPI) -> None:
    old = make(app)
    turned = admin(app, "POST", "/desk/rotate", overlap=3_600).json()
    new = turned["key"]
    assert new != old
    assert [each["ends"] is None for each in turned["secrets"]] == [False, True]
    assert (status(app, old), status(app, new)) == (200, 200)
    newest = admin(app, "POST", "/desk/rotate", overlap=0).json()["key"]
    assert [status(app, key) for key in (old, new, newest)] == [401, 401, 200]
    assert len(admin(app, "GET").json()["keys"][0]["secrets"]) == 1


class Replica:
    """One process's view of the keys in a store, whose time goes as the test says."""

    def __init__(self, store: Store) -> None:
        self.later = 0.0
        self._keys = StoredKeys(
            Keyring(store),
            store,
            {"one"},
            clock=lambda: time.time() + self.later,
            ticks=lambda: time.monotonic() + self.later,
        )

    def knows(self, key: str) -> bool:
        return asyncio.run(self._keys.caller(key)) is not None


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    made: Store = MemoryStore() if request.param == "memory" else open_store(url)
    yield made
    made.close()


def test_an_overlap_ends_by_itself(store: Store) -> None:
    ring, here = Keyring(store), Replica(store)
    old, _ = ring.create("one", "desk", HOST, by="test")
    new, _ = ring.rotate("one", "desk", overlap=1, by="test")
    assert (here.knows(old), here.knows(new)) == (True, True)
    here.later = 1.0  # while the store's answer is still believed
    assert (here.knows(old), here.knows(new)) == (False, True)


def test_a_revoked_key_ends_in_every_replica_within_seconds(store: Store) -> None:
    ring, replicas = Keyring(store), (Replica(store), Replica(store))
    made, _ = ring.create("one", "desk", HOST, by="test")
    assert all(each.knows(made) for each in replicas)
    ring.revoke("one", "desk", by="test")
    for each in replicas:
        each.later = KEPT
    assert not any(each.knows(made) for each in replicas)
    assert KEPT <= 2


def test_a_store_that_is_gone_is_not_believed_for_longer(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    here = Replica(store)
    made, _ = Keyring(store).create("one", "desk", HOST, by="test")
    assert here.knows(made)
    store.close()
    here.later = KEPT
    with pytest.raises(StoreError):
        here.knows(made)


def test_who_asks_at_the_same_time_shares_one_look(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    ring = Keyring(store)
    keys = StoredKeys(ring, store, {"one"})
    made, _ = ring.create("one", "desk", HOST, by="test")

    async def many() -> list[object]:
        asked = [asyncio.create_task(keys.caller(made)) for _ in range(20)]
        await asyncio.sleep(0)
        asked[0].cancel()  # who asked first goes away
        return await asyncio.gather(*asked, return_exceptions=True)

    first, *others = asyncio.run(many())
    assert isinstance(first, asyncio.CancelledError)
    assert {id(each) for each in others} == {id(others[0])}
    assert others[0] is not None
    store.close()


def test_a_key_of_a_tenant_that_is_not_served_here(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    made, _ = Keyring(store).create("elsewhere", "desk", HOST, by="test")
    store.close()
    for tenants, told in (([], 401), (["elsewhere"], 200)):
        app = serve(tmp_path, tenants=tenants)
        assert status(app, made) == told
        close(app)


@pytest.mark.parametrize(
    "odd", ["not json", "[]", '{"roles": ["root"]}', '{"roles": []}', '{"roles": ["host"], "x": 1}']
)
def test_a_row_that_cannot_be_read_is_nobodys(app: FastAPI, odd: str) -> None:
    made = make(app)
    with app.state.service.store.begin("one") as tx:
        (row,) = tx.api_keys()
        tx.put_key(replace(row, document=odd))
    assert status(app, made) == 401
    assert admin(app, "GET").status_code == 409
    assert admin(app, "DELETE", "/desk").status_code == 200


def test_what_was_made_up_is_not_looked_for(tmp_path: Path) -> None:
    app = serve(tmp_path)
    made = make(app)
    other = Keyring(MemoryStore())
    foreign, _ = other.create("one", "desk", HOST, by="test")
    app.state.service.store.close()
    made_up = [made[:-1] + ("A" if made[-1] != "A" else "B"), made + "x", made[:-16], foreign]
    made_up += ["licet_", "licet_" + "A" * 48, "licet_\u00e9" * 9]
    assert not app.state.service.keyring.is_marked(made[:-1] + "\ud800")
    for key in made_up:
        raw = {"X-API-Key": key.encode("latin-1")}
        answer = ask(app, "POST", "/v1/check", headers=raw, json=LOOKUP)  # type: ignore[arg-type]
        assert answer.status_code == 401, key
    assert status(app, made) == 503
    close(app)


def test_a_session_of_the_console_ends_with_its_key(app: FastAPI) -> None:
    ring: Keyring = app.state.service.keyring
    reads = Scope(roles=frozenset({Role.auditor}))
    made, _ = ring.create("one", "reader", reads, by="test")
    client = visitor(app)
    assert sign_in(client, made).status_code == 303
    assert client.get("/console/decisions").status_code == 200
    # whoever has a copy of the cookie gains nothing by an overlap
    newer, _ = ring.rotate("one", "reader", overlap=3_600, by="test")
    forget(app)
    assert client.get("/console/decisions").headers["location"].startswith("/console/sign-in")
    assert sign_in(client, newer).status_code == 303
    assert client.get("/console/decisions").status_code == 200
    assert admin(app, "DELETE", "/reader").status_code == 200
    assert client.get("/console/decisions").headers["location"].startswith("/console/sign-in")


# --- the first key


def test_the_first_key_is_one_like_any_other(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    hashed, made = first_key(settings_of({}), store)
    assert hashed is None
    assert made is not None
    assert first_key(settings_of({}), store) == (None, None)
    ring = Keyring(store)
    assert [key.name for key in ring.list("default")] == ["first"]
    assert anybody(ring, (), ["default"])
    ring.revoke("default", "first", by="test")
    assert first_key(settings_of({}), store) == (None, None)  # it does not come back
    assert not anybody(ring, (), ["default"])
    with pytest.raises(UnknownKeyError):
        ring.revoke("default", "first", by="test")
    store.close()


def test_whether_anybody_can_ask_is_known(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ring, now = Keyring(MemoryStore()), datetime.now(UTC)
    over = Key(name="over", hash="sha256:" + "0" * 64, roles=frozenset({Role.host}))
    ended = over.model_copy(update={"expires": now - timedelta(seconds=1)})
    assert anybody(ring, [over], ["default"])
    assert not anybody(ring, [ended], ["default"])
    made, _ = ring.create("elsewhere", "desk", HOST, by="test")
    assert not anybody(ring, [ended], ["default"])  # this service does not serve that tenant
    assert anybody(ring, [ended], ["default", "elsewhere"])
    ring.revoke("elsewhere", "desk", by="test")
    assert not anybody(ring, [ended], ["default", "elsewhere"])

    app = serve(tmp_path, store=None)
    end(app)
    assert NOBODY not in caplog.text
    close(app)
    app = create_app(shop(tmp_path), settings_of({}))
    end(app)
    assert NOBODY in caplog.text
    assert status(app, made) == 401
    close(app)


def end(app: FastAPI) -> None:
    """Start the app, and end it."""

    async def go() -> None:
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(go())


def test_who_has_a_key_gets_no_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    Keyring(store).create("default", "desk", HOST, by="test")
    assert first_key(settings_of({}), store) == (None, None)
    monkeypatch.setenv("LICET_API_KEY", "x" * 20)
    assert first_key(settings_of({}), MemoryStore()) == (hash_of("x" * 20), None)


def test_names_are_names() -> None:
    ring = Keyring(MemoryStore())
    for tenant, name in (("a b", "x"), ("a", "x y"), ("", "x"), ("a", ""), ("a", "x\n")):
        with pytest.raises(KeyRefusedError, match="names are"):
            ring.create(tenant, name, HOST, by="test")
