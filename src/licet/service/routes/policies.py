"""`/v1/policies…`: bundles are sent, compared with what is active, activated and rolled back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Path, Query
from pydantic import Field
from starlette.requests import Request

from ..bundles.activating import NotAllowedError, NotThereError, Person, PolicyError
from ..bundles.bundle import BundleError, uploaded
from ..bundles.examining import BusyError
from ..bundles.people import person_of
from ..bundles.policies import Policies, RejectedError
from ..bundles.shelf import Activation, Ask, changes
from ..bundles.telling import (
    activation_json,
    ask_json,
    canaried_json,
    canary_json,
    listed_json,
    policy_json,
    standing_json,
)
from ..callers import Role
from ..doors import Json, door, router
from ..messages import Message, Object, checked, read_json, schema_of
from ..modes import MOST_OBSERVED
from ..problems import Problem
from ..state import caller_of, service_of

ROUTER = router()
Answer = TypeVar("Answer")
Digest = Annotated[str, Path(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)]
READERS = (Role.policy_author, Role.auditor, Role.administrator)
MOVERS = (Role.policy_author, Role.administrator)
#: What of a difference is told with a refusal to activate.
_MOST_TOLD = 20


class Sent(Message):
    """All files of a policy by relative path, which paths are the policy (files or folders, `.` is
    the top), and values for params."""

    files: dict[str, str]
    policies: list[str] = Field(default_factory=lambda: ["."])
    params: Object = Field(default_factory=dict)


class Wish(Message):
    """`allow_widening`: also where calls may get further than now. `observe_until`: let refused
    calls through until then (RFC 3339), at most 31 days."""

    allow_widening: bool = False
    observe_until: str | None = None


class Back(Message):
    """`allow_widening`: also where calls may get further than now."""

    allow_widening: bool = False


_EXAMPLE_TEXT = (
    'policy "refunds"\n'
    "principal { id: String, role: String }\n"
    "tool refund(order_id: String, amount: Decimal in 0 .. 10_000 step 0.01) destructive\n"
    "permit refunds on refund\n"
    "forbid large on refund when args.amount > 501\n"
)
_EXAMPLE_DIGEST = "sha256:" + "0123456789abcdef" * 4
_ACTIVATION = {
    "number": 3,
    "digest": _EXAMPLE_DIGEST,
    "by": ["ann", "bob"],
    "at": "2026-11-22T15:00:00.000000Z",
    "source": "upload",
    "difference": "widens",
    "before": "sha256:…",
    "observe_until": None,
}
_LISTED = {
    "digest": _EXAMPLE_DIGEST,
    "number": 7,
    "name": "refunds",
    "by": "ann",
    "at": "2026-11-22T14:00:00.000000Z",
    "source": "upload",
    "policy": "sha256:…",
    "catalog": "sha256:…",
    "active": True,
    "difference": "widens",
    "compared_with": "sha256:…",
    "activations": [_ACTIVATION],
    "asked": None,
}
_POLICY = {
    **_LISTED,
    "files": {"refunds.licet": _EXAMPLE_TEXT},
    "policies": ["."],
    "params": {},
    "report": {
        "diagnostics": [],
        "tools": 1,
        "lint": {"complete": True, "findings": [], "error": None},
        "diff": {
            "verdict": "widens",
            "complete": True,
            "tools": [
                {
                    "tool": "refund",
                    "verdict": "widens",
                    "presence": "both",
                    "changes": [
                        {
                            "kind": "allowed",
                            "wider": True,
                            "before": "deny",
                            "after": "allow",
                            "rules": ["large"],
                            "reason": "",
                            "witness": {"tool": "refund", "args": {"amount": 501}},
                            "example": "args.amount = 501",
                        }
                    ],
                }
            ],
            "shown": [],
            "hidden": [],
        },
    },
}
LISTED_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["digest", "by", "at", "active", "difference"],
    "properties": {
        "digest": {"type": "string"},
        "active": {"type": "boolean"},
        "difference": {
            "enum": ["equivalent", "narrows", "widens", "incomparable", "unknown"],
            "description": "From `compared_with` to this one: how far calls get",
        },
    },
}
_POLICY_SCHEMA = {**LISTED_SCHEMA, "required": [*LISTED_SCHEMA["required"], "files", "report"]}
_DONE_SCHEMA = {
    "type": "object",
    "required": ["state"],
    "properties": {
        "state": {"enum": ["active", "waiting"], "description": "waiting: for a second person"},
        "activation": {"type": "object"},
        "asked": {"type": "object"},
    },
}
_WAITING = {
    "state": "waiting",
    "asked": {"digest": _EXAMPLE_DIGEST, "by": "ann", "at": "…", "observe_until": None},
}


_CANARY = {"digest": _EXAMPLE_DIGEST, "by": "ann", "at": "2026-11-22T14:30:00Z"}
_CANARY_SCHEMA = {
    "type": "object",
    "required": ["canary"],
    "properties": {
        "canary": {"type": ["object", "null"]},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        "differences": {"type": "array", "items": {"type": "object"}},
    },
}


def _moving(body: type[Message], example: object) -> dict[str, Any]:
    """The options of a route that makes another policy the active one."""
    options = door(
        *MOVERS,
        body=schema_of(body),
        example=example,
        answer=_DONE_SCHEMA,
        answered={"state": "active", "activation": _ACTIVATION},
        errors=(404, 409, 422),
    )
    content = {"application/json": {"schema": _DONE_SCHEMA, "example": _WAITING}}
    waits = "It is noted, and a second person has to want it too"
    options["responses"][202] = {"description": waits, "content": content}
    return options


@ROUTER.post(
    "/v1/policies",
    tags=["policies"],
    summary="Send a policy",
    **door(
        Role.policy_author,
        body=schema_of(Sent),
        example={"files": {"refunds.licet": _EXAMPLE_TEXT}},
        answer=_POLICY_SCHEMA,
        answered=_POLICY,
    ),
)
async def send(request: Request) -> Json:
    """It is compiled, compared with the active policy and linted, and kept if it compiles. Nothing
    becomes active by it. The same files are the same policy, whoever sends them again."""
    caller = caller_of(request)
    limit = service_of(request).settings.limits.body
    data = checked(Sent, await read_json(request, limit))
    try:
        bundle = uploaded(data["files"], data.get("policies", ["."]), data.get("params"))
    except BundleError as error:
        raise _unprocessable(error) from None
    policy = await _asked(
        request, lambda policies, tenant: policies.upload(tenant, bundle, person_of(caller))
    )
    return Json(policy_json(policy))


@ROUTER.get(
    "/v1/policies",
    tags=["policies"],
    summary="The policies that were sent, and what is active",
    **door(
        *READERS,
        answer={
            "type": "object",
            "required": ["active", "mode", "policies", "history", "next"],
            "properties": {
                "mode": {"enum": ["enforce", "observe"]},
                "banner": {"type": "string"},
                "policies": {"type": "array", "items": LISTED_SCHEMA},
                "history": {"type": "array", "items": {"type": "object"}},
                "next": {"type": ["integer", "null"]},
            },
        },
        answered={
            "active": _ACTIVATION,
            "policy": "sha256:…",
            "mode": "enforce",
            "policies": [_LISTED],
            "history": [_ACTIVATION],
            "next": None,
        },
        errors=(422,),
    ),
)
async def policies(
    request: Request,
    before: Annotated[
        int | None, Query(ge=1, le=10**12 - 1, description="`next` of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Json:
    """A page of them, the newest first; `history` are the last 20 activations."""

    def read(policies: Policies, tenant: str) -> dict[str, object]:
        page = policies.listed(tenant, before, limit + 1)
        return {
            **standing_json(policies.standing(tenant)),
            "policies": [listed_json(each) for each in page[:limit]],
            "history": [activation_json(each) for each in policies.history(tenant, None, 20)],
            "next": page[limit - 1].upload.number if len(page) > limit else None,
        }

    return Json(await _asked(request, read))


@ROUTER.get(
    "/v1/policies/canary",
    tags=["policies"],
    summary="What the policy beside the active one decides otherwise",
    **door(
        *READERS,
        answer=_CANARY_SCHEMA,
        answered={
            "canary": _CANARY,
            "counts": {"same": 1200, "different": 1, "undecided": 3, "dropped": 0},
            "differences": [
                {
                    "at": "2026-11-22T15:00:00Z",
                    "id": "0a1b2c3d4e5f-7",
                    "tool": "refund",
                    "outcome": "allow",
                    "rules": ["refunds"],
                    "canary_outcome": "deny",
                    "canary_rules": ["large"],
                    "call": {"tool": "refund", "args": {"amount": 400}},
                }
            ],
        },
        errors=(503,),
    ),
)
async def canary(request: Request) -> Json:
    """Of the one that decides now, else of the last: how its outcomes compare with the active
    policy's, and the last 200 that differ. The calls themselves, redacted as in the audit, are for
    those who may read the audit."""
    reads = not {Role.auditor, Role.administrator}.isdisjoint(caller_of(request).roles)
    found = await _asked(request, lambda policies, tenant: policies.canaried(tenant))
    return Json(canaried_json(found, with_calls=reads))


@ROUTER.post(
    "/v1/policies/{digest}/canary",
    tags=["policies"],
    summary="Let a policy decide beside the active one",
    **door(
        *MOVERS,
        answer=_CANARY_SCHEMA,
        answered={"canary": _CANARY},
        errors=(404, 409, 422, 503),
    ),
)
async def start_canary(request: Request, digest: Digest) -> Json:
    """In place of any other. It changes no answer, spends no budget and has no tickets; what it
    decides otherwise is told. The body is not read."""
    by = person_of(caller_of(request))
    started = await _asked(
        request, lambda policies, tenant: policies.start_canary(tenant, digest, by)
    )
    return Json({"canary": canary_json(started)})


@ROUTER.delete(
    "/v1/policies/{digest}/canary",
    tags=["policies"],
    summary="Let it decide no longer",
    **door(*MOVERS, answer=_CANARY_SCHEMA, answered={"canary": None}, errors=(404, 409, 422, 503)),
)
async def end_canary(request: Request, digest: Digest) -> Json:
    """What it has found so far can still be read."""
    by = person_of(caller_of(request))
    await _asked(request, lambda policies, tenant: policies.end_canary(tenant, digest, by))
    return Json({"canary": None})


@ROUTER.get(
    "/v1/policies/{digest}",
    tags=["policies"],
    summary="One policy, with its texts and what was found",
    **door(*READERS, answer=_POLICY_SCHEMA, answered=_POLICY, errors=(404, 422)),
)
async def policy(request: Request, digest: Digest) -> Json:
    """One of the caller's tenant."""
    found = await _asked(request, lambda policies, tenant: policies.policy(tenant, digest))
    return Json(policy_json(found))


@ROUTER.post(
    "/v1/policies/rollback",
    tags=["policies"],
    summary="Activate what was active before",
    **_moving(Back, {"allow_widening": True}),
)
async def rollback(request: Request) -> Json:
    """As it was, enforced. If calls get further by that, somebody has to allow it, as of any other
    activation."""
    data = checked(Back, await read_json(request, service_of(request).settings.limits.body))
    allow = data.get("allow_widening", False)
    return await _moved(
        request,
        lambda policies, tenant, who: policies.roll_back(tenant, who, allow_widening=allow),
    )


@ROUTER.post(
    "/v1/policies/{digest}/activate",
    tags=["policies"],
    summary="Let calls be decided by a policy",
    **_moving(Wish, {"allow_widening": True}),
)
async def activate(request: Request, digest: Digest) -> Json:
    """What is proved to let no call get further is activated. Everything else needs
    `allow_widening`: of an administrator, or of two persons, the second of whom activates it. 409
    says what changes."""
    data = checked(Wish, await read_json(request, service_of(request).settings.limits.body))
    allow, until = data.get("allow_widening", False), _instant(data.get("observe_until"))
    return await _moved(
        request,
        lambda policies, tenant, who: policies.activate(
            tenant, digest, who, allow_widening=allow, observe_until=until
        ),
    )


async def _moved(
    request: Request, move: Callable[[Policies, str, Person], Activation | Ask]
) -> Json:
    caller = caller_of(request)
    who = Person(person_of(caller), Role.administrator in caller.roles)
    done = await _asked(request, lambda policies, tenant: move(policies, tenant, who))
    if isinstance(done, Ask):
        return Json({"state": "waiting", "asked": ask_json(done)}, 202)
    return Json({"state": "active", "activation": activation_json(done)})


async def _asked(request: Request, work: Callable[[Policies, str], Answer]) -> Answer:
    """Work on the policies of the caller's tenant, beside those who decide. Raises Problem."""
    policies, tenant = service_of(request).policies, caller_of(request).tenant
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(policies.threads, lambda: work(policies, tenant))
    except NotThereError as error:
        raise Problem(404, str(error)) from None
    except NotAllowedError as error:
        told = {"difference": error.verdict, "changes": list(changes(error.report))[:_MOST_TOLD]}
        raise Problem(409, str(error), more=told) from None
    except RejectedError as error:
        found = list(error.found.diagnostics)[:_MOST_TOLD]
        raise Problem(422, str(error), more={"diagnostics": found}) from None
    except PolicyError as error:
        raise Problem(409, str(error)) from None
    except BundleError as error:
        raise _unprocessable(error) from None
    except BusyError:
        text = "other policies are being examined: try again"
        raise Problem(503, text, headers={"Retry-After": "5"}) from None


def _unprocessable(error: BundleError) -> Problem:
    where = f"`{error.path}`: " if error.path else ""
    return Problem(422, f"{where}{error}", more={"path": error.path} if error.path else None)


def _instant(text: object) -> int:
    """An instant in microseconds (0: none). Raises Problem 422 for one that cannot be observed
    until."""
    if text is None:
        return 0
    try:
        until = datetime.fromisoformat(str(text))
        if until.utcoffset() is None:
            raise ValueError
        seconds = until.timestamp()
    except (ValueError, OverflowError):
        text = "`observe_until` is an instant with its zone: 2026-12-01T00:00:00Z"
        raise Problem(422, text, more={"path": "observe_until"}) from None
    if not time.time() < seconds <= time.time() + MOST_OBSERVED:
        days = MOST_OBSERVED // 86_400
        text = f"`observe_until` is in the future, and at most {days} days ahead"
        raise Problem(422, text, more={"path": "observe_until"})
    return int(seconds * 1_000_000)
