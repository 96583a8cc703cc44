"""What each route answers, with good input and with bad."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from licet.service.auth import hash_of
from licet.service.callers import Caller
from licet.service.problems import Problem
from licet.service.rates import Rates
from licet.service.settings import Key, SettingsError, settings_of
from licet.verifier.guard import Guard
from support.serving import ask, close, serve
from support.shop import SHOP, refund, shop

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    app = serve(tmp_path_factory.mktemp("service"), limits={"body": 50_000, "batch": 20})
    yield app
    close(app)


def call(**changes: object) -> dict[str, object]:
    made = refund(**changes)
    del made["now"]
    return made


def test_a_refusal_is_an_answer_with_both_views(app: FastAPI) -> None:
    sent = call(args={"order_id": "R1", "amount": 300})
    answer = ask(app, "POST", "/v1/check", role="host", json=sent)
    told = answer.json()
    assert answer.status_code == 200
    assert (told["allowed"], told["outcome"], told["ticket"]) == (False, "deny", None)
    assert "too_much" in told["verdict"]["rules"]
    assert "200" in json.dumps(told["verdict"]["because"])
    assert "200" not in json.dumps(told["model"])  # the order's total is not shown


def test_a_batch_is_in_order_and_each_for_itself(app: FastAPI) -> None:
    calls = [call(), call(tool="refnd"), call(args={"order_id": 3}), call()]
    answer = ask(app, "POST", "/v1/check/batch", role="host", json={"calls": calls})
    assert [each["outcome"] for each in answer.json()["verdicts"]] == [
        "allow",
        "deny",
        "deny",
        "allow",
    ]
    tickets = [each["ticket"] for each in answer.json()["verdicts"]]
    assert tickets[0] != tickets[3]
    assert tickets[1:3] == [None, None]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"tool": "refund", "tool": "lookup"}', 400),
        (b'{"tool": "lookup", "args": {"order_id": "R1", "order_id": "R2"}}', 400),
        (b'{"tool": "lookup", "args": {"n": NaN}}', 400),
        (b'{"tool": "lookup", "args": ' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}", 400),
        (b'{"tool": "lookup", "args": {"n": 1' + b"0" * 200 + b"}}", 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b'"call"', 422),
        (b'{"tool": 3}', 422),
        (b'{"tool": ""}', 422),
        (b'{"tool": "lookup", "arg": {}}', 422),
        (b'{"tool": "lookup", "history": {}}', 422),
        (b'{"tool": "lookup", "args": []}', 422),
        (b" " * 50_001, 413),
    ],
)
def test_bodies_that_are_none(app: FastAPI, body: bytes, status: int) -> None:
    answer = ask(app, "POST", "/v1/check", role="host", content=body, headers=JSON)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_what_a_body_should_be_is_said(app: FastAPI) -> None:
    told = [
        ask(app, "POST", "/v1/check", role="host", content=body, headers=JSON).json()["detail"]
        for body in (b"[]", b'{"tool": "lookup", "args": []}', b'{"tool": "lookup", "arg": {}}')
    ]
    assert told == [
        "the body: this should be an object",
        "args: this should be an object",
        "arg: there is no such field; did you mean `args`?",
    ]


def test_numbers_are_exact(app: FastAPI) -> None:
    """A binary float would be the same number."""
    body = json.dumps(call()).replace("100", "100.00000000000000001", 1).encode()
    told = ask(app, "POST", "/v1/check", role="host", content=body, headers=JSON).json()
    assert told["outcome"] == "deny"
    assert told["model"]["violations"][0]["path"] == "args.amount"


def test_a_host_whose_clock_is_wrong_keeps_out_nobody_else(app: FastAPI) -> None:
    wrong = {**call(), "now": "2099-01-01T00:00:00Z"}
    told = ask(app, "POST", "/v1/check", role="host", json=wrong).json()
    assert (told["outcome"], told["verdict"]["violations"][0]["path"]) == ("deny", "now")
    assert ask(app, "POST", "/v1/check", role="host", json=call()).json()["allowed"]


def test_other_media_types_and_methods_and_places(app: FastAPI) -> None:
    plain = {"Content-Type": "text/plain"}
    answers = [
        ask(app, "POST", "/v1/check", role="host", content=b"{}", headers=plain),
        ask(app, "DELETE", "/v1/check", role="host"),
        ask(app, "GET", "/v2/check", role="host"),
        ask(app, "GET", "/v1/decisions?limit=nine", role="auditor"),
        ask(app, "GET", "/v1/decisions?kind=verdicts", role="auditor"),
        ask(app, "POST", "/v1/check/batch", role="host", json={"calls": [call()] * 21}),
    ]
    assert [each.status_code for each in answers] == [415, 405, 404, 422, 422, 413]
    assert all(each.headers["content-type"] == "application/problem+json" for each in answers)
    assert answers[1].headers["allow"] == "POST"


def test_every_answer_has_the_security_headers(app: FastAPI) -> None:
    for answer in (ask(app, "GET", "/healthz"), ask(app, "GET", "/nowhere")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"


def test_decisions_are_found_page_by_page(app: FastAPI) -> None:
    for number in range(5):
        ask(app, "POST", "/v1/check", role="host", json=call(tool=f"missing{number}"))
    path = "/v1/decisions?outcome=deny&limit=2"
    seen: list[int] = []
    page = ask(app, "GET", path, role="auditor").json()
    while page["entries"]:
        seen += [entry["seq"] for entry in page["entries"]]
        assert all(e["body"]["verdict"]["outcome"] == "deny" for e in page["entries"])
        if page["next"] is None:
            break
        page = ask(app, "GET", f"{path}&before={page['next']}", role="auditor").json()
    assert len(seen) >= 5
    assert seen == sorted(set(seen), reverse=True)
    one = ask(app, "GET", "/v1/decisions?tool=missing3", role="auditor").json()["entries"]
    assert [entry["body"]["verdict"]["tool"] for entry in one] == ["missing3"]


def test_explaining_does_nothing(app: FastAPI) -> None:
    before = ask(app, "GET", "/v1/decisions?limit=1", role="auditor").json()["entries"][0]["seq"]
    sent = {**call(args={"order_id": "R1", "amount": 180}), "id": "supposed"}
    told = ask(app, "POST", "/v1/explain", role="policy_author", json=sent).json()["verdict"]
    assert told["outcome"] == "escalate"
    assert "approval" not in told
    after = ask(app, "GET", "/v1/decisions?limit=1", role="auditor").json()["entries"][0]["seq"]
    assert after == before
    assert ask(app, "GET", "/v1/approvals", role="auditor").json()["approvals"] == []


def test_the_catalog_in_pages(app: FastAPI) -> None:
    first = ask(app, "GET", "/v1/catalog?limit=2", role="policy_author").json()
    second = ask(app, "GET", f"/v1/catalog?after={first['next']}", role="policy_author").json()
    names = [tool["name"].rpartition(".")[2] for tool in first["tools"] + second["tools"]]
    assert sorted(names) == ["close_shop", "lookup", "refund"]
    assert (first["total"], second["next"]) == (3, None)


def test_too_many_requests(tmp_path: Path) -> None:
    app = serve(tmp_path, store=None, limits={"rate": 0.001, "burst": 3})
    answers = [ask(app, "POST", "/v1/check", role="host", json=call()) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert int(answers[3].headers["retry-after"]) > 0
    other = ask(app, "POST", "/v1/check", role="host", tenant="two", json=call())
    assert other.status_code == 200

    def batch(size: int) -> httpx.Response:
        calls = {"calls": [{"tool": "x"}] * size}
        return ask(app, "POST", "/v1/check/batch", role="agent", json=calls)

    assert batch(4).status_code == 413  # however long one waits
    assert batch(3).status_code == 429
    close(app)


def test_rates_are_of_tenant_and_name() -> None:
    """Names of keys are each tenant's own."""
    rates = Rates(0.001, 1)
    one, two = (Caller("keys/desk", frozenset(), tenant) for tenant in ("one", "two"))
    rates.take(one)
    rates.take(two)
    with pytest.raises(Problem):
        rates.take(one)


def test_a_key_for_some_tools_and_one_that_has_expired(tmp_path: Path) -> None:
    def one(name: str, **more: object) -> dict[str, object]:
        return {"name": name, "hash": hash_of(name * 10), "roles": ["host"], **more}

    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    app = serve(
        tmp_path,
        store=None,
        keys=[one("some", tools=["look*"]), one("old", expires=past), one("new", expires=future)],
    )

    def status(name: str) -> int:
        headers = {"X-API-Key": name * 10}
        return ask(app, "POST", "/v1/check", headers=headers, json=call()).status_code

    assert [status(name) for name in ("some", "old", "new")] == [403, 401, 200]
    close(app)


@pytest.mark.parametrize(
    "settings",
    [
        {"prot": 1},
        {"port": "x"},
        {"database": "memory", "workers": 2},
        {"keys": [{"name": "a", "hash": "secret-in-clear", "roles": ["host"]}]},
        {"keys": [{"name": "a", "hash": hash_of("x"), "roles": ["root"]}]},
        {"facts": [{"name": "order", "url": "file:///etc/passwd"}]},
        {"facts": [{"name": "order", "url": "http://x", "python": "os:getcwd"}]},
        {"tokens": [{"issuer": "i", "audience": "a", "roles": {"x": "host"}}]},
    ],
)
def test_settings_that_are_none(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(settings)
    assert "secret-in-clear" not in str(caught.value)


def test_all_that_became_of_a_call_is_found_by_its_id(app: FastAPI) -> None:
    sent = call(id="call-5150")
    ticket = ask(app, "POST", "/v1/check", role="host", json=sent).json()["ticket"]
    ask(app, "POST", "/v1/redeem", role="host", json={"ticket": ticket, "args": sent["args"]})
    ask(app, "POST", "/v1/settle", role="host", json={"ticket": ticket, "outcome": "error"})
    path = "/v1/decisions?call=call-5150"
    found = ask(app, "GET", path, role="auditor").json()["entries"]
    assert [entry["kind"] for entry in found] == ["settlement", "redemption", "verdict"]
    assert ask(app, "GET", path, role="auditor", tenant="two").json()["entries"] == []
    assert ask(app, "GET", "/v1/decisions?call=call-51", role="auditor").json()["entries"] == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prot": 1}, "`service.prot`: there is no such key; did you mean `port`?"),
        ({"wholly": 1}, "`service.wholly`: there is no such key"),
        (
            {"limits": {"bodi": 1}},
            "`service.limits.bodi`: there is no such key; did you mean `body`?",
        ),
        (
            {"telemetry": {"otlp": "collector:4318"}},
            "`service.telemetry`: an http or https URL without a user in it",
        ),
    ],
)
def test_a_mistake_in_the_settings_is_told_with_the_way_out(
    settings: dict[str, object], said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(settings)
    assert str(caught.value) == said


def test_keys_are_kept_as_hashes_alone() -> None:
    made = Key(name="a", hash=hash_of("licet_something_secret"), roles=frozenset({"host"}))
    assert "something_secret" not in repr(made)


# --- nothing fails open


def test_the_store_is_gone(tmp_path: Path) -> None:
    app = serve(tmp_path)
    told = ask(app, "POST", "/v1/check", role="host", json=call()).json()
    app.state.service.store.close()
    for role in ("host", "agent"):
        sent = call() if role == "host" else {"tool": "lookup", "args": {"order_id": "R1"}}
        refused = ask(app, "POST", "/v1/check", role=role, json=sent)
        assert refused.json()["allowed"] is False
        assert refused.json()["model"]["violations"][0]["kind"] == "fault"
    shown = {"ticket": told["ticket"], "args": call()["args"]}
    ending = {"ticket": told["ticket"], "outcome": "ok"}
    assert ask(app, "POST", "/v1/redeem", role="host", json=shown).status_code == 503
    assert ask(app, "POST", "/v1/settle", role="host", json=ending).status_code == 503
    assert ask(app, "GET", "/v1/approvals", role="host").status_code == 503
    assert ask(app, "GET", "/v1/decisions", role="auditor").status_code == 503
    assert ask(app, "GET", "/readyz").status_code == 503
    assert ask(app, "GET", "/healthz").status_code == 200
    close(app)


def test_a_stale_policy_refuses_and_is_not_ready(tmp_path: Path) -> None:
    app = serve(tmp_path)
    told = ask(app, "POST", "/v1/check", role="host", json=call()).json()
    other = tmp_path / "other"
    other.mkdir()
    with shop(other, SHOP, store=f"sqlite:///{tmp_path / 'state.db'}", tenant="one") as newer:
        assert ask(app, "GET", "/readyz").status_code == 503
        refused = ask(app, "POST", "/v1/check", role="host", json=call()).json()
        assert refused["allowed"] is False
        shown = {"ticket": told["ticket"], "args": call()["args"]}
        assert ask(app, "POST", "/v1/redeem", role="host", json=shown).status_code == 409
        two = ask(app, "POST", "/v1/check", role="host", tenant="two", json=call()).json()
        assert two["allowed"]  # the other tenant's policy has not changed
        app.state.service.guards.swap(newer)
        assert ask(app, "GET", "/readyz").status_code == 200
        assert ask(app, "POST", "/v1/check", role="host", json=call()).json()["allowed"]
    close(app)


class Broken(Guard):
    """A guard that fails where no guard should."""

    async def acheck(self, *_args: object, **_options: object) -> object:  # type: ignore[override]
        raise RuntimeError("secret in the message")


def test_a_fault_of_ours_allows_nothing_and_says_nothing(tmp_path: Path) -> None:
    app = serve(tmp_path, store=None)
    with app.state.service.guards.lease("one") as guard:
        app.state.service.guards.swap(Broken(guard.program, tenant="one"), tenant="one")
    answer = ask(app, "POST", "/v1/check", role="host", json=call())
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    close(app)
