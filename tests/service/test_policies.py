"""Policies are sent, compared, activated and rolled back; one person's word makes none wider."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from licet.service.auth import hash_of
from licet.service.bundles.bundle import Bundle
from licet.service.bundles.examining import Examiner
from licet.service.bundles.people import person_of
from licet.service.bundles.shelf import Shelf, Verdict
from licet.service.bundles.unpacking import compiled
from licet.service.callers import Caller, Role
from support.serve_process import descendants
from support.serving import POLICY, ask, close, serve
from support.shop import refund
from support.slow_solves import SLOW_POLICY

#: A second author, who is somebody else, and a second key of the first one.
OTHERS = [
    {"name": "bob", "hash": hash_of("licet_key_of_bob_the_author"), "id": "bob"},
    {"name": "again", "hash": hash_of("licet_second_key_of_author"), "id": "one-policy_author"},
]
KEYS = [
    {
        "name": each["name"],
        "hash": each["hash"],
        "roles": ["policy_author"],
        "tenant": "one",
        "principal": {"id": each["id"]},
    }
    for each in OTHERS
]
BOB = {"X-API-Key": "licet_key_of_bob_the_author"}
AGAIN = {"X-API-Key": "licet_second_key_of_author"}
AUTHOR, ADMIN = "policy_author", "administrator"
NARROW = POLICY.replace("args.amount > 500", "args.amount > 50")
WIDE = POLICY.replace("forbid risky on refund when context.risk > 0.8\n", "")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    app = serve(tmp_path, keys=KEYS)
    yield app
    close(app)


def send(app: FastAPI, text: str, **who: Any) -> httpx.Response:
    sent = {"files": {"shop.licet": text}, "policies": ["shop.licet"]}
    return ask(app, "POST", "/v1/policies", json=sent, **(who or {"role": AUTHOR}))


def keep(app: FastAPI, text: str, verdict: Verdict, base: str | None = None) -> str:
    """A bundle as if it had been sent and compared so; its digest."""
    bundle = Bundle({"shop.licet": text.encode()}, ("shop.licet",))
    program = compiled(bundle)
    with app.state.service.store.begin("one") as tx:
        shelf = Shelf(tx)
        found = ("one-policy_author", "upload", program.name, program.digest)
        digest = shelf.put(bundle, *found, program.catalog.digest).digest  # type: ignore[arg-type]
        active = shelf.active()
        assert active is not None
        report = {"diff": {"tools": [{"tool": "refund", "verdict": verdict, "changes": []}]}}
        shelf.put_report(digest, base or active.digest, verdict, report)
    return digest


def activate(app: FastAPI, digest: str, allow: bool = False, **who: Any) -> httpx.Response:
    body = {"allow_widening": True} if allow else {}
    path = f"/v1/policies/{digest}/activate"
    return ask(app, "POST", path, json=body, **(who or {"role": AUTHOR}))


def roll_back(app: FastAPI, allow: bool = False, **who: Any) -> httpx.Response:
    body = {"allow_widening": allow}
    return ask(app, "POST", "/v1/policies/rollback", json=body, **(who or {"role": AUTHOR}))


def noted(app: FastAPI) -> list[dict[str, Any]]:
    """What the audit says was done with policies, beside activations, in its order."""
    found = ask(app, "GET", "/v1/decisions?kind=policy&limit=500", role="auditor").json()
    return [entry["body"] for entry in reversed(found["entries"])]


def listed(app: FastAPI, **who: Any) -> dict[str, Any]:
    told: dict[str, Any] = ask(app, "GET", "/v1/policies", **(who or {"role": "auditor"})).json()
    return told


def call(amount: int = 100, risk: float = 0.1, **changes: object) -> dict[str, object]:
    made = refund(
        args={"order_id": "R1", "amount": amount},
        principal={"id": "a1", "role": "support"},
        context={"risk": risk},
        **changes,
    )
    del made["now"]
    return made


def outcome(app: FastAPI, tenant: str = "one", **changes: Any) -> str:
    answer = ask(app, "POST", "/v1/check", role="host", tenant=tenant, json=call(**changes))
    told: str = answer.json()["outcome"]
    return told


def test_what_is_proved_narrower_is_activated_by_whoever_sent_it(app: FastAPI) -> None:
    first = listed(app)
    assert [(each["source"], each["active"]) for each in first["policies"]] == [("files", True)]
    assert first["active"]["by"] == ["the operator's files"]
    assert outcome(app) == "allow"

    sent = send(app, NARROW)
    told = sent.json()
    assert (sent.status_code, told["difference"], told["active"]) == (200, "narrows", False)
    assert told["compared_with"] == first["active"]["digest"]
    assert told["by"] == "one-policy_author"
    [tool] = [t for t in told["report"]["diff"]["tools"] if t["verdict"] != "equivalent"]
    assert (tool["tool"], tool["changes"][0]["before"], tool["changes"][0]["after"]) == (
        "refund",
        "allow",
        "deny",
    )
    assert tool["changes"][0]["witness"]["tool"] == "refund"
    assert outcome(app) == "allow"  # nothing is active by being sent

    done = activate(app, told["digest"])
    assert (done.status_code, done.json()["state"]) == (200, "active")
    assert outcome(app) == "deny"
    assert outcome(app, tenant="two") == "allow"
    now = listed(app)
    assert now["active"]["digest"] == told["digest"]
    assert [each["digest"] for each in now["policies"] if each["active"]] == [told["digest"]]
    assert [each["source"] for each in now["history"]] == ["upload", "files"]
    again = activate(app, told["digest"]).json()
    assert again["activation"]["number"] == done.json()["activation"]["number"]

    found = ask(app, "GET", "/v1/decisions?kind=activation&limit=1", role="auditor").json()
    body = found["entries"][0]["body"]
    assert body["bundle"] == told["digest"]
    assert (body["by"], body["difference"]) == ("one-policy_author", "narrows")
    assert noted(app) == [
        {
            "bundle": told["digest"],
            "event": "sent",
            "by": "one-policy_author",
            "policy": told["policy"],
            "catalog": told["catalog"],
            "difference": "narrows",
        }
    ]


@pytest.mark.parametrize("verdict", ["widens", "incomparable", "unknown"])
def test_what_may_be_wider_needs_two_persons(app: FastAPI, verdict: Verdict) -> None:
    digest = keep(app, WIDE, verdict)
    if verdict == "unknown":  # then it would be compared anew: nothing that it could be compared by
        with app.state.service.store.begin("one") as tx:
            tx.drop_document("bundle", Shelf(tx).files()[0])
    assert outcome(app, risk=0.9) == "deny"
    for who in ({"role": AUTHOR}, {"role": ADMIN}, {"headers": BOB}):
        refused = activate(app, digest, **who)
        assert refused.status_code == 409
        assert refused.json()["difference"] == verdict
    for who in ({"role": AUTHOR}, {"role": AUTHOR}, {"headers": AGAIN}):  # all one person
        waiting = activate(app, digest, allow=True, **who)
        assert (waiting.status_code, waiting.json()["state"]) == (202, "waiting")
    assert outcome(app, risk=0.9) == "deny"
    assert listed(app)["policies"][0]["asked"]["by"] == "one-policy_author"

    assert activate(app, digest, headers=BOB).status_code == 409  # a yes is said aloud
    done = activate(app, digest, allow=True, headers=BOB).json()
    assert done["activation"]["by"] == ["one-policy_author", "bob"]
    assert outcome(app, risk=0.9) == "allow"
    found = ask(app, "GET", "/v1/decisions?kind=activation&limit=1", role="auditor").json()
    assert found["entries"][0]["body"]["agreed"] == ["one-policy_author", "bob"]
    asked = {"bundle": digest, "event": "asked", "by": "one-policy_author", "difference": verdict}
    assert noted(app) == [asked]  # once, by whoever asked first


def test_back_and_forth(app: FastAPI) -> None:
    """Back from what is wider is narrower, which is known without another look; forth is wider."""
    assert roll_back(app).status_code == 404
    digest = keep(app, WIDE, "widens")
    alone = activate(app, digest, allow=True, role=ADMIN).json()["activation"]
    assert (alone["by"], alone["difference"]) == (["one-administrator"], "widens")
    assert outcome(app, risk=0.9) == "allow"
    back = roll_back(app).json()["activation"]
    assert (back["source"], back["difference"], back["before"]) == ("rollback", "narrows", digest)
    assert outcome(app, risk=0.9) == "deny"
    assert roll_back(app).status_code == 409
    assert roll_back(app, allow=True).status_code == 202
    assert roll_back(app, allow=True, role=ADMIN).json()["activation"]["digest"] == digest
    assert outcome(app, risk=0.9) == "allow"
    assert [each["source"] for each in listed(app)["history"]] == [
        "rollback",
        "rollback",
        "upload",
        "files",
    ]


def test_what_a_first_person_asked_for_is_over_once_something_else_is_active(app: FastAPI) -> None:
    wide, narrow = keep(app, WIDE, "widens"), keep(app, NARROW, "narrows")
    assert activate(app, wide, allow=True).status_code == 202
    assert activate(app, narrow).status_code == 200
    keep(app, WIDE, "widens")
    second = activate(app, wide, allow=True, headers=BOB)
    assert (second.status_code, second.json()["asked"]["by"]) == (202, "bob")


def test_tenants_know_nothing_of_each_others_policies(app: FastAPI) -> None:
    digest = keep(app, NARROW, "narrows")
    theirs = {"role": AUTHOR, "tenant": "two"}
    assert ask(app, "GET", f"/v1/policies/{digest}", **theirs).status_code == 404  # type: ignore[arg-type]
    assert activate(app, digest, **theirs).status_code == 404
    assert roll_back(app, **theirs).status_code == 404
    assert [each["source"] for each in listed(app, **theirs)["policies"]] == ["files"]
    mine = ask(app, "GET", f"/v1/policies/{digest}", role=AUTHOR).json()
    assert mine["files"] == {"shop.licet": NARROW}


HOSTILE = """
import "/etc/passwd"
import "../../../../etc/passwd"
import "../licet.toml"
use tools "/etc/passwd"
use tools "../../../etc/hostname"
use tools "../state.db"
"""


def test_nothing_outside_of_a_bundle_is_read(app: FastAPI) -> None:
    answer = send(app, POLICY + HOSTILE)
    assert answer.status_code == 422
    found = answer.json()["diagnostics"]
    assert len(found) == 6
    assert sorted(each["code"] for each in found) == ["LIC302"] * 3 + ["LIC303"] * 3
    assert len(listed(app)["policies"]) == 1
    assert "root:" not in answer.text
    assert "/tmp" not in answer.text


def test_what_takes_too_long_is_not_taken(tmp_path: Path) -> None:
    app = serve(tmp_path, limits={"examination": 0.01})
    answer = send(app, NARROW)
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "it could not be compiled in time",
    )
    # what nobody could compare may be wider
    digest = keep(app, WIDE, "unknown")
    refused = activate(app, digest)
    assert (refused.status_code, refused.json()["difference"]) == (409, "unknown")
    assert len(listed(app)["policies"]) == 2
    close(app)


@pytest.mark.long
def test_what_takes_long_to_examine_gives_way() -> None:
    """Lint asks a solver what none answers."""

    def waits(pid: int) -> bool:
        try:
            return os.sched_getscheduler(pid) == os.SCHED_IDLE
        except ProcessLookupError:  # it has just ended
            return False

    examiner = Examiner(120.0)
    bundle = Bundle({"shop.licet": SLOW_POLICY.encode()}, ("shop.licet",))
    thread = threading.Thread(target=examiner.examine, args=("one", bundle, None))
    thread.start()
    while not any(map(waits, descendants(os.getpid()))):
        assert thread.is_alive()
        time.sleep(0.01)
    examiner.close()
    thread.join()


def test_what_was_found_of_another_meaning_counts_no_more(tmp_path: Path) -> None:
    """A library's catalog has changed, say, since it was compared. Nothing can be compared here."""
    app = serve(tmp_path, limits={"examination": 0.01})
    narrow, narrower = keep(app, NARROW, "narrows"), keep(app, POLICY + "# same\n", "equivalent")
    with app.state.service.store.begin("one") as tx:
        shelf = Shelf(tx)
        upload = shelf.upload(narrow)
        assert upload is not None
        shelf.put_upload(replace(upload, catalog="sha256:other"))
    refused = activate(app, narrow)
    assert (refused.status_code, refused.json()["difference"]) == (409, "unknown")
    with app.state.service.store.begin("one") as tx:  # so with what is active
        shelf = Shelf(tx)
        files = shelf.upload(shelf.files()[0])
        assert files is not None
        shelf.put_upload(replace(files, policy="sha256:other"))
    refused = activate(app, narrower)
    assert (refused.status_code, refused.json()["difference"]) == (409, "unknown")
    with app.state.service.store.begin("one") as tx:
        Shelf(tx).put_upload(files)
    assert activate(app, keep(app, POLICY + "# same\n", "equivalent")).status_code == 200
    close(app)


def test_one_at_a_time(app: FastAPI) -> None:
    with app.state.service.policies._examiner._turn("one"):
        answer = send(app, NARROW)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_who_is_one_person() -> None:
    def caller(name: str, principal: dict[str, object]) -> Caller:
        return Caller(name, frozenset({Role.policy_author}), "one", principal)

    people = [
        caller("first", {"id": "ann"}),
        caller("second", {"id": "ann"}),
        caller("third", {}),
        caller("third", {"id": ""}),
        caller("third", {"id": 7}),
    ]
    assert [person_of(each) for each in people] == ["ann", "ann", *["key third"] * 3]


def test_a_store_that_is_gone_activates_nothing(app: FastAPI) -> None:
    digest = keep(app, NARROW, "narrows")
    app.state.service.store.close()
    answers = [
        send(app, WIDE),
        activate(app, digest),
        roll_back(app),
        ask(app, "GET", "/v1/policies", role="auditor"),
        ask(app, "GET", f"/v1/policies/{digest}", role="auditor"),
    ]
    assert [each.status_code for each in answers] == [503] * 5
