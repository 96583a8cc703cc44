"""Facts from the configuration: a Python function, an HTTP endpoint, a query.

Whatever fails here raises, and what raises is unknown to the decision, which then does not allow.
What one answers is kept for the one decision alone. A source that fails again and again is left
alone for a while (a circuit breaker), so that a decision does not wait for it.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from licet.adapters.outgoing import OutgoingError, fetch
from licet.compiler.exact_json import decode
from licet.compiler.json_text import json_line
from licet.compiler.types import OptionalType, RecordType
from licet.verifier.guard import Guard

from .settings import Fact, SettingsError

log = logging.getLogger("licet.service")


class CircuitOpenError(Exception):
    """The source has failed too often of late, and is not asked."""


#: Told whenever a look-up gave nothing: the fact's name, and `failed` or `left_alone`.
Lost = Callable[[str, str], object]


class Breaker:
    """Opens after `failures` in a row, for `pause` seconds; then one may try."""

    def __init__(
        self, failures: int, pause: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._pause, self._clock = failures, pause, clock
        self._failed = 0
        self._until = float("-inf")
        self._lock = threading.Lock()

    def enter(self) -> None:
        """Raises CircuitOpenError while it is open."""
        with self._lock:
            if self._failed < self._most:
                return
            now = self._clock()
            if now < self._until:
                raise CircuitOpenError
            self._until = now + self._pause  # this one tries; others wait for how it goes

    def leave(self, *, failed: bool) -> bool:
        """Whether it has opened or closed by this."""
        with self._lock:
            was = self._failed >= self._most
            self._failed = self._failed + 1 if failed else 0
            is_open = self._failed >= self._most
            if is_open:
                self._until = self._clock() + self._pause
            return was is not is_open


class Source:
    """Where one fact is looked up: counts what fails there, and says when it is left alone and when
    it answers again. Keys, values and texts of others' errors are not told."""

    def __init__(self, fact: Fact, lost: Lost) -> None:
        self._fact, self._lost = fact, lost
        self._breaker = Breaker(fact.failures, fact.pause)

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Around one look-up. Raises CircuitOpenError."""
        try:
            self._breaker.enter()
        except CircuitOpenError:
            self._lost(self._fact.name, "left_alone")
            raise
        began = time.monotonic()
        why: str | None = "it ended"
        try:
            yield
            why = "it was late" if time.monotonic() - began > self._fact.seconds else None
        except OutgoingError as error:
            why = str(error)
            raise
        except asyncio.CancelledError:
            why = "it was late"
            raise
        except Exception as error:
            why = type(error).__name__
            raise
        finally:
            self._ended(why)

    def _ended(self, why: str | None) -> None:
        changed = self._breaker.leave(failed=why is not None)
        name, pause = self._fact.name, self._fact.pause
        if why is not None:
            self._lost(name, "failed")
            if changed:
                log.error("the fact `%s` fails (%s): left alone for %g s", name, why, pause)
        elif changed:
            log.warning("the fact `%s` is known again", name)


def add_resolvers(guard: Guard, facts: tuple[Fact, ...], lost: Lost) -> None:
    """Let a guard look up the facts of a configuration. Raises SettingsError."""
    for fact in facts:
        try:
            look_up = _resolver(guard, fact, Source(fact, lost))
            guard.fact(name=fact.name, seconds=fact.seconds)(look_up)
        except (ValueError, ImportError, AttributeError) as error:
            raise SettingsError(f"the fact `{fact.name}`: {error}") from None


def _resolver(guard: Guard, fact: Fact, source: Source) -> Callable[..., Any]:
    if fact.name not in guard.program.facts:
        raise ValueError("the policy declares no such fact")
    if fact.url is not None:
        return _http(fact, fact.url, source)
    if fact.python is not None:
        module, _, name = fact.python.partition(":")
        function = getattr(importlib.import_module(module), name)
        if not callable(function):
            raise ValueError(f"{fact.python} is not a function")
        import inspect

        if inspect.iscoroutinefunction(function):
            return _guarded_async(function, source)
        return _guarded(function, source)
    return _guarded(_query(guard, fact), source)


def _guarded(function: Callable[..., Any], source: Source) -> Callable[..., Any]:
    def look_up(*keys: object) -> Any:
        with source.asked():
            return function(*keys)

    return look_up


def _guarded_async(function: Callable[..., Any], source: Source) -> Callable[..., Any]:
    async def look_up(*keys: object) -> Any:
        with source.asked():
            return await function(*keys)

    return look_up


def _http(fact: Fact, url: str, source: Source) -> Callable[..., Any]:
    async def ask(*keys: object) -> Any:
        body = json_line({"fact": fact.name, "keys": list(keys)}).encode()
        raw = await fetch(url, seconds=fact.seconds, private=fact.private, body=body)
        answer = decode(raw)
        if not isinstance(answer, dict) or answer.keys() != {"value"}:
            raise OutgoingError("an answer is an object with `value` alone")
        return answer["value"]

    return _guarded_async(ask, source)


class _Engine(Protocol):
    def connect(self) -> Any: ...


def _query(guard: Guard, fact: Fact) -> Callable[..., Any]:
    """A query whose parameters are the fact's keys, by name. No row: known not to exist."""
    from sqlalchemy import text

    signature = guard.program.facts[fact.name]
    names = tuple(name for name, _ in signature.params)
    inner = signature.result
    inner = inner.inner if isinstance(inner, OptionalType) else inner
    is_record = isinstance(inner, RecordType)
    statement = text(fact.sql or "")
    engine = _engine(fact.database or "", fact.seconds)

    def ask(*keys: object) -> Any:
        with engine.connect() as connection:
            try:
                rows = connection.execute(statement, dict(zip(names, keys, strict=True)))
                columns = list(rows.keys())
                found = rows.fetchmany(2)
            finally:
                connection.rollback()
        if len(found) > 1:
            raise ValueError("the query found several rows")
        if not found:
            return None
        values = [_plain(value) for value in found[0]]
        if is_record:
            return dict(zip(columns, values, strict=True))
        (value,) = values
        return value

    return ask


def _engine(url: str, seconds: float) -> _Engine:
    """An engine whose connections cannot write."""
    from sqlalchemy import create_engine, event

    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///")).resolve()
        engine = create_engine(
            f"sqlite:///{path.as_uri()}?mode=ro&uri=true", connect_args={"timeout": seconds}
        )

        @event.listens_for(engine, "connect")
        def _read_only(connection: Any, _record: object) -> None:
            connection.execute("pragma query_only = on")

        return engine
    if url.startswith("postgresql://"):
        made: _Engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_timeout=seconds,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": max(1, round(seconds)),
                "options": f"-c default_transaction_read_only=on "
                f"-c statement_timeout={int(seconds * 1000)}",
            },
        )
        return made
    raise ValueError("a query goes to sqlite:///FILE or postgresql://…")


def _plain(value: object) -> object:
    """A column's value as JSON-able data. A float stays one: admission says whether it is exact."""
    return value.isoformat() if isinstance(value, datetime | date) else value
