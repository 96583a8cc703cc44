"""The console put together: its pages, its files, and what they share."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from licet import __version__
from licet.verifier.history import StoreError

from ..bundles.bundle import Bundle
from ..callers import Role
from ..headers import PAGE
from ..problems import Problem
from ..settings import Key
from ..state import Service
from . import approvals, decisions, overview, playground, policies, signing_in
from .pages import READERS, ROOT, Page, endpoint_of, partial, told
from .rendering import environment
from .sessions import Session, Sessions
from .trying import Trier

#: What stands in the bar at the top, in its order, and for whom.
PLACES: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("Overview", "/overview", READERS),
    ("Decisions", "/decisions", READERS),
    ("Approvals", "/approvals", (Role.approver, *READERS)),
    ("Policies", "/policies", (Role.policy_author, *READERS)),
    ("Playground", "/playground", (Role.policy_author, Role.administrator)),
)
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load; its address changes with what it holds."""

    body: bytes
    type: str
    digest: str


class Console:
    """What the pages of one app share."""

    def __init__(self, service: Service, keys: Iterable[Key]) -> None:
        self.service = service
        self.sessions = Sessions(service.store, service.settings, keys)
        self.trier = Trier()
        #: Active bundles by their digest, as the playground reads them.
        self.bundles: dict[str, Bundle] = {}
        self.assets = {
            path.name: Asset(
                body := path.read_bytes(),
                _TYPES[path.suffix],
                hashlib.sha256(body).hexdigest()[:16],
            )
            for path in sorted(_STATIC.iterdir())
            if path.suffix in _TYPES
        }
        self._templates = environment()
        self._templates.globals["asset"] = self._address
        self._templates.globals["root"] = ROOT
        self._templates.globals["version"] = __version__

    def close(self) -> None:
        self.trier.close()

    async def session(self, request: Request) -> Session | None:
        """Who has signed in, and still counts: neither have they signed out, nor was their key
        revoked or rotated. Raises StoreError."""
        session = self.sessions.read(request)
        if session is None or not await self.service.stored_keys.lives(session.caller):
            return None
        return session if await self.sessions.lives(session) else None

    async def visitor(self, request: Request) -> Session | None:
        """The same, for a page that anybody may see: nobody while the store is away."""
        try:
            return await self.session(request)
        except StoreError:
            return None

    def places(self, session: Session) -> list[tuple[str, str]]:
        """Where somebody may go."""
        mine = session.caller.roles
        return [(name, ROOT + path) for name, path, roles in PLACES if not mine.isdisjoint(roles)]

    def show(
        self,
        request: Request,
        template: str,
        session: Session | None,
        status: int = 200,
        **values: object,
    ) -> Response:
        """A page, or a part of one, with the headers that every page has."""
        text = self._templates.get_template(template).render(
            session=session,
            places=[] if session is None else self.places(session),
            path=request.url.path,
            now=datetime.now(UTC),
            banner=None if session is None else self._banner(session),
            **values,
        )
        return Response(text, status, dict(PAGE), "text/html")

    def show_problem(
        self, request: Request, problem: Problem, session: Session | None = None
    ) -> Response:
        """What went wrong, in words: of a part of a page, above what the page shows already."""
        template = "parts/problem.html" if partial(request) else "problem.html"
        title = HTTPStatus(problem.status).phrase
        response = self.show(
            request, template, session, problem.status, title=title, detail=problem.detail
        )
        response.headers.update(problem.headers)
        if partial(request):
            response.headers.update({"HX-Retarget": "#problem", "HX-Reswap": "innerHTML"})
        return response

    def _banner(self, session: Session) -> str | None:
        """What everybody has to know before they believe anything else on a page."""
        until = self.service.guards.observes_until(session.caller.tenant)
        if until is None or until <= time.time():
            return None
        told = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"Observing until {told}: refusals are written down, and the calls let through."

    def _address(self, name: str) -> str:
        return f"{ROOT}/static/{name}?v={self.assets[name].digest}"


def routes_of(console: Console) -> list[BaseRoute]:
    """Everything below `/console`."""
    made: list[Route] = []
    for kind in (overview, decisions, approvals, policies, playground):
        for page in kind.PAGES.all:
            made.append(_route(page, console))
    made += signing_in.routes_of(console)
    made.append(Route("/static/{name}", _file(console)))
    made.append(Route("/", _first(console)))
    made.append(Route("/{rest:path}", _nothing(console), methods=["GET", "POST"]))
    return [Route(ROOT, _first(console)), Mount(ROOT, routes=made)]


def _route(page: Page, console: Console) -> Route:
    return Route(page.path, endpoint_of(page, console), methods=[page.method])


def _first(console: Console) -> Callable[[Request], Awaitable[Response]]:
    async def first(request: Request) -> Response:
        """The first page that somebody may see."""
        session = await console.visitor(request)
        told(request, "", session, 0.0)
        places = [] if session is None else console.places(session)
        return RedirectResponse(places[0][1] if places else f"{ROOT}/sign-in", 303)

    return first


def _file(console: Console) -> Callable[[Request], Awaitable[Response]]:
    async def file(request: Request) -> Response:
        told(request, "/static/{name}", None, 0.0)
        asset = console.assets.get(request.path_params["name"])
        if asset is None:
            return console.show_problem(request, Problem(404, "there is no such file"))
        kept = "public, max-age=31536000, immutable"
        return Response(asset.body, 200, {"Cache-Control": kept}, asset.type)

    return file


def _nothing(console: Console) -> Callable[[Request], Awaitable[Response]]:
    async def nothing(request: Request) -> Response:
        session = await console.visitor(request)
        told(request, "/{rest}", session, 0.0)
        return console.show_problem(request, Problem(404, "there is no such page"), session)

    return nothing
