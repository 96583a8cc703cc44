"""An HTTP request → the call of the operation of an OpenAPI description that it asks for.

A path matches one template or none: fixed steps win over steps with parameters, and where two
templates are left the request is refused. Parameters come as text; one that its schema says is a
number or a boolean is read as such if it is written as one, else left as text for admission to
refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from licet.adapters.catalogs.openapi import Document, Operation, Parameter, is_json
from licet.compiler.exact_json import JsonError, decode, shortened

from .reading import UnreadableCallError, WrittenCall

MAX_URL: Final = 20_000
_STEP: Final = re.compile(r"\{[^{}/]+\}")


class Routes:
    """The operations of one description, found by method and path."""

    def __init__(self, data: Mapping[str, Any], source_name: str = "") -> None:
        """`data` is an OpenAPI description; `source_name` qualifies the tools as in a policy."""
        self._source = source_name
        self._document = Document(data)
        self._bases = _bases(data)
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
        """The call that a request makes. Raises UnreadableCallError.

        A request that no operation answers is a call of `METHOD /path`, which no catalog has.
        """
        if len(url) > MAX_URL or any(ord(c) <= 0x20 for c in url):
            raise UnreadableCallError("this is no address")
        parts = urlsplit(url)
        path = self._relative(parts.path or "/")
        found = self._operation(method.lower(), path)
        if found is None:
            return WrittenCall(self._named(f"{method.upper()} {path}"), {})
        operation, values = found
        args: dict[str, object] = {}
        for parameter in operation.parameters:
            if parameter.place == "path" and parameter.name in values:
                args[parameter.argument] = self._plain(values[parameter.name], parameter)
        self._query(operation, parts.query, args)
        known = {name.lower(): value for name, value in (headers or {}).items()}
        for parameter in operation.parameters:
            if parameter.place == "header" and parameter.name.lower() in known:
                args[parameter.argument] = self._plain(known[parameter.name.lower()], parameter)
        if body not in (None, "", b""):
            args["body"] = _body(body, operation, known.get("content-type"))
        return WrittenCall(self._named(operation.name), args)

    def _named(self, name: str) -> str:
        return f"{self._source}.{name}" if self._source else name

    def _relative(self, path: str) -> str:
        steps = [unquote(step) for step in path.split("/")]
        if any(step in (".", "..") or "/" in step or "\\" in step for step in steps):
            raise UnreadableCallError(f"the path {shortened(path)} does not say where it leads")
        for base in self._bases:
            if path == base or path.startswith(f"{base}/"):
                return path[len(base) :] or "/"
        return path

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


def _bases(data: Mapping[str, Any]) -> list[str]:
    """The paths of the servers, the longest first."""
    servers = data.get("servers")
    urls = [s.get("url", "") for s in servers if isinstance(s, Mapping)] if servers else []
    paths = {urlsplit(str(url)).path.rstrip("/") for url in urls}
    return sorted(paths - {""}, key=len, reverse=True)


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
