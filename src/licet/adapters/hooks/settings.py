"""The agents' own settings files: our hooks put in and taken out, all else left as it is."""

from __future__ import annotations

import copy
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from . import client
from .events import AFTER, ASKED, BEFORE, SKILL, Agent

Scope = Literal["project", "user"]
#: The agent waits longer than the hook's process does, which always answers first.
TIMEOUT: Final = 60
SECONDS: Final = 45
EVENTS: Final[dict[Agent, tuple[str, ...]]] = {
    "claude-code": (BEFORE, SKILL, ASKED, *AFTER),
    "codex": (BEFORE, AFTER[0]),
}
_MARK: Final = os.path.join("licet", "adapters", "hooks", "client.py")
_FALLBACK: Final = "|| { echo 'licet: the guard could not run; the call is refused' >&2; exit 2; }"


class SettingsError(ValueError):
    """The file is not one that can be changed safely; the text says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """A settings file before and after, as text; equal where there is nothing to do."""

    path: Path
    before: str
    after: str

    def write(self) -> None:
        """Put the new text in place at once or not at all. Raises OSError."""
        path = Path(os.path.realpath(self.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".licet-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self.after)
            os.chmod(name, mode)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise


def settings_path(agent: Agent, scope: Scope, project: Path) -> Path:
    """The file of an agent's settings, of this machine's own: the command names paths on it."""
    if agent == "claude-code":
        if scope == "project":
            return project / ".claude" / "settings.local.json"
        return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude") / (
            "settings.json"
        )
    if scope == "project":
        return project / ".codex" / "hooks.json"
    return Path(os.environ.get("CODEX_HOME") or Path.home() / ".codex") / "hooks.json"


def command_line(agent: Agent, policy: Path) -> str:
    """What the agent runs: whatever goes wrong in it, down to a missing interpreter, is exit
    code 2."""
    words = (
        os.path.abspath(sys.executable),
        "-I",
        "-S",
        os.path.abspath(client.__file__),
        agent,
        str(policy.resolve()),
        "--seconds",
        str(SECONDS),
    )
    return f"{shlex.join(words)} {_FALLBACK}"


def installed(agent: Agent, path: Path, policy: Path) -> Change:
    """The file with our hooks in it. Raises SettingsError and OSError."""
    before, data = _read(path)
    after = copy.deepcopy(data)
    handler: dict[str, object] = {
        "type": "command",
        "command": command_line(agent, policy),
        "timeout": TIMEOUT,
    }
    if agent == "claude-code":
        handler["onFailure"] = "block"
    for event in EVENTS[agent]:
        groups = _groups(after, event)
        wanted: dict[str, object] = {"hooks": [handler]}
        if wanted in groups and sum(1 for _ in _ours(groups)) == 1:
            continue
        _take_out(groups)
        groups.append(wanted)
    return Change(path, before, before if after == data else _text(after))


def uninstalled(path: Path) -> Change:
    """The file without our hooks. Raises SettingsError and OSError."""
    before, data = _read(path)
    after = copy.deepcopy(data)
    hooks = after.get("hooks")
    for event in list(hooks) if isinstance(hooks, dict) else ():
        groups = _groups(after, event)
        had = bool(groups)
        _take_out(groups)
        if had and not groups:
            del after["hooks"][event]
    if hooks == {} and data.get("hooks"):
        del after["hooks"]
    return Change(path, before, before if after == data else _text(after))


def installed_commands(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Our handlers in a file, by event. Raises SettingsError and OSError."""
    _, data = _read(path)
    hooks = data.get("hooks")
    events = list(hooks) if isinstance(hooks, dict) else []
    return {event: found for event in events if (found := list(_ours(_groups(data, event))))}


def are_disabled(path: Path) -> bool:
    """Whether a settings file turns all hooks off. Raises SettingsError and OSError."""
    return bool(_read(path)[1].get("disableAllHooks"))


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return "", {}
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8") from None
    try:
        data = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise SettingsError(f"{path} is not JSON: mend it first") from None
    if not isinstance(data, dict):
        raise SettingsError(f"{path} holds no object")
    return text, data


def _groups(data: dict[str, Any], event: str) -> list[Any]:
    hooks = data.setdefault("hooks", {})
    groups = hooks.setdefault(event, []) if isinstance(hooks, dict) else None
    if not isinstance(groups, list):
        raise SettingsError(f"`hooks` has another form than the agent's: mend `{event}` first")
    return groups


def _is_ours(handler: object) -> bool:
    return isinstance(handler, dict) and _MARK in str(handler.get("command", ""))


def _ours(groups: list[Any]) -> Iterator[dict[str, Any]]:
    for group in groups:
        handlers = group.get("hooks") if isinstance(group, dict) else None
        yield from (each for each in handlers or () if _is_ours(each))


def _take_out(groups: list[Any]) -> None:
    for group in list(groups):
        handlers = group.get("hooks") if isinstance(group, dict) else None
        if not isinstance(handlers, list) or not any(map(_is_ours, handlers)):
            continue
        handlers[:] = [each for each in handlers if not _is_ours(each)]
        if not handlers:
            groups.remove(group)


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
