"""What a store has to know of one kind of database: the differences between dialects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.engine import Connection, Dialect

from .statements import Statement, Statements

#: A connection of the driver's. It is in the driver's autocommit mode: what begins and ends a
#: transaction is sent as any other statement. Typed loosely, because the drivers' own types have
#: nothing in common.
Driver = Any

#: Rows to write, each with the same statement.
Write = tuple[Statement, Sequence[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class Began:
    """A transaction has begun, and is alone: the instant (microseconds), and the tenant's row (its
    number, then the head's columns), None while it has none."""

    instant: int
    row: tuple[Any, ...] | None


class Database(Protocol):
    """One database. Its methods raise the driver's exceptions, or StoreError."""

    name: str
    dialect: Dialect
    statements: Statements
    #: How many connections one process may hold. Where it is one, a process has to have closed it
    #: before it forks.
    most_connections: int

    def create(self) -> None:
        """Make the database where it is made by whoever opens it first."""

    def connect(self) -> Driver:
        """A new connection to what exists."""

    def revision(self, driver: Driver) -> str | None:
        """The revision of its tables, None where there are none."""

    def alone(self, connection: Connection) -> AbstractContextManager[None]:
        """A transaction in which tables may be changed: only one at a time, whoever asks."""

    def begin(self, driver: Driver, tenant: str, deadline: float) -> Began:
        """Begin a transaction, alone in its tenant, before `time.monotonic()` is at `deadline`."""

    def execute(
        self, driver: Driver, statement: Statement, values: Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        """Run one statement on its own; its rows."""

    def write(self, driver: Driver, writes: Sequence[Write], *, commit: bool) -> None:
        """Write rows in the order given, and commit if told, in one round trip."""

    def rollback(self, driver: Driver) -> None: ...

    def is_gone(self, error: Exception) -> bool:
        """Whether an error means that the connection cannot be used any more."""

    def cannot_keep(self, error: Exception) -> bool:
        """Whether an error is about a value, which it refuses, and a transaction with it."""

    def reason(self, error: Exception) -> str:
        """What went wrong, for the operator."""
