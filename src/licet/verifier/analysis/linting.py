"""All checks over one policy: what the solver knows first, then each check over everything.

A kept answer is believed only where it reads like one; what it rests on is in its digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from licet.compiler.program import Program, Proof, ProofTool
from licet.policy_lang import Diagnostic, Note, Severity

from ..solving import SolverPool
from .checks import CHECKS
from .inquiry import Effort
from .keeping import Kept
from .linted import Finding, Linted
from .proving import prove
from .reports import proof_finding
from .spreading import spread
from .surveying import Survey, key, survey

#: The solver's time for one question, where nobody says.
LINT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Project:
    """What a project says to its lint, see `linted.Linted`."""

    resolvers: frozenset[str] | None = None
    locked: frozenset[str] | None = None


def lint(
    program: Program,
    pool: SolverPool,
    effort: Effort,
    *,
    project: Project,
    kept: Kept,
    version: str,
    done: Callable[[int], None] | None = None,
) -> tuple[Finding, ...]:
    """What all checks find, by file and place. `kept` are the answers of earlier runs.

    `done` is told how many of the `steps(program)` are behind us.
    """
    work = _Work(program, pool, effort, kept, version)
    tools = [name for name, rules in program.rules.items() if rules.rules]
    claims = [(proof, on) for proof in program.proofs for on in proof.tools]
    jobs: list[Callable[[], Survey | Diagnostic | None]] = []
    jobs += [partial(work.survey, tool) for tool in tools]
    jobs += [partial(work.claim, proof, on) for proof, on in claims]
    answers = spread(lambda job: job(), jobs, done)
    surveys = {
        tool: answer
        for tool, answer in zip(tools, answers, strict=False)
        if isinstance(answer, Survey)
    }
    policy = Linted(program, surveys, project.resolvers, project.locked)
    findings = [finding for check in CHECKS for finding in check.find(policy)]
    findings += [Finding(answer) for answer in answers if isinstance(answer, Diagnostic)]
    findings += _undecided(policy)
    return tuple(sorted(findings, key=_place))


def steps(program: Program) -> int:
    """How many questions `lint` spreads: one for each tool with rules, one for each claim."""
    claims = sum(len(proof.tools) for proof in program.proofs)
    return claims + sum(1 for rules in program.rules.values() if rules.rules)


@dataclass(frozen=True, slots=True)
class _Work:
    """Answers, asked anew where they are not kept."""

    program: Program
    pool: SolverPool
    effort: Effort
    kept: Kept
    version: str

    def survey(self, tool: str) -> Survey:
        """The survey of a tool."""
        digest = key(self.program, tool, self.effort, self.version)
        try:
            found = Survey.read(self.kept.read(digest))
            if len(found.rules) == len(self.program.rules[tool].rules):
                return found
        except ValueError:
            pass
        found = survey(self.program, tool, self.pool, self.effort)
        if not found.open:
            self.kept.write(digest, found.plain())
        return found

    def claim(self, proof: Proof, on: ProofTool) -> Diagnostic | None:
        """What is to be said of a claim on a tool."""
        what = (proof.name, proof.mode, repr((on.lets, on.condition)))
        digest = key(self.program, on.tool, self.effort, self.version, *what)
        match self.kept.read(digest):
            case {"proved": True}:
                return None
            case {
                "code": str(code),
                "message": str(message),
                "severity": "error" | "warning" as severity,
                "notes": [*notes],
                "help": str(help),
            }:
                told = tuple(Note(str(note)) for note in notes)
                return Diagnostic(code, message, proof.span, Severity(severity), told, help)
        proved = prove(self.program, proof, on, self.pool, self.effort)
        finding = proof_finding(proved)
        if finding is None:
            self.kept.write(digest, {"proved": True})
        elif proved.status != "unknown":
            data = {
                "code": finding.code,
                "message": finding.message,
                "severity": finding.severity.value,
                "notes": [note.message for note in finding.notes],
                "help": finding.help,
            }
            self.kept.write(digest, data)
        return finding


def _undecided(policy: Linted) -> Iterator[Finding]:
    """What the solver gave up on is a finding of its own, one for each tool."""
    for tool, known in policy.surveys.items():
        if known.open:
            rules = policy.program.rules[tool].rules
            one = len(known.open) == 1
            count = "one question" if one else f"{len(known.open)} questions"
            yield Finding(
                Diagnostic(
                    "LIC405",
                    f"{count} about `{tool}` {'was' if one else 'were'} not decided",
                    rules[0].span,
                    Severity.info,
                    tuple(Note(reason) for reason in known.open[:_TOLD]),
                    "give the solver more time (`seconds`); what was not decided is not reported",
                )
            )


#: Open questions of a tool that are told one by one.
_TOLD = 3


def _place(finding: Finding) -> tuple[str, int, str]:
    span = finding.diagnostic.span
    if span is None:
        return ("", 0, finding.diagnostic.code)
    return (span.source.name, span.start, finding.diagnostic.code)
