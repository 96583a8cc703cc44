"""The tools of an agent in somebody's module, which runs in a process of its own.

To import a module is to run it: it may print, hang, exit, start threads. So a process does it that
is given a time limit and is ended with all that it started. Its answer comes in a file that only
the two know; what it prints is none, and is looked at only to say why there is no answer.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from licet.adapters.catalogs.tool_lists import MAX_FILE
from licet.compiler.exact_json import JsonError, decode, shortened

#: What names an object: `desk.agents:agent`, `desk:AGENTS.first`, `desk:make_agent()`.
TARGET: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*(\(\))?")
SECONDS: Final = 120.0
_TAIL: Final = 4_000


class ListingError(ValueError):
    """Why a module's object gave no tools, in words for whoever named it."""


def list_tools(target: str, *, seconds: float = SECONDS) -> list[object]:
    """The tools of `MODULE:OBJECT` (or `MODULE:FUNCTION()`, which makes the object), as entries of
    a list that `tool_lists` reads. The module is looked for in the working directory first.

    Raises ListingError.
    """
    if not TARGET.fullmatch(target) or target.partition(":")[0].endswith(".py"):
        raise ListingError(
            f"{shortened(target)} names no object: write MODULE:OBJECT, such as `desk.agents:agent`"
        )
    with tempfile.TemporaryDirectory(prefix="licet-") as folder:
        answer, printed = Path(folder) / "answer.json", Path(folder) / "printed"
        with printed.open("wb") as output:
            code = _run(target, answer, output.fileno(), seconds)
        if code is None:
            raise ListingError(f"`{target}` did not give its tools within {seconds:g} s")
        said = _answer(answer)
        if said is None:
            ended = f"the process that imported `{target}` ended with {code} and gave no tools"
            raise ListingError(f"{ended}{_last_words(printed)}")
    match said:
        case {"tools": list(tools)}:
            return tools
        case {"error": str(error)}:
            raise ListingError(error)
        case _:
            raise ListingError(f"the process that imported `{target}` gave no list of tools")


def _run(target: str, answer: Path, output: int, seconds: float) -> int | None:
    """The exit code; None where the process did not end in time."""
    module = "licet.adapters.frameworks.importing_process"
    process = subprocess.Popen(
        # -P: what is ours is not looked for in the working directory.
        [sys.executable, "-P", "-m", module, target, str(answer)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, where it still runs, and whatever it started and left behind."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError):
        process.kill()
    process.wait()


def _answer(path: Path) -> object:
    """What the process answered; None where it is not there, or not exact JSON."""
    try:
        if path.stat().st_size > MAX_FILE:
            return None
        return decode(path.read_bytes(), max_size=MAX_FILE)
    except (OSError, JsonError):
        return None


def _last_words(printed: Path) -> str:
    data = printed.read_bytes()[-_TAIL:].decode("utf-8", "replace")
    lines = [line.strip() for line in data.splitlines() if line.strip()]
    return f"; the last that it printed: {lines[-1]}" if lines else ""
