"""Webhooks of the configuration: signed, each of its own tenant, never to where they may not go."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from licet import Guard
from licet.adapters.webhooks import HEADER, verified
from licet.service.outbox import leaving
from licet.service.settings import SettingsError, settings_of
from licet.service.starting import Plan, app_of
from licet.verifier.history.memory import MemoryStore
from support.serving import POLICY, ask, keys
from support.shop import refund

SECRET = "s" * 32


@pytest.fixture
def got() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """A receiver's address, and what it was sent: path, signature, body."""
    found: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.append((self.path, self.headers[HEADER], body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", found
        server.shutdown()
        thread.join()


def hook(url: str, tenant: str, **more: object) -> dict[str, object]:
    return {"url": url, "secret_env": "HOOK_SECRET", "tenant": tenant, **more}


def call() -> dict[str, Any]:
    made: dict[str, Any] = refund(args={"order_id": "R1", "amount": 180})
    del made["now"]
    return made


def test_each_tenant_is_told_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, got: tuple[str, list[tuple[str, str, bytes]]]
) -> None:
    url, found = got
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    (tmp_path / "shop.licet").write_text(POLICY, "utf-8")
    settings = settings_of(
        {
            "seconds": 20,
            "keys": [json.loads(key.model_dump_json()) for key in keys()],
            "webhooks": [
                hook(f"{url}/one", "one", private=True),
                hook(f"{url}/two", "two", private=True),
            ],
        }
    )
    app = app_of(Plan((tmp_path / "shop.licet",), settings), MemoryStore())
    asked = ask(app, "POST", "/v1/check", role="host", json=call()).json()["verdict"]["approval"]
    ask(app, "POST", f"/v1/approvals/{asked}/reject", role="approver")
    ask(app, "POST", "/v1/check", role="host", tenant="two", json=call())

    async def end() -> None:
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(end())  # what is being sent is waited for
    told = [
        (path, json.loads(body)["tenant"], json.loads(body)["state"]) for path, _, body in found
    ]
    assert ("/one", "one", "open") in told
    assert {(path, tenant) for path, tenant, _ in told} <= {("/one", "one"), ("/two", "two")}
    for _, signature, body in found:
        assert verified(SECRET.encode(), signature, body)
        assert SECRET.encode() not in body


def test_what_is_answered_at_the_store_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, got: tuple[str, list[tuple[str, str, bytes]]]
) -> None:
    url, found = got
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    policy = tmp_path / "shop.licet"
    policy.write_text(POLICY, "utf-8")
    known = [json.loads(key.model_dump_json()) for key in keys()]
    hooks = [hook(url, "one", private=True)]
    settings = settings_of({"seconds": 20, "keys": known, "webhooks": hooks})
    store = MemoryStore()
    app = app_of(Plan((policy,), settings), store)
    asked = ask(app, "POST", "/v1/check", role="host", json=call()).json()["verdict"]["approval"]
    boss = {"id": "boss", "role": "manager"}
    with Guard.load(policy, store=store, tenant="one", activate=False, notify=leaving(store)) as at:
        at.approve(asked, approver=boss)
    with store.begin("one") as tx:  # of another day, and of nothing
        tx.put_document("untold approval", "0", "0")
        tx.put_document("untold approval", "1", str(tx.instant))
    for _ in range(2):
        app.state.service.policies.look()
    with store.begin("one") as tx:
        assert tx.documents("untold approval", "~", 9) == []

    async def end() -> None:
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(end())
    assert sorted(json.loads(body)["state"] for _, _, body in found) == ["approved", "open"]
    store.close()


@pytest.mark.parametrize("secret", [None, "", "short"])
def test_a_webhook_without_a_secret_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    if secret is not None:
        monkeypatch.setenv("HOOK_SECRET", secret)
    (tmp_path / "shop.licet").write_text(POLICY, "utf-8")
    settings = settings_of({"webhooks": [hook("https://chat.example/x", "one")]})
    with pytest.raises(SettingsError, match="HOOK_SECRET is the secret that signs"):
        app_of(Plan((tmp_path / "shop.licet",), settings), MemoryStore())


@pytest.mark.parametrize(
    "more",
    [
        {"url": "file:///etc/passwd"},
        {"url": "https://user:secret@chat.example/"},
        {"secret": "in clear"},
        {"secret_env": "not-a-name"},
        {"seconds": 0},
    ],
)
def test_settings_that_are_none(more: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of({"webhooks": [{**hook("https://chat.example/x", "one"), **more}]})
    assert "in clear" not in str(caught.value)
    assert "user:secret" not in str(caught.value)
