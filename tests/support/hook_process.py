"""Projects with a policy for coding agents, and the hook's real process on their events."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from licet.adapters.hooks import client

POLICY = """
policy "coding agent"
use tools coding_agent "claude_code", "codex"
principal { id: String, role: String? }
context { cwd: String }

permit reads   on any when tool.read_only
permit edits   on claude_code.Edit, claude_code.Write, codex.apply_patch
permit shell   on claude_code.Bash, codex.Bash
forbid no_rm   on claude_code.Bash when any(p in args.programs ?? []: p == "rm")
  message "Move files to trash/ instead."
limit searches on claude_code.WebSearch count() per principal.id within 1d <= 1
escalate far   on claude_code.WebFetch when args.url != "https://example.org/"
  to (approver.role ?? "") == "lead"
"""
CLIENT = [sys.executable, "-I", "-S", os.path.abspath(client.__file__)]


class Hook:
    """A project, and its hook as an agent runs it."""

    def __init__(self, root: Path, runtime: Path) -> None:
        self.root, self.runtime = root, runtime
        self.policy = root / "agent.licet"
        self.environment = {"XDG_RUNTIME_DIR": str(runtime), "PATH": os.environ["PATH"]}

    def event(self, tool: str, args: object, use: str = "t1", **more: object) -> dict[str, Any]:
        """As Claude Code 2.1.332 sends it."""
        return {
            "session_id": "5f0c",
            "transcript_path": "/tmp/transcript.jsonl",
            "cwd": str(self.root),
            "permission_mode": "default",
            "hook_event_name": "PreToolUse",
            "tool_name": tool,
            "tool_input": args,
            "tool_use_id": use,
            **more,
        }

    def start(self, agent: str = "claude-code", seconds: int = 60) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*CLIENT, agent, str(self.policy), "--seconds", str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            cwd=self.root,
        )

    def send(
        self, event: object, agent: str = "claude-code", seconds: int = 60
    ) -> tuple[int, str, str]:
        """Exit code, output and error for one event."""
        data = event if isinstance(event, bytes) else json.dumps(event).encode()
        out, err = (run := self.start(agent, seconds)).communicate(data)
        return run.returncode, out.decode(), err.decode()

    def decision(self, event: object, agent: str = "claude-code") -> str:
        """`silent`, `deny` or `ask`; of a denial it must be the form that agents obey."""
        code, out, err = self.send(event, agent)
        assert (code, err) == (0, ""), err
        if not out:
            return "silent"
        said = json.loads(out)["hookSpecificOutput"]
        assert said["permissionDecisionReason"]
        return str(said["permissionDecision"])

    def daemons(self) -> list[int]:
        """The process ids of this runtime folder's daemons."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if any(str(self.runtime).encode() in word for word in words) and any(
                    word.endswith(b"boot.py") for word in words
                ):
                    found.append(int(entry.name))
        return found

    def stop(self) -> None:
        for pid in self.daemons():
            os.kill(pid, signal.SIGKILL)
