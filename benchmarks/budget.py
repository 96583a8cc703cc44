"""What a check costs that one limit reserves, in processor time: a busy machine changes it little.

`python benchmarks/budget.py [ROUNDS]`, in memory, with the policy of `service.py`: beside the same
call without the limit, with an audit, in a row of 32, and from check to settlement. Prints the
least and the median of the rounds, each of 400 calls.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from licet import Guard, Verdict
from service import POLICY, refund

CALLS = 400
ROW = 32
FREE = "\n".join(line for line in POLICY.splitlines() if not line.startswith("limit "))

Act = Callable[[Guard, Iterator[int]], int]


def allowed(verdict: Verdict) -> Verdict:
    assert verdict.allowed, verdict.message
    return verdict


def check(guard: Guard, numbers: Iterator[int]) -> int:
    allowed(guard.check(refund(next(numbers), id=False)))
    return 1


def row(guard: Guard, numbers: Iterator[int]) -> int:
    for verdict in guard.check_all([refund(next(numbers), id=False) for _ in range(ROW)]):
        allowed(verdict)
    return ROW


def whole(guard: Guard, numbers: Iterator[int]) -> int:
    call = refund(next(numbers), id=False)
    ticket = allowed(guard.check(call)).ticket
    with guard.redeem(ticket, call["args"]) as running:  # type: ignore[arg-type]
        running.result = None
    return 1


KINDS: tuple[tuple[str, str, bool, Act], ...] = (
    ("no limit", FREE, False, check),
    ("a limit", POLICY, False, check),
    ("a limit, audit", POLICY, True, check),
    (f"a limit, {ROW} in a row", POLICY, False, row),
    ("a limit, redeemed, settled", POLICY, False, whole),
)


def microseconds(guard: Guard, act: Act, rounds: int) -> list[float]:
    """Of a call, in each round."""
    numbers = itertools.count()
    taken: list[float] = []
    for _ in range(rounds + 1):  # the first is to get ready
        began, done = time.process_time(), 0
        while done < CALLS:
            done += act(guard, numbers)
        taken.append((time.process_time() - began) / done * 1e6)
    return taken[1:]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        for name, text, audit, act in KINDS:
            policy = Path(folder) / "policy.licet"
            policy.write_text(text, "utf-8")
            with Guard.load(policy, audit=audit) as guard:
                taken = microseconds(guard, act, rounds)
            print(f"{name:28} least {min(taken):6.0f} µs, median {statistics.median(taken):6.0f}")


if __name__ == "__main__":
    main()
