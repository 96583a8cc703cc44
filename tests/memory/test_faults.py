"""Stores that break under a guard: each is a refusal of kind `fault`, and forgets nothing."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from licet import Guard
from licet.adapters.stores import open_store
from licet.verifier.history import StoreError
from licet.verifier.history.memory import MemoryStore
from licet.verifier.redeeming import RedeemError
from support.accounts import BUDGET, SteppingStore, spent
from support.desk_memory import NOON, ClockedStore, load
from support.postgres import Server

ARGS = {"user": "x", "amount": 600}
CALL = {"tool": "pay", "args": ARGS, "principal": {"id": "ann"}, "session": "s"}


def forked(act: Callable[[], None]) -> int:
    """The exit code of a child that does something; 0 if nothing was raised."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def is_fault(guard: Guard) -> bool:
    """Whether a call that would be allowed is refused for the store's sake."""
    verdict = guard.check({**CALL, "args": {**ARGS, "amount": 1}})
    return (verdict.outcome, verdict.kind, verdict.ticket) == ("deny", "fault", None)


def test_a_full_disk(tmp_path: Path) -> None:
    """No file of the child may grow: what SQLite meets is what a full disk gives it."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with load(tmp_path, BUDGET, store=url) as guard:
        reserved, redeemed = (
            guard.check({**CALL, "args": {**ARGS, "amount": n}}).ticket for n in (100, 200)
        )
        guard.redeem(redeemed, {**ARGS, "amount": 200})

        def act() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            assert is_fault(guard)
            with pytest.raises(StoreError):
                guard.redeem(reserved, {**ARGS, "amount": 100})
            with pytest.raises(StoreError):
                guard.settle(str(redeemed), "ok", {"paid": 0})
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            guard.redeem(reserved, {**ARGS, "amount": 100})  # there is room again

        assert forked(act) == 0
        assert spent(guard) == 300


def without_privileges() -> None:
    """Root may write whatever it likes, unless it gives that up."""
    if os.geteuid() == 0:
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        nothing = (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None, use_errno=True).capset(header, nothing) == 0


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with load(tmp_path, BUDGET, store=f"sqlite:///{tmp_path / 'state.db'}") as guard:
        ticket = guard.check(CALL).ticket

        def act() -> None:
            without_privileges()
            for file in tmp_path.glob("state.db*"):
                file.chmod(0o444)
            assert is_fault(guard)
            with pytest.raises(StoreError, match="cannot be written"):
                guard.redeem(ticket, ARGS)

        assert forked(act) == 0
        for file in tmp_path.glob("state.db*"):
            file.chmod(0o644)
        assert spent(guard) == 600
        guard.redeem(ticket, ARGS)


@pytest.mark.parametrize("how", ["deleted", "replaced", "damaged"])
def test_a_file_that_is_another(tmp_path: Path, how: str) -> None:
    path = tmp_path / "state.db"
    with load(tmp_path, BUDGET, store=f"sqlite:///{path}") as guard:
        ticket = guard.check(CALL).ticket
        for file in tmp_path.glob("state.db*"):
            file.rename(tmp_path / file.name.replace("state", "old"))
        if how == "replaced":
            with load(tmp_path, BUDGET, store=f"sqlite:///{tmp_path / 'new.db'}") as other:
                other.store.close()
            (tmp_path / "new.db").rename(path)
        if how == "damaged":
            path.write_bytes(b"SQLite format 3\0" + b"x" * 10_000)
        assert is_fault(guard)
        with pytest.raises((StoreError, RedeemError)):
            guard.redeem(ticket, ARGS)
        guard.store.close()


@pytest.mark.slow
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_connection_that_is_dropped_at_any_step(url: str, server: Server, tmp_path: Path) -> None:
    left = 1_000_000
    drop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'licet'"

    def step(_: str) -> None:
        nonlocal left
        left -= 1
        if left == -1:
            server.run(drop)

    store = SteppingStore(open_store(url), step)
    with load(tmp_path, BUDGET, store=store) as guard:
        clean = False
        for number in range(200):
            tenant = f"tenant {number}"
            left = number
            verdict = guard.check(CALL, tenant=tenant)
            if verdict.ticket is None:
                assert (verdict.outcome, verdict.kind) == ("deny", "fault")
            else:
                clean = left >= 0
                try:
                    guard.redeem(verdict.ticket, ARGS)
                    guard.settle(verdict.ticket, "ok", {"paid": 500})
                    done = True
                except (RedeemError, StoreError):
                    done = clean = False
                left = 1_000_000
                held = spent(guard, tenant)
                assert held == 500 if done else held in (500, 600)
            left = 1_000_000
            assert spent(guard, tenant) in (0, 500, 600)
            if clean:
                break
        assert clean
        assert number > 20
    store.close()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_server_that_is_gone(url: str, tmp_path: Path) -> None:
    # a server of its own: others use the one that the fixture gives
    own = Server()
    try:
        with load(tmp_path, BUDGET, store=own.create_schema("gone")) as guard:
            ticket = guard.check(CALL).ticket
            own.stop()
            assert is_fault(guard)
            with pytest.raises(StoreError):
                guard.redeem(ticket, ARGS)
            own.start()
            assert spent(guard) == 600
            guard.redeem(ticket, ARGS)
            guard.store.close()
    finally:
        own.discard()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_store_that_is_busy(kind: str, tmp_path: Path) -> None:
    store = (
        MemoryStore(seconds=0.5)
        if kind == "memory"
        else open_store(f"sqlite:///{tmp_path / 'state.db'}", seconds=0.5)
    )
    with load(tmp_path, BUDGET, store=store) as guard:
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with store.begin("default"):
                held.set()
                done.wait(60)

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        assert is_fault(guard)
        done.set()
        thread.join()
        assert guard.check(CALL).allowed


def test_a_clock_that_jumps_back(tmp_path: Path) -> None:
    store = ClockedStore()
    with load(tmp_path, BUDGET, store=store) as guard:
        assert guard.check(CALL).allowed
        store.advance(-4)
        assert not guard.check({**CALL, "args": {**ARGS, "amount": 401}}).allowed
        assert guard.check({**CALL, "args": {**ARGS, "amount": 1}}).allowed
        for seconds in (-2, -3_600, -86_400 * 2):
            store.instant = NOON
            store.advance(-4 + seconds)
            refused = guard.check({**CALL, "args": {**ARGS, "amount": 1}})
            assert (refused.outcome, refused.kind) == ("deny", "fault")
            assert "the clock went back" in refused.violations[0].message
        # what the host says of the time is held to the same
        for now in ("2026-11-24T00:00Z", "2001-01-01T00:00Z"):
            assert guard.check({**CALL, "now": now}).kind == "fault"
        store.instant = NOON
        assert spent(guard) == 601


def test_an_instant_that_is_ahead_keeps_nobody_out(tmp_path: Path) -> None:
    store = ClockedStore()
    with load(tmp_path, BUDGET, store=store, ahead=False) as guard:
        for far in ("2099-01-01T00:00:00Z", "2026-11-25T15:00:06Z"):
            refused = guard.check({**CALL, "now": far})
            assert (refused.outcome, refused.kind) == ("deny", "fault")
            assert "ahead of the store's clock" in refused.violations[0].message
        assert guard.check({**CALL, "now": "2026-11-25T15:00:04Z"}).allowed
        assert guard.check({**CALL, "args": {**ARGS, "amount": 1}}).allowed


def test_the_instant_is_the_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However wrong the clock of a machine is, all who share a store share its clock."""
    store = ClockedStore()
    with load(tmp_path, BUDGET, store=store) as guard:
        assert guard.check(CALL).allowed
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() + 10**9 * 86_400 * 365)
        assert not guard.check(CALL).allowed
        monkeypatch.setattr(time, "time_ns", lambda: real() - 10**9 * 86_400 * 365)
        assert guard.check(CALL).kind == "limit"
        store.advance(86_400)
        assert guard.check(CALL).allowed
