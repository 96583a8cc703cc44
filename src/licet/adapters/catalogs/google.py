"""Google's APIs, from the discovery documents inside google-api-python-client.

A source is one API in one version (`drive:v3`), its tools are named as Google names its methods
(`drive.files.update`). Arguments are the method's parameters and `body`. Objects are closed: Google
refuses a field that it does not know.

Soundness: as in `json_schema`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from typing import Any, Final

from licet.compiler.catalog import Alias, Tool
from licet.compiler.exact_json import JsonError, decode
from licet.compiler.types import RecordType
from licet.policy_lang.diagnostics import has_errors

from .extras import needed
from .json_schema import Reader

MAX_DOCUMENT: Final = 64_000_000
MAX_NODES: Final = 300_000
READING: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_WHOLE_TEXT: Final = "^-?[0-9]+$"


def apis() -> tuple[str, ...]:
    """Every API that is there, as `NAME:VERSION`. Raises MissingExtraError."""
    return tuple(sorted(_files()))


@functools.lru_cache(maxsize=1)
def _files() -> Mapping[str, Any]:
    needed("googleapiclient", "google")
    folder = resources.files("googleapiclient.discovery_cache").joinpath("documents")
    found: dict[str, Any] = {}
    for file in folder.iterdir():
        name, dot, version = file.name.removesuffix(".json").partition(".")
        if dot and file.name.endswith(".json") and file.name != "index.json":
            found[f"{name}:{version}"] = file
    return found


def origin() -> str:
    """What the documents are from."""
    from importlib.metadata import version

    needed("googleapiclient", "google")
    return f"google-api-python-client {version('google-api-python-client')}"


@functools.lru_cache(maxsize=64)
def api(name: str) -> GoogleApi:
    """One API's tools. Raises KeyError for one that is not there, ValueError for a bad document."""
    data = _files()[name].read_bytes()
    try:
        return GoogleApi(decode(data, max_size=MAX_DOCUMENT, max_depth=200), data)
    except JsonError as error:
        raise ValueError(f"the document of {name} is not exact JSON: {error.message}") from None


class GoogleApi:
    """The methods of one API as tools; a `ToolSource`."""

    def __init__(self, document: Mapping[str, Any], data: bytes) -> None:
        self._name = str(document["name"])
        self._digest = hashlib.sha256(b"licet google 1 " + data).hexdigest()
        self._common = document.get("parameters", {})
        self._methods = {
            str(method["id"]).removeprefix(f"{self._name}."): method
            for method in _methods(document)
        }
        schemas = document.get("schemas", {})
        self._root = {"schemas": {name: _schema(each) for name, each in schemas.items()}}
        self._raw = {"schemas": schemas}
        self._reader = Reader(self._root, "", max_nodes=MAX_NODES, unsent="readOnly")
        self._tools: dict[str, Tool] = {}
        self._turn = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def digest(self) -> str:
        return self._digest

    def names(self) -> Sequence[str]:
        return tuple(self._methods)

    def aliases(self) -> Mapping[str, Alias]:
        return {}

    def tool(self, name: str) -> Tool:
        """Raises KeyError for a method that is not there, ValueError for one that is malformed."""
        found = self._tools.get(name)
        if found is None:
            with self._turn:
                found = self._tools.setdefault(name, self._read(name, self._methods[name]))
        return found

    def notes(self) -> Iterator[str]:
        """What the types of the methods read so far let in beyond their document."""
        yield from (found.message for found in self._reader.diagnostics)

    def _read(self, name: str, method: Mapping[str, Any]) -> Tool:
        properties: dict[str, object] = {}
        required: list[str] = []
        for each, parameter in {**self._common, **method.get("parameters", {})}.items():
            schema = _schema(parameter)
            properties[each] = (
                {"type": "array", "items": schema} if parameter.get("repeated") else schema
            )
            if parameter.get("required"):
                required.append(each)
        if "request" in method:
            properties["body"] = _schema(method["request"])
        schema = {"type": "object", "properties": properties, "required": required}
        reader = self._reader
        reader.where, before = f"method `{self._name}.{name}`", len(reader.diagnostics)
        params = reader.read(schema, (), record=True)
        if has_errors(reader.diagnostics[before:]) or not isinstance(params, RecordType):
            raise ValueError(reader.diagnostics[-1].message)
        read_only = method.get("httpMethod") in READING
        return Tool(
            name=name,
            source=self._name,
            params=replace(params, open=False),
            description=str(method.get("description", "")).partition(". ")[0][:300],
            read_only=read_only,
            destructive=not read_only,
            digest=self._tool_digest(method),
        )

    def _tool_digest(self, method: Mapping[str, Any]) -> str:
        reached: dict[str, object] = {}
        waiting = list(_references([method.get("request"), method.get("parameters")]))
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached[name] = self._raw["schemas"].get(name)
                waiting += _references(reached[name])
        told = json.dumps([method, self._common, reached], sort_keys=True, default=str)
        return hashlib.sha256(b"licet google 1 " + told.encode()).hexdigest()


def _methods(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from node.get("methods", {}).values()
    for resource in node.get("resources", {}).values():
        yield from _methods(resource)


def _references(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from _references(each)
    elif isinstance(node, list):
        for each in node:
            yield from _references(each)


def _schema(node: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of Google's as JSON Schema."""
    if "$ref" in node:
        return {"$ref": f"#/schemas/{node['$ref']}"}
    made: dict[str, Any] = {}
    kind = node.get("type")
    if kind not in (None, "any"):
        made["type"] = kind
    for key in ("enum", "pattern", "readOnly"):
        if key in node:
            made[key] = node[key]
    for key in ("minimum", "maximum"):  # written as text
        if key in node:
            made[key] = decode(str(node[key]))
    format = node.get("format")
    if format in ("int64", "uint64") and kind == "string":
        made["pattern"] = _WHOLE_TEXT  # too large for JavaScript, so sent as text
    elif format in ("date", "date-time", "int32"):
        made["format"] = format
    elif format in ("google-datetime",):
        made["format"] = "date-time"
    elif format == "uint32" and kind == "integer":
        made |= {"minimum": made.get("minimum", 0), "maximum": made.get("maximum", 2**32 - 1)}
    if "items" in node:
        made["items"] = _schema(node["items"])
    if "properties" in node:
        made["properties"] = {name: _schema(each) for name, each in node["properties"].items()}
        made["additionalProperties"] = False
    if "additionalProperties" in node:
        made["additionalProperties"] = _schema(node["additionalProperties"])
    return made
