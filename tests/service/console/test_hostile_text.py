"""Text of models, clients and policies is shown, and does nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser

import pytest
from fastapi import FastAPI

from licet import Guard
from licet.service.app import create_app
from licet.service.console.rendering import json_block, quoted
from support.console import signed_in
from support.serving import POLICY, ask, close, keys
from support.shop import refund

MARKUP = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}"
#: Turns the direction of what follows, hides, and would end a line.
HIDDEN = "\u202etxt\u200b\u2066\x1b[31m\r\n\x00\ufeff"
HOSTILE = MARKUP + HIDDEN
FILE = "<svg onload=alert(1)>.licet"
NAMED = POLICY.replace('policy "shop"', 'policy "<script>alert(2)</script>"').replace(
    "Support refunds at most 500.", "<b onclick=alert(3)>Support</b> refunds at most 500."
)


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / FILE).write_text(NAMED, "utf-8")
    store = f"sqlite:///{folder / 'state.db'}"
    guard = Guard.load(folder / FILE, tenant="one", store=store, seconds=20.0)
    app = create_app(guard, keys=keys())
    for changes in (
        {"args": {"order_id": HOSTILE, "amount": 200, "note": HOSTILE}, "session": MARKUP},
        {"args": {"order_id": "R1", "amount": 200, "note": HOSTILE}, "id": MARKUP},
        {"args": {"order_id": "R1", "amount": 900}, "principal": {"id": MARKUP, "role": "support"}},
        {"tool": MARKUP},
        {"args": {HOSTILE: HOSTILE}},
    ):
        call = refund(**changes)
        del call["now"]
        assert not ask(app, "POST", "/v1/check", role="host", json=call).json()["allowed"]
    yield app
    close(app)


def pages(app: FastAPI) -> Iterator[tuple[str, str]]:
    client = signed_in(app, "administrator")
    feed = client.get("/console/decisions?kind=all").text
    yield "feed", feed
    for seq in sorted(set(re.findall(r"/console/decisions/(\d+)", feed))):
        yield seq, client.get(f"/console/decisions/{seq}").text
    inbox = client.get("/console/approvals").text
    yield "inbox", inbox
    for id in sorted(set(re.findall(r"/console/approvals/([0-9a-f-]+)", inbox))):
        yield id, client.get(f"/console/approvals/{id}").text
    for path in ("overview", "policies", "playground"):
        yield path, client.get(f"/console/{path}").text
    for name in ("tool", "rule"):
        yield name, client.get("/console/decisions", params={name: HOSTILE}).text


def test_no_page_takes_it_for_markup(app: FastAPI) -> None:
    seen = 0
    for name, text in pages(app):
        page = Tags()
        page.feed(text)
        assert page.tags.count("script") == 2, name  # the two files
        assert not {"img", "b", "iframe", "style"} & set(page.tags), name
        assert not [each for each, _ in page.attributes if each.startswith(("on", "style"))], name
        assert "49" not in re.findall(r"'(\d+)", text)
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\x00\x1b\ufeff]", text), name
        seen += "alert(1)" in text
    assert seen > 5  # it is shown, as text


def test_it_is_quoted_exactly(app: FastAPI) -> None:
    [id] = set(
        re.findall(
            r"/console/approvals/([0-9a-f-]+)",
            signed_in(app, "administrator").get("/console/approvals").text,
        )
    )
    page = signed_in(app, "approver").get(f"/console/approvals/{id}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\\u202etxt\\u200b\\u2066\\u001b[31m\\r\\n\\u0000\\ufeff" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", '"plain"'),
        ("é 漢 👍", '"é 漢 👍"'),
        ('"\\', '"\\"\\\\"'),
        ("a\u202eb", '"a\\u202eb"'),
        ("\U000e0041", '"\\udb40\\udc41"'),
        ("\ud800", '"\\ud800"'),
        ("x" * 30, '"xxxxxxxxxx"… and 20 more characters'),
    ],
)
def test_quoting(text: str, shown: str) -> None:
    assert quoted(text, 10 if len(text) > 10 else 100) == shown


def test_a_value_is_bounded_and_says_what_is_redacted() -> None:
    told = {"a": {"$committed": "hmac-sha256:00"}, "b": {"$unknown": True}, "c": [], "d": "x" * 60}
    shown = unescape(re.sub(r"<[^>]+>", "", json_block(told)))
    assert shown.split("\n") == [
        "{",
        '  "a": redacted,',
        '  "b": unknown,',
        '  "c": [],',
        f'  "d": "{"x" * 60}"',
        "}",
    ]
    assert re.sub(r"<[^>]+>", "", json_block([{"a": 1}, None])) == "[{&#34;a&#34;: 1}, null]"
    assert json_block(list(range(5_000))).count("\n") == 400


def test_markup_in_a_policys_file_name(app: FastAPI) -> None:
    text = signed_in(app, "policy_author").get("/console/policies").text
    assert "&lt;svg onload=alert(1)&gt;.licet" in text
