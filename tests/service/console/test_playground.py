"""What is typed into the playground is tried in a process of its own, and has no effect."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from licet.service.bundles.bundle import Bundle
from licet.service.bundles.unpacking import compiled
from licet.service.console import trying
from licet.service.console.grounds import Ground, ground_of
from licet.service.console.playground import CALL, POLICY
from licet.service.console.trial import Trial
from licet.service.console.trying import Trier, TryError
from support.console import signed_in, token
from support.serving import ask, close, serve


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    trial = Trial()
    yield trial
    trial.close()


def decide(
    trial: Trial, policy: str = POLICY, call: str = CALL, ground: Ground | None = None
) -> dict[str, Any]:
    return trial.answer(asked("decide", policy, call, ground))


def asked(work: str, policy: str, call: str = CALL, ground: Ground | None = None) -> dict[str, Any]:
    plain = (ground or Ground()).plain()
    return {"work": work, "policy": policy, "call": call, "seconds": "300", "ground": plain}


def test_the_example(trial: Trial) -> None:
    told = decide(trial)
    assert told["diagnostics"] == []
    verdict = told["verdict"]
    assert isinstance(verdict, dict)
    assert (verdict["outcome"], verdict["rules"]) == ("deny", ["too_much"])
    assert verdict["repair"]["args"] == {"order_id": "R1", "amount": 240}


def test_every_try_is_the_first(trial: Trial) -> None:
    policy = POLICY + "limit daily on refund sum(args.amount) within day <= 300\n"
    call = CALL.replace("900", "200")
    outcomes = [decide(trial, policy, call)["verdict"]["outcome"] for _ in range(3)]
    assert outcomes == ["allow"] * 3


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('import "/etc/passwd"', "LIC303"),
        ('import "other.licet"', "LIC302"),
        ('use tools "/etc/passwd" as x', "LIC302"),
        ('use tools aws "ec2"', "LIC302"),
        ('use tools mcp "server"', "LIC302"),
    ],
)
def test_nothing_outside_is_read(trial: Trial, line: str, code: str) -> None:
    told = decide(trial, f"{line}\n{POLICY}")
    assert code in [each["code"] for each in told["diagnostics"]]
    assert "verdict" not in told


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("", "the call is no JSON"),
        ("{", "the call is no JSON"),
        ('{"tool": "a", "tool": "b"}', "the call is no JSON"),
        ("[]", "the call cannot be read"),
        ('{"tol": "refund"}', "the call cannot be read"),
    ],
)
def test_calls_that_are_none(trial: Trial, call: str, said: str) -> None:
    assert str(decide(trial, call=call)["problem"]).startswith(said)


def test_params_without_a_value(trial: Trial) -> None:
    policy = POLICY + "param most: Int\nforbid over on refund when args.amount > most\n"
    assert "give each a default" in str(decide(trial, policy)["problem"])


def test_lint(trial: Trial) -> None:
    policy = POLICY + "forbid never on refund when args.amount > 20_000\n"
    told = trial.answer(asked("lint", policy))
    assert told["whole"]
    assert "never" in json.dumps(told["findings"])


TOOLS = {"tools": [{"name": "pay", "inputSchema": {"type": "object", "required": ["amount"],
    "properties": {"amount": {"type": "integer", "minimum": 0}}}}]}  # fmt: skip
MAIN = """
import "lib/common.licet"
use tools "tools.json" as desk
param most: Int
permit pay on pay
forbid over on pay when args.amount > min(most, ceiling) message "At most {most}."
"""
FILES = {
    "main.licet": MAIN,
    "beside.licet": "forbid odd on desk.pay when args.amount == 13\n",
    "lib/common.licet": "const ceiling: Int = 1_000\n",
    "tools.json": json.dumps(TOOLS),
    "licet.toml": "[params]\nmost = 50\n",
}


def test_a_file_of_the_active_policy_stands_among_the_others(trial: Trial) -> None:
    bundle = Bundle({name: text.encode() for name, text in FILES.items()})
    program = compiled(bundle)
    ground = ground_of(bundle, program, "main.licet")
    assert ground is not None
    assert (list(ground.roots), list(ground.imports)) == (["beside.licet"], ["lib/common.licet"])

    def rules(amount: int, policy: str = MAIN) -> list[str]:
        call = json.dumps({"tool": "pay", "args": {"amount": amount}})
        told = decide(trial, policy, call, ground)
        assert told["diagnostics"] == []
        found: list[str] = told["verdict"]["rules"]
        return found

    assert [rules(5), rules(13), rules(60)] == [["pay"], ["odd"], ["over"]]
    assert rules(60, MAIN.replace("min(most, ceiling)", "ceiling")) == ["pay"]
    other = decide(trial, MAIN.replace("as desk", "as other"), CALL, ground)
    assert [each["code"] for each in other["diagnostics"]][:1] == ["LIC302"]
    away = decide(trial, MAIN.replace("common", "../../etc/passwd"), CALL, ground)
    assert [each["code"] for each in away["diagnostics"]][:1] == ["LIC303"]
    for name in ("lib/common.licet", "tools.json", "nothing.licet"):
        assert ground_of(bundle, program, name) is None


def test_too_large_a_text_is_not_even_sent() -> None:
    trier = Trier()
    for policy, call in (("x" * 60_001, ""), ("", "x" * 30_001)):
        with pytest.raises(TryError, match="at most"):
            asyncio.run(trier.answer("decide", policy, call))
    trier.close()
    with pytest.raises(TryError, match="stopping"):
        asyncio.run(trier.answer("decide", "", ""))


def test_a_queue_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "_MOST_WAITING", 0)
    trier = Trier()
    with pytest.raises(TryError, match="many are typing"):
        asyncio.run(trier.answer("decide", "", ""))
    trier.close()


# --- with the process


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    app = serve(tmp_path_factory.mktemp("playground"))
    yield app
    close(app)


def typed(
    client: TestClient,
    work: str = "verdict",
    policy: str = POLICY,
    call: str = CALL,
    file: str = "",
) -> str:
    form = {"policy": policy, "call": call, "file": file}
    form["form_token"] = token(client.get("/console/playground").text)
    answer = client.post(f"/console/playground/{work}", data=form, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.text


@pytest.mark.slow
def test_typing(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "SECONDS", 120.0)
    client = signed_in(app, "policy_author")
    before = ask(app, "GET", "/v1/decisions", role="auditor").json()
    page = typed(client)
    assert "At most 240 can be refunded on" in page
    assert "<ins>240</ins>" in page
    assert "Counterexample" in page
    assert "Nothing found" in typed(client, "lint")
    wrong = typed(client, policy=POLICY.replace("forbid", "forbit", 1))
    assert "Does not load" in wrong
    page = client.get("/console/playground?file=shop.licet").text
    assert "forbid too_much on refund" in page
    own = POLICY.replace("At most", "Never more than")
    assert "Never more than" in typed(client, policy=own, file="shop.licet")
    assert "another policy is active by now" in typed(client, file="other.licet")
    assert "<script>" not in typed(client, policy="# <script>\npolicy <script>", call="<script>")
    assert ask(app, "GET", "/v1/decisions", role="auditor").json() == before


async def killed_while_asked(answer: Coroutine[Any, Any, object], trier: Trier) -> object:
    lane = trier._lanes["decide"]
    child, tries = lane._child, lane._tries
    assert child is not None
    os.kill(child.pid, signal.SIGSTOP)  # so that no answer comes before
    going = asyncio.create_task(answer)
    while lane._tries == tries:
        await asyncio.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    return await going


@pytest.mark.slow
def test_a_process_that_hangs_or_dies_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    trier = Trier()
    monkeypatch.setattr(trying, "SECONDS", 60.0)
    try:
        assert "verdict" in asyncio.run(trier.answer("decide", POLICY, CALL))
        child = trier._lanes["decide"]._child
        assert child is not None
        monkeypatch.setattr(trying, "SECONDS", 0.3)
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(TryError, match="was given up"):
            asyncio.run(trier.answer("decide", POLICY, CALL))
        assert not child.alive()
        monkeypatch.setattr(trying, "SECONDS", 60.0)
        assert "verdict" in asyncio.run(trier.answer("decide", POLICY, CALL))
        with pytest.raises(TryError, match="has failed"):
            asyncio.run(killed_while_asked(trier.answer("decide", POLICY, CALL), trier))
        assert "verdict" in asyncio.run(trier.answer("decide", POLICY, CALL))
    finally:
        trier.close()


@pytest.mark.slow
def test_closing_gives_up_what_is_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "SECONDS", 600.0)
    trier = Trier()

    async def go() -> None:
        assert "verdict" in await trier.answer("decide", POLICY, CALL)
        child = trier._lanes["decide"]._child
        assert child is not None
        os.kill(child.pid, signal.SIGSTOP)
        going = asyncio.create_task(trier.answer("decide", POLICY, CALL))
        await asyncio.sleep(0)  # it has been handed over
        await asyncio.to_thread(trier.close)
        with pytest.raises(TryError):
            await going
        assert not child.alive()

    asyncio.run(go())


@pytest.mark.slow
def test_what_the_process_says_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for line in ("[]", "no json", '{"a": 1}\\n{"b": 2}'):
        liar = f"import sys; sys.stdin.readline(); print('''{line}''', flush=True)"
        monkeypatch.setattr(trying, "_BOOT", liar)
        trier = Trier()
        with pytest.raises(TryError, match="has failed"):
            asyncio.run(trier.answer("decide", POLICY, CALL))
        trier.close()
