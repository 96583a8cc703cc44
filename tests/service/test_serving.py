"""`licet serve` as a process of its own, spoken to over a socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from licet.adapters.stores import open_store
from licet.cli.main import main
from licet.service.anybody import NOBODY
from licet.service.auth import hash_of
from licet.service.keys import Keyring
from support.serve_process import free_port
from support.shop import SHOP, refund

pytestmark = pytest.mark.long

KEY = "a-host-key-that-is-long-enough"


@contextmanager
def serving(folder: Path, *flags: str, key: str | None = KEY) -> Iterator[tuple[str, list[str]]]:
    """Where it listens, and what it said before."""
    (folder / "shop.licet").write_text(SHOP, "utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "LICET_API_KEY"}
    if key is not None:
        environment["LICET_API_KEY"] = key
    process = subprocess.Popen(
        [sys.executable, "-m", "licet.cli.main", "serve", "shop.licet", *flags],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.strip())
            if line.startswith("serving on "):
                break
        else:
            pytest.fail("\n".join(said))
        url = said[-1].removeprefix("serving on ")
        ready(url)
        yield url, said
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            process.kill()
            assert process.stdout is not None
            said += process.stdout.read().splitlines()
            process.stdout.close()
            process.wait()


def ready(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("it never became ready")


def check(url: str, key: str, **changes: object) -> httpx.Response:
    call = refund(**changes)
    del call["now"]
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{url}/v1/check", json=call, headers=headers, timeout=30)


def test_a_key_is_made_once_and_what_was_decided_outlives_the_process(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0", key=None) as (url, said):
        assert url.startswith("http://127.0.0.1:")
        made = said[0].removeprefix("host key, shown this once: ")
        assert made.startswith("licet_")
        told = check(url, made).json()
        assert told["allowed"]
        assert check(url, made + "x").status_code == 401
    assert made not in "\n".join(said[1:])
    assert made.encode() not in (tmp_path / "licet.db").read_bytes()
    with serving(tmp_path, "--port", "0", key=None) as (url, said):
        assert len(said) == 1
        shown = {"ticket": told["ticket"], "args": refund()["args"]}
        headers = {"X-API-Key": made}
        statuses = [
            httpx.post(f"{url}/v1/redeem", json=shown, headers=headers, timeout=30).status_code
            for _ in range(2)
        ]
        assert statuses == [200, 409]
    store = open_store(f"sqlite:///{tmp_path / 'licet.db'}")
    Keyring(store).revoke("default", "first", by="test")
    store.close()
    with serving(tmp_path, "--port", "0", key=None) as (url, said):
        assert check(url, made).status_code == 401
    lines = [json.loads(line) for line in said if line.startswith("{")]
    assert [line["message"] for line in lines if line["event"] == "message"] == [NOBODY]


def test_two_workers_share_one_database(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", str(free_port()), "--workers", "2") as (url, _):
        tickets = {check(url, KEY, id="the-same").json()["ticket"] for _ in range(12)}
        assert len(tickets) == 1


def test_a_key_that_is_made_and_revoked_beside_running_workers(tmp_path: Path) -> None:
    def keys(*arguments: str) -> str:
        command = [sys.executable, "-m", "licet.cli.main", "keys", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    with serving(tmp_path, "--port", str(free_port()), "--workers", "2") as (url, said):
        made = keys("create", "desk", "--role", "host")
        assert {check(url, made).status_code for _ in range(12)} == {200}
        keys("revoke", "desk")
        refused = 0
        for _ in range(2_000):  # each on a connection of its own: both workers get some
            refused = refused + 1 if check(url, made).status_code == 401 else 0
            if refused == 20:
                break
        assert refused == 20
    assert made not in "\n".join(said)


def test_two_workers_follow_an_activation_and_a_start_keeps_it(tmp_path: Path) -> None:
    author = "an-authors-key-that-is-long-enough"
    (tmp_path / "licet.toml").write_text(
        f'[[service.keys]]\nname = "ann"\nhash = "{hash_of(author)}"\n'
        'roles = ["policy_author"]\nprincipal = { id = "ann" }\n'
    )
    narrow = SHOP + "forbid large on refund when args.amount > 50\n"
    flags = ("--port", str(free_port()), "--workers", "2")

    def post(url: str, path: str, body: object) -> dict[str, object]:
        headers = {"X-API-Key": author}
        answer = httpx.post(f"{url}{path}", json=body, headers=headers, timeout=90)
        assert answer.status_code == 200, answer.text
        told: dict[str, object] = answer.json()
        return told

    def rules(url: str) -> set[tuple[str, ...]]:
        """What refuses, asked over so many connections that no worker is left out."""
        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda _: check(url, KEY).json(), range(24)))
        return {tuple(each["verdict"]["rules"]) for each in answers}

    with serving(tmp_path, *flags) as (url, _):
        assert rules(url) == {("refunds",)}
        sent = post(url, "/v1/policies", {"files": {"p.licet": narrow}})
        assert sent["difference"] == "narrows"
        post(url, f"/v1/policies/{sent['digest']}/activate", {})
        assert rules(url) == {("large",)}
    with serving(tmp_path, "--port", "0") as (url, _):
        assert rules(url) == {("large",)}


def served_nothing(folder: Path, *flags: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
    """What `licet serve` says where it ends; in a process of its own, whose log it sets up."""
    return subprocess.run(
        [sys.executable, "-m", "licet.cli.main", "serve", "shop.licet", "--port", "0", *flags],
        cwd=folder,
        env={**os.environ, "LICET_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("flags", "key", "said"),
    [
        (["--database", "memory", "--workers", "2"], KEY, "several workers need a database"),
        (["--port", "99999"], KEY, "service.port"),
        (["--database", "mysql://x"], KEY, "no store has such a URL"),
        ([], "short", "LICET_API_KEY has 20 characters or more"),
        (["--config", "missing.toml"], KEY, "cannot read `missing.toml`"),
        (["--config", "tokens.toml"], KEY, "there is no file"),
    ],
)
def test_what_cannot_be_served(tmp_path: Path, flags: list[str], key: str, said: str) -> None:
    (tmp_path / "shop.licet").write_text(SHOP, "utf-8")
    (tmp_path / "tokens.toml").write_text(
        '[[service.tokens]]\nissuer = "i"\naudience = "a"\njwks = "keys.json"\n'
        'roles = { x = "agent" }\n'
    )
    done = served_nothing(tmp_path, *flags, key=key)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_what_is_wrong_with_a_policy_is_shown_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "shop.licet").write_text('policy "shop"\npermit reads on', "utf-8")
    done = served_nothing(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[LIC")
    assert "\n2 | permit reads on\n" in done.stderr


def test_an_address_that_is_taken_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.licet").write_text(SHOP, "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        policy = str(tmp_path / "shop.licet")
        assert main(["serve", policy, "--database", "memory", "--port", str(port)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"licet serve: cannot listen on 127.0.0.1:{port}: address already in use\n"


def test_any_worker_answers_for_the_counts_of_all(tmp_path: Path) -> None:
    auditor = "an-auditor-key-that-is-long-enough"
    (tmp_path / "licet.toml").write_text(
        f'[[service.keys]]\nname = "auditor"\nhash = "{hash_of(auditor)}"\nroles = ["auditor"]\n',
        "utf-8",
    )
    with serving(tmp_path, "--port", str(free_port()), "--workers", "2") as (url, said):
        for _ in range(20):  # each on a connection of its own: both workers get some
            assert check(url, KEY).status_code == 200
        headers = {"X-API-Key": auditor}
        pages = [httpx.get(f"{url}/metrics", headers=headers, timeout=30) for _ in range(8)]
    for page in pages:
        families = text_string_to_metric_families(page.text)
        samples = [sample for family in families for sample in family.samples]
        assert sum(s.value for s in samples if s.name == "licet_verdicts_total") == 20
    lines = [json.loads(line) for line in said if line.startswith("{")]
    assert sum(line["event"] == "verdict" for line in lines) == 20
    assert KEY not in "\n".join(said)
    assert auditor not in "\n".join(said)
