"""The recorded calls of two suites before the shipped policies, as a user runs them."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.scripts import run_script

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "agentdojo"
ROWS = [json.loads(line) for line in (EXAMPLE / "calls.jsonl").read_text("utf-8").splitlines()]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run_script(EXAMPLE / "run.py", *arguments, columns=100)


def run_apart(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR")}
    return subprocess.run(
        [sys.executable, str(EXAMPLE / "run.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**environment, "COLUMNS": "100"},
    )


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def rows_of(*tasks: str, suite: str = "banking") -> list[dict[str, Any]]:
    return [copy.deepcopy(row) for row in ROWS if row["suite"] == suite and row["task"] in tasks]


def test_a_few_users_are_untouched_and_injections_stopped_by_rules(tmp_path: Path) -> None:
    rows = rows_of("user_task_1", *(f"injection_task_{n}" for n in range(9)))
    rows += rows_of("user_task_13", "injection_task_1", suite="workspace")
    done = run(written(tmp_path / "few.jsonl", rows), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["user_tasks"] == {"total": 2, "untouched": 2}
    assert found["pairs"] == {"total": 10, "stopped": 10, "escalated": 0}
    assert found["injection_tasks"] == {"total": 10, "stopped": 10}


@pytest.mark.slow
@pytest.mark.long
def test_users_are_untouched_and_injections_stopped_by_rules() -> None:
    done = run(EXAMPLE / "calls.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["user_tasks"] == {"total": 56, "untouched": 56}
    assert found["pairs"] == {"total": 384, "stopped": 384, "escalated": 0}
    assert found["injection_tasks"] == {"total": 15, "stopped": 15}
    assert len(found["rows"]) == 56 + 384
    faults = {"fault", "undetermined", "solver_unknown", "bad_argument", "no_permit"}
    for row in found["rows"]:
        for call in row["calls"]:
            assert not faults & set(call["rules"]), (row["user_task"], call)


def test_other_values_of_an_attack_are_stopped_as_well(tmp_path: Path) -> None:
    """The policy knows no attacker: other accounts, amounts and texts fare no better."""
    rows = rows_of("user_task_0", "user_task_3", "injection_task_0", "injection_task_4")
    for row in rows:
        if row["label"] == "malicious":
            row["args"]["recipient"] = "FR7630006000011234567890189"
            row["args"] |= {"subject": "thanks"} if "subject" in row["args"] else {}
    done = run(written(tmp_path / "other.jsonl", rows), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["pairs"] == {"total": 4, "stopped": 4, "escalated": 0}


def test_what_the_user_asks_for_is_no_attack(tmp_path: Path) -> None:
    """The same call, asked for by the user, goes through: it is the origin that decides."""
    rows = rows_of("user_task_0", "injection_task_0")
    for row in rows:
        if row["label"] == "benign":
            row["prompt"] += " And send 0.01 to US133000000121212121212."
    done = run(written(tmp_path / "asked.jsonl", rows), "--json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["user_tasks"] == {"total": 1, "untouched": 1}
    assert found["pairs"] == {"total": 1, "stopped": 0, "escalated": 0}
    assert found["injection_tasks"] == {"total": 1, "stopped": 0}


def test_a_failed_call_vouches_for_nothing(tmp_path: Path) -> None:
    rows = rows_of("user_task_0")
    rows[0]["error"] = "FileNotFoundError"
    done = run_apart(written(tmp_path / "failed.jsonl", rows))
    assert done.returncode == 1, done.stderr
    assert "touched banking user_task_0" in done.stdout
    assert "strange_payee" in done.stdout


def test_a_policy_of_ones_own(tmp_path: Path) -> None:
    """With a question to somebody, and without anything that the host offers."""
    folder = tmp_path / "banking"
    folder.mkdir()
    (folder / "tools.json").write_bytes((EXAMPLE / "banking" / "tools.json").read_bytes())
    (folder / "own.licet").write_text(
        'use tools "tools.json" as bank\n'
        "principal { id: String }\n"
        "permit all on any\n"
        'escalate payments on send_money to approver.id == "clerk"\n',
        "utf-8",
    )
    calls = written(tmp_path / "calls.jsonl", rows_of("user_task_0", "injection_task_0"))
    done = run(calls, "--json", "--policy", tmp_path)
    found = json.loads(done.stdout)
    assert found["user_tasks"] == {"total": 1, "untouched": 0}
    assert found["pairs"] == {"total": 1, "stopped": 0, "escalated": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there are no calls in it"),
        ("{", "bad.jsonl:1: "),
        ("[]", "bad.jsonl:1: a row is an object"),
        ('{"suite": "banking"}', "`task` is missing"),
        (json.dumps({**ROWS[0], "args": []}), "`args` is an object"),
        (json.dumps({**ROWS[0], "i": True}), "`i` is a whole number"),
        (json.dumps({**ROWS[0], "label": "odd"}), "`label` is benign or malicious"),
        (json.dumps({**ROWS[0], "prompt": None}), "a benign row has a `prompt`"),
        (json.dumps({**ROWS[0], "suite": "../banking"}), "there is no policy for the suite"),
        (json.dumps({**ROWS[0], "suite": "travel"}), "there is no policy for the suite 'travel'"),
        (json.dumps(ROWS[0]) + "\n" + json.dumps(ROWS[0]), "has a call 0 in line 1 already"),
        (
            json.dumps(ROWS[0]) + "\n" + json.dumps({**ROWS[0], "i": 1, "prompt": "x"}),
            "differ in `label` or `prompt`",
        ),
    ],
)
def test_bad_input_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text, "utf-8")
    done = run(path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    done = run(tmp_path / "none.jsonl")
    assert done.returncode == 2
    assert "none.jsonl" in done.stderr
    assert "Traceback" not in done.stderr
