"""`licet prove`: decides what a policy claims of itself, for all inputs."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .analysing import effort_arguments, effort_of, fails, threshold_argument
from .failures import Exit
from .policies import policy_arguments, program_of
from .progress import Bar
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.compiler.program import Program
    from licet.verifier.analysis.proving import Proved


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Decide every proof on every tool that it stands on."""
    from licet.verifier.analysis.proving import prove
    from licet.verifier.analysis.reports import proof_finding
    from licet.verifier.analysis.spreading import spread, workers
    from licet.verifier.solving import SolverPool

    effort = effort_of(options)
    program = program_of(options.policy, options.params, streams)
    jobs = [(proof, on) for proof in program.proofs for on in proof.tools]
    with SolverPool(workers()) as pool, Bar(streams, len(jobs), "claims") as bar:
        found = spread(
            lambda job: prove(program, job[0], job[1], pool, effort),
            jobs,
            lambda done: bar.at(done, done),
        )
    findings = [proof_finding(proved, program) for proved in found]
    if options.output == "json":
        from .json_text import json_line

        for proved in found:
            streams.out.write(json_line(plain(proved, program)) + "\n")
    else:
        _say(found, program, streams)
    return Exit.refused if fails([f for f in findings if f], options.fail_on) else Exit.fine


def plain(proved: Proved, program: Program) -> dict[str, object]:
    """One claim on one tool as JSON; `witness` is a call that `licet check` reads."""
    from licet.verifier.analysis.witnesses import witness_json

    shown = None if proved.witness is None else witness_json(proved.witness, program)
    return {
        "proof": proved.proof.name,
        "mode": proved.proof.mode,
        "tool": proved.tool,
        "where": str(proved.proof.span),
        "status": proved.status,
        "vacuous": proved.vacuous,
        "up_to": proved.elements,
        "reason": proved.reason or None,
        "witness": shown,
    }


def _say(found: Sequence[Proved], program: Program, streams: Streams) -> None:
    from licet.policy_lang.rendering import render_text
    from licet.verifier.analysis.reports import proof_finding
    from licet.verifier.analysis.witnesses import witness_text

    from .findings import plural
    from .terminal import Styled

    if not found:
        streams.out.say("this policy has no proofs; write `prove NAME never allow TOOL when …`")
        return
    for proved in found:
        what = f"{proved.proof.name} on {proved.tool}"
        finding = proof_finding(proved, program)
        if finding is None:
            shown = ""
            if proved.witness is not None:
                shown = f"  {witness_text(proved.witness, program)}"
            streams.out.say(Styled("proved  ", "bold green"), " ", what, Styled(shown, "dim"))
            continue
        told, style = _TOLD["vacuous" if proved.vacuous else proved.status]
        streams.out.say(Styled(f"{told:<8}", style), " ", Styled(what, "bold"))
        streams.out.write(render_text([finding], color=streams.out.coloured))
    counts: Counter[str] = Counter(proved.status for proved in found)
    parts = [
        f"{counts[status]:,} {told}"
        for status, told in (
            ("proved", "proved"),
            ("bounded", "only up to a bound"),
            ("failed", "failed"),
            ("unknown", "undecided"),
        )
        if counts[status]
    ]
    streams.out.say(f"{plural(len(found), 'claim')}: {', '.join(parts)}")


_TOLD = {
    "vacuous": ("empty", "bold yellow"),
    "bounded": ("up to n", "bold yellow"),
    "failed": ("FAILED", "bold red"),
    "unknown": ("UNKNOWN", "bold red"),
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    policy_arguments(parser)
    threshold_argument(parser)
    effort_arguments(parser)
    parser.add_argument(
        "--output",
        choices=("text", "json"),
        default="text",
        help="text unless told; json is JSON Lines, one claim on one tool a line",
    )


VERB = Verb(
    "prove",
    "decide what a policy claims of itself, for all inputs",
    _arguments,
    run,
    details=(
        "Facts, the clock and params without a value are free within their types. Every witness\n"
        "has been replayed by the reference evaluator. What holds for lists of up to n elements\n"
        "only is a warning: it is not called proved.\n\n"
        "exit codes:\n"
        "  0  every claim is proved, or holds up to the bound\n"
        "  1  a claim fails, or the solver gave up\n"
        "  2  the policy is wrong"
    ),
    examples=(
        ("licet prove policies", "every `prove` of a policy"),
        ("licet prove desk.licet --fail-on warning", "a bounded answer fails too"),
    ),
)
