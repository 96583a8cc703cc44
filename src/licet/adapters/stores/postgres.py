"""PostgreSQL: one server, many services.

- A transaction takes an advisory lock of its tenant before it reads. Unlike the lock of a row it
  needs no row, costs nothing where nothing is written, and is asked for in the same round trip in
  which the head is read. Two tenants whose names share a number would wait for each other; that is
  all they would do.
- READ COMMITTED is enough: every statement sees all that was committed before it began, the lock
  is given back only after that, and nobody else writes the tenant's rows while it is held. A
  stricter level would take its snapshot with the first statement, before the lock is there.
- Nothing waits for long: the server has limits for a lock, a statement and a client that stopped
  in the middle; where the server itself is silent, so has every wait for its answer.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.types.numeric import Int8Dumper
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Connection, Dialect

from licet.verifier.history import StoreError

from .database import Began, Driver, Write
from .schema import REVISION_TABLE
from .statements import Statement, Statements

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
MICROSECONDS = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
LOCK = "SELECT pg_advisory_xact_lock(%(lock)s)"

#: Noted on an error that means no more than that nothing came.
SILENT = "the server said nothing"

Answer = TypeVar("Answer")


class Postgres:
    """A `Database` on a server."""

    most_connections = 16

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        try:
            parts = psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.Error as error:
            raise ValueError(f"the store's URL is not one of PostgreSQL: {error}") from error
        # never the password, and never the user
        self.name = f"postgresql store {parts.get('dbname', '')!r} at {parts.get('host', '')!r}"
        self.dialect: Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
        self.statements = Statements(self.dialect)
        self._begin = "; ".join([BEGIN, LOCK, MICROSECONDS, self.statements.tenant.text]).encode()

    def create(self) -> None:
        """Databases are made by those who run the server."""

    def connect(self) -> Driver:
        driver = _Connection.connect(
            self._url,
            autocommit=True,
            connect_timeout=math.ceil(self._seconds),
            client_encoding="UTF8",
            fallback_application_name="licet",
            prepare_threshold=1,
        )
        try:
            driver.seconds = 2 * self._seconds  # the server's own limits first: they say more
            if driver.info.parameter_status("server_encoding") != "UTF8":
                raise StoreError(f"{self.name}: the database's encoding has to be UTF8")
            # the columns' type, whatever the number: or each size is another statement to prepare
            driver.adapters.register_dumper(int, Int8Dumper)
            self._settle(driver)
        except BaseException:
            driver.close()
            raise
        return driver

    def _settle(self, driver: Driver) -> None:
        settings = {
            "lock_timeout": self._milliseconds(1.0),
            "statement_timeout": self._milliseconds(1.5),
            # a client that stopped in the middle holds its tenant for so long
            "idle_in_transaction_session_timeout": self._milliseconds(10.0),
            # every statement finds its rows by key, but tables without statistics look small
            "enable_seqscan": "off",
            "plan_cache_mode": "force_generic_plan",
            "jit": "off",
        }
        driver.execute(
            "SELECT "
            + ", ".join(
                f"set_config('{name}', '{value}', false)" for name, value in settings.items()
            )
        )
        # what is committed has to be on disk: a database may have been told otherwise
        driver.execute(
            "SELECT set_config('synchronous_commit', 'on', false) "
            "WHERE current_setting('synchronous_commit') = 'off'"
        )

    def _milliseconds(self, times: float) -> str:
        return f"{math.ceil(self._seconds * times * 1000)}ms"

    def revision(self, driver: Driver) -> str | None:
        exists = driver.execute("SELECT to_regclass(%s) IS NOT NULL", (REVISION_TABLE,))
        if exists.fetchone() != (True,):
            return None
        row = driver.execute(f"SELECT version_num FROM {REVISION_TABLE}").fetchone()
        return row[0] if row else None

    @contextmanager
    def alone(self, connection: Connection) -> Iterator[None]:
        driver: Driver = connection.connection.driver_connection
        with connection.begin():
            driver.execute(BEGIN)
            driver.execute(LOCK, {"lock": _lock("migration", "")})
            # a table of millions may take its time, while nothing else can be done anyway
            driver.execute("SET LOCAL statement_timeout = 0")
            driver.seconds = None
            yield

    def begin(self, driver: Driver, tenant: str, deadline: float) -> Began:
        if time.monotonic() > deadline:
            raise StoreError(f"{self.name}: {self._too_slow()}")
        # One message of several statements, each with its own view of what is committed. Not a
        # pipeline: after one, a server does not notice a client that stopped.
        cursor = psycopg.ClientCursor(driver)
        cursor.execute(self._begin, {"lock": _lock("tenant", tenant), "name": tenant})
        cursor.nextset()  # the lock
        cursor.nextset()
        (instant,) = cursor.fetchone() or (0,)
        cursor.nextset()
        return Began(instant, cursor.fetchone())

    def execute(
        self, driver: Driver, statement: Statement, values: Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        cursor = driver.execute(statement.text, statement.with_fixed(values))
        rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return rows

    def write(self, driver: Driver, writes: Sequence[Write], *, commit: bool) -> None:
        with _pipeline(driver):
            for statement, rows in writes:
                if statement.many is not None and len(rows) > 1:
                    lists = {name: [row[name] for row in rows] for name in rows[0]}
                    driver.execute(statement.many.text, lists)
                else:
                    for row in rows:
                        driver.execute(statement.text, row)
            if commit:
                done = driver.execute("COMMIT")
        if commit and done.statusmessage != "COMMIT":  # it would be ROLLBACK
            raise StoreError(f"{self.name}: the server did not commit")

    def rollback(self, driver: Driver) -> None:
        driver.execute("ROLLBACK")

    def is_gone(self, error: Exception) -> bool:
        return not isinstance(
            error,
            psycopg.errors.LockNotAvailable
            | psycopg.errors.QueryCanceled
            | psycopg.IntegrityError
            | psycopg.DataError,
        )

    def cannot_keep(self, error: Exception) -> bool:
        # half a character; a NUL in a text; names that are too long for an index
        return isinstance(
            error, UnicodeEncodeError | psycopg.DataError | psycopg.errors.ProgramLimitExceeded
        )

    def reason(self, error: Exception) -> str:
        match error:
            case psycopg.errors.LockNotAvailable():
                return f"another transaction of this tenant has lasted for {self._seconds:g} s"
            case psycopg.errors.QueryCanceled() | psycopg.errors.ConnectionTimeout():
                return self._too_slow()
            case psycopg.OperationalError(__notes__=[note]) if note == SILENT:
                return self._too_slow()
        return str(error).partition("\n")[0]

    def _too_slow(self) -> str:
        return f"the server did not answer in time ({self._seconds:g} s)"


@contextmanager
def _pipeline(driver: Driver) -> Iterator[None]:
    """Statements that go out together. What fails first is raised: leaving a pipeline that failed
    may fail as well, and would hide it."""
    try:
        with driver.pipeline():
            yield
    except psycopg.Error as error:
        first: BaseException = error
        while isinstance(first.__context__, psycopg.Error):
            first = first.__context__
        raise first from None


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose every wait for the server has an end."""

    seconds: float | None = None

    def wait(
        self,
        gen: Generator[Any, Any, Answer],
        interval: float = 0.1,
        timeout: float | None = None,
    ) -> Answer:
        limit = self.seconds if timeout is None else timeout
        began = time.monotonic()
        try:
            return super().wait(gen, interval=interval, timeout=limit)
        except psycopg.OperationalError as error:
            # psycopg has no public name for it
            if limit is not None and time.monotonic() - began >= limit and not error.sqlstate:
                error.add_note(SILENT)
            raise


def _lock(kind: str, name: str) -> int:
    """The number of an advisory lock: 64 bits, signed."""
    digest = hashlib.sha256(f"licet {kind} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
