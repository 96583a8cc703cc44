"""Runs the command line in this process, with real files and streams."""

import io
import signal
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from licet.cli.main import main


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def licet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`licet("fmt", "-", stdin="…")`: the exit code, and what was written."""

    def run(*arguments: object, stdin: str | bytes = "") -> Ended:
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        code = main([str(argument) for argument in arguments])
        return Ended(code, *capsys.readouterr())

    return run


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Children can be interrupted, also where a shell started the tests in the background: it lets
    SIGINT be ignored then, and a child would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
