"""`licet diff`: what a change of a policy allows, denies or escalates, shown by calls or proved."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from .analysing import effort_arguments, effort_of
from .failures import Exit
from .policies import program_of
from .progress import Bar
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.verifier.analysis.differences import Change, Difference

_MEANS = {
    "equivalent": "every call comes out as before: proved",
    "narrows": "some calls get less far, and none further: proved",
    "widens": "some calls get further, and none less far: proved",
    "incomparable": "calls get further and less far, or not everything could be proved",
}


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Compare two policies tool by tool."""
    from licet.verifier.analysis.differences import compare_tool, tools_of, total
    from licet.verifier.analysis.spreading import spread, workers
    from licet.verifier.solving import SolverPool

    from .revisions import policy_at

    effort = effort_of(options)
    with ExitStack() as stack:
        old, new = (
            program_of([stack.enter_context(policy_at(where, other))], options.params, streams)
            for where, other in ((options.old, options.new), (options.new, options.old))
        )
    tools = tools_of(old, new)
    with (
        SolverPool(workers()) as pool,
        Bar(streams, len(tools), noun="tools", results_last=True) as bar,
    ):
        found = total(
            spread(
                lambda tool: compare_tool(old, new, tool, pool, effort),
                tools,
                lambda done: bar.at(done, done),
            )
        )
    match options.output:
        case "json":
            from licet.compiler.json_text import json_line

            streams.out.write(json_line(plain(found)) + "\n")
        case "markdown":
            streams.out.write(markdown(found))
        case _:
            _say(found, streams)
    return Exit.refused if _fails(found, options.fail_on) else Exit.fine


def _fails(found: Difference, threshold: str) -> bool:
    match threshold:
        case "widens":
            return found.verdict in ("widens", "incomparable") and any(
                change.wider or change.kind == "undecided"
                for tool in found.tools
                for change in tool.changes
            )
        case "changes":
            return found.verdict != "equivalent"
        case _:
            return False


def plain(found: Difference) -> dict[str, object]:
    """The difference as JSON; a witness is a call as `licet check --call` reads it."""
    return {
        "verdict": found.verdict,
        "tools": [
            {
                "tool": tool.tool,
                "verdict": tool.verdict,
                "changes": [
                    {
                        "kind": change.kind,
                        "witness": None if change.witness is None else change.witness.call(),
                        "rules": list(change.rules),
                    }
                    for change in tool.changes
                ],
            }
            for tool in found.tools
        ],
    }


def _say(found: Difference, streams: Streams) -> None:
    from .findings import plural
    from .terminal import Styled

    styles = {"equivalent": "green", "narrows": "yellow"}
    style = f"bold {styles.get(found.verdict, 'red')}"
    streams.out.say(Styled(found.verdict, style), f": {_MEANS[found.verdict]}")
    same = 0
    for tool in found.tools:
        if tool.verdict == "equivalent":
            same += 1
            continue
        presence = "" if tool.presence == "both" else f" ({tool.presence})"
        streams.out.say()
        streams.out.say(Styled(f"{tool.tool}{presence}", "bold"), f"  {tool.verdict}")
        for change in tool.changes:
            streams.out.say("  ", Styled(_title(change), "bold"), _by(change))
            if change.witness is not None:
                streams.out.say(f"    for example {change.witness}")
            if change.reason:
                streams.out.say(f"    {change.reason}")
    if same:
        streams.out.say()
        streams.out.say(f"{plural(same, 'tool')} unchanged: proved")


def _title(change: Change) -> str:
    if change.before is None or change.after is None:
        return "undecided"
    if change.kind == "approval":
        return f"approval has become {'easier' if change.wider else 'harder'}"
    told = {"allow": "allowed", "deny": "denied", "escalate": "escalated"}
    return f"{told[change.before]} → {told[change.after]}"


def _by(change: Change) -> str:
    return f"  by {', '.join(change.rules)}" if change.rules else ""


def markdown(found: Difference) -> str:
    """The difference for a comment on a pull request: nothing in it is anything but text."""
    return "\n".join(_markdown(found)) + "\n"


def _markdown(found: Difference) -> Iterator[str]:
    from .findings import plural

    yield f"### Policy: {found.verdict}"
    yield ""
    yield f"{_MEANS[found.verdict].capitalize()}."
    changed = [tool for tool in found.tools if tool.verdict != "equivalent"]
    if changed:
        yield ""
        yield "| tool | verdict | change | rules | for example |"
        yield "|---|---|---|---|---|"
    for tool in changed:
        for change in tool.changes:
            shown = "" if change.witness is None else str(change.witness)
            shown = "; ".join(filter(None, (shown, change.reason)))
            cells = (
                _code(tool.tool),
                tool.verdict,
                _title(change),
                ", ".join(map(_code, change.rules)),
                _code(shown),
            )
            yield f"| {' | '.join(cells)} |"
    same = len(found.tools) - len(changed)
    if same:
        yield ""
        yield f"{plural(same, 'tool')} unchanged, which is proved."


def _code(text: str) -> str:
    """Text as code in a table's cell, whatever is in it."""
    from licet.compiler.exact_json import escaped

    safe = escaped(text).replace("`", "'").replace("|", "\\|").replace("\n", " ")
    return f"`{safe}`" if safe else ""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help="a path, a revision of git, or REVISION:PATH")
    parser.add_argument("new", metavar="NEW", help="the same")
    parser.add_argument(
        "--params", metavar="FILE", type=Path, help="values for the params of both, JSON or TOML"
    )
    parser.add_argument(
        "--fail-on",
        choices=("widens", "changes", "never"),
        default="never",
        help="widens: exit 1 unless it is proved that no call gets further (never)",
    )
    parser.add_argument(
        "--output",
        choices=("text", "json", "markdown"),
        default="text",
        help="markdown is for a comment on a pull request",
    )
    effort_arguments(parser)


VERB = Verb(
    "diff",
    "what a change of a policy allows, denies or escalates",
    _arguments,
    run,
    details=(
        "Compares the whole bundle: rules, params, tables, catalog and its lock, time zone,\n"
        "approvers, until when guards observe. Every change is shown by a call that both policies\n"
        "have judged; `narrows` and `equivalent` are proved for all calls.\n\n"
        "exit codes:\n"
        "  0  compared\n"
        "  1  what --fail-on names\n"
        "  2  a policy is wrong, or is not there"
    ),
    examples=(
        ("licet diff main . --fail-on widens", "this folder's policy against the branch main"),
        ("licet diff old.licet new.licet", "two files"),
        ("licet diff v1:policies v2:policies --output json", "two revisions"),
    ),
)
