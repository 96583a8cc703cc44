"""A second policy that decides beside the active one, on the same calls, and changes nothing.

It decides in a process of its own. Whoever decides puts a call into a short queue, if there is
room, and goes on: no answer waits, and what does not fit in is counted as dropped. Each call that
comes out otherwise is told: a metric, a line in the log, and a row that `GET /v1/policies/canary`
shows.
"""

from __future__ import annotations

import logging
import os
import queue
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from licet.compiler.exact_json import JsonError, decode
from licet.compiler.json_text import json_line
from licet.compiler.program import Program
from licet.compiler.world import World
from licet.verifier.action import Action
from licet.verifier.calls import call_json
from licet.verifier.history import Head, Store, StoreError
from licet.verifier.solving.child import Child, ChildError
from licet.verifier.verdict import Verdict

from ..telemetry.events import MAX_NAMES, Differed, bounded
from ..telemetry.sinks import Telemetry
from .bundle import Bundle, BundleError
from .shelf import Shelf
from .unpacking import unpack

log = logging.getLogger("licet.service")

#: What may come of a call: the same outcome, another one, none that is certain; it did not fit into
#: the queue, is a batch, or the process failed.
RESULTS: Final = ("same", "different", "undecided", "dropped", "skipped", "failed")
#: Those of one process of the service: each has a process of its own.
MOST_RUNNING: Final = 8
#: Calls that wait, and differences that are kept at a time.
MOST_WAITING: Final = 64
MOST_KEPT: Final = 50
#: Seconds to start, to decide a call (it may have to wait for a core), between two writes, and
#: before it is started again.
STARTS: Final = 60.0
DECIDES: Final = 30.0
WRITES: Final = 1.0
AGAIN: Final = 15.0
_OPEN: Final = frozenset({"undetermined", "solver_unknown", "fault"})
_BOOT: Final = """
import sys
sys.path.insert(0, sys.argv[1])
from licet.service.bundles.canary_child import main
main()
"""
_ABOVE: Final = str(Path(__file__).resolve().parents[3])

#: What may be told of a decision, in a tenant (`Guard.redacted`).
Redacted = Callable[[Mapping[str, object], str], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class _Job:
    """A call that was decided."""

    program: Program
    action: Action
    world: World | None
    verdict: Verdict

    @property
    def told(self) -> Verdict:
        """What the policy says, whether or not it was let through."""
        return self.verdict if self.verdict.observed is None else self.verdict.observed

    def line(self) -> tuple[dict[str, object], bytes]:
        """The call, and what the other process is asked."""
        history: dict[str, object] = {}
        if self.world is None:
            parts = ("tool", "args", "principal", "context", "session", "facts", "now")
            given = {part: getattr(self.action, part) for part in parts}
            call = {part: value for part, value in given.items() if value is not None}
        else:
            call = call_json(self.world, self.program)
            read: Any = call.pop("history", {})
            history = {self.program.history[name].digest: read[name] for name in read}
        asked = {"call": call, "history": history, "approved": self._approved()}
        return call, json_line(asked).encode() + b"\n"

    def _approved(self) -> list[str]:
        if self.world is None or not self.told.allowed:
            return []
        escalations = self.program.rules[self.world.tool].escalations
        return [rule.name for rule in escalations if rule.name in self.told.rules]

    @property
    def is_batch(self) -> bool:
        tool = None if self.world is None else self.program.catalog.qualified.get(self.world.tool)
        return tool is not None and tool.dispatch


class Canaries:
    """Those of all tenants, as this process runs them: a `deciding.Beside`."""

    def __init__(self, store: Store, telemetry: Telemetry, redacted: Redacted) -> None:
        self._store = store
        self._telemetry = telemetry
        self._redacted = redacted
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._running: dict[str, _Running] = {}

    def wants(self, tenant: str) -> bool:
        return tenant in self._running

    def decided(
        self, tenant: str, program: Program, action: Action, world: World | None, verdict: Verdict
    ) -> None:
        running = self._running.get(tenant)
        if running is not None and verdict.kind != "fault":
            running.offer(_Job(program, action, world, verdict))

    def look(self, heads: Mapping[str, Head]) -> None:
        """Start and end them as the store says. Raises StoreError."""
        with self._lock:
            for tenant, head in heads.items():
                if head.canary != self._numbers.get(tenant, 0):
                    self._change(tenant, head.canary)

    def close(self) -> None:
        with self._lock:
            for running in self._running.values():
                running.end()
            self._running.clear()

    def _change(self, tenant: str, number: int) -> None:
        with self._store.begin(tenant) as tx:
            shelf = Shelf(tx)
            canary = shelf.canary()
            try:
                bundle = None if canary is None else shelf.bundle(canary.digest)
            except BundleError as error:
                log.error("%s: the canary cannot be read: %s", tenant, error)
                bundle = None
        before = self._running.pop(tenant, None)
        if before is not None:
            before.end()
        if canary is not None and bundle is not None and len(self._running) >= MOST_RUNNING:
            log.error("%s: this process has %d canaries, and no room", tenant, MOST_RUNNING)
        elif canary is not None and bundle is not None:
            self._running[tenant] = _Running(
                tenant, number, canary.digest, bundle, self._store, self._telemetry, self._redacted
            )
        self._numbers[tenant] = number


class _Running:
    """One of them: a queue, a thread, and the process that decides."""

    def __init__(
        self,
        tenant: str,
        number: int,
        digest: str,
        bundle: Bundle,
        store: Store,
        telemetry: Telemetry,
        redacted: Redacted,
    ) -> None:
        self._tenant = tenant
        self._number = number
        self._digest = digest
        self._bundle = bundle
        self._store = store
        self._telemetry = telemetry
        self._redacted = redacted
        self._jobs: queue.Queue[_Job | None] = queue.Queue(MOST_WAITING)
        self._ended = threading.Event()
        self._counting = threading.Lock()
        self._dropped = 0
        self._counts: Counter[str] = Counter()
        self._kept: list[Mapping[str, object]] = []
        self._written = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="licet-canary", daemon=True)
        self._thread.start()

    def offer(self, job: _Job) -> None:
        """Let it be decided, if there is room. Takes no time."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            with self._counting:
                self._dropped += 1

    def end(self) -> None:
        """Stop soon; what was found is written first."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with tempfile.TemporaryDirectory(prefix="licet-canary-") as folder:
                    self._decide_all(self._started(Path(folder)))
            except (ChildError, OSError) as error:
                self._count("failed")
                log.warning("%s: the canary's process has failed: %s", self._tenant, error)
                self._write()
                self._ended.wait(AGAIN)
            except Exception:
                log.exception("%s: the canary is given up", self._tenant)
                return
        self._write()

    def _started(self, folder: Path) -> Child:
        paths = [str(path) for path in unpack(self._bundle, folder)]
        asked = json_line({"paths": paths, "params": dict(self._bundle.params)}).encode() + b"\n"
        child = Child(_BOOT, [_ABOVE, str(os.getpid())])
        try:
            until = time.monotonic() + STARTS
            child.say(asked, until)
            child.hear(until, 1_000)
        except BaseException:
            child.kill()
            raise
        return child

    def _decide_all(self, child: Child) -> None:
        try:
            while not self._ended.is_set():
                try:
                    job = self._jobs.get(timeout=WRITES / 4)
                except queue.Empty:
                    job = None
                if job is not None:
                    self._decide(child, job)
                if time.monotonic() > self._written + WRITES:
                    self._write()
        finally:
            child.kill()

    def _decide(self, child: Child, job: _Job) -> None:
        if job.is_batch:
            self._count("skipped")
            return
        try:
            call, line = job.line()
        except (TypeError, ValueError):  # a text that is none, say: nobody else could read it
            self._count("undecided")
            return
        until = time.monotonic() + DECIDES
        child.say(line, until)
        try:
            found = decode(child.hear(until, 100_000), max_size=200_000)
            outcome, kind, rules = found["outcome"], found["kind"], tuple(found["rules"])
        except (JsonError, KeyError, TypeError):
            raise ChildError("it answers something that is no outcome") from None
        if kind in _OPEN:
            self._count("undecided")
        elif outcome == job.told.outcome:
            self._count("same")
        else:
            self._count("different")
            self._tell(job, call, str(outcome), rules)

    def _tell(
        self, job: _Job, call: Mapping[str, object], outcome: str, rules: tuple[str, ...]
    ) -> None:
        told = job.told
        known = job.world is not None
        differed = Differed(
            told.id,
            self._tenant,
            bounded(told.tool) if known else None,
            told.outcome,
            tuple(map(bounded, told.rules[:MAX_NAMES])),
            self._digest,
            outcome,
            tuple(map(bounded, rules[:MAX_NAMES])),
        )
        self._telemetry.differed(differed)
        if len(self._kept) < MOST_KEPT:
            self._kept.append(
                {
                    "at": time.time_ns() // 1000,
                    "id": told.id,
                    "tool": differed.tool,
                    "outcome": differed.outcome,
                    "rules": list(differed.rules),
                    "canary_outcome": outcome,
                    "canary_rules": list(differed.canary_rules),
                    "call": self._redacted({"call": call}, self._tenant)["call"],
                }
            )

    def _count(self, result: str) -> None:
        self._counts[result] += 1
        self._telemetry.compared(self._tenant, result)

    def _write(self) -> None:
        """Keep what was found. Where the store fails, it is tried again with what comes next."""
        with self._counting:
            dropped, self._dropped = self._dropped, 0
        for _ in range(dropped):
            self._count("dropped")
        self._written = time.monotonic()
        if not self._counts:
            return
        try:
            with self._store.begin(self._tenant) as tx:
                Shelf(tx).add_compared(self._number, self._counts, self._kept)
        except StoreError as error:
            log.warning("%s: what the canary found is not kept yet: %s", self._tenant, error)
            return
        self._counts.clear()
        self._kept.clear()
