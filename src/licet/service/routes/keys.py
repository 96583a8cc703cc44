"""`/v1/keys…`: the API keys of the caller's tenant. A secret is in the one answer that made it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Path
from pydantic import Field
from starlette.requests import Request

from ..callers import GRANTABLE, Caller, Role
from ..doors import Json, door, router
from ..keys import KeyRefusedError, Keyring, UnknownKeyError, scope_from
from ..messages import Message, Object, Text, checked, read_json, schema_of
from ..problems import Problem
from ..settings import NAME, Scope
from ..state import caller_of, service_of

ROUTER = router()
Answer = TypeVar("Answer")
Name = Annotated[str, Path(pattern=f"^{NAME}$")]
#: Seconds that an old secret lives on, unless told.
OVERLAP = 3_600


class NewKey(Message):
    """A key that is wanted. The tenant is the caller's own."""

    name: Annotated[str, Field(pattern=f"^{NAME}$")]
    roles: Annotated[list[str], Field(min_length=1, max_length=10)]
    principal: Object | None = None
    context: Object | None = None
    session: Text | None = None
    tools: Annotated[list[Text], Field(max_length=100)] | None = None
    expires: Annotated[str, Field(max_length=40)] | None = None


class Rotation(Message):
    """How long the old secret lives on, in seconds, and until when the new one is good."""

    overlap: Annotated[int, Field(ge=0, le=30 * 86_400)] = OVERLAP
    expires: Annotated[str, Field(max_length=40)] | None = None


_KEY: dict[str, Any] = {
    "type": "object",
    "required": ["name", "roles", "secrets"],
    "properties": {
        "name": {"type": "string"},
        "roles": {"type": "array", "items": {"enum": [role.value for role in Role]}},
        "secrets": {
            "type": "array",
            "items": {"type": "object", "required": ["made", "ends"]},
        },
    },
}
_EXAMPLE: dict[str, Any] = {
    "name": "support-agent",
    "roles": ["agent"],
    "principal": {"id": "a1", "role": "support"},
    "tools": ["crm.*"],
    "secrets": [{"made": "2026-11-22T15:00:00Z", "ends": None}],
}
_SHOWN = {"key": "licet_…"}
_WITH_SECRET = {
    **_KEY,
    "required": [*_KEY["required"], "key"],
    "properties": {
        **_KEY["properties"],
        "key": {"type": "string", "description": "The secret, in this answer alone"},
    },
}


@ROUTER.get(
    "/v1/keys",
    tags=["keys"],
    summary="The tenant's keys, by name",
    **door(
        Role.administrator,
        answer={
            "type": "object",
            "required": ["keys"],
            "properties": {"keys": {"type": "array", "items": _KEY}},
        },
        answered={"keys": [_EXAMPLE]},
        errors=(409,),
    ),
)
async def keys(request: Request) -> Json:
    """Those in the store, also such as have ended; not those of the configuration."""
    found = await _done(request, lambda ring, caller: ring.list(caller.tenant))
    return Json({"keys": [key.plain() for key in found]})


@ROUTER.post(
    "/v1/keys",
    tags=["keys"],
    summary="Make a key",
    **door(
        Role.administrator,
        body=schema_of(NewKey),
        example={name: _EXAMPLE[name] for name in ("name", "roles", "principal", "tools")},
        answer=_WITH_SECRET,
        answered={**_EXAMPLE, **_SHOWN},
        errors=(409,),
    ),
)
async def create(request: Request) -> Json:
    """A key of the caller's own tenant, for a machine: agent, host, auditor. The answer has its
    secret, which is nowhere else."""
    service = service_of(request)
    data = checked(NewKey, await read_json(request, service.settings.limits.body))
    scope = _scope({name: value for name, value in data.items() if name != "name"})
    _may(caller_of(request), scope)

    def make(ring: Keyring, caller: Caller) -> dict[str, object]:
        key, view = ring.create(caller.tenant, data["name"], scope, by=caller.name)
        return {**view.plain(), "key": key}

    return Json(await _done(request, make))


@ROUTER.post(
    "/v1/keys/{name}/rotate",
    tags=["keys"],
    summary="Make a new secret of a key",
    **door(
        Role.administrator,
        body=schema_of(Rotation),
        example={"overlap": OVERLAP},
        answer=_WITH_SECRET,
        answered={**_EXAMPLE, **_SHOWN},
        errors=(404, 409),
    ),
)
async def rotate(request: Request, name: Name) -> Json:
    """The old one ends after the overlap."""
    service = service_of(request)
    data = checked(Rotation, await read_json(request, service.settings.limits.body))
    expires: datetime | None = None
    if data.get("expires") is not None:
        expires = _scope({"roles": ["agent"], "expires": data["expires"]}).expires

    def renew(ring: Keyring, caller: Caller) -> dict[str, object]:
        key, view = ring.rotate(
            caller.tenant,
            name,
            overlap=data.get("overlap", OVERLAP),
            by=caller.name,
            expires=expires,
            may=lambda scope: _may(caller, scope),
        )
        return {**view.plain(), "key": key}

    made = await _done(request, renew)
    service.stored_keys.forget()
    return Json(made)


@ROUTER.delete(
    "/v1/keys/{name}",
    tags=["keys"],
    summary="Revoke a key",
    **door(
        Role.administrator,
        answer={"type": "object", "required": ["revoked"]},
        answered={"revoked": "support-agent"},
        errors=(404, 422),
    ),
)
async def revoke(request: Request, name: Name) -> Json:
    """All its secrets end: at once here, within two seconds in every worker of every replica."""
    await _done(request, lambda ring, caller: ring.revoke(caller.tenant, name, by=caller.name))
    service_of(request).stored_keys.forget()
    return Json({"revoked": name})


def _may(caller: Caller, scope: Scope) -> None:
    """Raises Problem 403 for a key that is more than the caller may hand out."""
    if beyond := sorted(scope.roles - GRANTABLE):
        text = (
            f"an administrator hands out the roles {', '.join(sorted(GRANTABLE))}; `{beyond[0]}` "
            "comes from who runs the service (licet keys, licet.toml) or from the identity provider"
        )
        raise Problem(403, text, more={"path": "roles"})
    own = caller.tools
    if own is not None and not (scope.tools and all(_within(tool, caller) for tool in scope.tools)):
        text = "this credential is for a few tools, and so are the keys that it makes: name them"
        raise Problem(403, text, more={"path": "tools"})


def _within(tool: str, caller: Caller) -> bool:
    """Whether a glob is one of the caller's, or the plain name of a tool that it is for."""
    if tool in (caller.tools or ()):
        return True
    return not any(char in tool for char in "*?[") and caller.may_check(tool)


def _scope(data: dict[str, Any]) -> Scope:
    try:
        return scope_from(data)
    except KeyRefusedError as error:
        raise Problem(422, str(error)) from None


async def _done(request: Request, act: Callable[[Keyring, Caller], Answer]) -> Answer:
    """Do it beside the event loop."""
    service, caller = service_of(request), caller_of(request)
    try:
        return await asyncio.to_thread(act, service.keyring, caller)
    except UnknownKeyError:
        raise Problem(404, "there is no such key") from None
    except KeyRefusedError as error:
        raise Problem(409, str(error)) from None
