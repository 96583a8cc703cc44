"""SQLite: one file, several processes of one machine, one writer at a time.

- The file is in WAL mode with `synchronous=FULL`: what is committed survives a loss of power.
- Who writes takes the file's write lock at once (`BEGIN IMMEDIATE`), so that nothing that was
  read can have changed when it is written.
- Only `create` makes a file. Afterwards a file that is gone stays gone: an empty one in its place
  would have forgotten what was spent.
- The file is never opened past SQLite: closing it would drop the locks that this process holds.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Connection, Dialect

from licet.verifier.history import StoreError

from .database import Began, Driver, Write
from .schema import REVISION_TABLE
from .statements import Statement, Statements

#: Stands in the header of our files: "lice" in ASCII.
APPLICATION = 0x6C696365
#: The first that answers an INSERT with what it wrote.
OLDEST = (3, 35, 0)
#: Bytes of the least that is a database.
HEADER = 512
#: Between two attempts at the file's write lock, at most (seconds). SQLite's own way of waiting
#: sleeps for up to a tenth of a second, and those who came first sleep longest.
LONGEST_NAP = 0.004
#: What SQLite says while another connection is at the file.
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)

Answer = TypeVar("Answer")


class Sqlite:
    """A `Database` in a file."""

    # A second one could only wait for the first; and none may be open in a process that forks,
    # since SQLite would take the parent's locks for the child's.
    most_connections = 1

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = os.path.abspath(path)  # the working directory may change
        self._seconds = seconds
        self.name = f"sqlite store {self._path!r}"
        self.dialect: Dialect = SQLiteDialect_pysqlite(paramstyle="named")
        self.statements = Statements(self.dialect)

    def create(self) -> None:
        if sqlite3.sqlite_version_info < OLDEST:
            raise StoreError(
                f"{self.name}: SQLite {'.'.join(map(str, OLDEST))} or newer is needed, and this "
                f"Python has {sqlite3.sqlite_version}"
            )
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        try:
            os.close(os.open(self._path, flags, 0o600))
        except FileExistsError:
            # what is shorter than a header would be an empty database to SQLite
            if 0 < os.stat(self._path).st_size < HEADER:
                raise StoreError(f"{self.name}: the file belongs to another program") from None
        except OSError as error:
            raise StoreError(f"{self.name} cannot be made: {error.strerror}") from error
        driver = self._open()
        try:
            self._patiently(lambda: self._claim(driver))
        finally:
            driver.close()

    def _claim(self, driver: Driver) -> None:
        """Mark an empty file as ours. Raises StoreError on anybody else's."""
        if self._owner(driver) == APPLICATION:
            return
        # before anything that would change a file of somebody else's
        if self._has_tables(driver):
            if self._owner(driver) == APPLICATION:
                return  # somebody was faster
            raise StoreError(f"{self.name}: the file belongs to another program")
        driver.execute("PRAGMA journal_mode = WAL").fetchall()
        driver.execute("BEGIN IMMEDIATE")
        try:
            if not self._has_tables(driver):
                driver.execute(f"PRAGMA application_id = {APPLICATION}")
            driver.execute("COMMIT")
        except BaseException:
            self.rollback(driver)
            raise

    def _owner(self, driver: Driver) -> int:
        owner: int = driver.execute("PRAGMA application_id").fetchone()[0]
        return owner

    def _has_tables(self, driver: Driver) -> bool:
        owned = self._owner(driver)
        (tables,) = driver.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return bool(owned or tables)

    def connect(self) -> Driver:
        driver = self._open()
        try:
            self._patiently(lambda: self._check(driver))
            driver.stands_for = self._identity()
        except BaseException:
            driver.close()
            raise
        return driver

    def _check(self, driver: Driver) -> None:
        if self._owner(driver) != APPLICATION:
            raise StoreError(f"{self.name}: the file belongs to another program")
        (mode,) = driver.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            raise StoreError(
                f"{self.name}: the file is not in WAL mode, as another program must have changed it"
            )

    def _open(self) -> Driver:
        uri = f"file:{quote(self._path)}?mode=rw"
        driver = sqlite3.connect(
            uri,
            uri=True,
            timeout=0,  # see _patiently
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        try:
            self._patiently(lambda: self._settle(driver))
        except BaseException:
            driver.close()
            raise
        return driver

    def _settle(self, driver: Driver) -> None:
        driver.execute("PRAGMA synchronous = FULL")
        driver.execute("PRAGMA fullfsync = ON")  # where fsync alone does not reach the disk
        driver.execute("PRAGMA cell_size_check = ON")
        driver.execute("PRAGMA trusted_schema = OFF")
        driver.execute("PRAGMA cache_size = -32768")  # KiB

    def _identity(self) -> tuple[int, int, int, int]:
        """Which file the path names, and which is its log."""
        try:
            file, log = os.stat(self._path), os.stat(f"{self._path}-wal")
        except OSError as error:
            raise StoreError(f"{self.name}: the file is gone: {error.strerror}") from error
        return file.st_dev, file.st_ino, log.st_dev, log.st_ino

    def _check_identity(self, driver: Driver) -> None:
        """SQLite itself would go on with a file that nobody else can find any more."""
        if self._identity() != driver.stands_for:
            raise StoreError(f"{self.name}: the file was deleted or replaced")

    def revision(self, driver: Driver) -> str | None:
        return self._patiently(lambda: self._revision(driver))

    def _revision(self, driver: Driver) -> str | None:
        known = "SELECT count(*) FROM sqlite_master WHERE name = ?"
        if driver.execute(known, (REVISION_TABLE,)).fetchone() == (0,):
            return None
        row = driver.execute(f"SELECT version_num FROM {REVISION_TABLE}").fetchone()
        return row[0] if row else None

    @contextmanager
    def alone(self, connection: Connection) -> Iterator[None]:
        driver: Driver = connection.connection.driver_connection
        self._patiently(lambda: driver.execute("BEGIN IMMEDIATE"))
        with connection.begin():
            yield

    def begin(self, driver: Driver, tenant: str, deadline: float) -> Began:
        self._patiently(lambda: driver.execute("BEGIN IMMEDIATE"), deadline)
        self._check_identity(driver)
        statement = self.statements.tenant
        row = driver.execute(statement.text, {"name": tenant}).fetchone()
        return Began(time.time_ns() // 1000, row)

    def execute(
        self, driver: Driver, statement: Statement, values: Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        self._check_identity(driver)
        text, given = statement.text, statement.with_fixed(values)
        return self._patiently(lambda: driver.execute(text, given).fetchall())

    def _patiently(self, what: Callable[[], Answer], deadline: float | None = None) -> Answer:
        """Try again while another connection is at the file, until `time.monotonic()` is at the
        deadline: as long as a store waits, unless told. Any first use of a file may find it so."""
        if deadline is None:
            deadline = time.monotonic() + self._seconds
        while True:
            try:
                return what()
            except sqlite3.OperationalError as error:
                if _code(error) not in BUSY or time.monotonic() >= deadline:
                    raise
            time.sleep(random.uniform(0.0, LONGEST_NAP))

    def write(self, driver: Driver, writes: Sequence[Write], *, commit: bool) -> None:
        for statement, rows in writes:
            driver.executemany(statement.text, rows)
        if commit:
            driver.execute("COMMIT")

    def rollback(self, driver: Driver) -> None:
        if driver.in_transaction:  # SQLite ends it by itself after some errors
            driver.execute("ROLLBACK")

    def is_gone(self, error: Exception) -> bool:
        # all but what passes: a connection that has seen a fault is not trusted again
        return _code(error) not in (*BUSY, sqlite3.SQLITE_CONSTRAINT)

    def cannot_keep(self, error: Exception) -> bool:
        return isinstance(error, UnicodeEncodeError | sqlite3.DataError)

    def reason(self, error: Exception) -> str:
        match _code(error):
            case code if code in BUSY:
                return f"another process has been writing for {self._seconds:g} s"
            case sqlite3.SQLITE_FULL:
                return "the disk is full"
            case sqlite3.SQLITE_READONLY:
                return "the file, or its folder, cannot be written"
            case sqlite3.SQLITE_CORRUPT:
                return f"the file is damaged: {error}"
            case sqlite3.SQLITE_NOTADB:
                return "the file is no SQLite database, or is damaged"
            case sqlite3.SQLITE_CANTOPEN:
                return "the file, or its log beside it, cannot be opened"
            case sqlite3.SQLITE_IOERR:
                return f"reading or writing failed: {error}"
        return str(error)


class _Connection(sqlite3.Connection):
    #: The file that was there when it was opened, see `Sqlite._identity`.
    stands_for: tuple[int, int, int, int] | None = None


def _code(error: Exception) -> int | None:
    """SQLite's primary result code."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
