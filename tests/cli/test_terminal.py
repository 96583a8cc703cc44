"""What reaches a terminal: styles on a terminal alone, and never a character that it would obey."""

import io
import os
import pty
import re
import subprocess
import sys

import pytest

from licet.cli.terminal import Styled, Terminal, printable

ANSI = re.compile(rb"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [bold]text[/bold] :smile:", "plain [bold]text[/bold] :smile:"),
        ("Ünïcödé 漢字 🙂", "Ünïcödé 漢字 🙂"),
        ("\x1b[2J", "\\u{1b}[2J"),
        ("a\nb\r\tc", "a\\u{a}b\\u{d}\\u{9}c"),
        ("\u202egnp.exe", "\\u{202e}gnp.exe"),
        ("a\u200bb\ufeff", "a\\u{200b}b\\u{feff}"),
        ("\x9b31m\x7f", "\\u{9b}31m\\u{7f}"),
        ("\ud800", "\\u{d800}"),
    ],
)
def test_printable_escapes_what_a_terminal_would_obey_or_hide(text, shown):
    assert printable(text) == shown


def test_a_line_has_no_styles_outside_a_terminal():
    stream = io.StringIO()
    Terminal(stream).say("a", Styled("b\x1b[0m", "bold red"), " [red]c[/red]")
    assert stream.getvalue() == "ab\\u{1b}[0m [red]c[/red]\n"


def on_a_terminal(*arguments: str, stdin: bytes = b"", **environment: str) -> tuple[int, bytes]:
    """Run the command with its output on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    plain = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen(
        [sys.executable, "-m", "licet.cli.main", *arguments],
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
        env={**plain, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    told = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        told += more
    os.close(ours)
    return process.wait(30), told.replace(b"\r\n", b"\n")


UNTIDY = b"permit  a on any\n"
TIDY_DIFF = (
    b"--- <stdin> (as it is)\n+++ <stdin> (formatted)\n@@ -1,2 +1,2 @@\n"
    b"-permit  a on any\n+permit a on any\n \n"
)


def test_colours_on_a_terminal():
    code, told = on_a_terminal("fmt", "--diff", "-", stdin=UNTIDY)
    assert code == 1
    assert b"\x1b[32m+permit a on any\x1b[0m\n" in told
    assert b"\x1b[31m-permit  a on any\x1b[0m\n" in told
    assert ANSI.sub(b"", told) == TIDY_DIFF


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_they_are_not_wanted(environment):
    assert on_a_terminal("fmt", "--diff", "-", stdin=UNTIDY, **environment) == (1, TIDY_DIFF)


def test_no_colours_in_a_pipe_whatever_the_environment_forces():
    done = subprocess.run(
        [sys.executable, "-m", "licet.cli.main", "fmt", "--diff", "-"],
        input=UNTIDY,
        capture_output=True,
        env={**os.environ, "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"},
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, TIDY_DIFF)


def test_a_page_is_laid_out_on_a_terminal():
    code, told = on_a_terminal("explain", "LIC005", COLUMNS="60")
    assert code == 0
    assert b"```" not in told
    assert b"\x1b[36mpermit\x1b[0m" in told
    assert max(map(len, ANSI.sub(b"", told).decode().splitlines())) <= 60


def test_a_diagnostic_is_coloured_on_a_terminal():
    code, told = on_a_terminal("fmt", "-", stdin=b"permit\n")
    assert code == 2
    assert told.startswith(b"\x1b[1;31merror[LIC")
