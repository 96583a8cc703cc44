"""Approvals: asking people whether one call may run, and what their answers are worth.

An approval is for one call of one principal with its exact arguments, under one policy and
catalog. It is asked for once, answered by people whom the rules name and who do not stand behind
the call themselves, expires, and is good for one use. It settles nothing else: when it is used,
the call is decided afresh, budgets and facts included.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from licet.compiler import ir
from licet.compiler.clock import Clock, format_time
from licet.compiler.evaluation import UnknownRead, WrongType, evaluate
from licet.compiler.exact_json import canonical, decode
from licet.compiler.intake import BadValue, validator
from licet.compiler.program import Program
from licet.compiler.types import OptionalType, Value
from licet.compiler.world import World

from .action import Action
from .admission import Admission, Refused, path_text
from .delegation import chain
from .history import StoredApproval, Transaction
from .proposing import Proposal, binding_of
from .sitting import SLACK, Sitting

ApprovalState = Literal["open", "approved", "rejected", "used", "expired"]

#: Is called in the transaction in which somebody is asked or has answered, with the approval's id.
Announce = Callable[[Transaction, str], object]


class ApprovalError(ValueError):
    """An answer that does not count; the text says why, to whoever gave it."""


@dataclass(frozen=True, slots=True)
class AskingRule:
    """A rule that asks: how many people it wants, and those who have agreed so far."""

    name: str
    where: str
    message: str
    needs: int
    agreed: tuple[str, ...] = ()

    def plain(self) -> dict[str, object]:
        """As JSON, for whoever is asked; where it stands in the policy is no part of it."""
        return {
            "name": self.name,
            "message": self.message,
            "needs": self.needs,
            "agreed": list(self.agreed),
        }


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person is asked, and what has been said. Instants are microseconds.

    `call` is the whole call as JSON data: its `args` come from a model and are nobody's word;
    show them quoted. `rules` are the rules that ask. `principal` is who acts. `tenant` is empty
    where a service does not say it: whose key it was.
    """

    id: str
    state: ApprovalState
    tool: str
    call: Mapping[str, Any]
    principal: Mapping[str, Any]
    session: str
    rules: tuple[AskingRule, ...]
    asked: int
    expires: int
    rejected_by: str | None = None
    tenant: str = ""

    @property
    def args(self) -> Mapping[str, Any]:
        return cast(Mapping[str, Any], self.call["args"])

    def plain(self) -> dict[str, object]:
        """As JSON, for whoever may see it; never a ticket."""
        return {
            "id": self.id,
            "state": self.state,
            "tool": self.tool,
            "args": self.args,
            "principal": self.principal,
            "session": self.session,
            "rules": [rule.plain() for rule in self.rules],
            "asked": format_time(self.asked),
            "expires": format_time(self.expires),
            "rejected_by": self.rejected_by,
        }


def read(stored: StoredApproval, now: int, tenant: str) -> Approval:
    """An approval as people see it; one whose time is over has expired."""
    data = decode(stored.document)
    state = stored.state
    if state in ("open", "approved") and stored.expires <= now:
        state = "expired"
    return Approval(
        stored.id,
        cast(ApprovalState, state),
        data["call"]["tool"],
        data["call"],
        data["call"].get("principal", {}),
        stored.session,
        tuple(
            AskingRule(r["name"], r["where"], r["message"], r["needs"], tuple(r["agreed"]))
            for r in data["rules"]
        ),
        stored.asked,
        stored.expires,
        data["rejected_by"],
        tenant,
    )


@dataclass(frozen=True, slots=True)
class _Theirs:
    """An approval as its document has it, who answers it, and the rules that ask them."""

    stored: StoredApproval
    data: dict[str, Any]
    who: str
    mine: list[dict[str, Any]]


class Approvals:
    """The approvals of one program. `seconds`: how long one is open; `most`: how many a session
    may have open at once. What `announce` writes stands or falls with what it is about."""

    def __init__(
        self,
        program: Program,
        admission: Admission,
        clock: Clock,
        *,
        seconds: float,
        most: int,
        announce: Announce | None,
    ) -> None:
        self._program = program
        self._admission = admission
        self._clock = clock
        self._life = int(seconds * 1_000_000)
        self._most = most
        self._announce = announce
        self._approver = validator(program.principal, clock)

    # --- deciding

    def standing(self, sitting: Sitting, proposal: Proposal) -> StoredApproval | None:
        """The approval of exactly this call that has not expired and was not used."""
        for found in sitting.tx.approvals_for(binding_of(proposal, self._program)):
            if found.state not in ("open", "approved", "rejected"):
                continue
            if found.expires <= sitting.now:
                sitting.tx.put_approval(replace(found, state="expired"))  # for good: clocks go back
            elif found.asked <= sitting.now + SLACK:
                return found
        return None

    def covers(self, stored: StoredApproval, rules: Iterable[str]) -> bool:
        """Whether all of these rules have what they asked for."""
        if stored.state != "approved":
            return False
        agreed = {r["name"]: len(r["agreed"]) >= r["needs"] for r in _rules(stored)}
        return all(agreed.get(name, False) for name in rules)

    def use(self, sitting: Sitting, stored: StoredApproval, call_id: str) -> None:
        """It has been used for a call, and is good for no other."""
        sitting.tx.put_approval(replace(stored, state="used"))
        self._note(sitting, stored, "used", {"text": f"for the call {call_id}"})

    def ask(
        self,
        sitting: Sitting,
        proposal: Proposal,
        call: Mapping[str, object],
        asking: Sequence[tuple[ir.Rule, str]],
    ) -> StoredApproval | None:
        """The approval that stands open for this call, asked for now if it was not before; None
        where the session has too many open already. `asking`: the rules with what they say."""
        standing = self.standing(sitting, proposal)
        names = {rule.name for rule, _ in asking}
        if standing is not None and names <= {r["name"] for r in _rules(standing)}:
            return standing
        principal, session = proposal.principal, proposal.session or ""
        if sitting.tx.count_approvals(principal, session, "open") >= self._most:
            self._expire(sitting)
            if sitting.tx.count_approvals(principal, session, "open") >= self._most:
                return None
        rules = {
            rule.name: {
                "name": rule.name,
                "where": str(rule.span),
                "message": message,
                "needs": rule.needs,
                "agreed": [],
            }
            for rule, message in asking
        }
        document = {
            "call": call,
            "rules": list(rules.values()),
            "rejected_by": None,
            "bundle": [self._program.digest, self._program.catalog.digest],
        }
        stored = StoredApproval(
            f"{sitting.now:016x}-{secrets.token_hex(6)}",
            binding_of(proposal, self._program),
            principal,
            session,
            "open",
            sitting.now,
            sitting.now + self._life,
            canonical(document).decode(),
        )
        self._put(sitting, stored)
        self._note(sitting, stored, "asked", {"call": call, "rules": list(rules)})
        return stored

    def _expire(self, sitting: Sitting) -> None:
        """Mark what is over as over, so that it is not counted as open."""
        after = ""
        while found := sitting.tx.approvals("open", after, 100):
            for one in found:
                if one.expires <= sitting.now:
                    sitting.tx.put_approval(replace(one, state="expired"))
            after = found[-1].id

    # --- answering

    def answer(
        self, sitting: Sitting, id: str, approver: Mapping[str, object], *, agrees: bool
    ) -> StoredApproval:
        """Somebody agrees or does not. Raises ApprovalError where it is not theirs to say."""
        theirs = self._theirs(sitting, id, approver)
        stored, data, who, mine = theirs.stored, theirs.data, theirs.who, theirs.mine
        if agrees:
            if all(who in rule["agreed"] for rule in mine):
                raise ApprovalError(f"{who} has agreed already; somebody else has to")
            for rule in mine:
                if who not in rule["agreed"]:
                    rule["agreed"].append(who)
            done = all(len(r["agreed"]) >= r["needs"] for r in data["rules"])
            state = "approved" if done else "open"
        else:
            data["rejected_by"] = who
            state = "rejected"
        answered = replace(stored, state=state, document=canonical(data).decode())
        self._put(sitting, answered)
        event = "approved" if agrees else "rejected"
        self._note(sitting, answered, event, {"by": who, "rules": [r["name"] for r in mine]})
        return answered

    def would_complete(self, sitting: Sitting, id: str, approver: Mapping[str, object]) -> bool:
        """Whether nothing more would be wanted if this person agreed."""
        try:
            theirs = self._theirs(sitting, id, approver)
        except ApprovalError:
            return False
        return all(
            len({*rule["agreed"], *((theirs.who,) if rule in theirs.mine else ())}) >= rule["needs"]
            for rule in theirs.data["rules"]
        )

    def objection(self, sitting: Sitting, id: str, approver: Mapping[str, object]) -> str | None:
        """Why this person's answer would not count; None if it would."""
        try:
            self._theirs(sitting, id, approver)
        except ApprovalError as error:
            return str(error)
        return None

    def _theirs(self, sitting: Sitting, id: str, approver: Mapping[str, object]) -> _Theirs:
        """An open approval that is somebody's to answer. Raises ApprovalError."""
        stored = sitting.tx.approval(id)
        if stored is None:
            raise ApprovalError("there is no such approval")
        if stored.state != "open":
            raise ApprovalError(f"this approval is {stored.state} already")
        if stored.expires <= sitting.now:
            raise ApprovalError("this approval has expired")
        who, record = self._person(approver)
        data = decode(stored.document)
        bundle = [self._program.digest, self._program.catalog.digest]
        if data["bundle"] != bundle or sitting.is_stale:
            raise ApprovalError("the policy has changed since: the call has to be made again")
        world = self._world(data["call"])
        behind = chain(world.principal)
        if behind is None:
            raise ApprovalError("it is not known on whose behalf this call is made")
        if who in behind:
            raise ApprovalError(f"{who} stands behind this call and cannot approve it")
        mine = [r for r in data["rules"] if self._may(r["name"], world, record)]
        if not mine:
            raise ApprovalError(f"{who} is not one of those whom the policy asks")
        return _Theirs(stored, data, who, mine)

    def _put(self, sitting: Sitting, stored: StoredApproval) -> None:
        """Write down what others are to be told of."""
        sitting.tx.put_approval(stored)
        if self._announce is not None:
            self._announce(sitting.tx, stored.id)

    def _note(
        self, sitting: Sitting, stored: StoredApproval, event: str, more: Mapping[str, object]
    ) -> None:
        body = {"approval": stored.id, "event": event, "binding": stored.binding, **more}
        sitting.note("approval", body)

    def _person(self, approver: Mapping[str, object]) -> tuple[str, dict[str, Value]]:
        try:
            record = self._approver(approver, ("approver",))
        except BadValue as bad:
            problem = bad.problems[0]
            raise ApprovalError(
                f"the approver is not as the policy's `principal`: `{path_text(problem.path)}` "
                f"must be {problem.expected}"
            ) from None
        assert isinstance(record, dict)
        who = record.get("id")
        if not isinstance(who, str) or not who:
            raise ApprovalError("an approver is known by `id`: declare it in `principal`")
        return who, record

    def _world(self, call: Mapping[str, Any]) -> World:
        try:
            action = Action.from_mapping(call)
            return self._admission.world(self._admission.tool(action.tool), action)
        except (Refused, ValueError):
            raise ApprovalError("the call does not fit the policy any more") from None

    def _may(self, name: str, world: World, record: dict[str, Value]) -> bool:
        """Whether a rule that asks would take this person's word. Unknown is no."""
        world.approver = record
        for rule in self._program.rules[world.tool].escalations:
            if rule.name != name or rule.approver is None:
                continue
            bound: dict[int, Value] = {}
            try:
                for let in rule.lets:
                    value = evaluate(let.value, world, self._clock, bound)
                    if value is None and isinstance(let.value.type, OptionalType):
                        return False
                    bound[let.var.slot] = value
                return evaluate(rule.approver, world, self._clock, bound) is True
            except (UnknownRead, WrongType):
                return False
        return False


def _rules(stored: StoredApproval) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], decode(stored.document)["rules"])


def open_approvals(tx: Transaction, now: int) -> list[Approval]:
    """All that wait for somebody, oldest first."""
    found: list[Approval] = []
    after = ""
    while batch := tx.approvals("open", after, 200):
        found += [read(one, now, tx.tenant) for one in batch if one.expires > now]
        after = batch[-1].id
    return found
