"""What OpenID's certification of AuthZEN 1.0 asks of a decision point, at the levels Basic, Batch
and Discovery: its subjects, records and decisions, by a policy of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from support.serving import ask, close, serve

POLICY = """
principal { id: String, type: String, role: String? }
context {}
tool read(
  resource_type: String, resource_id: String, status: String?, owner: String?, method: String?
)
tool write(resource_type: String, resource_id: String, status: String?)
tool delete(resource_type: String, resource_id: String, soft: Bool?)
permit reads on read
permit writes on write when principal.id == "alice" or (principal.role ?? "") == "admin"
forbid archived on write
  when (args.status ?? "active") == "archived" and (principal.role ?? "") != "admin"
permit soft_deletes on delete when args.soft ?? false
"""

ALICE = {"type": "user", "id": "alice"}
BOB = {"type": "user", "id": "bob"}
ADMIN = {**BOB, "properties": {"role": "admin"}}
RECORD = {"type": "record", "id": "record-1"}
OTHER = {"type": "record", "id": "record-2"}
ACTIVE = {**RECORD, "properties": {"status": "active"}}
ARCHIVED = {**OTHER, "properties": {"status": "archived"}}
READ, WRITE = {"name": "read"}, {"name": "write"}
ASKED = {"subject": ALICE, "action": READ, "resource": RECORD}


@pytest.fixture(scope="module")
def point(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    app = serve(tmp_path_factory.mktemp("authzen"), POLICY, store=None)
    yield app
    close(app)


def post(app: FastAPI, path: str, **sent: Any) -> httpx.Response:
    return ask(app, "POST", f"/access/v1/{path}", role="host", **sent)


@pytest.mark.parametrize(
    ("question", "decision"),
    [
        (ASKED, True),
        ({**ASKED, "action": WRITE}, True),
        ({**ASKED, "subject": BOB}, True),
        ({**ASKED, "subject": BOB, "action": WRITE}, False),
        ({**ASKED, "action": WRITE, "resource": ARCHIVED}, False),
        ({**ASKED, "subject": ADMIN, "action": WRITE, "resource": ARCHIVED}, True),
        ({**ASKED, "action": {"name": "delete", "properties": {"soft": True}}}, True),
        ({**ASKED, "action": {"name": "delete", "properties": {"soft": False}}}, False),
        ({**ASKED, "context": {"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}}, True),
        ({**ASKED, "foo": "bar", "futureField": {"nested": True}}, True),
        (
            {
                "subject": {**ALICE, "properties": {"department": "Sales", "role": "manager"}},
                "action": {"name": "read", "properties": {"method": "GET"}},
                "resource": {**RECORD, "properties": {"status": "active", "owner": "bob"}},
            },
            True,
        ),
    ],
)
def test_decisions(point: FastAPI, question: object, decision: bool) -> None:
    for path in ("evaluation", "evaluations"):
        answer = post(point, path, json=question)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["decision"] is decision


@pytest.mark.parametrize(
    "sent",
    [
        *({"json": {k: v for k, v in ASKED.items() if k != part}} for part in ASKED),
        {"json": {**ASKED, "subject": {"id": "alice"}}},
        {"json": {**ASKED, "subject": {"type": "user"}}},
        {"json": {**ASKED, "action": {}}},
        {"json": {**ASKED, "action": {"name": 123}}},
        {"json": {**ASKED, "resource": {"id": "record-1"}}},
        {"json": {**ASKED, "resource": {"type": "record"}}},
        {"json": {**ASKED, "subject": "alice"}},
        {"content": json.dumps(ASKED), "headers": {"Content-Type": "text/plain"}},
        {"content": '{"subject": ', "headers": {"Content-Type": "application/json"}},
        {"content": b"", "headers": {"Content-Type": "application/json"}},
    ],
)
def test_what_is_no_question_is_a_bad_request(point: FastAPI, sent: dict[str, Any]) -> None:
    for path in ("evaluation", "evaluations"):
        answer = post(point, path, **sent)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert "decision" not in answer.json()


@pytest.mark.parametrize(
    ("body", "decisions"),
    [
        (
            {
                "subject": BOB,
                "resource": RECORD,
                "evaluations": [{"action": READ}, {"action": WRITE}],
            },
            [True, False],
        ),
        (
            {"evaluations": [ASKED, {"subject": BOB, "action": WRITE, "resource": RECORD}]},
            [True, False],
        ),
        (
            {
                "subject": ALICE,
                "action": WRITE,
                "evaluations": [{"resource": ACTIVE}, {"resource": ARCHIVED}],
            },
            [True, False],
        ),
        (
            {
                "action": WRITE,
                "resource": ARCHIVED,
                "evaluations": [{"subject": ALICE}, {"subject": ADMIN}],
            },
            [False, True],
        ),
        (
            {
                "subject": ALICE,
                "action": READ,
                "context": {"time": "2025-06-27T18:03-07:00"},
                "evaluations": [
                    {"resource": RECORD},
                    {"resource": OTHER, "context": {"source": "batch-override"}},
                ],
            },
            [True, True],
        ),
        # What a part leaves out of a member that it has is the whole's, as far as it is needed.
        (
            {
                "subject": ALICE,
                "action": WRITE,
                "resource": {"type": "record", "properties": {"status": "archived"}},
                "evaluations": [{"resource": {"id": "record-1"}}, {"resource": ARCHIVED}],
            },
            [True, False],
        ),
        # What is wrong with one is its own.
        (
            {
                "subject": ALICE,
                "action": READ,
                "evaluations": [
                    {"resource": RECORD},
                    {},
                    {"resource": "record-1"},
                    "record-1",
                    None,
                ],
            },
            [True, False, False, False, False],
        ),
    ],
)
def test_several(point: FastAPI, body: object, decisions: list[bool]) -> None:
    answer = post(point, "evaluations", json=body)
    assert answer.status_code == 200
    assert "decision" not in answer.json()
    assert [each["decision"] for each in answer.json()["evaluations"]] == decisions


def test_none_of_several_is_one(point: FastAPI) -> None:
    assert post(point, "evaluations", json={**ASKED, "evaluations": []}).json() == {
        "decision": True
    }


@pytest.mark.parametrize("body", [ASKED, {}])
def test_the_name_of_a_request_comes_back(point: FastAPI, body: object) -> None:
    for role in ("host", "agent", None):
        headers = {"X-Request-ID": "bfe9eb29 any text"}
        answer = ask(point, "POST", "/access/v1/evaluation", role=role, json=body, headers=headers)
        assert answer.headers.get_list("x-request-id") == ["bfe9eb29 any text"]
        assert len(answer.headers["x-licet-request-id"]) == 32
    assert len(post(point, "evaluation", json=body).headers["x-request-id"]) == 32


def test_where_the_endpoints_are(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = "https://pdp.example.com"
    folder = tmp_path_factory.mktemp("discovery")
    app = serve(folder, POLICY, store=None, public_url=f"{base}/")
    answer = ask(app, "GET", "/.well-known/authzen-configuration")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "policy_decision_point": base,
        "access_evaluation_endpoint": f"{base}/access/v1/evaluation",
        "access_evaluations_endpoint": f"{base}/access/v1/evaluations",
    }
    close(app)
