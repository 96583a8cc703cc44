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
from .sinks import FINDING_SINKS, project_folder, write_findings
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.policy_lang.diagnostics import Diagnostic
    from licet.verifier.analysis.proving import Proved

    from .sinks import Result, State


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Decide every proof on every tool that it stands on."""
    from licet.verifier.analysis.proving import prove
    from licet.verifier.analysis.reports import proof_finding
    from licet.verifier.analysis.spreading import spread, workers
    from licet.verifier.solving import SolverPool

    effort = effort_of(options)
    program = program_of(options.policy, options.params, streams)
    jobs = [(proof, on) for proof in program.proofs for on in proof.tools]
    with (
        SolverPool(workers()) as pool,
        Bar(streams, len(jobs), noun="claims", results_last=True) as bar,
    ):
        found = spread(
            lambda job: prove(program, job[0], job[1], pool, effort),
            jobs,
            lambda done: bar.at(done, done),
        )
    findings = [proof_finding(proved) for proved in found]
    if options.output == "json":
        from licet.compiler.json_text import json_line

        for proved in found:
            streams.out.write(json_line(plain(proved)) + "\n")
    elif options.output == "junit":
        from .sinks.junit import junit_xml

        results = [_result(*pair) for pair in zip(found, findings, strict=True)]
        folder = project_folder(options.policy)
        streams.out.write(junit_xml(results, program.name, folder) + "\n")
    elif options.output != "text":
        told = [finding for finding in findings if finding is not None]
        folder = project_folder(options.policy)
        write_findings(told, options.output, streams.out, folder=folder)
    else:
        _say(found, streams)
    return Exit.refused if fails([f for f in findings if f], options.fail_on) else Exit.fine


def _result(proved: Proved, finding: Diagnostic | None) -> Result:
    """One claim on one tool for a CI server; what holds up to a bound only is no failure there."""
    from licet.policy_lang.diagnostics import Severity

    from .sinks import Result

    name = f"{proved.proof.name} on {proved.tool}"
    if finding is None or finding.severity is not Severity.error:
        return Result("prove", name, "passed", proved.proof.span)
    state: State = "undecided" if proved.status == "unknown" else "failed"
    detail = tuple(note.message for note in finding.notes)
    return Result("prove", name, state, proved.proof.span, finding.message, detail)


def plain(proved: Proved) -> dict[str, object]:
    """One claim on one tool as JSON; `witness` is a call that `licet check` reads."""
    return {
        "proof": proved.proof.name,
        "mode": proved.proof.mode,
        "tool": proved.tool,
        "where": str(proved.proof.span),
        "status": proved.status,
        "vacuous": proved.vacuous,
        "up_to": proved.elements,
        "reason": proved.reason or None,
        "witness": None if proved.witness is None else proved.witness.json(),
    }


def _say(found: Sequence[Proved], streams: Streams) -> None:
    from licet.policy_lang.rendering import render_text
    from licet.verifier.analysis.reports import proof_finding

    from .findings import plural
    from .terminal import Styled

    if not found:
        streams.out.say("this policy has no proofs; write `prove NAME never allow TOOL when …`")
        return
    for proved in found:
        what = f"{proved.proof.name} on {proved.tool}"
        finding = proof_finding(proved)
        if finding is None:
            shown = ""
            if proved.witness is not None:
                shown = f"  {proved.witness}"
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
        choices=(*FINDING_SINKS, "junit"),
        default="text",
        help="text unless told; json is JSON Lines, one claim on one tool a line;"
        " sarif, github: what is not proved; junit: every claim",
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
