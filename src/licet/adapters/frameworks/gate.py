"""The one interface between a guard and an agent's loop: check, redeem, settle.

A check ends in one of three ways, and in no other: `Run`, `Refuse` with a text for the model, or
`Ask` a human. `Gate.running` stands around the tool itself: it redeems with the arguments that the
tool is about to get, gives it the frozen ones, and settles however the tool ends. What raises, is
late or is missing refuses.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from licet.adapters import feedback
from licet.verifier.redeeming import Ending
from licet.verifier.tickets import Ticket
from licet.verifier.verdict import Verdict

from .bounding import abounded, bounded
from .describing import Describe
from .reviewing import Reviewer

log = logging.getLogger("licet")

#: Allowed calls that wait for their tool. A call that is forgotten is refused at the tool.
MOST_WAITING = 10_000


class RunningCall(Protocol):
    """What redeeming answers."""

    @property
    def args(self) -> dict[str, Any]: ...


class Redeeming(Protocol):
    """What a gate needs of a guard, in this process or elsewhere."""

    def redeem(self, ticket: Ticket | str | None, args: Mapping[str, object], /) -> RunningCall: ...

    async def aredeem(
        self, ticket: Ticket | str | None, args: Mapping[str, object], /
    ) -> RunningCall: ...

    def settle(self, ticket: Ticket | str, ending: Ending, result: object = None, /) -> None: ...

    async def asettle(
        self, ticket: Ticket | str, ending: Ending, result: object = None, /
    ) -> None: ...


class Session(Protocol):
    """What a gate needs of a session: `GuardSession`, or a remote guard's own."""

    @property
    def guard(self) -> Redeeming: ...

    def check(self, tool: str, args: Mapping[str, object], /, *, id: str) -> Verdict: ...

    async def acheck(self, tool: str, args: Mapping[str, object], /, *, id: str) -> Verdict: ...


@dataclass(slots=True)
class Run:
    """The call may run, through `Gate.running`. The ticket must not reach a model."""

    tool: str
    id: str
    ticket: Ticket | str = field(repr=False)
    #: Whether it came to be redeemed, or to the attempt.
    begun: bool = field(default=False, repr=False, compare=False)
    #: Where it stands among the calls that a task has to come to, by their ids.
    held: dict[str, Run] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Refuse:
    """The call does not run; `text` is for the model."""

    tool: str
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A human is asked: `approval` is for the host (`guard.approve`), `text` for the model."""

    tool: str
    text: str
    approval: str


Decision = Run | Refuse | Ask


class RefusedError(Exception):
    """The tool must not run. The text may be shown to a model."""

    def __init__(self, decision: Refuse | Ask) -> None:
        super().__init__(decision.text)
        self.decision = decision

    @property
    def approval(self) -> str | None:
        """The approval that waits for somebody, if that is why."""
        return self.decision.approval if isinstance(self.decision, Ask) else None


@dataclass(slots=True)
class Call:
    """A tool that runs: its frozen arguments; set `result` to what it answered."""

    args: dict[str, Any]
    result: object = None
    #: The tool failed without an exception, as some frameworks report it.
    failed: bool = False


class Gate:
    """One session's way into a framework. Safe to share between threads and tasks.

    `seconds` bounds each check, redemption and settlement. `describe` says what one tool of the
    framework is, so that it can be compared with the catalog of a guard in this process.
    """

    def __init__(self, session: Session, describe: Describe, *, seconds: float = 30.0) -> None:
        self.session = session
        self.seconds = seconds
        program = getattr(session.guard, "program", None)
        self._reviewer = Reviewer(getattr(program, "catalog", None), describe)
        self._feedback = feedback.Feedback()
        self._waiting: OrderedDict[str, Run] = OrderedDict()
        self._lock = threading.Lock()
        self._settling: set[asyncio.Task[None]] = set()
        self._held: WeakKeyDictionary[asyncio.Task[Any], dict[str, Run]] = WeakKeyDictionary()

    # --- check

    def check(
        self, tool: str, args: Mapping[str, object], *, id: str, built: object = None
    ) -> Decision:
        """Decide one call. `id` is the framework's own for the call, `built` its object of the
        tool, None where it has no such tool. Raises nothing."""
        try:
            self._drop(id)
            if built is not None and self._reviewer.refuses(tool, built):
                return self._changed(tool)

            def work() -> tuple[Verdict, Ticket | str | None]:
                verdict = self.session.check(tool, args, id=id)
                return verdict, verdict.ticket

            return self._decision(tool, id, *bounded(work, self.seconds))
        except Exception:
            return self._failed(tool)

    async def acheck(
        self, tool: str, args: Mapping[str, object], *, id: str, built: object = None
    ) -> Decision:
        """`check`, without blocking the event loop."""
        try:
            self._drop(id)
            if built is not None and self._reviewer.refuses(tool, built):
                return self._changed(tool)

            async def work() -> tuple[Verdict, Ticket | str | None]:
                verdict = await self.session.acheck(tool, args, id=id)
                return verdict, verdict.ticket

            return self._decision(tool, id, *await abounded(work(), self.seconds))
        except Exception:
            return self._failed(tool)

    def reviewed(self, tool: str, built: object) -> None:
        """What a check does with `built`, where that is known at the tool alone. Raises
        RefusedError where the tool is locked, and is not as it was locked."""
        if self._reviewer.refuses(tool, built):
            raise RefusedError(Refuse(tool, feedback.changed(tool)))

    def _drop(self, id: str) -> None:
        """Whatever was allowed under this id before; also where the check that is next fails."""
        with self._lock:
            self._waiting.pop(id, None)

    def _changed(self, tool: str) -> Refuse:
        log.warning("a call of %r is refused: the tool is not as it was locked", tool)
        return Refuse(tool, feedback.changed(tool))

    def _failed(self, tool: str) -> Refuse:
        log.exception("a check failed; the call is refused")
        return Refuse(tool, feedback.unavailable(tool))

    def _decision(
        self, tool: str, id: str, verdict: Verdict, ticket: Ticket | str | None
    ) -> Decision:
        self._drop(id)
        if verdict.outcome == "allow" and ticket is not None:
            run = Run(tool, id, ticket)
            with self._lock:
                self._waiting[id] = run
                if len(self._waiting) > MOST_WAITING:
                    self._waiting.popitem(last=False)
            return run
        text = self._feedback.text(verdict) or feedback.unavailable(tool)
        if verdict.outcome == "escalate" and verdict.approval is not None:
            return Ask(tool, text, verdict.approval)
        return Refuse(tool, text)

    def allowed(self, tool: str | None, id: str) -> Run:
        """What the last check of this id allowed, once: for a framework whose hook and whose tool
        are two places. `tool`: the name it has to be of, where the tool knows the checked one.
        Raises RefusedError where it allowed nothing."""
        with self._lock:
            run = self._waiting.pop(id, None)
        if run is None or tool not in (None, run.tool):
            named = tool or "The tool"
            raise RefusedError(Refuse(named, feedback.unavailable(named)))
        return run

    # --- redeem and settle

    @contextmanager
    def holding(self, run: Run) -> Iterator[None]:
        """Around what leads to the tool, where a framework has such a place: a call that never came
        to it gives back at once what was reserved."""
        try:
            yield
        finally:
            if not run.begun:
                self._settle(run, "cancelled")

    @asynccontextmanager
    async def aholding(self, run: Run) -> AsyncIterator[None]:
        """`holding`, without blocking the event loop."""
        try:
            yield
        finally:
            if not run.begun:
                await self._asettle(run, "cancelled")

    def hold(self, run: Run) -> None:
        """Where a framework's hook ends before the tool, and nothing stands around both: a call
        that did not come to its tool gives back what was reserved when the running task ends, which
        has to be the tool's own, or one around it."""
        task = asyncio.current_task()
        if task is None:
            return
        with self._lock:
            held = self._held.get(task)
            if held is None:
                held = self._held[task] = {}
                task.add_done_callback(self._abandoned)
            held[run.id] = run
            run.held = held

    def _abandoned(self, task: asyncio.Task[Any]) -> None:
        with self._lock:
            runs = list(self._held.pop(task, {}).values())
        for run in runs:
            self._forget(run)
            # The loop may be about to close: whoever cancels a run often ends it, too.
            threading.Thread(target=self._settle, args=(run, "cancelled"), name="licet").start()

    def _begin(self, run: Run) -> None:
        run.begun = True
        if run.held is not None:
            with self._lock:
                run.held.pop(run.id, None)

    @contextmanager
    def running(self, run: Run, args: Mapping[str, object]) -> Iterator[Call]:
        """Around the tool: `with gate.running(run, args) as call: call.result = f(**call.args)`.

        Raises RefusedError before the tool where the arguments are not those that were checked, the
        ticket is spent, or the guard cannot say.
        """
        guard = self.session.guard
        self._begin(run)
        try:
            call = Call(bounded(lambda: guard.redeem(run.ticket, args), self.seconds).args)
        except Exception as error:
            raise self._unredeemed(run, error) from None
        except BaseException:  # the tool is not reached: given back, unless it was redeemed by then
            self._settle(run, "cancelled")
            raise
        finally:
            self._forget(run)
        try:
            yield call
        except BaseException as error:
            self._settle(run, _ending(error))
            raise
        self._settle(run, "error" if call.failed else "ok", call.result)

    def _settle(self, run: Run, ending: Ending, result: object = None) -> None:
        guard = self.session.guard
        try:
            told = _plain(result) if ending == "ok" else None
            bounded(lambda: guard.settle(run.ticket, ending, told), self.seconds)
        except Exception as error:  # the tool has run: what it spent stays spent
            log.warning("how a call of %r ended could not be written down: %s", run.tool, error)

    @asynccontextmanager
    async def arunning(self, run: Run, args: Mapping[str, object]) -> AsyncIterator[Call]:
        """`running`, without blocking the event loop."""

        async def redeem() -> RunningCall:
            return await self.session.guard.aredeem(run.ticket, args)

        self._begin(run)
        try:
            call = Call((await abounded(redeem(), self.seconds)).args)
        except Exception as error:
            raise self._unredeemed(run, error) from None
        except BaseException:
            await self._asettle(run, "cancelled")
            raise
        finally:
            self._forget(run)
        try:
            yield call
        except BaseException as error:
            await self._asettle(run, _ending(error))
            raise
        await self._asettle(run, "error" if call.failed else "ok", call.result)

    async def _asettle(self, run: Run, ending: Ending, result: object = None) -> None:
        async def settle() -> None:
            told = _plain(result) if ending == "ok" else None
            await self.session.guard.asettle(run.ticket, ending, told)

        async def settled() -> None:
            try:
                await abounded(settle(), self.seconds)
            except Exception as error:
                log.warning("how a call of %r ended could not be written down: %s", run.tool, error)

        # A task of its own: who is cancelled may be cancelled again while this is written down.
        task = asyncio.ensure_future(settled())
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        await asyncio.shield(task)

    def _forget(self, run: Run) -> None:
        with self._lock:
            if self._waiting.get(run.id) is run:
                del self._waiting[run.id]

    def _unredeemed(self, run: Run, error: Exception) -> RefusedError:
        log.warning("an allowed call of %r is refused at the tool: %s", run.tool, error)
        return RefusedError(Refuse(run.tool, feedback.altered(run.tool)))


def _ending(error: BaseException) -> Ending:
    return "error" if isinstance(error, Exception) else "cancelled"


def _plain(result: object) -> object:
    """Models and dataclasses as the mappings that they are written as; all else as it is."""
    dump = getattr(result, "model_dump", None)
    if callable(dump):
        return dump(mode="json")
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return dataclasses.asdict(result)
    return result
