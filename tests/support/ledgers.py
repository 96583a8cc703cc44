"""Workers that pay by a guard, and a ledger of their own that says what was really paid.

A worker writes `begin`, waits for the disk, and only then pays; whoever reads the ledger counts
every payment that may have happened. Nothing of the guard's is asked.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from licet import Guard
from licet.verifier.history import StoreError
from licet.verifier.redeeming import RedeemError


class Broken(Exception):  # noqa: N818 - a tool that breaks
    """What a tool raises after it has paid."""


class Ledger:
    """Lines of one worker; each is on disk when `write` returns."""

    def __init__(self, path: Path, *, sync: bool = True) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._sync = sync

    def write(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())
        if self._sync:
            os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


def work(
    guard: Guard,
    ledger: Ledger,
    seed: int,
    calls: int,
    *,
    principal: Mapping[str, object],
    tool: str = "pay",
    most: int = 40,
    stop: threading.Event | None = None,
) -> dict[str, int]:
    """Try to pay random amounts and end each call in some way; how often each thing happened."""
    rng = random.Random(seed)
    session = guard.session(principal=principal, session=f"worker {seed}")
    seen: dict[str, int] = {}

    def count(what: str) -> None:
        seen[what] = seen.get(what, 0) + 1

    for number in range(calls):
        if stop is not None and stop.is_set():
            break
        amount = rng.randint(1, most)
        args: dict[str, Any] = {"amount": amount}
        if tool == "pay":
            args["user"] = "x"
        verdict = session.check(tool, args, id=f"{seed}/{number}" if rng.random() < 0.5 else None)
        count(verdict.outcome if verdict.kind != "fault" else "fault")
        if verdict.ticket is None:
            continue
        fate = rng.choice(("ok", "ok", "less", "error", "silent", "unused", "given back"))
        count(fate)
        try:
            if fate == "unused":
                continue
            if fate == "given back":
                guard.settle(verdict.ticket, "cancelled")
                continue
            if fate == "silent":
                guard.redeem(verdict.ticket, args)
                ledger.write(f"pay {amount}")
                continue
            with guard.redeem(verdict.ticket, args) as call:
                if fate == "less":
                    amount = rng.randint(0, amount)
                ledger.write(f"pay {amount}")
                if fate == "error":
                    raise Broken
                call.result = {"paid": amount}
        except Broken:
            pass
        except (RedeemError, StoreError):
            count("not run")
    return seen


def paid(folder: Path) -> int:
    """All that was paid, by every ledger of a folder."""
    total = 0
    for path in folder.glob("*.ledger"):
        total += sum(int(line.split()[1]) for line in path.read_text().splitlines())
    return total
