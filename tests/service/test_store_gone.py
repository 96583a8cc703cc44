"""A store that is gone: every door refuses with a reason, and none fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI

from licet.service.telemetry.messages import Form
from support.serving import ask, close, key, serve
from support.shop import refund

SUBJECT = {"subject": {"type": "agent", "id": "a1", "properties": {"role": "manager"}}}
EVALUATION = {
    **SUBJECT,
    "action": {"name": "lookup"},
    "resource": {"type": "order", "id": "R1", "properties": {"order_id": "R1"}},
}
LOOKUP = {"tool": "lookup", "args": {"order_id": "R1"}}
FUNCTION = {"name": "lookup", "arguments": '{"order_id": "R1"}'}
EVENT = {
    "hook_event_name": "PreToolUse",
    "session_id": "s",
    "cwd": "/w",
    "tool_name": "mcp__desk__lookup",
    "tool_use_id": "t1",
    "tool_input": {"order_id": "R1"},
}
TICKET = "its ticket"

#: Status and a part of the answer of each door; None: it asks no store, and answers as ever.
DOORS: dict[tuple[str, str], tuple[Any, int | None, str]] = {
    ("POST", "/v1/check"): (LOOKUP, 200, '"allowed":false'),
    ("POST", "/v1/check/batch"): ({"calls": [LOOKUP]}, 200, '"allowed":false'),
    ("POST", "/v1/redeem"): ({"ticket": TICKET, "args": refund()["args"]}, 503, "store failed"),
    ("POST", "/v1/settle"): ({"ticket": TICKET, "outcome": "ok"}, 503, "store failed"),
    ("GET", "/v1/approvals"): (None, 503, "store failed"),
    ("GET", "/v1/approvals/{id}"): (None, 503, "store failed"),
    ("GET", "/v1/approvals/{id}/wait"): (None, 503, "store failed"),
    ("POST", "/v1/approvals/{id}/{answer}"): (None, 503, "store failed"),
    ("GET", "/v1/decisions"): (None, 503, "store failed"),
    ("POST", "/access/v1/evaluation"): (EVALUATION, 200, '"decision":false'),
    ("POST", "/access/v1/evaluations"): (
        {**EVALUATION, "evaluations": [{}]},
        200,
        '"decision":false',
    ),
    ("POST", "/admission/v1/review"): ({}, 409, "not one for a cluster"),
    ("POST", "/beta/litellm_basic_guardrail_api"): (
        {"tool_calls": [{"id": "c1", "function": FUNCTION}]},
        200,
        '"action":"BLOCKED"',
    ),
    ("POST", "/v1/hooks/{agent}"): (EVENT, 200, '"permissionDecision":"deny"'),
    ("GET", "/v1/keys"): (None, 503, "store failed"),
    ("POST", "/v1/keys"): ({"name": "new", "roles": ["agent"]}, 503, "store failed"),
    ("POST", "/v1/keys/{name}/rotate"): ({}, 503, "store failed"),
    ("DELETE", "/v1/keys/{name}"): (None, 503, "store failed"),
    ("POST", "/v1/policies"): ({"files": {"a.licet": "permit all on any"}}, 503, "store failed"),
    ("GET", "/v1/policies"): (None, 503, "store failed"),
    ("GET", "/v1/policies/{digest}"): (None, 503, "store failed"),
    ("POST", "/v1/policies/{digest}/activate"): ({}, 503, "store failed"),
    ("POST", "/v1/policies/rollback"): ({}, 503, "store failed"),
    ("GET", "/v1/policies/canary"): (None, 503, "store failed"),
    ("POST", "/v1/policies/{digest}/canary"): (None, 503, "store failed"),
    ("DELETE", "/v1/policies/{digest}/canary"): (None, 503, "store failed"),
    ("GET", "/readyz"): (None, 503, "store failed"),
    ("POST", "/v1/explain"): ({**LOOKUP, "principal": {}}, None, ""),
    ("GET", "/v1/catalog"): (None, None, ""),
    ("GET", "/.well-known/authzen-configuration"): (None, None, ""),
    ("GET", "/metrics"): (None, None, ""),
    ("GET", "/healthz"): (None, None, ""),
}
HOLES = {
    "{id}": "00ff-00ff",
    "{answer}": "approve",
    "{agent}": "codex",
    "{name}": "desk",
    "{digest}": "sha256:" + "0" * 64,
}


class Gone(NamedTuple):
    app: FastAPI
    ticket: str
    stored: str


@pytest.fixture(scope="module")
def gone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gone]:
    """A service that had a ticket out and a key in its store when the store went."""
    app = serve(tmp_path_factory.mktemp("gone"))
    call = refund()
    del call["now"]
    ticket = ask(app, "POST", "/v1/check", role="host", json=call).json()["ticket"]
    made = {"name": "desk", "roles": ["host"]}
    stored = ask(app, "POST", "/v1/keys", role="administrator", json=made).json()["key"]
    app.state.service.store.close()
    yield Gone(app, ticket, stored)
    close(app)


def doors(app: FastAPI) -> dict[tuple[str, str], list[str]]:
    return {
        (method.upper(), path): operation["x-licet-roles"]
        for path, item in app.openapi()["paths"].items()
        for method, operation in item.items()
    }


@pytest.mark.parametrize(("method", "path"), sorted(DOORS))
def test_each_door_refuses_and_none_fails(gone: Gone, method: str, path: str) -> None:
    body, status, part = DOORS[method, path]
    if isinstance(body, dict) and body.get("ticket") == TICKET:
        body = {**body, "ticket": gone.ticket}
    asked = path
    for hole, value in HOLES.items():
        asked = asked.replace(hole, value)
    sent = {} if body is None else {"json": body}
    roles = doors(gone.app)[method, path]
    for role in roles or [None]:
        answer = ask(gone.app, method, asked, role=role, **sent)
        if status is None:
            assert answer.status_code == 200
            continue
        assert (answer.status_code, part in answer.text) == (status, True), answer.text
        assert "state.db" not in answer.json().get("detail", "")
    if roles:
        headers = {"X-API-Key": gone.stored}
        unknown = ask(gone.app, method, asked, headers=headers, **sent)
        assert unknown.status_code == 503
        made_up = {"X-API-Key": gone.stored[:-1] + "!"}
        assert ask(gone.app, method, asked, headers=made_up, **sent).status_code == 401


def test_the_log_has_the_request_that_failed(gone: Gone, caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(gone.app, "GET", "/v1/approvals", role="host")
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    line = json.loads(Form().format(record))
    assert line["message"].startswith("the store failed: GET /v1/approvals: ")
    assert line["request"] == answer.headers["x-request-id"]


def test_every_door_has_a_row(gone: Gone) -> None:
    assert set(doors(gone.app)) == set(DOORS)
    assert key("host") not in gone.stored
