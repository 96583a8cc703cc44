"""Lines that a thread writes: in order, all of them, and nobody waits for a log that is stuck."""

from __future__ import annotations

import io
import json
import logging
import threading
from functools import partial
from pathlib import Path

import pytest

from licet.service.telemetry.behind import Behind
from licet.service.telemetry.messages import CONFIGURATION, handler
from support.serving import ask, close, serve
from support.shop import refund


class Stuck(io.StringIO):
    """A stream that takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.reached = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        assert self.open.wait(60)
        return super().write(text)


def test_all_lines_in_order() -> None:
    stream = io.StringIO()
    log = Behind(stream)
    wanted = [f"line {number}\n" for number in range(500)]
    for number, line in enumerate(wanted):
        log.write(line if number % 2 else partial(str, line))
    log.close()
    assert stream.getvalue() == "".join(wanted)


def test_a_line_that_cannot_be_made_takes_no_other_with_it() -> None:
    stream = io.StringIO()
    log = Behind(stream)
    log.write("before\n")
    log.write(partial(str, b"x", "no such encoding"))
    log.write("after\n")
    log.close()
    before, lost, after = stream.getvalue().splitlines()
    assert (before, after) == ("before", "after")
    assert json.loads(lost) == {"level": "error", "event": "a line is lost", "why": "LookupError"}


def test_a_stuck_log_takes_so_many_lines_and_no_more() -> None:
    stream = Stuck()
    log = Behind(stream, most=3)
    log.write("first\n")
    assert stream.reached.wait(60)
    for number in range(3):
        log.write(f"{number}\n")
    with pytest.raises(OSError, match="not read"):
        log.write("too many\n")
    stream.open.set()
    log.close()
    assert stream.getvalue() == "first\n0\n1\n2\n"


def test_a_log_that_failed_says_so() -> None:
    stream = io.StringIO()
    stream.close()
    log = Behind(stream)
    log.write("lost\n")
    log.close()
    with pytest.raises(OSError, match="cannot be written: ValueError"):
        log.write("more\n")


def test_nobody_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stuck()
    monkeypatch.setattr("sys.stderr", stream)
    app = serve(tmp_path, store=None, telemetry={"logs": True})
    sent = {**refund(), "id": "call-9"}
    del sent["now"]
    assert ask(app, "POST", "/v1/check", role="host", json=sent).json()["allowed"]
    assert stream.reached.wait(60)
    assert stream.getvalue() == ""
    stream.open.set()
    app.state.service.telemetry.close()
    assert '"call": "call-9"' in stream.getvalue()
    close(app)


def test_what_the_service_says_is_a_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    made = CONFIGURATION["handlers"]["lines"]["()"]
    assert made == f"{handler.__module__}.{handler.__qualname__}"
    written = handler()
    log = logging.Logger("licet.service")
    log.addHandler(written)
    try:
        raise ValueError("odd\n\u202e")
    except ValueError:
        log.exception("a request failed: %s", "GET\n/x", extra={"request": "r1"})
    written.close()
    log.error("after the end: lost, and nobody fails by it")
    first, *more = stream.getvalue().splitlines()
    line = json.loads(first)
    trace = line.pop("trace").splitlines()
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[-2:] == ["ValueError: odd", "\u202e"]
    del line["time"]
    assert line == {
        "event": "message",
        "message": "a request failed: GET\n/x",
        "level": "error",
        "logger": "licet.service",
        "request": "r1",
    }
    assert first.isascii()
    assert more == []
