"""`POST /beta/litellm_basic_guardrail_api`: LiteLLM's generic guardrail, for the calls that the
answer of a model proposes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from starlette.requests import Request

from licet.compiler.exact_json import JsonError, decode
from licet.verifier.guard import Guard
from licet.verifier.history import StoreError
from licet.verifier.redeeming import RedeemError, SettleError
from licet.verifier.tickets import Ticket

from ..answers import EXAMPLE
from ..callers import Role
from ..calls import call_of, check_reach
from ..deciding import decide
from ..doors import Json, door, router
from ..messages import AgentCall, checked, read_json
from ..problems import Problem
from ..state import caller_of, service_of

ROUTER = router()
_BODY = {
    "type": "object",
    "properties": {
        "input_type": {"enum": ["request", "response"]},
        "tool_calls": {"type": ["array", "null"], "items": {"type": "object"}},
    },
}


@ROUTER.post(
    "/beta/litellm_basic_guardrail_api",
    tags=["other protocols"],
    summary="Judge the tool calls of a model's answer (LiteLLM)",
    **door(
        Role.agent,
        Role.host,
        body=_BODY,
        example={
            "input_type": "response",
            "tool_calls": [
                {
                    "id": "call_7",
                    "type": "function",
                    "function": {
                        "name": "refund",
                        "arguments": '{"order_id": "R1", "amount": 900}',
                    },
                }
            ],
        },
        answer={
            "type": "object",
            "required": ["action"],
            "properties": {
                "action": {"enum": ["NONE", "BLOCKED"]},
                "blocked_reason": {"type": "string"},
            },
        },
        answered={"action": "BLOCKED", "blocked_reason": EXAMPLE["model"]["message"]},
    ),
)
async def guardrail(request: Request) -> Json:
    """`NONE` where every call is allowed: they count as made. One that is not, or cannot be read,
    blocks the answer, and none of its calls is spent. Calls act as the credential says; those of a
    `request` are past."""
    service, caller = service_of(request), caller_of(request)
    limits = service.settings.limits
    body = await read_json(request, limits.body)
    if not isinstance(body, dict):
        raise Problem(422, "the body is an object")
    if body.get("input_type") == "request":
        return Json({"action": "NONE"})
    proposed = body.get("tool_calls")
    if proposed is None:
        proposed = []
    if not isinstance(proposed, list) or len(proposed) > limits.batch:
        return Json(_blocked("the tool calls cannot be read"))
    service.rates.take_rest(caller, len(proposed))
    with service.guards.lease(caller.tenant) as guard:
        reason = await _judged(request, guard, proposed)
    return Json({"action": "NONE"} if reason is None else _blocked(reason))


def _blocked(reason: str) -> dict[str, object]:
    return {"action": "BLOCKED", "blocked_reason": reason}


async def _judged(request: Request, guard: Guard, proposed: list[object]) -> str | None:
    """Why none of the calls may run, in words for the model; None: all may, and count as made."""
    caller = caller_of(request)
    held: list[tuple[Ticket, dict[str, object]]] = []
    done = False
    try:
        for each in proposed:
            try:
                call = call_of(checked(AgentCall, _read(each)), caller)
                check_reach(call, caller, guard.program.catalog)
            except (JsonError, Problem, KeyError, TypeError):
                return "a tool call cannot be read, or is not for this credential"
            verdict = await decide(request, guard, call, commit=False)
            if not verdict.allowed or verdict.ticket is None:
                return verdict.message or "the policy does not allow this"
            held.append((verdict.ticket, call["args"]))
        for ticket, args in held:
            await guard.aredeem(ticket, args)
        done = True
    except (RedeemError, StoreError):
        return "what was allowed a moment ago is not any more"
    finally:
        if not done:
            await _give_back(guard, [ticket for ticket, _ in held])
    return None


async def _give_back(guard: Guard, tickets: list[Ticket]) -> None:
    """What is not given back here expires."""
    for ticket in tickets:
        with suppress(RedeemError, SettleError, StoreError):
            await guard.asettle(ticket, "cancelled")


def _read(proposed: Any) -> dict[str, Any]:
    """A tool call in OpenAI's form as ours."""
    function = proposed["function"]
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if not isinstance(arguments, str):
        raise TypeError("arguments are a text of JSON")
    return {
        "tool": function["name"],
        "args": decode(arguments) if arguments else {},
        "id": proposed.get("id"),
    }
