"""Resident memory over a million checks.

`python benchmarks/memory.py [CHECKS]`: of a guard that remembers nothing, a tenth of the calls with
texts never seen before. `--remembering`: of one with limits, rolling windows and rules on earlier
calls, each call checked, redeemed and settled under an id of its own, by a clock that goes on by
ten seconds a call. Prints a line at each tenth; the last should be as the second.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from recorded import POLICY, refund, verify
from rules import bench

from licet import Guard
from support.desk_memory import SECOND, ClockedStore


def resident() -> float:
    """MB of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def plain(folder: Path) -> Callable[[int], None]:
    given = bench(1_000)
    policy = folder / "bench.licet"
    policy.write_text(given.licet, "utf-8")
    guard = Guard.load(policy)

    def check(number: int) -> None:
        call = given.calls[number % len(given.calls)]
        if number % 10 == 0:
            call = {**call, "args": {**call["args"], "note": f"note {number}"}}  # type: ignore[dict-item]
        assert guard.check(call).allowed

    return check


def remembering(folder: Path) -> Callable[[int], None]:
    policy = folder / "remembers.licet"
    policy.write_text(POLICY, "utf-8")
    store = ClockedStore()
    guard = Guard.load(policy, store=store)

    def check(number: int) -> None:
        store.instant += 10 * SECOND
        agent = number % 20
        if number % 100 < 20:
            verify(guard, agent)
        call = refund(agent, id=f"call {number}")
        verdict = guard.check(call)
        assert verdict.allowed, verdict.message
        with guard.redeem(verdict.ticket, call["args"]) as running:  # type: ignore[arg-type]
            running.result = None

    return check


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("checks", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--remembering", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        check = (remembering if given.remembering else plain)(Path(folder))
    began = time.process_time()
    for number in range(given.checks):
        check(number)
        if number % (given.checks // 10) == 0:
            print(f"{number:>9,} checks  {resident():8.1f} MB", flush=True)
    each = (time.process_time() - began) / given.checks * 1e6
    print(f"{given.checks:>9,} checks  {resident():8.1f} MB, {each:.0f} µs of processor time each")


if __name__ == "__main__":
    main()
