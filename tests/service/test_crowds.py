"""Many clients at once: nobody is told an error, no budget is passed, nobody waits for others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from licet import Guard
from support.crowd import POLICY, SHARED, ask_all
from support.http_clients import Client, all_at_once
from support.postgres import Server, programs
from support.serve_process import HOST_KEY, served, tenants_configuration
from support.slow_solves import SLOW, SLOW_POLICY

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if programs() is None:
        pytest.skip("no PostgreSQL for this platform")
    started = Server()
    yield started
    started.discard()


def test_two_hundred_clients_at_two_workers(server: Server, tmp_path: Path) -> None:
    flags = ("--workers", "2", "--database", server.create_schema("crowd"))
    with served(tmp_path, POLICY, *flags, quiet=True) as running:
        asked = ask_all(running.url, HOST_KEY, 200, 1)
    assert asked.errors() == []
    assert asked.moved() == SHARED
    with Guard.load(tmp_path / "shop.licet", seconds=20.0) as embedded:
        assert asked.differences(embedded) == []


def test_slow_solves_of_one_tenant_hold_up_no_other(tmp_path: Path) -> None:
    """All that another tenant asks is answered, and explained, before the first of them is."""
    keys = {"slow": "licet_test_key_of_slow_tenant", "other": "licet_test_key_of_other_tenant"}
    settings = tenants_configuration(keys, seconds=15.0)
    sent = threading.Semaphore(0)
    answered = threading.Event()

    def solve(number: int) -> tuple[int, str]:
        client = Client(running.url, keys["slow"])
        sent.release()
        status, told = client.post("/v1/check", SLOW)
        answered.set()
        return status, told["verdict"]["violations"][0]["kind"]

    def others() -> tuple[list[tuple[bool, bool]], bool]:
        for _ in range(SOLVES):
            sent.acquire()
        client = Client(running.url, keys["other"])
        told = []
        for number in range(20):
            call = {"tool": "pay", "args": {"amount": 200 * (number % 2)}, "principal": {"id": "b"}}
            status, answer = client.post("/v1/check", call)
            assert status == 200
            explained = answer["verdict"].get("explained", True)
            told.append((answer["allowed"], explained))
        return told, answered.is_set()

    with served(tmp_path, SLOW_POLICY, configuration=settings, quiet=True) as running:
        slow: list[tuple[int, str]] = []
        crowd = threading.Thread(target=lambda: slow.extend(all_at_once(SOLVES, solve)))
        crowd.start()
        told, late = others()
        crowd.join()
    assert told == [(True, True), (False, True)] * 10
    assert not late
    assert slow == [(200, "solver_unknown")] * SOLVES


SOLVES = 16
