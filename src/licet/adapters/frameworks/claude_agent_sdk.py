"""Claude Agent SDK: hooks for every tool of the agent, and a wrapper around those in this process.

    guard = GuardHooks(session)
    desk = guard.server("desk", [refund, lookup])
    options = guard.options(ClaudeAgentOptions(mcp_servers={"desk": desk}))

The check is a `PreToolUse` hook. A refusal is a JSON `deny`; of what is allowed nothing is said, so
that the user's own permissions still hold. A call that a human has to agree to is an `ask`: the
host's `can_use_tool` answers the guard (`Guard.approve`, by `GuardHooks.approval`), then allows it.
What the guard does not know to be approved is refused then.

A tool of `guard.server` redeems itself, and runs nothing that was not allowed, whatever became of
the hooks. A tool that the program runs itself (`Bash`, other MCP servers) is redeemed when it is
allowed, as in `adapters.hooks`, whose names, paths and files of its own it shares.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import logging
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from licet.adapters import feedback
from licet.adapters.calls.reading import UnreadableCallError
from licet.adapters.hooks import client
from licet.adapters.hooks.answers import can_ask, question, refusal
from licet.adapters.hooks.door import OWN_FILES, digest_of
from licet.adapters.hooks.events import AFTER, ASKED, BEFORE, SKILL, Event, EventError, read_event
from licet.adapters.hooks.mapping import calls_of
from licet.adapters.hooks.own_files import OwnFiles
from licet.compiler.catalog import Catalog
from licet.compiler.exact_json import canonical

from .bounding import abounded
from .describing import Entry, entry
from .gate import MOST_WAITING, Ask, Call, Gate, Refuse, RefusedError, Run, Session

try:
    from claude_agent_sdk import (
        ClaudeAgentOptions,
        HookMatcher,
        PermissionResultAllow,
        PermissionResultDeny,
        SdkMcpTool,
        _build_input_schema,
        create_sdk_mcp_server,
    )
    from mcp import Client as MCPClient
except ImportError as error:
    raise ImportError(
        "The Claude Agent SDK is missing: pip install 'licet[claude-agent-sdk]'"
    ) from error

log = logging.getLogger("licet")

#: What the program itself leaves as it is in a tool's name.
_SERVER: Final = re.compile(r"[A-Za-z0-9-]+(_[A-Za-z0-9-]+)*")
_UNCHECKED: Final = (
    "licet: the call ran without having been permitted: its hook was passed over, or another hook "
    "changed it. Stop, and tell the user."
)


@dataclass
class _Checked:
    """A call of the program's that was checked: which it was, and what it may do."""

    digest: bytes
    name: str
    args: Mapping[str, object]
    #: Of one that waits for somebody at the prompt.
    asked: Ask | None = None
    #: Of one that the program runs itself, from redeeming until it is settled.
    opened: tuple[AsyncExitStack, Call] | None = None
    ended: bool = False


class GuardHooks:
    """Guards one agent's tools: the program's own, those of MCP servers, and those in this process.

    `files`: what no call may write, whatever a policy says, beside policies, settings and the
    guard's code: the store's files, say. With `asking=False` a call that needs a human is refused
    at once, as it is where the options have no `can_use_tool`; its approval waits in
    `Guard.pending` all the same.
    """

    def __init__(
        self,
        session: Session,
        *,
        files: Iterable[str | os.PathLike[str]] = (),
        asking: bool = True,
        seconds: float = 30.0,
    ) -> None:
        self.gate = Gate(session, described, seconds=seconds)
        self.asking = asking
        self._own = OwnFiles((client.PACKAGE, *(os.path.realpath(each) for each in files)))
        self._servers: list[tuple[object, tuple[str, ...]]] = []
        self._tools: dict[str, SdkMcpTool[Any]] = {}
        #: The program's names of the tools in this process.
        self._here: dict[str, str] = {}
        self._checked: OrderedDict[str, _Checked] = OrderedDict()
        #: Allowed calls of tools in this process, by what they run with.
        self._allowed: OrderedDict[bytes, list[Run]] = OrderedDict()
        self._lock = threading.Lock()
        self._prompt = False

    # --- what the host puts into its options

    def server(self, name: str, tools: Sequence[SdkMcpTool[Any]], *, version: str = "1.0.0") -> Any:
        """`create_sdk_mcp_server` of tools that redeem."""
        config = create_sdk_mcp_server(name, version, [self._redeeming(tool) for tool in tools])
        self._tools |= {tool.name: tool for tool in tools}
        self._servers.append((config["instance"], tuple(tool.name for tool in tools)))
        return config

    def options(self, options: ClaudeAgentOptions) -> ClaudeAgentOptions:
        """The options with the guard's hooks behind the host's own. Raises ValueError where two of
        the guard's servers have one tool name, or the name of one is not the program's."""
        servers = options.mcp_servers if isinstance(options.mcp_servers, Mapping) else {}
        here: dict[str, str] = {}
        for name, config in servers.items():
            for tool in self._tools_of(config):
                if not _SERVER.fullmatch(name):
                    raise ValueError(f"`{name}` is no plain name of a server")
                if tool in here.values():
                    raise ValueError(f"two servers have a tool `{tool}`")
                here[f"mcp__{name}__{tool}"] = tool
        self._here |= here
        given = options.hooks or {}
        hooks: dict[Any, list[HookMatcher]] = {
            event: [_unchanging(each) if event in (BEFORE, ASKED) else each for each in matchers]
            for event, matchers in given.items()
        }
        for event in (BEFORE, SKILL, *AFTER):
            late = HookMatcher(
                hooks=[self._hook], timeout=2 * self.gate.seconds + 30, on_failure="block"
            )
            hooks[event] = [*hooks.get(event, []), late]
        own = options.can_use_tool
        # A hook that answers the prompt in the host's place would not ask the guard again.
        self._prompt = own is not None and ASKED not in given
        asked = None if own is None else self._prompted(own)
        return dataclasses.replace(options, hooks=hooks, can_use_tool=asked)

    def approval(self, tool_use_id: str | None) -> str | None:
        """The approval that a call waits for: for the host's `can_use_tool`."""
        with self._lock:
            checked = self._checked.get(tool_use_id or "")
        return None if checked is None or checked.asked is None else checked.asked.approval

    def _tools_of(self, config: Any) -> tuple[str, ...]:
        made = config.get("instance") if isinstance(config, Mapping) else None
        return next((tools for instance, tools in self._servers if instance is made), ())

    # --- hooks

    async def _hook(self, data: Any, tool_use_id: str | None, _context: Any) -> Any:
        """Answers an event. Raises nothing: what raises is passed over, and the tool runs."""
        event: Event | None = None
        try:
            if isinstance(data, Mapping) and tool_use_id is not None:
                data = {"tool_use_id": tool_use_id, **data}
            event = read_event("claude-code", data)
            answer = self._after(event) if event.name in AFTER else self._before(event)
            return await abounded(answer, 2 * self.gate.seconds)
        except RefusedError as refused:
            return refusal(event, str(refused))
        except (EventError, UnreadableCallError) as unread:
            return refusal(event, f"licet: this call cannot be read, so it is refused: {unread}")
        except Exception:
            log.exception("a hook failed; the call is refused")
            return refusal(event, feedback.unavailable("The tool" if event is None else event.tool))

    async def _before(self, event: Event) -> dict[str, object]:
        if self._own.touched(event):
            return refusal(event, OWN_FILES)
        name, args = self._meant(event)
        checked = _Checked(digest_of(event), name, args)
        built = self._tools.get(name) if event.tool in self._here else None
        decision = await self.gate.acheck(name, args, id=event.use, built=built)
        if isinstance(decision, Ask) and self.asking and self._prompt and can_ask(event):
            checked.asked = decision
            self._keep(event.use, checked)
            return question(event, decision.text)
        if not isinstance(decision, Run):
            return refusal(event, decision.text)
        await self._let_through(event.tool, checked, decision)
        self._keep(event.use, checked)
        return {}

    def _meant(self, event: Event) -> tuple[str, Mapping[str, object]]:
        """The call as a policy names it."""
        here = self._here.get(event.tool)
        if here is not None:
            return here, dict(event.args or {})
        program = getattr(self.gate.session.guard, "program", None)
        catalog = Catalog(()) if program is None else program.catalog
        (call,) = calls_of(event, catalog, frozenset())
        return call.tool, call.args

    async def _let_through(self, tool: str, checked: _Checked, run: Run) -> None:
        """A tool in this process redeems by itself; any other may run from now on."""
        if tool in self._here:
            with self._lock:
                self._allowed.setdefault(_key(checked.name, checked.args), []).append(run)
                if len(self._allowed) > MOST_WAITING:
                    self._allowed.popitem(last=False)
            return
        stack = AsyncExitStack()
        call = await stack.enter_async_context(self.gate.arunning(run, checked.args))
        checked.opened = stack, call

    def _keep(self, use: str, checked: _Checked) -> None:
        with self._lock:
            self._checked[use] = checked
            if len(self._checked) > MOST_WAITING:
                self._checked.popitem(last=False)

    async def _after(self, event: Event) -> dict[str, object]:
        if event.tool in self._here:
            return {}
        with self._lock:
            checked = self._checked.get(event.use)
            if checked is not None and checked.ended:
                return {}
            if checked is not None:
                checked.ended = True
        if checked is None or checked.opened is None:
            log.error("a call of %s ran without having been permitted", event.tool)
            return refusal(event, _UNCHECKED)
        stack, call = checked.opened
        changed = checked.digest != digest_of(event)
        if event.name == AFTER[0] and not changed:
            call.result = event.response
            await stack.aclose()
            return {}
        # It failed in a way that is not the tool's word that it has done nothing, or is another.
        gone = asyncio.CancelledError()
        await stack.__aexit__(type(gone), gone, None)
        if changed:
            log.error("a call of %s ran with other arguments than were checked", event.tool)
            return refusal(event, _UNCHECKED)
        return {}

    # --- the permission prompt

    def _prompted(self, own: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def can_use_tool(tool: str, args: dict[str, Any], context: Any) -> Any:
            use = getattr(context, "tool_use_id", None) or ""
            with self._lock:
                checked = self._checked.get(use)
            if checked is None or not self._is(checked, tool, args):
                return PermissionResultDeny(message=feedback.altered(tool))
            answer = await own(tool, args, context)
            if not isinstance(answer, PermissionResultAllow):
                return answer
            if answer.updated_input not in (None, args):
                return PermissionResultDeny(message=feedback.altered(tool))
            refused = await self._refused(use, tool, checked)
            return answer if refused is None else PermissionResultDeny(message=refused)

        return can_use_tool

    @staticmethod
    def _is(checked: _Checked, tool: str, args: dict[str, Any]) -> bool:
        event = Event("claude-code", BEFORE, "", "", tool, args=args)
        return checked.digest == digest_of(event)

    async def _refused(self, use: str, tool: str, checked: _Checked) -> str | None:
        """Why a call that the host has let through does not run; None where it may."""
        if checked.asked is None:
            return None
        try:
            decision = await self.gate.acheck(checked.name, checked.args, id=use)
            if not isinstance(decision, Run):
                return decision.text
            await self._let_through(tool, checked, decision)
        except RefusedError as refused:
            return str(refused)
        checked.asked = None
        return None

    # --- tools in this process

    def _redeeming(self, tool: SdkMcpTool[Any]) -> SdkMcpTool[Any]:
        handler: Any = tool.handler

        async def redeeming(args: Any) -> Any:
            try:
                run = self._run_of(tool.name, args)
                async with self.gate.arunning(run, args) as call:
                    answer = await handler(call.args)
                    call.failed, call.result = _outcome(answer)
                return answer
            except RefusedError as refused:
                return {"content": [{"type": "text", "text": str(refused)}], "is_error": True}

        return dataclasses.replace(tool, handler=redeeming)

    def _run_of(self, tool: str, args: Any) -> Run:
        """What was allowed of just this call, once. Raises RefusedError."""
        key = _key(tool, args)
        with self._lock:
            runs = self._allowed.get(key, [])
            run = runs.pop(0) if runs else None
            if not runs:
                self._allowed.pop(key, None)
        if run is None:
            raise RefusedError(Refuse(tool, feedback.altered(tool)))
        return run


def _unchanging(matcher: HookMatcher) -> HookMatcher:
    """The host's own hooks, which run beside the guard's: what one of them makes of a call has not
    been checked."""

    def held(hook: Any) -> Any:
        async def unchanging(data: Any, tool_use_id: str | None, context: Any) -> Any:
            answer = await hook(data, tool_use_id, context)
            specific = answer.get("hookSpecificOutput") or {}
            made = specific.get(
                "updatedInput", (specific.get("decision") or {}).get("updatedInput")
            )
            if made is None or made == data["tool_input"]:
                return answer
            event = read_event("claude-code", {"tool_use_id": tool_use_id, **data})
            return refusal(event, feedback.altered(event.tool))

        return unchanging

    return dataclasses.replace(matcher, hooks=[held(hook) for hook in matcher.hooks])


def tools_of(found: Any) -> list[Any]:
    """The tools of the servers in this process that an agent's options name, or one tool. Raises
    TypeError. The program's own have a catalog already (`use tools coding_agent`)."""
    if isinstance(found, SdkMcpTool):
        return [found]
    if not isinstance(found, ClaudeAgentOptions):
        raise TypeError(f"a {type(found).__name__} has no tools")

    async def listed() -> list[Any]:
        tools: list[Any] = []
        servers = found.mcp_servers if isinstance(found.mcp_servers, Mapping) else {}
        for config in servers.values():
            if "instance" in config:
                async with MCPClient(config["instance"]) as session:
                    tools += (await session.list_tools()).tools
        return tools

    return asyncio.run(listed())


def described(tool: Any) -> Entry:
    """A tool as its model sees it: the SDK's own, or as a server lists it."""
    if isinstance(tool, SdkMcpTool):
        return entry(tool.name, tool.description, _build_input_schema(tool))
    return entry(tool.name, tool.description, tool.input_schema)


def _key(tool: str, args: object) -> bytes:
    """A call by what it runs with: the program says no id at the tool. Raises RefusedError."""
    try:
        return hashlib.sha256(canonical([tool, args])).digest()
    except ValueError:
        raise RefusedError(Refuse(tool, feedback.altered(tool))) from None


def _outcome(answer: Any) -> tuple[bool, object]:
    """Whether a tool failed, and what it answered: its text where it is nothing but one."""
    if not isinstance(answer, Mapping):
        return False, None
    content = answer.get("content") or []
    told = [part.get("text") for part in content if part.get("type") == "text"]
    return bool(answer.get("is_error")), told[0] if len(told) == 1 else told
