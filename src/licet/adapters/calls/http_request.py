"""An HTTP request → the call of the operation of an OpenAPI description that it asks for.

An address is one of the description's servers, or it is none of its calls: the same path elsewhere
is another API. A path matches one template or none: fixed steps win over steps with parameters, and
where two templates are left the request is refused. Parameters come as text; one that its schema
says is a number or a boolean is read as such if it is written as one, else left as text for
admission to refuse.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from licet.adapters.catalogs.openapi import Document, Operation, Parameter, is_json
from licet.compiler.exact_json import JsonError, decode, shortened

from .reading import UnreadableCallError, WrittenCall

MAX_URL: Final = 20_000
#: Addresses that one server with variables may stand for.
MAX_ADDRESSES: Final = 1_000
_STEP: Final = re.compile(r"\{[^{}/]+\}")
_VARIABLE: Final = re.compile(r"\{([^{}]+)\}")
#: By which a server may take a request for one of another method.
_METHOD_HEADERS: Final = ("x-http-method", "x-http-method-override", "x-method-override")


class Routes:
    """The operations of one description, found by method and path."""

    def __init__(
        self, data: Mapping[str, Any], source_name: str = "", *, addresses: Sequence[str] = ()
    ) -> None:
        """`data` is an OpenAPI description; `source_name` qualifies the tools as in a policy;
        `addresses` say where the API is, in place of the description's own `servers`."""
        self._source = source_name
        self._document = Document(data)
        if addresses:
            data = {**data, "servers": [{"url": address} for address in addresses]}
        self._servers = tuple(_servers(data))
        self._routes: list[tuple[re.Pattern[str], tuple[bool, ...], Operation]] = []
        for operation in self._document.operations():
            if isinstance(operation, Operation):
                self._routes.append((*_compiled(operation.path), operation))

    def call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
    ) -> WrittenCall:
        """The call that a request makes. `url` may be the path alone, at whichever server.

        A request that no operation answers is a call of `METHOD address`, which no catalog has.
        Raises UnreadableCallError.
        """
        if len(url) > MAX_URL or any(ord(c) <= 0x20 for c in url):
            raise UnreadableCallError("this is no address")
        known = _headers(headers or {})
        parts, origin = _split(url)
        path = self._relative(origin, parts.path or "/")
        found = None if path is None else self._operation(method.lower(), path)
        if found is None:
            where = f"{origin}{parts.path or '/'}" if path is None else path
            return WrittenCall(self._named(f"{method.upper()} {where}"), {})
        operation, values = found
        args: dict[str, object] = {}
        for parameter in operation.parameters:
            if parameter.place == "path" and parameter.name in values:
                args[parameter.argument] = self._plain(values[parameter.name], parameter)
        self._query(operation, parts.query, args)
        for parameter in operation.parameters:
            if parameter.place == "header" and parameter.name.lower() in known:
                args[parameter.argument] = self._plain(known[parameter.name.lower()], parameter)
        if body not in (None, "", b""):
            args["body"] = _body(body, operation, known.get("content-type"))
        return WrittenCall(self._named(operation.name), args)

    def _named(self, name: str) -> str:
        return f"{self._source}.{name}" if self._source else name

    def _relative(self, origin: str, path: str) -> str | None:
        """The path below a server's own; None where no server has this address."""
        steps = [unquote(step) for step in path.split("/")]
        if any(step in (".", "..") or "/" in step or "\\" in step for step in steps):
            raise UnreadableCallError(f"the path {shortened(path)} does not say where it leads")
        here = [server for server in self._servers if not origin or server.origin == origin]
        if not here and any(not server.origin for server in self._servers):
            raise UnreadableCallError("the description does not say at which address the API is")
        for server in here:
            if path == server.base or path.startswith(f"{server.base}/"):
                return path[len(server.base) :] or "/"
        return None if origin else path

    def _operation(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        fitting = [
            (fixed, operation, match)
            for pattern, fixed, operation in self._routes
            if operation.method == method and (match := pattern.fullmatch(path))
        ]
        if not fitting:
            return None
        best = max(fixed for fixed, _, _ in fitting)
        likeliest = [(o, m) for fixed, o, m in fitting if fixed == best]
        if len(likeliest) > 1:
            several = ", ".join(operation.name for operation, _ in likeliest)
            raise UnreadableCallError(f"the request could be any of {several}")
        operation, match = likeliest[0]
        names = [name[1:-1] for name in _STEP.findall(operation.path)]
        values = [unquote(value) for value in match.groups()]
        return operation, dict(zip(names, values, strict=True))

    def _query(self, operation: Operation, query: str, args: dict[str, object]) -> None:
        """Query parameters; one that the operation does not have keeps its name, to be refused."""
        known = {p.name: p for p in operation.parameters if p.place == "query"}
        given: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            bare = name.removesuffix("[]")
            given.setdefault(bare if bare in known else name, []).append(value)
        for name, values in given.items():
            parameter = known.get(name)
            if parameter is None:
                args[f"query.{name}" if name in args else name] = values[-1]
            elif self._kind(parameter) == "array":
                each = values[0].split(",") if len(values) == 1 else values
                args[parameter.argument] = [self._item(value, parameter) for value in each]
            elif len(values) > 1:
                raise UnreadableCallError(f"the parameter {shortened(name)} is given twice")
            else:
                args[parameter.argument] = self._plain(values[0], parameter)

    def _kind(self, parameter: Parameter) -> object:
        schema = self._document.resolved(parameter.schema)
        return schema.get("type") if isinstance(schema, Mapping) else None

    def _plain(self, text: str, parameter: Parameter) -> object:
        return _converted(text, self._kind(parameter))

    def _item(self, text: str, parameter: Parameter) -> object:
        schema = self._document.resolved(parameter.schema)
        items = self._document.resolved(schema.get("items"))
        return _converted(text, items.get("type") if isinstance(items, Mapping) else None)


@dataclass(frozen=True, slots=True)
class _Server:
    """Where an API is: `https://api.example.com:443`, empty where that is not said, and the path
    before those of the description."""

    origin: str
    base: str


def _servers(data: Mapping[str, Any]) -> list[_Server]:
    """The servers of a description, those with the longest paths first."""
    found: list[_Server] = []
    given = data.get("servers")
    for server in given if isinstance(given, list) else ():
        if isinstance(server, Mapping):
            for url in _written_out(server):
                try:
                    parts, origin = _split(url)
                except UnreadableCallError:
                    continue
                found.append(_Server(origin, parts.path.rstrip("/")))
    return sorted(found or [_Server("", "")], key=lambda server: len(server.base), reverse=True)


def _written_out(server: Mapping[str, Any]) -> Iterator[str]:
    """The addresses of a server: of a variable, the values that it may have, or its default."""
    url, variables = str(server.get("url", "")), server.get("variables")
    names = list(dict.fromkeys(_VARIABLE.findall(url)))
    choices: list[list[str]] = []
    for name in names:
        known = variables.get(name) if isinstance(variables, Mapping) else None
        values = known.get("enum") or [known.get("default")] if isinstance(known, Mapping) else []
        choices.append([value for value in values if isinstance(value, str)])
    for values in itertools.islice(itertools.product(*choices), MAX_ADDRESSES):
        chosen = dict(zip(names, values, strict=True))
        yield _VARIABLE.sub(lambda found, chosen=chosen: chosen[found[1]], url)  # type: ignore[misc]


def _split(url: str) -> tuple[SplitResult, str]:
    """The parts of an address, and its origin with the port, empty for a path alone."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UnreadableCallError("this is no address") from None
    if not parts.scheme and not parts.netloc:
        return parts, ""
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or "\\" in url:
        raise UnreadableCallError(f"the address {shortened(url)} does not say where it leads")
    port = port or {"http": 80, "https": 443}[parts.scheme]
    return parts, f"{parts.scheme}://{host.rstrip('.')}:{port}"


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by their names in lower case."""
    known = {name.lower(): value for name, value in headers.items()}
    if len(known) < len(headers):
        raise UnreadableCallError("a header is given twice")
    if another := next((name for name in _METHOD_HEADERS if name in known), None):
        raise UnreadableCallError(f"`{another}` makes it a request of another method")
    return known


def _compiled(template: str) -> tuple[re.Pattern[str], tuple[bool, ...]]:
    """A path template as an expression, and which of its steps are fixed."""
    pattern, at = "", 0
    for match in _STEP.finditer(template):
        pattern += re.escape(template[at : match.start()]) + "([^/]+)"
        at = match.end()
    pattern += re.escape(template[at:])
    return re.compile(pattern), tuple(not _STEP.search(step) for step in template.split("/"))


def _converted(text: str, kind: object) -> object:
    kinds: Iterable[object] = kind if isinstance(kind, list) else [kind]
    for each in kinds:
        if each == "boolean" and text in ("true", "false"):
            return text == "true"
        if each == "integer" and re.fullmatch(r"-?(0|[1-9][0-9]{0,98})", text):
            return int(text)
        if each == "number" and re.fullmatch(r"-?(0|[1-9][0-9]{0,60})(\.[0-9]{1,30})?", text):
            return Decimal(text)
    return text


def _body(body: str | bytes | None, operation: Operation, kind: str | None) -> object:
    if operation.content is None:
        return body if isinstance(body, str) else "(bytes)"  # to be refused: it takes no body
    bare = (kind or operation.content).partition(";")[0].strip().lower()
    if is_json(operation.content) and is_json(bare):
        try:
            return decode(body or "")
        except JsonError as error:
            raise UnreadableCallError(f"the body is not exact JSON: {error.message}") from None
    if bare != operation.content.partition(";")[0].strip().lower():
        raise UnreadableCallError(f"a body of {shortened(bare)} is not read")
    text = body if isinstance(body, str) else None
    if text is None:
        try:
            text = (body or b"").decode("utf-8")  # type: ignore[union-attr]
        except UnicodeDecodeError:
            raise UnreadableCallError("the body is no text") from None
    if bare == "application/x-www-form-urlencoded":
        pairs = parse_qsl(text, keep_blank_values=True)
        if len({name for name, _ in pairs}) < len(pairs):
            raise UnreadableCallError("a field of the form is given twice")
        return dict(pairs)
    return text
