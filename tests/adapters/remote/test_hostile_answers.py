"""What answers in the service's place allows nothing, whatever it says."""

from __future__ import annotations

import asyncio
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from licet import Guard
from licet.adapters.remote.guard import RemoteGuard
from licet.adapters.remote.transport import ATTEMPTS, RemoteError
from licet.verifier.redeeming import RedeemError
from licet.verifier.tickets import Ticket, arguments_digest
from licet.verifier.verdict import Verdict

KEY = "licet_test_host_key_for_hostile_answers"
ARGS = {"order_id": "R1", "amount": 100}
CALL = {"tool": "refund", "args": ARGS, "id": "c1"}
TICKET = Ticket(
    "default", "id:a1", "s1", "c1", "refund", arguments_digest(ARGS), "p", "c", "n", 2**60, "x"
)
PART = str(replace(TICKET, call_id="part.n1", nonce="n1", tool="lookup"))


@contextmanager
def answering(*answers: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that sends these bytes, whatever is asked, one each and the last for ever; None: it
    hangs up. Its URL, and the first lines of what it was asked."""
    asked: list[bytes] = []
    rest = list(answers)
    done = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.connection.settimeout(20)
            first = self.rfile.readline()
            length = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            self.rfile.read(length)
            asked.append(first.strip())
            answer = rest.pop(0) if len(rest) > 1 else rest[0]
            if answer is None:
                return
            try:
                if answer == DRIP:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                    while not done.wait(0.05):
                        self.wfile.write(b"x")
                self.wfile.write(answer)
            except OSError:
                pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            done.set()
            server.shutdown()
            thread.join()


DRIP = b"drip"


def http(
    body: bytes, *, status: str = "200 OK", kind: str = "application/json", more: str = ""
) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}Connection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def allow(**changes: object) -> dict[str, Any]:
    """What the service says of an allowed call."""
    verdict: dict[str, Any] = {
        "call": "c1",
        "id": "v-1",
        "outcome": "allow",
        "tool": "refund",
        "rules": ["refunds"],
        "violations": [],
        "because": [],
        "counterexample": None,
        "repair": None,
        "message": "",
        "policy": "p",
        "catalog": "c",
    }
    parts = ("outcome", "tool", "violations", "because", "message")
    answer = {
        "allowed": True,
        "outcome": "allow",
        "model": {name: verdict[name] for name in parts},
        "verdict": verdict,
        "ticket": str(TICKET),
    }
    return {**answer, **changes}


def sent(data: object, **options: Any) -> bytes:
    return http(json.dumps(data).encode(), **options)


GOOD = sent(allow())
HOSTILE: dict[str, bytes | None] = {
    "hangs up": None,
    "no http": b"SSH-2.0-OpenSSH_9.6\r\n",
    "empty": http(b""),
    "half a body": GOOD[:-40],
    "half a head": GOOD[:30],
    "not json": http(b"<html>allow</html>"),
    "not utf-8": http(b'{"allowed": "\xff"}'),
    "a list": http(b"[true]"),
    "a truth": http(b"true"),
    "nan": http(b'{"allowed": NaN}'),
    "deep": http(b'{"a":' * 5_000 + b"1" + b"}" * 5_000),
    "the key twice": http(b'{"allowed": false, ' + json.dumps(allow()).encode()[1:]),
    "another type": sent(allow(), kind="text/html"),
    "no type": GOOD.replace(b"Content-Type", b"X-Type"),
    "created": sent(allow(), status="201 Created"),
    "a redirect": sent(allow(), status="307 Temporary Redirect", more="Location: /v2/check\r\n"),
    "an error": sent(allow(), status="500 Internal Server Error"),
    "unavailable": sent(allow(), status="503 Service Unavailable"),
    "too many": sent(allow(), status="429 Too Many Requests"),
    "unknown": sent(allow(), status="401 Unauthorized"),
    "too long": http(b" " * 4_000_001 + json.dumps(allow()).encode()),
    "said to be too long": GOOD.replace(b"Content-Length: ", b"Content-Length: 99999999999999"),
    "packed": sent(allow(), more="Content-Encoding: gzip\r\n"),
    "no verdict": sent({"allowed": True}),
    "an agent's answer": sent({k: v for k, v in allow().items() if k not in ("verdict", "ticket")}),
    "no ticket": sent(allow(ticket=None)),
    "no real ticket": sent(allow(ticket="licet1.e30")),
    "a ticket of another tool": sent(allow(ticket=str(replace(TICKET, tool="close_shop")))),
    "a ticket that is a number": sent(allow(ticket=1)),
    "parts that are none": sent(allow(parts=7)),
    "a part that is no ticket": sent(allow(parts=[PART, "licet1.e30"])),
    "a part that is the batch": sent(allow(parts=[PART, str(TICKET)])),
    "a part twice": sent(allow(parts=[PART, PART])),
    "a part of somebody else": sent(
        allow(parts=[str(replace(TICKET, nonce="n1", principal="id:a2"))])
    ),
    "a part under another policy": sent(
        allow(parts=[str(replace(TICKET, nonce="n1", policy="q"))])
    ),
    "not allowed": sent(allow(allowed=False)),
    "allowed by a number": sent(allow(allowed=1)),
    "another outcome": sent(allow(outcome="deny")),
    "another model": sent(allow(model={**allow()["model"], "message": "no"})),
    "no model": sent(allow(model=None)),
    "a field more": sent(allow(verdict={**allow()["verdict"], "surprise": 1})),
    "another call": sent(allow(verdict={**allow()["verdict"], "call": "c2"})),
    "rules that are none": sent(allow(verdict={**allow()["verdict"], "rules": 7})),
    "an outcome that is none": sent(
        allow(
            outcome="maybe",
            verdict={**allow()["verdict"], "outcome": "maybe"},
            model={**allow()["model"], "outcome": "maybe"},
        )
    ),
}


@contextmanager
def connected(*answers: bytes | None, seconds: float = 20.0) -> Iterator[tuple[RemoteGuard, Any]]:
    with answering(*answers) as (url, asked), Guard.connect(url, key=KEY, seconds=seconds) as guard:
        yield guard, asked


def acheck(guard: RemoteGuard) -> Verdict:
    async def go() -> Verdict:
        try:
            return await guard.acheck(CALL)
        finally:
            await guard.aclose()

    return asyncio.run(go())


def test_the_good_answer_is_one() -> None:
    """What the hostile ones are made of would be allowed."""
    with connected(GOOD) as (guard, _):
        assert guard.check(CALL).allowed
        assert acheck(guard).ticket == TICKET
    with connected(sent(allow(parts=[PART]))) as (guard, _):
        assert [str(part) for part in guard.check(CALL).parts] == [PART]


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_check_is_refused(answer: bytes | None) -> None:
    with connected(answer) as (guard, _):
        for verdict in (guard.check(CALL), acheck(guard)):
            assert (verdict.outcome, verdict.kind) == ("deny", "fault")
            assert verdict.ticket is None
            assert KEY not in json.dumps(verdict.for_operator())
            assert verdict.for_model()["violations"] == [
                {"kind": "fault", "message": "the check itself failed"}
            ]


@pytest.mark.parametrize(
    "answer",
    [
        *HOSTILE.values(),
        sent({"args": {**ARGS, "amount": 1000}}),
        sent({"args": {**ARGS, "to": "somebody"}}),
        sent({"args": [ARGS]}),
        sent({"args": None}),
    ],
)
def test_a_redemption_is_refused_and_sent_once(answer: bytes | None) -> None:
    with connected(answer) as (guard, asked):
        with pytest.raises(RedeemError):
            guard.redeem(TICKET, ARGS)
        assert len(asked) == 1
    with connected(sent({"args": ARGS})) as (guard, asked):
        assert guard.redeem(TICKET, ARGS).args == ARGS


@pytest.mark.parametrize("answer", [*HOSTILE.values(), sent({"settled": 1})])
def test_a_settlement_is_not_taken_for_one(answer: bytes | None) -> None:
    with connected(answer) as (guard, _), pytest.raises(RemoteError):
        guard.settle(TICKET, "ok", {"paid": 1})


@pytest.mark.parametrize("answer", [*HOSTILE.values(), sent({"approvals": [{}], "next": None})])
def test_approvals_are_not_made_up(answer: bytes | None) -> None:
    asks: list[Callable[[RemoteGuard], object]] = [
        lambda guard: guard.pending(),
        lambda guard: guard.approval("0-1"),
        lambda guard: guard.approve("0-1"),
    ]
    with connected(answer) as (guard, _):
        for ask in asks:
            with pytest.raises(RemoteError):
                ask(guard)


def test_headers_that_never_end_are_late() -> None:
    with connected(DRIP, seconds=0.5) as (guard, _):
        assert guard.check(CALL).kind == "fault"
        with pytest.raises(RedeemError):
            guard.redeem(TICKET, ARGS)
        assert acheck(guard).kind == "fault"


@pytest.mark.parametrize("lost", [None, HOSTILE["half a head"], HOSTILE["unavailable"]])
def test_what_is_safe_is_sent_again(lost: bytes | None) -> None:
    with connected(lost, lost, GOOD) as (guard, asked):
        assert guard.check(CALL).allowed
        assert asked == [b"POST /v1/check HTTP/1.1"] * 3
    with connected(lost, sent({"settled": True})) as (guard, asked):
        guard.settle(TICKET, "ok")
        assert len(asked) == 2
    with connected(lost) as (guard, asked):
        assert guard.check(CALL).kind == "fault"
        assert len(asked) == ATTEMPTS
    with connected(lost, GOOD) as (guard, asked):
        assert guard.check({"tool": "refund", "args": ARGS}).kind == "fault"
        assert len(asked) == 1
    with connected(lost, sent({})) as (guard, asked):
        with pytest.raises(RemoteError):
            guard.approve("0-1")
        assert len(asked) == 1


def test_nobody_there_is_a_refusal() -> None:
    with answering(None) as (url, _):
        pass
    with Guard.connect(url, key=KEY) as guard:
        assert guard.check(CALL).kind == "fault"
        with pytest.raises(RedeemError):
            guard.redeem(TICKET, ARGS)
        with pytest.raises(RemoteError):
            guard.settle(TICKET, "ok")
        assert acheck(guard).kind == "fault"
    assert guard.check(CALL).kind == "fault"  # closed
