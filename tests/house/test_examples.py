"""Every example runs, is formatted, and passes its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from licet.cli.main import main

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FOLDERS = sorted(path.parent for path in EXAMPLES.rglob("tools.json"))


def run(*command: object) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR")}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**environment, "COLUMNS": "80"},
    )


def test_there_are_examples() -> None:
    assert EXAMPLES / "airline" in FOLDERS


def test_policies_are_formatted(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["fmt", "--check", *map(str, FOLDERS)])
    assert code == 0, capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_their_tests_pass(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["test", str(folder)])
    said = capsys.readouterr()
    assert code == 0, said.out + said.err
    assert "passed" in said.out.splitlines()[-1]


def test_the_agents_share_one_policy() -> None:
    """So that what is linted of one is linted of all."""
    texts = {path.read_text("utf-8") for path in EXAMPLES.glob("*/refunds.licet")}
    assert len(texts) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "airline",
        "claude-code",
        "kubernetes/policies/K8sStorageClass.licet",
        "langchain/refunds.licet",
        "mcp/desk.licet",
    ],
)
def test_they_lint_clean(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is let pass has its reason in the example's `licet.toml`."""
    code = main(["lint", str(EXAMPLES / path)])
    said = capsys.readouterr()
    assert (code, said.out) == (0, ""), said.out + said.err


@pytest.mark.slow
def test_the_demo_shows_its_scenes_and_totals() -> None:
    done = run(EXAMPLES / "airline" / "demo.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split("─")[1].split() for line in lines if line.startswith("╭")] == [
        ["ALLOW", "update_reservation_flights"],
        ["DENY", "update_reservation_baggages"],
        ["DENY", "book_reservation"],
        ["DENY", "cancel_reservation"],
        ["DENY", "cancel_reservation"],
        ["DENY", "cancel_reservations"],
        ["DENY", "update_reservation_baggages"],
    ]
    assert "   violating: 48 of 48 refused" in lines
    assert "   compliant: 21 of 21 allowed" in lines
    for said in (
        "│ instead  args.nonfree_baggages = 0 (was 1)",
        "│ would settle it  context.reason",
    ):
        assert any(line.startswith(said) for line in lines), said
