"""What became of one test or proof, as a value for any sink."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from licet.policy_lang import Span

State = Literal["passed", "failed", "undecided"]


@dataclass(frozen=True, slots=True)
class Result:
    """One test or proof of a policy.

    `kind` is what it is called (`test`, `prove`). `undecided`: the solver gave no answer, which
    is not a pass. `summary` is one line, `detail` any number; both are empty for a pass.
    `seconds` is how long it took.
    """

    kind: str
    name: str
    state: State
    span: Span | None = field(default=None, compare=False)
    summary: str = ""
    detail: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)
