"""A policy beside the active one decides the same calls, and changes no answer."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from licet.service.bundles.bundle import Bundle
from licet.service.bundles.canary import MOST_WAITING
from licet.service.bundles.shelf import Shelf
from licet.service.bundles.unpacking import compiled
from licet.service.telemetry.logs import Logs
from support.serve_process import descendants
from support.serving import POLICY, ask, close, serve
from support.shop import refund

LIMITED = POLICY + "limit day on refund sum(args.amount) within day per principal.id <= 250\n"
#: Another limit on the same sum, and one rule that asks for a fact that nobody sends.
CANARY = LIMITED.replace("<= 250", "<= 150").replace(
    "permit reads on any",
    "fact insured(id: String) -> Bool\n"
    "forbid uninsured on close_shop when not insured(args.reason)\npermit reads on any",
)
AUTHOR, AUDITOR, HOST = "policy_author", "auditor", "host"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    app = serve(tmp_path, LIMITED + "permit closing on close_shop\n")
    yield app
    close(app)


def keep(app: FastAPI, text: str) -> str:
    bundle = Bundle({"shop.licet": text.encode()}, ("shop.licet",))
    program = compiled(bundle)
    with app.state.service.store.begin("one") as tx:
        found = (program.name, program.digest, program.catalog.digest)
        return Shelf(tx).put(bundle, "ann", "upload", *found).digest


def call(amount: int, **changes: object) -> dict[str, object]:
    args = {"order_id": "R1", "amount": amount}
    principal = {"id": "a1", "role": "manager"}
    made = refund(args=args, principal=principal, **changes)
    del made["now"]
    return made


def check(app: FastAPI, sent: dict[str, object]) -> str:
    told: str = ask(app, "POST", "/v1/check", role=HOST, json=sent).json()["outcome"]
    return told


def canaried(app: FastAPI, count: int, role: str = AUDITOR) -> dict[str, Any]:
    """What was found, once so many calls are counted."""
    until = time.monotonic() + 60
    while True:
        told: dict[str, Any] = ask(app, "GET", "/v1/policies/canary", role=role).json()
        if sum(told["counts"].values()) >= count:
            return told
        assert time.monotonic() < until, told
        time.sleep(0.05)


def canary_process() -> int:
    """The process that decides beside, once it is there."""
    while True:
        for pid in descendants(os.getpid()):
            with contextlib.suppress(OSError):  # it has just ended
                if b"canary_child" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        time.sleep(0.01)


def caught(pid: int) -> list[signal.Signals]:
    """The signals that a process has handlers for."""
    status = Path(f"/proc/{pid}/status").read_text()
    [mask] = [int(line.split()[1], 16) for line in status.splitlines() if line[:7] == "SigCgt:"]
    return [number for number in signal.Signals if mask >> (number - 1) & 1]


def test_every_difference_is_told_and_nothing_else_happens(app: FastAPI) -> None:
    logged = io.StringIO()
    app.state.service.telemetry.add("logs", Logs(logged))
    digest = keep(app, CANARY + "permit closing on close_shop\n")
    started = ask(app, "POST", f"/v1/policies/{digest}/canary", role=AUTHOR)
    assert (started.status_code, started.json()["canary"]["digest"]) == (200, digest)
    assert ask(app, "GET", "/v1/policies/canary", role=AUDITOR, tenant="two").json() == {
        "canary": None,
        "counts": {},
        "differences": [],
    }

    assert [check(app, call(100)), check(app, call(90)), check(app, call(80))] == [
        "allow",  # 100 of 250, of 150
        "allow",  # 190 of 250: the canary has seen what was really spent
        "deny",  # 270 of 250
    ]
    closing = {"tool": "close_shop", "args": {"reason": "x"}, "principal": call(1)["principal"]}
    assert check(app, closing) == "allow"  # what the canary has to know, nobody looks up
    assert check(app, {"tool": "nothing", "args": {}}) == "deny"

    found = canaried(app, 5)
    assert signal.SIGPROF in caught(canary_process())  # it gives way once it has used much
    assert found["counts"] == {"same": 3, "different": 1, "undecided": 1}
    [one] = found["differences"]
    assert (one["tool"], one["outcome"], one["canary_outcome"]) == ("refund", "allow", "deny")
    assert one["canary_rules"] == ["day"]
    assert one["call"]["args"] == {"order_id": "R1", "amount": 90}
    for_author = canaried(app, 5, AUTHOR)["differences"]
    assert [each.keys() & {"call"} for each in for_author] == [set()]
    metrics = ask(app, "GET", "/metrics", role=AUDITOR).text
    assert 'licet_canary_calls_total{result="different",tenant="one"} 1.0' in metrics
    assert (
        'licet_canary_differences_total{canary="deny",outcome="allow",tenant="one"} 1.0' in metrics
    )
    lines = [line for line in logged.getvalue().splitlines() if '"event": "canary"' in line]
    assert len(lines) == 1
    assert "R1" not in lines[0]

    # it spent nothing, asked nobody, and is no decision in the audit
    assert ask(app, "GET", "/v1/approvals", role=AUDITOR).json()["approvals"] == []
    entries = ask(app, "GET", "/v1/decisions?kind=verdict", role=AUDITOR).json()["entries"]
    assert len(entries) == 5
    assert check(app, call(60)) == "allow"

    assert ask(app, "DELETE", f"/v1/policies/{digest}/canary", role=AUTHOR).status_code == 200
    assert ask(app, "DELETE", f"/v1/policies/{digest}/canary", role=AUTHOR).status_code == 404
    check(app, call(1))
    after = ask(app, "GET", "/v1/policies/canary", role=AUDITOR).json()
    assert after["canary"] is None
    assert after["counts"]["different"] in (1, 2)  # that of 60 came before the end, or after it
    found = ask(app, "GET", "/v1/decisions?kind=policy", role=AUDITOR).json()["entries"]
    assert [entry["body"] for entry in found] == [
        {"bundle": digest, "event": event, "by": "one-policy_author"}
        for event in ("canary ended", "canary started")
    ]


def test_what_cannot_be_one(app: FastAPI) -> None:
    active = ask(app, "GET", "/v1/policies", role=AUDITOR).json()["active"]["digest"]
    assert ask(app, "POST", f"/v1/policies/{active}/canary", role=AUTHOR).status_code == 409
    digest = keep(app, CANARY)
    path = f"/v1/policies/{digest}/canary"
    assert ask(app, "POST", path, role=AUTHOR, tenant="two").status_code == 404
    app.state.service.store.close()
    for method in ("POST", "DELETE"):
        assert ask(app, method, path, role=AUTHOR).status_code == 503
    assert ask(app, "GET", "/v1/policies/canary", role=AUDITOR).status_code == 503


@pytest.mark.long
def test_what_does_not_fit_in_is_counted_and_no_answer_waits(app: FastAPI) -> None:
    digest = keep(app, CANARY)
    ask(app, "POST", f"/v1/policies/{digest}/canary", role=AUTHOR)
    pid = canary_process()
    os.kill(pid, signal.SIGSTOP)  # it takes as long as we like
    for _ in range(2 * MOST_WAITING):
        check(app, {"tool": "lookup", "args": {"order_id": "R1"}, "principal": {"id": "a1"}})
    os.kill(pid, signal.SIGCONT)
    found = canaried(app, 2 * MOST_WAITING)["counts"]
    assert found["dropped"] > 0
    assert sum(found.values()) == 2 * MOST_WAITING


@pytest.mark.long
def test_another_worker_has_it_too_and_activating_it_ends_it(app: FastAPI, tmp_path: Path) -> None:
    other = serve(tmp_path, LIMITED + "permit closing on close_shop\n")
    digest = keep(app, CANARY)
    ask(app, "POST", f"/v1/policies/{digest}/canary", role=AUTHOR)
    other.state.service.policies.look()
    check(other, call(100))
    check(other, call(90))
    assert canaried(app, 2)["counts"]["different"] == 1
    body = {"allow_widening": True}
    path = f"/v1/policies/{digest}/activate"
    assert ask(app, "POST", path, role="administrator", json=body).status_code == 200
    assert ask(app, "GET", "/v1/policies/canary", role=AUDITOR).json()["canary"] is None
    close(other)
