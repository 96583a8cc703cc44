"""`licet mutate`: which small changes of a policy its tests would not notice."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .analysing import effort_arguments, effort_of
from .failures import Exit, Failed
from .policies import guard_of, policy_arguments, program_of, read_params
from .progress import Bar
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.compiler.program import Program
    from licet.verifier.mutation.mutants import Mutant
    from licet.verifier.mutation.mutating import Outcome, Recompile


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Try every mutant. 0: the tests notice all that mean something else; 1: some survive."""
    from licet.verifier.analysis.spreading import workers
    from licet.verifier.mutation.mutating import mutate
    from licet.verifier.solving import SolverPool
    from licet.verifier.testing import run_tests

    effort = effort_of(options)
    program = program_of(options.policy, options.params, streams)
    guard_of(program).close()
    failing = [result.case.name for result in run_tests(program) if not result.passed]
    if failing:
        raise Failed(f"the tests have to pass first, and `{failing[0]}` fails: see licet test")
    tried = _tried(program, options.rule)
    counts: Counter[str] = Counter()
    taken = {case.name for case in program.tests}
    with (
        SolverPool(workers()) as pool,
        Bar(streams, len(tried), noun="mutants", results_last=True) as bar,
    ):
        for outcome in mutate(program, _recompile(options), pool, effort, tried):
            counts[outcome.state] += 1
            _print(outcome, program, taken, options.output, streams)
            bar.at(counts.total(), counts.total())
    if options.output == "text":
        streams.out.say(_summary(counts))
    return Exit.refused if counts["survived"] + counts["undecided"] else Exit.fine


def _tried(program: Program, rules: Sequence[str]) -> tuple[Mutant, ...]:
    """The mutants of the named rules; all, where none is named. Raises Failed."""
    from licet.verifier.mutation.mutating import all_mutants

    mutants = all_mutants(program)
    known = {mutant.rule for mutant in mutants if mutant.rule is not None}
    for rule in rules:
        if rule not in known:
            raise Failed(f"there is no rule `{rule}`")
    return tuple(mutant for mutant in mutants if not rules or mutant.rule in rules)


def _recompile(options: argparse.Namespace) -> Recompile:
    from licet.loading import load_program

    params = None if options.params is None else read_params(options.params)

    def compiled(texts: Mapping[str, str]) -> Program | None:
        return load_program(options.policy, params=params, texts=texts).program

    return compiled


def _print(
    outcome: Outcome, program: Program, taken: set[str], output: str, streams: Streams
) -> None:
    from licet.compiler.json_text import json_line

    if output == "json":
        streams.out.write(json_line(_plain(outcome, program, taken)) + "\n")
        return
    from .cards import short
    from .terminal import Styled

    if outcome.state not in ("survived", "undecided"):
        return
    mutant = outcome.mutant
    place = Styled(f"  {mutant.span}", "dim")
    where = f"{mutant.rule}: " if mutant.rule else ""
    if outcome.state == "undecided":
        streams.out.say(Styled("UNDECIDED", "bold yellow"), " ", where, mutant.change, place)
        streams.out.say(f"  {short(outcome.reason, 160)}")
        return
    streams.out.say(Styled("SURVIVED ", "bold red"), " ", where, mutant.change, place)
    test = _test(outcome, program, taken)
    if test is None:
        streams.out.say(f"  no test can say it: {json_line(_call(outcome, program))}")
    for line in (test or "").splitlines():
        streams.out.say(f"  {line}" if line else "")


def _plain(outcome: Outcome, program: Program, taken: set[str]) -> dict[str, object]:
    return {
        "kind": outcome.mutant.kind,
        "rule": outcome.mutant.rule,
        "where": str(outcome.mutant.span),
        "before": outcome.mutant.span.text,
        "after": outcome.mutant.text,
        "state": outcome.state,
        "killed_by": outcome.by or None,
        "reason": outcome.reason or None,
        "call": _call(outcome, program) if outcome.state == "survived" else None,
        "test": _test(outcome, program, taken),
    }


def _test(outcome: Outcome, program: Program, taken: set[str]) -> str | None:
    """A test that passes on the policy and fails on the mutant; None if it cannot be written."""
    from licet.verifier.edges import expected_test
    from licet.verifier.test_blocks import UnsayableError, blocks_text, renamed

    if outcome.world is None:
        return None
    mutant = outcome.mutant
    name = f"{mutant.rule or 'declarations'}: {mutant.change}".replace("`", "")
    try:
        block = expected_test(name, program, outcome.world)
    except UnsayableError:
        return None
    return blocks_text([renamed(block, taken)])


def _call(outcome: Outcome, program: Program) -> Mapping[str, object]:
    """The call of a survivor, as `licet check` reads it."""
    from licet.verifier.calls import call_json

    if outcome.call is not None:
        return outcome.call
    assert outcome.world is not None
    return call_json(outcome.world, program)


def _summary(counts: Counter[str]) -> str:
    from .findings import plural

    told = {
        "killed": "noticed by a test",
        "survived": "survived",
        "equal": "proved to mean the same",
        "undecided": "undecided",
        "invalid": "no policy any more",
    }
    parts = [f"{counts[state]:,} {what}" for state, what in told.items() if counts[state]]
    return f"{plural(counts.total(), 'mutant')}{': ' if parts else ''}{', '.join(parts)}"


def _arguments(parser: argparse.ArgumentParser) -> None:
    policy_arguments(parser)
    effort_arguments(parser)
    parser.add_argument(
        "--rule",
        metavar="NAME",
        action="append",
        default=[],
        help="only change this rule (more than one may be named)",
    )
    parser.add_argument(
        "--output",
        choices=("text", "json"),
        default="text",
        help="text unless told; json is JSON Lines, one mutant a line",
    )


VERB = Verb(
    "mutate",
    "which small changes of a policy its tests would not notice",
    _arguments,
    run,
    details=(
        "Changes bounds, comparisons, conditions, quantifiers, effects and values, one at a time.\n"
        "A change that is proved to mean the same does not count. Each survivor comes with a call\n"
        "that the policy and the mutant decide differently, as a test to add.\n\n"
        "exit codes:\n"
        "  0  the tests notice every change that means something else\n"
        "  1  a change survives, or could not be decided\n"
        "  2  the policy is wrong, or its tests fail"
    ),
    examples=(
        ("licet mutate policies", "survivors, each with the test that is missing"),
        ("licet mutate policies --rule large --rule late", "only what has been touched"),
        ("licet mutate desk.licet --output json", "every mutant"),
    ),
)
