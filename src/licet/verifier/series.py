"""Calls in a row: each is decided for itself, after those before it, many in one transaction.

What is plainly allowed shares a transaction with its neighbours, in which each is decided and
reserved before the next is looked at. Where a call needs more (a fact to look up, a refusal to
explain, an answer that raises), the transaction ends before it, and it is decided by itself. So
each has the verdict that it would have had alone.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from licet.compiler.catalog import Tool
from licet.compiler.world import World

from .action import Action, ActionError
from .admission import brief
from .batching import BatchDecider
from .deciding import Effect
from .history import StoreError
from .proposing import Proposal
from .sitting import Sitting
from .verdict import Verdict

log = logging.getLogger("licet")

Series = Generator[Effect, Any, list[Verdict]]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A call that was admitted. `proposal` is None where it need not be kept."""

    action: Action
    tool: Tool
    world: World
    proposal: Proposal | None


@dataclass(frozen=True, slots=True)
class _Run:
    """The verdicts of one transaction. `lacking`: it ended where a fact has to be looked up."""

    verdicts: list[Verdict]
    lacking: bool = False


class SeriesDecider(BatchDecider):
    """Decides calls in a row, and every single one as `BatchDecider` does."""

    def check_all(
        self, actions: Sequence[Action | ActionError], tenant: str, *, commit: bool
    ) -> Series:
        """The verdicts, in order. Never raises for anything that a call can hold."""
        verdicts: list[Verdict] = []
        together = True
        while rest := actions[len(verdicts) :]:
            if together and (ready := self._ready(rest, tenant, commit)):
                try:
                    run: _Run = yield from self._in_store(partial(self._run, tenant, ready))
                except StoreError as error:
                    # Whether these count is not known, and it is no use to ask for the others.
                    log.error(
                        "the store failed; %d calls in a row are refused: %s", len(rest), error
                    )
                    return verdicts + [self._without_store(each, error) for each in rest]
                except Exception:
                    run, together = _Run([]), False  # by itself each is told what is wrong
                for one, verdict in zip(ready, run.verdicts, strict=False):
                    self._tell_beside(tenant, one.action, one.world, verdict)
                verdicts += run.verdicts
                together = together and not run.lacking
                if len(verdicts) == len(actions):
                    break
            following = actions[len(verdicts)]
            if isinstance(following, ActionError):
                verdicts.append(self.malformed(following))
            else:
                verdicts.append((yield from self.check(following, tenant, commit=commit)))
        return verdicts

    def _without_store(self, action: Action | ActionError, error: StoreError) -> Verdict:
        if isinstance(action, ActionError):
            return self.malformed(action)
        return self._store_failed(action, brief(action.tool), error)

    def _ready(
        self, actions: Sequence[Action | ActionError], tenant: str, commit: bool
    ) -> list[_Ready]:
        """The first of the calls, up to one that has to be looked at by itself."""
        found: list[_Ready] = []
        for action in actions:
            if isinstance(action, ActionError) or action.history is not None:
                break
            try:
                tool = self._admission.tool(action.tool, action.args)
                if tool.dispatch:
                    break
                world = self._admission.world(tool, action)
                proposal = None
                if not self._is_light(tool, action):
                    proposal = Proposal.of(
                        self._memory.writer, action, tool, world, tenant, commit=commit
                    )
            except Exception:
                break
            found.append(_Ready(action, tool, world, proposal))
        return found

    def _run(self, tenant: str, ready: Sequence[_Ready]) -> _Run:
        if all(one.proposal is None for one in ready):
            self._memory.require_active(tenant)
            return self._decide_run(None, tenant, ready)
        with self._memory.sit(tenant) as sitting:
            if sitting.is_behind:
                return _Run([])
            sitting.require_active()
            return self._decide_run(sitting, tenant, ready)

    def _decide_run(self, sitting: Sitting | None, tenant: str, ready: Sequence[_Ready]) -> _Run:
        verdicts: list[Verdict] = []
        for one in ready:
            rules = self.program.rules[one.tool.qualified]
            if one.proposal is None or sitting is None:
                promise = self._memory.promise(one.action, one.tool, one.world, tenant)
                outcome, states, lacking = self._evaluator.evaluate(rules, one.world)
                if outcome != "allow":
                    return _Run(verdicts, any(name in self._resolvers for name, _ in lacking))
                verdicts.append(self._allow(one.action, one.world, rules, states, promise))
                continue
            given = None if one.action.now is None else one.world.now
            attempt = self._attempt(one.proposal, rules, given, None, sitting)
            if attempt.verdict is None:
                return _Run(verdicts, bool(attempt.missing))
            verdicts.append(attempt.verdict)
        return _Run(verdicts)
