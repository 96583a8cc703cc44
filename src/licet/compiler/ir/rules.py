"""Rules as they read for one tool, and what facts take and give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from licet.policy_lang import Span

from ..types import Type
from .reading import Const, Fact, Var

if TYPE_CHECKING:
    from . import Expr


@dataclass(frozen=True, slots=True)
class Let:
    """`let name = value` of a rule. If `value` is optional, `var` has the inner type, and where the
    value is absent the rule is *absent*: a forbid or escalate refuses, a permit does not apply."""

    var: Var
    value: Expr
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it reads for one tool.

    `lets` are bound in order, before the condition. `message` holes may use lets and the variables
    of the condition's quantifiers (by `Var.slot`). `written` are the Bool expressions inside lets
    and condition, each with the text that it came from; whoever looks for one does so by identity.
    """

    kind: Literal["permit", "forbid", "escalate"]
    name: str
    lets: tuple[Let, ...]
    condition: Expr
    message: tuple[str | Expr, ...] | None
    span: Span = field(compare=False, repr=False)
    approver: Expr | None = None  # escalate: the condition on `approver`
    needs: int = 1
    limit: Limit | None = None  # of a rule that was made from a `limit`
    written: tuple[tuple[Span, Expr], ...] = field(default=(), compare=False, repr=False)

    @property
    def is_never(self) -> bool:
        """Whether the condition was found to be false when the policy was compiled."""
        return isinstance(self.condition, Const) and self.condition.value is False


@dataclass(frozen=True, slots=True)
class Limit:
    """What a rule that was made from a `limit` bounds: `spent + amount` by `bound`.

    `spent` is what earlier calls came to: a `Fact` whose first key, if any, is the value of `per`.
    `amount` is of optional type if it may be absent, which refuses. `counts` says which calls are
    counted, and held by it.
    """

    spent: Fact
    amount: Expr
    bound: Expr
    strict: bool
    counts: Expr


@dataclass(frozen=True, slots=True)
class ToolRules:
    """All rules that stand on one tool, each in the order written."""

    tool: str
    permits: tuple[Rule, ...]
    forbids: tuple[Rule, ...]
    escalations: tuple[Rule, ...]
    #: All of them, in this order.
    rules: tuple[Rule, ...] = field(init=False, compare=False, repr=False)
    #: The place of the only permit that can apply, if there is just one.
    sole: int | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", self.permits + self.forbids + self.escalations)
        able = [n for n, permit in enumerate(self.permits) if permit.lets or not permit.is_never]
        object.__setattr__(self, "sole", able[0] if len(able) == 1 else None)


@dataclass(frozen=True, slots=True)
class FactSignature:
    name: str
    params: tuple[tuple[str, Type], ...]
    result: Type  # optional if it may be known not to exist
    shown: bool = False
    #: Not the host's word: what earlier calls come to.
    history: bool = False
