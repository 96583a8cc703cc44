"""The inbox, and answers given there."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from fastapi import FastAPI

from support.console import signed_in, token
from support.serving import ask
from support.shop import refund


def asked(app: FastAPI, **changes: object) -> str:
    """An approval that nobody has asked for before."""
    call = refund(args={"order_id": "R1", "amount": 160}, id=uuid4().hex, session=uuid4().hex)
    call |= changes
    del call["now"]
    told = ask(app, "POST", "/v1/check", role="host", json=call).json()
    assert told["outcome"] == "escalate"
    found: str = told["verdict"]["approval"]
    return found


def state(app: FastAPI, id: str) -> str:
    found: str = ask(app, "GET", f"/v1/approvals/{id}", role="host").json()["state"]
    return found


@pytest.mark.parametrize(("answer", "becomes"), [("approve", "approved"), ("reject", "rejected")])
def test_answering_as_the_credential_says(app: FastAPI, answer: str, becomes: str) -> None:
    id = asked(app)
    client = signed_in(app, "approver")
    inbox = client.get("/console/approvals").text
    assert f'href="/console/approvals/{id}"' in inbox
    page = client.get(f"/console/approvals/{id}").text
    assert "It counts as that of" in page
    assert "one-approver" in page
    assert "It destroys or replaces something" in page
    assert "escalate" in re.findall(r'<tr class="marked pointed">(.*?)</tr>', page)[0]
    form = {"form_token": token(page), "approver": "somebody else"}
    done = client.post(f"/console/approvals/{id}/{answer}", data=form)
    assert (done.status_code, done.headers["location"]) == (303, f"/console/approvals/{id}")
    found = ask(app, "GET", f"/v1/approvals/{id}", role="host").json()
    assert found["state"] == becomes
    assert (found["rejected_by"] or found["rules"][0]["agreed"][0]) == "one-approver"
    assert "/approve" not in client.get(f"/console/approvals/{id}").text
    again = client.post(f"/console/approvals/{id}/approve", data=form)
    assert again.status_code == 409
    assert f"this approval is {becomes} already" in again.text
    assert id not in client.get("/console/approvals").text


def test_whoever_stands_behind_the_call_is_told_and_refused(app: FastAPI) -> None:
    id = asked(app, principal={"id": "one-approver", "role": "manager"})
    client = signed_in(app, "approver")
    page = client.get(f"/console/approvals/{id}").text
    assert "You cannot answer this: one-approver stands behind this call" in page
    assert "/approve" not in page
    form = {"form_token": token(page)}
    assert client.post(f"/console/approvals/{id}/approve", data=form).status_code == 409
    assert state(app, id) == "open"


@pytest.mark.parametrize("role", ["auditor", "administrator"])
def test_readers_see_and_do_not_answer(app: FastAPI, role: str) -> None:
    id = asked(app)
    client = signed_in(app, role)
    page = client.get(f"/console/approvals/{id}").text
    assert "Your answer" not in page
    form = {"form_token": token(page)}
    assert client.post(f"/console/approvals/{id}/approve", data=form).status_code == 403
    assert state(app, id) == "open"


def test_looking_is_not_answering(app: FastAPI) -> None:
    id = asked(app)
    client = signed_in(app, "approver")
    for path in (f"/console/approvals/{id}/approve", f"/console/approvals/{id}/reject"):
        assert client.get(path).status_code in (404, 405)
    assert state(app, id) == "open"


@pytest.mark.parametrize("id", ["nothing", "00ff", "..%2f..", "0" * 200])
def test_what_is_not_there(app: FastAPI, id: str) -> None:
    client = signed_in(app, "approver")
    assert client.get(f"/console/approvals/{id}").status_code == 404
    form = {"form_token": token(client.get("/console/approvals").text)}
    assert client.post(f"/console/approvals/{id}/approve", data=form).status_code == 404
