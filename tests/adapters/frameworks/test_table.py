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
    table = {row[0]: row for row in rows if len(row) == 4}
    for title, extra, _ in script.FRAMEWORKS.values():
        assert table[title][1] == f"`licet[{extra}]`"
        passed, total = table[title][3].split(" of ")
        assert passed == total
        assert int(total) > 0


def test_a_row_replaces_its_own_and_nothing_else(script: Any) -> None:
    before = script.PAGE.read_text()
    script.write("langchain", script.Outcome("9.9", 1, 2))
    after = script.PAGE.read_text()
    assert "| LangChain | `licet[langchain]` | 9.9 | 1 of 2 |" in after
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert changed == ["| LangChain | `licet[langchain]` | 9.9 | 1 of 2 |"]
    assert len(after.splitlines()) == len(before.splitlines())
