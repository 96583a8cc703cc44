"""The one object that an application holds: proposed calls in, verdicts out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar, overload

from licet.compiler.names import nearest
from licet.compiler.program import Program

from .action import Action, ActionError
from .deciding import Check, Decider, Engine, Lookup
from .facts import Resolver, Resolvers
from .solving import SolverPool
from .verdict import Verdict

F = TypeVar("F", bound=Callable[..., object])


class UnsetParamsError(ValueError):
    """A guard decides with concrete limits; `names` are the params that have no value yet."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"these params have neither a value nor a default: {', '.join(names)}")
        self.names = names


class Guard:
    """Decides calls on one program. Safe to share between threads and asyncio tasks.

    `engine="both"` runs the reference evaluator beside Z3 on every call and refuses, loudly,
    when they differ. `seconds` bounds the solver's search for one refusal or unsettled call,
    including its explanation; `resolver_seconds` bounds each look-up of a fact.
    """

    def __init__(
        self,
        program: Program,
        *,
        engine: Engine = "z3",
        seconds: float = 2.0,
        resolver_seconds: float = 2.0,
    ) -> None:
        if program.unset_params:
            raise UnsetParamsError(tuple(program.unset_params))
        if engine not in ("z3", "both"):
            raise ValueError(f'engine is "z3" or "both", not {engine!r}')
        self.program = program
        self._resolver_seconds = resolver_seconds
        self._resolvers = Resolvers()
        self._solvers = SolverPool()
        self._solvers.warm()
        self._decider = Decider(
            program, self._resolvers, self._solvers, engine=engine, seconds=seconds
        )

    # --- facts

    @overload
    def fact(self, resolver: F, /) -> F: ...

    @overload
    def fact(
        self, /, *, name: str | None = None, batch: bool = False, seconds: float | None = None
    ) -> Callable[[F], F]: ...

    def fact(
        self,
        resolver: F | None = None,
        /,
        *,
        name: str | None = None,
        batch: bool = False,
        seconds: float | None = None,
    ) -> F | Callable[[F], F]:
        """Let a function, sync or async, look up a fact: `@guard.fact` on `def reservation(id)`.

        It gets the fact's keys as JSON-able values and answers the fact's value, None for "known
        not to exist". With `batch` it gets a list of key tuples and answers a list in that order.
        What raises, is late or answers out of form is unknown, and never allows.

        Raises ValueError if the policy declares no such fact, or it has a resolver already.
        """

        def register(function: F) -> F:
            fact = name or str(getattr(function, "__name__", ""))
            if fact not in self.program.facts:
                near = nearest(fact, self.program.facts)
                hint = f"; did you mean `{near[0]}`?" if near else ""
                raise ValueError(f"the policy declares no fact `{fact}`{hint}")
            limit = self._resolver_seconds if seconds is None else seconds
            self._resolvers.register(Resolver(fact, function, batch, limit))
            return function

        return register if resolver is None else register(resolver)

    # --- checks

    def check(self, action: Action | Mapping[str, object]) -> Verdict:
        """The verdict on one proposed call.

        `action` may be a mapping in the form of a call's JSON. Whatever it holds, the answer is a
        verdict: what is malformed is refused.
        """
        run = self._start(action)
        if isinstance(run, Verdict):
            return run
        try:
            effect = next(run)
            while True:
                try:
                    if isinstance(effect, Lookup):
                        answer: object = self._resolvers.resolve(effect.wanted)
                    else:
                        answer = effect.work()
                except Exception as error:
                    effect = run.throw(error)
                else:
                    effect = run.send(answer)
        except StopIteration as stop:
            verdict: Verdict = stop.value
            return verdict

    async def acheck(self, action: Action | Mapping[str, object]) -> Verdict:
        """`check`, without blocking the event loop: resolvers and explanations run beside it."""
        run = self._start(action)
        if isinstance(run, Verdict):
            return run
        try:
            effect = next(run)
            while True:
                try:
                    if isinstance(effect, Lookup):
                        answer: object = await self._resolvers.aresolve(effect.wanted)
                    else:
                        answer = await asyncio.to_thread(effect.work)
                except Exception as error:
                    effect = run.throw(error)
                else:
                    effect = run.send(answer)
        except StopIteration as stop:
            verdict: Verdict = stop.value
            return verdict

    def _start(self, action: Action | Mapping[str, object]) -> Check | Verdict:
        if not isinstance(action, Action):
            try:
                action = Action.from_mapping(action)
            except ActionError as error:
                return self._decider.malformed(error)
            except Exception:  # an object that only looks like a mapping
                return self._decider.malformed(ActionError("the call cannot be read"))
        return self._decider.check(action)

    # --- life

    def close(self) -> None:
        """Stop the solver's processes. What needs one is refused from now on."""
        self._solvers.close()
        self._resolvers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
