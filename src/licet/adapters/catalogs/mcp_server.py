"""The tools of a live MCP server, over stdio or streamable HTTP.

What a server says of its tools can change at any time, so hints of a server's tools are ignored
(they count as destructive and not as reads) unless a lock says that the very same tool has been
reviewed. A policy never asks a server: it stands on a list or a compiled catalog made from one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from licet.compiler.catalog import Tool
from licet.policy_lang.diagnostics import Diagnostic
from licet.policy_lang.source import Span

from . import tool_lists
from .extras import needed
from .locking import Lock

MAX_PAGES: Final = 1_000
Found = tuple[tuple[Tool, ...], tuple[Diagnostic, ...]]


class ServerError(OSError):
    """A server that does not answer, or not in the protocol."""


def read(
    server: str | Sequence[str],
    source_name: str,
    span: Span | None = None,
    *,
    lock: Lock | None = None,
    seconds: float = 30.0,
) -> Found:
    """The tools of a server: an address (`https://…`), or a command with its arguments.

    Raises ServerError, and MissingExtraError without the SDK. Runs an event loop of its own.
    """
    tools, found = tool_lists.read(
        {"tools": listed(server, seconds=seconds)}, source_name, span, "mcp"
    )
    return tuple(pinned(tool, lock) for tool in tools), found


def listed(server: str | Sequence[str], *, seconds: float = 30.0) -> list[Mapping[str, Any]]:
    """What a server answers to `tools/list`, as data. Raises as `read` does."""
    import asyncio

    needed("mcp", "mcp")
    try:
        return asyncio.run(asyncio.wait_for(list_tools(server), seconds))
    except TimeoutError:
        raise ServerError(f"the server did not list its tools within {seconds:g} s") from None
    except Exception as error:  # whatever the SDK or the server makes of it
        raise ServerError(f"the server did not list its tools: {_first(error)}") from error


def pinned(tool: Tool, lock: Lock | None) -> Tool:
    """The tool with its hints if it is as it was locked, else without."""
    if lock is not None and lock.checked(tool).locked:
        return tool
    return replace(tool, read_only=False, destructive=True)


async def list_tools(server: str | Sequence[str]) -> list[Mapping[str, Any]]:
    """The same within an event loop; what goes wrong is raised as it comes."""
    from mcp import ClientSession, StdioServerParameters, stdio_client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.types import PaginatedRequestParams

    if isinstance(server, str):
        streams: Any = streamable_http_client(server)
    else:
        command, *arguments = server
        streams = stdio_client(StdioServerParameters(command=command, args=arguments))
    found: list[Mapping[str, Any]] = []
    async with streams as opened, ClientSession(*opened[:2]) as session:
        await session.initialize()
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor))
            found += [
                tool.model_dump(mode="json", by_alias=True, exclude_none=True)
                for tool in page.tools
            ]
            cursor = page.next_cursor
            if cursor is None or len(found) > tool_lists.MAX_TOOLS:
                break
    return found


def _first(error: BaseException) -> str:
    """The first reason in a group of errors, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
