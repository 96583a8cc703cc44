"""Stores that outlive the process, behind the protocol of `verifier.history`: SQLite for one
machine, PostgreSQL for many services.

`transactions` and `sql` are the store; `sqlite` and `postgres` hold what the two differ in;
`schema` and `statements` what is sent, `migrations` how the tables come to be.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

from licet.verifier.history import Store

POSSIBLE = (
    "`sqlite:///state.db` (a file, relative to the working directory), `sqlite:////var/lib/state.db`"
    " (by its absolute path) or `postgresql://user@host/database`"
)


def open_store(url: str, *, seconds: float = 2.0) -> Store:
    """The store at a URL, made and migrated if need be.

    `seconds` bounds every wait: for the database, for other processes, for other threads. Raises
    ValueError for a URL that names no store, ImportError where a package is missing, StoreError
    where the store cannot be opened.
    """
    kind, _, rest = url.partition("://")
    if kind == "sqlite" and rest.startswith("/") and _names_a_file(rest[1:]):
        _need("sql", "sqlalchemy", "alembic")
        from .sql import SqlStore
        from .sqlite import Sqlite

        return SqlStore(Sqlite(Path(unquote(rest[1:])), seconds), seconds)
    if kind == "postgresql" and rest:
        _need("postgres", "psycopg", "sqlalchemy", "alembic")
        from .postgres import Postgres
        from .sql import SqlStore

        return SqlStore(Postgres(url, seconds), seconds)
    raise ValueError(f"no store has such a URL; possible are {POSSIBLE}")


def _names_a_file(path: str) -> bool:
    return bool(path) and not path.endswith("/") and path != ":memory:" and "?" not in path


def _need(extra: str, *packages: str) -> None:
    for package in packages:
        if find_spec(package) is None:
            raise ModuleNotFoundError(
                f"this store needs the package {package}: pip install 'licet[{extra}]'",
                name=package,
            )
