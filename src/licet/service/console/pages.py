"""A page says who may see it, and is shown to nobody else.

Every page is made with `Pages.get` or `Pages.post`; one that names no role cannot be made. A form
counts only if it comes from a page of the same session: it brings the session's own token along,
and a browser that says where it comes from must say from here.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from licet.verifier.history import StoreError

from ..callers import Caller, Role
from ..messages import read_body
from ..problems import Problem, internal
from ..state import Service
from ..telemetry.events import TRAIL, Trail
from .sessions import Session

if TYPE_CHECKING:
    from .app import Console

log = logging.getLogger("licet.service")

ROOT = "/console"
#: Who reads what was decided.
READERS = (Role.auditor, Role.administrator)
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20
#: Bytes of a form, unless its page takes more.
_SMALL = 32_768


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who has signed in and may be here. `form` is what a form sent."""

    console: Console
    request: Request
    session: Session
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def service(self) -> Service:
        return self.console.service

    @property
    def caller(self) -> Caller:
        return self.session.caller

    @property
    def tenant(self) -> str:
        return self.session.caller.tenant

    def show(self, template: str, status: int = 200, **values: object) -> Response:
        """A page, or a part of one."""
        return self.console.show(self.request, template, self.session, status, **values)


Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """What is at a path of the console; `most` bounds the bytes of its form."""

    method: str
    path: str
    roles: frozenset[Role]
    handler: Handler
    most: int


class Pages:
    """The pages of one kind."""

    def __init__(self) -> None:
        self.all: list[Page] = []

    def get(self, path: str, *roles: Role) -> Callable[[Handler], Handler]:
        """A page, for whoever has one of the roles."""
        return self._add("GET", path, roles, 0)

    def post(self, path: str, *roles: Role, most: int = _SMALL) -> Callable[[Handler], Handler]:
        """What a form sends, of at most `most` bytes."""
        return self._add("POST", path, roles, most)

    def _add(
        self, method: str, path: str, roles: tuple[Role, ...], most: int
    ) -> Callable[[Handler], Handler]:
        if not roles:
            raise TypeError(f"the page {path} does not say who may see it")

        def add(handler: Handler) -> Handler:
            self.all.append(Page(method, path, frozenset(roles), handler, most))
            return handler

        return add


def endpoint_of(page: Page, console: Console) -> Callable[[Request], Awaitable[Response]]:
    """The page with all that is asked of whoever comes."""

    async def handle(request: Request) -> Response:
        session = None
        try:
            asked = time.perf_counter()
            session = await console.session(request)
            told(request, page.path, session, time.perf_counter() - asked)
            if session is None:
                return sign_in_first(request)
            console.service.rates.take(session.caller)
            if page.roles.isdisjoint(session.caller.roles):
                raise Problem(403, "what you signed in with has none of the roles of this page")
            form: Mapping[str, str] = {}
            if page.method == "POST":
                form = await read_form(request, page.most)
                check_form(request, form, session.form)
            response = await page.handler(Visit(console, request, session, form))
            if page.method == "GET" and not partial(request):
                again = console.sessions.renewed(session)
                if again is not None:
                    console.sessions.keep(request, response, again)
            return response
        except Exception as error:
            return console.show_problem(request, problem_of(error, request), session)

    return handle


def problem_of(error: Exception, request: Request) -> Problem:
    """What somebody is told of what went wrong; the log has what they are not."""
    match error:
        case Problem():
            return error
        case StoreError():
            return Problem(503, "the store does not answer, so nothing is shown and nothing done")
        case ClientDisconnect():
            return Problem(400, "the browser went away")
        case _:
            log.error("a page failed: %s %s", request.method, request.url.path, exc_info=error)
            return internal()


def told(request: Request, path: str, session: Session | None, seconds: float) -> None:
    """Let the telemetry know where and who this is."""
    trail: Trail | None = request.scope.get(TRAIL)
    if trail is not None:
        trail.route = ROOT + path
        trail.caller = None if session is None else session.caller
        trail.authenticated = seconds


def partial(request: Request) -> bool:
    """Whether htmx asks, for a part of a page."""
    return request.headers.get("hx-request") == "true"


def sign_in_first(request: Request) -> Response:
    """Where somebody goes who has not signed in, or whose time is over."""
    if partial(request):
        return Response(status_code=401, headers={"HX-Redirect": f"{ROOT}/sign-in"})
    back = request.url.path if request.method == "GET" else ROOT
    if request.method == "GET" and request.url.query:
        back += f"?{request.url.query}"
    return RedirectResponse(f"{ROOT}/sign-in?next={quote(back, safe='')}", 303)


def inside(path: str) -> str:
    """The path, if it leads to a page of the console, else the console's first page."""
    parts = urlsplit(path) if path.isascii() and path.isprintable() and len(path) < 2_000 else None
    if parts is None or parts.scheme or parts.netloc or "\\" in path:
        return ROOT
    steps = unquote(parts.path).split("/")
    return path if parts.path.startswith(f"{ROOT}/") and ".." not in steps else ROOT


async def read_form(request: Request, most: int) -> Mapping[str, str]:
    """The fields of a form, each once. Raises Problem."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise Problem(415, "a page of the console sends forms")
    body = await read_body(request, most)
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict",
            max_num_fields=_MOST_FIELDS,
        )  # fmt: skip
    except ValueError:
        raise Problem(400, "the form cannot be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Problem(400, "the form has a field twice")
    return fields


def check_form(request: Request, form: Mapping[str, str], expected: str) -> None:
    """Raises Problem 403 unless the form comes from a page of ours that had this token."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    here = f"{request.url.scheme}://{request.headers.get('host', '')}"
    foreign = site != "same-origin" or (origin is not None and _host(origin) != _host(here))
    token = form.get("form_token", "")
    if foreign or not hmac.compare_digest(token.encode(), expected.encode()):
        raise Problem(403, "this form does not come from your session: open the page again")


def _host(origin: str) -> str:
    # By host and port alone: a proxy that ends TLS may leave us with another scheme.
    return origin.partition("://")[2].lower()
