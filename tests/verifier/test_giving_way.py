"""What takes long gives way to everybody's work, and nothing else does."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from licet.verifier.solving import Check, Sat, SolverPool, Solvers, Unsat
from licet.verifier.solving import process as process_module
from licet.verifier.solving.child import Child

AMOUNT = "(declare-const x0 Int)"


def workers(pool: SolverPool) -> list[int]:
    return [process.pid for process in pool._idle]


def gives_way(pid: int) -> bool:
    """Whether a process runs where nobody else wants to, wherever its session is told apart."""
    group = Path(f"/proc/{pid}/autogroup")
    alone = not group.exists() or group.read_text().endswith(" nice 19\n")
    return alone and os.sched_getscheduler(pid) == os.SCHED_IDLE


def yielding(pool: SolverPool) -> dict[int, bool]:
    """Of each idle worker, whether it gives way."""
    return {pid: gives_way(pid) for pid in workers(pool)}


def ask_slowly(pool: Solvers, pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question at a worker that answers only once it gives way."""
    os.kill(pid, signal.SIGSTOP)  # so that it takes as long as we like
    with monkeypatch.context() as hasty, pool.begin(Check(("true",)), AMOUNT, 30) as asked:
        hasty.setattr(process_module, "QUICK", 0.0)
        thread = threading.Thread(target=asked.answer)
        thread.start()
        while not gives_way(pid):
            assert thread.is_alive()
            time.sleep(0.01)
        os.kill(pid, signal.SIGCONT)
        thread.join()
        assert asked.answer() == Sat({})


def test_what_takes_long_gives_way_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name whose questions take long gets workers that give way; others never get those, and one
    is ready for them."""
    with SolverPool(1) as pool:
        busy, plain = pool.of("busy"), pool.of("plain")
        assert plain.ask(Check(("true",)), AMOUNT, 30) == Sat({})
        [pid] = workers(pool)
        ask_slowly(busy, pid, monkeypatch)
        [other] = set(workers(pool)) - {pid}
        assert yielding(pool) == {pid: True, other: False}
        assert plain.ask(Check(("true",)), AMOUNT, 30) == Sat({})
        assert yielding(pool) == {pid: True, other: False}
        assert busy.ask(Check(("true",)), AMOUNT, 30) == Sat({})
        assert yielding(pool) == {pid: True, other: False}
        monkeypatch.setattr(pool, "_slow", {"busy": 0.0})  # as if its time were over
        assert busy.ask(Check(("false",)), AMOUNT, 30) == Unsat()
        assert pool._slow == {}


def test_who_has_the_pool_to_itself_gives_way_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with SolverPool(1) as pool:
        assert pool.ask(Check(("true",)), AMOUNT, 30) == Sat({})
        [pid] = workers(pool)
        monkeypatch.setattr(process_module, "QUICK", 0.0)
        assert pool.ask(Check(("false",)), AMOUNT, 30) == Unsat()
        assert yielding(pool) == {pid: False}


def test_in_a_polite_pool_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    with SolverPool(1, polite=True) as pool:
        assert pool.ask(Check(("true",)), AMOUNT, 30) == Sat({})
        [pid] = workers(pool)
        ask_slowly(pool, pid, monkeypatch)
        assert yielding(pool) == {pid: True}  # and nobody else waits for one that does not


def test_a_process_that_has_used_much_gives_way() -> None:
    code = (
        "import os, sys\nsys.path.insert(0, sys.argv[1])\n"
        "from licet.verifier.solving.child import giving_way\ngiving_way(0.01)\n"
        "while os.sched_getscheduler(0) != os.SCHED_IDLE: pass\nprint('way', flush=True)\n"
    )
    child = Child(code, [str(Path(process_module.__file__).parents[3])])
    try:
        assert child.hear(time.monotonic() + 60, 10) == b"way\n"
        assert gives_way(child.pid)
    finally:
        child.kill()


# --- threads, processes
