"""`licet lint` on 1,000 rules over 40 tools: cold, unchanged, and after one rule was changed.

`python benchmarks/lint.py [ROUNDS]` runs the command as it is installed, with a cache of its own,
and prints processor time (of all its processes) and time on the clock, medians of the rounds.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from rules import bench

RULES = 1_000


def lint(policy: Path, cache: Path) -> tuple[float, float]:
    """Seconds of processor time and on the clock."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "licet.cli.main", "lint", policy, "--fail-on", "never"],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    text = bench(RULES).licet
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(rounds):
            policy, cache = folder / f"{number}.licet", folder / str(number)
            policy.write_text(text, "utf-8")
            found.setdefault("cold", []).append(lint(policy, cache))
            found.setdefault("unchanged", []).append(lint(policy, cache))
            changed = text.replace("permit p7 on t7 when context.confirmed", "permit p7 on t7")
            policy.write_text(changed, "utf-8")
            found.setdefault("one rule changed", []).append(lint(policy, cache))
    for what, times in found.items():
        processor, wall = (median(column) for column in zip(*times, strict=True))
        print(f"{what:<18} {processor:6.2f} s of processor time, {wall:6.2f} s on the clock")


if __name__ == "__main__":
    main()
