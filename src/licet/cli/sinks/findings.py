"""The sinks of findings, by the name that `--output` takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..terminal import Terminal

if TYPE_CHECKING:
    from licet.policy_lang import Diagnostic

FINDING_SINKS = ("text", "json", "sarif", "github")
"""`text`: with carets; `json`: JSON Lines; `sarif`: one SARIF 2.1.0 log; `github`: annotations."""


def write_findings(
    diagnostics: Sequence[Diagnostic], output: str, terminal: Terminal, *, folder: str = ""
) -> None:
    """Write the findings in the form `output`, one of `FINDING_SINKS`.

    `folder` is the project's, relative to the working folder (see `project_folder`). A SARIF log
    is written for no findings too: it says that there are none.
    """
    from licet.compiler.json_text import json_line
    from licet.policy_lang import render_json

    match output:
        case "text":
            from ..findings import report

            report(diagnostics, terminal)
        case "json":
            terminal.write("".join(json_line(found) + "\n" for found in render_json(diagnostics)))
        case "sarif":
            from .sarif import sarif_log

            terminal.write(json_line(sarif_log(diagnostics, folder)) + "\n")
        case "github":
            from .github import workflow_commands

            terminal.write("".join(line + "\n" for line in workflow_commands(diagnostics, folder)))
        case _:
            raise ValueError(f"no sink of findings: {output}")
