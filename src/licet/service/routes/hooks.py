"""`POST /v1/hooks/{agent}`: the HTTP hooks of Claude Code and Codex.

The answer is always one that the agent obeys: `{}` lets a call through to the agent's own
permissions, anything else refuses it. So does the answer to what cannot be read or decided.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from starlette.requests import Request

from licet.adapters.calls.reading import UnreadableCallError
from licet.adapters.catalogs.extras import MissingExtraError
from licet.adapters.hooks.answers import reason_of, refusal
from licet.adapters.hooks.door import OWN_FILES
from licet.adapters.hooks.events import AFTER, ASKED, QUIET, Agent, Event, EventError, read_event
from licet.adapters.hooks.mapping import calls_of
from licet.adapters.hooks.own_files import OwnFiles
from licet.verifier.guard import Guard
from licet.verifier.history import StoreError
from licet.verifier.redeeming import SettleError

from ..callers import Role
from ..calls import call_of, check_reach
from ..deciding import decide
from ..doors import Json, door, router
from ..messages import read_json
from ..problems import Problem
from ..state import caller_of, service_of

log = logging.getLogger("licet.service")

ROUTER = router()
_ELSEWHERE = OwnFiles((), here=False)
_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["hook_event_name", "session_id", "cwd"],
    "properties": {
        "hook_event_name": {"type": "string"},
        "session_id": {"type": "string"},
        "cwd": {"type": "string"},
        "tool_name": {"type": "string"},
        "tool_use_id": {"type": "string"},
        "tool_input": {"type": "object"},
    },
}
_EXAMPLE = {
    "hook_event_name": "PreToolUse",
    "session_id": "s1",
    "cwd": "/work",
    "tool_name": "Bash",
    "tool_use_id": "toolu_01",
    "tool_input": {"command": "rm -rf build"},
}
_DENIED = {
    "hookSpecificOutput": {
        "hookEventName": "PreToolUse",
        "permissionDecision": "deny",
        "permissionDecisionReason": "licet: Only programs that read may run.",
    }
}


@ROUTER.post(
    "/v1/hooks/{agent}",
    tags=["other protocols"],
    summary="A coding agent's hook: one event",
    **door(
        Role.agent,
        body=_EVENT,
        example=_EXAMPLE,
        answer={"type": "object"},
        answered=_DENIED,
    ),
)
async def hook(request: Request, agent: Agent) -> Json:
    """Who acts, where and in which session is what the credential says; the event has the tool and
    its arguments. `{}` where the call may run: it counts as made. A refusal has the reason for the
    model. `PostToolUse` and `PostToolUseFailure` say how a call ended."""
    service, caller = service_of(request), caller_of(request)
    event: Event | None = None
    try:
        event = read_event(agent, await read_json(request, service.settings.limits.body))
        if event.name in QUIET:
            return Json({})
        if event.name == ASKED:
            return Json(refusal(event, "licet: the service answers no permission prompts."))
        with service.guards.lease(caller.tenant) as guard:
            if event.name in AFTER:
                return Json(await _ended(request, guard, event))
            return Json(await _judged(request, guard, event))
    except (EventError, MissingExtraError) as error:
        return _failed(event, str(error))
    except UnreadableCallError as error:
        return _failed(event, f"this call cannot be read: {error}")
    except Problem as problem:
        return _failed(event, problem.detail)
    except StoreError as error:
        log.error("the store failed: a hook is not served: %s", error)
        return _failed(event, "the store failed")
    except Exception:  # any other answer than this one might let the call through
        log.exception("a hook failed")
        return _failed(event, "the guard failed")


def _failed(event: Event | None, why: str) -> Json:
    """The answer where something is wrong: a call is refused, but for one that has run."""
    if event is not None and event.name in AFTER:
        return Json(
            refusal(event, f"licet: the call ran, and how it ended is not written down: {why}")
        )
    return Json(refusal(event, f"licet: refused: {why}"))


async def _judged(request: Request, guard: Guard, event: Event) -> dict[str, object]:
    """Before a tool runs."""
    caller = caller_of(request)
    if _ELSEWHERE.touched(event):
        return refusal(event, OWN_FILES)
    call = _call(request, guard, event)
    check_reach(call, caller, guard.program.catalog)
    verdict = await decide(request, guard, call, commit=True)
    if verdict.allowed:
        return {}
    session = (caller.tenant, caller.name, *event.key[:2])
    reason = reason_of(verdict, service_of(request).feedbacks.of(session))
    if verdict.outcome == "escalate":
        reason += (
            f"\nThis waits for somebody's approval ({verdict.approval}). Go on with other work; "
            "make the same call again once it is given."
        )
    return refusal(event, reason)


async def _ended(request: Request, guard: Guard, event: Event) -> dict[str, object]:
    """After it ran. That it failed is no tool's word that nothing was done."""
    ok = event.name == AFTER[0]
    try:
        said = await guard.aend(
            _call(request, guard, event),
            "ok" if ok else "cancelled",
            event.response if ok else None,
            tenant=caller_of(request).tenant,
        )
    except SettleError as odd:
        log.warning("%s", odd)  # written down as unknown; the tool has run all the same
        return {}
    if said == "changed":
        log.error("a call of %s ran with other arguments than were checked", event.tool)
        return refusal(
            event,
            "licet: the call ran with other arguments than were checked: another hook changed "
            "them. Stop, and tell the user.",
        )
    return {}


def _call(request: Request, guard: Guard, event: Event) -> dict[str, Any]:
    """The one call of an event, as the credential's owner proposes it."""
    (written,) = calls_of(event, guard.program.catalog, frozenset(), here=False)
    id = hashlib.sha256("\0".join(event.key).encode("utf-8", "surrogatepass")).hexdigest()
    data = {"tool": written.tool, "args": written.args, "id": id}
    return call_of(data, caller_of(request))
