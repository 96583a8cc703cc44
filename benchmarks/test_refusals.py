"""How long a refusal takes with its reasons, its world and its repair: the airline desk's rows."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from licet import Guard

AIRLINE = Path(__file__).parents[1] / "examples" / "airline"


@pytest.mark.benchmark(group="refusal")
def test_airline_refusals(benchmark) -> None:
    sys.path.insert(0, str(AIRLINE))
    from rows import call_of
    from run import read_rows

    with Guard.load(AIRLINE / "airline.licet") as guard:
        rows = read_rows(AIRLINE / "calls.jsonl")
        calls = [call_of(r, guard.program) for r in rows if r["label"] == "violating"]
        for call in calls:
            assert not guard.check(call).allowed
        cycle = itertools.cycle(calls)
        benchmark.pedantic(
            guard.check, setup=lambda: ((next(cycle),), {}), rounds=480, warmup_rounds=48
        )
