"""A bundle examined by a process of its own, within a time: what it found until then.

Compiling, comparing and linting a policy may take any time and memory, and whoever sends one may
want just that. So they run apart, few at a time, under limits, and are killed when time is up. What
was not said until then is unknown, which counts as letting calls get further.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from licet.compiler.exact_json import JsonError, decode
from licet.compiler.json_text import json_line

from .bundle import Bundle
from .shelf import Verdict
from .unpacking import unpack

#: Examinations that one process of the service runs at a time.
MOST: Final = 2
#: Bytes that are read of one: a report is kept, and shown.
MAX_REPORT: Final = 4_000_000

_BOOT: Final = """
import sys
sys.path.insert(0, sys.argv[1])
from licet.service.bundles.examiner import main
main()
"""
_ABOVE: Final = str(Path(__file__).resolve().parents[3])


class BusyError(Exception):
    """As many bundles are being examined as may be."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What is known of a bundle. `policy` and `catalog` are None where it does not compile: then
    `diagnostics` say why, or time ran out. `verdict` compares it with the base."""

    policy: str | None
    catalog: str | None
    name: str
    diagnostics: Sequence[Mapping[str, Any]]
    verdict: Verdict
    report: dict[str, Any] = field(repr=False)
    finished: bool = True


class Examiner:
    """Examines bundles, `MOST` at a time, each for `seconds` at most; one tenant has one going."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._going: set[str] = set()
        self._children: set[subprocess.Popen[bytes]] = set()
        #: For whoever would wait here: not among the threads that decide calls.
        self.threads = ThreadPoolExecutor(MOST + 2, thread_name_prefix="licet-policies")

    def examine(self, tenant: str, bundle: Bundle, base: Bundle | None) -> Examination:
        """Raises BusyError, and OSError where nothing can be written or started."""
        with self._turn(tenant), tempfile.TemporaryDirectory(prefix="licet-examined-") as folder:
            asked = {
                "bundle": _written(bundle, Path(folder) / "new"),
                "base": None if base is None else _written(base, Path(folder) / "old"),
            }
            return _read(self._lines(json_line(asked).encode() + b"\n"), base is not None)

    def close(self) -> None:
        """End what is going on."""
        with self._lock:
            for child in self._children:
                _kill(child)
        self.threads.shutdown(wait=False, cancel_futures=True)

    @contextlib.contextmanager
    def _turn(self, tenant: str) -> Iterator[None]:
        with self._lock:
            if tenant in self._going or len(self._going) >= MOST:
                raise BusyError
            self._going.add(tenant)
        try:
            yield
        finally:
            with self._lock:
                self._going.discard(tenant)

    def _lines(self, asked: bytes) -> list[dict[str, Any]]:
        """What the process says until it is done, or its time is up."""
        until = time.monotonic() + self._seconds
        child = subprocess.Popen(
            [sys.executable, "-I", "-c", _BOOT, _ABOVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},  # none of the service's secrets
            start_new_session=True,
        )
        with self._lock:
            self._children.add(child)
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            with contextlib.suppress(OSError):  # it died: that it says nothing is the answer
                child.stdin.write(asked)
                child.stdin.close()
            text = _until(child.stdout.fileno(), until)
        finally:
            _kill(child)
            with self._lock:
                self._children.discard(child)
        return list(_parsed(text))


def _written(bundle: Bundle, folder: Path) -> dict[str, object]:
    folder.mkdir()
    paths = [str(path) for path in unpack(bundle, folder)]
    return {"root": str(folder.resolve()), "paths": paths, "params": dict(bundle.params)}


def _until(out: int, until: float) -> bytes:
    os.set_blocking(out, False)
    found = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(out, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0 and len(found) < MAX_REPORT:
            if not selector.select(left):
                break
            chunk = os.read(out, 1 << 16)
            if not chunk:
                break
            found += chunk
    return bytes(found)


def _kill(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        child.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=5)
    for pipe in (child.stdin, child.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()


def _parsed(text: bytes) -> Iterator[dict[str, Any]]:
    """The whole lines."""
    for line in text.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            return
        try:
            yield decode(line, max_size=MAX_REPORT, max_depth=80)
        except JsonError:
            return


def _read(lines: list[dict[str, Any]], compares: bool) -> Examination:
    told: dict[str, Any] = {}
    tools: list[dict[str, Any]] = []
    for line in lines:
        if "compared" in line:
            tools.append(line["compared"])
        else:
            told |= line
    compiled = told.get("compiled")
    if compiled is None:
        return Examination(None, None, "", (), "unknown", {}, finished=False)
    diff = _diff(told, tools) if compares else None
    report = {
        "diagnostics": compiled["diagnostics"],
        "tools": compiled["tools"],
        "lint": {
            "complete": "linted" in told,
            "findings": told.get("linted", []),
            "error": told.get("lint_settings"),
        },
        "diff": diff,
    }
    return Examination(
        None if compiled["unset"] else compiled["policy"],
        compiled["catalog"],
        compiled["name"],
        [*compiled["diagnostics"], *map(_unset, compiled["unset"])],
        "unknown" if diff is None else diff["verdict"],
        report,
        finished="done" in told,
    )


def _unset(name: str) -> dict[str, Any]:
    """A param without a value, as a finding."""
    return {
        "code": "LIC306",
        "severity": "error",
        "message": f"the param `{name}` has neither a value nor a default",
        "file": None,
        "line": None,
        "column": None,
        "notes": [],
        "help": "give it in `params`, or in the table `[params]` of `licet.toml`",
    }


def _diff(told: Mapping[str, Any], tools: list[dict[str, Any]]) -> dict[str, Any]:
    """What changes from the base. Not all tools were compared: unknown."""
    complete = "different" in told
    shown, hidden = told.get("shown", []), told.get("hidden", [])
    verdicts = {tool["verdict"] for tool in tools} - {"equivalent"}
    # Whatever is allowed: the model is told more, or less, which is more on the way back.
    verdicts |= {"widens"} if shown else set()
    verdicts |= {"narrows"} if hidden else set()
    verdict = "unknown"
    if complete:
        verdict = "equivalent" if not verdicts else "incomparable"
        if len(verdicts) == 1:
            [verdict] = verdicts
    return {
        "verdict": verdict,
        "complete": complete,
        "tools": sorted(tools, key=lambda tool: str(tool["tool"])),
        "shown": shown,
        "hidden": hidden,
    }
