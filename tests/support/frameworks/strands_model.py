"""A Strands model that is a script."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from strands.models import Model

from support.frameworks.driver import Proposed


class Scripted(Model):
    """Each turn's calls at once, then an end."""

    def __init__(self, turns: Sequence[Sequence[Proposed]]) -> None:
        self._turns = iter(turns)

    def update_config(self, **_: Any) -> None: ...

    def get_config(self) -> Any:
        return {}

    def structured_output(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    async def stream(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        calls = next(self._turns, ())
        yield {"messageStart": {"role": "assistant"}}
        for call in calls:
            start = {"toolUseId": call.id, "name": call.tool}
            yield {"contentBlockStart": {"start": {"toolUse": start}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(call.args)}}}}
            yield {"contentBlockStop": {}}
        if not calls:
            yield {"contentBlockDelta": {"delta": {"text": "done"}}}
            yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "tool_use" if calls else "end_turn"}}
