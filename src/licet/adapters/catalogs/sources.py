"""Where tools come from: a file of any form that is known, or descriptions that are installed."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from licet.compiler.catalog import Renamed, Tool, ToolSource
from licet.compiler.names import suggestion
from licet.policy_lang.diagnostics import Diagnostic
from licet.policy_lang.source import Span

from . import tool_lists
from .extras import MissingExtraError

Found = tuple[tuple[Tool | ToolSource, ...], tuple[Diagnostic, ...]]

#: Formats whose strings name something installed (a service), not a file.
INSTALLED: Final = ("aws",)
FORMATS: Final = (*tool_lists.FORMATS, *INSTALLED)


def installed(wanted: str, alias: str | None, span: Span | None = None) -> Found:
    """The services that a name or a glob means: `ec2`, `s3*`, `*`. They keep their names unless
    an alias is given, which then qualifies the tools of all of them."""
    from . import aws

    try:
        known = aws.services()
        names = [name for name in known if fnmatchcase(name, wanted)]
        if not names:
            return (), (
                Diagnostic(
                    "LIC211",
                    f"{aws.version()} has no service `{wanted}`",
                    span,
                    help=suggestion(wanted, known, "name a service as boto3 does"),
                ),
            )
        found = [aws.service(name) for name in names]
    except MissingExtraError as missing:
        return (), (Diagnostic("LIC210", str(missing), span),)
    if alias is None:
        return tuple(found), ()
    return tuple(Renamed(each, alias) for each in found), ()


def load(path: Path, format: str | None, alias: str | None, span: Span | None = None) -> Found:
    """The tools of a file, qualified by the alias or else by the file's stem."""
    return tool_lists.load(path, format, alias or path.stem, span)
