"""A coding agent's hook, cold: from the start of its process to its end, beside a daemon.

    python benchmarks/hooks.py [ROUNDS]

Prints the median and the 95th percentile in milliseconds, and those of an interpreter that does
nothing, started the same way.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from licet.adapters.hooks import client

POLICY = Path(__file__).parents[1] / "examples" / "claude-code"


def milliseconds(command: list[str], events: list[bytes], env: dict[str, str]) -> list[float]:
    """How long each event took, from start to end of its process."""
    found = []
    for event in events:
        begun = time.perf_counter()
        done = subprocess.run(command, input=event, env=env, capture_output=True, check=True)
        found.append((time.perf_counter() - begun) * 1000)
        if done.stdout:
            raise SystemExit(done.stdout.decode())
    return found


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    event = {
        "session_id": f"bench-{os.getpid()}",
        "cwd": "/tmp",
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": "ls -l"},
    }
    events = [json.dumps({**event, "tool_use_id": f"t{n}"}).encode() for n in range(rounds)]
    python = [sys.executable, "-I", "-S"]
    with tempfile.TemporaryDirectory(prefix="lh") as folder:
        env = {"XDG_RUNTIME_DIR": folder, "HOME": folder}
        hook = [*python, os.path.abspath(client.__file__), "claude-code", str(POLICY)]
        warm = json.dumps({**event, "tool_use_id": "first"}).encode()
        milliseconds(hook, [warm], env)  # starts the daemon
        for name, command in (("hook", hook), ("interpreter", [*python, "-c", ""])):
            took = sorted(milliseconds(command, events, env))
            late = took[int(len(took) * 0.95)]
            print(f"{name}: median {statistics.median(took):.1f} ms, 95 % {late:.1f} ms")
        for path in Path(folder).glob("licet/*.sock"):
            path.unlink()  # the daemon sees that its place is gone, and ends
        time.sleep(1)


if __name__ == "__main__":
    main()
