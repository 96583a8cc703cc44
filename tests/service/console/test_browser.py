"""The console in a real browser: headless Chromium, where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from licet.service.console import trying
from support.chromium import chromium, listening, page_of, picture, sign_in
from support.serving import POLICY, close, key, serve
from support.shop import refund

LIMITED = POLICY + "limit daily on refund sum(args.amount) per principal.id within day <= 400\n"
HOSTILE = (
    "</pre><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
)
PHONE, DESK = {"width": 375, "height": 812}, {"width": 1280, "height": 800}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = serve(tmp_path_factory.mktemp("browser"), LIMITED, telemetry={"logs": False})
    with listening(app) as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(trying, "SECONDS", 120.0)  # however busy the machine is
        check(url)
        for number in range(3):
            note = f"{HOSTILE} {'please ' * 40}"
            args = {"order_id": "R1", "amount": 160 + number, "note": note}
            check(url, args=args, id=f"asks-{number}")
        check(url, args={"order_id": "R1", "amount": 900})
        check(url, tool="refnd")
        yield url
    close(app)


def check(url: str, **changes: object) -> dict[str, Any]:
    call = refund(**changes)
    del call["now"]
    headers = {"Authorization": f"Bearer {key('host')}"}
    answer = httpx.post(f"{url}/v1/check", json=call, headers=headers, timeout=30, trust_env=False)
    told: dict[str, Any] = answer.json()
    return told


def accessible(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": RULES})
    told = [(each["id"], [node["html"][:200] for node in each["nodes"]])
            for each in found.response["violations"]]  # fmt: skip
    assert told == [], page.url


def fits(page: Page) -> None:
    """Nothing has to be scrolled sideways."""
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), page.url


@pytest.mark.slow
def test_the_feed_goes_on_by_itself_and_leads_to_the_reason(url: str, browser: Browser) -> None:
    with page_of(browser, viewport=DESK) as (page, complaints):
        sign_in(page, url, key("auditor"), "/console/decisions")
        before = page.locator("#feed tbody tr").count()
        check(url, args={"order_id": "R1", "amount": 901}, id="while somebody looks")
        page.locator("#feed tbody tr").nth(before).wait_for()
        page.locator("#feed tbody tr.fresh a").click()
        page.get_by_role("heading", name="Because").wait_for()
        assert (
            page.locator(".source .pointed")
            .first.inner_text()
            .endswith("forbid too_much on refund")
        )
        accessible(page)
        fits(page)
        assert complaints == []


PAGES = {
    "overview": "/console/overview?span=hour",
    "decisions": "/console/decisions",
    "refusal": "/console/decisions?rule=too_much",
    "unknown-tool": "/console/decisions?tool=refnd",
    "approvals": "/console/approvals",
    "policies": "/console/policies",
    "policy": "/console/policies",
    "nothing": "/console/decisions?rule=nothing",
    "missing": "/console/nowhere",
}


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_can_be_used_by_everybody(
    url: str, browser: Browser, scheme: str, view: dict[str, int]
) -> None:
    with page_of(browser, viewport=view, color_scheme=scheme) as (page, complaints):
        page.goto(f"{url}/console/sign-in")
        accessible(page)
        sign_in(page, url, key("administrator"))
        for name, path in PAGES.items():
            page.goto(url + path)
            if name in ("refusal", "unknown-tool"):
                page.locator("#feed a.whole").first.click()
            if name == "policy":
                page.locator("td a").first.click()
            for closed in page.locator("summary").all():
                closed.click()
            accessible(page)
            fits(page)
            picture(page, f"{name}-{view['width']}-{scheme}")
            assert page.title() != "taken"
        assert [each for each in complaints if "404" not in each] == []


@pytest.mark.long
def test_an_approval_by_keyboard_alone(url: str, browser: Browser) -> None:
    asked = check(url, args={"order_id": "R1", "amount": 155, "note": HOSTILE}, id="by keyboard")
    id = asked["verdict"]["approval"]
    with page_of(browser, viewport=PHONE) as (page, complaints):
        sign_in(page, url, key("approver"), f"/console/approvals/{id}")
        accessible(page)
        fits(page)
        assert "<script>" in page.locator(".quoted pre").inner_text()
        seen = []
        for _ in range(40):
            page.keyboard.press("Tab")
            focus = page.evaluate(
                "[document.activeElement.innerText,"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
            seen.append(focus)
            if focus[0] == "Agree":
                break
        assert seen[0][0] == "Skip to the content"
        assert all(style == "solid" for _, style in seen), seen
        page.keyboard.press("Enter")
        page.get_by_text("Everybody who was asked has agreed").wait_for()
        accessible(page)
        assert complaints == []
        assert page.title() != "taken"


@pytest.mark.long
def test_typing_in_the_playground(url: str, browser: Browser) -> None:
    with page_of(browser, viewport=DESK) as (page, complaints):
        sign_in(page, url, key("policy_author"), "/console/playground")
        page.get_by_text("Nothing found").wait_for()
        assert "At most 240" in page.locator("#verdict").inner_text()
        accessible(page)
        picture(page, "playground")
        call = page.get_by_label("Call")
        call.fill(call.input_value().replace("900", "100"))
        page.locator("#verdict .badge.allow").wait_for()
        policy = page.get_by_label("Policy")
        policy.fill(policy.input_value().replace("forbid", "forbit"))
        page.get_by_text("Does not load").wait_for()
        accessible(page)
        policy.fill(policy.input_value().replace("forbit", "forbid") + HOSTILE)
        page.get_by_text("Does not load").wait_for()
        assert complaints == []
        assert page.title() != "taken"


@pytest.mark.long
def test_a_session_that_is_over_leads_to_the_form(url: str, browser: Browser) -> None:
    with page_of(browser, viewport=DESK) as (page, _):
        sign_in(page, url, key("auditor"), "/console/decisions")
        page.context.clear_cookies()
        page.wait_for_url("**/console/sign-in")  # the feed asks, and is sent there


@pytest.mark.long
def test_a_service_that_does_not_answer_is_said_and_forgotten(url: str, browser: Browser) -> None:
    with page_of(browser, viewport=DESK) as (page, _):
        sign_in(page, url, key("auditor"), "/console/decisions")
        page.context.set_offline(True)
        page.get_by_text("The service does not answer").wait_for()
        assert page.locator("#feed tbody tr").count()
        accessible(page)
        page.context.set_offline(False)
        page.get_by_text("The service does not answer").wait_for(state="detached")


@pytest.mark.long
def test_without_scripts(url: str, browser: Browser) -> None:
    with page_of(browser, viewport=DESK, java_script_enabled=False) as (page, _):
        sign_in(page, url, key("administrator"), "/console/decisions")
        page.locator("#feed a.whole").first.click()
        page.get_by_role("heading", name="Why").wait_for()
        page.goto(f"{url}/console/playground")
        page.get_by_role("button", name="Try it").click()
        page.get_by_text("At most 240").wait_for()
        assert page.get_by_role("heading", name="Playground").is_visible()
