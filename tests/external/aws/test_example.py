"""The example's command, on the rows that are kept here."""

import json
import subprocess
import sys
from pathlib import Path

from support.scripts import run_script

ROOT = Path(__file__).parents[3]
CALLS = Path(__file__).parent / "calls.jsonl"


def test_run_answers_in_the_shape_that_its_page_gives(tmp_path: Path) -> None:
    """Over the services that the rows speak of; all of them take some seconds more."""
    rows = [json.loads(line) for line in CALLS.read_text("utf-8").splitlines()]
    homes = json.loads((CALLS.parent / "homes.json").read_bytes())
    names = sorted({row["service"] for row in rows} | set(homes.values()))
    listed = ", ".join(f'"{name}"' for name in names)
    policy = tmp_path / "p.licet"
    policy.write_text(f"use tools aws {listed}\npermit real_calls on any\n")
    run = ROOT / "examples" / "aws" / "run.py"
    done = subprocess.run(
        [sys.executable, run, CALLS, "--json", "--policy", policy],
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
    done = run_script(ROOT / "examples" / "aws" / "run.py", path)
    assert (done.returncode, done.stderr) == (2, "calls.jsonl:1: a row is an object\n")
