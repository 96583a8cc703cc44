"""The description of the API, held against the API itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from licet.service.bundles.bundle import uploaded
from licet.service.bundles.unpacking import compiled
from support.examples import examples
from support.serving import ask, close, key, serve

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    app = serve(tmp_path_factory.mktemp("openapi"), store=None, seconds=0.2, limits={"wait": 0.05})
    yield app
    close(app)


#: Whoever of these may use a route tries it; one of everybody is tried without a credential.
ROLES = ("host", "approver", "auditor", "policy_author", "agent")


def conforms(operation: schemathesis.APIOperation) -> None:
    """Whatever is sent, the answer is one of those that the operation describes."""
    roles = operation.definition.raw["x-licet-roles"]
    role = next((role for role in ROLES if role in roles), None)
    headers = {} if role is None else {"Authorization": f"Bearer {key(role)}"}

    @settings(
        max_examples=examples(10, most=25), deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy())
    def holds(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    holds()


@pytest.mark.slow
def test_no_server_error_and_no_other_answer_than_described(app: FastAPI) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    tried = [found.ok() for found in schema.get_all_operations()]
    for operation in tried:
        conforms(operation)
    assert len(tried) == sum(len(item) for item in app.openapi()["paths"].values())


def test_every_operation_has_an_example(app: FastAPI) -> None:
    for path, item in app.openapi()["paths"].items():
        for operation in item.values():
            [told] = operation["responses"]["200"]["content"].values()
            assert "example" in told, path
            if "requestBody" in operation:
                assert "example" in operation["requestBody"]["content"]["application/json"], path
            assert operation["summary"]
            assert operation["description"]


def test_every_example_is_of_its_schema(app: FastAPI) -> None:
    for path, item in app.openapi()["paths"].items():
        for operation in item.values():
            told = [
                (kind, content)
                for part in (*operation["responses"].values(), operation.get("requestBody", {}))
                for kind, content in part.get("content", {}).items()
                if "example" in content
            ]
            assert told, path
            for kind, content in told:
                assert content["schema"], path
                if kind == "application/json":
                    Draft202012Validator(content["schema"]).validate(content["example"])


#: What the examples are about.
REFUNDS = """
policy "refunds"
principal { id: String, role: String }
context { risk: Int }
tool refund(order_id: String, amount: Decimal in 0 .. 10_000 step 0.01) destructive
tool lookup(order_id: String) read_only
permit refunds on refund
forbid large on refund when args.amount > 500
  message "Support refunds at most 500."
"""


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/v1/check", "agent"),
        ("/v1/check/batch", "agent"),
        ("/v1/explain", "host"),
        ("/access/v1/evaluation", "host"),
        ("/access/v1/evaluations", "host"),
        ("/beta/litellm_basic_guardrail_api", "agent"),
    ],
)
def test_an_example_is_answered_as_it_says(refunds: FastAPI, path: str, role: str) -> None:
    operation = refunds.openapi()["paths"][path]["post"]
    sent = operation["requestBody"]["content"]["application/json"]["example"]
    shown = operation["responses"]["200"]["content"]["application/json"]["example"]
    answer = ask(refunds, "POST", path, role=role, json=sent)
    assert answer.status_code == 200
    if path == "/v1/explain":  # its example is a part
        told = answer.json()["verdict"]
        assert {name: told[name] for name in shown["verdict"]} == shown["verdict"]
    else:
        assert answer.json() == shown


def test_the_example_of_a_policy_is_one(refunds: FastAPI) -> None:
    operation = refunds.openapi()["paths"]["/v1/policies"]["post"]
    sent = operation["requestBody"]["content"]["application/json"]["example"]
    assert [tool.name for tool in compiled(uploaded(**sent)).catalog.tools] == ["refund"]


@pytest.fixture(scope="module")
def refunds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    app = serve(tmp_path_factory.mktemp("refunds"), REFUNDS, store=None)
    yield app
    close(app)
