"""What clients send: read once, exactly, and refused where anything is not as it should be.

The bytes are decoded by the compiler's own reader (no duplicate keys, no NaN, decimals exact, size
and depth bounded); pydantic then checks the shape of the message, never its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from starlette.requests import ClientDisconnect, Request
from typing_extensions import TypedDict

from licet.compiler.exact_json import JsonError, decode
from licet.compiler.intake import nearest

from .headers import header
from .problems import Problem

_JSON = (b"application/json", b"application/cloudevents+json")
#: A call of the greatest depth, in a batch.
MAX_DEPTH = 68


class Message(BaseModel):
    """A body of the API."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Text = Annotated[str, Field(min_length=1, max_length=512)]
Object = dict[str, Any]


class AgentCall(Message):
    """What an agent may say: what it wants to do."""

    tool: Text
    args: Object = Field(default_factory=dict)
    id: Text | None = None


class HostCall(AgentCall):
    """What a host may say besides: who acts, where, and what is so."""

    principal: Object | None = None
    context: Object | None = None
    session: Object | Text | None = None
    facts: Object | None = None
    now: str | Object | None = None


#: Fields of a call that a host alone may send.
VOUCHED = frozenset(HostCall.model_fields) - frozenset(AgentCall.model_fields)


class Batch(Message):
    """Calls that are decided one after the other, each for itself."""

    calls: list[HostCall]


class Redemption(Message):
    """A ticket, with the arguments that the tool is about to run with."""

    ticket: Annotated[str, Field(min_length=1, max_length=20_000)]
    args: Object


class Settlement(Message):
    """How a call ended. `result` is what the tool answered, of one that ended `ok`."""

    ticket: Annotated[str, Field(min_length=1, max_length=20_000)]
    outcome: Literal["ok", "error", "cancelled"]
    result: Any = None


async def read_json(request: Request, limit: int) -> Any:
    """The body's JSON value. Raises Problem 400, 413 or 415."""
    kind = header(request.scope, b"content-type")
    if kind not in _JSON and kind.partition(b";")[0].strip().lower() not in _JSON:
        raise Problem(415, "send the body as application/json")
    raw = await read_body(request, limit)
    try:
        return decode(raw, max_size=limit, max_depth=MAX_DEPTH)
    except JsonError as error:
        raise Problem(400, error.message, more=_place(error.path)) from None


async def read_body(request: Request, limit: int) -> bytes:
    """The body, of at most `limit` bytes. Raises Problem 413, and ClientDisconnect."""
    declared = header(request.scope, b"content-length")
    if declared.isdigit() and (len(declared) > 12 or int(declared) > limit):
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> Problem:
    return Problem(413, f"a body has at most {limit:,} bytes")


def checked(model: type[Message], data: object) -> dict[str, Any]:
    """The data itself, once it has the form of the model. Raises Problem 422."""
    try:
        _form(model).validate_python(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = _place(first["loc"])
        text = first["msg"][:1].lower() + first["msg"][1:]
        if first["type"] == "extra_forbidden":
            text = "there is no such field" + _hint(model, first["loc"])
        elif first["type"] in ("model_type", "dict_type"):
            text = "this should be an object"
        raise Problem(422, f"{place.get('path', 'the body')}: {text}", more=place) from None
    assert isinstance(data, dict)
    return data


@cache
def _form(model: type[Message]) -> TypeAdapter[Any]:
    """What a model asks for, without making one, which takes twice as long."""
    parts: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind: Any = Annotated[field.annotation, *field.metadata, None]
        parts[name] = kind if field.is_required() else NotRequired[kind]
    form: Any = TypedDict(model.__name__, parts)  # type: ignore[misc]
    return TypeAdapter(with_config(model.model_config)(form))


def schema_of(model: type[Message]) -> Mapping[str, object]:
    """The model as a JSON Schema in one piece, as an operation of OpenAPI holds it."""
    return _inlined(model.model_json_schema())


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    parts = schema.pop("$defs", {})

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return put(parts[value["$ref"].rpartition("/")[2]])
            return {key: put(item) for key, item in value.items()}
        return [put(item) for item in value] if isinstance(value, list) else value

    made: dict[str, Any] = put(schema)
    return made


def _place(path: tuple[str | int, ...]) -> dict[str, object]:
    shown = ".".join(str(part) for part in path)[:200]
    return {"path": shown} if shown else {}


def _hint(model: type[Message], path: tuple[str | int, ...]) -> str:
    near = nearest(str(path[-1])[:100], tuple(model.model_fields)) if len(path) == 1 else None
    return f"; did you mean `{near}`?" if near else ""
