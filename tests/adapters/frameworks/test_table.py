"""The page on adapters: its table is written by `.ci/frameworks.py`, and holds what is tested."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("frameworks", ROOT / ".ci" / "frameworks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "frameworks", module)
    spec.loader.exec_module(module)
    page = tmp_path / "adapters.md"
    page.write_text((ROOT / "docs" / "adapters.md").read_text("utf-8"), "utf-8")
    monkeypatch.setattr(module, "PAGE", page)
    return module


def test_every_driver_is_in_the_table_and_passed(script: Any) -> None:
    drivers = (ROOT / "tests" / "support" / "frameworks").glob("*_driver.py")
    assert sorted(script.FRAMEWORKS) == sorted(d.stem.removesuffix("_driver") for d in drivers)
    rows = [row.strip("| ").split(" | ") for row in script.PAGE.read_text().splitlines()]
    table = {row[0]: row for row in rows if len(row) == 5}
    cases = set()
    for each in script.FRAMEWORKS.values():
        _, wanted, _, outcome, left_out = table[each.title]
        assert wanted == f"`{each.wanted}`"
        passed, total = outcome.split(" of ")
        assert passed == total
        cases.add(int(total) + left_out.count("*: "))
    assert len(cases) == 1  # each case is passed, or said not to apply


REPORT = """<testsuites><testsuite>
<testcase name="test_allowed[plain]"/>
<testcase name="test_an_id[plain]"><skipped message="not applicable: there are none"/></testcase>
<testcase name="test_denied[plain]"><skipped message="it is not installed"/></testcase>
<testcase name="test_unknown[plain]"><failure message="no"/></testcase>
</testsuite></testsuites>"""


def test_what_is_skipped_for_no_plain_reason_did_not_pass(script: Any, tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT, "utf-8")
    outcome = script.read(tmp_path / "report.xml", "1.0")
    assert outcome == script.Outcome("1.0", 1, 3, (("an id", "there are none"),))
    row = outcome.row(script.FRAMEWORKS["plain"])
    assert row == "| Plain Python | `licet` | 1.0 | 1 of 3 | *an id*: there are none |"


def test_a_row_replaces_its_own_and_nothing_else(script: Any) -> None:
    before = script.PAGE.read_text()
    script.write("langchain", script.Outcome("9.9", 1, 2))
    after = script.PAGE.read_text()
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert changed == ["| LangChain | `licet[langchain]` | 9.9 | 1 of 2 | – |"]
    assert len(after.splitlines()) == len(before.splitlines())
