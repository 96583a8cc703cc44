"""The command line itself: help, usage errors, exit codes, and ends that are not ours to choose."""

import argparse
import array
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

import licet as package
from licet.cli import main as cli
from licet.cli.verb import Streams, Verb

VERBS = ["check", "explain", "fmt", "init", "show", "test"]


def test_help_names_every_verb(licet):
    code, out, err = licet("--help")
    assert (code, err) == (0, "")
    assert out == cli.overview()
    assert [verb for verb in VERBS if f"\n  {verb} " not in out] == []


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help_with_examples(licet, verb):
    code, out, err = licet(verb, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: licet {verb} [-h]")
    assert f"examples:\n  licet {verb}" in out


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(licet, option):
    assert licet(option) == (0, f"licet {package.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), f"licet: name a verb: {', '.join(cli.VERBS)} (see licet --help)\n"),
        (("chek",), "licet: there is no verb `chek`; did you mean `check`?\n"),
        (("--chek",), "licet: there is no option `--chek` (see licet --help)\n"),
        (
            ("fmt",),
            "licet fmt: the following arguments are required: PATH (see licet fmt --help)\n",
        ),
        (
            ("fmt", "--chek", "a\x1b[31m"),
            "licet fmt: unrecognized arguments: --chek (see licet fmt --help)\n",
        ),
        (
            ("fmt", "a", "--\x1b[31mb"),
            "licet fmt: unrecognized arguments: --\\u{1b}[31mb (see licet fmt --help)\n",
        ),
        (
            ("check", "a", "--call", "b", "--calls", "c"),
            (
                "licet check: argument --calls: not allowed with argument --call"
                " (see licet check --help)\n"
            ),
        ),
        (
            ("check", "missing.licet", "--call", "b"),
            "licet check: cannot read `missing.licet`: no such file or folder\n",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(licet, arguments, said):
    assert licet(*arguments) == (2, "", said)


def test_help_loads_nothing_heavy():
    code = (
        "import json, sys; from licet.cli.main import main; main(['--help']);"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert not loaded & {"z3", "lark", "pydantic", "rapidfuzz", "rich"}


def broken(options: argparse.Namespace, streams: Streams) -> int:
    raise LookupError("lost\nmore")


def interrupted(options: argparse.Namespace, streams: Streams) -> int:
    raise KeyboardInterrupt


@pytest.fixture
def verb(monkeypatch):
    def add(run):
        monkeypatch.setitem(cli.VERBS, "odd", Verb("odd", "odd", lambda parser: None, run))

    return add


def test_a_bug_of_ours_is_one_line_and_exit_70(licet, verb):
    verb(broken)
    assert licet("odd") == (
        70,
        "",
        (
            "licet odd: internal error, a bug in licet: LookupError: lost"
            " (please report it with what LICET_DEBUG=1 prints)\n"
        ),
    )


def test_the_traceback_is_for_who_asks(licet, verb, monkeypatch):
    verb(broken)
    monkeypatch.setenv("LICET_DEBUG", "1")
    code, out, err = licet("odd")
    assert (code, out) == (70, "")
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith("(please report it with what LICET_DEBUG=1 prints)\n")


def test_an_interrupt_is_exit_130_without_a_word(licet, verb):
    verb(interrupted)
    assert licet("odd") == (130, "", "")


def waiting(pipe):
    """How many bytes nobody has read yet."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def test_control_c_ends_a_running_verb(interruptible):
    process = subprocess.Popen(
        [sys.executable, "-m", "licet.cli.main", "fmt", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    try:
        # More than a pipe holds, so it reads; then it sleeps until the end, which never comes.
        process.stdin.write(b"# permit a on any\n" * 20_000)
        process.stdin.flush()
        stat = Path(f"/proc/{process.pid}/stat")
        while waiting(process.stdin) or stat.read_text().rpartition(") ")[2][0] != "S":
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()


def test_a_reader_that_leaves_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "licet.cli.main", "check", "--help"],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_ascii_terminals_get_escapes():
    done = subprocess.run(
        [sys.executable, "-m", "licet.cli.main", "--help"],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.stdout.startswith(b"usage: licet VERB \\u2026\n")
