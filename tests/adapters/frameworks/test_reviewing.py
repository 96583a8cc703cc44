"""What an agent has when it runs, against what its policy was written for."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from licet.adapters.catalogs.locking import Lock
from licet.adapters.frameworks.describing import entry
from licet.adapters.frameworks.reviewing import Reviewer
from licet.compiler.catalog import Catalog
from licet.loading import load_program

LISTED = entry("pay", "Pays.", {"type": "object", "properties": {"amount": {"type": "number"}}})


def described(built: Any) -> dict[str, Any]:
    if built == "broken":
        raise ValueError("no schema")
    return dict(built)


Open = Callable[..., Catalog]


@pytest.fixture
def catalog(tmp_path: Path) -> Open:
    """The catalog of a policy on a list, as it was locked or without a lock."""

    def opened(listed: dict[str, Any], *, lock: bool) -> Catalog:
        (tmp_path / "desk.json").write_text(json.dumps({"tools": [listed]}), "utf-8")
        policy = tmp_path / "p.licet"
        policy.write_text('use tools "desk.json"\ntool own()\npermit everything on any\n', "utf-8")
        for _ in range(2 if lock else 1):
            program = load_program([policy]).program
            assert program is not None
            if lock:
                Lock.of(program.catalog).write(tmp_path)
        return program.catalog

    return opened


@pytest.mark.parametrize("lock", [False, True])
def test_the_same_tool_is_not_spoken_of(
    catalog: Open, lock: bool, caplog: pytest.LogCaptureFixture
) -> None:
    reviewer = Reviewer(catalog(LISTED, lock=lock), described)
    assert not reviewer.refuses("pay", {**LISTED})
    assert not reviewer.refuses("desk.pay", LISTED)
    assert caplog.records == []


def test_another_one_is_told_once_and_with_a_lock_refused(
    catalog: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "licet")
    now = entry("pay", "Pays in cents.", {"type": "object", "properties": {"to": {}}})
    loose = Reviewer(catalog(LISTED, lock=False), described)
    assert not loose.refuses("pay", now)
    assert not loose.refuses("pay", now)
    assert not loose.refuses("pay", {**now})
    (record,) = caplog.records
    assert (
        "'desk.pay' is not what the policy's catalog says (removed desk.pay args.amount; "
        "added desk.pay args.to; changed desk.pay: its description)"
    ) in record.getMessage()
    strict = Reviewer(catalog(LISTED, lock=True), described)
    assert strict.refuses("pay", now)
    assert strict.refuses("pay", {**now})
    assert not strict.refuses("pay", {**LISTED})


def test_a_change_that_no_type_shows(catalog: Open, caplog: pytest.LogCaptureFixture) -> None:
    schema = {"properties": {"amount": {"type": "number", "description": "in cents"}}}
    reviewer = Reviewer(catalog(LISTED, lock=True), described)
    assert reviewer.refuses("pay", entry("pay", "Pays.", {"type": "object", **schema}))
    assert "what it says beyond its arguments' types" in caplog.text


@pytest.mark.parametrize("now", ["broken", {"name": "pay"}, entry("pay", "", {"type": 7})])
def test_what_cannot_be_compared_is_refused_where_it_is_locked(catalog: Open, now: Any) -> None:
    assert Reviewer(catalog(LISTED, lock=True), described).refuses("pay", now)


def test_lists_of_others_and_the_policys_own_tools_are_not_compared(catalog: Open) -> None:
    foreign = {name: value for name, value in LISTED.items() if name != "_meta"}
    reviewer = Reviewer(catalog(foreign, lock=True), described)
    for name in ("pay", "own", "unknown"):
        assert not reviewer.refuses(name, "broken")
    assert not Reviewer(None, described).refuses("pay", "broken")


def test_the_mark_of_a_list_is_part_of_what_is_locked(catalog: Open, tmp_path: Path) -> None:
    """Who takes the mark away, so that nothing is compared, has changed the tool."""
    catalog(LISTED, lock=True)
    foreign = {name: value for name, value in LISTED.items() if name != "_meta"}
    (tmp_path / "desk.json").write_text(json.dumps({"tools": [foreign]}), "utf-8")
    program = load_program([tmp_path / "p.licet"]).program
    assert program is not None
    assert program.catalog.qualified["desk.pay"].locked is False
