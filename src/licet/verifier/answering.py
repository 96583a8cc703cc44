"""What a decider answers: verdicts, numbered, and the audit's entries of them."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version

from licet.compiler.encoding import States
from licet.compiler.ir import ToolRules
from licet.compiler.json_text import JsonText
from licet.compiler.program import Program
from licet.compiler.world import World

from .action import Action, ActionError
from .admission import HOSTS_OWN, NOT_YOURS, path_text
from .calls import call_json
from .history import StoredCall, StoreError
from .proposing import Promise, Proposal
from .refusing import Refusal
from .remembering import Memory
from .sitting import Sitting
from .verdict import Verdict, Violation

#: Refusals that hold in observe mode too: what does not exist cannot be let through.
ALWAYS_REFUSED = frozenset(("unknown_tool", "bad_argument", "fault"))

#: What observe mode asks: whether it is on.
Observing = Callable[[], bool]


class Answering:
    """Makes the verdicts of one program. Safe to share between threads."""

    def __init__(self, program: Program, memory: Memory, observing: Observing) -> None:
        self.program = program
        self._memory = memory
        self._observing = observing
        self._process, self._prefix = os.getpid(), secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def malformed(self, error: ActionError) -> Verdict:
        """The refusal of something that is not even a call."""
        path = path_text(error.path) or None
        if error.path and error.path[0] in HOSTS_OWN:
            violation = Violation("fault", error.message, NOT_YOURS, path=path)
        else:
            violation = Violation("bad_argument", error.message, error.message, path=path)
        return self._verdict(None, "", Refusal.of("the call", (violation,)))

    def _store_failed(self, action: Action, tool: str, error: StoreError) -> Verdict:
        told = f"the store of what was decided before cannot be used: {error}"
        return self._refused(action, tool, (Violation("fault", told, "the check itself failed"),))

    def _may_observe(self, verdict: Verdict) -> bool:
        return self._observing() and verdict.kind not in ALWAYS_REFUSED

    def _allow(
        self,
        action: Action,
        world: World,
        rules: ToolRules,
        states: States,
        promise: Promise | None,
    ) -> Verdict:
        return Verdict(
            id=self._id(),
            outcome="allow",
            tool=world.tool,
            policy_digest=self.program.digest,
            catalog_digest=self.program.catalog.digest,
            call_id=action.id,
            rules=applied(rules, states),
            promise=promise,
        )

    def _allowed(self, proposal: Proposal, by: tuple[str, ...], call: StoredCall) -> Verdict:
        return Verdict(
            id=self._id(),
            outcome="allow",
            tool=proposal.tool.qualified,
            policy_digest=self.program.digest,
            catalog_digest=self.program.catalog.digest,
            call_id=proposal.action.id,
            rules=by,
            promise=partial(self._memory.ticket, call, proposal.tenant),
        )

    def _verdict(self, action: Action | None, tool: str, refusal: Refusal) -> Verdict:
        return Verdict(
            id=self._id(),
            outcome=refusal.outcome,
            tool=tool,
            policy_digest=self.program.digest,
            catalog_digest=self.program.catalog.digest,
            call_id=action.id if action else None,
            rules=refusal.rules,
            violations=refusal.violations,
            because=refusal.because,
            counterexample=refusal.counterexample,
            fine=refusal.fine,
            settle=refusal.settle,
            repair=refusal.repair,
            explained=refusal.explained,
            message=refusal.message,
            budgets=refusal.budgets,
        )

    def _refused(self, action: Action, tool: str, violations: tuple[Violation, ...]) -> Verdict:
        short = self.program.catalog.short_name(tool)
        return self._verdict(action, tool, Refusal.of(short or tool, violations))

    def _id(self) -> str:
        if self._process != os.getpid():  # forked: the children's verdicts are their own
            self._process, self._prefix = os.getpid(), secrets.token_hex(6)
        return f"{self._prefix}-{next(self._numbers)}"

    # --- what the audit is told

    def _note(
        self,
        sitting: Sitting,
        verdict: Verdict,
        proposal: Proposal,
        text: str,
        rules: ToolRules,
        states: States,
    ) -> None:
        """The audit's entry of a verdict on a call that is written as `text`."""
        recorder = self._memory.recorder
        if recorder is None:
            return
        told: dict[str, str | None] = {}
        for rule, state in zip(rules.rules, states or (None,) * len(rules.rules), strict=True):
            told[rule.name if rule.name not in told else f"{rule.name} ({rule.kind})"] = state
        agreed = [r.name for r in rules.escalations if verdict.allowed and r.name in verdict.rules]
        call: object = JsonText(self._memory.writer.approved(text, agreed))
        if recorder.leaves_out:
            approved = {"approved": agreed} if agreed else {}
            call = call_json(proposal.world, self.program) | approved
        sitting.note(
            "verdict",
            {
                "verdict": verdict.for_operator(),
                "call": call,
                "evidence": {
                    "engine": engine_version(),
                    "by": "proof" if None in told.values() else "evaluation",
                    "states": told,
                },
                "digest": proposal.digest,
                "mode": self._mode(),
            },
        )

    def _note_early(self, sitting: Sitting, verdict: Verdict) -> None:
        """The entry of a refusal before there was anything to decide."""
        sitting.note(
            "verdict",
            {
                "verdict": verdict.for_operator(),
                "call": None,
                "evidence": {"engine": engine_version(), "by": "admission", "states": {}},
                "digest": "",
                "mode": self._mode(),
            },
        )

    def _mode(self) -> str:
        return "observe" if self._observing() else "enforce"


def fault(text: str) -> Violation:
    return Violation("fault", text, text)


def applied(rules: ToolRules, states: States) -> tuple[str, ...]:
    """The permits and escalations that applied."""
    sole = rules.sole
    if sole is not None and not rules.escalations and states and states[sole] == "applies":
        return (rules.permits[sole].name,)
    found: dict[str, None] = {}
    asking = len(rules.permits) + len(rules.forbids)
    for some, theirs in ((rules.permits, states), (rules.escalations, states[asking:])):
        for position, rule in enumerate(some[: len(theirs)]):
            if theirs[position] == "applies":
                found[rule.name] = None
    return tuple(found)


@cache
def engine_version() -> str:
    return f"z3 {version('z3-solver')}"
