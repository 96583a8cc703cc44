"""A batch over HTTP: one ticket runs it, and a ticket for each call in it says how that ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from licet.adapters.remote import verdicts
from licet.compiler.exact_json import decode
from support.serving import ask, close, serve

POLICY = """
enum Role { support, manager }
principal { id: String, role: Role }
context { risk: Int }
tool batch(calls: List<{ tool: String, args: Json }>) dispatch
tool verify(user: String) -> { ok: Bool }
tool ship(user: String)
permit all on any
forbid unverified on ship
  unless any(c in calls(verify, within 1d): c.outcome == ok and c.args.user == args.user)
"""
ARGS = {"calls": [{"tool": "verify", "args": {"user": user}} for user in ("u", "v")]}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    app = serve(tmp_path, POLICY, store=None)
    yield app
    close(app)


def post(app: FastAPI, path: str, role: str = "host", **body: Any) -> httpx.Response:
    return ask(app, "POST", f"/v1/{path}", role=role, json=body)


def ship(app: FastAPI, user: str) -> bool:
    allowed: bool = post(app, "check", tool="ship", args={"user": user}).json()["allowed"]
    return allowed


@pytest.mark.parametrize("path", ["check", "check/batch"])
def test_each_call_of_a_batch_is_settled_by_its_own_ticket(app: FastAPI, path: str) -> None:
    call = {"tool": "batch", "args": ARGS, "id": "b1"}
    body = {"calls": [call]} if path == "check/batch" else call
    told = decode(post(app, path, **body).content)
    told = told["verdicts"][0] if path == "check/batch" else told
    first, second = told["parts"]
    assert [str(part) for part in verdicts.read(told, "b1").parts] == [first, second]
    assert post(app, "settle", ticket=first, outcome="ok").status_code == 409  # it has not run
    assert post(app, "redeem", ticket=first, args={"user": "u"}).status_code == 409
    assert post(app, "redeem", ticket=told["ticket"], args=ARGS).json() == {"args": ARGS}
    assert not ship(app, "u")
    done = post(app, "settle", ticket=first, outcome="ok", result={"ok": True})
    assert done.json() == {"settled": True}
    assert post(app, "settle", ticket=second, outcome="error").status_code == 200
    assert ship(app, "u")
    assert not ship(app, "v")


def test_an_agent_and_a_model_see_none_of_them(app: FastAPI) -> None:
    told = post(app, "check", role="agent", tool="batch", args=ARGS).json()
    assert sorted(told) == ["allowed", "model", "outcome"]
    told = post(app, "check", tool="batch", args=ARGS).json()
    assert "licet1." not in str(told["model"]) + str(told["verdict"])
