"""Where findings and results go: one file per sink, each safe for whoever reads it.

A finding is a `Diagnostic`, a result a `Result`; both are values that know nothing of how they are
shown. All text in them may come from a stranger's pull request: names, messages and paths change
nothing in a sink but their own text.

    write_findings(diagnostics, options.output, streams, folder=project_folder(paths))
"""

from .findings import FINDING_SINKS, write_findings
from .places import project_folder
from .results import Result, State

__all__ = [
    "FINDING_SINKS",
    "Result",
    "State",
    "project_folder",
    "write_findings",
]
