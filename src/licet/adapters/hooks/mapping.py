"""An event's tool call → the licet calls that it makes, or a refusal to read it.

Paths become what they lead to: absolute, without `..`, links followed; those of another machine are
taken by their text alone. A command line is the call
of the tool that runs it, with the programs that it starts where it can be read, and also the calls
that it makes where a project asks for that (`commands = ["aws"]`).
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from typing import Final

from licet.adapters.calls import aws_command
from licet.adapters.calls.reading import UnreadableCallError, WrittenCall
from licet.adapters.calls.shell_command import commands
from licet.adapters.catalogs.extras import MissingExtraError
from licet.compiler.catalog import Catalog

from .events import SKILL, Event
from .patches import patched_files

COMMANDS: Final = ("aws",)
_PATHS: Final = ("file_path", "notebook_path", "path", "filePath")
SHELLS: Final = ("Bash", "PowerShell", "Monitor")
_READ_OFF: Final = ("programs", "files", "skill")


def calls_of(
    event: Event, catalog: Catalog, read: frozenset[str], *, here: bool = True
) -> tuple[WrittenCall, ...]:
    """The calls that have to be allowed, each, before the event's tool runs. `read`: the programs
    whose command lines are read as calls. `here`: the agent is on this machine, so that its files
    can be looked at. Raises UnreadableCallError, MissingExtraError."""
    place = resolved if here else placed
    if event.tool.startswith("mcp__"):
        return (WrittenCall(_mcp_tool(event, catalog), dict(event.args or {})),)
    args = dict(event.args or {})
    qualifier = event.agent.replace("-", "_")
    if event.tool == "apply_patch":
        patch = args.get("command")
        if not isinstance(patch, str):
            raise UnreadableCallError("a patch is a text")
        args["files"] = [place(name, event.cwd) for name in patched_files(patch)]
        return (WrittenCall(f"{qualifier}.apply_patch", args),)
    if taken := [name for name in _READ_OFF if name in args and event.tool != "Skill"]:
        raise UnreadableCallError(f"the agent's tools have no argument `{taken[0]}`")
    for name in _PATHS:
        if isinstance(path := args.get(name), str):
            args[name] = place(path, event.cwd)
    if event.tool not in SHELLS:
        return (WrittenCall(f"{qualifier}.{event.tool}", args),)
    found: tuple[WrittenCall, ...] = ()
    if isinstance(line := args.get("command"), str) and event.tool != "PowerShell":
        found = _commands(line, args, read)
    elif read:
        raise UnreadableCallError("this command line is not read")
    tool = event.tool
    if event.name == SKILL:
        tool = "SkillShell"
        args["skill"] = (event.context or {}).get("command_name", "")
    return (WrittenCall(f"{qualifier}.{tool}", args), *found)


def resolved(path: str, cwd: str) -> str:
    """What a path leads to: absolute, links followed; what is not there yet, where it would be."""
    return os.path.realpath(os.path.join(cwd, os.path.expanduser(path)))


def placed(path: str, cwd: str) -> str:
    """A path of another machine, absolute, by its text alone. Raises UnreadableCallError for one
    that only that machine can tell the meaning of."""
    joined = posixpath.join(cwd, path)
    if path.startswith("~") or ".." in joined.split("/") or "\0" in joined:
        raise UnreadableCallError("a path of another machine is written without `~` and `..`")
    return "/" + posixpath.normpath(joined).lstrip("/")


def _commands(line: str, args: dict[str, object], read: frozenset[str]) -> tuple[WrittenCall, ...]:
    """The calls of a command line; puts its programs among the arguments."""
    try:
        words = commands(line)
    except (UnreadableCallError, MissingExtraError):
        if read:
            raise
        return ()
    args["programs"] = list(dict.fromkeys(each[0] for each in words))
    found = []
    for each in words:
        name = os.path.basename(each[0])
        if name in read:
            if name != each[0]:
                raise UnreadableCallError(f"write `{name}` without a folder")
            found.append(aws_command.call_of(each[1:]))
    return tuple(found)


def _mcp_tool(event: Event, catalog: Catalog) -> str:
    """The one tool of the catalog that `mcp__server__tool` can mean, or the name as it is, which
    no catalog knows."""
    rest = event.tool[len("mcp__") :]
    found: set[str] = set()
    start = rest.find("__")
    while start > 0:
        server, tool = rest[:start], rest[start + 2 :]
        for name in (server, server.replace("-", "_")):
            found |= {f"{name}.{tool}"} if catalog.find(f"{name}.{tool}") else set()
        start = rest.find("__", start + 1)
    if len(found) > 1:
        raise UnreadableCallError("the name means tools of several servers")
    return found.pop() if found else event.tool


def digest_parts(event: Event) -> Mapping[str, object]:
    """What of an event makes it the same call: the words about it left out."""
    words = ("description",) if event.tool in SHELLS else ()
    return {key: value for key, value in (event.args or {}).items() if key not in words}
