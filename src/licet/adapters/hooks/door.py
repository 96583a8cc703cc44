"""The door of a guard that coding agents knock at: events in, what the agent obeys out.

`HookDoor.answer` takes an event's decoded JSON and gives the response's JSON, for an HTTP route;
`HookDoor.reply` takes raw bytes and gives exit code and output, for a process. Neither raises.

An allowed call is redeemed when it is allowed, because the hook is not at the tool: the tool may
run from then on, so what was reserved stays spent unless the tool's end says otherwise.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pwd
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from licet.adapters.calls.reading import UnreadableCallError, WrittenCall
from licet.adapters.catalogs.extras import MissingExtraError
from licet.adapters.feedback import Feedback, Feedbacks
from licet.verifier.approvals import ApprovalError
from licet.verifier.guard import Guard
from licet.verifier.redeeming import RedeemError, SettleError
from licet.verifier.tickets import Ticket
from licet.verifier.verdict import Verdict

from .answers import can_ask, question, reason_of, refusal
from .events import AFTER, ASKED, QUIET, Event, EventError, read_event
from .mapping import calls_of, digest_parts
from .own_files import OwnFiles

log = logging.getLogger("licet")

MAX_OPEN: Final = 10_000
SECONDS: Final = 15.0
OWN_FILES = (
    "licet: this may touch the guard's own files or the settings that start it. "
    "No policy allows that: ask the user to change them by hand."
)


class Reply(NamedTuple):
    """What a hook's process says, as a process does."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class HookSettings:
    """The host's word: who acts, who sits at the agent's prompt (None: nobody who may approve),
    whether that prompt is used, and the programs whose command lines are read as calls."""

    principal: Mapping[str, object] = field(default_factory=dict)
    approver: Mapping[str, object] | None = None
    ask: bool = True
    commands: frozenset[str] = frozenset()


@dataclass
class _Open:
    """A call that was answered: what it was, and its answer as soon as there is one."""

    digest: bytes
    answer: Future[dict[str, object]] = field(default_factory=Future)
    tickets: tuple[Ticket, ...] = ()
    asked: tuple[str, ...] = ()
    calls: tuple[WrittenCall, ...] = ()
    ended: bool = False


class OpenCalls:
    """The calls of all sessions that were answered, the oldest forgotten first, and what was said
    of them. Outlives a door that is replaced. Safe to share between threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._feedbacks = Feedbacks()
        self._calls: OrderedDict[tuple[str, str, str], _Open] = OrderedDict()

    def entered(self, event: Event) -> tuple[_Open, bool]:
        """The event's call, and whether it is new."""
        with self.lock:
            found = self._calls.get(event.key)
            if found is not None:
                return found, False
            made = self._calls[event.key] = _Open(digest_of(event))
            while len(self._calls) > MAX_OPEN:
                self._calls.popitem(last=False)
            return made, True

    def ended(self, event: Event) -> _Open | None:
        """The call that an event ends, the first time."""
        with self.lock:
            found = self._calls.get(event.key)
            if found is None or found.ended:
                return None
            found.ended = True
            return found

    def feedback(self, event: Event) -> Feedback:
        """What the event's session was told before."""
        return self._feedbacks.of(event.key[:2])

    def asks(self, call: _Open, ids: tuple[str, ...]) -> bool:
        """Note what a call waits for at the prompt; False where another waits for the same."""
        with self.lock:
            waiting = {id for each in self._calls.values() if not each.ended for id in each.asked}
            if waiting.intersection(ids):
                return False
            call.asked = ids
            return True

    def is_open(self, event: Event) -> bool:
        """Whether just this call was let through in its session, and has not ended."""
        wanted = digest_of(event)
        with self.lock:
            return any(
                key[:2] == event.key[:2]
                and call.digest == wanted
                and not call.ended
                and bool(call.tickets or call.asked)
                for key, call in self._calls.items()
            )


def digest_of(event: Event) -> bytes:
    """Of the tool and what it is called with."""
    parts = json.dumps([event.tool, digest_parts(event)], sort_keys=True, default=str)
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).digest()


class HookDoor:
    """Answers the events of coding agents by one guard. Safe to share between threads."""

    def __init__(
        self,
        guard: Guard,
        *,
        own: OwnFiles,
        settings: HookSettings | None = None,
        open_calls: OpenCalls | None = None,
    ) -> None:
        self.guard = guard
        self._own = own
        self._settings = settings or HookSettings()
        self._open = open_calls or OpenCalls()

    def reply(self, agent: str, data: bytes) -> Reply:
        """The answer to an event's bytes, as a process says it: exit code 2 where the event or the
        guard failed, so that no answer is mistaken."""
        event: Event | None = None
        try:
            event = read_event(agent, data)
            answer = self._answered(event)
        except Exception as error:
            return Reply(2, "", _failure(event, error) + "\n")
        return Reply(0, json.dumps(answer) + "\n" if answer else "", "")

    def answer(self, agent: str, event: object) -> dict[str, object]:
        """The response's JSON to an event's; `{}` says nothing, which lets a call through to the
        agent's own permissions."""
        read: Event | None = None
        try:
            read = read_event(agent, event)
            return self._answered(read)
        except Exception as error:
            return refusal(read, _failure(read, error))

    def _answered(self, event: Event) -> dict[str, object]:
        if event.name in QUIET:
            return {}
        if event.name in AFTER:
            return self._after(event)
        if event.name == ASKED:
            if self._open.is_open(event):
                return {}
            return refusal(event, "licet: refused: this call is not one that was checked.")
        return self._before(event)

    # --- before a tool runs

    def _before(self, event: Event) -> dict[str, object]:
        call, new = self._open.entered(event)
        if not new:
            if call.digest != digest_of(event):
                return refusal(event, "licet: refused: this call's id was used for another call.")
            if call.ended:
                return refusal(event, "licet: refused: this call has been made already.")
            return call.answer.result(SECONDS)
        try:
            answer = self._decided(event, call)
        except BaseException as error:
            answer = refusal(event, _failure(event, error))
            if not isinstance(error, Exception):
                raise
        finally:
            if not call.answer.done():
                call.answer.set_result(refusal(event, "licet: the guard failed; this was not run"))
        return answer

    def _decided(self, event: Event, call: _Open) -> dict[str, object]:
        answer = self._judged(event, call)
        call.answer.set_result(answer)
        return answer

    def _judged(self, event: Event, call: _Open) -> dict[str, object]:
        if self._own.touched(event):
            return refusal(event, OWN_FILES)
        call.calls = calls_of(event, self.guard.program.catalog, self._settings.commands)
        verdicts = [self._check(event, n, each) for n, each in enumerate(call.calls)]
        refused = next((v for v in verdicts if v.outcome == "deny"), None)
        if refused is not None:
            self._give_back(verdicts)
            return refusal(event, reason_of(refused, self._open.feedback(event)))
        waiting = [v for v in verdicts if v.outcome == "escalate"]
        if waiting:
            self._give_back(verdicts)
            return self._escalated(event, call, waiting)
        call.tickets = self._redeemed(call.calls, verdicts)
        return {}

    def _escalated(self, event: Event, call: _Open, waiting: list[Verdict]) -> dict[str, object]:
        ids = tuple(v.approval for v in waiting if v.approval is not None)
        reason = "\n".join(reason_of(v, self._open.feedback(event)) for v in waiting)
        if can_ask(event) and self._may_agree(ids) and self._open.asks(call, ids):
            return question(event, reason)
        return refusal(
            event,
            f"{reason}\nThis waits for somebody's approval ({', '.join(ids)}). "
            "Go on with other work; make the same call again once it is given.",
        )

    def _may_agree(self, ids: tuple[str, ...]) -> bool:
        """Whether the one who sits at the prompt is enough for all that is asked."""
        if not self._settings.ask or self._settings.approver is None or len(set(ids)) < len(ids):
            return False
        approver = self._host("principal", dict(self._settings.approver))
        return all(self.guard.would_complete(id, approver=approver) for id in ids)

    def _check(self, event: Event, number: int, call: WrittenCall) -> Verdict:
        id = hashlib.sha256("\0".join((*event.key, str(number))).encode()).hexdigest()
        return self.guard.check(
            {
                "tool": call.tool,
                "args": call.args,
                "id": id,
                "session": {"id": f"{event.agent}:{event.session}"},
                "principal": self._host("principal", self._principal(event)),
                "context": self._host("context", self._context(event)),
            }
        )

    def _redeemed(
        self, calls: tuple[WrittenCall, ...], verdicts: list[Verdict]
    ) -> tuple[Ticket, ...]:
        """The tickets, spent. Raises RedeemError, and gives back those that are not spent yet."""
        found: list[Ticket] = []
        try:
            for call, verdict in zip(calls, verdicts, strict=True):
                ticket = verdict.ticket
                self.guard.redeem(ticket, call.args)
                assert ticket is not None
                found.append(ticket)
        except Exception:
            self._give_back(verdicts[len(found) :])
            raise
        return tuple(found)

    def _give_back(self, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            if verdict.outcome == "allow" and verdict.ticket is not None:
                try:
                    self.guard.settle(verdict.ticket, "cancelled")
                except SettleError as odd:
                    log.warning("%s", odd)

    # --- after it

    def _after(self, event: Event) -> dict[str, object]:
        call = self._open.ended(event)
        if call is None:
            return {}
        ok = event.name == AFTER[0]
        changed = call.digest != digest_of(event)
        counted = not call.asked or self._agreed(event, call)
        for number, ticket in enumerate(call.tickets):
            result = event.response if number == 0 else None
            try:
                # What ran is not what was checked, or says no more than that something went wrong:
                # that is not an atomic tool's word that it has done nothing.
                self.guard.settle(ticket, "ok" if ok and not changed else "cancelled", result)
            except SettleError as odd:
                log.warning("%s", odd)  # written down as unknown; the tool has run all the same
            except Exception:  # nothing that the model could mend: what was spent stays spent
                log.exception("how a call of %s ended could not be written down", event.tool)
        if changed:
            log.error("a call of %s ran with other arguments than were checked", event.tool)
            return refusal(
                event,
                "licet: the call ran with other arguments than were checked: another hook changed "
                "them. Stop, and tell the user.",
            )
        if not counted:
            return refusal(
                event,
                "licet: the call ran, but could not be written down as approved. Stop, and tell "
                "the user.",
            )
        return {}

    def _agreed(self, event: Event, call: _Open) -> bool:
        """Somebody let the call through at the prompt: whether that is written down, and the call
        counted as made."""
        approver = self._host("principal", dict(self._settings.approver or {}))
        try:
            for id in call.asked:
                self.guard.approve(id, approver=approver)
            verdicts = [self._check(event, n, each) for n, each in enumerate(call.calls)]
            if all(v.allowed for v in verdicts):
                call.tickets = self._redeemed(call.calls, verdicts)
                return True
            self._give_back(verdicts)
            log.error("a call of %s was let through at the prompt alone", event.tool)
        except (ApprovalError, RedeemError) as error:
            log.error("a call of %s was let through at the prompt alone: %s", event.tool, error)
        return False

    # --- what the host says

    def _principal(self, event: Event) -> dict[str, object]:
        return {"id": event.agent, "user": _user(), **self._settings.principal}

    @staticmethod
    def _context(event: Event) -> dict[str, object]:
        return {"cwd": event.cwd, **(event.context or {})}

    def _host(self, root: str, known: dict[str, object]) -> dict[str, object]:
        """Of what is known, the fields that the policy declares."""
        record: Any = getattr(self.guard.program, root)
        return {each.name: known[each.name] for each in record.fields if each.name in known}


def _user() -> str:
    """The login name, by the system's own word and not by the environment's."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _failure(event: Event | None, error: BaseException) -> str:
    """A reason without anything of the event's values."""
    if isinstance(error, UnreadableCallError):
        return f"licet: this call cannot be read, so it is refused: {error}"
    if isinstance(error, EventError | MissingExtraError):
        return f"licet: refused: {error}"
    log.error("the hook failed", exc_info=error)
    failed = f"licet: the guard failed ({type(error).__name__})"
    if event is not None and event.name in AFTER:
        return f"{failed}; the call ran, and how it ended is not written down"
    return f"{failed}; the call was not run"
