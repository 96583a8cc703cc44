"""Who gets in, for how long, and with which cookie."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.requests import Request

from licet.service.auth import hash_of
from licet.service.console import sessions
from licet.service.settings import settings_of
from licet.verifier.history.memory import MemoryStore
from support.console import sign_in, signed_in, token, visitor
from support.serving import close, key, serve

PAGE = "/console/decisions"


def test_without_a_session_every_page_leads_to_the_form_and_back(app: FastAPI) -> None:
    client = visitor(app)
    led = client.get(f"{PAGE}?outcome=deny")
    assert led.status_code == 303
    assert led.headers["location"] == (
        "/console/sign-in?next=%2Fconsole%2Fdecisions%3Foutcome%3Ddeny"
    )
    form = client.get(led.headers["location"])
    assert 'value="/console/decisions?outcome=deny"' in form.text
    asked = {"form_token": token(form.text), "credential": key("auditor"), "next": f"{PAGE}?x=1"}
    assert client.post("/console/sign-in", data=asked).headers["location"] == f"{PAGE}?x=1"
    assert client.get(PAGE).status_code == 200


@pytest.mark.parametrize(
    "back",
    ["https://evil.example/", "//evil.example/console/", "/console/../v1/check", "/v1/check",
     "/console/%2e%2E/v1/check",
     "/\\evil.example", "javascript:alert(1)", "/console/\nSet-Cookie: x=y", "/consoleevil"],
)  # fmt: skip
def test_it_leads_nowhere_else(app: FastAPI, back: str) -> None:
    assert sign_in(visitor(app), key("auditor"), next=back).headers["location"] == "/console"


def test_a_link_from_another_site_finds_the_session(app: FastAPI) -> None:
    """Its first request comes without the cookie, which is `SameSite=Strict`."""
    client = signed_in(app, "auditor")
    cross = {"Sec-Fetch-Site": "cross-site"}
    page = visitor(app).get(f"/console/sign-in?next={PAGE}", headers=cross).text
    [again] = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert again == f"/console/sign-in?next={PAGE}"
    assert client.get(again).headers["location"] == PAGE
    assert "http-equiv" not in visitor(app).get(again).text


def test_the_cookie(app: FastAPI) -> None:
    plain = sign_in(visitor(app), key("auditor")).headers["set-cookie"]
    assert plain.startswith("licet=")
    for word in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert word in plain
    assert "Secure" not in plain
    assert key("auditor") not in plain
    safe = sign_in(visitor(app, "https://licet.test"), key("auditor")).headers["set-cookie"]
    assert safe.startswith("__Host-licet=")
    assert "Secure" in safe


def test_behind_a_proxy_public_url_says_that_it_is_https() -> None:
    request = Request(
        {"type": "http", "scheme": "http", "headers": [], "path": "/", "method": "GET"}
    )
    for url, secure in (
        ("https://licet.example", True),
        ("http://licet.example", False),
        (None, False),
    ):
        made = sessions.Sessions(MemoryStore(), settings_of({"public_url": url}), ())
        assert made.secure(request) == secure


@pytest.mark.parametrize("role", ["agent", "host"])
def test_keys_for_calls_open_nothing(app: FastAPI, role: str) -> None:
    client = visitor(app)
    answer = sign_in(client, key(role))
    assert answer.status_code == 403
    assert "for calls, not for people" in answer.text
    assert "licet" not in client.cookies


@pytest.mark.parametrize("credential", ["", "licet_unknown_key_of_nobody", "x" * 20_000, "a.b.c"])
def test_what_is_not_known(app: FastAPI, credential: str) -> None:
    client = visitor(app)
    assert sign_in(client, credential).status_code == 401
    assert client.get(PAGE).status_code == 303


def test_signing_out(app: FastAPI) -> None:
    client = signed_in(app, "auditor")
    assert client.get("/console/sign-out").status_code in (404, 405)
    assert client.post("/console/sign-out", data={"form_token": "wrong"}).status_code == 403
    assert client.get(PAGE).status_code == 200
    copied, stays = visitor(app), signed_in(app, "auditor")
    copied.cookies.set("licet", client.cookies["licet"])
    assert copied.get(PAGE).status_code == 200
    out = client.post("/console/sign-out", data={"form_token": token(client.get(PAGE).text)})
    assert out.headers["location"] == "/console/sign-in"
    assert client.get(PAGE).status_code == 303
    # a copy of the cookie is over too, and led to the form, not in circles; another session is not
    assert copied.get(PAGE).status_code == 303
    assert copied.get("/console/sign-in").status_code == 200
    assert copied.get("/console").headers["location"] == "/console/sign-in"
    assert stays.get(PAGE).status_code == 200


def test_signing_out_while_the_store_is_away_says_what_still_counts(tmp_path: Path) -> None:
    app = serve(tmp_path)
    client = signed_in(app, "auditor")
    form = {"form_token": token(client.get(PAGE).text)}
    app.state.service.store.close()
    out = client.post("/console/sign-out", data=form)
    assert (out.status_code, "licet" in client.cookies) == (503, False)
    assert "a copy of its cookie counts" in out.text
    close(app)


def test_a_cookie_that_was_touched_is_none(app: FastAPI) -> None:
    client = signed_in(app, "auditor")
    good = client.cookies["licet"]
    header, claims, signature = good.split(".")
    for bad in (
        good[:-2],
        f"{header}.{claims}.",
        f"{header}.{claims[:-4]}AAAA.{signature}",
        "eyJhbGciOiJub25lIn0." + claims + ".",
        "",
        "x" * 10_000,
    ):
        fresh = visitor(app)
        fresh.cookies.set("licet", bad)
        assert fresh.get(PAGE).status_code == 303, bad[:40]


def test_a_session_ends(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(app, "auditor")
    now = time.time()
    # Half an hour on, a page renews it; what asks by itself does not.
    monkeypatch.setattr(sessions.time, "time", lambda: now + 0.6 * sessions.IDLE)
    polled = client.get(f"{PAGE}/new?after=0", headers={"HX-Request": "true"})
    assert "set-cookie" not in polled.headers
    assert "licet=" in client.get(PAGE).headers["set-cookie"]
    monkeypatch.setattr(sessions.time, "time", lambda: now + 1.5 * sessions.IDLE)
    assert client.get(PAGE).status_code == 200
    monkeypatch.setattr(sessions.time, "time", lambda: now + 2.6 * sessions.IDLE)
    assert client.get(PAGE).status_code == 303
    part = client.get(f"{PAGE}/new?after=0", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/console/sign-in")


@pytest.mark.slow
def test_sessions_end_with_the_configuration_that_they_came_from(tmp_path: Path) -> None:
    app = serve(tmp_path)
    client = signed_in(app, "auditor")
    cookie = client.cookies["licet"]
    close(app)
    same, other = serve(tmp_path), serve(tmp_path, keys=[_key("another")])
    for again, status in ((same, 200), (other, 303)):
        fresh = visitor(again)
        fresh.cookies.set("licet", cookie)
        assert fresh.get(PAGE).status_code == status
        close(again)


def _key(name: str) -> dict[str, object]:
    return {"name": name, "hash": hash_of(name * 9), "roles": ["auditor"], "tenant": "one"}


def test_a_token_signs_in_as_the_provider_says_and_no_session_outlives_its_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = ECKey.generate_key("P-256")
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [pair.as_dict(private=False)]}))
    settings = {
        "issuer": "https://id.example.com",
        "audience": "licet",
        "jwks": str(tmp_path / "keys.json"),
        "roles": {"audit": "auditor"},
        "tenant": "one",
    }
    soon = datetime.now(UTC) + timedelta(minutes=10)
    app = serve(tmp_path, store=None, tokens=[settings], keys=[{**_key("brief"), "expires": soon}])
    claims = {"iss": settings["issuer"], "aud": "licet", "sub": "eve", "roles": ["audit"]}

    def signed(**more: object) -> str:
        made = {**claims, "exp": int(soon.timestamp()), **more}
        return jwt.encode({"alg": "ES256"}, made, pair)

    by_token, by_key = visitor(app), visitor(app)
    assert sign_in(by_token, signed()).status_code == 303
    assert "https://id.example.com eve" in by_token.get(PAGE).text
    assert sign_in(visitor(app), signed(exp=int(time.time()) - 60)).status_code == 401
    assert sign_in(visitor(app), signed(roles=["other"])).status_code == 401
    assert sign_in(by_key, "brief" * 9).status_code == 303
    assert by_key.get(PAGE).status_code == 200
    later = soon.timestamp() + 1
    monkeypatch.setattr(sessions.time, "time", lambda: later)
    assert [each.get(PAGE).status_code for each in (by_token, by_key)] == [303, 303]
    close(app)
