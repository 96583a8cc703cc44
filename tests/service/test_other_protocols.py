"""AuthZEN and AdmissionReview: the same guard behind others' messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from support.serving import ask, close, serve

ROOT = Path(__file__).parents[2]

GATEWAY = """
principal { id: String, type: String, role: String? }
context { hour: Int in 0 .. 23 }
tool read(resource_type: String, resource_id: String) read_only
tool refund(order_id: String, amount: Decimal in 0 .. 10_000 step 0.01)
permit reads on read when principal.type == "user" and args.resource_type == "order"
permit refunds on refund when (principal.role ?? "") == "manager" and context.hour < 20
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    app = serve(tmp_path_factory.mktemp("gateway"), GATEWAY, store=None)
    yield app
    close(app)


QUESTION: dict[str, Any] = {
    "subject": {"type": "user", "id": "ann"},
    "action": {"name": "read"},
    "resource": {"type": "order", "id": "R1"},
}


def evaluate(app: FastAPI, body: object, path: str = "evaluation") -> Any:
    return ask(app, "POST", f"/access/v1/{path}", role="host", json=body)


def test_an_evaluation(gateway: FastAPI) -> None:
    assert evaluate(gateway, QUESTION).json() == {"decision": True}
    robot = {**QUESTION, "subject": {"type": "robot", "id": "r"}}
    refused = evaluate(gateway, robot).json()
    assert refused["decision"] is False
    assert refused["context"]["reason"]["outcome"] == "deny"
    refund = {
        "subject": {"type": "user", "id": "ann", "properties": {"role": "manager"}},
        "action": {"name": "refund", "properties": {"amount": 40}},
        "resource": {"type": "order", "id": "R1", "properties": {"order_id": "R1"}},
        "context": {"hour": 9},
        "unknown_members": "are ignored",
    }
    assert evaluate(gateway, refund).json() == {"decision": True}
    assert evaluate(gateway, {**refund, "context": {}}).json()["decision"] is False


@pytest.mark.parametrize("part", ["subject", "action", "resource"])
def test_a_part_that_is_missing(gateway: FastAPI, part: str) -> None:
    body = {name: value for name, value in QUESTION.items() if name != part}
    assert evaluate(gateway, body).status_code == 400


def test_the_subject_is_who_it_says_whatever_its_properties_say(gateway: FastAPI) -> None:
    sly = {"type": "robot", "id": "r", "properties": {"type": "user"}}
    assert evaluate(gateway, {**QUESTION, "subject": sly}).json()["decision"] is False
    place = {"type": "secret", "id": "x", "properties": {"resource_type": "order"}}
    assert evaluate(gateway, {**QUESTION, "resource": place}).json()["decision"] is False


def test_evaluations(gateway: FastAPI) -> None:
    denied = {"action": {"name": "unknown"}}
    body = {**QUESTION, "evaluations": [{}, denied, {"subject": {"type": "user", "id": "bob"}}]}

    def decisions(**more: object) -> list[bool]:
        told = evaluate(gateway, {**body, **more}, "evaluations").json()["evaluations"]
        return [each["decision"] for each in told]

    assert decisions() == [True, False, True]
    first_deny = {"evaluations_semantic": "deny_on_first_deny"}
    first_permit = {"evaluations_semantic": "permit_on_first_permit"}
    assert decisions(options=first_deny) == [True, False]
    assert decisions(options=first_permit) == [True]
    assert evaluate(gateway, QUESTION, "evaluations").json() == {"decision": True}
    lacking = {"action": {"name": "read"}, "evaluations": [{}]}
    (only,) = evaluate(gateway, lacking, "evaluations").json()["evaluations"]
    assert only["decision"] is False
    assert only["context"]["error"]["status"] == 400


def test_the_metadata_document(gateway: FastAPI) -> None:
    told = ask(gateway, "GET", "/.well-known/authzen-configuration").json()
    assert told["access_evaluation_endpoint"] == "http://licet.test/access/v1/evaluation"


# --- LiteLLM


def test_a_models_answer_is_blocked_by_any_call_that_is_not_allowed(tmp_path: Path) -> None:
    app = serve(tmp_path, store=None)

    def action(*calls: object, **more: object) -> str:
        body = {"input_type": "response", "tool_calls": list(calls), **more}
        path = "/beta/litellm_basic_guardrail_api"
        told = ask(app, "POST", path, role="agent", json=body).json()
        assert ("blocked_reason" in told) == (told["action"] == "BLOCKED")
        return str(told["action"])

    def call(name: object, arguments: object) -> dict[str, object]:
        return {"type": "function", "function": {"name": name, "arguments": arguments}}

    good = call("lookup", '{"order_id": "R1"}')
    assert action() == "NONE"
    assert action(good) == "NONE"
    assert action(good, input_type="unheard of") == "NONE"
    for bad in (
        call("close_shop", '{"reason": "x"}'),
        call("unknown", "{}"),
        call("lookup", '{"order_id": "R1", "order_id": "R2"}'),
        call("lookup", '{"order_id": '),
        call("lookup", "[]"),
        call("lookup", {"order_id": "R1"}),
        call(None, "{}"),
        {"function": "lookup"},
        {},
        None,
        "lookup",
    ):
        assert action(good, bad) == "BLOCKED", bad
    assert action(tool_calls={"0": good}) == "BLOCKED"
    close(app)


LIMITED = """
principal { id: String, role: String }
context { risk: Int }
tool pay(amount: Int in 0 .. 100)
permit all on any
limit day on pay sum(args.amount) per principal.id within day <= 100
"""


def test_an_answer_that_is_blocked_spends_nothing(tmp_path: Path) -> None:
    app = serve(tmp_path, LIMITED)

    def action(*amounts: int) -> str:
        calls = [
            {"id": f"c{place}", "function": {"name": "pay", "arguments": f'{{"amount": {amount}}}'}}
            for place, amount in enumerate(amounts)
        ]
        path = "/beta/litellm_basic_guardrail_api"
        answer = ask(app, "POST", path, role="agent", json={"tool_calls": calls})
        return str(answer.json()["action"])

    assert action(60, 60) == "BLOCKED"
    assert action(60, 40) == "NONE"
    assert action(60, 40) == "BLOCKED"  # these ids have been made
    assert action(1) == "BLOCKED"
    close(app)


# --- Kubernetes

CLUSTER = """
principal { username: String, groups: List<String> }
enum Operation { CREATE, UPDATE, DELETE, CONNECT }
fact stored(kind: String, namespace: String, name: String) -> Json?
tool admit(operation: Operation, kind: String, namespace: String, name: String, object: Json?)
change on admit
  before stored(args.kind, args.namespace, args.name)
  after args.object
permit admits on admit
forbid halved on admit
  when (after.spec.replicas as Int ?? 1) * 2 < before.spec.replicas as Int ?? 0
  message "Replicas fall from {before.spec.replicas} to {after.spec.replicas}."
"""
REVIEW: dict[str, Any] = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "name": "web",
        "namespace": "shop",
        "operation": "UPDATE",
        "userInfo": {"username": "ann", "groups": ["dev"]},
        "object": {"kind": "Deployment", "spec": {"replicas": 4}},
        "oldObject": {"kind": "Deployment", "spec": {"replicas": 4}},
    },
}


def reviewed(app: FastAPI, review: object) -> Any:
    answer = ask(app, "POST", "/admission/v1/review", role="host", json=review)
    assert answer.status_code == 200, answer.text
    return answer.json()["response"]


def test_a_review_is_judged_by_what_was_there_before(tmp_path: Path) -> None:
    app = serve(tmp_path, CLUSTER)
    assert reviewed(app, REVIEW)["allowed"] is True
    less = deepcopy(REVIEW)
    less["request"] |= {"uid": "2", "object": {"kind": "Deployment", "spec": {"replicas": 1}}}
    refused = reviewed(app, less)
    assert refused["allowed"] is False
    assert refused["uid"] == "2"
    assert "Replicas fall from 4 to 1." in refused["status"]["message"]
    unknown = deepcopy(less)
    del unknown["request"]["oldObject"]
    assert reviewed(app, unknown)["allowed"] is False
    for broken in ({}, [], {"kind": "AdmissionReview"}, {**REVIEW, "request": {"uid": "3"}}):
        assert reviewed(app, broken)["allowed"] is False
    app.state.service.store.close()
    gone = deepcopy(REVIEW)
    gone["request"]["uid"] = "4"
    assert reviewed(app, gone)["allowed"] is False
    close(app)


def test_a_policy_that_is_not_for_a_cluster(gateway: FastAPI) -> None:
    answer = ask(gateway, "POST", "/admission/v1/review", role="host", json=REVIEW)
    assert answer.status_code == 409


@pytest.mark.long
def test_the_shipped_cases_get_their_labels_over_http(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but those that need a fact of the cluster which no review has."""
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "kubernetes"))
    import run as example  # type: ignore[import-not-found]
    from cases import params_of, reviews_of  # type: ignore[import-not-found]

    from licet import Guard
    from licet.service.app import create_app
    from support.serving import keys

    apps: dict[str, FastAPI] = {}
    wrong = []
    judged = 0
    for row in example.read_rows(ROOT / "examples" / "kubernetes" / "cases.jsonl"):
        if row["inventory"]:
            continue
        policy = ROOT / "examples" / "kubernetes" / "policies" / f"{row['kind']}.licet"
        params, _ = params_of(row, example.declared_params(policy))
        name = json.dumps([policy.name, params], sort_keys=True, default=str)
        if name not in apps:
            guard = Guard.load(policy, params=params, tenant="one", seconds=20.0)
            if "inventory" in guard.program.facts:
                guard.fact(name="inventory")(list)  # the cluster has nothing else
            apps[name] = create_app(guard, keys=keys())
        allowed = all(reviewed(apps[name], review)["allowed"] for review in reviews_of(row))
        judged += 1
        if ("allowed" if allowed else "disallowed") != row["label"]:
            wrong.append((row["kind"], row["case"]))
    for app in apps.values():
        close(app)
    assert wrong == []
    assert judged > 100
