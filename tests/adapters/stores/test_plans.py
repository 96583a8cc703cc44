"""Nothing is linear in what was recorded: every statement is a search by key, with no sorting."""

from __future__ import annotations

from pathlib import Path

import pytest

from licet.adapters.stores import open_store
from licet.adapters.stores.sqlite import Sqlite
from licet.adapters.stores.statements import Statement, Statements

SQLITE = Sqlite(Path("state.db"), 1.0)
STATEMENTS: dict[str, Statement] = {
    **{
        name: given
        for name, given in vars(SQLITE.statements).items()
        if isinstance(given, Statement)
    },
    "nodes": SQLITE.statements.nodes(5),
}
#: Those that read all tenants there are, and how.
WHOLE = {
    "tenants": " USING COVERING INDEX sqlite_autoindex_licet_tenants_1",
    "heads": " USING INDEX sqlite_autoindex_licet_tenants_1",
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Sqlite:
    path = tmp_path_factory.mktemp("plans") / "state.db"
    open_store(f"sqlite:///{path}").close()
    return Sqlite(path, 1.0)


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_sqlite_searches_by_key(database: Sqlite, name: str) -> None:
    driver = database.connect()
    text = STATEMENTS[name].text
    # a plan needs no values, but every parameter has to have one
    values = dict.fromkeys(_parameters(text))
    plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    driver.close()
    if name in WHOLE:
        assert plan == [f"SCAN licet_tenants{WHOLE[name]}"]
        return
    structure = {"COMPOUND QUERY", "LEFT-MOST SUBQUERY", "UNION ALL", "SCALAR SUBQUERY 1"}
    steps = [step for step in plan if step not in structure]
    assert [step for step in steps if not step.startswith("SEARCH ")] == []
    assert all(" USING " in step for step in steps)
    assert steps or text.startswith("INSERT")


def _parameters(text: str) -> set[str]:
    words = text.replace("(", " ").replace(")", " ").replace(",", " ").replace("=", " = ").split()
    return {word[1:] for word in words if word.startswith(":")}


def test_every_statement_is_looked_at() -> None:
    """The dictionary above holds all that a store can send."""
    assert {name for name in vars(Statements(SQLITE.dialect)) if not name.startswith("_")} | {
        "nodes"
    } == set(STATEMENTS)
