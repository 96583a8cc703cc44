"""Settings files: ours in and out, others' as they were; and whether a hook really blocks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from licet.adapters.hooks.probing import unblocked
from licet.adapters.hooks.settings import (
    EVENTS,
    SettingsError,
    command_line,
    installed,
    installed_commands,
    uninstalled,
)
from support.hook_process import Hook

OTHERS = {
    "model": "opus",
    "hooks": {
        "PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "mine"}]}],
        "Stop": [{"hooks": [{"type": "command", "command": "bell"}]}],
    },
}


@pytest.mark.parametrize("agent", ["claude-code", "codex"])
def test_others_hooks_stay_and_twice_is_once(agent: str, tmp_path: Path) -> None:
    path = tmp_path / "s" / "settings.json"
    path.parent.mkdir()
    path.write_text(json.dumps(OTHERS))
    path.chmod(0o640)
    installed(agent, path, tmp_path).write()  # type: ignore[arg-type]
    data = json.loads(path.read_text())
    assert data["model"] == "opus"
    assert OTHERS["hooks"]["PreToolUse"][0] in data["hooks"]["PreToolUse"]  # type: ignore[index]
    assert set(installed_commands(path)) == set(EVENTS[agent])  # type: ignore[index]
    assert path.stat().st_mode & 0o777 == 0o640
    again = installed(agent, path, tmp_path)  # type: ignore[arg-type]
    assert again.before == again.after
    moved = installed(agent, path, tmp_path / "other")  # type: ignore[arg-type]
    moved.write()
    assert all(len(found) == 1 for found in installed_commands(path).values())
    uninstalled(path).write()
    assert json.loads(path.read_text()) == OTHERS


def test_claude_code_is_told_to_block_on_failure(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    installed("claude-code", path, tmp_path).write()
    handlers = [each for found in installed_commands(path).values() for each in found]
    assert all(each["onFailure"] == "block" for each in handlers)
    uninstalled(path).write()
    assert json.loads(path.read_text()) == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"hooks": []}', '{"hooks": {"PreToolUse": {}}}'])
def test_a_file_that_is_not_understood_is_left_alone(text: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(SettingsError):
        installed("claude-code", path, tmp_path)
    assert path.read_text() == text


@pytest.mark.parametrize("agent", ["claude-code", "codex"])
def test_what_is_installed_blocks(agent: str, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(hook.runtime))
    command = command_line(agent, hook.policy)  # type: ignore[arg-type]
    assert unblocked(agent, command, hook.root) == ()  # type: ignore[arg-type]
    assert len(unblocked(agent, "exit 0", hook.root)) == 4  # type: ignore[arg-type]
    assert len(unblocked(agent, "exit 1", hook.root)) == 4  # type: ignore[arg-type]


def test_a_missing_interpreter_is_exit_2(tmp_path: Path) -> None:
    command = command_line("codex", tmp_path)
    gone = "/nowhere" + command
    done = subprocess.run(["/bin/sh", "-c", gone], input=b"{}", capture_output=True, check=False)
    assert done.returncode == 2
    assert b"could not run" in done.stderr
