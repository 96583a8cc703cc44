"""The shipped rows: violating calls are refused for their label's reason, compliant ones run."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "airline"

Row = dict[str, object]

#: The reasons that labels name, and what must be among a row's rules for each. A call with `id`
#: where the tool has `payment_id` is refused by the catalog, at that place.
RULES_OF = {
    "cancel.not_eligible": r"not_cancellable",
    "cancel.flown": r"flown",
    "reservation_already_cancelled": r"already_cancelled",
    "book.passenger_info": r"passenger_info|bad_argument\(args\.passengers\[\d+\]\.dob\)",
    "bags.nonfree_wrong": r"wrong_extra_bags|wrong_extra_bags_update",
    "payment.certificates>1": r"too_many_certificates",
    "payment.cards>1": r"too_many_credit_cards",
    "payment.not_in_profile": r"not_in_profile|payment_not_in_profile"
    r"|bad_argument\(args\.payment_methods\[\d+\]\.payment_id\)",
    "payment.certificate_for_change": r"change_payment",
    "modify.origin": r"new_origin",
    "modify.destination": r"new_destination",
    "modify.trip_type_or_destination": r"new_trip_type|new_destination",
}


@pytest.mark.slow
def test_all_rows(run: Callable[..., subprocess.CompletedProcess[str]], verdicts: Row) -> None:
    done = run("--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == ["violating", "compliant", "rows"]
    assert found["violating"] == {"total": 48, "refused": 48}
    assert found["compliant"] == {"total": 21, "allowed": 21}
    assert {tuple(row) for row in found["rows"]} == {("id", "label", "verdict", "rules")}
    answers = {row["id"]: [row["verdict"], row["rules"]] for row in found["rows"]}
    open_rows = {id for id, answer in verdicts.items() if answer == ["deny", "undetermined"]}
    assert {id: answers[id][0] for id in open_rows} == dict.fromkeys(open_rows, "deny")
    assert {id: answer for id, answer in answers.items() if id not in open_rows} == {
        id: answer for id, answer in verdicts.items() if id not in open_rows
    }


def test_each_reason_has_its_rule(rows: dict[str, Row], verdicts: dict[str, list[object]]) -> None:
    """On the answers that `test_all_rows` holds the program to."""
    missing = [
        (id, reason, verdicts[id])
        for id, row in rows.items()
        for reason in row["rules_broken"] or ()
        if not any(re.fullmatch(RULES_OF[reason], rule) for rule in verdicts[id][1])
    ]
    assert missing == []


def test_the_readme_counts_the_answers(
    rows: dict[str, Row], verdicts: dict[str, list[object]]
) -> None:
    counted = Counter(
        (row["label"], "undetermined" if verdicts[id][1] == "undetermined" else verdicts[id][0])
        for id, row in rows.items()
    )
    assert counted == {
        ("violating", "deny"): 48,
        ("compliant", "allow"): 21,
        ("unscored", "allow"): 48,
        ("unscored", "deny"): 11,
        ("unscored", "undetermined"): 8,
    }
    readme = (EXAMPLE / "README.md").read_text("utf-8")
    assert "| unscored | 67 | 48 allowed, 11 denied, 8 undetermined |" in readme


def test_what_a_person_reads(
    run_apart: Callable[..., subprocess.CompletedProcess[str]],
    rows: dict[str, Row],
    tmp_path: Path,
) -> None:
    """Piped, at 80 columns: no colour, nothing cut, and only disagreements are told."""
    mislabelled = {
        **rows["v2"],
        "id": "odd",
        "label": "violating",
        "rules_broken": ["cancel.flown"],
    }
    chosen = [rows["v2"], rows["v49"], rows["v104"], mislabelled]
    calls = tmp_path / "calls.jsonl"
    calls.write_text("".join(json.dumps(row) + "\n" for row in chosen), "utf-8")
    done = run_apart(calls)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    lines = [" ".join(line.replace("│", " ").split()) for line in done.stdout.splitlines()]
    assert "cancel.not_eligible 1 of 1 not_cancellable" in lines
    assert "bags.nonfree_wrong 1 of 1 wrong_extra_bags_update" in lines
    assert "cancel.flown 0 of 1" in lines
    assert "violating: 2 of 3 refused" in lines
    assert "compliant: 1 of 1 allowed" in lines
    (told,) = [i for i, line in enumerate(lines) if line.startswith("disagreement")]
    assert lines[told:] == [
        "disagreement on odd, labelled violating ['cancel.flown']: allow",
        "allowed by serve",
    ]
