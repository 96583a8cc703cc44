"""`licet lint`: what is wrong with a policy that loads, proved where it can be."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .analysing import effort_arguments, effort_of, fails, threshold_argument
from .failures import Exit, Failed
from .progress import Bar
from .sinks import FINDING_SINKS, project_folder, write_findings
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.verifier.analysis.linted import Edit, Finding
    from licet.verifier.analysis.settings import Settings


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Lint the policies at some paths, or those that the project names."""
    from licet.verifier.analysis.settings import SettingsError, settings_of

    given: list[Path] = options.policy
    try:
        settings = settings_of(given[0] if given else Path.cwd())
    except SettingsError as error:
        raise Failed(str(error)) from None
    paths = given or list(settings.paths)
    if not paths:
        raise Failed("name a policy, or give `paths` in the [lint] table of licet.toml")
    for path in paths:
        if not path.exists():
            raise Failed(f"cannot read `{path}`: no such file or folder")
    findings = _findings(paths, settings, options, streams)
    if options.fix and _mended(findings, settings):
        findings = _findings(paths, settings, options, streams)
    told = tuple(settings.weighed(finding.diagnostic for finding in findings))
    write_findings(told, options.output, streams.out, folder=project_folder(paths))
    return Exit.refused if fails(told, options.fail_on) else Exit.fine


def _findings(
    paths: Sequence[Path], settings: Settings, options: argparse.Namespace, streams: Streams
) -> tuple[Finding, ...]:
    """What loading says, and, of a policy that loads, what the checks find."""
    from licet import __version__
    from licet.adapters.catalogs.locking import read
    from licet.loading import load_program
    from licet.verifier.analysis.keeping import Kept, usual_folder
    from licet.verifier.analysis.linted import Finding
    from licet.verifier.analysis.linting import LINT_SECONDS, Project, lint, steps
    from licet.verifier.analysis.spreading import workers
    from licet.verifier.solving import SolverPool

    from .policies import read_params

    effort = effort_of(
        options, LINT_SECONDS if settings.seconds is None else settings.seconds, settings.list_bound
    )
    params = None if options.params is None else read_params(options.params)
    loaded = load_program(paths, params=params)
    found = tuple(Finding(diagnostic) for diagnostic in loaded.diagnostics)
    program = loaded.program
    if program is None:
        return found
    lock, problem = read(settings.root)
    if problem is not None:
        raise Failed(problem.message)
    project = Project(settings.resolvers, None if lock is None else frozenset(lock.tools))
    kept = Kept(None if options.no_cache else usual_folder())
    with (
        SolverPool(workers()) as pool,
        Bar(streams, steps(program), noun="questions", results_last=True) as bar,
    ):
        more = lint(
            program,
            pool,
            effort,
            project=project,
            kept=kept,
            version=__version__,
            done=lambda done: bar.at(done, done),
        )
    kept.trim()
    return (*found, *more)


def _mended(findings: Iterable[Finding], settings: Settings) -> bool:
    """Whether files were changed: every edit of what counts, from the end of each file."""
    edits: dict[str, dict[int, Edit]] = {}
    for finding in findings:
        if finding.edits and any(True for _ in settings.weighed([finding.diagnostic])):
            for edit in finding.edits:
                edits.setdefault(edit.span.source.name, {})[edit.span.start] = edit
    for name, wanted in edits.items():
        path = (settings.root / name).resolve()
        if not path.is_relative_to(settings.root.resolve()) or not path.is_file():
            raise Failed(f"cannot mend `{name}`: it is not a file of the project")
        text = path.read_text("utf-8")
        for start in sorted(wanted, reverse=True):
            edit = wanted[start]
            if edit.span.source.text != path.read_text("utf-8"):
                raise Failed(f"cannot mend `{name}`: it has changed meanwhile")
            place, end = edit.stretch(text)
            text = text[:place] + edit.text + text[end:]
        path.write_text(text, "utf-8")
    return bool(edits)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "policy",
        metavar="PATHS",
        nargs="*",
        type=Path,
        help="files and folders of one policy; without, the `paths` of licet.toml",
    )
    parser.add_argument(
        "--params", metavar="FILE", type=Path, help="values for the policy's params, JSON or TOML"
    )
    parser.add_argument("--fix", action="store_true", help="mend what can be mended safely")
    parser.add_argument(
        "--no-cache", action="store_true", help="ask everything anew, and keep nothing"
    )
    threshold_argument(parser)
    effort_arguments(parser)
    parser.add_argument(
        "--output",
        choices=FINDING_SINKS,
        default="text",
        help="text unless told; json is JSON Lines; sarif, github: for code hosts",
    )


VERB = Verb(
    "lint",
    "look for what is wrong with a policy, with proofs",
    _arguments,
    run,
    details=(
        "Each check has a page: licet explain LIC410. The [lint] table of licet.toml sets paths,\n"
        "severities, what is let pass and why, the solver's time and the list bound.\n\n"
        "exit codes:\n"
        "  0  nothing as grave as --fail-on\n"
        "  1  something is\n"
        "  2  the paths or the configuration are wrong"
    ),
    examples=(
        ("licet lint policies", "all checks"),
        ("licet lint policies --fail-on warning", "stricter"),
        ("licet lint policies --output sarif > licet.sarif", "for a code host"),
        ("licet lint --fix", "the project's policies; unused declarations are taken out"),
    ),
)
