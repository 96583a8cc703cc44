"""Whatever breaks, nothing is allowed: no time, a dead solver, a broken file, a fault inside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from licet import Guard, PolicyError, UnsetParamsError
from support.shop import SHOP, refund, shop

UNKNOWN = {"$unknown": True}


def unsettled() -> dict[str, object]:
    return refund(context={"risk": UNKNOWN})


@pytest.mark.parametrize("seconds", [0.0, 0.000_1])
def test_no_time_to_search(tmp_path: Path, seconds: float) -> None:
    with shop(tmp_path, seconds=seconds) as guard:
        verdict = guard.check(unsettled())
        assert (verdict.outcome, verdict.kind) == ("deny", "solver_unknown")
        assert guard.check(refund()).allowed


def test_no_time_to_explain_still_refuses_with_the_rule(tmp_path: Path) -> None:
    with shop(tmp_path, seconds=0.0) as guard:
        verdict = guard.check(refund(args={"order_id": "R1", "amount": 300}))
        assert (verdict.outcome, verdict.rules) == ("deny", ("too_much",))
        assert verdict.repair is None
        assert verdict.message


def children() -> set[int]:
    """The processes that this one started, as the kernel lists them."""
    found: set[int] = set()
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            found |= {int(pid) for pid in (thread / "children").read_text().split()}
    return found


def test_solvers_killed_again_and_again(tmp_path: Path) -> None:
    before = children()
    stop = threading.Event()

    def kill() -> None:
        while not stop.is_set():
            for pid in children() - before:
                with contextlib.suppress(ProcessLookupError):  # it has been reaped meanwhile
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)

    with shop(tmp_path) as guard:
        thread = threading.Thread(target=kill)
        thread.start()
        try:
            for _ in range(10):
                verdict = guard.check(unsettled())
                assert verdict.outcome == "deny"
                assert verdict.kind in ("undetermined", "solver_unknown", "fault")
        finally:
            stop.set()
            thread.join()
        assert guard.check(unsettled()).kind == "undetermined"


def test_solvers_stopped_and_not_killed(tmp_path: Path) -> None:
    """A process that hangs is given up at the deadline, and the next check gets a new one."""
    before = children()
    with shop(tmp_path, seconds=1.0) as guard:
        # in time or not: what it does for the first time may take a busy machine longer
        assert guard.check(unsettled()).kind in ("undetermined", "solver_unknown")
        workers = children() - before
        assert workers
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        verdict = guard.check(unsettled())
        assert (verdict.outcome, verdict.kind) in (
            ("deny", "solver_unknown"),
            ("deny", "undetermined"),
        )
    assert children() - before == set()


def test_an_async_check_that_is_cancelled_leaves_the_guard_usable(tmp_path: Path) -> None:
    async def run(guard: Guard) -> None:
        tasks = [asyncio.create_task(guard.acheck(unsettled())) for _ in range(10)]
        await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (await guard.acheck(refund())).allowed

    with shop(tmp_path) as guard:
        asyncio.run(run(guard))


@pytest.mark.parametrize(
    "action", [None, 5, "refund", [], {}, {"tool": None}, {"args": {}}, object()]
)
def test_what_is_no_call(tmp_path: Path, action: object) -> None:
    with shop(tmp_path) as guard:
        verdict = guard.check(action)  # type: ignore[arg-type]
        assert verdict.outcome == "deny"
        assert verdict.violations


@pytest.mark.parametrize(
    "text",
    [
        "",
        "permit all on any\x00",
        SHOP + "permit late on nothing_here",
        SHOP + "forbid typo on refund when principal.rol == support",
        SHOP + "forbid typo on refund when args.amount > 500 and",
        SHOP + "limit day on refund sum(args.amount - 1) per principal.id within day <= 1_000",
        SHOP + "escalate big on refund when args.amount > 500 to approver.rol == manager",
        SHOP + "forbid again on refund unless length(calls(lookup)) > 0",
        SHOP + "prove small never allow refund when args.amount > true",
    ],
)
def test_a_policy_that_is_not_sound_does_not_load(tmp_path: Path, text: str) -> None:
    if not text:
        with shop(tmp_path, text) as guard:
            assert guard.check(refund()).kind == "unknown_tool"
        return
    with pytest.raises(PolicyError) as caught:
        shop(tmp_path, text)
    assert "LIC" in str(caught.value)


def test_a_param_without_a_value(tmp_path: Path) -> None:
    text = SHOP + "param most: Int\nforbid over on refund when args.amount > most\n"
    with pytest.raises(UnsetParamsError, match="most"):
        shop(tmp_path, text)
    with shop(tmp_path, text, params={"most": 50}) as guard:
        assert guard.check(refund()).rules == ("over",)


def test_no_policy_at_all(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        Guard.load(tmp_path / "missing.licet")
    with pytest.raises(PolicyError):
        Guard.load(tmp_path)
