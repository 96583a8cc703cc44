"""`licet show ast|ir|smt`: what each stage of the compiler makes of a policy."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .failures import Exit, Failed
from .policies import policy_arguments, program_of
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.compiler.catalog import Tool
    from licet.compiler.program import Program


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Print one stage."""
    if options.stage == "ast":
        return _ast(options, streams)
    program = program_of(options.policy, options.params, streams)
    tools = _tools(program, options.tool)
    for index, tool in enumerate(tools):
        if index:
            streams.out.write("\n")
        for line in _ir(program, tool) if options.stage == "ir" else _smt(program, tool):
            streams.out.say(line)
    return Exit.fine


def _ast(options: argparse.Namespace, streams: Streams) -> int:
    from licet.policy_lang.diagnostics import has_errors
    from licet.policy_lang.parsing import parse

    from .findings import report
    from .outline import lines, node
    from .policy_files import policy_files, source_of

    if options.tool is not None:
        raise Failed("--tool goes with ir and smt: a syntax tree is of a file")
    wrong = False
    files = policy_files([str(path) for path in options.policy])
    for path in files:
        tree, diagnostics = parse(source_of(path))
        report(diagnostics, streams.err)
        wrong |= has_errors(diagnostics)
        if len(files) > 1:
            streams.out.say(f"; {path}")
        for declaration in tree.declarations:
            for line in lines(node(declaration)):
                streams.out.say(line)
    return Exit.wrong if wrong else Exit.fine


def _tools(program: Program, wanted: str | None) -> tuple[Tool, ...]:
    """The tools to show: one by name, or all that rules stand on. Raises Failed."""
    if wanted is None:
        return tuple(t for t in program.catalog if program.rules[t.qualified].rules)
    found = program.catalog.find(wanted)
    if len(found) == 1:
        return found
    if found:
        raise Failed(f"`{wanted}` may mean {', '.join(t.qualified for t in found)}")

    from licet.compiler.names import alternatives, nearest

    near = nearest(wanted[:200], program.catalog.names())
    hint = f"; did you mean {alternatives(near)}?" if near else ""
    raise Failed(f"there is no tool `{wanted}`{hint}")


def _ir(program: Program, tool: Tool) -> Iterator[str]:
    from .outline import lines, rule

    params = ", ".join(f"{field.name}: {field.type}" for field in tool.params.fields)
    yield f"; {tool.qualified}({params})"
    for item in program.rules[tool.qualified].rules:
        yield from lines(rule(item))


def _smt(program: Program, tool: Tool) -> Iterator[str]:
    """SMT-LIB 2 with nothing known; comments say what its symbols stand for. Raises Failed."""
    from licet.compiler.encoding import EncodingError, ToolEncoder
    from licet.compiler.world import World

    rules = program.rules[tool.qualified]
    encoder = ToolEncoder(
        rules,
        program.signatures,
        tool.params,
        program.principal,
        program.context,
        program.session,
        program.zone,
    )
    try:
        question = encoder.question(World(tool.qualified, {}), bounded=None)
        yield f"; {tool.qualified}"
        for leaf in question.leaves:
            kind = f" ({leaf.type})" if leaf.type is not None else ""
            yield f"; {leaf.symbol}: {_place(leaf.path)}{kind}"
        for index, rule in enumerate(rules.rules):
            yield f"; r{index}: {rule.kind} {rule.name}"
        if not question.exact:
            yield "; what is opaque here is free: unsat answers hold, sat answers need a replay"
        yield "(set-logic ALL)"
        yield from question.text.splitlines()
    except EncodingError as error:
        raise Failed(f"`{tool.qualified}` cannot be written as SMT-LIB: {error}") from None
    finally:
        encoder.close()


def _place(path: tuple[object, ...]) -> str:
    """Where a symbol stands in a world: `args.bags[0].kg`, `order#1.paid`, `present order#1`."""
    from licet.compiler.encoding import Aspect
    from licet.compiler.encoding.sites import OpenKeys
    from licet.verifier.admission import path_text

    if path and isinstance(path[-1], Aspect):
        return f"{path[-1].value} {_place(path[:-1])}".rstrip()
    if len(path) > 1 and isinstance(path[1], OpenKeys):
        return path_text((f"{path[0]}#{path[1].site}", *path[2:]))
    return path_text(path)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "stage",
        choices=("ast", "ir", "smt"),
        help="ast: as written; ir: each rule as it reads for each tool; smt: SMT-LIB 2, all free",
    )
    policy_arguments(parser)
    parser.add_argument("--tool", metavar="TOOL", help="this tool alone (ir, smt)")


VERB = Verb(
    "show",
    "print what the compiler makes of a policy, stage by stage",
    _arguments,
    run,
    examples=(
        ("licet show ast desk.licet", "the syntax tree"),
        ("licet show ir desk.licet --tool refund", "the typed rules on one tool"),
        ("licet show smt desk.licet --tool refund > refund.smt2", "for any SMT solver"),
    ),
)
