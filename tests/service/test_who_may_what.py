"""Role × route × tenant × field: nobody reads, writes, vouches or spends what is not theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from licet.service.app import create_app
from licet.service.auth import hash_of
from licet.service.callers import Role
from licet.service.doors import Door, router
from licet.service.messages import VOUCHED
from licet.service.settings import Key
from support.serving import ROLES, ask, close, serve
from support.shop import refund, shop

AGENT, HOST, APPROVER = Role.agent, Role.host, Role.approver
AUTHOR, AUDITOR, ADMIN = Role.policy_author, Role.auditor, Role.administrator
PUBLIC: set[Role] = set()
READERS = {HOST, APPROVER, AUDITOR, ADMIN}

#: Who may use each route. A new route needs a row.
MATRIX: dict[tuple[str, str], set[Role]] = {
    ("POST", "/v1/check"): {AGENT, HOST},
    ("POST", "/v1/check/batch"): {AGENT, HOST},
    ("POST", "/v1/redeem"): {HOST},
    ("POST", "/v1/settle"): {HOST},
    ("GET", "/v1/approvals"): READERS,
    ("GET", "/v1/approvals/{id}"): READERS,
    ("GET", "/v1/approvals/{id}/wait"): READERS,
    ("POST", "/v1/approvals/{id}/{answer}"): {APPROVER},
    ("GET", "/v1/decisions"): {AUDITOR, ADMIN},
    ("GET", "/v1/catalog"): {HOST, APPROVER, AUTHOR, AUDITOR, ADMIN},
    ("POST", "/v1/explain"): {HOST, AUTHOR, AUDITOR, ADMIN},
    ("POST", "/v1/policies"): {AUTHOR},
    ("GET", "/v1/policies"): {AUTHOR, AUDITOR, ADMIN},
    ("GET", "/v1/policies/{digest}"): {AUTHOR, AUDITOR, ADMIN},
    ("POST", "/v1/policies/{digest}/activate"): {AUTHOR, ADMIN},
    ("POST", "/v1/policies/rollback"): {AUTHOR, ADMIN},
    ("GET", "/v1/policies/canary"): {AUTHOR, AUDITOR, ADMIN},
    ("POST", "/v1/policies/{digest}/canary"): {AUTHOR, ADMIN},
    ("DELETE", "/v1/policies/{digest}/canary"): {AUTHOR, ADMIN},
    ("POST", "/access/v1/evaluation"): {HOST},
    ("POST", "/access/v1/evaluations"): {HOST},
    ("GET", "/.well-known/authzen-configuration"): PUBLIC,
    ("POST", "/admission/v1/review"): {HOST},
    ("POST", "/beta/litellm_basic_guardrail_api"): {AGENT, HOST},
    ("POST", "/v1/hooks/{agent}"): {AGENT},
    ("GET", "/v1/keys"): {ADMIN},
    ("POST", "/v1/keys"): {ADMIN},
    ("POST", "/v1/keys/{name}/rotate"): {ADMIN},
    ("DELETE", "/v1/keys/{name}"): {ADMIN},
    ("GET", "/metrics"): {AUDITOR, ADMIN},
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
}
FRAMEWORK = {("GET", "/openapi.json"), ("HEAD", "/openapi.json")}
#: Leads to the first page; what is below is in `console/test_who_sees_what.py`.
CONSOLE = {("GET", "/console"), ("HEAD", "/console")}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    app = serve(tmp_path_factory.mktemp("service"))
    yield app
    close(app)


def routes(app: FastAPI) -> Iterator[tuple[str, str, Any]]:
    for context in iter_route_contexts(app.routes):
        route: Any = context
        for method in route.methods or ():
            yield method, route.path, route


def test_every_route_has_a_row_and_is_a_door(app: FastAPI) -> None:
    found = {(method, path) for method, path, _ in routes(app)}
    assert found - FRAMEWORK - CONSOLE == set(MATRIX)
    described = {
        (method.upper(), path): set(operation["x-licet-roles"])
        for path, item in app.openapi()["paths"].items()
        for method, operation in item.items()
    }
    assert described == {row: {str(r) for r in roles} for row, roles in MATRIX.items()}


def test_a_route_that_does_not_say_its_roles_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="does not say who may use it"):
        router().add_api_route("/open", lambda request: None)
    assert issubclass(Door, APIRoute)


HOLES = {
    "{id}": "00ff-00ff",
    "{answer}": "approve",
    "{agent}": "codex",
    "{name}": "no-such-key",
    "{digest}": "sha256:" + "0" * 64,
}


def path_of(pattern: str) -> str:
    for hole, value in HOLES.items():
        pattern = pattern.replace(hole, value)
    return pattern


@pytest.mark.parametrize(("method", "path"), sorted(MATRIX))
def test_roles(app: FastAPI, method: str, path: str) -> None:
    sent = {"json": {}} if method == "POST" else {}
    allowed = MATRIX[method, path]
    for role in ROLES:
        status = ask(app, method, path_of(path), role=role, **sent).status_code
        assert status < 500
        assert (status == 403) == bool(allowed and role not in allowed), (role, status)
        assert status != 401
    for headers in (
        {},
        {"Authorization": "Bearer licet_unknown_key_of_nobody"},
        {"Authorization": "Basic bGljZXQ6bGljZXQ="},
        {"X-API-Key": ""},
        {"Authorization": "Bearer x", "X-API-Key": "y"},
    ):
        answer = ask(app, method, path_of(path), headers=headers, **sent)
        assert (answer.status_code == 401) == bool(allowed), headers
        if allowed:
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("field", sorted(VOUCHED))
@pytest.mark.parametrize("role", [AGENT, HOST])
def test_fields_that_a_host_alone_may_send(app: FastAPI, role: Role, field: str) -> None:
    call = {"tool": "lookup", "args": {"order_id": "R1"}, field: refund().get(field, {"id": "s"})}
    one = ask(app, "POST", "/v1/check", role=role, json=call)
    many = ask(app, "POST", "/v1/check/batch", role=role, json={"calls": [{**call}]})
    if role == HOST:
        assert (one.status_code, many.status_code) == (200, 200)
    else:
        assert (one.status_code, many.status_code) == (403, 403)
        assert one.json()["path"] == field


def test_null_vouches_for_nothing_either(app: FastAPI) -> None:
    call = {"tool": "lookup", "args": {"order_id": "R1"}, "principal": None}
    assert ask(app, "POST", "/v1/check", role=AGENT, json=call).status_code == 403


def test_an_agent_acts_as_its_credential_says_and_gets_no_ticket(app: FastAPI) -> None:
    call = {"tool": "lookup", "args": {"order_id": "R1"}}
    told = ask(app, "POST", "/v1/check", role=AGENT, json=call).json()
    assert told["allowed"]
    assert told.keys() == {"allowed", "outcome", "model"}
    found = ask(app, "GET", "/v1/decisions?kind=verdict&limit=1", role=AUDITOR).json()["entries"]
    assert found[0]["body"]["call"]["principal"]["id"] == "one-agent"


def test_tenants_see_nothing_of_each_other(app: FastAPI) -> None:
    call = refund(args={"order_id": "R1", "amount": 200}, id="large-1")
    del call["now"]
    asked = ask(app, "POST", "/v1/check", role=HOST, json=call).json()
    assert asked["outcome"] == "escalate"
    id = asked["verdict"]["approval"]
    for role in sorted(READERS):
        mine = ask(app, "GET", "/v1/approvals", role=role).json()["approvals"]
        theirs = ask(app, "GET", "/v1/approvals", role=role, tenant="two").json()["approvals"]
        assert [one["id"] for one in mine] == [id]
        assert theirs == []
        for path in (f"/v1/approvals/{id}", f"/v1/approvals/{id}/wait?seconds=0"):
            assert ask(app, "GET", path, role=role).status_code == 200
            assert ask(app, "GET", path, role=role, tenant="two").status_code == 404
    approve = f"/v1/approvals/{id}/approve"
    assert ask(app, "POST", approve, role=APPROVER, tenant="two").status_code == 404
    assert ask(app, "POST", approve, role=APPROVER).json()["state"] == "approved"

    allowed = ask(app, "POST", "/v1/check", role=HOST, json=call).json()
    assert allowed["allowed"]
    shown = {"ticket": allowed["ticket"], "args": call["args"]}
    ending = {"ticket": allowed["ticket"], "outcome": "cancelled"}
    for path, body in (("/v1/redeem", shown), ("/v1/settle", ending)):
        foreign = ask(app, "POST", path, role=HOST, tenant="two", json=body)
        assert foreign.status_code == 409
    assert ask(app, "POST", "/v1/redeem", role=HOST, json=shown).json() == {"args": call["args"]}
    assert ask(app, "POST", "/v1/redeem", role=HOST, json=shown).status_code == 409

    tenant_two = ask(app, "GET", "/v1/decisions?limit=500", role=AUDITOR, tenant="two").text
    assert "large-1" not in tenant_two
    assert "large-1" in ask(app, "GET", "/v1/decisions?limit=500", role=AUDITOR).text


def test_whoever_stands_behind_a_call_cannot_approve_it(app: FastAPI) -> None:
    call = refund(
        args={"order_id": "R1", "amount": 180},
        principal={"id": "one-approver", "role": "manager"},
        id="own",
    )
    del call["now"]
    asked = ask(app, "POST", "/v1/check", role=HOST, json=call).json()
    answer = ask(
        app, "POST", f"/v1/approvals/{asked['verdict']['approval']}/approve", role=APPROVER
    )
    assert answer.status_code == 409
    assert "stands behind this call" in answer.json()["detail"]


BATCHES = """
principal { id: String }
tool batch(calls: List<{ tool: String, args: Json }>) dispatch
tool pay(amount: Int in 0 .. 100)
tool look()
permit all on any
"""


@pytest.mark.parametrize("role", [AGENT, HOST])
def test_a_batch_reaches_no_tool_that_its_credential_is_not_for(tmp_path: Path, role: Role) -> None:
    def batch(*calls: tuple[str, dict[str, object]]) -> dict[str, object]:
        return {"calls": [{"tool": tool, "args": args} for tool, args in calls]}

    few = Key(
        name="few",
        hash=hash_of("licet_test_few_tools_key"),
        roles=frozenset({role}),
        tenant="one",
        principal={"id": "a1"},
        tools=("batch", "look"),
    )
    app = create_app(shop(tmp_path, BATCHES, tenant="one"), keys=[few])

    def status(path: str, body: object) -> int:
        headers = {"X-API-Key": "licet_test_few_tools_key"}
        return ask(app, "POST", path, headers=headers, json=body).status_code

    allowed = batch(("look", {}), ("batch", batch(("look", {}))))
    for args in (
        batch(("pay", {"amount": 1})),
        batch(("look", {}), ("batch", batch(("pay", {"amount": 1})))),
        {"calls": "not a list"},
    ):
        call = {"tool": "batch", "args": args}
        assert status("/v1/check", call) == 403
        assert status("/v1/check/batch", {"calls": [call]}) == 403
        function = {"name": "batch", "arguments": json.dumps(args)}
        proposed = {"tool_calls": [{"id": "c1", "function": function}]}
        headers = {"X-API-Key": "licet_test_few_tools_key"}
        path = "/beta/litellm_basic_guardrail_api"
        assert ask(app, "POST", path, headers=headers, json=proposed).json()["action"] == "BLOCKED"
        if role == HOST:
            asked = {
                "subject": {"type": "agent", "id": "a1"},
                "action": {"name": "batch", "properties": args},
                "resource": {"type": "none", "id": "none"},
            }
            assert status("/access/v1/evaluation", asked) == 403
    assert status("/v1/check", {"tool": "batch", "args": allowed}) == 200
    app.state.service.guards.close()
