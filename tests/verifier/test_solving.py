"""The worker pool: what it answers, and that nothing that happens to a worker is an answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from licet.verifier.solving import (
    Adjustable,
    Check,
    Core,
    Forced,
    Nearest,
    NearestOpen,
    Sat,
    SolverPool,
    Unknown,
    Unsat,
)
from licet.verifier.solving import process as process_module

AMOUNT = """
(declare-const x0 Int) (declare-const x1 Int) (declare-const x2 Bool) (declare-const x3 String)
(assert (and (<= 0 x0) (<= 0 x1 2)))
(define-fun allowed () Bool (and x2 (or (<= x0 500) (= x1 2)) (not (= x3 "b"))))
"""

#: Text equations over half a megabyte: Z3 neither answers nor listens.
BOMB = f"""
(declare-const a String) (declare-const b String)
(assert (= (str.++ a "{"ab" * (1 << 18)}" b) (str.++ b "{"ba" * (1 << 18)}" a)))
(assert (> (str.len a) 3000)) (assert (not (= a b)))
"""


@pytest.fixture
def pool() -> Iterator[SolverPool]:
    with SolverPool(1) as made:
        yield made


def workers(pool: SolverPool) -> list[int]:
    return [process.pid for process in pool._idle]


def gone(pid: int, seconds: float = 60) -> bool:
    """Whether a process has ended, and has been waited for."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


# --- answers


def test_a_model_comes_with_the_values_asked_for(pool: SolverPool) -> None:
    query = Check(("allowed", "(= x0 700)", '(= x3 "a\\u{41}")'), ("x0", "x1", "x3"))
    answer = Sat({"x0": "700", "x1": "2", "x3": '"aA"'})
    assert pool.ask(query, AMOUNT, 60) == answer
    assert pool.ask(query, AMOUNT, 60) == answer


def test_no_model_is_unsat(pool: SolverPool) -> None:
    query = Check(("allowed", "(> x0 500)", "(< x1 2)"))
    assert pool.ask(query, AMOUNT, 60) == Unsat()


def test_nothing_of_one_request_stays_for_the_next(pool: SolverPool) -> None:
    assert pool.ask(Check(("false",)), AMOUNT, 60) == Unsat()
    assert pool.ask(Check(("true",)), AMOUNT, 60) == Sat({})


def test_a_core_drops_what_stands_first(pool: SolverPool) -> None:
    assumptions = ('(= x3 "b")', "(= x0 700)", "(= x1 1)", "(not x2)")
    assert pool.ask(Core(("allowed",), assumptions), AMOUNT, 60) == Forced((3,), True)
    assert pool.ask(Core(("allowed",), assumptions[::-1]), AMOUNT, 60) == Forced((3,), True)
    kept = Forced((0, 1), True)
    assert pool.ask(Core(("allowed",), ("(= x1 1)", "(= x0 700)")), AMOUNT, 60) == kept


def test_what_is_not_forced_has_no_core(pool: SolverPool) -> None:
    assert pool.ask(Core(("allowed",), ("(= x0 700)",)), AMOUNT, 60) == Sat({})


def test_what_is_impossible_anyway_has_an_empty_core(pool: SolverPool) -> None:
    assert pool.ask(Core(("false",), ("(= x0 7)", "x2")), AMOUNT, 60) == Forced((), True)


def nearest(*adjustable: Adjustable, x0: str = "700") -> Nearest:
    names = {leaf.symbol for leaf in adjustable}
    world = (("x0", x0), ("x1", "0"), ("x2", "true"), ("x3", '"a"'))
    fixed = tuple(pair for pair in world if pair[0] not in names)
    return Nearest(("allowed",), fixed, adjustable)


def test_the_nearest_number(pool: SolverPool) -> None:
    assert pool.ask(nearest(Adjustable("x0", "700")), AMOUNT, 60) == Sat({"x0": "500"})


def test_the_nearest_choice(pool: SolverPool) -> None:
    query = nearest(Adjustable("x1", "0", ("1", "2")))
    assert pool.ask(query, AMOUNT, 60) == Sat({"x1": "2"})


def test_of_two_single_changes_the_later_symbol_changes(pool: SolverPool) -> None:
    x0, x1 = Adjustable("x0", "700"), Adjustable("x1", "0", ("1", "2"))
    assert pool.ask(nearest(x0, x1), AMOUNT, 60) == Sat({"x1": "2"})
    assert pool.ask(nearest(x1, x0), AMOUNT, 60) == Sat({"x0": "500"})


def test_nothing_near_is_unsat(pool: SolverPool) -> None:
    query = Nearest(("allowed",), (("x2", "false"),), (Adjustable("x0", "700"),))
    assert pool.ask(query, AMOUNT, 60) == Unsat()


def test_two_changes_are_the_least_each_in_order(pool: SolverPool) -> None:
    text = """
    (declare-const x Int) (declare-const y Int) (declare-const z Int)
    (define-fun allowed () Bool (and (<= 10 (+ x y)) (<= x 7) (<= y 8) (= z 3)))
    """
    query = Nearest(("allowed",), (("z", "3"),), (Adjustable("x", "0"), Adjustable("y", "0")))
    assert pool.ask(query, text, 10) == Sat({"x": "2", "y": "8"})


def test_values_equally_far_go_down(pool: SolverPool) -> None:
    text = "(declare-const x Int) (define-fun allowed () Bool (or (<= x 3) (<= 7 x)))"
    query = Nearest(("allowed",), (), (Adjustable("x", "5"),))
    assert pool.ask(query, text, 10) == Sat({"x": "3"})


def test_a_strict_bound_on_a_real_is_open(pool: SolverPool) -> None:
    text = "(declare-const x Real) (define-fun allowed () Bool (and (<= 0.0 x) (< x 500.0)))"
    answer = pool.ask(Nearest(("allowed",), (), (Adjustable("x", "700.0"),)), text, 10)
    assert isinstance(answer, NearestOpen)
    assert (answer.symbol, answer.bound, answer.side) == ("x", "500.0", "below")


def test_an_attained_bound_on_a_real(pool: SolverPool) -> None:
    text = "(declare-const x Real) (define-fun allowed () Bool (<= (* 3.0 x) 1.0))"
    query = Nearest(("allowed",), (), (Adjustable("x", "700.0"),))
    assert pool.ask(query, text, 10) == Sat({"x": "(/ 1.0 3.0)"})


# --- what is not an answer


@pytest.mark.parametrize("text", ["(assert", "(declare-const x Nonsense)", "", "\x00", "é"])
def test_a_malformed_question_is_unknown(pool: SolverPool, text: str) -> None:
    assert isinstance(pool.ask(Check(("allowed",)), text, 10), Unknown)
    assert pool.ask(Check(("true",)), AMOUNT, 60) == Sat({})


def test_a_bomb_is_unknown_by_its_deadline(pool: SolverPool) -> None:
    answer = pool.ask(Check(("true",), ("a",)), BOMB, 1.0)
    assert isinstance(answer, Unknown)
    assert pool.ask(Check(("true",)), AMOUNT, 60) == Sat({})


def test_a_stopped_worker_is_unknown_by_the_deadline_and_replaced(pool: SolverPool) -> None:
    pool.ask(Check(("true",)), AMOUNT, 60)
    [pid] = workers(pool)
    os.kill(pid, signal.SIGSTOP)
    assert pool.ask(Check(("true",)), AMOUNT, 0.3) == Unknown("the deadline has passed")
    assert gone(pid)
    assert pool.ask(Check(("true",)), AMOUNT, 60) == Sat({})


def test_a_stopped_worker_that_reads_nothing_is_unknown_too(pool: SolverPool) -> None:
    pool.ask(Check(("true",)), AMOUNT, 60)
    [pid] = workers(pool)
    os.kill(pid, signal.SIGSTOP)
    large = AMOUNT + ";" + "x" * 500_000
    assert pool.ask(Check(("true",)), large, 0.3) == Unknown("the deadline has passed")
    assert gone(pid)


def test_a_worker_killed_while_idle_is_replaced_unseen(pool: SolverPool) -> None:
    pool.ask(Check(("true",)), AMOUNT, 60)
    [pid] = workers(pool)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert pool.ask(Check(("true",)), AMOUNT, 60) == Sat({})
    assert workers(pool) != [pid]


def test_a_worker_killed_in_the_middle_is_unknown(pool: SolverPool) -> None:
    pool.ask(Check(("true",)), AMOUNT, 60)
    [pid] = workers(pool)
    os.kill(pid, signal.SIGSTOP)  # so that it is surely in the middle
    with pool.begin(Check(("true",)), AMOUNT, 60) as asked:
        os.kill(pid, signal.SIGKILL)
        assert asked.answer() == Unknown("the solver's worker has crashed")
    assert pool.ask(Check(("true",)), AMOUNT, 60) == Sat({})


# --- begun, and waited for later


def test_an_answer_waits_until_it_is_asked_for(pool: SolverPool) -> None:
    with pool.begin(Check(("(= x0 7)",), ("x0",)), AMOUNT, 60) as asked:
        assert workers(pool) == []
        assert asked.answer() == Sat({"x0": "7"})
        [pid] = workers(pool)  # given back before the block is left
        assert pool.ask(Check(("false",)), AMOUNT, 60) == Unsat()
        assert asked.answer() == Sat({"x0": "7"})
    assert workers(pool) == [pid]


def test_an_answer_that_came_in_time_counts_after_it(
    pool: SolverPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.ask(Check(("true",)), AMOUNT, 60)
    [process] = pool._idle
    real = time.monotonic
    with pool.begin(Check(("true",)), AMOUNT, 60) as asked, monkeypatch.context() as late:
        assert process._child.has_said(real() + 60)
        late.setattr(time, "monotonic", lambda: real() + 120)
        assert asked.answer() == Sat({})


def test_an_answer_that_nobody_takes_costs_the_worker(pool: SolverPool) -> None:
    pool.ask(Check(("true",)), AMOUNT, 60)
    [pid] = workers(pool)
    with pytest.raises(KeyError), pool.begin(Check(("true",)), AMOUNT, 60):
        raise KeyError
    assert gone(pid)
    assert pool.ask(Check(("false",)), AMOUNT, 60) == Unsat()


def test_a_worker_killed_before_its_answer_is_taken_is_unknown(pool: SolverPool) -> None:
    pool.ask(Check(("true",)), AMOUNT, 60)
    [pid] = workers(pool)
    os.kill(pid, signal.SIGSTOP)
    with pool.begin(Check(("true",)), AMOUNT, 60) as asked:
        os.kill(pid, signal.SIGKILL)
        assert asked.answer() == Unknown("the solver's worker has crashed")
    assert pool.ask(Check(("true",)), AMOUNT, 60) == Sat({})


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "no json",
        '{"id": 1, "answer": "sat"}',
        '{"id": 1, "answer": "sat", "values": {"x0": 3}}',
        '{"id": 1, "answer": "sat", "values": {"x0": "3", "x1": "4"}}',
        '{"id": 2, "answer": "unsat"}',
        '{"id": true, "answer": "unsat"}',
        '{"id": 1, "answer": "allow"}',
        '{"id": 1, "answer": "forced", "kept": [], "minimal": true}',
        '{"id": 1, "answer": "unsat"}\\n{"id": 2, "answer": "unsat"}',
        "[" * 100_000,
        '{"id": 1, "answer": "unknown", "reason": null}',
        "",
    ],
)
def test_garbage_is_unknown(pool: SolverPool, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    liar = (
        "import sys; print('\"ready\"', flush=True); sys.stdin.readline(); "
        f"print('''{line}''', flush=True); sys.stdin.read()"
    )
    monkeypatch.setattr(process_module, "_BOOT", liar)
    answer = pool.ask(Check(("true",), ("x0",)), AMOUNT, 5)
    assert isinstance(answer, Unknown)
    assert answer.reason.startswith("the solver's worker answered garbage: ")
    assert workers(pool) == []


def test_a_worker_that_answers_before_it_is_asked_is_unknown(
    pool: SolverPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = """import sys; print('{"id": 1, "answer": "unsat"}', flush=True); sys.stdin.read()"""
    monkeypatch.setattr(process_module, "_BOOT", hasty)
    answer = pool.ask(Check(("true",)), AMOUNT, 30)
    assert answer == Unknown("the solver's worker answered garbage: it was not asked yet")
    assert workers(pool) == []


def test_a_worker_that_says_nothing_and_ends_is_unknown(
    pool: SolverPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "_BOOT", "pass")
    crashed = Unknown("the solver's worker has crashed")
    assert pool.ask(Check(("true",)), AMOUNT, 5) == crashed


def test_an_interpreter_that_is_not_there_is_unknown(
    pool: SolverPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    missing = Unknown("the solver's worker could not be started")
    assert pool.ask(Check(("true",)), AMOUNT, 5) == missing


def test_memory_is_bounded() -> None:
    with SolverPool(1, memory=400 << 20) as pool:
        text = "(declare-const x Int)" + "".join(
            f"(declare-const a{i} (Array Int (Array Int Int)))" for i in range(50_000)
        )
        assert isinstance(pool.ask(Check(("true",)), text * 2, 20), Unknown)
        assert pool.ask(Check(("true",)), AMOUNT, 60) == Sat({})


# --- who gives way


def test_a_question_waits_for_a_worker_no_longer_than_its_deadline(pool: SolverPool) -> None:
    with pool.begin(Check(("true",)), AMOUNT, 60) as asked:
        answer = pool.ask(Check(("true",)), AMOUNT, 0.3)
        assert answer == Unknown("the deadline has passed while waiting for a solver")
        assert asked.answer() == Sat({})


def test_threads_get_their_own_answers() -> None:
    answers: dict[int, list[object]] = {}

    def ask(number: int) -> None:
        answers[number] = [
            pool.ask(Check((f"(= x0 {number * 100 + i})",), ("x0",)), AMOUNT, 30) for i in range(20)
        ]

    with SolverPool(2) as pool:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(workers(pool)) == 2
    assert answers == {n: [Sat({"x0": str(n * 100 + i)}) for i in range(20)] for n in range(4)}


def test_a_forked_child_starts_workers_of_its_own(pool: SolverPool) -> None:
    pool.ask(Check(("true",)), AMOUNT, 60)
    before = workers(pool)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        good = pool.ask(Check(("true",)), AMOUNT, 60) == Sat({}) and workers(pool) != before
        pool.close()
        os.write(write, b"y" if good else b"n")
        os._exit(0)
    os.close(write)
    assert os.read(read, 1) == b"y"
    os.close(read)
    os.waitpid(child, 0)
    assert pool.ask(Check(("true",)), AMOUNT, 60) == Sat({})
    assert workers(pool) == before


def test_closing_ends_the_workers() -> None:
    pool = SolverPool(1)
    pool.ask(Check(("true",)), AMOUNT, 60)
    [pid] = workers(pool)
    pool.close()
    pool.close()
    assert gone(pid)
    assert pool.ask(Check(("true",)), AMOUNT, 60) == Unknown("the pool of solvers is closed")


def test_a_pool_that_nobody_holds_ends_its_workers() -> None:
    pool = SolverPool(1)
    pool.ask(Check(("true",)), AMOUNT, 60)
    [pid] = workers(pool)
    del pool
    assert gone(pid)


def test_workers_end_with_their_parent() -> None:
    source = str(Path(process_module.__file__).parents[3])
    program = (
        f"import sys; sys.path.insert(0, {source!r})\n"
        "from licet.verifier.solving import Check, SolverPool\n"
        "pool = SolverPool(1)\n"
        "pool.ask(Check(('true',)), '(declare-const x Int)', 10)\n"
        "print(pool._idle[0].pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.kill()
    assert gone(pid)


def test_the_working_directory_is_not_where_z3_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "z3.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "json.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with SolverPool(1) as pool:
        assert pool.ask(Check(("true",)), AMOUNT, 60) == Sat({})


def test_more_questions_than_a_worker_keeps(pool: SolverPool) -> None:
    texts = [f"(declare-const x Int) (assert (= x {i}))" for i in range(40)]
    for _ in range(2):
        answers = [pool.ask(Check((), ("x",)), text, 10) for text in texts]
        assert answers == [Sat({"x": str(i)}) for i in range(40)]


def test_a_warm_pool_has_its_worker(pool: SolverPool) -> None:
    pool.warm()
    before = workers(pool)
    assert len(before) == 1
    assert pool.ask(Check(("true",)), AMOUNT, 60) == Sat({})
    assert workers(pool) == before
