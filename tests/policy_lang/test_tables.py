"""The kept parse tables are those of the grammar, however Python orders its sets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files

from licet.policy_lang import tables
from licet.policy_lang.table_making import made

FOLDER = files("licet.policy_lang")


def test_kept_tables_are_the_grammars() -> None:
    grammar = FOLDER.joinpath(tables.GRAMMAR).read_text("utf-8")
    text = json.dumps(made(grammar), separators=(",", ":")) + "\n"
    path = FOLDER.joinpath(tables.KEPT)
    if os.environ.get("LICET_GOLDEN") == "write":
        path.write_text(text, "utf-8")  # type: ignore[attr-defined]
    assert path.read_text("utf-8") == text


def test_another_order_of_sets_makes_the_same_tables() -> None:
    code = (
        "import json, sys\n"
        "from licet.policy_lang.table_making import made\n"
        "print(json.dumps(made(sys.stdin.read()), separators=(',', ':')))\n"
    )
    grammar = FOLDER.joinpath(tables.GRAMMAR).read_text("utf-8")
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=grammar,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert done.stdout == FOLDER.joinpath(tables.KEPT).read_text("utf-8")


def test_tables_of_another_grammar_are_not_believed(monkeypatch) -> None:
    kept = json.loads(FOLDER.joinpath(tables.KEPT).read_text("utf-8"))
    assert kept["grammar"] == tables.digest_of(FOLDER.joinpath(tables.GRAMMAR).read_text("utf-8"))
    right = tables.tables()
    monkeypatch.setattr(tables, "digest_of", lambda _: "another")
    tables.tables.cache_clear()
    try:
        assert tables.tables() == right
    finally:
        tables.tables.cache_clear()
