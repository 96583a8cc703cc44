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


@dataclass(frozen=True, slots=True)
class Family(Verb):
    """A verb with verbs of its own (`licet audit verify`), each with its own help page."""

    members: tuple[Verb, ...] = ()

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        names = ", ".join(member.name.split()[-1] for member in self.members)
        if not arguments:
            raise Failed(f"name one of {names} (see licet {self.name} --help)")
        for member in self.members:
            if arguments[0] == member.name.split()[-1]:
                return argparse.Namespace(member=member, options=member.parse(arguments[1:]))
        if arguments[0] in ("-h", "--help"):
            return Verb.parse(self, ["--help"])
        raise Failed(f"there is no `{self.name} {arguments[0]}`; there are {names}")


def family(name: str, summary: str, members: Sequence[Verb], details: str = "") -> Family:
    """The verb that finds one of its members and runs it."""

    def run(options: argparse.Namespace, streams: Streams) -> int:
        member: Verb = options.member
        return member.run(options.options, streams)

    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("verb", metavar="VERB", choices=[m.name.split()[-1] for m in members])
        parser.add_argument("arguments", metavar="…", nargs="...", help="as its own --help says")

    width = max(len(member.name.split()[-1]) for member in members)
    table = "\n".join(f"  {m.name.split()[-1]:<{width}}  {m.summary}" for m in members)
    return Family(
        name,
        summary,
        arguments,
        run,
        details=f"{details}\n\nverbs:\n{table}" if details else f"verbs:\n{table}",
        examples=tuple(example for member in members for example in member.examples[:1]),
        members=tuple(members),
    )


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
