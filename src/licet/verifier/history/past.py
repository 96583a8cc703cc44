"""An earlier call as rules read it."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

from licet.compiler.evaluation import UnknownRead, WrongType
from licet.compiler.evaluation.places import AbsentUnwrapped
from licet.compiler.types import Value
from licet.compiler.world import World

#: What says that something of a call cannot be worked out.
NotKnown = (UnknownRead, WrongType, AbsentUnwrapped)


class PastCall(NamedTuple):
    """An earlier call. `world` is what was known when it was allowed, its instant `world.now`.

    `result` is None where the tool has not answered, UNKNOWN where its answer is not of the
    promised type. `by` are the rules that applied.
    """

    world: World
    session: str | None
    outcome: Literal["pending", "ok", "error"]
    result: Value
    by: tuple[str, ...]
    #: Whether what it was reserved for is given back, though it stays in the history.
    released: bool = False

    @property
    def at(self) -> int:
        return cast(int, self.world.now)

    def record(self) -> dict[str, Value]:
        return {
            "tool": self.world.tool,
            "args": self.world.args,
            "result": self.result,
            "outcome": self.outcome,
            "at": self.world.now,
            "principal": self.world.principal,
            "by": self.by,
        }
