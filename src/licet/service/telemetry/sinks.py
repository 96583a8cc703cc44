"""Telemetry: hands each event to the sinks. What fails there is counted, and changes no answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from licet.verifier.driving import Waits
from licet.verifier.guard import Guard
from licet.verifier.verdict import Verdict

from ..callers import Caller
from .events import Answered, Decision, Differed, Trail, answered_of, decision_of
from .metrics import Metrics

log = logging.getLogger("licet.service")

T = TypeVar("T")
#: How a sink is told of something, and how all of them are, by their names.
Tell = Callable[[T], None]
Tells = tuple[tuple[str, Tell[T]], ...]


class Sink(Protocol):
    """Somewhere that events go. It may raise: the event is lost there, and nothing else."""

    def decided(self, decision: Decision) -> None: ...

    def answered(self, answered: Answered) -> None: ...

    def differed(self, differed: Differed) -> None: ...

    def close(self) -> None: ...


class Telemetry:
    """The metrics and the other sinks of one app, by name. No method raises."""

    def __init__(self, metrics: Metrics, sinks: Mapping[str, Sink]) -> None:
        self.metrics = metrics
        self._failed: set[str] = set()
        self._sinks: dict[str, Sink] = {}
        for name, sink in {"metrics": metrics, **sinks}.items():
            self.add(name, sink)

    def add(self, name: str, sink: Sink) -> None:
        """Tell this sink too, in place of one of that name."""
        self._sinks[name] = sink
        # Looked up beforehand: every request tells both.
        self._decided = self._every(lambda sink: sink.decided)
        self._answered = self._every(lambda sink: sink.answered)

    def decided(
        self,
        verdict: Verdict,
        guard: Guard,
        caller: Caller,
        trail: Trail | None,
        seconds: float,
        waits: Waits,
    ) -> None:
        """A call was decided, which took so many seconds."""
        try:
            decision = decision_of(verdict, guard, caller, trail, seconds, waits)
        except Exception as error:
            self._lost("events", error)
            return
        self._each(self._decided, decision)

    def answered(self, trail: Trail, method: str, status: int) -> None:
        """A request was answered."""
        answered = answered_of(trail, method, status, time.perf_counter() - trail.started)
        self._each(self._answered, answered)

    def compared(self, tenant: str, result: str) -> None:
        """A call was decided by the policy beside the active one, or not: how they compare."""
        try:
            self.metrics.compared(tenant, result)
        except Exception as error:
            self._lost("metrics", error)

    def differed(self, differed: Differed) -> None:
        """The two are not of one mind."""
        self._each(self._every(lambda sink: sink.differed), differed)

    def fact_lost(self, fact: str, result: str) -> None:
        """A fact of the configuration was looked up, or was to be, and is not known."""
        try:
            self.metrics.fact_lost(fact, result)
        except Exception as error:
            self._lost("metrics", error)

    def close(self) -> None:
        """Flush what waits."""
        self._each(self._every(lambda sink: lambda _: sink.close()), None)

    def _every(self, tell: Callable[[Sink], Tell[T]]) -> Tells[T]:
        return tuple([(name, tell(sink)) for name, sink in self._sinks.items()])

    def _each(self, tells: Tells[T], event: T) -> None:
        for name, tell in tells:
            try:
                tell(event)
            except Exception as error:
                self._lost(name, error)

    def _lost(self, name: str, error: Exception) -> None:
        try:
            self.metrics.lost(name)
            if name not in self._failed:  # said once: a broken sink breaks at every event
                self._failed.add(name)
                log.warning("telemetry is lost: %s (%s)", name, type(error).__name__)
        except Exception:
            return  # nothing is left to tell it to
