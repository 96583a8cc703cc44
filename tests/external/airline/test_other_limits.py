"""The shipped rows under other limits: exactly the rows that a limit decides change."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Json = dict[str, object]

BOOK = ("book_reservation",)
BAGS = ("update_reservation_baggages",)
CANCEL = ("cancel_reservation",)
ALLOW = ["allow", ["serve"]]


def deny(*rules: str) -> list[object]:
    return ["deny", list(rules)]


#: Params, the tools whose rows are judged, and what changes: seen in the rows' own numbers.
LIMITS: dict[str, tuple[Json, tuple[str, ...], dict[str, object]]] = {
    # v335 pays by three certificates and stays; the others by two
    "certificates": (
        {"max_certificates": 2},
        BOOK,
        {
            "v153": ALLOW,
            "v179": deny("wrong_total"),
            "v188": deny("wrong_total"),
            "v189": deny("wrong_total"),
            "v324": deny("wrong_extra_bags"),
            "v382": deny("wrong_extra_bags", "wrong_total"),
            "v383": deny("wrong_extra_bags"),
        },
    ),
    # each charges at least one extra bag, and its payments added up to 50 for it
    "the price of a bag": (
        {"extra_bag_price": 55},
        BOOK,
        {
            "v218": deny("passenger_info", "not_in_profile", "wrong_extra_bags", "wrong_total"),
            "v271": deny("wrong_extra_bags", "wrong_total"),
            "v324": deny("too_many_certificates", "wrong_extra_bags", "wrong_total"),
            "v383": deny("too_many_certificates", "wrong_extra_bags", "wrong_total"),
            "v384": deny("not_in_profile", "wrong_extra_bags", "wrong_total"),
            "v387": deny("wrong_extra_bags", "wrong_total"),
        },
    ),
    # silver members in economy: one bag less is free, so who charged it was right after all
    "one cell of the bags": (
        {"free_bags": {"silver": {"economy": 1}}},
        BAGS,
        {
            **dict.fromkeys(["v16", "v105", "v111", "v155"], deny("wrong_extra_bags_update")),
            **dict.fromkeys(["v104", "v178", "v360", "v361"], ALLOW),
        },
    ),
    # booked 29 and 31 hours before; the next ones three days
    "the window of cancelling": ({"cancel_window": "48h"}, CANCEL, {"v106": ALLOW, "v406": ALLOW}),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    # the price, like the certificates, is a number of the booking rules: over the same rows
    [pytest.param(n, marks=pytest.mark.long) if n == "the price of a bag" else n for n in LIMITS],
)
def test_a_limit_changes_the_rows_that_it_decides(
    name: str,
    rows: dict[str, Json],
    verdicts: dict[str, object],
    answers: Callable[..., dict[str, object]],
) -> None:
    params, tools, changes = LIMITS[name]
    asked = [row for row in rows.values() if row["tool"] in tools]
    found = answers(asked, params)
    settled = {id for id in found if verdicts[id] != ["deny", "undetermined"]}
    assert {id: found[id] for id in settled} == {
        id: changes.get(id, verdicts[id]) for id in settled
    }
    assert {found[id][0] for id in found.keys() - settled} <= {"deny"}


def test_table_one_gives_gold_three_bags_in_business(
    changed: Callable[..., Json], answers: Callable[..., dict[str, object]]
) -> None:
    """One passenger, so four bags are free under table 2 and three under table 1."""
    gold = {
        "state.user.membership": "gold",
        "state.reservation.cabin": "business",
        "state.reservation.passengers": [
            {"first_name": "Ann", "last_name": "Lee", "dob": "1990-01-01"}
        ],
        "args.total_baggages": 4,
    }
    asked = [
        changed("v16", {**gold, "id": f"{table}:{charged}", "baggage_table": table,
                        "args.nonfree_baggages": charged})
        for table in ("1", "2")
        for charged in (0, 1)
    ]  # fmt: skip
    assert answers(asked) == {
        "1:0": deny("wrong_extra_bags_update"),
        "1:1": ALLOW,
        "2:0": ALLOW,
        "2:1": deny("wrong_extra_bags_update"),
    }
    free = {"free_bags": {"gold": {"business": 2}}}
    assert answers(asked, free) == {
        id: deny("wrong_extra_bags_update") for id in ("1:0", "1:1", "2:0", "2:1")
    }


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"max_certificate": 2}, "max_certificates"),
        ({"extra_bag_price": "49.99"}, "give a number"),
        ({"cancel_window": "1m"}, "cancel_window"),
        ({"free_bags": {"platinum": {"economy": 1}}}, "platinum"),
    ],
)
def test_a_limit_that_does_not_fit_is_named(
    params: Json,
    said: str,
    run: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    file = tmp_path / "params.json"
    file.write_text(json.dumps(params), "utf-8")
    done = run("--params", file, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
