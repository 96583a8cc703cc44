"""`licet init TOOLS.json|--from MODULE:OBJECT`: a first policy for the tools of an agent, with
tests that pass."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .failures import Exit, Failed
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.compiler.catalog import Tool
    from licet.policy_lang.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class _Listing:
    """A tool list: its bytes, the name that it is saved under, what gave it, and its file."""

    data: bytes
    file_name: str
    given: str
    path: Path | None = None


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Write the policy, and beside it the tool list that it was made from."""
    from licet.policy_lang.diagnostics import has_errors

    from .findings import plural, report
    from .starting_policy import starting_policy

    if (options.tools is None) == (options.origin is None):
        raise Failed("name a tool list, or an agent with --from (see licet init --help)")
    if options.tools_only and options.origin is None:
        raise Failed("--tools-only saves the tools of an agent: name it with --from")
    folder: Path = options.directory
    stem = options.tools.stem if options.origin is None else _module(options.origin)
    name = options.name or stem
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}", name):
        raise Failed(
            f"`{name}` cannot name a policy: take letters, digits, spaces and . _ - (--name NAME)"
        )
    listing = _of_file(options.tools) if options.origin is None else _of_agent(options.origin, name)
    tools, diagnostics = _read(listing, _alias(name))
    report(diagnostics, streams.err)
    if has_errors(diagnostics):
        raise Failed()
    if not tools:
        raise Failed(f"`{listing.given}` lists no tools")

    policy = folder / f"{name}.licet"
    catalog = folder / listing.file_name
    brought = listing.path is None or not catalog.exists() or not catalog.samefile(listing.path)
    if options.tools_only:
        _write(catalog, listing.data, force=options.force)
        streams.out.say(f"wrote {catalog}: {plural(len(tools), 'tool')} of {listing.given}")
        return Exit.fine
    text = starting_policy(name, catalog.name, _alias(name), tools)
    _write(policy, text.encode(), force=options.force)
    if brought:
        try:
            _write(catalog, listing.data, force=options.force)
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


def _of_file(path: Path) -> _Listing:
    from .policies import read_bytes

    return _Listing(read_bytes(path), path.name, str(path), path)


def _of_agent(target: str, name: str) -> _Listing:
    """The tools that an agent's own code describes, as a list in MCP's form. Raises Failed."""
    from licet.adapters.frameworks.importing import ListingError, list_tools
    from licet.compiler.json_text import json_line

    try:
        tools = list_tools(target)
    except ListingError as error:
        raise Failed(str(error)) from None
    # Numbers come from the module's own floats, which this writes as they were.
    data = json.dumps(json.loads(json_line({"tools": tools})), indent=2) + "\n"
    return _Listing(data.encode(), f"{name}.json", target)


def _read(listing: _Listing, alias: str) -> tuple[tuple[Tool, ...], tuple[Diagnostic, ...]]:
    from licet.adapters.catalogs import tool_lists
    from licet.compiler.exact_json import decode

    if listing.path is not None:
        return tool_lists.load(listing.path, source_name=alias)
    return tool_lists.read(decode(listing.data), alias)


def _module(target: str) -> str:
    """The name of the file that a module is in."""
    return target.partition(":")[0].rpartition(".")[2]


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
        "tools",
        metavar="TOOLS.json",
        nargs="?",
        type=Path,
        help="a tool list of MCP, OpenAI or Anthropic",
    )
    parser.add_argument(
        "--from",
        dest="origin",
        metavar="MODULE:OBJECT",
        help="an agent, its tools or a guard in your code, instead of a list; MODULE:FUNCTION() "
        "calls what makes it. The module is imported, so it runs, in a process of its own",
    )
    parser.add_argument(
        "--tools-only",
        action="store_true",
        help="save the agent's tools alone, for a policy that is there",
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
    "write a first policy for the tools of an agent",
    _arguments,
    run,
    details=(
        "Permits what the list itself marks as reading; everything else is denied and listed, so\n"
        "that somebody writes its rule. The tool list is copied beside the policy, which then\n"
        "stands on exactly these tools. With --from, the list is what the agent's framework tells\n"
        "its model, and a tool that is another one when the agent runs is noticed."
    ),
    examples=(
        ("licet init tools.json -o policies", "policies/tools.licet, with tests"),
        ("licet init tools.json --name desk", "desk.licet, here"),
        ("licet init --from desk.agents:agent", "agents.licet, for the agent in desk/agents.py"),
    ),
)
