"""A proposed call as it comes in, before anything about it is believed.

`tool`, `args` and their text come from the model; all else is the host's word. Nothing here knows
the catalog: an Action holds plain data of the right outer shape, which admission checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from licet.compiler.exact_json import JsonError, decode, is_text, shortened
from licet.compiler.intake import nearest
from licet.compiler.world import Path

MAX_NAME = 512


class ActionError(ValueError):
    """A call that cannot even be read. `path` leads to the place in its JSON form."""

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


_FIELDS: Final = (
    "tool", "args", "principal", "context", "session", "facts", "now", "id", "history",
)  # fmt: skip
_KNOWN: Final = frozenset(_FIELDS)
_PART_UNKNOWN: Final = {"$unknown": True}


@dataclass(frozen=True, slots=True)
class Action:
    """One proposed call. Raises `ActionError` where a part has not even the right outer shape.

    `session` may be given as its id alone. `facts` holds, by name, a list of objects
    `{"key": […], "value": …}`, or a mapping from key (or tuple of keys) to value, which becomes
    such a list. `now` is a time as text, an aware datetime (which becomes text), or
    `{"$unknown": true}`; None means the store's clock.

    `history` is for a host that keeps it: the values of what rules read of earlier calls, by name,
    in the form of facts. A call that brings it is decided on it alone: no store is asked, nothing
    is reserved, and there is no ticket.
    """

    tool: str
    args: Mapping[str, object] = field(default_factory=dict)
    principal: Mapping[str, object] = field(default_factory=dict)
    context: Mapping[str, object] = field(default_factory=dict)
    session: Mapping[str, object] | str = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    now: object = None
    id: str | None = None
    history: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.session, str):
            object.__setattr__(self, "session", {"id": self.session})
        _check_name(self.tool, "tool")
        if self.id is not None:
            _check_name(self.id, "id")
        _check_object(self.args, "args")
        _check_object(self.principal, "principal")
        _check_object(self.context, "context")
        _check_object(self.session, "session")
        now = self.now
        if isinstance(now, datetime):
            if now.utcoffset() is None:
                raise ActionError("`now` has no time zone", ("now",))
            object.__setattr__(self, "now", now.isoformat())
        elif not (now is None or isinstance(now, str) or now == _PART_UNKNOWN):
            raise ActionError("`now` is not a time", ("now",))
        object.__setattr__(self, "facts", _facts(self.facts, "facts"))
        if self.history is not None:
            object.__setattr__(self, "history", _facts(self.history, "history"))

    @staticmethod
    def from_mapping(data: object) -> Action:
        """The call of an object with the keys of the JSON form; unknown keys are refused."""
        if not isinstance(data, Mapping):
            raise ActionError("a call is an object")
        parts: dict[str, Any] = {}
        for key, value in data.items():
            if key not in _KNOWN:
                near = nearest(key, _FIELDS) if isinstance(key, str) else None
                hint = f"; did you mean `{near}`?" if near else ""
                raise ActionError(f"a call has no {shortened(str(key))}{hint}", (str(key)[:100],))
            if value is not None or key == "tool":
                parts[key] = value
        if "tool" not in parts:
            raise ActionError("a call names its `tool`", ("tool",))
        return Action(**parts)

    @staticmethod
    def from_json(text: str | bytes) -> Action:
        """The call of one exact JSON text (docs/language.md). Raises `ActionError` only."""
        try:
            return Action.from_mapping(decode(text))
        except JsonError as error:
            raise ActionError(error.message, error.path) from None


def _check_name(value: object, name: str) -> None:
    if type(value) is not str or not value:
        raise ActionError(f"`{name}` is not a text with at least one character", (name,))
    if len(value) > MAX_NAME or not is_text(value):
        raise ActionError(f"`{name}` is longer than {MAX_NAME} characters or malformed", (name,))


def _check_object(value: object, name: str) -> None:
    # the class first: to ask whether something is a Mapping takes a while
    if type(value) is not dict and not isinstance(value, Mapping):
        raise ActionError(f"`{name}` is not an object", (name,))


def _facts(facts: Mapping[str, object], where: str) -> dict[str, object]:
    _check_object(facts, where)
    result: dict[str, object] = {}
    for name, given in facts.items():
        entries = given
        if type(name) is not str:
            raise ActionError("a fact's name is not text", (where,))
        if isinstance(given, Mapping):
            entries = [
                {"key": list(key) if isinstance(key, tuple) else [key], "value": value}
                for key, value in given.items()
            ]
        if not isinstance(entries, (list, tuple)):
            raise ActionError("the values of a fact are a list", (where, name))
        result[name] = entries
    return result
