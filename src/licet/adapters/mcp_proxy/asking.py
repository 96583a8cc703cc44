"""What a person at an MCP client is asked about a call, and what of their answer counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import mcp_types as types

from licet.compiler.exact_json import shortened

#: The key of the question among those of one call.
APPROVAL: Final = "approval"
#: Characters of a question to a person.
MOST_ASKED: Final = 20_000
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "approve": {"type": "boolean", "title": "Approve", "description": "Whether it may run"}
    },
    "required": ["approve"],
}


def question(
    reason: str, name: str, args: Mapping[str, Any]
) -> types.ElicitRequestFormParams | None:
    """The question; None where it is too long: nobody agrees to what they cannot read. The
    arguments are a model's words: quoted, and whole."""
    message = (
        f"An agent wants to call {shortened(name)}. {reason}\n\n"
        f"The exact arguments, as the agent wrote them:\n{json.dumps(args)}"
    )
    if len(message) > MOST_ASKED:
        return None
    return types.ElicitRequestFormParams(message=message, requested_schema=_FORM)


def can_be_asked(capabilities: types.ClientCapabilities | None) -> bool:
    """Whether a client shows forms. One that names neither form nor URL means forms."""
    asked = None if capabilities is None else capabilities.elicitation
    return asked is not None and (asked.form is not None or asked.url is None)


def agreement(answer: object) -> bool | None:
    """Yes or no; None where nothing was said that counts."""
    if not isinstance(answer, types.ElicitResult) or answer.action == "cancel":
        return None
    if answer.action == "accept" and answer.content == {"approve": True}:
        return True
    if answer.action == "decline" or answer.content == {"approve": False}:
        return False
    return None
