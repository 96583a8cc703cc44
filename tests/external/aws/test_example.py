"""The example's command, on the rows that are kept here, over every service that there is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CALLS = Path(__file__).parent / "calls.jsonl"


@pytest.mark.slow
def test_run_answers_in_the_shape_that_its_page_gives() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "aws" / "run.py", CALLS, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout)
    assert report["invalid"] == {"total": 120, "caught": 120}
    assert report["valid"] == {"total": 60, "passed": 60}
    assert len(report["rows"]) == 180
    unknown = [row for row in report["rows"] if row["fault"] == "op_of_other_service"]
    assert {(row["verdict"], row["kind"]) for row in unknown} == {("deny", "unknown_tool")}
    hits = [
        row
        for row in unknown
        if row["operation"] in [name.partition(".")[2] for name in row["suggestions"]]
    ]
    assert len(hits) == len(unknown) == 12
    assert set(report["rows"][0]) == {
        *("service", "operation", "fault", "verdict", "kind", "suggestions")
    }


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text("[1]\n")
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "aws" / "run.py", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "calls.jsonl:1: a row is an object\n")
