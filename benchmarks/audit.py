"""Writing and verifying an audit of a million verdicts: time and resident memory.

`python benchmarks/audit.py [ENTRIES]` writes them to a file, signs a checkpoint, and runs
`licet audit verify` on it in a process of its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from licet.verifier.audit import Recorder, line_of
from licet.verifier.history import AuditEntry, Head


class Log:
    """The head of a tenant; entries go to a file."""

    tenant = "acme"
    instant = 1_795_000_000_000_000

    def __init__(self, path: Path) -> None:
        self._file = path.open("w")
        self._head = Head()

    def head(self) -> Head:
        return self._head

    def set_head(self, head: Head) -> None:
        self._head = head

    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        self._file.writelines(map(line_of, entries))

    def close(self) -> None:
        self._file.close()


def body(number: int) -> dict[str, object]:
    """The verdict on an allowed refund, with the facts that it read."""
    call = {
        "tool": "refund",
        "args": {"order_id": f"R{number}", "amount": Decimal("99.5"), "note": "as agreed by phone"},
        "principal": {"id": "a1", "role": "support"},
        "context": {"risk": Decimal("0.1")},
        "facts": {
            "order": [{"key": [f"R{number}"], "value": {"owner": "u1", "total": 200}}],
            "blocked": [{"key": ["u1"], "value": False}],
        },
        "history": [{"name": "refunded", "key": ["a1"], "value": 700}],
        "now": "2026-11-22T15:00:00Z",
    }
    verdict = {
        "call": f"c{number}",
        "id": f"5f1e-{number}",
        "outcome": "allow",
        "tool": "refund",
        "rules": ["refunds"],
        "violations": [],
        "because": [],
        "counterexample": None,
        "repair": None,
        "message": "",
        "policy": "sha256:" + "0" * 64,
        "catalog": "sha256:" + "1" * 64,
    }
    states = {"refunds": "applies", "too_much": "not", "support_small": "not", "risky": "not"}
    return {
        "verdict": verdict,
        "call": call,
        "evidence": {"engine": "z3 5.4.1", "by": "evaluation", "states": states},
        "digest": "sha256:" + "2" * 64,
        "mode": "enforce",
    }


def licet(*arguments: object) -> float:
    """Run the command; the seconds it took."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "licet.cli.main", *map(str, arguments)]
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log, recorder = Log(folder / "audit.jsonl"), Recorder()
        start = time.perf_counter()
        for number in range(total):
            recorder.append(log, "verdict", body(number))  # type: ignore[arg-type]
        log.close()
        took = time.perf_counter() - start
        size = (folder / "audit.jsonl").stat().st_size
        print(f"{total:,} entries, {size / 1e6:,.0f} MB, {took / total * 1e6:.0f} µs to write one")
        licet("audit", "keygen", folder / "key")
        made = ("--checkpoints", folder / "checkpoints", "--key", folder / "key")
        licet("audit", "checkpoint", folder / "audit.jsonl", *made)
        vouched = ("--checkpoints", folder / "checkpoints", "--key", folder / "key.pub")
        took = licet("audit", "verify", folder / "audit.jsonl", *vouched)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
        print(f"verified in {took:.1f} s, at most {peak:,.0f} MB resident")


if __name__ == "__main__":
    main()
