"""Opening a store: URLs, whose file it is, and the migrations."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from licet.adapters import stores
from licet.adapters.stores import open_store, schema
from licet.adapters.stores.database import Database
from licet.adapters.stores.postgres import Postgres
from licet.adapters.stores.sqlite import Sqlite
from licet.verifier.history import Head, StoreError
from support.children import Child, Step
from support.postgres import Server
from support.store_rows import head


@pytest.mark.parametrize(
    "url",
    [
        "",
        "state.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///folder/",
        "sqlite:///state.db?mode=ro",
        "sqlite:state.db",
        "mysql://localhost/x",
        "postgres://localhost/x",
        "postgresql://",
        "postgresql+psycopg://localhost/x",
    ],
)
def test_other_urls_are_refused_with_what_is_possible(url: str) -> None:
    with pytest.raises(ValueError, match=r"possible are `sqlite:///state.db`.*`postgresql://"):
        open_store(url)


def test_a_url_that_postgresql_does_not_know() -> None:
    with pytest.raises(ValueError, match=r"invalid .*\bnosuch\b"):
        open_store("postgresql://localhost/x?nosuch=1")


@pytest.mark.parametrize(
    ("url", "missing", "extra"),
    [
        ("sqlite:///x.db", "sqlalchemy", "sql"),
        ("postgresql://localhost/x", "psycopg", "postgres"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(url: str, missing: str, extra: str) -> None:
    """In a process whose finders do not see it."""
    code = f"""
import sys
real = sys.meta_path[:]
class Blind:
    def find_spec(self, name, path=None, target=None):
        if name == {missing!r}:
            return None
        return next((s for f in real if (s := f.find_spec(name, path, target))), None)
sys.meta_path[:] = [Blind()]
from licet.adapters.stores import open_store
try:
    open_store({url!r})
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"this store needs the package {missing}: pip install 'licet[{extra}]'\n"
    )


def test_what_is_imported_when(tmp_path: Path) -> None:
    """Nothing by `licet.adapters.stores` alone, alembic only where there is something to do."""
    code = f"""
import sys
import licet.adapters.stores as stores
loaded = [name for name in ("sqlalchemy", "alembic", "psycopg") if name in sys.modules]
stores.open_store("sqlite:///{tmp_path}/state.db").close()
later = [name for name in ("sqlalchemy", "alembic", "psycopg") if name in sys.modules]
print(loaded, later)
"""
    for expected in ("[] ['sqlalchemy', 'alembic']\n", "[] ['sqlalchemy']\n"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout == expected


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "st%at?e#.db"
    path.parent.mkdir()
    store = open_store(f"sqlite:///{str(path).replace('%', '%25').replace('?', '%3F')}")
    with store.begin("acme") as t:
        t.set_head(head(1))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys([path.name, f"{path.name}-wal", f"{path.name}-shm"], 0o600)
    store.close()


def test_a_relative_path_is_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///state.db")
    monkeypatch.chdir("/")
    with store.begin("acme") as t:
        t.set_head(head(1))
    store.close()
    assert (tmp_path / "state.db").exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be made: No such file or directory"):
        open_store(f"sqlite:///{tmp_path}/nowhere/state.db")


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE notes (text)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="belongs to another program"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["other.db"]


@pytest.mark.parametrize("content", [b"not a database at all, " * 100, b"\0" * 4096, b"x"])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.txt"
    path.write_bytes(content)
    with pytest.raises(StoreError):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    open_store(f"sqlite:///{tmp_path}/state.db").close()
    open_store(f"sqlite:///{tmp_path}/state.db").close()


def test_no_server(server: Server) -> None:
    with pytest.raises(StoreError, match=r"postgresql store 'x' at '127\.0\.0\.1'") as raised:
        open_store("postgresql://ann:hunter2@127.0.0.1:1/x", seconds=1.0)
    assert "hunter2" not in str(raised.value)


def test_a_database_that_is_not_there(server: Server) -> None:
    with pytest.raises(StoreError, match='database "nosuch" does not exist'):
        open_store(server.url("nosuch"))


def test_another_encoding_is_refused(server: Server) -> None:
    server.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match="encoding has to be UTF8"):
        open_store(server.url("latin"))


def engine_of(url: str):  # type: ignore[no-untyped-def]
    return create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def test_migrations_lead_to_the_schema(url: str) -> None:
    open_store(url).close()
    engine = engine_of(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": schema.REVISION_TABLE,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert context.get_current_heads() == (schema.HEAD,)
        assert compare_metadata(context, schema.METADATA) == []
    engine.dispose()


def test_migrations_write_what_the_schema_would(tmp_path: Path) -> None:
    """Word for word, so also what alembic does not compare: partial indices, rows without ids."""
    open_store(f"sqlite:///{tmp_path}/migrated.db").close()
    made = engine_of(f"sqlite:///{tmp_path}/made.db")
    schema.METADATA.create_all(made)
    made.dispose()

    def tables(name: str) -> dict[str, str]:
        with sqlite3.connect(tmp_path / name) as database:
            rows = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            found = dict(rows.fetchall())
        database.close()
        found.pop(schema.REVISION_TABLE, None)
        return found

    assert tables("migrated.db") == tables("made.db")


def test_the_newest_revision_is_the_one_that_is_worked_with() -> None:
    scripts = ScriptDirectory(str(Path(stores.__file__).parent / "migrations"))
    assert scripts.get_heads() == [schema.HEAD]


def test_rows_of_an_earlier_revision_are_kept(url: str) -> None:
    database: Database = (
        Sqlite(Path(url.removeprefix("sqlite:///")), 2.0)
        if url.startswith("sqlite:")
        else Postgres(url, 2.0)
    )
    database.create()
    driver = database.connect()
    engine = create_engine(
        f"{database.dialect.name}+{database.dialect.driver}://",
        creator=lambda: driver,
        poolclass=StaticPool,
    )
    config = Config()
    config.set_main_option("script_location", str(Path(stores.__file__).parent / "migrations"))
    with engine.connect() as connection, database.alone(connection):
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO licet_tenants (name, seq, change, at, policy, audit_seq, audit_hash)"
            " VALUES ('acme', 1, 2, 3, 'p', 4, 'h')"
        )
    driver.close()
    store = open_store(url)
    before = Head(seq=1, change=2, at=3, policy="p", audit_seq=4, audit_hash="h")
    assert store.heads() == {"acme": before}
    with store.begin("acme") as t:
        t.set_head(before._replace(activation=1))
    with store.begin("new") as t:  # the tenants' numbers go on
        t.set_head(head(1))
    assert store.heads() == {"acme": before._replace(activation=1), "new": head(1)}
    store.close()


def test_a_later_version_is_refused(url: str) -> None:
    open_store(url).close()
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {schema.REVISION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"revision 9999.*later version of licet.*update licet"):
        open_store(url)
    with engine.begin() as connection:
        rows = connection.exec_driver_sql(f"SELECT version_num FROM {schema.REVISION_TABLE}").all()
    assert [tuple(row) for row in rows] == [("9999",)]
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing(server: Server) -> None:
    """Somebody has a table of such a name."""
    url = server.create_schema("taken")
    server.run("CREATE TABLE taken.licet_nodes (x int)")
    with pytest.raises(StoreError, match='"licet_nodes" already exists'):
        open_store(url)
    tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'taken'"
    assert server.run(tables) == [("licet_nodes",)]
    server.run("DROP TABLE taken.licet_nodes")
    open_store(url).close()


def test_many_processes_open_at_once(url: str) -> None:
    def act(step: Step) -> None:
        step("ready")
        store = open_store(url, seconds=20)
        with store.begin("acme") as t:
            t.set_head(head(t.head().seq + 1))

    children = [Child(act) for _ in range(6)]
    assert [child.read() for child in children] == ["ready"] * 6
    for child in children:
        child.go_on()
    assert [(child.read(), child.wait()) for child in children] == [("", 0)] * 6
    store = open_store(url)
    with store.begin("acme") as t:
        assert t.head() == head(6)
    store.close()


def test_many_threads_open_at_once(url: str) -> None:
    start = threading.Barrier(6)

    def opened(_: int) -> bytes:
        start.wait()
        store = open_store(url, seconds=20)
        secret = store.secret("key", lambda: os.urandom(8))
        store.close()
        return secret

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(opened, range(6)))) == 1
