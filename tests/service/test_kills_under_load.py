"""A worker, the database, or the network in between dies under load: clients are refused, nothing
is lost or spent twice, and the service goes on by itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from licet.adapters.stores import open_store
from support.payers import POLICY, Payers, assert_accounts
from support.postgres import Server, programs
from support.relay import Relay
from support.serve_process import HOST_KEY, Served, served

pytestmark = pytest.mark.long


@dataclass
class Setting:
    """Two workers, with a relay to their database and one to their clients."""

    server: Server
    to_database: Relay
    running: Served
    to_service: Relay
    folder: Path
    schema: str

    def payers(self, name: str) -> Payers:
        return Payers(name, f"http://127.0.0.1:{self.to_service.port}", HOST_KEY)

    def assert_accounts(self, payers: Payers) -> None:
        store = open_store(f"{self.server.url('postgres')}?{self.schema}", seconds=30)
        assert_accounts(payers, self.folder / "shop.licet", store)
        store.close()


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    """One for all tests: whatever was done to it before, it goes on."""
    if programs() is None:
        pytest.skip("no PostgreSQL for this platform")
    folder = tmp_path_factory.mktemp("kills")
    with ExitStack() as stack:
        server = Server()
        stack.callback(server.discard)
        url, _, schema = server.create_schema("kills").partition("?")
        to_database = stack.enter_context(Relay(server.port))
        through = url.replace(f":{server.port}/", f":{to_database.port}/")
        flags = ("--workers", "2", "--database", f"{through}?{schema}")
        running = stack.enter_context(served(folder, POLICY, *flags, quiet=True))
        to_service = stack.enter_context(Relay(int(running.url.rpartition(":")[2])))
        yield Setting(server, to_database, running, to_service, folder, schema)


def test_a_worker_is_killed(setting: Setting) -> None:
    payers = setting.payers("a worker")
    before = setting.running.workers()
    assert len(before) == 2
    with payers.at_work(8):
        for _ in range(2):
            payers.wait_for("paid", 20)
            os.kill(setting.running.workers()[0], signal.SIGKILL)
            payers.wait_for("paid", 20)
    setting.running.wait_for_workers(2)  # one alone pays too, while the other is started anew
    assert set(setting.running.workers()) != set(before)
    setting.assert_accounts(payers)


def test_the_database_stops_at_once_and_starts_again(setting: Setting) -> None:
    payers = setting.payers("the database")
    before = setting.running.workers()
    with payers.at_work(8):
        for _ in range(2):
            payers.wait_for("paid", 20)
            setting.server.stop(at_once=True)
            payers.wait_for("broken", 20)
            setting.server.start()
            payers.wait_for("paid", 20)
    assert setting.running.workers() == before  # nobody had to start them again
    setting.assert_accounts(payers)


def test_a_worker_is_killed_while_the_database_is_away(setting: Setting) -> None:
    """What takes its place cannot begin to work: it says so, and waits until it can."""
    payers = setting.payers("both")
    log = setting.folder / "log"
    before = len(log.read_bytes())
    with payers.at_work(8):
        payers.wait_for("paid", 20)
        setting.server.stop(at_once=True)
        for worker in setting.running.workers():
            os.kill(worker, signal.SIGKILL)
        payers.wait_for("broken", 24)
        until = time.monotonic() + 120
        while b"this worker waits" not in log.read_bytes()[before:]:
            assert time.monotonic() < until, "what took its place said nothing"
            time.sleep(0.05)
        setting.server.start()
        payers.wait_for("paid", 20)
    setting.assert_accounts(payers)
    assert b"Traceback" not in log.read_bytes()[before:]


@pytest.mark.parametrize("how", ["cut", "silent"])
@pytest.mark.parametrize("where", ["database", "service"])
def test_the_network_in_between(setting: Setting, where: str, how: str) -> None:
    payers = setting.payers(f"{where} {how}")
    before = setting.running.workers()
    relay = setting.to_database if where == "database" else setting.to_service
    with payers.at_work(8):
        for _ in range(2):
            payers.wait_for("paid", 20)
            relay.cut() if how == "cut" else relay.silence()
            payers.wait_for("broken", 8)
            relay.mend()
            payers.wait_for("paid", 20)
    assert setting.running.workers() == before
    setting.assert_accounts(payers)
