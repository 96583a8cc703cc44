"""Everything of the protocol that is no call of a tool: passed on as it is, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import mcp_types as types
from mcp import MCPError
from mcp_types import methods
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from .links import Context, Link
from .upstreams import Upstream, UpstreamError

#: Requests that go to the one server, with their params' models.
FORWARDED: Final[Mapping[str, type[types.RequestParams]]] = {
    "resources/list": types.PaginatedRequestParams,
    "resources/templates/list": types.PaginatedRequestParams,
    "resources/read": types.ReadResourceRequestParams,
    "resources/subscribe": types.SubscribeRequestParams,
    "resources/unsubscribe": types.UnsubscribeRequestParams,
    "prompts/list": types.PaginatedRequestParams,
    "prompts/get": types.GetPromptRequestParams,
    "completion/complete": types.CompleteRequestParams,
    "logging/setLevel": types.SetLevelRequestParams,
}

#: Results that say how long they may be kept.
CACHED: Final = ("resources/list", "resources/templates/list", "resources/read", "prompts/list")

_RESERVED: Final = "io.modelcontextprotocol/"


def meta_of(ctx: Context) -> dict[str, Any]:
    """The client's `_meta` for a server, without what belongs to one connection alone."""
    meta = (ctx.params or {}).get("_meta")
    if not isinstance(meta, Mapping):
        return {}
    kept = {
        key: value
        for key, value in meta.items()
        if key != "progressToken"
        and (not key.startswith(_RESERVED) or key == types.LOG_LEVEL_META_KEY)
    }
    return {"_meta": kept} if kept else {}


def progress_of(ctx: Context) -> Any:
    """Passes a server's progress on under the client's own token; None where it wants none."""
    meta = (ctx.params or {}).get("_meta")
    token = meta.get("progressToken") if isinstance(meta, Mapping) else None
    if not isinstance(token, str | int) or isinstance(token, bool):
        return None

    async def progress(done: float, total: float | None, message: str | None) -> None:
        params = types.ProgressNotificationParams(
            progress_token=token, progress=done, total=total, message=message
        )
        await ctx.session.send_notification(
            types.ProgressNotification(params=params), related_request_id=ctx.request_id
        )

    return progress


async def forward(ctx: Context, link: Link, *, seconds: float) -> dict[str, Any]:
    """Pass a request on to the one server. Raises MCPError."""
    upstream = only(link)
    params = {**(ctx.params or {})}
    params.pop("_meta", None)
    params |= meta_of(ctx)
    try:
        version = (await upstream.session()).protocol_version
        if (ctx.method, version) not in methods.SERVER_RESULTS:
            if ctx.method == "logging/setLevel":
                return {}  # a server of 2026-07-28 is told with each request
            raise MCPError(types.METHOD_NOT_FOUND, "Method not found", ctx.method)
        with link.serving(ctx):
            answer = await upstream.request(
                ctx.method, params, seconds=seconds, on_progress=progress_of(ctx)
            )
    except UpstreamError as error:
        raise MCPError(types.INTERNAL_ERROR, str(error)) from None
    modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    if answer.get("resultType") == "input_required" and not modern:
        raise MCPError(types.INTERNAL_ERROR, "the server asks back, which this client cannot do")
    return fitting(ctx, answer)


def fitting(ctx: Context, answer: dict[str, Any]) -> dict[str, Any]:
    """A result with what 2026-07-28 wants to be said and older servers do not say."""
    if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return answer
    if answer.get("resultType", "complete") != "complete":
        return answer
    cached = {"ttlMs": 0, "cacheScope": "private"} if ctx.method in CACHED else {}
    return {"resultType": "complete", **cached, **answer}


def only(link: Link) -> Upstream:
    """The one server. Raises MCPError where there are several: whose is a resource then?"""
    if len(link.upstreams) != 1:
        raise MCPError(types.METHOD_NOT_FOUND, "Method not found: several servers, tools alone")
    return next(iter(link.upstreams.values()))
