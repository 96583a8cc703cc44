"""Tokens of an identity provider: who they stand for, and which stand for nobody."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from licet.service.callers import Role
from licet.service.settings import Tokens, read_settings
from licet.service.tokens import FRESH, OLDEST, PAUSE, TokenAuthority
from support.serving import ask, close, serve

ISSUER, AUDIENCE = "https://id.example.com", "licet"
KEY = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"})
OTHER = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"})


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    folder = tmp_path_factory.mktemp("tokens")
    jwks = folder / "jwks.json"
    jwks.write_text(json.dumps(KeySet([KEY]).as_dict(private=False)))
    tokens = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwks": str(jwks),
        "algorithms": ["ES256"],
        "leeway": 5,
        "roles_claim": "realm.roles",
        "roles": {"agents": "agent", "bosses": "approver", "auditors": "auditor"},
        "principal": {"id": "act.sub", "role": "shop_role", "on_behalf_of": "sub"},
        "context": {"risk": 0},
        "tenant_claim": "org",
        "tenants": ["one", "two"],
    }
    app = serve(folder, tokens=[tokens])
    yield app
    close(app)


def claims(**changes: object) -> dict[str, Any]:
    now = int(time.time())
    made = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ann",
        "iat": now,
        "exp": now + 60,
        "org": "one",
        "realm": {"roles": ["agents", "unrelated"]},
        "shop_role": "manager",
        "act": {"sub": "robot"},
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def signed(body: dict[str, Any], key: Any = KEY, **header: str) -> str:
    return jwt.encode({"alg": "ES256", "kid": "k1", **header}, body, key)


def check(app: FastAPI, token: str) -> Any:
    sent = {"tool": "lookup", "args": {"order_id": "R1"}}
    return ask(app, "POST", "/v1/check", headers={"Authorization": f"Bearer {token}"}, json=sent)


def test_claims_become_principal_chain_and_tenant(app: FastAPI) -> None:
    assert check(app, signed(claims())).json()["allowed"]
    newest = ask(app, "GET", "/v1/decisions?kind=verdict&limit=1", role="auditor").json()
    call = newest["entries"][0]["body"]["call"]
    assert call["principal"] == {"id": "robot", "role": "manager", "on_behalf_of": "ann"}
    assert check(app, signed(claims(org="two"))).json()["allowed"]
    two = ask(app, "GET", "/v1/decisions?kind=verdict", role="auditor", tenant="two").json()
    assert len(two["entries"]) == 1


def test_roles_come_from_the_mapping(app: FastAPI) -> None:
    auditor = signed(claims(realm={"roles": ["auditors"]}))
    headers = {"Authorization": f"Bearer {auditor}"}
    assert ask(app, "GET", "/v1/decisions", headers=headers).status_code == 200
    assert check(app, auditor).status_code == 403


def test_a_clock_that_is_a_little_behind(app: FastAPI) -> None:
    now = int(time.time())
    assert check(app, signed(claims(exp=now - 1))).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example.com"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"exp": "soon"},
        {"nbf": 99_999_999_999},
        {"org": "three"},
        {"org": None},
        {"org": ["one"]},
        {"realm": None},
        {"realm": {"roles": ["host", "administrator"]}},
        {"realm": {"roles": {"agents": True}}},
        {"realm": {"roles": [["agents"]]}},
        {"sub": None},
        {"sub": 7},
    ],
)
def test_claims_of_nobody(app: FastAPI, changes: dict[str, object]) -> None:
    assert check(app, signed(claims(**changes))).status_code == 401


def test_signatures_that_are_none(app: FastAPI) -> None:
    good = signed(claims())
    head, body, signature = good.split(".")
    public = json.dumps(KEY.as_dict(private=False))
    confused = jwt.encode(
        {"alg": "HS256", "kid": "k1"}, claims(), OctKey.import_key(public), ["HS256"]
    )
    for token in (
        signed(claims(), OTHER),
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"eyJhbGciOiJub25lIn0.{body}.",
        confused,
        f"{head}.bm90IGpzb24.{signature}",
    ):
        assert check(app, token).status_code == 401


def test_keys_that_cannot_be_read(tmp_path: Path) -> None:
    tokens = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwks": str(tmp_path / "missing.json"),
        "algorithms": ["ES256"],
        "roles_claim": "realm.roles",
        "roles": {"agents": "agent"},
        "tenant": "one",
    }
    app = serve(tmp_path, store=None, tokens=[tokens])
    assert check(app, signed(claims())).status_code == 401
    close(app)


def kept(jwks: Path) -> Tokens:
    """Settings for the tokens of `KEY`, which is in that file."""
    jwks.write_text(json.dumps(KeySet([KEY]).as_dict(private=False)))
    return Tokens(
        issuer=ISSUER,
        audience=AUDIENCE,
        jwks=str(jwks),
        algorithms=("ES256",),
        roles={"agents": Role.agent},
        roles_claim="realm.roles",
    )


def test_keys_of_a_provider_that_is_silent_are_trusted_for_an_hour(tmp_path: Path) -> None:
    jwks = tmp_path / "jwks.json"
    now = [0.0]
    authority = TokenAuthority(kept(jwks), ticks=lambda: now[0])

    def knows(at: float) -> bool:
        now[0] = at
        return asyncio.run(authority.caller(signed(claims()))) is not None

    assert knows(0.0)
    silent = tmp_path / "silent.json"
    jwks.rename(silent)
    assert knows(FRESH + 1)
    assert knows(OLDEST - 1)
    assert not knows(OLDEST)
    assert not knows(OLDEST + PAUSE)
    silent.rename(jwks)
    assert not knows(OLDEST + 2 * PAUSE - 1)
    assert knows(OLDEST + 2 * PAUSE)  # as soon as it answers again


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "another"}, "aud"),
        ({"exp": 0}, "expired"),
        ({"realm": {"roles": ["unknown"]}}, "`roles` gives it none"),
        ({"sub": ""}, "it has no `sub`"),
    ],
)
def test_why_a_token_of_the_issuer_is_nobodys_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changes: dict[str, object], why: str
) -> None:
    authority = TokenAuthority(kept(tmp_path / "jwks.json"), ticks=lambda: 0.0)
    for _ in range(2):
        assert asyncio.run(authority.caller(signed({**claims(), **changes}))) is None
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"a token of `{ISSUER}` is nobody's: ")
    assert why in said
    assert "another" not in said


def test_a_file_of_keys_is_beside_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "licet.toml"
    config.write_text(
        '[[service.tokens]]\nissuer = "i"\naudience = "a"\njwks = "keys.json"\n'
        'roles = { x = "agent" }\n'
    )
    [tokens] = read_settings(config).tokens
    assert tokens.jwks == str(tmp_path / "keys.json")
