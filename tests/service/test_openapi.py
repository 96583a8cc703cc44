"""The description of the API, held against the API itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from support.examples import examples
from support.serving import close, key, serve

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
