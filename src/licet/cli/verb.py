"""A verb of the command line: how it is called, what its help says, what it does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TextIO

from .failures import Failed
from .terminal import Terminal

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


@dataclass(frozen=True, slots=True)
class Streams:
    """Where a verb reads and writes: results to `out`, what is said about them to `err`."""

    input: TextIO
    out: Terminal
    err: Terminal


@dataclass(frozen=True, slots=True)
class Verb:
    """`run` gets the parsed options and returns the exit code; it may raise `Failed`."""

    name: str
    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Streams], int]
    details: str = ""
    examples: tuple[tuple[str, str], ...] = ()

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options, or `Failed`; `--help` prints and raises SystemExit(0)."""
        return self.parser().parse_args(arguments)

    def parser(self) -> argparse.ArgumentParser:
        described = self.summary[:1].upper() + self.summary[1:] + "."
        parser = Parser(
            prog=f"licet {self.name}",
            description=f"{described}\n\n{self.details}" if self.details else described,
            epilog=examples_text(self.examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.arguments(parser)
        return parser


class Parser(argparse.ArgumentParser):
    """What is wrong is one line, as `Failed`."""

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """As argparse does, except that a reader who has gone is noticed."""
        (file or sys.stdout).write(self.format_help())

    def error(self, message: str) -> NoReturn:
        raise Failed(f"{message} (see {self.prog} --help)")


def examples_text(examples: Sequence[tuple[str, str]]) -> str:
    """The examples of a help page, aligned: a command, and what it does."""
    if not examples:
        return ""
    width = max(len(command) for command, _ in examples)
    lines = [f"  {command:<{width}}  {what}".rstrip() for command, what in examples]
    return "\n".join(["examples:", *lines])
