"""The hook as an agent runs it: real processes, real daemons, and every failure is a refusal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from licet.adapters.hooks import client
from support.hook_process import CLIENT, POLICY, Hook

pytestmark = pytest.mark.long


def listening(hook: Hook, answer: bytes | None) -> socket.socket:
    """Something at the daemon's place that says `answer`, or nothing ever."""
    hook.send(b"")  # the folder, and a daemon to be put away
    hook.stop()
    (path,) = hook.runtime.glob("licet/*.sock")
    path.unlink()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        try:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                if answer is None:
                    connection.recv(1)  # until the client has gone
                else:
                    connection.sendall(answer)
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    return server


def test_says_nothing_on_allow_and_teaches_on_deny(hook: Hook) -> None:
    assert hook.send(hook.event("Bash", {"command": "ls -l"})) == (0, "", "")
    code, out, err = hook.send(hook.event("Bash", {"command": "rm x"}, "t2"))
    assert (code, err) == (0, "")
    said = json.loads(out)["hookSpecificOutput"]
    assert said["permissionDecision"] == "deny"
    assert "Move files to trash/ instead" in said["permissionDecisionReason"]
    assert "no_rm" in said["permissionDecisionReason"]


def test_codex_is_answered_in_its_form(hook: Hook) -> None:
    patch = "*** Begin Patch\n*** Add File: a.txt\n+x\n*** End Patch"
    more = {"turn_id": "1", "model": "m"}
    assert hook.decision(hook.event("apply_patch", {"command": patch}, **more), "codex") == "silent"
    unread = hook.event("apply_patch", {"command": "x"}, "t2", **more)
    assert hook.decision(unread, "codex") == "deny"
    assert hook.decision(hook.event("exec_new", {}, "t3", **more), "codex") == "deny"


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"hook_event_name": "PreToolUse"}',
        b'{"hook_event_name": "New", "session_id": "s", "cwd": "/"}',
        (
            b'{"hook_event_name": "PreToolUse", "session_id": "s", "cwd": "/", "tool_name": "Bash",'
            b' "tool_input": "ls", "tool_use_id": "t"}'
        ),
    ],
)
def test_garbage_is_exit_2_with_a_reason(hook: Hook, garbage: bytes) -> None:
    code, out, err = hook.send(garbage)
    assert (code, out) == (2, "")
    assert err.startswith("licet: ")


def test_a_huge_event_is_refused(hook: Hook) -> None:
    event = hook.event("Write", {"file_path": "a", "content": "x" * 17_000_000})
    code, out, err = hook.send(event)
    assert (code, out) == (2, "")
    assert "longer than" in err


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"licet-hook 1 0 5 0\n{}",
        b"licet-hook 1 1 0 0\n",
        b"licet-hook 2 0 0 0\n",
        b"licet-hook 1 2 0 0\n",
        b"licet-hook 1 0 -1 1\n",
        b"{}",
        b"\n",
        b"x" * 2_000_000,
    ],
)
def test_a_broken_daemon_is_exit_2(hook: Hook, answer: bytes) -> None:
    with listening(hook, answer):
        code, out, err = hook.send(hook.event("Bash", {"command": "ls"}))
    assert (code, out) == (2, "")
    assert err.startswith("licet: ")


def test_a_daemon_that_hangs_is_refused_within_the_limit(hook: Hook) -> None:
    with listening(hook, None):
        code, out, err = hook.send(hook.event("Bash", {"command": "ls"}), seconds=1)
    assert (code, out) == (2, "")
    assert "in time" in err


def test_an_agent_that_never_ends_its_event_is_refused(hook: Hook) -> None:
    run = hook.start(seconds=1)
    assert run.wait(30) == 2
    for stream in (run.stdin, run.stdout, run.stderr):
        assert stream is not None
        stream.close()


def test_a_daemon_killed_mid_call_is_exit_2(hook: Hook) -> None:
    hook.send(hook.event("Bash", {"command": "ls"}))
    (daemon,) = hook.daemons()
    os.kill(daemon, signal.SIGSTOP)
    run = hook.start()
    killer = threading.Timer(0.5, os.kill, (daemon, signal.SIGKILL))
    killer.start()
    out, err = run.communicate(json.dumps(hook.event("Bash", {"command": "ls"}, "t2")).encode())
    killer.join()
    assert (run.returncode, out) == (2, b"")
    assert err
    assert hook.decision(hook.event("Bash", {"command": "ls"}, "t3")) == "silent"  # a new one


def test_a_hook_that_is_stopped_is_exit_2(hook: Hook) -> None:
    run = hook.start()
    assert run.stdin is not None
    run.stdin.write(b"{")
    run.stdin.flush()
    threading.Timer(0.5, run.terminate).start()
    assert run.wait(30) == 2
    for stream in (run.stdin, run.stdout, run.stderr):
        assert stream is not None
        stream.close()


def test_a_daemon_that_cannot_import_is_exit_2(hook: Hook, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", symlinks=True)  # an interpreter without what licet needs
    run = subprocess.Popen(
        [tmp_path / "bare/bin/python", *CLIENT[1:], "claude-code", hook.policy, "--seconds", "3"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=hook.environment,
    )
    out, err = run.communicate(json.dumps(hook.event("Bash", {"command": "ls"})).encode())
    assert (run.returncode, out) == (2, b"")
    assert b"the call is refused" in err
    (log,) = hook.runtime.glob("licet/*.log")
    while "ModuleNotFoundError" not in log.read_text():  # on a busy machine it is still being told
        time.sleep(0.05)


def test_wrong_set_up_is_exit_2(hook: Hook) -> None:
    assert hook.send(b"{}", agent="other")[0] == 2
    hook.policy = hook.root / "missing.licet"
    code, out, err = hook.send(hook.event("Bash", {"command": "ls"}))
    assert (code, out) == (2, "")
    assert "no policy" in err


def test_many_at_once_start_one_daemon_and_a_budget_holds(hook: Hook) -> None:
    events = [hook.event("WebSearch", {"query": "q"}, f"t{n}") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        decisions = list(pool.map(hook.decision, events))
    assert sorted(decisions) == ["deny"] * 7 + ["silent"]
    assert len(hook.daemons()) == 1


def test_the_working_directory_is_not_imported(hook: Hook) -> None:
    for name in ("z3", "json", "licet", "hashlib", "socket", "sitecustomize"):
        (hook.root / f"{name}.py").write_text("open('imported', 'w').close(); 1 / 0\n")
    hook.environment["PYTHONPATH"] = str(hook.root)
    assert hook.decision(hook.event("Bash", {"command": "ls"})) == "silent"
    assert not (hook.root / "imported").exists()


def test_a_changed_policy_holds_at_once_and_a_broken_one_refuses(hook: Hook) -> None:
    assert hook.decision(hook.event("Bash", {"command": "ls"})) == "silent"
    hook.policy.write_text(POLICY + '\nforbid none on claude_code.Bash message "Not now."\n')
    assert hook.decision(hook.event("Bash", {"command": "ls"}, "t2")) == "deny"
    hook.policy.write_text("permit nonsense")
    code, out, err = hook.send(hook.event("Bash", {"command": "ls"}, "t3"))
    assert (code, out) == (2, "")
    assert "cannot be used" in err
    hook.policy.write_text(POLICY)
    assert hook.decision(hook.event("Bash", {"command": "ls"}, "t4")) == "silent"


def test_a_client_of_another_version_gets_a_daemon_of_its_own(hook: Hook) -> None:
    hook.send(hook.event("Bash", {"command": "ls"}))
    (before,) = hook.daemons()
    (path,) = hook.runtime.glob("licet/*.sock")
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(path))
        other.sendall(b"licet-hook 1 claude-code other 2\n{}")
        assert other.recv(100) == b"licet-hook 1 replaced\n"
    while before in hook.daemons():  # it goes by itself
        time.sleep(0.05)
    assert hook.decision(hook.event("Bash", {"command": "ls"}, "t2")) == "silent"
    assert hook.daemons() != [before]


def test_socket_and_folder_are_private(hook: Hook) -> None:
    hook.send(hook.event("Bash", {"command": "ls"}))
    (path,) = hook.runtime.glob("licet/*.sock")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.parent.chmod(0o755)
    code, _, err = hook.send(hook.event("Bash", {"command": "ls"}, "t2"))
    assert code == 2
    assert "not private" in err


def test_the_process_imports_little() -> None:
    """No site, no licet, no JSON: what makes it quick."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(client.__file__).parent)!r});"
        "import client; print(*sorted(sys.modules))"
    )
    run = subprocess.run([*CLIENT[:3], "-c", code], capture_output=True, check=True)
    assert not {"json", "re", "licet", "z3", "pydantic"} & set(run.stdout.decode().split())
