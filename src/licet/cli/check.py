"""`licet check POLICY --call FILE`: a verdict for each proposed call."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from .failures import Exit
from .policies import guard_of, policy_arguments, program_of
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.compiler.program import Program
    from licet.verifier.guard import Guard
    from licet.verifier.verdict import Verdict

    from .proposals import Proposal


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Decide every call. 0: all allowed; 1: one was not; 2: one was no call at all."""
    program = program_of(options.policy, options.params, streams)

    from .progress import Bar, size_of
    from .proposals import calls_by_line, one_call

    path = options.call or options.calls
    read = one_call if options.call else calls_by_line
    outcomes: Counter[str] = Counter()
    malformed = 0
    with guard_of(program) as guard, Bar(streams, size_of(path)) as bar:
        for proposal in read(path, streams.input):
            verdict = _decide(guard, program, proposal)
            outcomes[verdict.outcome] += 1
            malformed += proposal.action is None
            _print(verdict, proposal, options.output, streams)
            streams.out.flush()  # whoever feeds the calls may wait for it
            bar.at(proposal.end, outcomes.total())
    if options.output == "text" and options.calls:
        streams.out.say(summary(outcomes, malformed))
    if malformed:
        return Exit.wrong
    return Exit.fine if outcomes.total() == outcomes["allow"] else Exit.refused


def _decide(guard: Guard, program: Program, proposal: Proposal) -> Verdict:
    if proposal.action is not None:
        return guard.check(proposal.action)

    from licet.verifier.messages import compose
    from licet.verifier.verdict import Verdict, Violation

    where = "call" if proposal.line is None else f"line {proposal.line}"
    violations = (Violation("bad_argument", proposal.problem, proposal.problem, path=where),)
    return Verdict(
        id=where.replace(" ", "-"),
        outcome="deny",
        tool="",
        policy_digest=program.digest,
        catalog_digest=program.catalog.digest,
        violations=violations,
        message=compose("deny", "the call", violations, (), None),
    )


def _print(verdict: Verdict, proposal: Proposal, output: str, streams: Streams) -> None:
    if output == "json":
        from licet.compiler.json_text import json_line

        plain = verdict.for_operator()
        if proposal.line is not None:
            plain = {"line": proposal.line, **plain}
        streams.out.write(json_line(plain) + "\n")
        return

    from .cards import card

    for line in card(verdict, proposal.line):
        streams.out.say(*line)


def summary(outcomes: Counter[str], malformed: int) -> str:
    """`3 calls: 1 allowed, 2 refused`."""
    from .findings import plural

    parts = [
        f"{outcomes[outcome]:,} {told}"
        for outcome, told in (
            ("allow", "allowed"),
            ("escalate", "waiting for approval"),
            ("deny", "refused"),
        )
        if outcomes[outcome]
    ]
    if malformed:
        parts.append(f"{malformed:,} of them not a call")
    return plural(outcomes.total(), "call") + (": " + ", ".join(parts) if parts else "")


def _arguments(parser: argparse.ArgumentParser) -> None:
    policy_arguments(parser)
    calls = parser.add_argument_group("the calls (- is standard input)")
    source = calls.add_mutually_exclusive_group(required=True)
    source.add_argument("--call", metavar="FILE", help="one call as JSON")
    source.add_argument("--calls", metavar="FILE", help="JSON Lines: one call a line")
    parser.add_argument(
        "--output",
        choices=("text", "json"),
        default="text",
        help="text unless told; json is JSON Lines",
    )


VERB = Verb(
    "check",
    "decide proposed calls, and say why the refused ones are",
    _arguments,
    run,
    details=(
        "Every param needs a value, whatever the calls are: a service would not start without.\n"
        "To look at a policy alone: licet lint.\n\n"
        "exit codes:\n"
        "  0  every call is allowed\n"
        "  1  a call is refused, or needs approval\n"
        "  2  the policy or the input is wrong; a line that is no call is refused, the rest decided"
    ),
    examples=(
        ("licet check desk.licet --call call.json", "one call"),
        ("licet check policies --calls day.jsonl --output json > verdicts.jsonl", "many"),
        ("echo '{\"tool\": …}' | licet check desk.licet --call -", "from a pipe"),
    ),
)
