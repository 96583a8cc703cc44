"""Role × page × tenant; forms that come from elsewhere; headers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI

from licet.service.app import create_app
from licet.service.callers import Role
from licet.service.console import approvals, decisions, overview, playground, policies
from licet.service.console.pages import Pages
from support.console import signed_in, token, visitor
from support.serving import ROLES, ask, close, serve
from support.shop import refund, shop

APPROVER, AUTHOR = Role.approver, Role.policy_author
READERS = {Role.auditor, Role.administrator}
PEOPLE = [role for role in ROLES if role not in (Role.agent, Role.host)]

#: Who may see each page. A new page needs a row.
MATRIX: dict[tuple[str, str], set[Role]] = {
    ("GET", "/overview"): READERS,
    ("GET", "/decisions"): READERS,
    ("GET", "/decisions/new"): READERS,
    ("GET", "/decisions/{seq:int}"): READERS,
    ("GET", "/approvals"): {APPROVER, *READERS},
    ("GET", "/approvals/{id}"): {APPROVER, *READERS},
    ("POST", "/approvals/{id}/approve"): {APPROVER},
    ("POST", "/approvals/{id}/reject"): {APPROVER},
    ("GET", "/policies"): {AUTHOR, *READERS},
    ("GET", "/policies/diff"): {AUTHOR, *READERS},
    ("POST", "/policies/compare"): {AUTHOR, Role.administrator},
    ("GET", "/policies/{digest}"): {AUTHOR, *READERS},
    ("GET", "/playground"): {AUTHOR, Role.administrator},
    ("POST", "/playground/verdict"): {AUTHOR, Role.administrator},
    ("POST", "/playground/lint"): {AUTHOR, Role.administrator},
}


def path_of(pattern: str) -> str:
    for hole, value in (("{id}", "00ff-00ff"), ("{seq:int}", "1"), ("{digest}", "sha256:00")):
        pattern = pattern.replace(hole, value)
    return "/console" + pattern


def test_every_page_has_a_row() -> None:
    kinds = (overview, decisions, approvals, policies, playground)
    found = {(page.method, page.path): set(page.roles) for k in kinds for page in k.PAGES.all}
    assert found == MATRIX


def test_a_page_that_does_not_say_its_roles_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="does not say who may see it"):
        Pages().get("/open")


@pytest.mark.parametrize("role", PEOPLE)
def test_roles(app: FastAPI, role: Role) -> None:
    client = signed_in(app, role)
    shown = client.get("/console", follow_redirects=True).text
    sent = {"form_token": token(shown), "policy": "x" * 70_000, "call": ""}
    for (method, pattern), roles in MATRIX.items():
        path = path_of(pattern)
        answer = client.get(path) if method == "GET" else client.post(path, data=sent)
        assert (answer.status_code == 403) == (role not in roles), (path, answer.status_code)
        assert answer.status_code < 500
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    links = set(re.findall(r'<li><a href="(/console/[a-z]+)"', shown))
    wanted = {path_of(p) for (m, p), roles in MATRIX.items() if m == "GET" and role in roles}
    assert links == {path for path in wanted if path.count("/") == 2}


@pytest.mark.parametrize(("method", "pattern"), sorted(MATRIX))
def test_nobody_without_a_session(app: FastAPI, method: str, pattern: str) -> None:
    answer = visitor(app).request(method, path_of(pattern))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in?next=")


def test_the_api_takes_no_cookie(app: FastAPI) -> None:
    client = signed_in(app, "administrator")
    assert client.get("/v1/decisions").status_code == 401


def test_a_form_from_elsewhere_does_nothing(app: FastAPI) -> None:
    client = signed_in(app, "approver")
    mine = token(client.get("/console/approvals").text)
    other = token(signed_in(app, "approver").get("/console/approvals").text)
    path = "/console/approvals/00ff-00ff/approve"

    def status(form: dict[str, str], **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post(path, data=form, headers=named).status_code

    assert status({"form_token": mine}) == 404  # there is no such approval: the form counted
    assert status({"approver": "x"}) == 403
    assert status({"form_token": ""}) == 403
    assert status({"form_token": other}) == 403
    assert status({"form_token": mine}, sec_fetch_site="cross-site") == 403
    assert status({"form_token": mine}, sec_fetch_site="same-site") == 403
    assert status({"form_token": mine}, origin="https://evil.example") == 403
    assert status({"form_token": mine}, origin="null") == 403
    assert status({"form_token": mine}, origin="http://licet.test") == 404
    for bad, code in (
        (b"form_token=%ff", 400),
        (b"form_token=a&form_token=a", 400),
        (b"&".join([b"a=1"] * 30), 400),
        (b"x" * 40_000, 413),
    ):
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert client.post(path, content=bad, headers=kind).status_code == code
    assert client.post(path, json={"form_token": mine}).status_code == 415


def test_the_form_for_signing_in_is_protected_too(app: FastAPI) -> None:
    client = visitor(app)
    bare = {"form_token": "x", "credential": "licet_test_one_auditor_key"}
    assert client.post("/console/sign-in", data=bare).status_code == 403
    client.get("/console/sign-in")
    assert client.post("/console/sign-in", data=bare).status_code == 403


def test_headers(app: FastAPI) -> None:
    client, nobody = signed_in(app, "auditor"), visitor(app)
    pages = [client.get(f"/console/{path}") for path in ("overview", "decisions", "nowhere")]
    for answer in (*pages, nobody.get("/console/sign-in"), nobody.get("/console/nowhere")):
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert re.search(r"\son\w+=|\sstyle=|<style|<script(?! src=)", answer.text) is None
        for address in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
            assert address.startswith(("/console", "#", "?")), address
    for script in re.findall(r'src="([^"]+)"', client.get("/console/overview").text):
        kept = visitor(app).get(script)
        assert kept.status_code == 200
        assert "immutable" in kept.headers["cache-control"]
    for name in ("../app.py", "%2e%2e/app.py", "nothing.js", "htmx-LICENSE"):
        assert visitor(app).get(f"/console/static/{name}").status_code == 404


def test_tenants_see_nothing_of_each_other(app: FastAPI) -> None:
    call = refund(args={"order_id": "R1", "amount": 200}, id="large-1")
    del call["now"]
    id = ask(app, "POST", "/v1/check", role="host", json=call).json()["verdict"]["approval"]
    mine = signed_in(app, "administrator")
    theirs = signed_in(app, "administrator", "two")
    assert "R1" in mine.get(f"/console/approvals/{id}").text
    assert theirs.get(f"/console/approvals/{id}").status_code == 404
    assert id in mine.get("/console/approvals").text
    assert id not in theirs.get("/console/approvals").text
    feed = mine.get("/console/decisions").text
    seq = re.findall(r"/console/decisions/(\d+)", feed)[0]
    assert "large-1" in mine.get(f"/console/decisions/{seq}").text
    assert "large-1" not in theirs.get(f"/console/decisions/{seq}").text
    assert "/console/decisions/" + seq not in theirs.get("/console/decisions").text.replace(
        "/console/decisions/new", ""
    )
    boss = signed_in(app, "approver", "two")
    form = {"form_token": token(boss.get("/console/approvals").text)}
    for answer in ("approve", "reject"):
        path = f"/console/approvals/{id}/{answer}"
        assert boss.post(path, data=form).status_code == 404
    assert ask(app, "GET", f"/v1/approvals/{id}", role="host").json()["state"] == "open"


@pytest.mark.slow
def test_it_can_be_left_out(tmp_path: Path) -> None:
    app = serve(tmp_path, store=None, console=False)
    assert visitor(app).get("/console/sign-in").status_code == 404
    close(app)


def test_the_description_of_the_api_says_nothing_of_it(app: FastAPI) -> None:
    assert not [path for path in app.openapi()["paths"] if "console" in path]


def test_the_store_is_gone(tmp_path: Path) -> None:
    app = serve(tmp_path)
    client = signed_in(app, "administrator")
    boss = signed_in(app, "approver")
    form = {"form_token": token(boss.get("/console/approvals").text)}
    app.state.service.store.close()
    for path in ("/overview", "/decisions", "/decisions/1", "/approvals", "/approvals/00ff-00ff"):
        answer = client.get(f"/console{path}")
        assert answer.status_code == 503, path
        assert "the store does not answer" in answer.text
    part = client.get("/console/decisions/new?after=1", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-retarget"]) == (503, "#problem")
    assert "<html" not in part.text
    assert boss.post("/console/approvals/00ff-00ff/approve", data=form).status_code == 503
    close(app)


def test_too_many_requests(tmp_path: Path) -> None:
    app = serve(tmp_path, store=None, limits={"rate": 0.001, "burst": 3})
    client = signed_in(app, "auditor")
    seen = [client.get("/console/decisions").status_code for _ in range(3)]
    assert seen == [200, 200, 429]
    close(app)


@pytest.mark.slow
def test_observing_is_said_on_every_page(tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    until = datetime.now(UTC) + timedelta(hours=1)
    guard = shop(tmp_path, tenant="one", observe_until=until)
    from support.serving import keys

    app = create_app(guard, keys=keys())
    client = signed_in(app, "administrator")
    for path in ("/decisions", "/approvals", "/playground"):
        assert "Observing until" in client.get(f"/console{path}").text
    close(app)
