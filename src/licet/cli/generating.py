"""`licet test --generate`: tests on both sides of every rule, found by the solver.

What is printed has been compiled behind the policy and has passed there; what could not be found
or written down is a comment that says why.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .analysing import effort_of
from .failures import Exit, Failed
from .policies import guard_of, program_of, read_params
from .progress import Bar
from .verb import Streams

if TYPE_CHECKING:
    from licet.compiler.program import Program
    from licet.policy_lang import ast
    from licet.verifier.edges import Edge


def generate(options: argparse.Namespace, streams: Streams) -> int:
    """Print the tests. 0: every rule has both sides; 1: some side was not found."""
    from licet.verifier.analysis.spreading import workers
    from licet.verifier.edges import edges
    from licet.verifier.solving import SolverPool

    effort = effort_of(options)
    program = program_of(options.policy, options.params, streams)
    guard_of(program).close()  # an unset param is said before anything is looked for
    found: list[Edge] = []
    rules = {rule.name for tool in program.rules.values() for rule in tool.rules}
    with (
        SolverPool(workers()) as pool,
        Bar(streams, len(rules), noun="rules", results_last=True) as bar,
    ):
        for edge in edges(program, pool, effort):
            found.append(edge)
            bar.at(len(found), len(found))
    pieces, blocks = _written(found, program)
    passing = _passing(blocks, options.policy, options.params)
    complete = True
    for number, piece in enumerate(pieces):
        if number:
            streams.out.say()
        if isinstance(piece, str):
            complete = False
            streams.out.say(f"# {piece}")
        elif piece.name in passing:
            streams.out.write(passing[piece.name])
        else:
            complete = False
            streams.out.say(f"# {piece.name}: what was found does not pass as a test of its own")
    return Exit.fine if complete else Exit.refused


def _written(
    found: Sequence[Edge], program: Program
) -> tuple[list[str | ast.TestDecl], list[ast.TestDecl]]:
    """Tests and remarks in their order, and the tests alone. No test takes a name that is taken."""
    from licet.verifier.edges import as_tests
    from licet.verifier.test_blocks import renamed

    taken = {case.name for case in program.tests}
    pieces: list[str | ast.TestDecl] = []
    blocks: list[ast.TestDecl] = []
    for edge in found:
        made, missing = as_tests(edge, program)
        pieces += [f"{edge.rule.name}: {reason}" for reason in missing]
        fresh = [renamed(block, taken) for block in made]
        pieces += fresh
        blocks += fresh
    return pieces, blocks


def _passing(
    blocks: Sequence[ast.TestDecl], paths: Sequence[Path], params: Path | None
) -> dict[str, str]:
    """By its name, the text of each test that passes behind the policy."""
    from licet.compiler.loading import open_project
    from licet.loading import load_program
    from licet.verifier.test_blocks import blocks_text
    from licet.verifier.testing import run_tests

    texts = {block.name: blocks_text([block]) for block in blocks}
    first = open_project(paths[0])[0].sources[0]
    whole = "\n".join([first.text, *texts.values()])
    loaded = load_program(
        paths,
        params=None if params is None else read_params(params),
        texts={first.name: whole},
    )
    if loaded.program is None:
        raise Failed("the tests that were found do not compile, a bug in licet; please report it")
    new = tuple(case for case in loaded.program.tests if case.name in texts)
    results = run_tests(replace(loaded.program, tests=new))
    return {result.case.name: texts[result.case.name] for result in results if result.passed}
