"""Metrics for Prometheus. Every label has few values, and none is a client's text.

Where several processes serve, `PROMETHEUS_MULTIPROC_DIR` (set before this module is imported) lets
each answer for all of them.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from .events import Answered, Decision, Differed

#: Where the processes of one service put their counts together.
SHARED = "PROMETHEUS_MULTIPROC_DIR"
#: Events that are counted at a time.
AT_ONCE = 16
#: Rules of one process that are counted by name; what comes later is `OTHER`.
MAX_RULES = 500
OTHER = "other"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_USED = (0.25, 0.5, 0.75, 0.9, 1, 1.25)


class Metrics:
    """The counts of one app. Where it is the only process, it counts several events at a time, and
    all there are before they are read: done one after the other, each takes half the time."""

    def __init__(self) -> None:
        self._waiting: deque[Decision | Answered] = deque()
        self._most = 1 if os.environ.get(SHARED) else AT_ONCE
        self._own = own = CollectorRegistry()
        self._rules: set[tuple[str, str]] = set()
        self._requests = Counter(
            "licet_requests",
            "Answers, by route and status",
            ("tenant", "method", "route", "status"),
            registry=own,
        )
        self._stages = Histogram(
            "licet_stage_seconds",
            "Time to know who asks (authenticate), to decide one call (decide), of that what was "
            "spent on facts, memory and solver, in all (request)",
            ("tenant", "stage"),
            buckets=_SECONDS,
            registry=own,
        )
        self._verdicts = Counter(
            "licet_verdicts",
            "Verdicts, by outcome and kind (none: an allow)",
            ("tenant", "outcome", "kind"),
            registry=own,
        )
        self._by_rule = Counter(
            "licet_rule_verdicts",
            "Verdicts that a rule had a part in",
            ("tenant", "rule", "outcome"),
            registry=own,
        )
        self._observed = Counter(
            "licet_observed_verdicts",
            "Refusals that observe mode let through, by what they would have been",
            ("tenant", "outcome", "kind"),
            registry=own,
        )
        self._unknown = Counter(
            "licet_solver_unknowns",
            "Calls refused because the solver found no answer in time",
            ("tenant",),
            registry=own,
        )
        self._budgets = Histogram(
            "licet_budget_used_ratio",
            "The used part of a limit, whenever the limit refused a call or asked somebody",
            ("tenant", "rule"),
            buckets=_USED,
            registry=own,
        )
        self._observing = Gauge(
            "licet_observe_until_seconds",
            "Until when refusals are let through (seconds since 1970); 0: they are not",
            ("tenant",),
            registry=own,
            multiprocess_mode="mostrecent",
        )
        self._compared = Counter(
            "licet_canary_calls",
            "Calls that the policy beside the active one was to decide, by what came of it",
            ("tenant", "result"),
            registry=own,
        )
        self._differed = Counter(
            "licet_canary_differences",
            "Calls that it decides otherwise, by the outcome and by its own",
            ("tenant", "outcome", "canary"),
            registry=own,
        )
        self._facts = Counter(
            "licet_fact_failures",
            "Facts of the configuration that were not known: failed, or left_alone after failures",
            ("tenant", "fact", "result"),
            registry=own,
        )
        self._failures = Counter(
            "licet_telemetry_failures",
            "Events that a sink of the telemetry lost",
            ("tenant", "sink"),
            registry=own,
        )
        # Looking a child up by its labels costs more than to count: those asked for most are kept.
        self._request = lru_cache(1_024)(self._requests.labels)
        self._stage = lru_cache(1_024)(self._stages.labels)
        self._verdict = lru_cache(1_024)(self._verdicts.labels)
        self._rule_verdict = lru_cache(1_024)(self._by_rule.labels)

    def decided(self, decision: Decision) -> None:
        self._take(decision)

    def answered(self, answered: Answered) -> None:
        self._take(answered)

    def _take(self, event: Decision | Answered) -> None:
        self._waiting.append(event)
        if len(self._waiting) >= self._most:
            self._count()

    def _count(self) -> None:
        while self._waiting:
            try:
                event = self._waiting.popleft()
            except IndexError:  # another thread has counted it
                return
            if isinstance(event, Decision):
                self._count_decision(event)
            else:
                self._count_answer(event)

    def _count_decision(self, decision: Decision) -> None:
        tenant, kind = decision.tenant, decision.kind or "none"
        self._stage(tenant, "decide").observe(decision.seconds)
        for stage, seconds in decision.waits.items():
            self._stage(tenant, stage).observe(seconds)
        if decision.observed is None:
            self._verdict(tenant, decision.outcome, kind).inc()
        else:
            self._verdict(tenant, decision.outcome, "none").inc()
            self._observed.labels(tenant, decision.observed, kind).inc()
        for rule in decision.rules:
            outcome = decision.observed or decision.outcome
            self._rule_verdict(tenant, self._rule(tenant, rule), outcome).inc()
        if decision.solver_unknown:
            self._unknown.labels(tenant).inc()
        for rule, used in decision.budgets:
            self._budgets.labels(tenant, self._rule(tenant, rule)).observe(used)

    def _count_answer(self, answered: Answered) -> None:
        tenant = answered.tenant or ""
        route = answered.route or "none"
        self._request(tenant, answered.method, route, str(answered.status)).inc()
        self._stage(tenant, "request").observe(answered.seconds)
        if answered.authenticated is not None:
            self._stage(tenant, "authenticate").observe(answered.authenticated)

    def compared(self, tenant: str, result: str) -> None:
        """How a call compares, decided by the policy beside the active one."""
        self._compared.labels(tenant, result).inc()

    def differed(self, differed: Differed) -> None:
        self._differed.labels(differed.tenant, differed.outcome, differed.canary_outcome).inc()

    def observes(self, tenant: str, until: float) -> None:
        """A tenant's refusals are let through until then (seconds since 1970; 0: they are not)."""
        self._observing.labels(tenant).set(until)

    def fact_lost(self, fact: str, result: str) -> None:
        """A fact of the configuration is not known."""
        self._facts.labels("", fact, result).inc()

    def lost(self, sink: str) -> None:
        """A sink failed."""
        self._failures.labels("", sink).inc()

    def close(self) -> None:
        """What was counted stays with the process, or in the shared folder."""

    def text(self, sees: Callable[[str], bool]) -> bytes:
        """The exposition of the tenants that `sees` is true of; `""` is nobody's: what no known
        caller asked, and the service's own faults."""
        try:
            self._count()
        except Exception:
            self.lost("metrics")
        source = CollectorRegistry() if os.environ.get(SHARED) else self._own
        if source is not self._own:
            MultiProcessCollector(source)  # type: ignore[no-untyped-call]
        shown = CollectorRegistry()
        shown.register(_Shown(source, sees))
        return generate_latest(shown)

    def _rule(self, tenant: str, rule: str) -> str:
        key = (tenant, rule)
        if key not in self._rules:
            if len(self._rules) >= MAX_RULES:
                return OTHER
            self._rules.add(key)
        return rule


class _Shown(Collector):
    """The samples of some tenants."""

    def __init__(self, source: CollectorRegistry, sees: Callable[[str], bool]) -> None:
        self._source = source
        self._sees = sees

    def collect(self) -> Iterable[Metric]:
        for family in self._source.collect():
            shown = Metric(family.name, family.documentation, family.type)
            shown.samples = [s for s in family.samples if self._sees(s.labels.get("tenant", ""))]
            yield shown
