"""Proposed calls out of files: one JSON document, or a stream of one call a line.

A line is read, decided and forgotten, however long the file is. What is not a call comes out as an
explanation of why, in its place, so that the lines after it are still decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from licet.compiler.exact_json import MAX_SIZE, JsonError, decode
from licet.verifier.action import Action, ActionError

from .failures import Failed
from .policies import reason

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Proposal:
    """One call, or (`action` None) why it is none. `line` is None for a file with one call.

    `end` counts the bytes read up to here.
    """

    line: int | None
    action: Action | None
    problem: str
    end: int


def one_call(path: str, stdin: TextIO) -> Iterator[Proposal]:
    """The call that a whole file holds. Raises Failed if the file cannot be read."""
    with opened(path, stdin) as file:
        data = _read(file, path, MAX_SIZE + 1)
    yield _proposal(data, None, len(data))


def calls_by_line(path: str, stdin: TextIO) -> Iterator[Proposal]:
    """The calls of a JSON Lines file; blank lines are skipped. Raises Failed."""
    with opened(path, stdin) as file:
        number = end = 0
        while data := _read_line(file, path):
            number += 1
            size = len(data)
            while not data.endswith(b"\n") and size > MAX_SIZE:  # the rest of a huge line
                rest = _read_line(file, path)
                size += len(rest)
                if not rest or rest.endswith(b"\n"):
                    break
            end += size
            if number == 1:
                data = data.removeprefix(b"\xef\xbb\xbf")
            if data.strip():
                yield _proposal(data, number, end)


def opened(path: str, stdin: TextIO) -> AbstractContextManager[BinaryIO]:
    """A file to read, or standard input for `-`. Raises Failed."""
    if path == STDIN:
        return nullcontext(stdin.buffer)
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise Failed(f"cannot read `{path}`: {reason(error)}") from None


def _proposal(data: bytes, line: int | None, end: int) -> Proposal:
    where = "this" if line is None else f"line {line}"
    if len(data) > MAX_SIZE:
        return Proposal(line, None, f"{where} is longer than {MAX_SIZE:,} bytes", end)
    try:
        value = decode(data.strip())
    except JsonError as error:
        return Proposal(line, None, f"{where} is not a call in JSON: {error.message}", end)
    try:
        return Proposal(line, Action.from_mapping(value), "", end)
    except ActionError as error:
        return Proposal(line, None, f"{where} is not a call: {error}", end)


def _read(file: BinaryIO, path: str, size: int) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise Failed(f"cannot read `{path}`: {reason(error)}") from None


def _read_line(file: BinaryIO, path: str) -> bytes:
    try:
        return file.readline(MAX_SIZE + 1)
    except OSError as error:
        raise Failed(f"cannot read `{path}`: {reason(error)}") from None
