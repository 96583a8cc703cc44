"""How long a manifest of 1 MB takes: decided, refused with its explanation, and refused as hostile.

Containers of a Deployment's size among 15,000 environment variables or 9,000 annotations, under the
example's policies; `make bench`. The first check of a shape makes its formula and is apart
(`first_cpu_us`); beside each median stands what a check costs this process in CPU time (`cpu_us`).
Each check is a call of its own: one that is asked for again gets the ticket that it has.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from licet import Guard
from licet.adapters.admission_review import AdmissionDoor
from licet.adapters.manifests import ManifestError, documents

POLICIES = Path(__file__).parents[1] / "examples" / "kubernetes" / "policies"


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard]:
    policy = POLICIES / "K8sContainerLimits.licet"
    with Guard.load(policy, params={"cpu": "2", "memory": "1Gi"}) as guard:
        yield guard


def manifest(containers: int, variables: int, annotations: int, memory: str = "1Gi") -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "large",
            "annotations": {f"a{i}": "v" * 100 for i in range(annotations)},
        },
        "spec": {
            "containers": [
                {
                    "name": f"c{i}",
                    "image": f"registry.example/team/app:{i}",
                    "resources": {"limits": {"cpu": "500m", "memory": memory}},
                    "env": [{"name": f"E{j}", "value": "v" * 40} for j in range(variables)],
                }
                for i in range(containers)
            ]
        },
    }


SIZES = {
    "variables": (10, 1_500, 0),
    "annotations": (10, 0, 9_000),
    "containers": (100, 150, 0),
}


def action(guard: Guard, made: Any) -> Any:
    request = {
        "uid": "1",
        "operation": "CREATE",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "object": made,
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return AdmissionDoor(guard.program).action(review)


NUMBERS = itertools.count()


def measured(benchmark: Any, guard: Guard, asked: Any, *, allowed: bool, rounds: int) -> None:
    def check() -> None:
        assert guard.check(replace(asked, id=f"check {next(NUMBERS)}")).allowed is allowed

    benchmark.extra_info["first_cpu_us"] = _cpu(check)
    benchmark.extra_info["cpu_us"] = min(_cpu(check) for _ in range(5))
    benchmark.pedantic(check, rounds=rounds)


def _cpu(act: Callable[[], None]) -> int:
    before = time.process_time()
    act()
    return round((time.process_time() - before) * 1e6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.benchmark(group="1 MB, allowed")
def test_decided(benchmark, guard: Guard, size: str) -> None:
    asked = action(guard, manifest(*SIZES[size]))
    measured(benchmark, guard, asked, allowed=True, rounds=30)


@pytest.mark.benchmark(group="1 MB, refused")
def test_refused(benchmark, guard: Guard) -> None:
    asked = action(guard, manifest(10, 1_500, 0, memory="2Gi"))
    measured(benchmark, guard, asked, allowed=False, rounds=10)


def deep() -> Any:
    made: Any = {}
    for _ in range(10_000):
        made = {"spec": made}
    return made


HOSTILE = {
    "deep": deep(),
    "wide": {"spec": {"containers": [{} for _ in range(10_000)]}},
    "too wide": {"spec": {"containers": [{} for _ in range(100_000)]}},
}


@pytest.mark.parametrize("shape", HOSTILE)
@pytest.mark.benchmark(group="hostile, refused")
def test_hostile(benchmark, guard: Guard, shape: str) -> None:
    asked = action(guard, HOSTILE[shape])
    assert not guard.check(asked).allowed
    benchmark.pedantic(guard.check, (asked,), rounds=3)


LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 1_000)
)


@pytest.mark.benchmark(group="YAML")
def test_yaml_laughs(benchmark) -> None:
    def read() -> None:
        with pytest.raises(ManifestError):
            documents(LAUGHS)

    benchmark.pedantic(read, rounds=20)


@pytest.mark.benchmark(group="YAML")
def test_yaml(benchmark) -> None:
    import yaml

    text = yaml.safe_dump(manifest(*SIZES["variables"]))
    benchmark.pedantic(documents, (text,), rounds=5)
