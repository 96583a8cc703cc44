"""The text of a first policy for a list of tools: reads permitted, the rest denied and listed.

Only what the source itself marks as reading (and not as destructive) is permitted; nothing is
guessed from names. Names, descriptions and file names are somebody else's text: they appear in
quotes, or escaped, shortened and on one line in comments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from licet.compiler.catalog import Tool
from licet.compiler.exact_json import escaped
from licet.policy_lang.formatting import format_source
from licet.policy_lang.source import Source

from .sampling import quoted, sample, tool_text

#: Tools that the first tests call.
_CALLED = 3
_DESCRIPTION = 60
_NAME_COLUMN = 32


def starting_policy(name: str, catalog: str, alias: str, tools: Sequence[Tool]) -> str:
    """The policy's text in layout. `catalog` is the tool list's path beside the policy."""
    reading = [tool for tool in tools if tool.read_only and not tool.destructive]
    others = [tool for tool in tools if not tool.read_only or tool.destructive]
    lines = [
        f"policy {quoted(name)}",
        "",
        "# What no rule permits is denied.",
        f"use tools {quoted(catalog)} as {alias}",
        "",
        "principal {",
        "  id: String # who acts: vouched for by the host, never by the model",
        "}",
        "",
        *_reads(reading),
        *_others(others),
        *_tests(reading, others),
    ]
    text, diagnostics = format_source(Source(f"{name}.licet", "\n".join(lines) + "\n"))
    if text is None:
        raise AssertionError(f"the starting policy is not one: {diagnostics}")
    return text


def _reads(tools: Sequence[Tool]) -> Iterator[str]:
    if not tools:
        yield "# The list marks no tool as one that only reads. If one does, permit it by name:"
        yield "#   permit reads on get_order"
    else:
        yield "# The list itself says that these only read. Check it: a hint is a claim."
        yield from map(_listed, tools)
        yield "permit reads on any when tool.read_only and not tool.destructive"
    yield ""


def _others(tools: Sequence[Tool]) -> Iterator[str]:
    if not tools:
        return
    yield "# Denied until somebody writes the rule. Rules have this form:"
    example = tool_text(tools[0].name)
    yield f"#   permit NAME on {example} when CONDITION"
    yield f"#   forbid NAME on {example} when CONDITION"
    yield '#     message "What was refused, and what to do instead."'
    yield "#"
    yield from map(_listed, tools)
    yield ""


def _listed(tool: Tool) -> str:
    """A comment line with a tool's name and the beginning of its description."""
    about = escaped(" ".join(tool.description.split()))
    if len(about) > _DESCRIPTION:
        about = about[: _DESCRIPTION - 1] + "…"
    return f"#   {tool_text(tool.name):<{_NAME_COLUMN}} {about}".rstrip()


def _tests(reading: Sequence[Tool], others: Sequence[Tool]) -> Iterator[str]:
    for title, tools, outcome in (
        ("what only reads is permitted", reading, "allow by reads"),
        ("what no rule permits is denied", others, "deny"),
    ):
        calls = list(_calls(tools))[:_CALLED]
        if calls:
            yield f"test {quoted(title)}"
            yield '  given principal { id: "a1" }'
            for call in calls:
                yield f"  call {call}"
                yield f"  then {outcome}"
            yield ""


def _calls(tools: Sequence[Tool]) -> Iterator[str]:
    """Calls with the simplest arguments; tools whose arguments are not simple are left out."""
    for tool in tools:
        arguments = sample(tool.params)
        if arguments is not None:
            yield f"{tool_text(tool.name)} {arguments}"
