"""Whatever is asked of a page or sent to it: an answer in words, never an error of ours, and
nothing is done."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.console import signed_in, token
from support.serving import ask

GETS = (
    "", "overview", "decisions", "decisions/new", "decisions/1", "approvals", "approvals/00ff",
    "policies", "policies/diff", "policies/sha256:" + "0" * 64, "playground", "sign-in", "static/x",
)  # fmt: skip
POSTS = (
    "approvals/00ff/approve", "approvals/00ff/reject", "policies/compare", "sign-in", "sign-out",
    "decisions", "nowhere",
)  # fmt: skip
NAMES = st.sampled_from(
    ["span", "outcome", "tool", "rule", "kind", "before", "after", "live", "old", "new", "file",
     "next", "form_token", "credential", "approver"]
)  # fmt: skip
VALUES = st.sampled_from(
    ["0", "-1", "9" * 40, "hour", "allow", "verdict", "all", "off", "sha256:" + "0" * 64]
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=5)
HEADERS = st.dictionaries(
    st.sampled_from(["HX-Request", "Origin", "Sec-Fetch-Site", "Cookie", "Content-Type", "Range"]),
    st.sampled_from(["true", "null", "same-origin", "http://licet.test", "licet=a.b.c", "text/x"]),
    max_size=2,
)
MANY = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


def test_pages(app: FastAPI) -> None:
    client = signed_in(app, "administrator")

    @MANY
    @given(path=st.sampled_from(GETS), fields=FIELDS, headers=HEADERS)
    def holds(path: str, fields: dict[str, str], headers: dict[str, str]) -> None:
        answer = client.get(f"/console/{path}", params=fields, headers=headers)
        assert answer.status_code < 500

    holds()


def test_forms(app: FastAPI) -> None:
    client = signed_in(app, "administrator")
    own = token(client.get("/console/approvals").text)
    before = ask(app, "GET", "/v1/decisions?limit=1", role="auditor").json()

    @MANY
    @given(
        path=st.sampled_from(POSTS),
        body=FIELDS.map(lambda fields: urlencode(fields).encode()) | st.binary(max_size=60),
        valid=st.booleans(),
        headers=HEADERS,
    )
    def holds(path: str, body: bytes, valid: bool, headers: dict[str, str]) -> None:
        if valid and b"form_token" not in body and path != "sign-out":
            body += f"&form_token={own}".encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = client.post(f"/console/{path}", content=body, headers={**kind, **headers})
        assert answer.status_code < 500
        assert "set-cookie" not in answer.headers or "licet-form" in answer.headers["set-cookie"]

    holds()
    assert ask(app, "GET", "/v1/decisions?limit=1", role="auditor").json() == before
