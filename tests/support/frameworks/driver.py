"""What the conformance suite needs of a framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from support.frameworks.desk import Desk


@dataclass(frozen=True)
class Proposed:
    """One call that the scripted model makes."""

    id: str
    tool: str
    args: dict[str, Any]


def refund(id: str, amount: float, order: str = "R1") -> Proposed:
    return Proposed(id, "refund", {"order_id": order, "amount": amount})


@dataclass
class Played:
    """How a run went: what the model saw for each call, all that it was sent, who is asked."""

    texts: dict[str, str] = field(default_factory=dict)
    transcript: str = ""
    asked: list[str] = field(default_factory=list)


class Driver(Protocol):
    """A real agent of one framework, guarded by its adapter, with a model that says what it is
    told. `rewriting`: something of the framework doubles amounts between the check and the tool.

    A driver may say more: `POLICY` (the desk's, else desk.POLICY), `FAILED` (how a failed tool is
    settled, else `error`), `NOT_APPLICABLE` (names of cases, each with a plain reason), and
    `listed()` in place of `registered` (what a server lists).
    """

    def __init__(self, desk: Desk, *, rewriting: bool = False, seconds: float = 30.0) -> None: ...

    def registered(self) -> Any:
        """What `licet init --from` would find: the agent, or what holds its tools."""
        ...

    async def play(self, turns: Sequence[Sequence[Proposed]]) -> Played:
        """A new run: each turn's calls at once, then an end."""
        ...

    async def resume(self, *, agree: bool) -> Played:
        """Go on where a human was asked, after the guard knows the answer."""
        ...
