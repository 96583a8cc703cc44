"""Whatever is activated anywhere is what decides everywhere, and no request is lost over it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from licet.service.bundles.bundle import Bundle
from licet.service.bundles.shelf import Shelf
from licet.service.bundles.unpacking import compiled
from licet.verifier.remembering import STALE
from support.serving import POLICY, ask, close, key, serve
from support.shop import refund, shop

NARROW = POLICY.replace("args.amount > 500", "args.amount > 50")
NARROWER = POLICY.replace("args.amount > 500", "args.amount > 5")
AUTHOR, ADMIN, HOST = "policy_author", "administrator", "host"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    app = serve(tmp_path, patience=60.0)
    yield app
    close(app)


def call(amount: int = 100) -> dict[str, Any]:
    principal = {"id": "a1", "role": "support"}
    made = refund(args={"order_id": "R1", "amount": amount}, principal=principal)
    del made["now"]
    return made


def checked(app: FastAPI, amount: int = 100, tenant: str = "one") -> dict[str, Any]:
    answer = ask(app, "POST", "/v1/check", role=HOST, tenant=tenant, json=call(amount))
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def keep(app: FastAPI, text: str, tenant: str = "one") -> str:
    """A bundle as if it had been sent and found narrower than what is active; its digest."""
    bundle = Bundle({"shop.licet": text.encode()}, ("shop.licet",))
    program = compiled(bundle)
    with app.state.service.store.begin(tenant) as tx:
        shelf = Shelf(tx)
        upload = shelf.put(
            bundle, "ann", "upload", program.name, program.digest, program.catalog.digest
        )
        active = shelf.active()
        base = "" if active is None else active.digest
        shelf.put_report(upload.digest, base, "narrows", {})
    return upload.digest


def activate(app: FastAPI, digest: str, **body: object) -> httpx.Response:
    role = ADMIN if body else AUTHOR
    return ask(app, "POST", f"/v1/policies/{digest}/activate", role=role, json=body)


def active(app: FastAPI) -> tuple[str, str]:
    """The digest of what is active, and where it came from."""
    told = ask(app, "GET", "/v1/policies", role="auditor").json()["active"]
    return told["digest"], told["source"]


# --- several processes


def test_another_worker_follows_by_itself(app: FastAPI, tmp_path: Path) -> None:
    other = serve(tmp_path)
    assert checked(other)["outcome"] == "allow"
    assert activate(app, keep(app, NARROW)).status_code == 200
    assert ask(other, "GET", "/readyz").status_code == 503
    # what is refused because it is stale wakes whoever loads what is active: it is decided by that
    told = checked(other)
    assert (told["outcome"], told["verdict"]["rules"]) == ("deny", ["support_small"])
    assert ask(other, "GET", "/readyz").status_code == 200
    assert checked(other, tenant="two")["outcome"] == "allow"
    close(other)


def test_a_mode_is_followed_too(app: FastAPI, tmp_path: Path) -> None:
    other = serve(tmp_path)
    until = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    first, _ = active(app)
    assert activate(app, first, observe_until=until).status_code == 409
    assert activate(app, first, observe_until=until, allow_widening=True).status_code == 200
    for each in (app, other):
        answer = ask(each, "POST", "/v1/check", role=HOST, json=call(600))
        told = answer.json()
        assert (told["allowed"], told["verdict"]["observed"]["outcome"]) == (True, "deny")
        assert "refused calls are let through" in told["banner"]
        answer = ask(each, "GET", "/v1/policies", role="auditor")
        assert answer.json()["mode"] == "observe"
        assert answer.json()["banner"] == told["banner"]
        assert answer.headers["x-licet-mode"].startswith("observe; until=")
        elsewhere = ask(each, "GET", "/v1/policies", role="auditor", tenant="two")
        assert elsewhere.json()["mode"] == "enforce"
        assert "x-licet-mode" not in elsewhere.headers
        metrics = ask(each, "GET", "/metrics", role="auditor").text
        [line] = [m for m in metrics.splitlines() if m.startswith("licet_observe_until_seconds{")]
        assert float(line.split()[-1]) > time.time()
    # to enforce again takes nobody's leave, and the other worker lets nothing through after it
    assert activate(app, first).status_code == 200
    assert checked(other, 600)["allowed"] is False
    assert "banner" not in checked(app, 600)
    close(other)


def test_nobody_observes_for_ever(app: FastAPI) -> None:
    first, _ = active(app)
    now = datetime.now(UTC)
    for until in (
        (now + timedelta(days=32)).isoformat(),
        (now - timedelta(seconds=1)).isoformat(),
        "2026-12-01T00:00:00",
        "never",
        7,
    ):
        answer = activate(app, first, observe_until=until, allow_widening=True)
        assert answer.status_code == 422
    assert checked(app, 600)["allowed"] is False


def test_what_cannot_be_loaded_is_refused(app: FastAPI, tmp_path: Path) -> None:
    """A guard of another program's has made its own policy the active one."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with shop(folder, NARROW, store=f"sqlite:///{tmp_path / 'state.db'}", tenant="one"):
        told = checked(app)
        assert (told["outcome"], told["verdict"]["violations"][0]["kind"]) == ("deny", "fault")
        assert ask(app, "GET", "/readyz").status_code == 503
        assert ask(app, "GET", "/v1/policies", role="auditor").json()["active"] is None


@pytest.mark.long
def test_activations_at_the_same_time_come_one_after_the_other(
    app: FastAPI, tmp_path: Path
) -> None:
    other = serve(tmp_path)
    digests = [keep(app, NARROW), keep(app, NARROWER)]
    with ThreadPoolExecutor(4) as threads:
        work = [(each, digest) for digest in digests for each in (app, other)]
        answers = list(threads.map(lambda pair: activate(*pair), work))
    done = [each.json()["activation"] for each in answers if each.status_code == 200]
    assert {each.status_code for each in answers} <= {200, 409}
    assert done
    history = ask(app, "GET", "/v1/policies", role="auditor").json()["history"]
    numbers = [each["number"] for each in history]
    assert numbers == sorted(set(numbers), reverse=True)
    assert {each["number"] for each in done} <= set(numbers)
    outcomes = {checked(each)["verdict"]["policy"] for each in (app, other)}
    assert len(outcomes) == 1
    close(other)


def test_requests_go_on_while_policies_change(app: FastAPI) -> None:
    """Each is decided by the one or by the other, whole, or waits too long and is refused."""
    first, _ = active(app)
    narrow = keep(app, NARROW)

    async def go() -> tuple[list[Any], list[Any], list[Any]]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://licet.test") as client:
            over = asyncio.Event()

            async def post(path: str, role: str, body: object) -> httpx.Response:
                headers = {"Authorization": f"Bearer {key(role)}"}
                return await client.post(path, json=body, headers=headers)

            async def ask_on() -> list[httpx.Response]:
                found = []
                while not over.is_set():
                    found.append(await post("/v1/check", HOST, call()))
                return found

            async def change() -> tuple[list[httpx.Response], list[httpx.Response]]:
                changes, then = [], []
                for digest in (narrow, first) * 3:
                    path = f"/v1/policies/{digest}/activate"
                    changes.append(await post(path, ADMIN, {"allow_widening": True}))
                    then.append(await post("/v1/check", HOST, call()))
                over.set()
                return changes, then

            changing = asyncio.create_task(change())
            asked = await asyncio.gather(*(ask_on() for _ in range(4)))
            return [each for some in asked for each in some], *await changing

    answers, changes, then = asyncio.run(go())
    assert {each.status_code for each in (*answers, *changes, *then)} == {200}
    assert [each.json()["outcome"] for each in then] == ["deny", "allow"] * 3
    policies = [each.json()["verdict"]["policy"] for each in then[:2]]
    kinds = [("deny", "forbidden"), ("allow", "")]
    for each in answers:
        verdict = each.json()["verdict"]
        violations = verdict["violations"]
        if violations and violations[0]["kind"] == "fault":
            assert violations[0]["message"] == STALE
            continue
        kind = violations[0]["kind"] if violations else ""
        assert (verdict["outcome"], kind) == kinds[policies.index(verdict["policy"])]


def test_a_call_that_was_allowed_before_is_not_run_after(app: FastAPI) -> None:
    told = checked(app)
    assert activate(app, keep(app, NARROW)).status_code == 200
    shown = {"ticket": told["ticket"], "args": call()["args"]}
    assert ask(app, "POST", "/v1/redeem", role=HOST, json=shown).status_code == 409


# --- a start


@pytest.mark.long
def test_what_was_activated_outlives_a_start(tmp_path: Path) -> None:
    app = serve(tmp_path)
    narrow = keep(app, NARROW)
    assert activate(app, narrow).status_code == 200
    close(app)
    for _ in range(2):
        again = serve(tmp_path)
        assert active(again) == (narrow, "upload")
        assert checked(again)["outcome"] == "deny"
        assert checked(again, tenant="two")["outcome"] == "allow"
        close(again)
    # files that have changed since are the operator's word
    changed = serve(tmp_path, POLICY + "# reviewed\n")
    assert active(changed)[1] == "files"
    assert checked(changed)["outcome"] == "allow"
    number = ask(changed, "GET", "/v1/policies", role="auditor").json()["active"]["number"]
    found = ask(changed, "GET", "/v1/decisions?kind=activation&limit=1", role="auditor").json()
    assert found["entries"][0]["body"]["source"] == "files"
    close(changed)
    same = serve(tmp_path, POLICY + "# reviewed\n")
    assert ask(same, "GET", "/v1/policies", role="auditor").json()["active"]["number"] == number
    close(same)


@pytest.mark.long
def test_uploads_may_have_the_last_word(tmp_path: Path) -> None:
    app = serve(tmp_path, policies="uploads")
    narrow = keep(app, NARROW)
    assert activate(app, narrow).status_code == 200
    close(app)
    changed = serve(tmp_path, POLICY + "# reviewed\n", policies="uploads")
    assert active(changed) == (narrow, "upload")
    assert checked(changed)["outcome"] == "deny"
    close(changed)


@pytest.mark.long
def test_files_may_have_the_only_word(tmp_path: Path) -> None:
    app = serve(tmp_path)
    narrow = keep(app, NARROW)
    assert activate(app, narrow).status_code == 200
    close(app)
    again = serve(tmp_path, policies="files")
    assert active(again)[1] == "files"
    for answer in (
        activate(again, narrow),
        ask(again, "POST", "/v1/policies/rollback", role=ADMIN, json={"allow_widening": True}),
    ):
        assert answer.status_code == 409
        assert "its files" in answer.json()["detail"]
    assert checked(again)["outcome"] == "allow"
    close(again)


@pytest.mark.long
def test_the_configured_mode(tmp_path: Path) -> None:
    until = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    app = serve(tmp_path)
    narrow = keep(app, NARROW)
    assert activate(app, narrow).status_code == 200
    close(app)
    (tmp_path / "licet.toml").write_text(f"[guard]\nobserve_until = {until}\n")
    observing = serve(tmp_path)
    assert active(observing) == (narrow, "start")  # the policy stays, its mode changes
    told = checked(observing)
    assert (told["allowed"], told["verdict"]["observed"]["outcome"]) == (True, "deny")
    close(observing)
    (tmp_path / "licet.toml").unlink()
    again = serve(tmp_path)
    assert checked(again)["allowed"] is False
    close(again)


def test_a_policy_that_compiles_no_more_stops_its_own_tenant_alone(tmp_path: Path) -> None:
    app = serve(tmp_path)
    narrow = keep(app, NARROW)
    assert activate(app, narrow).status_code == 200
    with app.state.service.store.begin("one") as tx:
        broken = Bundle({"shop.licet": b"permit\n"}, ("shop.licet",))
        tx.put_document("bundle", narrow, broken.text())
    close(app)
    again = serve(tmp_path)
    told = checked(again)
    assert (told["outcome"], told["verdict"]["violations"][0]["kind"]) == ("deny", "fault")
    assert ask(again, "GET", "/readyz").status_code == 503
    assert checked(again, tenant="two")["outcome"] == "allow"
    policies = ask(again, "GET", "/v1/policies", role="auditor").json()["policies"]
    [files] = [each["digest"] for each in policies if each["source"] == "files"]
    assert activate(again, files, allow_widening=True).status_code == 200
    assert checked(again)["outcome"] == "allow"
    close(again)
