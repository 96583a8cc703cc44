"""The store in a SQL database, one for SQLite and PostgreSQL."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import exc
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from licet.verifier.history import AuditEntry, Head, StoredKey, StoreError, UnkeepableError
from licet.verifier.history.turns import Turns

from .database import Database, Driver
from .migrating import bring_up_to_date
from .statements import Statement
from .transactions import SqlTransaction

Answer = TypeVar("Answer")


class SqlStore:
    """A `history.Store`. Safe to share between threads; a forked child may go on with it, and
    makes its own connections."""

    durable = True
    blocking = True

    def __init__(self, database: Database, seconds: float) -> None:
        """Raises StoreError where the database cannot be reached, or is not as it should be.
        `seconds` bounds each wait."""
        self._database = database
        self._seconds = seconds
        self._unusable = ""
        self._inherited: list[object] = []
        self._quiet = False
        try:
            database.create()
            bring_up_to_date(database)
        except Exception as error:
            raise self._failure(error) from error
        self._start_afresh()
        _STORES.add(self)

    def _start_afresh(self) -> None:
        # In line here, rather than each with a connection that waits in the database: a tenant
        # that many ask for takes one connection, and the others' stay free.
        self._turns = Turns()
        self._pool = QueuePool(
            self._database.connect,
            pool_size=self._database.most_connections,
            max_overflow=0,
            timeout=self._seconds,
            use_lifo=True,
            reset_on_return=None,  # none is given back in the middle of a transaction
        )

    @contextmanager
    def begin(self, tenant: str) -> Iterator[SqlTransaction]:
        database = self._database
        with self._turn(tenant):
            deadline = time.monotonic() + self._seconds
            connection, began = self._with_connection(
                lambda driver: database.begin(driver, tenant, deadline)
            )
            transaction = SqlTransaction(
                database, connection.driver_connection, tenant, began, self._failure
            )
            process = os.getpid()
            try:
                yield transaction
                transaction.commit()
            except BaseException as error:
                if os.getpid() == process:  # else it is the parent's to end
                    fault = transaction.fault if isinstance(error, Exception) else error
                    self._undo(connection, fault)
                raise
            self._give_back(connection)

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        statements = self._database.statements
        known = self._read(statements.secret, {"name": name})
        if not known:
            # of those who come at the same time, the first to write wins
            self._read(statements.put_secret, {"name": name, "value": make()})
            known = self._read(statements.secret, {"name": name})
        return bytes(known[0][0])

    def tenants(self) -> Sequence[str]:
        return [name for (name,) in self._read(self._database.statements.tenants, {})]

    def head(self, tenant: str) -> Head:
        rows = self._read(self._database.statements.tenant, {"name": tenant})
        return Head(*rows[0][1:]) if rows else Head()

    def heads(self) -> Mapping[str, Head]:
        rows = self._read(self._database.statements.heads, {})
        return {name: Head(*values) for name, *values in rows}

    def audit(self, tenant: str, after: int, most: int) -> Sequence[AuditEntry]:
        values = {"name": tenant, "after": after, "most": most}
        return [AuditEntry(*row) for row in self._read(self._database.statements.audit, values)]

    def key(self, hash: str) -> tuple[str, StoredKey] | None:
        rows = self._read(self._database.statements.key, {"hash": hash})
        return (rows[0][0], StoredKey(*rows[0][1:])) if rows else None

    def close(self) -> None:
        self._unusable = "it is closed"
        self._pool.dispose()

    def _read(self, statement: Statement, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        with self._turn(None):
            connection, rows = self._with_connection(
                lambda driver: self._database.execute(driver, statement, values)
            )
            self._give_back(connection)
            return rows

    # whose turn it is, and on which connection

    @contextmanager
    def _turn(self, tenant: str | None) -> Iterator[None]:
        """Wait for one's turn at the tenant, or at the database if there is but one connection."""
        if self._unusable:
            raise StoreError(f"{self._database.name}: {self._unusable}")
        name = "" if self._database.most_connections == 1 else tenant
        if name is None:
            yield
            return
        turns = self._turns
        if not turns.take(name, self._seconds):
            raise StoreError(
                f"{self._database.name}: other threads have been busy for {self._seconds:g} s"
            )
        try:
            yield
        finally:
            if turns is self._turns:  # a forked child has others
                turns.give(name)

    def _with_connection(
        self, act: Callable[[Driver], Answer]
    ) -> tuple[PoolProxiedConnection, Answer]:
        """Do what changes nothing, or is the same if done twice, on a connection that lives: each
        that turns out to be dead (the server was restarted, say) is thrown away."""
        deadline = time.monotonic() + self._seconds
        attempts = self._database.most_connections + 1
        while True:
            try:
                connection = self._pool.connect()
            except Exception as error:
                raise self._failure(error) from error
            try:
                return connection, act(connection.driver_connection)
            except Exception as error:
                self._undo(connection, error)
                attempts -= 1
                dead = not isinstance(error, StoreError) and self._database.is_gone(error)
                if not dead or attempts == 0 or time.monotonic() > deadline:
                    raise self._failure(error) from error
            except BaseException as error:
                self._undo(connection, error)
                raise

    def _undo(self, connection: PoolProxiedConnection, fault: BaseException | None) -> None:
        """Roll back, and keep the connection only if that worked and it did nothing strange."""
        sound = fault is None or (
            isinstance(fault, Exception)
            and not isinstance(fault, StoreError)
            and not self._database.is_gone(fault)
        )
        if sound:
            try:
                self._database.rollback(connection.driver_connection)
            except Exception:
                sound = False
        if sound:
            self._give_back(connection)
        else:
            connection.invalidate()
            connection.close()

    def _give_back(self, connection: PoolProxiedConnection) -> None:
        if self._unusable:  # closed in the meantime: the pool would keep it open
            connection.invalidate()
        connection.close()

    def _failure(self, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        # SQLAlchemy wraps what the driver raised while it migrates
        raw = error.orig if isinstance(error, exc.DBAPIError) else error
        if isinstance(raw, exc.TimeoutError):
            reason = f"all connections have been busy for {self._seconds:g} s"
        elif isinstance(raw, Exception):
            reason = self._database.reason(raw)
        else:
            reason = str(error)
        kind = UnkeepableError if self._database.cannot_keep(error) else StoreError
        return kind(f"{self._database.name}: {reason}")

    # forks

    def before_fork(self) -> None:
        """Where a connection may not even be open in a process that forks, close it first."""
        if self._database.most_connections == 1:
            self._quiet = self._turns.take("", self._seconds)
            if self._quiet:
                self._pool.dispose()

    def after_fork_in_parent(self) -> None:
        if self._quiet:
            self._quiet = False
            self._turns.give("")

    def after_fork_in_child(self) -> None:
        if self._database.most_connections == 1 and not self._quiet:
            self._unusable = (
                "this process was forked in the middle of a transaction, and cannot use the file"
            )
        self._quiet = False
        # never closed: that would speak to the parent's server
        self._inherited += [self._pool, self._turns]
        self._start_afresh()


_STORES: weakref.WeakSet[SqlStore] = weakref.WeakSet()


def _each(act: Callable[[SqlStore], None]) -> Callable[[], None]:
    def run() -> None:
        for store in list(_STORES):
            act(store)

    return run


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_each(SqlStore.before_fork),
        after_in_parent=_each(SqlStore.after_fork_in_parent),
        after_in_child=_each(SqlStore.after_fork_in_child),
    )
