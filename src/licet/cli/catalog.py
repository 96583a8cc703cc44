"""`licet catalog build|diff|lock|search|show`: the tools that exist, and what became of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .failures import Exit, Failed
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.compiler.catalog import Catalog, Tool, ToolSource

LISTED = 20


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Do what the action says."""
    code: int = options.action(options, streams)
    return code


def build(options: argparse.Namespace, streams: Streams) -> int:
    """Compile sources into one file."""
    from licet.adapters.catalogs.catalog_file import SUFFIX, write

    from .findings import plural
    from .policies import reason

    output: Path = options.output
    if output.suffix != SUFFIX:
        raise Failed(f"a compiled catalog is named *{SUFFIX}, not `{output.name}`")
    sources = _sources(options.sources, streams)
    try:
        digest = write(sources, output)
    except (ValueError, RecursionError) as error:
        raise Failed(str(error)) from None
    except OSError as error:
        raise Failed(f"cannot write `{output}`: {reason(error)}") from None
    count = sum(len(source.names()) for source, _ in sources)
    streams.out.say(
        f"wrote {output}: {plural(count, 'tool')} of {plural(len(sources), 'source')}, {digest}"
    )
    return Exit.fine


def diff(options: argparse.Namespace, streams: Streams) -> int:
    """Say what differs, and what it breaks; 1 if anything does."""
    from licet.adapters.catalogs.comparing import differences

    from .findings import plural

    if options.policy and not Path(options.new).is_file():
        raise Failed("--policy stands on files: save the new tools to one first")
    old, new = (_catalog([spec], streams) for spec in (options.old, options.new))
    found = list(differences(old, new))
    for difference in found:
        streams.out.say(str(difference))
    broken = [_broken(path, options, streams) for path in options.policy or ()]
    streams.out.say(plural(len(found), "difference") if found else "the catalogs are the same")
    return Exit.refused if found or any(broken) else Exit.fine


def _broken(path: Path, options: argparse.Namespace, streams: Streams) -> bool:
    """Whether a policy on the old catalog does not stand on the new one, or fails a test."""
    from licet.loading import load_program
    from licet.policy_lang.diagnostics import Severity
    from licet.verifier.testing import run_tests

    instead = {Path(options.old).resolve(): Path(options.new).resolve()}
    loaded = load_program([path], instead=instead)
    if loaded.program is None:
        for problem in loaded.diagnostics:
            if problem.severity is Severity.error:
                streams.out.say(f"breaks    {path}: {problem.code} {problem.message}")
        return True
    failed = [result.case.name for result in run_tests(loaded.program) if not result.passed]
    for name in failed:
        streams.out.say(f'breaks    {path}: the test "{name}"')
    return bool(failed)


def lock(options: argparse.Namespace, streams: Streams) -> int:
    """Write the lock file of a policy's project."""
    from licet.adapters.catalogs.locking import LOCK_FILE, Lock
    from licet.compiler.loading import open_project

    from .findings import plural
    from .policies import program_of, reason

    project, _ = open_project(options.policy[0])
    found = Lock.of(program_of(options.policy, options.params, streams).catalog)
    try:
        path = found.write(project.root)
    except OSError as error:
        raise Failed(f"cannot write `{project.root / LOCK_FILE}`: {reason(error)}") from None
    streams.out.say(f"wrote {path}: {plural(len(found.tools), 'tool')}")
    return Exit.fine


def search(options: argparse.Namespace, streams: Streams) -> int:
    """Name the tools that some words are about; 1 if there are none."""
    from licet.verifier.searching import matching

    catalog = _catalog([options.catalog], streams)
    found = matching(catalog, " ".join(options.words))
    for tool in found[:LISTED]:
        streams.out.say(f"{tool.qualified}  {tool.description}".rstrip())
    if len(found) > LISTED:
        streams.out.say(f"… and {len(found) - LISTED:,} more")
    return Exit.fine if found else Exit.refused


def show(options: argparse.Namespace, streams: Streams) -> int:
    """Describe one tool."""
    from licet.compiler.digests import tool_digest
    from licet.compiler.names import alternatives, nearest

    catalog = _catalog([options.catalog], streams)
    meant = catalog.meanings(options.tool)
    if len(meant) != 1:
        if meant:
            raise Failed(f"`{options.tool}` may mean {', '.join(meant)}")
        near = nearest(options.tool[:200], catalog.names())
        hint = f"; did you mean {alternatives(near)}?" if near else ""
        raise Failed(f"there is no tool `{options.tool}`{hint}")
    tool = catalog.qualified[meant[0]]
    for line in _described(tool):
        streams.out.say(line)
    streams.out.say(f"digest: {tool_digest(tool)}")
    return Exit.fine


def _described(tool: Tool) -> list[str]:
    hints = [
        hint.replace("_", " ")
        for hint in ("read_only", "destructive", "atomic", "dispatch")
        if getattr(tool, hint)
    ]
    lines = [f"{tool.qualified}  ({', '.join(hints)})" if hints else tool.qualified]
    if tool.description:
        lines.append(tool.description)
    lines += [f"  {field.name}: {field.type}" for field in tool.params.fields]
    return lines


# --- where catalogs come from --------------------------------------------------------------------


def _sources(specs: Sequence[str], streams: Streams) -> tuple[tuple[ToolSource, str], ...]:
    """The sources that are named on the command line, each with where it is from. Raises Failed."""
    from licet.adapters.catalogs.sources import named
    from licet.policy_lang.diagnostics import has_errors

    from .findings import report

    found: list[tuple[ToolSource, str]] = []
    for spec in specs:
        sources, diagnostics = named(spec)
        report(diagnostics, streams.err)
        if has_errors(diagnostics):
            raise Failed()
        found += sources
    return tuple(found)


def _catalog(specs: Sequence[str], streams: Streams) -> Catalog:
    from licet.compiler.catalog import Catalog

    return Catalog(sources=tuple(source for source, _ in _sources(specs, streams)))


def _arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    one = actions.add_parser("build", help="compile sources into one file", allow_abbrev=False)
    one.add_argument("sources", metavar="SOURCE", nargs="+", help=SOURCE)
    one.add_argument("-o", dest="output", metavar="FILE.lcat", type=Path, required=True)
    one.set_defaults(action=build)

    one = actions.add_parser("diff", help="what differs between two catalogs", allow_abbrev=False)
    one.add_argument("old", metavar="OLD", help=SOURCE)
    one.add_argument("new", metavar="NEW", help=SOURCE)
    one.add_argument(
        "--policy",
        metavar="POLICY",
        type=Path,
        action="append",
        help="a policy on OLD: does it stand on NEW, do its tests pass?",
    )
    one.set_defaults(action=diff)

    from .policies import policy_arguments

    one = actions.add_parser("lock", help="write licet.lock for a policy", allow_abbrev=False)
    policy_arguments(one)
    one.set_defaults(action=lock)

    one = actions.add_parser("search", help="find tools by words", allow_abbrev=False)
    one.add_argument("catalog", metavar="SOURCE", help=SOURCE)
    one.add_argument("words", metavar="WORD", nargs="+")
    one.set_defaults(action=search)

    one = actions.add_parser("show", help="one tool with its arguments", allow_abbrev=False)
    one.add_argument("catalog", metavar="SOURCE", help=SOURCE)
    one.add_argument("tool", metavar="TOOL")
    one.set_defaults(action=show)


SOURCE = (
    "a file (FILE or NAME=FILE), what is installed (aws:ec2, aws:*, google:drive:v3), "
    "a live server (NAME=mcp:https://… or NAME=mcp:COMMAND), or the tools of an agent in your code "
    "(NAME=agent:MODULE:OBJECT)"
)

VERB = Verb(
    "catalog",
    "build, compare, lock and search catalogs of tools",
    _arguments,
    run,
    details=(
        "A compiled catalog holds every tool of its sources with its types, is read tool by tool,\n"
        'and is used like any tool list: use tools "aws.lcat". licet.lock holds a digest of each\n'
        "tool's schema, description and hints; where a project has it, a tool that has changed\n"
        "since is denied until it is locked again. diff and search exit with 1 for differences\n"
        "and for nothing found."
    ),
    examples=(
        ("licet catalog build 'aws:*' -o aws.lcat", "every operation of Amazon's services"),
        ("licet catalog diff old.lcat new.lcat --policy policies", "what an update breaks"),
        ("licet catalog diff desk.json desk=agent:desk:agent", "whether an agent's tools changed"),
        ("licet catalog lock policies", "deny what changes from now on"),
        ("licet catalog search aws.lcat delete bucket", "tools by words"),
        ("licet catalog show aws.lcat s3.DeleteBucket", "one tool"),
    ),
)
