"""Found by the open-question property: many durations in range add up to one that is not, and
questions took what is computed over an unknown list to be in range. A claim that is false was
proved, and a call was allowed whose context nobody had given.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from licet.cli.main import main
from support.shop import shop

POLICY = """
policy "legs"

record Leg { wait: Duration, at: Time, day: Date }
context { legs: List<Leg> }
tool book(legs: List<Leg>, days: List<Date>)

permit all on book
"""

#: Conditions on a list of legs, each true of some, though of none whose parts are added nowhere.
REACHED = [
    "sum(l in {legs}: l.wait) > 36600d",
    "sum(l in {legs}: l.wait) < 0s - 36600d",
    "(max(l in {legs}: l.wait + l.wait) ?? 0s) > 36600d",
    "(max(l in {legs}: l.at + 1d) ?? now) > 2199-12-31T23:59:59.999999Z",
    "(min(l in {legs}: l.day - 1d) ?? 2000-01-01) < 0001-01-01",
    "(first([l.day - 1d for l in {legs}]) ?? 2000-01-01) < 0001-01-01",
    "(max(l in {legs}: (l.day + 1d).year) ?? 0) > 9999",
]


@pytest.mark.parametrize("condition", REACHED)
def test_a_list_that_nobody_gave_allows_nothing(tmp_path: Path, condition: str) -> None:
    rule = f"forbid far on book when {condition.format(legs='context.legs')}\n"
    with shop(tmp_path, POLICY + rule) as guard:
        verdict = guard.check({"tool": "book", "args": {"legs": [], "days": []}})
    assert not verdict.allowed
    assert verdict.kind == "undetermined"


@pytest.mark.parametrize("condition", REACHED)
def test_what_some_list_reaches_is_not_proved_away(
    tmp_path: Path, condition: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = f"forbid far on book when {condition.format(legs='args.legs')}\n"
    policy = tmp_path / "p.licet"
    policy.write_text(f"{POLICY}{rule}prove all_allowed always allow book\n", "utf-8")
    assert main(["prove", str(policy)]) == 1
    assert "proved   all_allowed" not in capsys.readouterr().out


def test_a_sum_over_earlier_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "p.licet"
    policy.write_text(
        """
policy "waits"
principal { id: String }
tool wait(time: Duration)

permit all on wait
forbid long on wait when sum(c in calls(wait, within 30d): c.args.time) > 36600d

prove all_allowed always allow wait
""",
        "utf-8",
    )
    assert main(["prove", str(policy)]) == 1
    assert "proved   all_allowed" not in capsys.readouterr().out
