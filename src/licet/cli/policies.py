"""Paths on the command line to a checked program, with everything that was found on the way."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from .failures import Failed
from .verb import Streams

if TYPE_CHECKING:
    from licet.compiler.program import Program
    from licet.verifier.guard import Guard


def policy_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every verb that compiles a policy."""
    parser.add_argument(
        "policy", metavar="POLICY", nargs="+", type=Path, help="a .licet file or a folder of them"
    )
    parser.add_argument(
        "--params",
        metavar="FILE",
        type=Path,
        help="values for the policy's params, as JSON or TOML; they win over licet.toml",
    )


def program_of(paths: Sequence[Path], params: Path | None, streams: Streams) -> Program:
    """The program of some paths. Diagnostics go to `streams.err`; raises Failed after errors."""
    for path in paths:
        if not path.exists():
            raise Failed(f"cannot read `{path}`: no such file or folder")
    values = None if params is None else read_params(params)

    from licet.loading import load_program

    from .findings import report

    loaded = load_program(paths, params=values)
    report(loaded.diagnostics, streams.err)
    if loaded.program is None:
        raise Failed()
    return loaded.program


def guard_of(program: Program) -> Guard:
    """A guard that decides calls. Raises Failed where a param has no value yet."""
    from licet.verifier.guard import Guard

    with concrete():
        return Guard(program)


@contextmanager
def concrete() -> Iterator[None]:
    """Around making a guard: raises Failed where a param has no value yet."""
    from licet.verifier.guard import UnsetParamsError

    try:
        yield
    except UnsetParamsError as unset:
        names = ", ".join(f"`{name}`" for name in unset.names)
        raise Failed(
            f"no value for {names}: give it with --params FILE, or in licet.toml under [params]"
        ) from None


def read_params(path: Path) -> dict[str, object]:
    """The params in a JSON or TOML file, at its top or under `params` alone. Raises Failed."""
    from licet.compiler.exact_json import JsonError, decode

    data = read_bytes(path)
    values: object
    try:
        if path.suffix.lower() == ".toml":
            values = tomllib.loads(data.decode("utf-8"), parse_float=Decimal)
        else:
            values = decode(data)
    except (JsonError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failed(f"cannot read the params in `{path}`: {error}") from None
    if not isinstance(values, dict):
        raise Failed(f"cannot read the params in `{path}`: expected an object of names and values")
    inner = values.get("params")
    return inner if isinstance(inner, dict) and len(values) == 1 else values


def read_bytes(path: Path) -> bytes:
    """A file's bytes. Raises Failed."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failed(f"cannot read `{path}`: {reason(error)}") from None


def reason(error: OSError) -> str:
    """Why the system said no, in lower case."""
    text = error.strerror or type(error).__name__
    return text[:1].lower() + text[1:]
