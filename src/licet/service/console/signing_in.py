"""Signing in with a credential of the service, and out again."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from licet.verifier.history import StoreError

from ..auth import MAX_CREDENTIAL
from ..problems import Problem
from .pages import ROOT, check_form, inside, problem_of, read_form, told
from .sessions import SessionError

if TYPE_CHECKING:
    from .app import Console

#: The cookie with which the form of somebody who has not signed in is known again.
_FORM_COOKIE = "licet-form"
_FORM_AGE = 3_600


def routes_of(console: Console) -> list[Route]:
    return [
        Route("/sign-in", _form(console), methods=["GET"]),
        Route("/sign-in", _answer(console, "/sign-in", _sign_in), methods=["POST"]),
        Route("/sign-out", _answer(console, "/sign-out", _sign_out), methods=["POST"]),
    ]


def _form(console: Console) -> Callable[[Request], Awaitable[Response]]:
    async def form(request: Request) -> Response:
        """The form. Whoever comes from another site comes without cookies, signed in or not: the
        browser is asked to come once more, from here."""
        told(request, "/sign-in", None, 0.0)
        back = inside(request.query_params.get("next", ROOT))
        session = await console.visitor(request)
        if session is not None and console.places(session):
            return RedirectResponse(back, 303)
        again = request.headers.get("sec-fetch-site") == "cross-site"
        return _page(console, request, back, again=again)

    return form


def _page(
    console: Console,
    request: Request,
    back: str,
    problem: str | None = None,
    status: int = 200,
    *,
    again: bool = False,
) -> Response:
    token = secrets.token_urlsafe(24)
    response = console.show(
        request, "sign_in.html", None, status, back=back, problem=problem, token=token, again=again
    )
    secure = console.sessions.secure(request)
    response.set_cookie(
        _cookie(secure), token, max_age=_FORM_AGE, path="/", secure=secure, httponly=True,
        samesite="strict",
    )  # fmt: skip
    return response


def _cookie(secure: bool) -> str:
    return f"__Host-{_FORM_COOKIE}" if secure else _FORM_COOKIE


Act = Callable[["Console", Request], Awaitable[Response]]


def _answer(console: Console, path: str, act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        told(request, path, None, 0.0)
        try:
            return await act(console, request)
        except Exception as error:
            return console.show_problem(request, problem_of(error, request))

    return answer


async def _sign_in(console: Console, request: Request) -> Response:
    form = await read_form(request, 4 * MAX_CREDENTIAL)
    back = inside(form.get("next", ROOT))
    expected = request.cookies.get(_cookie(console.sessions.secure(request)), "")
    try:
        if not expected:
            raise Problem(403, "the browser sent no cookie: allow cookies here, and try again")
        check_form(request, form, expected)
        caller = await console.service.authenticator.known(form.get("credential", "").strip())
        console.service.rates.take(caller)
        session = console.sessions.begin(caller)
        if not console.places(session):
            raise Problem(
                403,
                "this credential is for calls, not for people: the console is for approvers, "
                "policy authors, auditors and administrators",
            )
        response: Response = RedirectResponse(back, 303)
        console.sessions.keep(request, response, session)
    except SessionError as error:
        return _page(console, request, back, str(error), 400)
    except Problem as problem:
        return _page(console, request, back, problem.detail, problem.status)
    return response


async def _sign_out(console: Console, request: Request) -> Response:
    session = console.sessions.read(request)
    response: Response = RedirectResponse(f"{ROOT}/sign-in", 303)
    if session is not None:
        form = await read_form(request, MAX_CREDENTIAL)
        check_form(request, form, session.form)
        try:
            await console.sessions.end(session)
        except StoreError:
            told = Problem(
                503,
                "this browser has let go of it, but the store does not answer: a copy "
                "of its cookie counts until its time is over",
            )
            response = console.show_problem(request, told)
        console.sessions.forget(request, response)
    return response
