"""Rows with something missing or damaged get a verdict, and damaged files one line and exit 2."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Json = dict[str, object]
Answer = list[object]

ALLOW: Answer = ["allow", ["serve"]]

#: A shipped row, what is changed in it, and the answer.
ODD: dict[str, tuple[str, Json, Answer]] = {
    "no reservation": (
        "v34",
        {"state.reservation": ...},
        ["deny", ["someone_elses_reservation", "already_cancelled", "flown", "not_cancellable"]],
    ),
    "reservation null": (
        "v34",
        {"state.reservation": None},
        ["deny", ["someone_elses_reservation", "already_cancelled", "flown", "not_cancellable"]],
    ),
    "no user": ("v34", {"state.user": ...}, ["deny", ["someone_elses_reservation"]]),
    "no user who books": (
        "v3",
        {"state.user": ...},
        ["deny", ["someone_elses_booking", "too_many_certificates", "too_many_credit_cards",
                  "too_many_gift_cards", "not_in_profile", "wrong_extra_bags"]],
    ),
    "no flights": ("v34", {"state.flights": ...}, ["deny", ["flown"]]),
    "flights null": ("v3", {"state.flights": None}, ["deny", ["unavailable_flight"]]),
    "unknown tool": ("v3", {"tool": "rm_rf"}, ["deny", ["unknown_tool(tool)"]]),
    "tool no text": ("v3", {"tool": 3}, ["deny", ["bad_argument(tool)"]]),
    "no arguments in it": (
        "v34", {"args": {}}, ["deny", ["bad_argument(args.reservation_id)"]]
    ),
    "arguments null": ("v34", {"args": None}, ["deny", ["bad_argument(args.reservation_id)"]]),
    "arguments a list": ("v34", {"args": [1]}, ["deny", ["bad_argument(args)"]]),
    "an unknown argument": ("v34", {"args.force": True}, ["deny", ["bad_argument(args.force)"]]),
    "text for a list": ("v3", {"args.flights": "all"}, ["deny", ["bad_argument(args.flights)"]]),
    "odd legs": (
        "v3",
        {"args.flights": [1, None]},
        ["deny", ["bad_argument(args.flights[0])", "bad_argument(args.flights[1])"]],
    ),
    "a number for an id": (
        "v34", {"args.reservation_id": 7}, ["deny", ["bad_argument(args.reservation_id)"]]
    ),
    "a bool for a number": (
        "v16", {"args.total_baggages": True}, ["deny", ["bad_argument(args.total_baggages)"]]
    ),
    "a whole number written 2.0": ("v16", {"args.total_baggages": 2.0}, ALLOW),
    "an unknown cabin in a record": (
        "v34",
        {"state.reservation.cabin": "first"},
        ["deny", ['fault(reservation("8C8K4E").cabin)']],
    ),
    "a record without its cabin": (
        "v34", {"state.reservation.cabin": ...}, ["deny", ["not_cancellable"]]
    ),
    "a record that is text": (
        "v34", {"state.reservation": "?"}, ["deny", ['fault(reservation("8C8K4E"))']]
    ),
    "a time that is none": (
        "v34",
        {"state.reservation.created_at": "yesterday"},
        ["deny", ['fault(reservation("8C8K4E").created_at)']],
    ),
    "a clock with its offset": ("v34", {"state.now": "2024-05-15T15:00:00-05:00"}, ALLOW),
    "a clock in words": ("v34", {"state.now": "today"}, ["deny", ["fault(now)"]]),
    "no table": ("v34", {"baggage_table": ...}, ALLOW),
}  # fmt: skip

#: A row in which the answer needs the part, and the part that it lacks.
LACKING = {
    "no clock": ("v2", "state.now"),
    "no state": ("v2", "state"),
    "no arguments": ("v2", "args"),
    "no tool": ("v2", "tool"),
    "a user without an id": ("v2", "state.user.user_id"),
}


def test_odd_rows_get_a_verdict(
    changed: Callable[..., Json], answers: Callable[..., dict[str, object]]
) -> None:
    asked = [changed(row, {**places, "id": name}) for name, (row, places, _) in ODD.items()]
    assert answers(asked) == {name: answer for name, (_, _, answer) in ODD.items()}


@pytest.mark.parametrize("name", LACKING)
def test_rows_that_lack_a_part_are_refused(
    name: str, changed: Callable[..., Json], answers: Callable[..., dict[str, object]]
) -> None:
    row, part = LACKING[name]
    outcome, rules = answers([changed(row, {part: ..., "id": name})])[name]
    assert outcome == "deny"
    assert rules


def test_an_unlabelled_row_is_judged_too(
    changed: Callable[..., Json], answers: Callable[..., dict[str, object]]
) -> None:
    assert answers([changed("v34", {"label": ..., "rules_broken": ...})]) == {"v34": ALLOW}


def test_an_empty_file(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    calls = tmp_path / "calls.jsonl"
    calls.write_text("\n\n", "utf-8")
    done = run(calls, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "violating": {"total": 0, "refused": 0},
        "compliant": {"total": 0, "allowed": 0},
        "rows": [],
    }


@pytest.mark.parametrize(
    "damaged",
    [b'{"id": "x",', b"nothing", b"\xff\xfe", b"[" * 100_000, b'["a", "list"]', b"7"],
    ids=["cut", "no JSON", "no UTF-8", "deep", "a list", "a number"],
)
def test_a_damaged_line_is_one_line_and_exit_2(
    damaged: bytes,
    run: Callable[..., subprocess.CompletedProcess[str]],
    rows: dict[str, Json],
    tmp_path: Path,
) -> None:
    calls = tmp_path / "calls.jsonl"
    calls.write_bytes(json.dumps(rows["v34"]).encode() + b"\n" + damaged + b"\n")
    done = run(calls, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_file_that_is_not_there(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("/nowhere/calls.jsonl", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "[Errno 2] No such file or directory: '/nowhere/calls.jsonl'"
    ]
