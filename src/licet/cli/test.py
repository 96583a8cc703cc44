"""`licet test PATHS`: the `test` blocks of policies, and what came instead where one fails."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .analysing import effort_arguments
from .failures import Exit, Failed
from .policies import guard_of, policy_arguments, program_of
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.compiler.program import Program
    from licet.verifier.testing import StepResult, TestResult

    from .cards import Line
    from .sinks import Result, State
    from .terminal import Piece


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Run every test. 0: all passed, or there is none; 1: one failed; 2: the policy is wrong."""
    if options.coverage and options.output == "junit":
        raise Failed("--coverage has no JUnit form: use --output text or json")
    if options.generate:
        from .generating import generate

        if options.output != "text" or options.coverage or options.watch:
            raise Failed("--generate prints tests, and goes with no other output")
        return generate(options, streams)
    if options.watch:
        from .watching import rerun

        return rerun(lambda: _run_once(options, streams), options.policy, options.params, streams)
    return _run_once(options, streams)


def _run_once(options: argparse.Namespace, streams: Streams) -> int:
    program = program_of(options.policy, options.params, streams)
    guard_of(program).close()  # an unset param is said once, before any test

    from licet.verifier.testing import run_tests

    passed = failed = 0
    results: list[Result] = []
    ran: list[TestResult] = []
    began = time.monotonic()
    for result in run_tests(program):
        ran.append(result)
        passed += result.passed
        failed += not result.passed
        if options.output == "junit":
            results.append(_result(result, time.monotonic() - began))
        else:
            _print(result, options.output, streams)
        began = time.monotonic()
    if options.output == "junit":
        from .sinks import project_folder
        from .sinks.junit import junit_xml

        folder = project_folder(options.policy)
        streams.out.write(junit_xml(results, program.name, folder) + "\n")
    elif options.output == "text":
        streams.out.say(_summary(program.name, passed, failed))
    if options.coverage:
        _print_coverage(program, ran, options.output, streams)
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


def _print_coverage(
    program: Program, ran: Sequence[TestResult], output: str, streams: Streams
) -> None:
    from licet.verifier.coverage import coverage

    from .coverage_report import lines, plain

    found = coverage(program, ran)
    if output == "json":
        from licet.compiler.json_text import json_line

        streams.out.write(json_line({"coverage": plain(found)}) + "\n")
        return
    for line in lines(found):
        streams.out.say(*line)


def _print(result: TestResult, output: str, streams: Streams) -> None:
    if output == "json":
        from licet.compiler.json_text import json_line

        streams.out.write(json_line(plain(result)) + "\n")
        return
    for line in _lines(result):
        streams.out.say(*line)


def _result(result: TestResult, seconds: float) -> Result:
    from .sinks import Result

    told = tuple("".join(map(_text, line)) for ran in result.failures for line in _difference(ran))
    summary = "; ".join(
        f"expected {_outcome(ran.step.outcome, ran.step.rules)},"
        f" got {_outcome(ran.verdict.outcome, ran.verdict.rules)}"
        for ran in result.failures
    )
    state: State = "passed" if result.passed else "failed"
    return Result("test", result.case.name, state, result.case.span, summary, told, seconds)


def _text(piece: Piece) -> str:
    return piece if isinstance(piece, str) else piece.text


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
    # What the agent is not told, and the author of the policy has to know.
    for violation in verdict.violations:
        if violation.message.rstrip(".") not in verdict.message:
            yield "            ", short(violation.message, 400)
    for number, reason in enumerate(verdict.because):
        yield "            " if number else "  because   ", short(str(reason))


def _outcome(outcome: str, rules: tuple[str, ...] | None) -> str:
    return f"{outcome} by {', '.join(rules)}" if rules else outcome


def _arguments(parser: argparse.ArgumentParser) -> None:
    policy_arguments(parser)
    parser.add_argument(
        "--output",
        choices=("text", "json", "junit"),
        default="text",
        help="text unless told; json is JSON Lines, junit is one XML document",
    )
    parser.add_argument(
        "--coverage",
        action="store_true",
        help="also say which rules, conditions and table rows the tests decide both ways",
    )
    parser.add_argument(
        "--generate",
        action="store_true",
        help="print tests on both sides of every rule instead, found by the solver",
    )
    effort_arguments(parser)
    parser.add_argument(
        "--watch", action="store_true", help="run again whenever a file of the project changes"
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
        "  1  a test failed; with --generate, a rule of which a side was not found\n"
        "  2  the policy is wrong"
    ),
    examples=(
        ("licet test desk.licet", "one policy"),
        ("licet test policies --output json", "one JSON object a test"),
        ("licet test policies --output junit > tests.xml", "for a CI server"),
        ("licet test policies --coverage", "and what they leave undecided"),
        ("licet test policies --generate > policies/edges.licet", "tests to begin with"),
        ("licet test policies --watch", "again after every change"),
    ),
)
