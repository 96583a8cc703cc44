"""An event as a coding agent's hook gets it, read strictly; what else it holds is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from licet.compiler.exact_json import JsonError, decode, shortened

Agent = Literal["claude-code", "codex"]
AGENTS: Final[tuple[Agent, ...]] = ("claude-code", "codex")
MAX_EVENT: Final = 16_000_000
MAX_NAME: Final = 512

#: Before a tool runs, when the user is asked, and after it ran.
BEFORE: Final = "PreToolUse"
SKILL: Final = "PreSkillShellCommand"
ASKED: Final = "PermissionRequest"
AFTER: Final = ("PostToolUse", "PostToolUseFailure")
#: Events that guard no call: nothing is said on them.
QUIET: Final = frozenset(
    ("SessionStart", "SessionEnd", "Stop", "SubagentStart", "SubagentStop", "Notification")
)


class EventError(ValueError):
    """No event that is known here. The text says why; it holds nothing of the event's values."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `use` is the agent's own name for the call, empty where it has none; `args` what
    the model gave, `response` what the tool answered, both as JSON data."""

    agent: Agent
    name: str
    session: str
    cwd: str
    tool: str = ""
    use: str = ""
    args: Mapping[str, object] | None = None
    response: object = None
    server: str = ""
    context: Mapping[str, str] | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.agent, self.session, self.use


def read_event(agent: str, data: bytes | object) -> Event:
    """The event of raw or decoded JSON. Raises EventError."""
    if agent not in AGENTS:
        raise EventError("there is no such agent")
    if isinstance(data, bytes):
        try:
            data = decode(data, max_size=MAX_EVENT)
        except JsonError as error:
            raise EventError(f"the event is not exact JSON: {error.message}") from None
    if not isinstance(data, Mapping):
        raise EventError("an event is a JSON object")
    name = _text(data, "hook_event_name")
    session, cwd = _text(data, "session_id"), _text(data, "cwd", 16_384)
    if not cwd.startswith("/"):
        raise EventError("`cwd` is no absolute path")
    if name in QUIET:
        return Event(agent, name, session, cwd)
    if name not in (BEFORE, SKILL, ASKED, *AFTER):
        raise EventError(f"the event {shortened(name)} is not known")
    args = data.get("tool_input")
    if not isinstance(args, Mapping):
        raise EventError("`tool_input` is no object")
    server = data.get("mcp_server")
    named = server.get("name") if isinstance(server, Mapping) else None
    return Event(
        agent,
        name,
        session,
        cwd,
        _text(data, "tool_name"),
        "" if name == ASKED else _text(data, "tool_use_id"),
        args,
        data.get("tool_response"),
        named if isinstance(named, str) else "",
        {
            field: value
            for field in ("permission_mode", "model", "agent_id", "agent_type", "command_name")
            if isinstance(value := data.get(field), str) and len(value) <= MAX_NAME
        },
    )


def _text(data: Mapping[str, object], field: str, most: int = MAX_NAME) -> str:
    value = data.get(field)
    if not isinstance(value, str) or not value or len(value) > most or "\0" in value:
        raise EventError(f"`{field}` is no text of 1 to {most} characters")
    return value
