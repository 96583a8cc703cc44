"""OpenAPI 3.0 and 3.1 → tools: one for each operation.

A tool is named by its `operationId`, else by method and path (`GET /pets/{id}`). Its arguments are
the parameters by name and `body`; of two parameters with one name, all but the first are written
with their place (`query.id`). Methods give hints: GET, HEAD and OPTIONS read, all else may destroy.

Soundness: as in `json_schema`. What cannot be said is listed; an operation that cannot be read is
left out, with the reason, so it is denied.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from licet.compiler.catalog import Tool
from licet.compiler.exact_json import escaped, shortened
from licet.compiler.types import RecordType, Type
from licet.policy_lang.diagnostics import Diagnostic, Severity
from licet.policy_lang.source import Span

from .json_schema import Reader

MAX_OPERATIONS: Final = 50_000
MAX_NODES: Final = 300_000
MAX_NAME: Final = 256
METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
READING: Final = frozenset(("get", "head", "options"))
#: Headers that OpenAPI leaves to the rest of the description.
_NOT_PARAMETERS: Final = frozenset(("accept", "content-type", "authorization"))
Found = tuple[tuple[Tool, ...], tuple[Diagnostic, ...]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`argument` is the name among the tool's arguments; `place` is path, query, header, cookie."""

    argument: str
    name: str
    place: str
    required: bool
    schema: object


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, its references followed down to schemas.

    `content` is the media type of `body`, None where there is none; `others` those that are not
    read. `description` holds everything that the document says of it.
    """

    name: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    content: str | None
    body: object
    body_required: bool
    others: tuple[str, ...]
    description: Mapping[str, Any]


def is_openapi(data: object) -> bool:
    """Whether data calls itself an OpenAPI description, of any version."""
    return isinstance(data, Mapping) and ("openapi" in data or "swagger" in data)


def read(data: object, source_name: str, span: Span | None = None) -> Found:
    """The tools of a description, and every finding."""
    return _Importer(data, source_name, span).run()


class NotReadableError(ValueError):
    """An operation of which something needed is malformed; the text says what."""


class Document:
    """A description as data; its operations without their schemas' types."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self._pointers = Reader(data, "")

    def resolved(self, node: object) -> Any:
        """A node with references at its top followed. Raises NotReadableError."""
        for _ in range(20):
            if not isinstance(node, Mapping) or "$ref" not in node:
                return node
            node = self._pointers.resolve(node["$ref"])
            if node is None:
                break
        raise NotReadableError("a reference leads nowhere")

    def operations(self) -> Iterator[Operation | tuple[str, str]]:
        """Every operation, or its place and why it cannot be read. Names are unique."""
        names: set[str] = set()
        paths = self.data.get("paths", {})
        for path, node in paths.items() if isinstance(paths, Mapping) else ():
            try:
                item = self.resolved(node)
            except NotReadableError as error:
                yield f"`{path}`", str(error)
                continue
            for method in METHODS if isinstance(item, Mapping) else ():
                if method not in item:
                    continue
                where = f"{method.upper()} {path}"
                try:
                    operation = self._operation(method, str(path), item)
                except (NotReadableError, TypeError, AttributeError, KeyError) as error:
                    reason = (
                        str(error) if isinstance(error, NotReadableError) else "it is malformed"
                    )
                    yield where, reason
                    continue
                if operation.name in names:
                    operation = replace(operation, name=where)
                names.add(operation.name)
                yield operation

    def _operation(self, method: str, path: str, item: Mapping[str, Any]) -> Operation:
        described = item[method]
        if not isinstance(described, Mapping):
            raise NotReadableError("it is no object")
        name = described.get("operationId")
        if not isinstance(name, str) or not name or len(name) > MAX_NAME or escaped(name) != name:
            name = f"{method.upper()} {path}"
        given: dict[tuple[str, str], Parameter] = {}
        for node in (*(item.get("parameters") or ()), *(described.get("parameters") or ())):
            parameter = self._parameter(self.resolved(node))
            if parameter is not None:
                given[parameter.place, parameter.name] = parameter
        named: dict[str, Parameter] = {}
        for parameter in given.values():
            argument = parameter.name
            if argument in named or argument == "body":
                argument = f"{parameter.place}.{argument}"
            named[argument] = replace(parameter, argument=argument)
        content, body, required, others = self._body(described)
        return Operation(
            *(name, method, path, tuple(named.values()), content, body, required, others),
            described,
        )

    def _parameter(self, node: Any) -> Parameter | None:
        if not isinstance(node, Mapping):
            raise NotReadableError("a parameter is no object")
        name, place = node.get("name"), node.get("in")
        if not isinstance(name, str) or place not in ("path", "query", "header", "cookie"):
            raise NotReadableError("a parameter has no name or no place")
        if place == "header" and name.lower() in _NOT_PARAMETERS:
            return None
        schema = node.get("schema")
        if schema is None and isinstance(node.get("content"), Mapping):
            schema = next((m.get("schema") for m in node["content"].values()), None)
        required = place == "path" or node.get("required") is True
        return Parameter(name, name, place, required, {} if schema is None else schema)

    def _body(
        self, described: Mapping[str, Any]
    ) -> tuple[str | None, object, bool, tuple[str, ...]]:
        body = self.resolved(described.get("requestBody"))
        if body is None:
            return None, None, False, ()
        kinds = body.get("content") or {}
        if not kinds:
            return None, None, False, ()
        chosen = next((kind for kind in kinds if is_json(kind)), next(iter(kinds)))
        media = self.resolved(kinds[chosen])
        schema = media.get("schema", {}) if isinstance(media, Mapping) else {}
        others = tuple(kind for kind in kinds if kind != chosen)
        return chosen, schema, body.get("required") is True, others

    def result(self, operation: Operation) -> object:
        """The schema of what an operation answers when all goes well; None where it says none."""
        responses = operation.description.get("responses")
        for code, node in responses.items() if isinstance(responses, Mapping) else ():
            if str(code).startswith("2"):
                response = self.resolved(node)
                kinds = response.get("content") if isinstance(response, Mapping) else None
                for kind, media in (kinds or {}).items():
                    if is_json(kind) and isinstance(media, Mapping) and "schema" in media:
                        return media["schema"]
        return None


def is_json(kind: object) -> bool:
    """Whether a media type is JSON, with or without a suffix."""
    bare = str(kind).partition(";")[0].strip().lower()
    return bare in ("application/json", "*/*") or bare.endswith("+json")


class _Importer:
    def __init__(self, data: object, source_name: str, span: Span | None) -> None:
        self.data = data
        self.source = source_name
        self.span = span
        self.findings: list[Diagnostic] = []
        self.reached: dict[str, frozenset[str]] = {}
        self.spelled: dict[str, str] = {}

    def report(self, code: str, message: str, severity: Severity, help: str | None = None) -> None:
        self.findings.append(Diagnostic(code, message, self.span, severity, help=help))

    def run(self) -> Found:
        data = self.data
        if not isinstance(data, Mapping) or not str(data.get("openapi", "")).startswith("3."):
            said = data.get("openapi", data.get("swagger")) if isinstance(data, Mapping) else None
            what = f"version {shortened(str(said))}" if said is not None else "no version"
            help = "OpenAPI 3.0 and 3.1 are read; convert older descriptions first"
            self.report("LIC216", f"this description has {what}", Severity.error, help)
            return (), tuple(self.findings)
        document = Document(data)
        self.requests = Reader(data, "", self.span, max_nodes=MAX_NODES, unsent="readOnly")
        self.answers = Reader(data, "", self.span, max_nodes=MAX_NODES, unsent="writeOnly")
        self.pointers = Reader(data, "")
        for key in ("webhooks",):
            if data.get(key):
                self.report("LIC217", f"`{key}` are no calls of a client", Severity.info)
        tools: list[Tool] = []
        for count, operation in enumerate(document.operations()):
            if count >= MAX_OPERATIONS:
                self.report("LIC208", f"over {MAX_OPERATIONS:,} operations", Severity.error)
                break
            if not isinstance(operation, Operation):
                self.left_out(*operation)
            elif (tool := self.tool(document, operation)) is not None:
                tools.append(tool)
        return tuple(tools), tuple(self.findings)

    def left_out(self, where: str, reason: str) -> None:
        self.report(
            "LIC219",
            f"{shortened(where, 120)} is left out: {reason}",
            Severity.warning,
            "calls of it are denied as unknown",
        )

    def tool(self, document: Document, operation: Operation) -> Tool | None:
        where = f"operation {shortened(operation.name)}"
        properties = {p.argument: p.schema for p in operation.parameters}
        required = [p.argument for p in operation.parameters if p.required]
        if operation.content is not None:
            textual = not is_json(operation.content) and operation.body in ({}, None)
            properties["body"] = {"type": "string"} if textual else operation.body
            required += ["body"] if operation.body_required else []
        schema = {"type": "object", "properties": properties, "required": required}
        params = self.typed(self.requests, schema, operation.name, where, record=True)
        if not isinstance(params, RecordType):
            return None
        for kind in operation.others:
            message = f"{where}: a body of `{kind}` is not read"
            self.report("LIC217", message, Severity.warning)
        for key in ("callbacks",):
            if operation.description.get(key):
                self.report("LIC217", f"{where}: `{key}` are not read", Severity.info)
        description = operation.description
        said = description.get("summary") or description.get("description") or ""
        tags = description.get("tags")
        tags = tags if isinstance(tags, list) else []
        read_only = operation.method in READING
        return Tool(
            name=operation.name,
            source=self.source,
            params=replace(params, open=False),
            result=self.result(document, operation, where),
            description=str(said)[:300],
            read_only=read_only,
            destructive=not read_only,
            tags=tuple(tag for tag in tags if isinstance(tag, str)),
            digest=self.digest(operation),
        )

    def result(self, document: Document, operation: Operation, where: str) -> Type | None:
        try:
            schema = document.result(operation)
        except (NotReadableError, AttributeError):
            return None
        if schema is None:
            return None
        # An answer that cannot be read leaves the operation itself as it is.
        self.answers.where, before = f"the result of {where}", len(self.answers.diagnostics)
        result = self.answers.read(schema, ())
        fresh = self.answers.diagnostics[before:]
        self.findings += [
            replace(each, severity=Severity.warning) if each.severity is Severity.error else each
            for each in fresh
        ]
        return None if any(each.severity is Severity.error for each in fresh) else result

    def typed(
        self, reader: Reader, schema: object, name: str, where: str, *, record: bool = False
    ) -> Type | None:
        """A type; None, and the operation is left out, where its schema makes no sense."""
        reader.where, before = where, len(reader.diagnostics)
        result = reader.read(schema, (), record=record)
        fresh = reader.diagnostics[before:]
        self.findings += [each for each in fresh if each.severity is not Severity.error]
        wrong = [each for each in fresh if each.severity is Severity.error]
        if wrong:
            reason = wrong[0].message.removeprefix(where).removeprefix(": ").removeprefix(", ")
            self.left_out(name, reason)
            return None
        return result

    # --- digests ---------------------------------------------------------------------------------

    def digest(self, operation: Operation) -> str:
        """Over the operation and everything that it refers to, at any distance."""
        told: list[object] = [operation.method, operation.path, operation.description]
        told += [[p.name, p.place, p.required, p.schema] for p in operation.parameters]
        told.append(operation.body)
        reached = self.closure(told)
        text = json.dumps(
            [told, sorted((pointer, self.spelled[pointer]) for pointer in reached)],
            sort_keys=True,
            default=str,
        )
        return hashlib.sha256(b"licet openapi 1 " + text.encode()).hexdigest()

    def closure(self, node: object) -> set[str]:
        reached: set[str] = set()
        waiting = list(_pointers(node))
        while waiting:
            pointer = waiting.pop()
            if pointer in reached:
                continue
            reached.add(pointer)
            if pointer not in self.spelled:
                target = self.pointers.resolve(pointer)
                spelled = json.dumps(target, sort_keys=True, default=str)
                self.spelled[pointer] = hashlib.sha256(spelled.encode()).hexdigest()
                self.reached[pointer] = frozenset(_pointers(target))
            waiting += self.reached[pointer]
        return reached


def _pointers(node: object) -> Iterator[str]:
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            if isinstance(each.get("$ref"), str):
                yield each["$ref"]
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
