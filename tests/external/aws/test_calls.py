"""Calls from AWS's own examples, and the same with one fault each, through a whole guard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from licet import Guard
from licet.adapters.catalogs import aws
from licet.compiler.catalog import Catalog
from licet.compiler.exact_json import decode

HERE = Path(__file__).parent
ROWS = [decode(line) for line in (HERE / "calls.jsonl").read_text("utf-8").splitlines()]
#: A service that has the operation of each row whose fault is to ask another for it.
HOMES: dict[str, str] = decode((HERE / "homes.json").read_bytes())


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    names = {row["service"] for row in ROWS} | set(HOMES.values())
    catalog = Catalog(sources=tuple(aws.service(name) for name in sorted(names)))
    path = tmp_path_factory.mktemp("aws") / "p.licet"
    path.write_text("permit real_calls on any\n")
    with Guard.load(path, catalog=catalog) as guard:
        yield guard


def test_every_fault_is_caught_and_every_valid_call_passes(guard: Guard) -> None:
    wrong = []
    counts: Counter[str] = Counter()
    for row in ROWS:
        call = {"tool": f"{row['service']}.{row['operation']}", "args": row["params"]}
        verdict = guard.check(call)
        counts[row["fault"] or "valid"] += 1
        if verdict.allowed != (row["label"] == "valid"):
            wrong.append((call, verdict.message))
        elif not verdict.allowed:
            unknown = row["fault"] == "op_of_other_service"
            assert verdict.violations[0].kind == ("unknown_tool" if unknown else "bad_argument")
    assert wrong == []
    assert counts["valid"] == 60
    assert set(counts.values()) == {60, 12}


def test_the_same_operation_of_another_service_comes_first(guard: Guard) -> None:
    found = {}
    for row in ROWS:
        if row["fault"] == "op_of_other_service":
            call = {"tool": f"{row['service']}.{row['operation']}", "args": row["params"]}
            (violation,) = guard.check(call).violations
            found[row["operation"]] = violation.suggestions[0].partition(".")[2]
    assert found == {operation: operation for operation in HOMES}
