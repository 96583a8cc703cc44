"""Writing, verifying and reproving an audit of a million verdicts: time and resident memory.

`python benchmarks/audit.py [ENTRIES]` writes them to a file, signs a checkpoint, and runs
`licet audit verify` on it in a process of its own, then `licet audit reprove` on a hundredth.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path

from licet import Program, load_program
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


POLICY = """
policy "desk"
enum Role { support, manager }
principal { id: String, role: Role }
context { risk: Decimal in 0 .. 1 step 0.01 }
fact order(id: String) -> { owner: String, total: Decimal in 0 .. 100_000 step 0.01 }?
fact blocked(owner: String) -> Bool
tool refund(order_id: String, amount: Decimal in 0 .. 10_000 step 0.01, note: String?) destructive
permit refunds on refund
forbid too_much on refund
  let o = order(args.order_id)
  when args.amount > o.total
forbid support_small on refund when principal.role == support and args.amount > 500
forbid risky on refund when context.risk > 0.8
forbid blocked_owner on refund
  let o = order(args.order_id)
  when blocked(o.owner)
"""


def body(number: int, program: Program) -> dict[str, object]:
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
        "policy": program.digest,
        "catalog": program.catalog.digest,
    }
    states = {rule.name: "not" for rule in program.rules["refund"].rules} | {"refunds": "applies"}
    return {
        "verdict": verdict,
        "call": call,
        "evidence": {"engine": "z3 5.4.1", "by": "evaluation", "states": states},
        "digest": "sha256:" + "2" * 64,
        "mode": "enforce",
    }


def licet(*arguments: object) -> str:
    """Run the command; what it took, with its own processes."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "licet.cli.main", *map(str, arguments)]
    subprocess.run(command, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = after.ru_maxrss / 1e3  # the largest process so far
    return f"{wall:.1f} s ({busy:.1f} s of processor time), at most {peak:,.0f} MB resident"


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        policy = folder / "desk.licet"
        policy.write_text(POLICY, "utf-8")
        program = load_program([policy]).program
        assert program is not None
        log, recorder = Log(folder / "audit.jsonl"), Recorder()
        start = time.process_time()
        for number in range(total):
            recorder.append(log, "verdict", body(number, program))  # type: ignore[arg-type]
        log.close()
        took = time.process_time() - start
        size = (folder / "audit.jsonl").stat().st_size
        print(f"{total:,} entries, {size / 1e6:,.0f} MB, {took / total * 1e6:.0f} µs to write one")
        licet("audit", "keygen", folder / "key")
        made = ("--checkpoints", folder / "checkpoints", "--key", folder / "key")
        licet("audit", "checkpoint", folder / "audit.jsonl", *made)
        vouched = ("--checkpoints", folder / "checkpoints", "--key", folder / "key.pub")
        took = licet("audit", "verify", folder / "audit.jsonl", *vouched)
        print(f"verified in {took}")
        some = total // 100
        with (folder / "audit.jsonl").open("rb") as whole, (folder / "part").open("wb") as part:
            part.writelines(islice(whole, some))
        took = licet("audit", "reprove", folder / "part", "--policy", policy)
        print(f"{some:,} reproved in {took}")


if __name__ == "__main__":
    main()
