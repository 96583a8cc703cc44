"""How long a concrete check takes, allowed side, from a Python dict to a verdict.

`make bench`. Side by side with cedarpy (policies and entities parsed beforehand) on the same
rules; compare medians within one run, on one machine.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import cedarpy
import pytest
from rules import bench, cedar_request

from licet import Guard

SIZES = (10, 100, 1_000)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.benchmark(group="check")
def test_licet(benchmark, count: int, tmp_path: Path) -> None:
    given = bench(count)
    policy = tmp_path / "bench.licet"
    policy.write_text(given.licet, "utf-8")
    with Guard.load(policy) as guard:
        known = [c for c in given.calls if int(str(c["tool"])[1:]) < count]
        for call in known:
            assert guard.check(call).allowed
        calls = itertools.cycle(known)
        benchmark.pedantic(
            guard.check, setup=lambda: ((next(calls),), {}), rounds=5_000, warmup_rounds=500
        )


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.benchmark(group="check")
def test_cedarpy(benchmark, count: int) -> None:
    given = bench(count)
    policies = cedarpy.PolicySet.from_str(given.cedar)
    entities = cedarpy.Entities.from_json_str("[]")
    requests = [cedar_request(c) for c in given.calls if int(str(c["tool"])[1:]) < count]
    for request in requests:
        assert cedarpy.is_authorized(request, policies, entities).allowed
    cycle = itertools.cycle(requests)
    benchmark.pedantic(
        lambda request: cedarpy.is_authorized(request, policies, entities),
        setup=lambda: ((next(cycle),), {}),
        rounds=5_000,
        warmup_rounds=500,
    )


@pytest.mark.parametrize("count", [100, 1_000])
@pytest.mark.benchmark(group="load")
def test_load(benchmark, count: int, tmp_path: Path) -> None:
    policy = tmp_path / "bench.licet"
    policy.write_text(bench(count).licet, "utf-8")

    def load() -> None:
        Guard.load(policy).close()

    benchmark.pedantic(load, rounds=3, warmup_rounds=1)
