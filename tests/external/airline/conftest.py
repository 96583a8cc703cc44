"""The airline example as a user runs it: `python run.py …`."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from support.scripts import run_script

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "airline"

Json = dict[str, object]
Run = Callable[..., subprocess.CompletedProcess[str]]
Answers = Callable[..., dict[str, object]]


@pytest.fixture
def run() -> Run:
    """`run.py` with these arguments, piped, on a screen of 80 columns."""

    def start(*arguments: object) -> subprocess.CompletedProcess[str]:
        return run_script(EXAMPLE / "run.py", *arguments)

    return start


@pytest.fixture
def run_apart() -> Run:
    """The same in a process of its own."""

    def start(*arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR")}
        return subprocess.run(
            [sys.executable, str(EXAMPLE / "run.py"), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**environment, "COLUMNS": "80"},
        )

    return start


@pytest.fixture(scope="session")
def rows() -> dict[str, Json]:
    """The shipped rows, by id."""
    lines = (EXAMPLE / "calls.jsonl").read_text("utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


@pytest.fixture(scope="session")
def verdicts() -> dict[str, object]:
    """What each shipped row is answered with: `[outcome, rules]`, by id.

    An undetermined row has the word `undetermined` for its rules: which of the rules that may
    apply are shown is the solver's choice.
    """
    found: dict[str, object] = json.loads((Path(__file__).parent / "verdicts.json").read_text())
    return found


@pytest.fixture
def answers(run: Run, verdicts: dict[str, object], tmp_path: Path) -> Answers:
    """The answers to some rows, in the form of `verdicts`."""

    def ask(
        rows: Iterable[Json], params: Json | None = None, policy: Path | None = None
    ) -> dict[str, object]:
        calls = tmp_path / "calls.jsonl"
        calls.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        options: list[object] = []
        if params is not None:
            (tmp_path / "params.json").write_text(json.dumps(params), "utf-8")
            options += ["--params", tmp_path / "params.json"]
        if policy is not None:
            options += ["--policy", policy]
        done = run(calls, "--json", *options)
        assert done.returncode == 0, done.stderr
        return {
            row["id"]: [row["verdict"], row["rules"]] for row in json.loads(done.stdout)["rows"]
        }

    return ask


@pytest.fixture
def changed(rows: dict[str, Json]) -> Callable[..., Json]:
    """A copy of a shipped row with some places changed: `{"state.user": None}`, `...` removes."""

    def change(row: str, places: dict[str, object]) -> Json:
        made = copy.deepcopy(rows[row])
        for place, value in places.items():
            *path, last = place.split(".")
            holder: Json = made
            for step in path:
                holder = holder[step]  # type: ignore[assignment]
            if value is ...:
                holder.pop(last)
            else:
                holder[last] = value
        return made

    return change
