"""A route that says who may use it, and lets nobody else in.

Every route of the service is made with `router()` and `door(...)`. One that does not say its roles
cannot be registered, so that none is open by oversight.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, cast

import orjson
from fastapi import APIRouter, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from licet.compiler.json_text import json_line
from licet.verifier.history import StoreError

from .callers import PUBLIC, Role
from .problems import SCHEMA, Problem, internal
from .state import service_of
from .telemetry.events import TRAIL, Trail

log = logging.getLogger("licet.service")

ROLES = "x-licet-roles"
#: What answers a request at a door.
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_TOLD = {
    400: "The body is not exact JSON",
    401: "No credential that is known",
    403: "Not for this role",
    404: "There is no such thing in the caller's tenant",
    409: "It cannot be done as things stand",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "The body is not of the form that is asked for",
    429: "Too many requests",
    503: "The store failed: nothing was allowed",
}


class Door(APIRoute):
    """Authenticates, checks the role, counts, and turns what goes wrong into a problem.

    `straight` is all of that where the endpoint takes the bare request, so that the framework has
    nothing to resolve; else None.
    """

    roles: frozenset[Role]
    straight: Handler | None = None

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        roles = (options.get("openapi_extra") or {}).get(ROLES)
        if roles is None:
            raise TypeError(f"the route {path} does not say who may use it: see `door`")
        self.roles = frozenset(Role(role) for role in roles)
        options["openapi_extra"] = {k: v for k, v in options["openapi_extra"].items() if k != ROLES}
        options["openapi_extra"][ROLES] = roles
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        bare = list(inspect.signature(self.endpoint).parameters) == ["request"]
        inner: Handler = self.endpoint if bare else super().get_route_handler()
        # What the framework's own resolving raises, it answers.
        frameworks = () if bare else (HTTPException, RequestValidationError)
        roles, path = self.roles, self.path

        async def handle(request: Request) -> Response:
            trail: Trail | None = request.scope.get(TRAIL)
            if trail is not None:
                trail.route = path
            try:
                if roles is not PUBLIC and roles:
                    service = service_of(request)
                    asked = time.perf_counter()
                    caller = await service.authenticator.caller(request)
                    if trail is not None:
                        trail.caller = caller
                        trail.authenticated = time.perf_counter() - asked
                    service.rates.take(caller)
                    if roles.isdisjoint(caller.roles):
                        raise Problem(403, "this credential has none of the roles of this route")
                    request.scope["licet.caller"] = caller
                return await inner(request)
            except Problem as problem:
                return problem.response()
            except StoreError as error:
                text = "the store failed: %s %s: %s"
                log.error(text, request.method, path, error, extra=_named(trail))
                return Problem(503, "the store failed: nothing was allowed").response()
            except ClientDisconnect:
                return Problem(400, "the client went away").response()
            except frameworks:
                raise
            except Exception:
                text = "a request failed: %s %s"
                log.exception(text, request.method, path, extra=_named(trail))
                return internal().response()

        if bare:
            self.straight = handle
        return handle


def _named(trail: Trail | None) -> dict[str, str]:
    return {} if trail is None else {"request": trail.id}


def router() -> APIRouter:
    """A router whose routes are doors."""
    return APIRouter(route_class=Door)


def door(
    *roles: Role,
    body: Mapping[str, object] | None = None,
    example: object = None,
    answer: Mapping[str, object] | None = None,
    answered: object = None,
    errors: Iterable[int] = (),
) -> dict[str, Any]:
    """The options of a route: who may use it (nobody named: everybody), and how it is described.

    `body` and `answer` are JSON Schemas of what it takes and gives, `example` and `answered` one of
    each; `errors` the statuses beyond those that every such route has (503: of every route that
    asks for a credential).
    """
    statuses = {*errors}
    if roles:
        statuses |= {401, 403, 429, 503}
    if body is not None:
        statuses |= {400, 413, 415, 422}
    problem = {"application/problem+json": {"schema": SCHEMA}}
    responses: dict[int | str, dict[str, Any]] = {
        status: {"description": _TOLD.get(status, "A problem"), "content": problem}
        for status in sorted(statuses)
    }
    content = {"schema": answer or {"type": "object"}}
    if answered is not None:
        content["example"] = cast(Any, answered)
    responses[200] = {"description": "The answer", "content": {"application/json": content}}
    extra: dict[str, Any] = {ROLES: sorted(role.value for role in roles)}
    if roles:
        extra["security"] = [{"bearer": []}, {"apiKey": []}]
    if body is not None:
        sent: dict[str, object] = {"schema": body}
        if example is not None:
            sent["example"] = example
        extra["requestBody"] = {"required": True, "content": {"application/json": sent}}
    return {"openapi_extra": extra, "responses": responses, "response_class": Json}


_PLAIN = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
_PLAIN |= orjson.OPT_PASSTHROUGH_DATETIME


def _encoded(content: object) -> bytes:
    """JSON that loses nothing and that any terminal may show: what `json_line` writes, in a tenth
    of the time where all that is in it are texts in ASCII and numbers that a machine has."""
    try:
        found = orjson.dumps(content, option=_PLAIN)
        if found.isascii():
            return found
    except TypeError:  # a decimal, a long integer, half a character
        pass
    return json_line(content).encode()


class Json(Response):
    """JSON without loss."""

    media_type = "application/json"

    def __init__(self, content: object, status_code: int = 200) -> None:
        self.status_code = status_code
        self.background = None
        self.body = _encoded(content)
        self.raw_headers = [
            (b"content-length", b"%d" % len(self.body)),
            (b"content-type", b"application/json"),
        ]
