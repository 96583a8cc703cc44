"""The fields that a service is told to keep out of its audit are in none of its entries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from licet.service.keys import Keyring
from licet.service.settings import SettingsError, settings_of
from support.serving import ask, close, serve
from support.shop import refund

REDACT = ["args.order_id", "principal.id", "session.id"]


def entries(app: Any, kind: str) -> list[dict[str, Any]]:
    path = f"/v1/decisions?kind={kind}&limit=500"
    found: list[dict[str, Any]] = ask(app, "GET", path, role="auditor").json()["entries"]
    return found


def test_neither_verdicts_nor_keys_tell_them(tmp_path: Path) -> None:
    app = serve(tmp_path, redact=REDACT)
    call = refund(
        args={"order_id": "Q7-secret", "amount": 40},
        principal={"id": "jane.doe", "role": "support"},
        session="s-hidden",
        facts={
            "order": [{"key": ["Q7-secret"], "value": {"owner": "u1", "total": 200}}],
            "blocked": [{"key": ["u1"], "value": False}],
        },
    )
    del call["now"]
    assert ask(app, "POST", "/v1/check", role="host", json=call).json()["allowed"]
    key = {
        "name": "desk",
        "roles": ["agent"],
        "principal": {"id": "jane.doe", "role": "support"},
        "session": "s-hidden",
    }
    assert ask(app, "POST", "/v1/keys", role="administrator", json=key).status_code == 200
    [verdict], [made] = entries(app, "verdict"), entries(app, "key")
    close(app)
    for told in (verdict, made):
        text = json.dumps(told)
        assert not any(one in text for one in ("Q7-secret", "jane.doe", "s-hidden"))
        assert "hmac-sha256:" in text
    assert verdict["body"]["call"]["args"]["amount"] == 40
    body = made["body"]
    assert (body["key"], body["event"], body["roles"]) == ("desk", "created", ["agent"])
    assert body["principal"]["role"] == "support"
    assert body["redacted"] == [["principal", "id"], ["session"]]


def test_a_command_beside_the_service_keeps_to_it_too(tmp_path: Path) -> None:
    app = serve(tmp_path)
    key = {"roles": ["agent"], "principal": {"id": "jane.doe"}}
    scope = settings_of({"keys": [{"name": "a", "hash": "sha256:" + "0" * 64, **key}]}).keys[0]
    store = app.state.service.store
    Keyring(store, REDACT).create("one", "desk", scope, by="test")
    [made] = entries(app, "key")
    close(app)
    assert "jane.doe" not in json.dumps(made)


@pytest.mark.parametrize("path", ["", "arg.x", "args", "args..x", 7, "principal.id; drop"])
def test_paths_that_name_no_field(path: object) -> None:
    with pytest.raises(SettingsError, match="redact"):
        settings_of({"redact": [path]})
