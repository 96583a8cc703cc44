"""The policies that were sent and active, and what changes between two."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from licet.service.bundles.bundle import Bundle
from licet.service.bundles.shelf import Shelf
from licet.service.bundles.unpacking import compiled
from licet.service.console.differences import MAX_LINES, compared
from support.console import signed_in, token
from support.serving import POLICY, ask, close, serve
from support.shop import refund

NARROW = POLICY.replace("args.amount > 500", "args.amount > 50") + "# <script>alert(1)</script>\n"
LINT = {"code": "LIC410", "severity": "warning", "message": "idle <b>", "file": "shop.licet"}


def keep(app: FastAPI, text: str = NARROW) -> tuple[str, str]:
    """A bundle as if it had been sent and examined; the active one's digest, and its own."""
    bundle = Bundle({"shop.licet": text.encode()}, ("shop.licet",))
    program = compiled(bundle)
    change = {
        "kind": "denied", "wider": False, "before": "allow", "after": "deny", "reason": "",
        "rules": ["support_small"], "witness": None, "example": "args.amount = 51",
    }  # fmt: skip
    tool = {"tool": "refund", "verdict": "narrows", "presence": "both", "changes": [change]}
    diff = {"verdict": "narrows", "complete": True, "tools": [tool], "shown": [], "flags": []}
    finding = {**LINT, "line": 3, "column": 1, "notes": ["because <i>"], "help": "mend it"}
    lint = {"complete": True, "findings": [finding], "error": None}
    with app.state.service.store.begin("one") as tx:
        shelf = Shelf(tx)
        active = shelf.active()
        assert active is not None
        upload = shelf.put(
            bundle, "<ann>", "upload", program.name, program.digest, program.catalog.digest
        )
        report: dict[str, Any] = {"diagnostics": [], "tools": 3, "lint": lint, "diff": diff}
        shelf.put_report(upload.digest, active.digest, "narrows", report)
    return active.digest, upload.digest


def test_a_canary_and_what_it_decides_otherwise(app: FastAPI) -> None:
    _, new = keep(app)
    policies = app.state.service.policies
    number = policies.start_canary("one", new, "<bob>").at
    with app.state.service.store.begin("one") as tx:
        shelf = Shelf(tx)
        differs = {
            "at": number, "id": "v1", "tool": "refund", "outcome": "allow", "rules": ["refunds"],
            "canary_outcome": "deny", "canary_rules": ["support_small"],
            "call": {"args": {"order_id": "R1 of nobody's business"}},
        }  # fmt: skip
        shelf.add_compared(shelf.compared()["canary"], {"same": 4, "different": 1}, [differs])
    page = signed_in(app, "policy_author").get("/console/policies").text
    policies.end_canary("one", new, "<bob>")
    told = words(page)
    assert "Beside the active one decides" in told
    assert "<bob>" in told
    assert "1 different" in told
    assert "allowed refunds refused support_small" in told
    assert "business" not in page


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def test_what_is_active_was_sent_and_changes(app: FastAPI) -> None:
    old, new = keep(app)
    client = signed_in(app, "auditor")
    page = client.get("/console/policies").text
    assert f'href="/console/policies/{old}"' in page
    assert f'href="/console/policies/diff?old={old}&amp;new={new}"' in page
    assert "&lt;ann&gt;" in page
    assert "forbid too_much on refund" in words(page)

    sent = client.get(f"/console/policies/{new}").text
    told = words(sent)
    assert "No call gets further than before, some less far: that is proved." in told
    assert "allowed → refused by support_small" in told
    assert "args.amount = 51" in told
    assert "idle <b>" in told
    assert "because <i>" in told
    assert "<b>" not in sent
    assert "<script>alert" not in sent

    changed = client.get(f"/console/policies/diff?old={old}&new={new}").text
    gone = re.findall(r'<tr class="gone">.*?</tr>', changed, re.DOTALL)
    came = re.findall(r'<tr class="new">.*?</tr>', changed, re.DOTALL)
    assert [words(each).strip() for each in gone] == [
        "21 − gone when principal .role == support and args.amount > 500",
    ]
    assert "args.amount > 50" in words(came[0])
    assert "that is proved" in words(changed)


def test_two_that_were_never_compared(app: FastAPI) -> None:
    old, new = keep(app)
    path = f"/console/policies/diff?old={new}&new={old}"
    assert "a policy author or an administrator can" in signed_in(app, "auditor").get(path).text
    author = signed_in(app, "policy_author").get(path).text
    assert "Work out what changes" in author


@pytest.mark.slow
def test_comparing_them(app: FastAPI) -> None:
    old, new = keep(app)
    client = signed_in(app, "policy_author")
    form = {"form_token": token(client.get("/console/policies").text), "old": new, "new": old}
    told = words(client.post("/console/policies/compare", data=form).text)
    assert "Some calls get further than before." in told, told
    assert "refused → " in told


def test_what_is_not_there_or_anothers(app: FastAPI) -> None:
    old, new = keep(app)
    client, other = signed_in(app, "auditor"), signed_in(app, "auditor", "two")
    nobody = "sha256:" + "0" * 64
    for path in ("x", "sha256:00", nobody, f"diff?old={old}&new={nobody}", "diff", "..%2f"):
        assert client.get(f"/console/policies/{path}").status_code == 404, path
    assert other.get(f"/console/policies/{new}").status_code == 404
    assert new not in other.get("/console/policies").text


@pytest.mark.slow
def test_a_decision_of_an_earlier_policy_shows_its_own_rule(tmp_path: Path) -> None:
    app = serve(tmp_path)
    call = refund(args={"order_id": "R1", "amount": 900})
    del call["now"]
    ask(app, "POST", "/v1/check", role="host", json=call)
    close(app)
    app = serve(tmp_path, "# moved down\n# twice\n" + POLICY)
    client = signed_in(app, "auditor")
    [seq] = set(re.findall(r"/console/decisions/(\d+)", client.get("/console/decisions").text))
    page = client.get(f"/console/decisions/{seq}").text
    assert "(not the active one)" in page
    assert "shop.licet</bdi>, line 16" in page
    close(app)


def test_differences_of_files() -> None:
    found = compared(
        {"a": b"1\n2\n", "b": b"x", "c": b"\xff", "d": b"same", "long": b"\n" * (MAX_LINES + 1)},
        {"a": b"1\n3\n", "c": b"\xfe", "d": b"same", "e": b"new", "long": b"\n"},
    )
    assert [(each.name, each.what, each.why) for each in found] == [
        ("a", "changed", ""),
        ("b", "removed", ""),
        ("c", "changed", "it is no text"),
        ("e", "added", ""),
        ("long", "changed", "it has more than 2,000 lines"),
    ]
    lines = found[0].lines
    assert lines is not None
    assert [(line.kind, line.before, line.after) for line in lines] == [
        ("same", 1, 1),
        ("gone", 2, None),
        ("new", None, 2),
        ("same", 3, 3),
    ]
