"""Stopping, saving and restoring a service that runs, as docs/operations.md says."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from licet import Guard
from licet.verifier.redeeming import RedeemError
from support.serve_process import HOST_KEY, served
from support.serving import POLICY
from support.shop import args, refund

pytestmark = pytest.mark.long


def test_sigterm_finishes_what_is_under_way(tmp_path: Path) -> None:
    with served(tmp_path, POLICY) as running:
        with Guard.connect(running.url, key=HOST_KEY, seconds=60.0) as guard:
            asked = guard.check(refund(args=args(amount=190))).approval
        assert asked is not None
        answers: list[httpx.Response] = []

        def wait() -> None:
            url = f"{running.url}/v1/approvals/{asked}/wait?seconds=3"
            head = {"Authorization": f"Bearer {HOST_KEY}"}
            answers.append(httpx.get(url, headers=head, timeout=60, trust_env=False))

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(1.5)  # it is under way by then
        running.signal(signal.SIGTERM)
        thread.join(60)
        assert [each.status_code for each in answers] == [200]
        assert answers[0].json()["state"] == "open"
        assert running.process.wait(60) in (0, -signal.SIGTERM)


def test_a_copy_of_the_database_is_a_backup(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    call = refund(args=args(amount=190), id="waits")
    with (
        served(first, POLICY) as running,
        Guard.connect(running.url, key=HOST_KEY, seconds=60.0) as guard,
    ):
        spent = guard.check(refund()).ticket
        guard.redeem(spent, args())
        asked = guard.check(call).approval
        with (
            closing(sqlite3.connect(first / "licet.db")) as source,
            closing(sqlite3.connect(second / "licet.db")) as copy,
        ):
            source.backup(copy)
    with (
        served(second, POLICY) as restored,
        Guard.connect(restored.url, key=HOST_KEY, seconds=60.0) as guard,
    ):
        assert [one.id for one in guard.pending()] == [asked]
        with pytest.raises(RedeemError):
            guard.redeem(spent, args())
        assert guard.check(call).approval == asked
