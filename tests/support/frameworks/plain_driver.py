"""Functions of plain Python under `@guard.tool`, called one after another as a script says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from licet.adapters.frameworks.gate import RefusedError
from licet.adapters.frameworks.plain import gate_of, guarded
from support.frameworks.desk import Desk, LineGuard
from support.frameworks.driver import Played, Proposed


class Driver:
    NOT_APPLICABLE: ClassVar[dict[str, str]] = {
        "test_rewritten_between_check_and_tool": "nothing stands between the two",
        "test_an_id_that_is_used_again": "a function's calls have no ids",
    }

    def __init__(self, desk: Desk, *, rewriting: bool = False, seconds: float = 30.0) -> None:
        self.guard = LineGuard(desk.line)
        self.session: Any = self.guard.session()
        gate_of(self.session).seconds = seconds
        functions = (desk.refund, desk.lookup, desk.close, desk.wipe)
        self.tools = {each.__name__: guarded(self.guard, each) for each in functions}
        self.waiting: list[Proposed] = []

    def registered(self) -> Any:
        return self.guard

    async def play(self, turns: Sequence[Sequence[Proposed]]) -> Played:
        played = Played()
        self.waiting = []
        with self.session:
            for turn in turns:
                await asyncio.gather(*(self._call(call, played) for call in turn))
        played.transcript = repr(played.texts)
        return played

    async def resume(self, *, agree: bool) -> Played:
        return await self.play([self.waiting])

    async def _call(self, call: Proposed, played: Played) -> None:
        try:
            played.texts[call.id] = await self.tools[call.tool](**call.args)
        except RefusedError as error:
            played.texts[call.id] = str(error)
            if error.approval is not None:
                self.waiting.append(call)
                played.asked.append(error.approval)
