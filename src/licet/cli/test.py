"""`licet test PATHS`: the `test` blocks of policies, and what came instead where one fails."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .failures import Exit
from .policies import guard_of, policy_arguments, program_of
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.verifier.testing import StepResult, TestResult

    from .cards import Line


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Run every test. 0: all passed, or there is none; 1: one failed; 2: the policy is wrong."""
    program = program_of(options.policy, options.params, streams)
    guard_of(program).close()  # an unset param is said once, before any test

    from licet.verifier.testing import run_tests

    passed = failed = 0
    for result in run_tests(program):
        passed += result.passed
        failed += not result.passed
        _print(result, options.output, streams)
    if options.output == "text":
        streams.out.say(_summary(program.name, passed, failed))
    return Exit.refused if failed else Exit.fine


def _summary(policy: str, passed: int, failed: int) -> str:
    from .findings import plural

    if not passed + failed:
        named = f'"{policy}"' if policy else "this policy"
        return f'{named} has no tests; write `test "NAME" given … call … then …`'
    parts = [
        f"{count:,} {told}" for count, told in ((passed, "passed"), (failed, "failed")) if count
    ]
    return f"{plural(passed + failed, 'test')}: {', '.join(parts)}"


def _print(result: TestResult, output: str, streams: Streams) -> None:
    if output == "json":
        from licet.compiler.json_text import json_line

        streams.out.write(json_line(plain(result)) + "\n")
        return
    for line in _lines(result):
        streams.out.say(*line)


def plain(result: TestResult) -> dict[str, object]:
    """A result as JSON: every call with what was expected and the operator's whole verdict."""
    return {
        "test": result.case.name,
        "where": str(result.case.span),
        "passed": result.passed,
        "calls": [
            {
                "where": str(ran.step.span),
                "passed": ran.passed,
                "expected": {
                    "outcome": ran.step.outcome,
                    "rules": None if ran.step.rules is None else list(ran.step.rules),
                },
                "verdict": ran.verdict.for_operator(),
            }
            for ran in result.steps
        ],
    }


def _lines(result: TestResult) -> Iterator[Line]:
    from .terminal import Styled

    if result.passed:
        yield Styled("passed  ", "bold green"), " ", result.case.name
        return
    yield (
        Styled("FAILED  ", "bold red"),
        " ",
        Styled(result.case.name, "bold"),
        Styled(f"  {result.case.span}", "dim"),
    )
    for ran in result.failures:
        yield from _difference(ran)


def _difference(ran: StepResult) -> Iterator[Line]:
    """The call, expected against got, and why it came out so."""
    from licet.compiler.json_text import json_line

    from .cards import short
    from .terminal import Styled

    step, verdict = ran.step, ran.verdict
    call = short(f"{step.tool} {json_line(step.args)}", 160)
    yield "  call      ", call, Styled(f"  {step.span}", "dim")
    yield "  expected  ", Styled(_outcome(step.outcome, step.rules), "green")
    yield "  got       ", Styled(_outcome(verdict.outcome, verdict.rules), "red")
    if step.rules is not None and step.outcome == verdict.outcome:
        missing = [rule for rule in step.rules if rule not in verdict.rules]
        besides = [rule for rule in verdict.rules if rule not in step.rules]
        for told, names in (("did not fire", missing), ("fired besides", besides)):
            if names:
                yield (f"            {', '.join(names)} {told}",)
    if verdict.message:
        yield "  message   ", short(verdict.message, 400)
    for number, reason in enumerate(verdict.because):
        yield "            " if number else "  because   ", short(str(reason))


def _outcome(outcome: str, rules: tuple[str, ...] | None) -> str:
    return f"{outcome} by {', '.join(rules)}" if rules else outcome


def _arguments(parser: argparse.ArgumentParser) -> None:
    policy_arguments(parser)
    parser.add_argument(
        "--output",
        choices=("text", "json"),
        default="text",
        help="text unless told; json is JSON Lines",
    )


VERB = Verb(
    "test",
    "run the tests that a policy holds",
    _arguments,
    run,
    details=(
        "What a test does not give is unknown, the clock included.\n\n"
        "exit codes:\n"
        "  0  every test passed, or there is none\n"
        "  1  a test failed\n"
        "  2  the policy is wrong"
    ),
    examples=(
        ("licet test desk.licet", "one policy"),
        ("licet test policies --output json", "one JSON object a test"),
    ),
)
