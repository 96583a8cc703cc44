"""Batches: a call of a tool that is declared `dispatch`, judged together with all calls in it.

The call itself and every call in it, of inner batches too, are decided in their order inside one
transaction, each seeing those before it as reserved. If one is not allowed, none is: the
transaction is undone. The batch has the one ticket that runs it; its parts have tickets that say
how each ended and can run nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from licet.compiler.encoding import States
from licet.compiler.values import render
from licet.compiler.world import UNKNOWN

from .action import ActionError
from .admission import Refused, brief
from .answering import fault
from .batches import MAX_CALLS, MAX_NESTING, UnreadableBatchError, inner_calls
from .deciding import Check, Decider
from .evaluating import FactKey
from .proposing import Proposal
from .random_texts import new_nonce
from .refusing import Refusal
from .reserving import MAX_ROUNDS, forget_history
from .sitting import Sitting
from .tickets import frozen
from .verdict import Outcome, Verdict, Violation


@dataclass(frozen=True, slots=True)
class _Part:
    """A call that a batch makes, the batch's own first. `path` leads to its arguments."""

    proposal: Proposal
    path: str
    title: str

    def placed(self, violations: Sequence[Violation]) -> tuple[Violation, ...]:
        """What is wrong with the call, as something that is wrong with the batch."""
        return tuple(
            replace(
                found,
                message=f"{self.title}{found.message}",
                shown_message=f"{self.title}{found.shown_message}",
                path=self.where(found.path),
            )
            for found in violations
        )

    def where(self, path: str | None) -> str | None:
        if path is None or not self.title:
            return path
        if path == "args" or path.startswith(("args.", "args[")):
            return self.path + path.removeprefix("args")
        return self.path if path == "tool" else path


@dataclass(frozen=True, slots=True)
class _Passed:
    """A refusal that observe mode lets through."""

    verdict: Verdict
    states: States


@dataclass(frozen=True, slots=True)
class _Open:
    """Where a transaction stopped: the part, and what is missing or how far it is settled."""

    index: int = 0
    missing: tuple[FactKey, ...] = ()
    outcome: Outcome | None = None
    states: States = ()


class _Undone(Exception):  # noqa: N818 - an answer, not an accident
    """Takes the transaction back."""

    def __init__(self, stopped: _Open) -> None:
        super().__init__()
        self.stopped = stopped


class BatchDecider(Decider):
    """Decides batches as one, and every other call as `Decider` does."""

    def _decide_with_memory(self, proposal: Proposal) -> Check:
        if not proposal.tool.dispatch:
            return (yield from super()._decide_with_memory(proposal))
        if proposal.action.history is not None:
            text = "a batch is not decided on a history that comes with it: check its calls"
            raise Refused((fault(text),))
        return (yield from self._decide_batch(self._parts(proposal)))

    # --- reading

    def _parts(self, batch: Proposal) -> tuple[_Part, ...]:
        """The batch's own call and all calls in it. Raises Refused."""
        found = [_Part(batch, "args", "")]
        self._read(found[0], 0, found)
        nonces = [new_nonce() for _ in found]
        own = batch._replace(nonce=nonces[0], parts=tuple(nonces[1:]))
        parts = [replace(found[0], proposal=own)]
        for part, nonce in zip(found[1:], nonces[1:], strict=True):
            action = replace(part.proposal.action, id=f"part.{nonce}")
            inner = part.proposal._replace(action=action, nonce=nonce, part_of=own.nonce)
            parts.append(replace(part, proposal=inner))
        return tuple(parts)

    def _read(self, outer: _Part, depth: int, found: list[_Part]) -> None:
        batch = outer.proposal
        runs = frozen(batch.action.args, render(batch.world.args, batch.tool.params))
        try:
            if depth == MAX_NESTING:
                raise UnreadableBatchError(f"batches in batches, deeper than {MAX_NESTING}")
            calls = inner_calls(cast(Mapping[str, object], runs), batch.tool.params)
            if len(found) + len(calls) > MAX_CALLS + 1:
                raise UnreadableBatchError(f"over {MAX_CALLS} calls in one")
        except UnreadableBatchError as error:
            path = f"{outer.path}.{error.path}" if error.path else outer.path
            text = f"which calls `{batch.tool.qualified}` makes cannot be read: {error.reason}"
            raise Refused((Violation("bad_argument", text, text, path=path),)) from None
        for call in calls:
            number = len(found)
            path = f"{outer.path}.{call.path}"
            title = f"call {number} of the batch, `{brief(call.tool)}`: "
            part = _Part(batch, path, title)
            try:
                action = replace(batch.action, tool=call.tool, args=call.args, id=None)
                tool = self._admission.tool(action.tool, action.args)
                world = self._admission.world(tool, action)
                proposal = Proposal.of(
                    self._memory.writer, action, tool, world, batch.tenant, commit=batch.commit
                )
            except ActionError as error:
                text = f"{title}{error.message}"
                raise Refused((Violation("bad_argument", text, text, path=path),)) from None
            except Refused as refused:
                raise Refused(part.placed(refused.violations)) from None
            part = replace(part, proposal=proposal)
            found.append(part)
            if tool.dispatch:
                self._read(part, depth + 1, found)

    # --- deciding

    def _decide_batch(self, parts: tuple[_Part, ...]) -> Check:
        batch = parts[0].proposal
        given = None if batch.action.now is None else batch.world.now
        passed: dict[int, _Passed] = {}
        for _ in range((MAX_ROUNDS + 1) * len(parts)):
            attempt = partial(self._attempt_batch, parts, dict(passed), given)
            answer: Verdict | _Open | None = yield from self._in_store(attempt)
            if isinstance(answer, Verdict):
                return answer
            if answer is None:
                continue  # calls are still being counted
            part = parts[answer.index]
            one = part.proposal
            if answer.missing:
                yield from self._look_up(one.world, list(answer.missing))
                continue
            rules = self.program.rules[one.world.tool]
            refusal: Refusal = yield self._explaining(
                rules, one.world, one.tenant, answer.outcome, answer.states
            )
            if refusal.outcome == "allow":
                # A proof is good while nothing changes, and here the calls before it do.
                text = "it can be decided by a proof alone, so not in a batch: make it by itself"
                raise Refused(part.placed((fault(text),)))
            verdict = self._verdict(one.action, one.world.tool, refusal)
            if self._may_observe(verdict):
                passed[answer.index] = _Passed(verdict, refusal.states)
                continue
            verdict = yield from self._in_store(partial(self._conclude, one, rules, refusal))
            if verdict.allowed:  # observing began just now: the call alone was let through
                raise Refused(part.placed((fault("the guard's mode changed: try again"),)))
            return self._of_batch(batch, part, verdict)
        return self._refused(
            batch.action, batch.tool.qualified, (fault("facts nest too deep, in a batch"),)
        )

    def _attempt_batch(
        self, parts: tuple[_Part, ...], passed: Mapping[int, _Passed], given: object
    ) -> Verdict | _Open | None:
        """One transaction: all calls are reserved, or none."""
        batch = parts[0].proposal
        try:
            with self._memory.sit(batch.tenant) as sitting:
                if sitting.is_behind:
                    return None
                sitting.require_active()
                at = sitting.instant(given)
                again = self._again(sitting, batch)
                if again is not None:
                    return again
                verdicts = [
                    self._attempt_part(sitting, index, part, passed.get(index), given, at)
                    for index, part in enumerate(parts)
                ]
                tickets = tuple(v.ticket for v in verdicts[1:] if v.ticket is not None)
                observed = [
                    self._of_batch(batch, parts[index], one.verdict)
                    for index, one in sorted(passed.items())
                ]
                return replace(
                    verdicts[0], parts=tickets, observed=observed[0] if observed else None
                )
        except _Undone as undone:
            return undone.stopped

    def _attempt_part(
        self,
        sitting: Sitting,
        index: int,
        part: _Part,
        passed: _Passed | None,
        given: object,
        at: int,
    ) -> Verdict:
        one = part.proposal
        rules = self.program.rules[one.world.tool]
        one.world.now = UNKNOWN if given is UNKNOWN else at
        forget_history(one.world, self.program)
        try:
            outcome, states, missing = self._evaluate_with_history(sitting, one, rules, at)
            if missing:
                raise _Undone(_Open(index, tuple(missing)))
            if outcome == "allow":
                return self._reserve(sitting, one, rules, states, at)
            if outcome == "escalate":
                agreed = self._approved(sitting, one, rules, states, at)
                if agreed is not None:
                    return agreed
        except Refused as refused:
            raise Refused(part.placed(refused.violations)) from None
        if passed is not None:
            return self._reserve(sitting, one, rules, passed.states, at, passed.verdict)
        raise _Undone(_Open(index, (), outcome, states))

    def _of_batch(self, batch: Proposal, part: _Part, verdict: Verdict) -> Verdict:
        """The batch's verdict where one of its calls is refused, or asks somebody."""
        if not part.title:
            return verdict
        return replace(
            verdict,
            id=self._id(),
            tool=batch.tool.qualified,
            call_id=batch.action.id,
            violations=part.placed(verdict.violations),
            because=tuple(
                replace(reason, path=part.where(reason.path) or reason.path)
                for reason in verdict.because
            ),
            repair=None,  # that the calls after it would be allowed too is not known
            message=f"{part.title}{verdict.message}",
        )
