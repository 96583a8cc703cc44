"""What a check asks for, done for it: looked up, proved or stored, in place or beside a loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, Literal, TypeVar

from .deciding import Effect, Lookup, Slow
from .facts import Resolvers
from .lanes import Lanes
from .solving import SHARES

T = TypeVar("T")

#: What a check may have to wait for: facts, the store (one that blocks), the solver.
Stage = Literal["facts", "memory", "solver"]
Waits = dict[Stage, float]


class Driver:
    """Runs checks. Safe to share between threads and asyncio tasks."""

    def __init__(self, resolvers: Resolvers) -> None:
        self._resolvers = resolvers
        self._storing = Lanes(threads=16, each=2)  # one at a time is in a tenant's transaction
        self._solving = Lanes(threads=2 * SHARES, each=2)  # as many as there are solvers

    def finish(self, run: Generator[Effect, Any, T]) -> T:
        """Do what a check asks for, until there is a verdict."""
        try:
            effect = next(run)
            while True:
                try:
                    if isinstance(effect, Lookup):
                        answer: object = self._resolvers.resolve(effect.wanted)
                    elif isinstance(effect, Slow):
                        answer = effect.work()
                    else:
                        answer = effect.alone()
                except Exception as error:
                    effect = run.throw(error)
                else:
                    effect = run.send(answer)
        except StopIteration as stop:
            done: T = stop.value
            return done

    async def afinish(self, run: Generator[Effect, Any, T], tenant: str, waits: Waits) -> T:
        """`finish`, beside the event loop. `waits` gets the seconds that each stage took."""
        try:
            effect = next(run)
            while True:
                began = time.perf_counter()
                stage: Stage = "facts"
                try:
                    if isinstance(effect, Lookup):
                        answer: object = await self._resolvers.aresolve(effect.wanted)
                    elif not isinstance(effect, Slow):
                        stage = "memory"
                        answer = await self._storing.join(tenant, effect.part, effect.together)
                    elif effect.solves:
                        stage = "solver"
                        answer = await self._solving.run(tenant, effect.work)
                    else:
                        stage = "memory"
                        answer = await self._storing.run(tenant, effect.work)
                except Exception as error:
                    effect = run.throw(error)
                else:
                    waits[stage] = waits.get(stage, 0.0) + time.perf_counter() - began
                    effect = run.send(answer)
        except StopIteration as stop:
            done: T = stop.value
            return done

    async def in_store(self, tenant: str, work: Callable[[], T]) -> T:
        """Work on the store, in the tenant's turn, beside the event loop."""
        return await self._storing.run(tenant, work)

    def close(self) -> None:
        """Let no more work in."""
        self._storing.close()
        self._solving.close()
