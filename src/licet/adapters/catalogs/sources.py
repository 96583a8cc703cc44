"""Where tools come from: a file of any form that is known, or descriptions that are installed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from licet.compiler.catalog import Renamed, Tool, ToolSource
from licet.compiler.names import suggestion
from licet.policy_lang.diagnostics import Diagnostic
from licet.policy_lang.source import Span

from . import tool_lists
from .catalog_file import SUFFIX, CatalogFile, CatalogFileError
from .extras import MissingExtraError
from .listed import Listed

Found = tuple[tuple[Tool | ToolSource, ...], tuple[Diagnostic, ...]]

#: Formats whose strings name something installed (a service), not a file.
INSTALLED: Final = ("aws", "google", "coding_agent")
FORMATS: Final = (*tool_lists.FORMATS, "openapi", *INSTALLED)


def installed(kind: str, wanted: str, alias: str | None, span: Span | None = None) -> Found:
    """What is installed under a name or a glob: `ec2`, `s3*`, `*`; `drive:v3`. Sources keep their
    names unless an alias is given, which then qualifies the tools of all of them."""
    try:
        known, origin, source = _kinds(kind)
        names = [name for name in known if fnmatchcase(name, wanted)]
        if not names:
            return (), (
                Diagnostic(
                    "LIC211",
                    f"{origin} has no service `{wanted}`",
                    span,
                    help=suggestion(wanted, known, "name a service as its library does"),
                ),
            )
        found = [source(name) for name in names]
    except MissingExtraError as missing:
        return (), (Diagnostic("LIC210", str(missing), span),)
    except ValueError as error:
        return (), (Diagnostic("LIC204", str(error), span),)
    if alias is None:
        return tuple(found), ()
    return tuple(Renamed(each, alias) for each in found), ()


def _kinds(kind: str) -> tuple[tuple[str, ...], str, Callable[[str], ToolSource]]:
    """The names of what is installed, what it is from, and how one is opened."""
    if kind == "coding_agent":
        from licet.adapters.hooks import catalog as agents

        return agents.NAMES, "licet", agents.source
    from . import aws, google

    if kind == "aws":
        return aws.services(), aws.version(), aws.service
    return google.apis(), google.origin(), google.api


def load(path: Path, format: str | None, alias: str | None, span: Span | None = None) -> Found:
    """The tools of a file, qualified by the alias or else by the file's stem; those of a compiled
    catalog keep the names of their sources."""
    if path.suffix == SUFFIX and format is None:
        return _compiled(path, alias, span)
    if format == "openapi" or (format is None and _may_be_openapi(path)):
        return _described(path, format, alias, span)
    return tool_lists.load(path, format, alias or path.stem, span)


def files(path: Path, format: str | None) -> tuple[Path, ...]:
    """All files that `load` reads for one, itself first. Raises ValueError and OSError where they
    cannot be read."""
    if path.suffix == SUFFIX and format is None:
        return (path,)
    if format == "openapi" or (format is None and _may_be_openapi(path)):
        from . import documents

        return documents.files(path)
    return (path,)


def _may_be_openapi(path: Path) -> bool:
    """Whether a file is YAML, or JSON that says early what it is."""
    if path.suffix in (".yaml", ".yml"):
        return True
    try:
        with path.open("rb") as file:
            return re.search(rb'"(openapi|swagger)"\s*:', file.read(65_536)) is not None
    except OSError:
        return False


def _described(path: Path, format: str | None, alias: str | None, span: Span | None) -> Found:
    from . import documents, openapi

    name = alias or path.stem
    try:
        data, found = documents.bundled(path, span)
    except MissingExtraError as missing:
        return (), (Diagnostic("LIC210", str(missing), span),)
    except documents.DocumentError as error:
        return (), (Diagnostic("LIC200", str(error), span),)
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        return (), (Diagnostic("LIC200", f"`{path.name}` cannot be read: {reason}", span),)
    if format is None and not openapi.is_openapi(data):
        tools, more = tool_lists.read(data, name, span)
        return tools, (*found, *more)
    tools, more = openapi.read(data, name, span)
    return (Listed(name, tools),) if tools else (), (*found, *more)


def _compiled(path: Path, alias: str | None, span: Span | None) -> Found:
    try:
        found = CatalogFile(path).sources
    except CatalogFileError as error:
        help = "build it again with `licet catalog build`"
        return (), (Diagnostic("LIC212", str(error), span, help=help),)
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        return (), (Diagnostic("LIC200", f"`{path.name}` cannot be read: {reason}", span),)
    if alias is None:
        return found, ()
    if len(found) != 1:
        message = f"`{path.name}` has {len(found)} sources, which keep their names"
        help = "leave out `as`, or build a catalog of one source"
        return (), (Diagnostic("LIC214", message, span, help=help),)
    return (Renamed(found[0], alias),), ()


Named = tuple[tuple[tuple[ToolSource, str], ...], tuple[Diagnostic, ...]]


def named(spec: str) -> Named:
    """The sources of a command line's word, each with a text that says where it is from:
    `FILE`, `NAME=FILE`, `aws:ec2`, `aws:s3*`, `google:drive:v3`, `NAME=mcp:https://…`,
    `NAME=mcp:COMMAND`, `NAME=agent:MODULE:OBJECT`, which runs the module. What a server says is
    kept as it says it: whoever names it here pins it."""
    kind, colon, wanted = spec.partition(":")
    if colon and kind in INSTALLED:
        given, found = installed(kind, wanted, None)
        origin = _kinds(kind)[1] if given else ""
        return tuple((each, origin) for each in given if not isinstance(each, Tool)), found
    name, equals, file = spec.partition("=")
    if equals and file.startswith("mcp:"):
        return _server(name, file.removeprefix("mcp:"))
    if equals and file.startswith("agent:"):
        return _agent(name, file.removeprefix("agent:"))
    path = Path(file if equals else spec)
    given, found = load(path, None, name if equals else None)
    if path.suffix == SUFFIX:
        return tuple(
            (each, _origin(each, path)) for each in given if not isinstance(each, Tool)
        ), found
    tools = [each for each in given if isinstance(each, Tool)]
    sources = [each for each in given if not isinstance(each, Tool)]
    if tools:
        sources.append(Listed(name if equals else path.stem, tools))
    return tuple((each, path.name) for each in sources), found


def _server(name: str, server: str) -> Named:
    from . import mcp_server

    is_address = server.startswith(("https://", "http://"))
    try:
        tools = mcp_server.listed(server if is_address else shlex.split(server))
    except MissingExtraError as missing:
        return (), (Diagnostic("LIC210", str(missing), None),)
    except (mcp_server.ServerError, ValueError) as error:
        return (), (Diagnostic("LIC200", str(error), None),)
    given, found = tool_lists.read({"tools": tools}, name, None, "mcp")
    return ((Listed(name, given), "an MCP server"),), found


def _agent(name: str, target: str) -> Named:
    from licet.adapters.frameworks.importing import ListingError, list_tools

    try:
        tools = list_tools(target)
    except ListingError as error:
        return (), (Diagnostic("LIC200", str(error), None),)
    given, found = tool_lists.read({"tools": tools}, name, None, "mcp")
    return ((Listed(name, given), "an agent"),), found


def _origin(source: Tool | ToolSource, path: Path) -> str:
    origin = getattr(source, "origin", None)
    return origin if isinstance(origin, str) else path.name
