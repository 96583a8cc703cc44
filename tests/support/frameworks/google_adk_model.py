"""A model of Google ADK that is a script."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from google.adk.models import BaseLlm, LlmRequest, LlmResponse
from google.genai import types
from pydantic import PrivateAttr

from support.frameworks.driver import Proposed


class Scripted(BaseLlm):
    """Each turn's calls at once, then an end."""

    model: str = "script"
    _turns: Any = PrivateAttr()
    _seen: list[types.Content] = PrivateAttr(default_factory=list)

    @classmethod
    def of(cls, turns: Sequence[Sequence[Proposed]]) -> Scripted:
        made = cls()
        made._turns = iter(turns)
        return made

    @property
    def seen(self) -> list[types.Content]:
        """What the model was sent the last time."""
        return self._seen

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        self._seen = list(llm_request.contents)
        parts = [
            types.Part(function_call=types.FunctionCall(id=c.id, name=c.tool, args=dict(c.args)))
            for c in next(self._turns, ())
        ]
        said = parts or [types.Part(text="done")]
        yield LlmResponse(content=types.Content(role="model", parts=said))
