"""A browser without scripts at the console of `support.serving`'s app."""

from __future__ import annotations

import re
from html import unescape

from fastapi import FastAPI
from starlette.testclient import TestClient

from licet.service.callers import Role
from support.serving import key

_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


def visitor(app: FastAPI, url: str = "http://licet.test") -> TestClient:
    """Somebody who has not signed in."""
    return TestClient(app, base_url=url, follow_redirects=False)


def signed_in(
    app: FastAPI, role: Role | str, tenant: str = "one", url: str = "http://licet.test"
) -> TestClient:
    """Somebody with one role's key."""
    client = visitor(app, url)
    assert sign_in(client, key(role, tenant)).status_code == 303
    return client


def sign_in(client: TestClient, credential: str, **more: str):  # type: ignore[no-untyped-def]
    form = {"form_token": token(client.get("/console/sign-in").text), "credential": credential}
    return client.post("/console/sign-in", data={**form, **more})


def token(page: str) -> str:
    """What a form of a page has to bring along."""
    found = _TOKEN.search(page)
    assert found is not None, page[:500]
    return unescape(found[1])
