"""Webhooks of the configuration: signed, each of its own tenant, never to where they may not go."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from licet import Guard
from licet.adapters.stores import open_store
from licet.adapters.webhooks import HEADER, verified
from licet.service import outbox
from licet.service.outbox import Outbox, leaving
from licet.service.settings import SettingsError, settings_of
from licet.service.starting import Plan, app_of
from licet.verifier.approvals import Approval
from licet.verifier.history import Store
from licet.verifier.history.memory import MemoryStore
from support.serve_process import served
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


def test_what_is_answered_at_the_store_is_told(
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

    async def end() -> None:
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(end())
    with store.begin("one") as tx:
        assert tx.documents("untold approval", "~", 9) == []
    assert sorted(json.loads(body)["state"] for _, _, body in found) == ["approved", "open"]
    store.close()


def waiting(folder: Path, store: Store) -> Approval:
    """An approval of the tenant `one` that waits in a store."""
    (folder / "shop.licet").write_text(POLICY, "utf-8")
    asked: list[Approval] = []
    notify = asked.append
    with Guard.load(folder / "shop.licet", store=store, tenant="one", notify=notify) as guard:
        guard.check(call())
    [approval] = asked
    return approval


def told(box: Outbox, sent: list[Approval]) -> list[str]:
    """The ids of what an outbox tells when it looks now."""
    before = len(sent)
    box.look()
    return [approval.id for approval in sent[before:]]


def test_what_a_dead_worker_had_taken_is_told_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    waits = waiting(tmp_path, store)
    answers: list[Future[bool]] = []
    sent: list[Approval] = []

    def tell(approval: Approval) -> list[Future[bool]]:
        sent.append(approval)
        answers.append(Future())
        return answers[-1:]

    dead, alive = (Outbox(store, ["one"], tell) for _ in range(2))
    leaving(store)(waits)
    asked = waits.id
    assert told(dead, sent) == [asked]
    assert told(dead, sent) == told(alive, sent) == []  # it is being told
    with monkeypatch.context() as later:
        later.setattr(outbox, "_LEASE", 0)
        assert told(alive, sent) == [asked]
        # told while it is sent: this is another thing to tell
        leaving(store)(waits)
        assert told(alive, sent) == []
        assert told(alive, sent) == [asked]
        answers[-1].set_result(False)  # nobody took it
        assert told(alive, sent) == []
        assert told(alive, sent) == [asked]
    answers[-1].set_result(True)
    alive.close()
    with store.begin("one") as tx:
        assert tx.documents("untold approval", "~", 9) == []
    assert told(dead, sent) == told(alive, sent) == []


def test_what_never_arrives_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    lost: Future[bool] = Future()
    lost.set_result(False)
    sent: list[Approval] = []

    def tell(approval: Approval) -> list[Future[bool]]:
        sent.append(approval)
        return [lost]

    box = Outbox(store, ["one"], tell)
    leaving(store)(waiting(tmp_path, store))
    monkeypatch.setattr(outbox, "_LEASE", 0)
    for _ in range(3 * outbox._TIMES):
        box.look()
    assert len(sent) == outbox._TIMES
    with store.begin("one") as tx:
        assert tx.documents("untold approval", "~", 9) == []


@pytest.mark.long
def test_a_service_that_is_killed_while_it_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had taken from the store is told by the next one that serves the tenant."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    asked, told = threading.Event(), threading.Event()
    killed = threading.Event()
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            asked.set()
            killed.wait()
            with suppress(OSError):  # nobody is there any more
                self.send_response(204)
                self.end_headers()
                self.wfile.flush()
            if len(bodies) > 1:
                told.set()

        def log_message(self, *_: object) -> None:
            pass

    url = f"sqlite:///{tmp_path / 'licet.db'}"
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        configuration = (
            "[service]\nseconds = 20.0\n[[service.webhooks]]\n"
            f'url = "http://127.0.0.1:{receiver.server_port}/"\nprivate = true\n'
            'secret_env = "HOOK_SECRET"\ntenant = "one"\nseconds = 30\n'
        )
        with served(
            tmp_path, POLICY, "--database", url, configuration=configuration, quiet=True
        ) as running:
            with closing(open_store(url)) as store:
                leaving(store)(waiting(tmp_path, store))
            assert asked.wait(120)
            os.kill(running.process.pid, signal.SIGKILL)
            running.process.wait()
            killed.set()
        with closing(open_store(url)) as store, store.begin("one") as tx:
            [(id, note)] = tx.documents("untold approval", "~", 9)
            left, taken, times = map(int, note.split())
            assert (left < taken, times) == (True, 1)
            tx.put_document("untold approval", id, f"{left} {taken - outbox._LEASE} 1")  # long ago
        with served(
            tmp_path, POLICY, "--database", url, configuration=configuration, quiet=True
        ) as running:
            assert told.wait(120)
            running.stop()
        with closing(open_store(url)) as store, store.begin("one") as tx:
            assert tx.documents("untold approval", "~", 9) == []
        receiver.shutdown()
    assert [body["approval"] for body in bodies] == [id, id]


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
