"""Clients that pay through a service while things break, and what they hold to be paid.

Half of them are bare HTTP clients, half use `Guard.connect`. Nothing that they do may raise: a
service that breaks is a refusal.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from licet import Guard
from licet.compiler.exact_json import decode
from licet.verifier.audit.entries import body_of
from licet.verifier.audit.verifying import Verifier
from licet.verifier.history import Store, StoreError
from licet.verifier.redeeming import RedeemError, SettleError
from support.accounts import BUDGET, spent
from support.http_clients import Client

LIMIT = 1_000_000
POLICY = BUDGET.replace("<= 1_000", f"<= {LIMIT}")
WHO = {"principal": {"id": "ann"}, "session": "s"}


class Payers:
    """Pay small amounts over and over, until told to stop."""

    def __init__(self, name: str, url: str, key: str, *, seconds: float = 4.0) -> None:
        self._name, self._url, self._key, self._seconds = name, url, key, seconds
        self._stop = threading.Event()
        #: By call id, each amount that a tool has paid.
        self.paid: list[tuple[str, int]] = []
        self.seen: Counter[str] = Counter()
        self._threads: list[threading.Thread] = []
        self._broken: list[BaseException] = []

    @contextmanager
    def at_work(self, count: int) -> Iterator[None]:
        for number in range(count):
            work = self._bare if number % 2 else self._guarded
            thread = threading.Thread(target=self._work, args=(work, number))
            self._threads.append(thread)
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()
        assert self._broken == []

    def wait_for(self, what: str, more: int = 5) -> None:
        """Until it has happened some more times."""
        goal = self.seen[what] + more
        until = time.monotonic() + 120
        while self.seen[what] < goal:
            assert time.monotonic() < until, f"{what}: {dict(self.seen)}"
            assert not self._broken, self._broken
            time.sleep(0.02)

    def _work(self, work: Any, number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            self._broken.append(error)

    def _guarded(self, number: int) -> None:
        with Guard.connect(self._url, key=self._key, seconds=self._seconds) as guard:
            for call in self._calls(number):
                verdict = guard.check(call)
                if not verdict.allowed:
                    self._refused(call, verdict.kind == "fault")
                    continue
                try:
                    running = guard.redeem(verdict.ticket, call["args"])
                except (RedeemError, StoreError):
                    self.seen["not run"] += 1
                    continue
                self._pay(call)
                assert verdict.ticket is not None
                try:
                    guard.settle(verdict.ticket, "ok", {"paid": running.args["amount"]})
                except (SettleError, StoreError):
                    self.seen["not settled"] += 1

    def _bare(self, number: int) -> None:
        client = Client(self._url, self._key, seconds=self._seconds)
        for call in self._calls(number):
            status, told = client.post("/v1/check", call)
            if status != 200 or told["allowed"] is not True:
                self._refused(call, status != 200 or "fault" in _kinds(told))
                continue
            ticket = told["ticket"]
            status, told = client.post("/v1/redeem", {"ticket": ticket, "args": call["args"]})
            if status != 200:
                self.seen["not run"] += 1
                continue
            self._pay(call)
            ending = {"ticket": ticket, "outcome": "ok", "result": {"paid": told["args"]["amount"]}}
            status, _ = client.post("/v1/settle", ending)
            self.seen["settled" if status == 200 else "not settled"] += 1
        client.close()

    def _calls(self, number: int) -> Iterator[dict[str, Any]]:
        """Each call twice under its id."""
        place = 0
        while not self._stop.is_set():
            args = {"user": "x", "amount": 1 + place % 5}
            for _ in range(2):  # whatever became of it the first time, it must not be paid twice
                yield {"tool": "pay", "args": args, "id": f"{self._name}/{number}/{place}", **WHO}
            place += 1

    def _pay(self, call: dict[str, Any]) -> None:
        self.paid.append((call["id"], call["args"]["amount"]))
        self.seen["paid"] += 1

    def _refused(self, call: dict[str, Any], broken: bool) -> None:
        self.seen["broken" if broken else "refused"] += 1
        if broken:
            time.sleep(0.05)


def _kinds(told: dict[str, Any]) -> set[str]:
    return {violation["kind"] for violation in told["verdict"]["violations"]}


def assert_accounts(payers: Payers, policy: Path, store: Store) -> None:
    """Nothing was paid twice, everything that was paid is in the store, and its record is whole."""
    ids = [id for id, _ in payers.paid]
    assert len(set(ids)) == len(ids)
    with Guard.load(policy, store=store, activate=False) as guard:
        held = spent(guard)
    assert sum(amount for _, amount in payers.paid) <= held <= LIMIT
    with store.begin("default") as tx:
        calls = {call.call_id: call for call in tx.calls_changed_after(0, 10**9)}
    for id, amount in payers.paid:
        assert calls[id].state in ("redeemed", "ok")
        assert decode(calls[id].record)["call"]["args"]["amount"] == amount
    verifier = Verifier()
    redeemed: Counter[str] = Counter()
    after = 0
    while entries := store.audit("default", after, 1_000):
        after = entries[-1].seq
        for entry in entries:
            assert list(verifier.of(entry)) == []
            if '"kind": "redemption"' in entry.text:
                body = body_of(entry.text)
                redeemed[str(body["call"])] += body["refused"] is None
    assert list(verifier.end()) == []
    assert set(redeemed.values()) <= {0, 1}
    assert set(ids) <= {id for id, times in redeemed.items() if times}
