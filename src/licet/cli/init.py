"""`licet init TOOLS.json`: a first policy for a list of tools, with tests that pass."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from .failures import Exit, Failed
from .verb import Streams, Verb


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Write the policy, and beside it the tool list that it was made from."""
    from licet.adapters.catalogs.tool_lists import load
    from licet.policy_lang.diagnostics import has_errors

    from .findings import plural, report
    from .policies import read_bytes
    from .starting_policy import starting_policy

    listing: Path = options.tools
    folder: Path = options.directory
    name = options.name or listing.stem
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}", name):
        raise Failed(
            f"`{name}` cannot name a policy: take letters, digits, spaces and . _ - (--name NAME)"
        )
    data = read_bytes(listing)
    tools, diagnostics = load(listing, source_name=_alias(name))
    report(diagnostics, streams.err)
    if has_errors(diagnostics):
        raise Failed()
    if not tools:
        raise Failed(f"`{listing}` lists no tools")

    policy = folder / f"{name}.licet"
    catalog = folder / listing.name
    text = starting_policy(name, catalog.name, _alias(name), tools)
    brought = not catalog.exists() or not catalog.samefile(listing)
    _write(policy, text.encode(), force=options.force)
    if brought:
        try:
            _write(catalog, data, force=options.force)
        except Failed:
            if not options.force:
                policy.unlink()
            raise
    reads = sum(tool.read_only and not tool.destructive for tool in tools)
    streams.out.say(
        f"wrote {policy}: {plural(len(tools), 'tool')}, {reads:,} permitted as reads, others denied"
    )
    if brought:
        streams.out.say(f"wrote {catalog}: the tool list that it stands on")
    streams.out.say(f"next: licet test {policy}")
    return Exit.fine


def _alias(name: str) -> str:
    """The qualifier of the tools' names."""
    from licet.policy_lang.tokens import RESERVED

    word = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")
    usable = word and not word[0].isdigit() and word not in RESERVED
    return word if usable else f"tools_{word}".rstrip("_")


def _write(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file that is not there yet, or any with `force`. Raises Failed."""
    from .policies import reason

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb" if force else "xb") as file:
            file.write(data)
    except FileExistsError:
        raise Failed(f"`{path}` exists already; --force overwrites it") from None
    except OSError as error:
        raise Failed(f"cannot write `{path}`: {reason(error)}") from None


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "tools", metavar="TOOLS.json", type=Path, help="a tool list of MCP, OpenAI or Anthropic"
    )
    parser.add_argument(
        "-o",
        dest="directory",
        metavar="DIR",
        type=Path,
        default=Path(),
        help="where to write (here unless told)",
    )
    parser.add_argument(
        "--name", metavar="NAME", help="the policy's name (the tool list's unless told)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that exist")


VERB = Verb(
    "init",
    "write a first policy for a list of tools",
    _arguments,
    run,
    details=(
        "Permits what the list itself marks as reading; everything else is denied and listed, so\n"
        "that somebody writes its rule. The tool list is copied beside the policy, which then\n"
        "stands on exactly these tools."
    ),
    examples=(
        ("licet init tools.json -o policies", "policies/tools.licet, with tests"),
        ("licet init tools.json --name desk", "desk.licet, here"),
    ),
)
