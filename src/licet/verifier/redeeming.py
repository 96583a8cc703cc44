"""Right at the tool: a ticket for the frozen arguments, once, and how the call ended.

From the moment that a ticket is redeemed the tool may have run. So what was reserved stays spent,
whatever comes after: an error, a crash, silence. It is given back only if the ticket was never
redeemed, or if the tool is declared `atomic` (a failed call of it has done nothing).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

from licet.compiler.exact_json import canonical, decode
from licet.compiler.intake import BadValue, validator
from licet.compiler.program import Program
from licet.compiler.types import JSON
from licet.compiler.values import render

from .action import Action
from .admission import Admission, Refused, problem_text
from .history import CallState, StoredCall
from .proposing import Proposal
from .records import CallRecord, record_of
from .remembering import Memory, said_of
from .sitting import SLACK, Sitting
from .tickets import Ticket, TicketError, arguments_digest, frozen, said_by

Ending = Literal["ok", "error", "cancelled"]
#: What became of saying how a call ended: it is written down; there is no such call; it ran with
#: other arguments than were allowed.
Ended = Literal["settled", "unknown", "changed"]
ENDINGS = ("ok", "error", "cancelled")


class RedeemError(Exception):
    """The tool must not run. The text says why, to the operator; it is not for a model."""


class SettleError(Exception):
    """How a call ended could not be written down as it was said."""


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A call that runs now: the ticket, and the arguments to run it with."""

    ticket: Ticket
    args: dict[str, Any]


class Redeemer:
    """Redeems and settles the tickets of one guard. Safe to share between threads."""

    def __init__(self, program: Program, admission: Admission, memory: Memory) -> None:
        self._program = program
        self._admission = admission
        self._memory = memory
        self._spent = _Spent()

    # --- redeeming

    def redeem(self, shown: Ticket | str, args: Mapping[str, object]) -> Redeemed:
        """The frozen arguments of a call, once. Raises RedeemError, and StoreError where the store
        failed: the tool must not run then either."""
        ticket = self._ticket(shown)
        arguments = self._arguments(ticket, args)
        if (ticket.policy, ticket.catalog) != (self._program.digest, self._program.catalog.digest):
            raise RedeemError("the policy or the catalog has changed since the call was allowed")
        if self._is_light(ticket):
            now = time.time_ns() // 1000
            if not self._memory.is_mine(ticket):
                raise RedeemError("the ticket was made by another process, which has to redeem it")
            with _refusing():
                self._memory.require_active(ticket.tenant)
            if ticket.expires <= now:
                raise RedeemError("the ticket has expired")
            if not self._spent.take(ticket):
                raise RedeemError("the ticket has been redeemed already")
            return Redeemed(ticket, arguments)
        with self._memory.sit(ticket.tenant) as sitting:
            call = self._call(sitting, ticket)
            refused, parts = self._ready(sitting, call)
            for one in (call, *parts):
                if not refused:
                    sitting.change(one, "redeemed", None)
                sitting.note(
                    "redemption",
                    {
                        "call": one.call_id,
                        "nonce": one.nonce,
                        "tool": one.tool,
                        "digest": one.digest,
                        "refused": refused or None,
                    },
                )
        if refused:
            raise RedeemError(refused)
        return Redeemed(ticket, arguments)

    def _ready(self, sitting: Sitting, call: StoredCall) -> tuple[str, list[StoredCall]]:
        """Why a call may not run, empty if it may; and the calls in it, if it is a batch."""
        try:
            sitting.require_active()
            record = record_of(call)
            if reason := self._refused(sitting, call, record):
                return reason, []
            parts = sitting.parts(record)
        except Refused as refused:
            return refused.violations[0].message, []
        if any(part.state != "reserved" for part in parts):
            return "a call of this batch is not reserved any more", []
        return "", parts

    def _refused(self, sitting: Sitting, call: StoredCall, record: CallRecord) -> str:
        if record.is_part:
            return "the call is part of a batch: it runs by the batch's ticket alone"
        if call.state == "cancelled":
            return "the ticket has expired, or was given back"
        if call.state != "reserved":
            return "the ticket has been redeemed already"
        if call.expires <= sitting.now:
            return "the ticket has expired"
        if sitting.now < record.issued - SLACK:
            return "the clock went back since the call was allowed"
        return ""

    def _ticket(self, shown: Ticket | str) -> Ticket:
        try:
            ticket = Ticket.read(shown) if isinstance(shown, str) else shown
            if not isinstance(ticket, Ticket):
                raise TicketError("this is not a ticket")
            self._memory.keys.check(ticket)
        except TicketError as error:
            raise RedeemError(str(error)) from None
        return ticket

    def _arguments(self, ticket: Ticket, args: Mapping[str, object]) -> dict[str, Any]:
        """The arguments that run: those that the ticket was made for."""
        tool = self._program.catalog.qualified.get(ticket.tool)
        if tool is None:
            raise RedeemError(f"there is no tool `{ticket.tool}` any more")
        try:
            admitted = self._admission.arguments(tool, args)
            arguments = frozen(args, render(admitted, tool.params))
            digest = arguments_digest(arguments)  # of what is handed out, not of `args`
        except (Refused, ValueError):
            raise RedeemError("the arguments are not those that were checked") from None
        if digest != ticket.digest:
            raise RedeemError("the arguments are not those that were checked")
        return cast(dict[str, Any], arguments)

    def _call(self, sitting: Sitting, ticket: Ticket) -> StoredCall:
        call = sitting.tx.call_by_nonce(ticket.nonce)
        if call is None:
            raise RedeemError("the store does not know this ticket")
        # A call that was given back may have left its id to a later one: then it stands under its
        # nonce, and its ticket still names it.
        left = call.state == "cancelled" and call.call_id == call.nonce
        known = call._replace(call_id=ticket.call_id) if left else call
        # that we have signed it is known already
        if said_of(known, ticket.tenant) != said_by(ticket):
            raise RedeemError("the ticket is not the one that was handed out for this call")
        return call

    def _is_light(self, ticket: Ticket) -> bool:
        own = None if ticket.call_id == ticket.nonce else ticket.call_id
        return self._memory.is_light(ticket.tool, own)

    # --- settling

    def settle(self, shown: Ticket | str, ending: Ending, result: object = None) -> None:
        """How a call ended; saying the same again changes nothing.

        `result` is what the tool answered, JSON-able, of a call that ended `ok`. What is not of the
        promised type is written down as such, counts as unknown, and raises SettleError.
        """
        if ending not in ENDINGS:
            raise ValueError(f"a call ends {', '.join(ENDINGS)}, not {ending!r}")
        ticket = self._ticket(shown)
        text, problem = self._result(ticket.tool, ending, result)
        if self._is_light(ticket):
            self._spent.take(ticket)
        else:
            with self._memory.sit(ticket.tenant) as sitting:
                self._settle(sitting, self._call(sitting, ticket), ending, text)
        if problem:
            raise SettleError(problem)

    def settle_call(
        self, action: Action, tenant: str, ending: Ending, result: object = None
    ) -> Ended:
        """How a call ended that was committed under its `id`, for a door that keeps no tickets.

        `action` is the call as it was proposed. One that ran with other arguments than were allowed
        has ended in nobody knows what way. Raises SettleError as `settle` does.
        """
        try:
            tool = self._admission.tool(action.tool, action.args)
            proposal = Proposal.of(
                self._memory.writer,
                action,
                tool,
                self._admission.world(tool, action),
                tenant,
                commit=True,
            )
        except Refused:
            return "unknown"
        text, problem = self._result(tool.qualified, ending, result)
        with self._memory.sit(tenant) as sitting:
            session = proposal.session or ""
            call = sitting.tx.call_by_id(proposal.principal, session, action.id or "")
            if call is None:
                return "unknown"
            same = (call.tool, call.digest) == (tool.qualified, proposal.digest)
            if same:
                self._settle(sitting, call, ending, text)
            elif call.state == "redeemed":
                self._settle(sitting, call, "cancelled", None)
        if problem and same:
            raise SettleError(problem)
        return "settled" if same else "changed"

    def _settle(
        self, sitting: Sitting, call: StoredCall, ending: Ending, result: str | None
    ) -> None:
        state: CallState = ending
        match call.state, ending:
            case "reserved", _ if record_of(call).is_part:
                raise SettleError("the call is part of a batch that has not run")
            case "reserved", "cancelled":
                pass
            case "reserved", _:
                raise SettleError("a call that was not redeemed cannot have run")
            case "redeemed", "cancelled":
                # It may have run: nothing is given back for saying otherwise. That a failed call of
                # an atomic tool has done nothing is for the tool to say.
                if self._memory.is_atomic(call.tool):
                    return
                state = "error"
            case "redeemed", _:
                pass
            case "cancelled", "cancelled":
                return
            case "error", "cancelled" | "error":
                return
            case "ok", "ok" if call.result == result:
                return
            case before, _:
                raise SettleError(f"the call has ended already: {before}")
        sitting.change(call, state, result)
        self._note_ending(sitting, call, state, result)
        # What is known of a whole batch is known of its calls only where that is: none of them has
        # run. Else each stays pending until somebody says how it ended.
        if state == "cancelled" or (state == "error" and self._memory.is_atomic(call.tool)):
            for part in _parts(sitting, call):
                if part.state in ("reserved", "redeemed"):
                    sitting.change(part, "cancelled", None)
                    self._note_ending(sitting, part, "cancelled", None)

    def _note_ending(
        self, sitting: Sitting, call: StoredCall, state: CallState, result: str | None
    ) -> None:
        body: dict[str, object] = {"call": call.call_id, "nonce": call.nonce, "outcome": state}
        if result is not None:
            body["result"] = decode(result)
        sitting.note("settlement", body)

    def _result(self, name: str, ending: Ending, result: object) -> tuple[str | None, str]:
        """What the tool answered, as text, and what is wrong with it."""
        if ending != "ok" or result is None:
            return None, ""
        tool = self._program.catalog.qualified.get(name)
        promised = None if tool is None else tool.result
        check = validator(JSON if promised is None else promised, self._memory.clock)
        try:
            checked = check(result, ("result",))
            return canonical(render(checked, JSON if promised is None else promised)).decode(), ""
        except BadValue as bad:
            problem = problem_text(bad.problems[0])
        except ValueError as error:
            problem = f"the result is not JSON: {error}"
        return _ODD, f"the result is not what `{name}` promises: {problem}"


def _parts(sitting: Sitting, call: StoredCall) -> list[StoredCall]:
    try:
        return sitting.parts(record_of(call))
    except Refused as refused:
        raise SettleError(refused.violations[0].message) from None


@contextmanager
def _refusing() -> Iterator[None]:
    """What would refuse a check refuses a ticket."""
    try:
        yield
    except Refused as refused:
        raise RedeemError(refused.violations[0].message) from None


#: What is written down where a tool answered something else than it promises.
_ODD = '{"$unknown":true}'


class _Spent:
    """The tickets of calls that are not kept, while they could still be shown again."""

    def __init__(self) -> None:
        self._expiry: dict[str, int] = {}

    def take(self, ticket: Ticket) -> bool:
        """Whether the ticket was not spent before. Atomic: `setdefault` is."""
        mark = object()
        table = cast(dict[str, Any], self._expiry)
        if table.setdefault(ticket.nonce, mark) is not mark:
            return False
        table[ticket.nonce] = ticket.expires
        if len(table) % 1024 == 0:
            now = time.time_ns() // 1000
            for nonce, expires in list(table.items()):
                if isinstance(expires, int) and expires < now:
                    table.pop(nonce, None)
        return True
