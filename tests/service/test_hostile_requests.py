"""Malformed bodies, headers and tokens: never an error of the server's, never an allow."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.serving import ask, close, key, serve

#: Nothing that is made up here may be allowed: this policy permits nothing at all.
NOTHING = """
principal { id: String, role: String? }
context { risk: Decimal? }
tool refund(order_id: String, amount: Decimal in 0 .. 10_000 step 0.01)
permit never on refund when principal.id == "nobody has this one"
"""
ROUTES = (
    "/v1/check",
    "/v1/check/batch",
    "/v1/redeem",
    "/v1/settle",
    "/v1/explain",
    "/access/v1/evaluation",
    "/access/v1/evaluations",
    "/admission/v1/review",
    "/beta/litellm_basic_guardrail_api",
    "/v1/hooks/claude-code",
    "/v1/keys",
    "/v1/keys/desk/rotate",
)
NAMES = st.sampled_from(
    ["tool", "args", "id", "principal", "context", "session", "facts", "now", "calls", "ticket",
     "outcome", "result", "subject", "action", "resource", "name", "type", "properties", "request",
     "evaluations", "options", "kind", "apiVersion", "uid", "object", "operation", "refund",
     "roles", "tools", "expires", "overlap", "hook_event_name", "session_id", "cwd", "tool_name",
     "tool_input"]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["refund", "AdmissionReview", "admission.k8s.io/v1", "ok", "licet1.W10"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner),
    max_leaves=20,
)
BODIES = (
    st.binary(max_size=200)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(NAMES, VALUES, max_size=8).map(lambda value: json.dumps(value).encode())
)
HEADERS = st.dictionaries(
    st.sampled_from(["Authorization", "X-API-Key", "Content-Type", "Content-Length", "Host"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60).map(str.strip),
    max_size=3,
)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    app = serve(tmp_path_factory.mktemp("service"), NOTHING, store=None, seconds=0.2)
    yield app
    close(app)


def allows(text: str) -> bool:
    plain = text.replace(" ", "")
    return any(each in plain for each in ('"allowed":true', '"decision":true', '"outcome":"allow"'))


def test_an_allow_would_be_seen(app: FastAPI) -> None:
    args = {"order_id": "R1", "amount": 1}
    call = {"tool": "refund", "args": args, "principal": {"id": "nobody has this one"}}
    assert allows(ask(app, "POST", "/v1/check", role="host", json=call).text)
    told = ask(app, "POST", "/v1/check", role="agent", json={"tool": "refund", "args": args}).json()
    assert told["model"]["violations"][0]["kind"] == "no_permit"  # it comes as far as the rules


@SLOW
@given(
    path=st.sampled_from(ROUTES),
    body=BODIES,
    role=st.sampled_from(["host", "agent", "administrator"]),
)
def test_bodies(app: FastAPI, path: str, body: bytes, role: str) -> None:
    kind = {"Content-Type": "application/json"}
    answer = ask(app, "POST", path, role=role, content=body, headers=kind)
    assert answer.status_code < 500
    assert not allows(answer.text)
    answer.json()


@SLOW
@given(path=st.sampled_from(ROUTES), headers=HEADERS, body=BODIES)
def test_headers_of_somebody_known(
    app: FastAPI, path: str, headers: dict[str, str], body: bytes
) -> None:
    sent = {"Content-Type": "application/json", **headers}
    raw = {name: value.encode("latin-1") for name, value in sent.items() if name[0] == "C"}
    raw["X-API-Key"] = key("host").encode()
    answer = ask(app, "POST", path, headers=raw, content=body)  # type: ignore[arg-type]
    assert answer.status_code < 500
    assert not allows(answer.text)


@pytest.mark.parametrize("length", ["\u00b2", "-1", "+5", "9" * 5_000, "1e9", ""])
def test_lengths_that_are_none(app: FastAPI, length: str) -> None:
    raw = {
        "X-API-Key": key("host").encode(),
        "Content-Type": b"application/json",
        "Content-Length": length.encode("latin-1"),
    }
    answer = ask(app, "POST", "/v1/check", headers=raw, content=b'{"tool": "refund"}')  # type: ignore[arg-type]
    assert answer.status_code in (200, 413)
    assert not allows(answer.text)


@SLOW
@given(path=st.sampled_from(ROUTES), headers=HEADERS, body=BODIES)
def test_headers(app: FastAPI, path: str, headers: dict[str, str], body: bytes) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = ask(app, "POST", path, headers=raw, content=body)  # type: ignore[arg-type]
    assert answer.status_code in (401, 413)
    assert not allows(answer.text)


@SLOW
@given(
    token=st.text(st.characters(max_codepoint=255), max_size=80).map(
        lambda text: text.replace("\r", "").replace("\n", "").replace("\0", "")
    )
    | st.sampled_from(
        ["a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", key("host") + "x", key("host")[:-1]]
    )
)
def test_tokens(app: FastAPI, token: str) -> None:
    raw = {"X-API-Key": token.encode("latin-1"), "Content-Type": b"application/json"}
    answer = ask(app, "POST", "/v1/check", headers=raw, content=b'{"tool": "refund"}')  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
