"""Webhooks of the configuration: signed, each of its own tenant, never to where they may not go."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Container, Iterator
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
from licet.service.outbox import Outbox, leave
from licet.service.settings import SettingsError, settings_of
from licet.service.starting import Plan, app_of
from licet.verifier.approvals import Approval
from licet.verifier.history import Store
from licet.verifier.history.memory import MemoryStore
from support.http_clients import Client
from support.serve_process import HOST_KEY, Served, served
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
    app.state.service.policies.look()
    ask(app, "POST", f"/v1/approvals/{asked}/reject", role="approver")
    ask(app, "POST", "/v1/check", role="host", tenant="two", json=call())

    async def end() -> None:
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(end())  # what is noted is sent, and waited for
    told = [
        (path, json.loads(body)["tenant"], json.loads(body)["state"]) for path, _, body in found
    ]
    assert sorted(told) == [
        ("/one", "one", "open"),
        ("/one", "one", "rejected"),
        ("/two", "two", "open"),
    ]
    assert len({json.loads(body)["notice"] for _, _, body in found}) == 3
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
    app.state.service.policies.look()
    boss = {"id": "boss", "role": "manager"}
    with Guard.load(policy, store=store, tenant="one", activate=False, announce=leave) as at:
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


def waiting(folder: Path, store: Store) -> str:
    """The id of an approval of the tenant `one` that waits in a store, with its note."""
    (folder / "shop.licet").write_text(POLICY, "utf-8")
    with Guard.load(folder / "shop.licet", store=store, tenant="one", announce=leave) as guard:
        return str(guard.check(call()).approval)


def notes(store: Store) -> list[str]:
    with store.begin("one") as tx:
        return [id for id, _ in tx.documents("untold approval", "~", 99)]


class Sent:
    """What outboxes told, to whom, and what came of it: for each, `names` that are told."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.to: list[tuple[str, str]] = []
        self.answers: list[Future[bool]] = []

    def __call__(self, approval: Approval, told: Container[str]) -> dict[str, Future[bool]]:
        made = {name: Future[bool]() for name in self.names if name not in told}
        self.to += [(name, approval.id) for name in made]
        self.answers += made.values()
        return made

    def by(self, box: Outbox) -> list[tuple[str, str]]:
        """What an outbox tells when it looks now."""
        before = len(self.to)
        box.look()
        return self.to[before:]


def test_what_a_dead_worker_had_taken_is_told_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, sent = MemoryStore(), Sent("chat")
    asked = waiting(tmp_path, store)
    dead, alive = (Outbox(store, ["one"], sent) for _ in range(2))
    assert sent.by(dead) == [("chat", asked)]
    assert sent.by(dead) == sent.by(alive) == []  # it is being told
    with monkeypatch.context() as later:
        later.setattr(outbox, "_LEASE", 0)
        assert sent.by(alive) == [("chat", asked)]
        # told while it is sent: this is another thing to tell
        with store.begin("one") as tx:
            leave(tx, asked)
        assert sent.by(alive) == []
        assert sent.by(alive) == [("chat", asked)]
        sent.answers[-1].set_result(False)  # nobody took it
        assert sent.by(alive) == []
        assert sent.by(alive) == [("chat", asked)]
    sent.answers[-1].set_result(True)
    alive.close()
    assert notes(store) == []
    assert sent.by(dead) == sent.by(alive) == []


def test_who_has_it_is_not_told_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by another worker either."""
    store, sent = MemoryStore(), Sent("chat", "mail")
    asked = waiting(tmp_path, store)
    one, two = (Outbox(store, ["one"], sent) for _ in range(2))
    assert sent.by(one) == [("chat", asked), ("mail", asked)]
    sent.answers[0].set_result(False)
    sent.answers[1].set_result(True)
    assert sent.by(one) == []
    monkeypatch.setattr(outbox, "_LEASE", 0)
    assert sent.by(two) == [("chat", asked)]
    sent.answers[2].set_result(True)
    assert sent.by(two) == []
    assert notes(store) == []


def test_what_is_noted_is_told_once_more_at_the_end_and_never_after_it(tmp_path: Path) -> None:
    store, sent = MemoryStore(), Sent("chat")
    asked = waiting(tmp_path, store)
    box, other = (Outbox(store, ["one"], sent) for _ in range(2))
    box.stop()
    assert sent.to == [("chat", asked)]
    sent.answers[0].set_result(True)
    box.close()
    assert notes(store) == []
    asked = waiting(tmp_path, store)
    with store.begin("one") as tx:
        leave(tx, asked)
    assert sent.by(box) == []
    assert sent.by(other) == [("chat", asked)]


def test_who_tells_nobody_leaves_no_note() -> None:
    store = MemoryStore()
    with store.begin("one") as tx:
        Outbox(store, ["two"], Sent("chat")).announce(tx, "1")
    assert notes(store) == []


@pytest.mark.parametrize(
    "end",
    [
        lambda answer: answer.set_result(False),
        lambda answer: answer.set_exception(ImportError("tenacity")),
        lambda answer: answer.cancel(),
    ],
    ids=["not taken", "failed", "cancelled"],
)
def test_what_never_arrives_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: Callable[[Future[bool]], object]
) -> None:
    store, sent = MemoryStore(), Sent("chat")
    asked = waiting(tmp_path, store)
    box = Outbox(store, ["one"], sent)
    monkeypatch.setattr(outbox, "_LEASE", 0)
    for _ in range(3 * outbox._TIMES):
        for answer in sent.answers:
            if not answer.done():
                end(answer)
        box.look()
    assert sent.to == [("chat", asked)] * outbox._TIMES
    assert notes(store) == []


@pytest.mark.long
def test_a_service_that_is_killed_before_it_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one that serves the tenant tells of both: what was asked for and not sent yet, and
    what was being sent."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    came, killed, told = threading.Event(), threading.Event(), threading.Event()
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            came.set()
            killed.wait()
            with suppress(OSError):  # nobody is there any more
                self.send_response(204)
                self.end_headers()
                self.wfile.flush()
            if len({body["approval"] for body in bodies}) == 2 and len(bodies) == 3:
                told.set()

        def log_message(self, *_: object) -> None:
            pass

    def asked(running: Served, amount: int) -> str:
        made = {**call(), "args": {"order_id": "R1", "amount": amount}}
        client = Client(running.url, HOST_KEY)
        status, answer = client.post("/v1/check", made)
        assert (status, answer["verdict"]["outcome"]) == (200, "escalate")
        return str(answer["verdict"]["approval"])

    url = f"sqlite:///{tmp_path / 'licet.db'}"
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        flags = ("--database", url)
        configuration = (
            "[service]\nseconds = 20.0\n[[service.webhooks]]\n"
            f'url = "http://127.0.0.1:{receiver.server_port}/"\nprivate = true\n'
            'secret_env = "HOOK_SECRET"\nseconds = 30\n'
        )
        with served(tmp_path, POLICY, *flags, configuration=configuration, quiet=True) as running:
            first = asked(running, 160)
            assert came.wait(120)
            second = asked(running, 170)  # one is sent after the other
            os.kill(running.process.pid, signal.SIGKILL)
            running.process.wait()
            killed.set()
        with closing(open_store(url)) as store, store.begin("default") as tx:
            left = tx.documents("untold approval", "~", 9)
            assert [id for id, _ in left] == [second, first]
            for id, note in left:
                at, taken, times = map(int, note.split())
                long_ago = taken and taken - outbox._LEASE
                tx.put_document("untold approval", id, f"{at} {long_ago} {times}")
        with served(tmp_path, POLICY, *flags, configuration=configuration, quiet=True) as running:
            assert told.wait(120)
            running.stop()
        with closing(open_store(url)) as store, store.begin("default") as tx:
            assert tx.documents("untold approval", "~", 9) == []
        receiver.shutdown()
    assert sorted(body["approval"] for body in bodies) == [first, first, second]
    assert len({body["notice"] for body in bodies}) == 2


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
