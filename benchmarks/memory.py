"""Resident memory over a million checks, a tenth of them with texts never seen before.

`python benchmarks/memory.py [CHECKS]` prints a line at each tenth; the last should be as the
second.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from rules import bench

from licet import Guard


def resident() -> float:
    """MB of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    given = bench(1_000)
    with tempfile.TemporaryDirectory() as folder:
        policy = Path(folder) / "bench.licet"
        policy.write_text(given.licet, "utf-8")
        guard = Guard.load(policy)
    for number in range(total):
        call = given.calls[number % len(given.calls)]
        if number % 10 == 0:
            call = {**call, "args": {**call["args"], "note": f"note {number}"}}  # type: ignore[dict-item]
        assert guard.check(call).allowed
        if number % (total // 10) == 0:
            print(f"{number:>9,} checks  {resident():8.1f} MB", flush=True)
    print(f"{total:>9,} checks  {resident():8.1f} MB")


if __name__ == "__main__":
    main()
