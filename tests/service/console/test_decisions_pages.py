"""The feed, one decision, the charts: what a reader finds there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from html import unescape
from pathlib import Path

import pytest
from fastapi import FastAPI

from licet.service.app import create_app
from licet.service.console.series import read_series
from support.console import signed_in
from support.serving import POLICY, ask, close, keys, serve
from support.shop import refund, shop

LIMITED = POLICY + "limit daily on refund sum(args.amount) per principal.id within day <= 250\n"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    folder = tmp_path_factory.mktemp("console")
    url = f"sqlite:///{folder / 'state.db'}"
    guard = shop(folder, POLICY, store=url, tenant="one", redact=["args.note"])
    app = create_app(guard, keys=keys())
    for changes in (
        {"id": "fine"},
        {"args": {"order_id": "R1", "amount": 900, "note": "4111 1111"}, "id": "large"},
        {"args": {"order_id": "R1", "amount": 160}, "id": "asks"},
        {"tool": "refnd"},
    ):
        check(app, **changes)
    yield app
    close(app)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Another, in which something goes on."""
    app = serve(tmp_path_factory.mktemp("console"))
    yield app
    close(app)


def check(app: FastAPI, **changes: object) -> dict[str, object]:
    call = refund(**changes)
    del call["now"]
    answer: dict[str, object] = ask(app, "POST", "/v1/check", role="host", json=call).json()
    return answer


def words(page: str) -> str:
    text = re.sub(r"<[^>]+>", " ", re.sub(r"</?(span|bdi|code)[^>]*>", "", page))
    return re.sub(r"\s+", " ", unescape(text))


def test_the_feed_and_its_filters(app: FastAPI) -> None:
    client = signed_in(app, "auditor")

    def found(query: str) -> list[str]:
        page = client.get(f"/console/decisions{query}").text
        return re.findall(r'class="badge (allow|deny|escalate)"', page)

    assert found("") == ["deny", "escalate", "deny", "allow"]
    assert found("?outcome=deny") == ["deny", "deny"]
    assert found("?tool=refund") == ["escalate", "deny", "allow"]
    assert found("?rule=large") == ["escalate"]
    assert found("?rule=nowhere") == []
    assert found("?before=4") == ["deny", "allow"]
    assert "Nothing fits" in client.get("/console/decisions?rule=nowhere").text
    for bad in ("?outcome=maybe", "?kind=nothing"):
        assert client.get(f"/console/decisions{bad}").status_code == 422


def test_the_feed_goes_on_by_itself(other: FastAPI) -> None:
    app = other
    client = signed_in(app, "auditor")
    assert "No decision yet" in client.get("/console/decisions").text

    def new(after: int, **query: str) -> tuple[str | None, str]:
        part = client.get(
            "/console/decisions/new",
            params={"after": after, **query},
            headers={"HX-Request": "true"},
        )
        return part.headers.get("hx-reswap"), part.text

    reswap, part = new(0)
    assert reswap == "none"
    check(app)
    [first] = re.findall(r"after=(\d+)", client.get("/console/decisions").text)
    reswap, part = new(int(first))
    assert (reswap, 'id="feed"' in part, f"after={first}" in part) == ("none", False, True)
    check(app, tool="refnd")
    reswap, part = new(int(first), outcome="allow")
    assert (reswap, 'id="feed"' in part) == ("none", False)
    assert f"after={int(first) + 1}" in part
    assert "outcome=allow" in part
    reswap, part = new(int(first))
    assert (reswap, part.count('class="fresh"'), part.count("<tr")) == (None, 1, 3)


def test_a_refusal_with_its_rule_in_the_source(app: FastAPI) -> None:
    client = signed_in(app, "auditor")
    [seq] = re.findall(
        r"/console/decisions/(\d+)", client.get("/console/decisions?rule=too_much").text
    )
    page = client.get(f"/console/decisions/{seq}").text
    text = words(page)
    assert 'At most 200 can be refunded on "R1".' in text
    marked = re.findall(r'<tr class="marked[^>]*>(.*?)</tr>', page)
    assert "forbid too_much on refund" in words(marked[0])
    assert "the rule begins here" in marked[0]
    assert "args.amount 900" in text
    assert 'order("R1").total 200' in text
    assert re.search(r"<del>900</del>.*<ins>150</ins>", page, re.DOTALL)
    assert "redacted" in text
    assert "4111" not in page
    assert "wherever the verdict repeats it: args.note" in text


def test_a_call_that_was_never_admitted(other: FastAPI) -> None:
    app = other
    check(app, tool="refnd")
    client = signed_in(app, "auditor")
    page = client.get("/console/decisions?outcome=deny").text
    seq = re.findall(r"/console/decisions/(\d+)", page)[0]
    text = words(client.get(f"/console/decisions/{seq}").text)
    assert "no such tool" in text
    assert "Perhaps one of these was meant: refund" in text


@pytest.mark.slow
def test_a_decision_of_a_policy_that_is_not_kept_shows_no_rule_of_this_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    app = create_app(shop(tmp_path, store=url, tenant="one"), keys=keys())
    check(app, args={"order_id": "R1", "amount": 900})
    close(app)
    app = create_app(shop(tmp_path, POLICY, store=url, tenant="one"), keys=keys())
    client = signed_in(app, "auditor")
    [seq] = set(re.findall(r"/console/decisions/(\d+)", client.get("/console/decisions").text))
    page = client.get(f"/console/decisions/{seq}").text
    assert "Another policy is active by now" in page
    assert 'class="marked' not in page
    close(app)


def test_what_is_not_there(app: FastAPI) -> None:
    client = signed_in(app, "auditor")
    for seq in (0, 999, 2**62, 10**30):
        assert client.get(f"/console/decisions/{seq}").status_code == 404


def test_other_entries_and_what_followed(other: FastAPI) -> None:
    app = other
    told = check(app, id="c1")
    shown = {"ticket": told["ticket"], "args": refund()["args"]}
    ask(app, "POST", "/v1/redeem", role="host", json=shown)
    ending = {"ticket": told["ticket"], "outcome": "ok"}
    ask(app, "POST", "/v1/settle", role="host", json=ending)
    client = signed_in(app, "auditor")
    feed = client.get("/console/decisions?kind=all").text
    for seq in re.findall(r"/console/decisions/(\d+)", feed):
        assert client.get(f"/console/decisions/{seq}").status_code == 200
    seq = re.findall(r"/console/decisions/(\d+)", client.get("/console/decisions").text)[0]
    text = words(client.get(f"/console/decisions/{seq}").text)
    assert "Permitted by" in text
    assert "permit refunds on refund" in text
    assert "ticket redeemed" in text
    assert "call ended well" in text


def test_the_overview_counts_what_the_audit_holds(tmp_path: Path) -> None:
    app = serve(tmp_path, LIMITED)
    for number in range(3):
        check(app, id=f"call {number}")
    check(app, tool="refnd", id='"outcome": "allow"')
    store = app.state.service.store
    with app.state.service.guards.lease("one") as guard:
        now = datetime.now(UTC) + timedelta(seconds=1)
        found = read_series(store, "one", guard.program, timedelta(hours=1), 60, now)
    assert found.totals == {"allow": 2, "deny": 2}
    assert found.rules == {"daily": 1}
    assert found.tools == {"refund": 3, "refnd": 1}
    assert found.whole
    [standing] = found.standings
    assert (standing.rule, standing.per, standing.bound) == ("daily", "a1", Fraction(250))
    assert [spent for _, spent in standing.points] == [0, 100, 200]
    page = signed_in(app, "auditor").get("/console/overview?span=hour").text
    assert page.count("<rect") == 2
    assert "a1 stands at 200 of 250" in page
    assert 'href="/console/decisions?rule=daily"' in page
    assert signed_in(app, "auditor").get("/console/overview?span=year").status_code == 422
    assert "No verdict in" in signed_in(app, "auditor", "two").get("/console/overview").text
    close(app)


def test_a_service_without_a_record_says_so(tmp_path: Path) -> None:
    app = serve(tmp_path, store=None)
    client = signed_in(app, "auditor")
    assert "--database" in client.get("/console/decisions").text
    assert "--database" in client.get("/console/overview").text
    close(app)
