"""Somebody's module in a process of its own: what it does there harms nobody."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from licet.adapters.frameworks.importing import ListingError, list_tools

pytestmark = pytest.mark.long

TOOL = "def tool(a: int) -> int: ...\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(tools: list[object]) -> list[str]:
    return [each["name"] for each in tools if isinstance(each, dict)]


def test_modules_of_ours_are_not_taken_from_the_working_directory(folder: Path) -> None:
    for name in ("z3", "licet", "json", "lark"):
        (folder / f"{name}.py").write_text("raise SystemExit(3)\n")
    (folder / "agent.py").write_text(TOOL)
    assert names(list_tools("agent:tool")) == ["tool"]


@pytest.mark.skipif(sys.platform != "linux", reason="a process of somebody else is waited for")
def test_one_that_hangs_is_ended_with_what_it_started(folder: Path) -> None:
    (folder / "agent.py").write_text(
        "import os, pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path('pid').write_text(str(child.pid))\n"
        "child.wait()\n"
    )
    with pytest.raises(ListingError, match="did not give its tools within 5 s"):
        list_tools("agent:tool", seconds=5)
    try:
        ended = os.pidfd_open(int((folder / "pid").read_text()))
    except ProcessLookupError:
        return
    assert select.select([ended], [], [], 30)[0]
    os.close(ended)


def test_one_that_leaves_threads_running_does_not_hold_anybody_up(folder: Path) -> None:
    (folder / "agent.py").write_text(
        f"import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n{TOOL}"
    )
    assert names(list_tools("agent:tool", seconds=60)) == ["tool"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('bye')", r"gives no tools: SystemExit: bye \(agent.py:1\)"),
        ("def", r"SyntaxError: invalid syntax"),
        (
            "import os; print('last words', flush=True); os._exit(7)",
            r"ended with 7 and gave no tools; the last that it printed: last words",
        ),
        ("import os; os.kill(os.getpid(), 9)", r"ended with -9 and gave no tools"),
        # an answer of its own making is an answer, and nothing more than one
        (
            "import os, sys; open(sys.argv[2], 'w').write('{'); os._exit(0)",
            r"ended with 0 and gave no tools",
        ),
        (
            "import os, sys; open(sys.argv[2], 'w').write('[1]'); os._exit(0)",
            r"gave no list of tools",
        ),
        ("def tool(a): ...", r"ValueError: `tool` does not say of which type `a` is"),
    ],
)
def test_one_that_gives_none(folder: Path, code: str, said: str) -> None:
    (folder / "agent.py").write_text(code + "\n")
    with pytest.raises(ListingError, match=said):
        list_tools("agent:tool")
