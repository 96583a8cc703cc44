"""Whether an installed hook blocks: its own command is run with events that must be refused."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from .events import BEFORE, Agent

_SECONDS: Final = 90


def unblocked(agent: Agent, command: str, project: Path) -> tuple[str, ...]:
    """What the command let through, in words; empty where it blocks all."""
    own: dict[str, Any] = {"file_path": str(project / "licet.toml"), "content": ""}
    tool = "Write"
    if agent == "codex":
        tool = "apply_patch"
        patch = "*** Begin Patch\n*** Delete File: licet.toml\n*** End Patch"
        own = {"command": patch}
    probes = {
        "an edit of the guard's own licet.toml": _event(project, tool, own),
        "a tool that no policy knows": _event(project, "LicetProbe", {}),
        "an event that is no JSON": b"{",
        "an event without a name": b"{}",
    }
    return tuple(what for what, event in probes.items() if not _blocks(command, event))


def _event(project: Path, tool: str, args: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "session_id": "licet-status",
            "cwd": str(project),
            "hook_event_name": BEFORE,
            "tool_name": tool,
            "tool_input": args,
            "tool_use_id": f"probe-{os.urandom(8).hex()}",
        }
    ).encode()


def _blocks(command: str, event: bytes) -> bool:
    """As the agents judge: exit code 2, or a JSON deny and exit code 0."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            input=event,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    if done.returncode == 2:
        return bool(done.stderr.strip())
    try:
        said = json.loads(done.stdout)["hookSpecificOutput"]
        return done.returncode == 0 and said["permissionDecision"] == "deny"
    except (ValueError, KeyError, TypeError):
        return False
