"""A chat client of Microsoft's agent-framework that is a script."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agent_framework import BaseChatClient, ChatResponse, Content, FunctionInvocationLayer, Message

from support.frameworks.driver import Proposed


class Scripted(FunctionInvocationLayer[Any], BaseChatClient[Any]):
    """Each turn's calls at once, then an end."""

    def __init__(self, turns: Sequence[Sequence[Proposed]]) -> None:
        super().__init__()
        self._turns = iter(turns)
        self.seen: list[Message] = []

    def _inner_get_response(self, *, messages: Any, **_: Any) -> Any:
        async def answer() -> ChatResponse[Any]:
            self.seen = list(messages)
            calls = [
                Content.from_function_call(c.id, c.tool, arguments=json.dumps(c.args))
                for c in next(self._turns, ())
            ]
            said = calls or [Content.from_text("done")]
            return ChatResponse(messages=[Message("assistant", said)])

        return answer()
