"""All of AWS as one catalog: opening it, checking calls, naming what was meant.

The catalog is built once, from the installed botocore, into the test's own folder.
"""

from __future__ import annotations

import json
import random
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from licet import Guard
from licet.adapters.catalogs import aws
from licet.adapters.catalogs.catalog_file import CatalogFile, write
from licet.compiler.catalog import Catalog
from licet.compiler.clock import clock
from licet.compiler.exact_json import decode
from licet.verifier.action import Action
from licet.verifier.admission import Admission

CALLS = Path(__file__).parents[1] / "tests" / "external" / "aws" / "calls.jsonl"
ROWS = [decode(line) for line in CALLS.read_text("utf-8").splitlines()]
VALID = [row for row in ROWS if row["label"] == "valid"]
OPEN = """
import json, sys, time
from pathlib import Path
from licet.adapters.catalogs.catalog_file import CatalogFile
from licet.compiler.catalog import Catalog
start, used = time.perf_counter(), time.process_time()
catalog = Catalog(sources=CatalogFile(Path(sys.argv[1])).sources)
catalog.meanings("RunInstances")
seconds, used = time.perf_counter() - start, time.process_time() - used
status = Path("/proc/self/status").read_text()  # rusage would count the parent's peak in
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps({"seconds": seconds, "used": used, "megabytes": peak, "tools": len(catalog)}))
"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "aws.lcat"
    write([(aws.service(name), aws.version()) for name in aws.services()], path)
    return path


@pytest.fixture(scope="module")
def guard(catalog: Path) -> Iterator[Guard]:
    policy = catalog.with_name("p.licet")
    policy.write_text("permit real_calls on any\n")
    with Guard.load(policy, catalog=Catalog(sources=CatalogFile(catalog).sources)) as guard:
        for row in VALID:
            assert guard.check(call_of(row)).allowed
        yield guard


def call_of(row: dict[str, object]) -> dict[str, object]:
    return {"tool": f"{row['service']}.{row['operation']}", "args": row["params"]}


def test_open_all_of_aws(catalog: Path, benchmark: BenchmarkFixture) -> None:
    """In a fresh process: names known, nothing read; with the peak of memory."""
    runs: list[dict[str, float]] = []

    def run() -> None:
        done = subprocess.run(
            [sys.executable, "-c", OPEN, str(catalog)], capture_output=True, text=True, check=True
        )
        runs.append(json.loads(done.stdout))

    benchmark.pedantic(run, rounds=5)
    seconds = sorted(run["seconds"] for run in runs)[len(runs) // 2]
    used = sorted(run["used"] for run in runs)[len(runs) // 2]
    megabytes = max(run["megabytes"] for run in runs)
    benchmark.extra_info.update(open_seconds=seconds, peak_megabytes=megabytes)
    print(
        f"\n{runs[0]['tools']:,.0f} tools: opened in {seconds:.3f} s"
        f" ({used:.3f} s of processor time), {megabytes:.0f} MB in all"
    )


def test_check_against_the_catalog(guard: Guard, benchmark: BenchmarkFixture) -> None:
    """The catalog's check of a call: the tool, and every argument, its service once read."""
    admission = Admission(guard.program, clock("UTC"))
    actions = [Action.from_mapping(call_of(row)) for row in VALID]

    def run() -> None:
        for action in actions:
            admission.world(admission.tool(action.tool), action)

    run()
    benchmark(run)
    benchmark.extra_info["calls"] = len(actions)


def test_whole_decision(guard: Guard, benchmark: BenchmarkFixture) -> None:
    """The same with a rule decided by the solver."""
    calls = [call_of(row) for row in VALID]

    def run() -> None:
        for call in calls:
            guard.check(call)

    run()
    benchmark(run)
    benchmark.extra_info["calls"] = len(calls)


def test_suggestions(guard: Guard, benchmark: BenchmarkFixture) -> None:
    """How often the right operation is among the first three that are named."""
    random_source = random.Random(20)
    cases: dict[str, list[tuple[dict[str, object], str]]] = {"another service": []}
    services = aws.services()
    for row in VALID:
        asked = random_source.choice(services)
        name = f"{asked}.{row['operation']}"
        if name not in guard.program.catalog.qualified:
            call = {"tool": name, "args": row["params"]}
            cases["another service"].append((call, str(row["operation"])))
    for edits in (1, 2):
        found = cases.setdefault(f"{edits} edit{'s' if edits > 1 else ''}", [])
        for row in VALID:
            misspelt = str(row["operation"])
            for _ in range(edits):
                misspelt = edited(misspelt, random_source)
            name = f"{row['service']}.{misspelt}"
            if name not in guard.program.catalog.qualified:
                found.append(({"tool": name, "args": row["params"]}, str(row["operation"])))

    def run() -> dict[str, float]:
        rates = {}
        for kind, calls in cases.items():
            hits = sum(wanted in first_three(guard, call) for call, wanted in calls)
            rates[kind] = hits / len(calls)
        return rates

    rates = benchmark.pedantic(run, rounds=1)
    benchmark.extra_info.update(rates)
    for kind, rate in rates.items():
        print(f"\n{kind}: {rate:.1%} among the first three ({len(cases[kind])} calls)", end="")


def first_three(guard: Guard, call: dict[str, object]) -> list[str]:
    """The operations that are named, without their services."""
    (violation,) = guard.check(call).violations
    return [name.partition(".")[2] for name in violation.suggestions]


def edited(name: str, source: random.Random) -> str:
    """The name with one letter put in, left out, changed, or two exchanged."""
    place, letter = source.randrange(len(name)), source.choice(string.ascii_letters)
    return source.choice(
        [
            name[:place] + letter + name[place:],
            name[:place] + name[place + 1 :],
            name[:place] + letter + name[place + 1 :],
            name[:place]
            + name[place + 1 : place + 2]
            + name[place : place + 1]
            + name[place + 2 :],
        ]
    )
