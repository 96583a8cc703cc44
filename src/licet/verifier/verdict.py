"""What a check answers: the outcome, and for a refusal all that helps somebody do better.

Two views of every verdict. The operator's has everything. The model's has its own arguments,
rule names and messages, and of facts, context, session and principal only what the policy
declares `shown`; its bytes do not change when only hidden values do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .tickets import Ticket

Outcome = Literal["allow", "escalate", "deny"]

Kind = Literal[
    "unknown_tool",
    "bad_argument",
    "no_permit",
    "forbidden",
    "limit",
    "absent",
    "approval",
    "undetermined",
    "solver_unknown",
    "fault",
]


@dataclass(frozen=True, slots=True)
class Violation:
    """One reason for a refusal (or, of kind `approval`, for asking somebody first).

    `rule` is None where no rule of the policy is to blame. `where` is `file:line:column` of the
    rule; `path` the value at fault (`args.amount`), if there is one. `message` is for the operator;
    `shown_message` is the same with hidden values left out. `certain` is False in an
    undetermined verdict, and for the members of a "one of". `suggestions`: the real tools that an
    `unknown_tool` was most likely meant as.
    """

    kind: Kind
    message: str
    shown_message: str
    rule: str | None = None
    where: str | None = None
    path: str | None = None
    certain: bool = True
    suggestions: tuple[str, ...] = ()

    def plain(self, *, shown_only: bool) -> dict[str, object]:
        plain: dict[str, object] = {
            "kind": self.kind,
            "message": self.shown_message if shown_only else self.message,
        }
        if self.rule is not None:
            plain["rule"] = self.rule
        if self.path is not None and not (shown_only and self.kind == "fault"):
            plain["path"] = self.path
        if self.suggestions:
            plain["suggestions"] = list(self.suggestions)
        if not self.certain:
            plain["certain"] = False
        if self.where is not None and not shown_only:
            plain["where"] = self.where
        return plain


@dataclass(frozen=True, slots=True)
class Reason:
    """One value that, with the others of `because`, forces the refusal whatever the rest is.

    `path` is text with fact keys folded in (`reservation("R1").cabin`), `value` the value in the
    policy's own notation. `shown` says whether the model may see the value.
    """

    path: str
    value: str
    shown: bool

    def __str__(self) -> str:
        return f"{self.path} = {self.value}"


@dataclass(frozen=True, slots=True)
class Change:
    """One argument that a repair changes: JSON-able values and their path (`args.amount`)."""

    path: str
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class Budget:
    """Where a limit stands that refused or asks: what earlier calls came to, and the bound.

    `per` is the value that calls are counted apart by, None where all count. `over` says the window
    (`month`, `1h`; empty: all time). Numbers are JSON-able and exact. Instants are RFC 3339 text:
    `resets` is when a calendar window begins anew; `room_at` the earliest at which the limit has
    room for this call, if nothing else is spent until then (None: never, or not known). `shown`:
    the model may see it.
    """

    rule: str
    per: object
    over: str
    spent: object
    bound: object
    left: object
    resets: str | None
    room_at: str | None
    shown: bool

    def plain(self) -> dict[str, object]:
        plain: dict[str, object] = {"rule": self.rule}
        if self.per is not None:
            plain["per"] = self.per
        plain |= {"over": self.over, "spent": self.spent, "bound": self.bound, "left": self.left}
        if self.resets is not None:
            plain["resets"] = self.resets
        if self.room_at is not None:
            plain["room_at"] = self.room_at
        return plain


@dataclass(frozen=True, slots=True)
class Repair:
    """The nearest call that would be allowed (`outcome` may be `escalate` if none is allowed).

    `args` are the whole new arguments. Where a strict bound has no nearest value, `args` is None
    and `bound` says it (`args.amount < 500`). `shown` says whether the model may see it.
    """

    args: Mapping[str, object] | None
    changes: tuple[Change, ...]
    outcome: Outcome
    bound: str | None
    shown: bool

    def plain(self) -> dict[str, object]:
        plain: dict[str, object] = {
            "outcome": self.outcome,
            "changes": [{"path": c.path, "old": c.old, "new": c.new} for c in self.changes],
        }
        if self.args is not None:
            plain["args"] = dict(self.args)
        if self.bound is not None:
            plain["bound"] = self.bound
        return plain


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one proposed call.

    `rules` are the names of the rules that fired: the permits that applied for `allow`, else those
    that refused or ask. `counterexample` is the full concrete world in which a rule is broken, and
    `fine` one in which the call is allowed (of an undetermined verdict alone), both as the JSON of
    a call. `settle` names the facts and fields whose value would decide.
    """

    id: str
    outcome: Outcome
    tool: str
    policy_digest: str
    catalog_digest: str
    call_id: str | None = None
    rules: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    because: tuple[Reason, ...] = ()
    counterexample: Mapping[str, object] | None = None
    fine: Mapping[str, object] | None = None
    settle: tuple[str, ...] = ()
    repair: Repair | None = None
    explained: bool = field(default=True)
    message: str = ""
    #: What `ticket` answers, or what makes it when it is asked for: always the same one.
    promise: Ticket | Callable[[], Ticket] | None = field(default=None, repr=False, compare=False)
    #: Of an escalation: the id of the approval that waits for somebody.
    approval: str | None = None
    budgets: tuple[Budget, ...] = ()
    #: In observe mode: the verdict that would have been, had it been enforced.
    observed: Verdict | None = None
    #: Of a batch that is allowed: a ticket for each call in it, in their order, an inner batch
    #: before what is in it. They settle, and run nothing. They must not reach a model.
    parts: tuple[Ticket, ...] = field(default=(), repr=False, compare=False)

    @property
    def ticket(self) -> Ticket | None:
        """Of an allow: what its tool has to show. It must not reach a model."""
        promise = self.promise
        return promise if promise is None or isinstance(promise, Ticket) else promise()

    @property
    def allowed(self) -> bool:
        """Whether the call may run now. An escalation is not an allow."""
        return self.outcome == "allow"

    @property
    def kind(self) -> Kind | None:
        """The kind of the first violation; None for an allow."""
        return self.violations[0].kind if self.violations else None

    def __bool__(self) -> bool:
        raise TypeError("a verdict has no truth value: ask `verdict.allowed`")

    def for_operator(self) -> dict[str, object]:
        """Everything, JSON-able, in a stable order."""
        plain: dict[str, object] = {
            "id": self.id,
            "outcome": self.outcome,
            "tool": self.tool,
            "rules": list(self.rules),
            "violations": [v.plain(shown_only=False) for v in self.violations],
            "because": [{"path": r.path, "value": r.value} for r in self.because],
            "counterexample": self.counterexample,
            "repair": self.repair.plain() if self.repair else None,
            "message": self.message,
            "policy": self.policy_digest,
            "catalog": self.catalog_digest,
        }
        if self.call_id is not None:
            plain = {"call": self.call_id, **plain}
        if self.fine is not None:
            plain["fine"] = self.fine
        if self.settle:
            plain["settle"] = list(self.settle)
        if not self.explained:
            plain["explained"] = False
        if self.budgets:
            plain["budgets"] = [budget.plain() for budget in self.budgets]
        if self.approval is not None:
            plain["approval"] = self.approval
        if self.observed is not None:
            plain["observed"] = self.observed.for_operator()
        return plain

    def for_model(self) -> dict[str, object]:
        """What the agent's model may read. Carries no id, so that equal reasons give equal
        bytes."""
        plain: dict[str, object] = {
            "outcome": self.outcome,
            "tool": self.tool,
            "violations": [
                v.plain(shown_only=True)
                for v in self.violations
                if v.certain or self.kind != "undetermined"  # which may apply is a solver's pick
            ],
            "because": [{"path": r.path, "value": r.value} for r in self.because if r.shown],
            "message": self.message,
        }
        if self.repair is not None and self.repair.shown:
            plain["repair"] = self.repair.plain()
        if shown := [budget.plain() for budget in self.budgets if budget.shown]:
            plain["budgets"] = shown
        return plain
