"""Webhooks: signed, tried again, to public addresses alone, and never in the way of a decision."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from licet import Guard
from licet.adapters.webhooks import HEADER, Webhook, body_of, signature, verified

SECRET = bytes(range(32))
POLICY = """
principal { id: String, manager: Bool }
tool pay(amount: Decimal in 0 .. 10_000, note: String)
permit all on pay
escalate large on pay when args.amount > 500 to approver.manager message "{args.amount} is much."
"""
CALL = {
    "tool": "pay",
    "args": {"amount": 700, "note": "\x1b[31m now"},
    "principal": {"id": "a1", "manager": False},
    "session": "s1",
}


class Receiver:
    """A real server that notes what it is sent, and fails as often as it is told to."""

    def __init__(self, failures: int = 0, status: int = 204) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.came = threading.Event()
        self.asked = 0
        self.left = left = [failures]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked += 1
                if left[0]:
                    left[0] -= 1
                    self.send_response(503)
                else:
                    outer.got.append((self.headers[HEADER], body))
                    outer.came.set()
                    self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:9/")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(failures=2)
    yield made
    made.close()


def policy(folder: Path) -> Path:
    path = folder / "pay.licet"
    path.write_text(POLICY, "utf-8")
    return path


def test_who_is_asked_is_told_and_what_they_answered(tmp_path: Path, receiver: Receiver) -> None:
    hook = Webhook(receiver.url, SECRET, private=True)
    with Guard.load(policy(tmp_path), notify=hook) as guard:
        verdict = guard.check(CALL)
        assert guard.check(CALL).approval == verdict.approval  # asked once
        assert verdict.approval is not None
        guard.approve(verdict.approval, approver={"id": "boss", "manager": True})
    assert receiver.came.wait(60)  # after two failures
    hook.close()
    assert [json.loads(body)["state"] for _, body in receiver.got] == ["open", "approved"]
    header, body = receiver.got[0]
    told = json.loads(body)
    answered = json.loads(receiver.got[1][1])
    assert len({told.pop("notice"), answered.pop("notice")}) == 2
    assert told.pop("expires") > 0
    assert told == {
        "approval": verdict.approval,
        "tenant": "default",
        "state": "open",
        "tool": "pay",
        "args": {"amount": 700, "note": "\x1b[31m now"},
        "principal": {"id": "a1", "manager": False},
        "session": "s1",
        "rules": [{"name": "large", "message": "700 is much.", "needs": 1, "agreed": []}],
    }
    assert b"\x1b" not in body
    assert verified(SECRET, header, body)


def test_a_signature_is_for_one_body_one_secret_and_a_while() -> None:
    header = signature(SECRET, b"{}", 1_000)
    assert verified(SECRET, header, b"{}", clock=lambda: 1_299.0)
    assert not verified(SECRET, header, b"{}", clock=lambda: 1_301.0)
    assert not verified(SECRET, header, b"{ }", clock=lambda: 1_000.0)
    assert not verified(bytes(32), header, b"{}", clock=lambda: 1_000.0)
    for odd in ("", "t=1000", "v1=00", "t=x,v1=00", "t=1000,v1=é", header.replace("1000", "1001")):
        assert not verified(SECRET, odd, b"{}", clock=lambda: 1_000.0)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "169.254.169.254", "10.0.0.1"])
def test_private_addresses_are_not_reached(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, host: str
) -> None:
    hook = Webhook(f"http://{host}:9/hook", SECRET)
    with Guard.load(policy(tmp_path)) as guard, caplog.at_level(logging.WARNING):
        approval = guard.approval(str(guard.check(CALL).approval))
        assert approval is not None
        assert hook(approval).result() is False
    hook.close()
    assert "it goes to public addresses alone" in caplog.text


def test_a_redirect_is_no_arrival(tmp_path: Path) -> None:
    elsewhere = Receiver(status=302)
    hook = Webhook(elsewhere.url, SECRET, private=True)
    with Guard.load(policy(tmp_path)) as guard:
        asked = str(guard.check(CALL).approval)
        approval, same = guard.approval(asked), guard.approval(asked)
        assert approval is not None
        assert same is not None
        assert hook(approval).result() is False
        assert SECRET not in body_of(approval)
        assert body_of(approval) == body_of(same)  # told again, it is known by its `notice`
    hook.close()
    elsewhere.close()
    assert elsewhere.asked == 1  # whoever sends it elsewhere would do so again


def test_closing_does_not_wait_for_one_that_is_down(tmp_path: Path) -> None:
    down = Receiver(failures=1_000)
    hook = Webhook(down.url, SECRET, private=True)
    with Guard.load(policy(tmp_path)) as guard:
        approval = guard.approval(str(guard.check(CALL).approval))
        assert approval is not None
        waiting = [hook(approval) for _ in range(20)]
    hook.close()
    assert [each.result(0) for each in waiting] == [False] * 20
    assert down.got == []
    assert down.left[0] > 1_000 - 20
    down.close()


def test_nobody_listens_and_the_guard_goes_on(tmp_path: Path) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("no")

    with Guard.load(policy(tmp_path), notify=broken) as guard:
        assert guard.check(CALL).outcome == "escalate"


@pytest.mark.parametrize("url", ["ftp://a/", "https:///x", "a", "https://u:p@a.example/"])
def test_what_is_no_webhook(url: str) -> None:
    with pytest.raises(ValueError, match="a webhook goes to"):
        Webhook(url, SECRET)
    with pytest.raises(ValueError, match="32 bytes"):
        Webhook("https://a.example/", b"short")
