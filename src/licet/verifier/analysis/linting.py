"""All checks over one policy: surveys first, tool by tool, then each check over everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from licet.compiler.program import Program
from licet.policy_lang import Diagnostic, Note, Severity

from ..solving import SolverPool
from .checks import CHECKS
from .inquiry import Effort
from .linted import Finding, Linted
from .spreading import spread
from .surveying import Survey, key, survey
from .surveys_on_disk import Surveys


@dataclass(frozen=True, slots=True)
class Project:
    """What a project says to its lint, see `linted.Linted`."""

    resolvers: frozenset[str] | None = None
    locked: Mapping[str, tuple[str, ...]] | None = None


def lint(
    program: Program,
    pool: SolverPool,
    effort: Effort,
    *,
    project: Project,
    kept: Surveys,
    version: str,
    done: Callable[[int], None] | None = None,
) -> tuple[Finding, ...]:
    """What all checks find, by file and place. `kept` are surveys of earlier runs."""
    tools = [name for name, rules in program.rules.items() if rules.rules]

    def work(tool: str) -> Survey:
        digest = key(program, tool, effort, version)
        found = kept.read(digest)
        if found is None or len(found.rules) != len(program.rules[tool].rules):
            found = survey(program, tool, pool, effort)
            if not found.open:
                kept.write(digest, found)
        return found

    surveys = dict(zip(tools, spread(work, tools, done), strict=True))
    policy = Linted(program, surveys, project.resolvers, project.locked)
    findings = [finding for check in CHECKS for finding in check.find(policy)]
    findings += _undecided(policy)
    return tuple(sorted(findings, key=_place))


def _undecided(policy: Linted) -> Iterator[Finding]:
    """What the solver gave up on is a finding of its own, one for each tool."""
    for tool, known in policy.surveys.items():
        if known.open:
            rules = policy.program.rules[tool].rules
            yield Finding(
                Diagnostic(
                    "LIC405",
                    f"{len(known.open)} questions about `{tool}` were not decided",
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
