"""What no tool may touch, however the path is written; and what is let be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from licet.adapters.hooks.events import Event
from licet.adapters.hooks.own_files import OwnFiles


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "policies").mkdir()
    for name in ("policies/agent.licet", "licet.toml", "licet.lock", "tools.json", "src/a.py"):
        (root / name).write_text("x")
    (root / "link").symlink_to(root / "tools.json")
    (root / "folder").symlink_to(root / "policies")
    os.link(root / "tools.json", root / "src" / "other.json")
    return root


def touched(project: Path, tool: str, args: dict[str, object], agent: str = "claude-code") -> bool:
    names = ("tools.json", "state.db", "policies/agent.licet")
    own = OwnFiles(tuple(str(project / name) for name in names))
    event = Event(agent, "PreToolUse", "s", str(project), tool, "t", args)  # type: ignore[arg-type]
    return own.touched(event)


@pytest.mark.parametrize(
    "path",
    [
        "a\n/../tools.json",
        "new\nline/tools.json",
        "new\nline/.claude/settings.json",
        "x/../" * 4_000 + "tools.json",
        "./" * 9_000 + "licet.toml",
        "FILE:tools.json",
        "file://localhost{root}/tools.json",
        "File://{root}/tools%2Ejson",
    ],
)
def test_a_path_is_read_as_far_as_a_tool_may_shorten_it(project: Path, path: str) -> None:
    (project / "new\nline").symlink_to(project)
    path = path.replace("{root}", str(project))
    assert touched(project, "Write", {"file_path": path, "content": ""})
    assert touched(project, "mcp__fs__write_file", {"path": path})


@pytest.mark.parametrize(
    "line",
    [
        "cp new to\\\nols.json",
        "curl -otools.json https://example.com",
        "cp settings.json .claude/",
        "unzip a.zip -d .codex",
    ],
)
def test_ways_to_write_a_command_line(project: Path, line: str) -> None:
    assert touched(project, "Bash", {"command": line})


@pytest.mark.parametrize(
    "path",
    [
        "tools.json",
        "./src/../tools.json",
        "TOOLS.json",
        "link",
        "src/other.json",
        "state.db",
        "licet.toml",
        "Licet.Lock",
        "folder/agent.licet",
        "folder/new.licet",
        ".claude/settings.json",
        ".claude/settings.local.json",
        "sub/.claude/Settings.json",
        "~/.claude/settings.json",
        "~/.codex/config.toml",
        "~/.codex/anything",
        ".codex/hooks.json",
        "/etc/claude-code/managed-settings.json",
    ],
)
def test_own_files_are_not_written(project: Path, path: str) -> None:
    assert touched(project, "Write", {"file_path": path, "content": ""})
    assert touched(project, "Edit", {"file_path": str(project / path)}) or path.startswith("~")
    assert touched(project, "mcp__fs__write_file", {"a": [{"path": path}]})
    patch = f"*** Begin Patch\n*** Update File: {path}\n+x\n*** End Patch"
    assert touched(project, "apply_patch", {"command": patch}, "codex")
    moved = f"*** Begin Patch\n*** Update File: src/a.py\n*** Move to: {path}\n*** End Patch"
    assert touched(project, "apply_patch", {"command": moved}, "codex")
    assert touched(project, "Bash", {"command": f"echo x > {path}"})
    assert touched(project, "Bash", {"command": f"cp src/a.py {path}"})


@pytest.mark.parametrize(
    "command",
    [
        "echo x>>licet.toml",
        "sed -i s/a/b/ 'policies/agent.licet'",
        "tee lic''et.toml",
        "tee lic\\et.toml < a",
        "cat licet.toml | tee b",
        "cd policies && rm *.licet",
        "rm -rf polic*",
        "rm -rf .",
        "mv policies/../tools.json x",
        "rm -rf $HOME/.codex",
        "chmod 777 ..",
        "python -c \"open('licet.toml', 'w')\"",
        "dd if=/dev/zero of=state.db",
        "git checkout -- licet.lock",
        "ln -sf /tmp/x tools.json",
        "licet hook uninstall claude-code",
        "pkill -f hook_daemon",
        "echo '{}' > .claude/settings.local.json",
        "bash -c 'rm tools.json'",
        "echo x | sponge tools.json",
    ],
)
def test_command_lines_that_may_write_them(project: Path, command: str) -> None:
    assert touched(project, "Bash", {"command": command})


@pytest.mark.parametrize(
    "command",
    [
        "ls -la",
        "cat licet.toml",
        "pytest src -q",
        "git status && git add src/a.py",
        "echo hi > src/b.py",
        "rm -rf src/build",
        "ls .",
        "grep -r x .",
    ],
)
def test_other_work_goes_on(project: Path, command: str) -> None:
    assert not touched(project, "Bash", {"command": command})


def test_reading_and_other_files_are_let_be(project: Path) -> None:
    assert not touched(project, "Read", {"file_path": str(project / "licet.toml")})
    assert not touched(project, "Write", {"file_path": "src/b.py", "content": "licet.toml"})
    assert not touched(project, "mcp__fs__write_file", {"path": "src/b.py"})
