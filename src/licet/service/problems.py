"""What went wrong, as problem details (RFC 9457), for the person who can mend it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from licet.compiler.json_text import json_line

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - the RFC's word
    """An answer that is no answer. `detail` goes to the caller: it quotes no secret.

    `more` are further members of the document; `headers` go along.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        more: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.more = dict(more or {})
        self.headers = dict(headers or {})

    def response(self) -> Response:
        document: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return Response(json_line(document), self.status, self.headers, MEDIA_TYPE)


def internal() -> Problem:
    """What a caller is told of a fault of ours: nothing. The log has it."""
    return Problem(500, "the service failed; nothing was allowed")


#: The document's schema, for the description of the API.
SCHEMA: Mapping[str, object] = {
    "type": "object",
    "description": "Problem details (RFC 9457)",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "path": {"type": "string"},
    },
}


def add_handlers(app: FastAPI) -> None:
    """Let every error of the app be a problem document."""

    async def problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response()

    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        told = {404: "there is no such resource", 405: "the resource has no such method"}
        detail = told.get(error.status_code, HTTPStatus(error.status_code).phrase.lower())
        return Problem(error.status_code, detail, headers=error.headers).response()

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])[:200]
        return Problem(422, f"{place}: {first['msg']}"[:500], more={"path": place}).response()

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
