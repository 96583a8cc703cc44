"""Lists of tools in the forms of OpenAI, Anthropic, Gemini and MCP, and plain JSON Schemas by name.

`load` reads a file, `read` decoded JSON. Every problem of every tool is reported; a tool with an
error is not among the tools. Descriptions and hints are kept and are part of the digest, but
they are the source's claims, not facts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from licet.compiler.catalog import Tool
from licet.compiler.exact_json import JsonError, canonical, decode, escaped, shortened
from licet.compiler.types import Type
from licet.policy_lang.diagnostics import Diagnostic, has_errors
from licet.policy_lang.source import Span

from .json_schema import MAX_DEPTH, to_params, to_type

MAX_TOOLS = 20_000
MAX_NAME = 256
MAX_FILE = 16_000_000

Format = Literal["openai", "anthropic", "gemini", "mcp", "json_schema"]
#: In a tool's `_meta`: an agent's own code described it (`adapters/frameworks/describing`).
FROM_AGENT: Final = "licet/agent"
FORMATS: Final[tuple[Format, ...]] = ("openai", "anthropic", "gemini", "mcp", "json_schema")
Found = tuple[tuple[Tool, ...], tuple[Diagnostic, ...]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One tool as its list writes it, whatever the form of the list."""

    form: Format
    name: object
    schema: object
    result: object
    description: object
    hints: Mapping[str, Any]
    from_agent: bool = False


def load(
    path: Path, format: str | None = None, source_name: str = "", span: Span | None = None
) -> Found:
    """The tools of a JSON file; `format` is one of FORMATS, or None to recognise the form.

    `source_name` qualifies the tools' names; `span` is where the policy asks for the file.
    """
    shown = shortened(path.name)
    try:
        if path.stat().st_size > MAX_FILE:
            return (), (Diagnostic("LIC208", f"{shown} is larger than {MAX_FILE:,} bytes", span),)
        data = decode(path.read_bytes(), max_size=MAX_FILE)
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        return (), (Diagnostic("LIC200", f"{shown} cannot be read: {reason}", span),)
    except JsonError as error:
        at = f", at {shortened('.'.join(map(str, error.path)))}" if error.path else ""
        return (), (Diagnostic("LIC200", f"{shown} is not exact JSON: {error.message}{at}", span),)
    return read(data, source_name, span, format)


def read(
    data: object, source_name: str = "", span: Span | None = None, format: str | None = None
) -> Found:
    """The tools of decoded JSON, and every finding."""
    if format is not None and format not in FORMATS:
        known = ", ".join(FORMATS)
        message = f"there is no format {shortened(format)} of tool lists"
        return (), (Diagnostic("LIC201", message, span, help=f"the formats are {known}"),)
    items = _items(data, format)
    if items is None:
        return (), (
            Diagnostic(
                "LIC201",
                "this is no list of tools",
                span,
                help="a list in the form of OpenAI, Anthropic or MCP, "
                "or an object of JSON Schemas by tool name",
            ),
        )
    if len(items) > MAX_TOOLS:
        return (), (Diagnostic("LIC208", f"a list has over {MAX_TOOLS:,} tools", span),)
    tools: dict[str, Tool] = {}
    findings: list[Diagnostic] = []
    for position, item in enumerate(items):
        tool, found = _tool(item, position, source_name, span, format)
        findings += found
        if tool is None:
            continue
        if tool.name in tools:
            message = f"the tool {shortened(tool.name)} is listed twice"
            findings.append(Diagnostic("LIC203", message, span))
        else:
            tools[tool.name] = tool
    return tuple(tools.values()), tuple(findings)


def _items(data: object, format: str | None) -> list[object] | None:
    """The entries of a list in whatever wrapping it comes; None if it is none."""
    if isinstance(data, Mapping) and format != "json_schema":
        inner = data.get("result") if isinstance(data.get("result"), Mapping) else data
        if isinstance(inner, Mapping) and isinstance(inner.get("tools"), list):
            return _declared(inner["tools"])
        if _declarations(data) is not None:
            return _declared([data])
        if _is_tool(data):
            return [data]
    if isinstance(data, list):
        return None if format == "json_schema" else _declared(data)
    by_name = isinstance(data, Mapping) and all(map(_is_schema, data.values()))
    if by_name and format in (None, "json_schema"):
        assert isinstance(data, Mapping)
        return [_Entry("json_schema", n, schema, None, None, {}) for n, schema in data.items()]
    return None


def _declared(items: list[object]) -> list[object]:
    """The items, with Gemini's lists of declarations taken apart."""
    found: list[object] = []
    for item in items:
        declarations = _declarations(item)
        found += [item] if declarations is None else map(_gemini, declarations)
    return found


def _declarations(item: object) -> list[object] | None:
    for key in ("functionDeclarations", "function_declarations"):
        if isinstance(item, Mapping) and isinstance(item.get(key), list):
            return list(item[key])
    return None


def _gemini(item: object) -> object:
    """One of Gemini's declarations, whose types are written in capitals."""
    if not isinstance(item, Mapping):
        return item
    schema = item.get("parametersJsonSchema", _lowered(item.get("parameters", {}), 0))
    result = item.get("responseJsonSchema", _lowered(item.get("response"), 0))
    return _Entry("gemini", item.get("name"), schema, result, item.get("description"), {})


def _lowered(schema: object, depth: int) -> object:
    if isinstance(schema, list):
        return [_lowered(each, depth + 1) for each in schema]
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return schema
    made = {key: _lowered(value, depth + 1) for key, value in schema.items()}
    if isinstance(made.get("type"), str):
        made["type"] = str(made["type"]).lower()
    return made


def _is_tool(data: Mapping[str, object]) -> bool:
    keys = ("inputSchema", "input_schema", "parameters")
    return isinstance(data.get("function"), Mapping) or (
        isinstance(data.get("name"), str) and any(key in data for key in keys)
    )


def _is_schema(value: object) -> bool:
    keys = ("type", "properties", "$ref", "anyOf", "allOf", "oneOf")
    return isinstance(value, Mapping) and (not value or any(key in value for key in keys))


def _entry(item: object) -> _Entry | str:
    """An item read in the form that its keys show; a sentence if it has none."""
    if isinstance(item, _Entry):
        return item
    if not isinstance(item, Mapping):
        return "a tool is described by an object"
    if "function" in item:
        item = item["function"]
        if not isinstance(item, Mapping):
            return "`function` is an object"
        schema = item.get("parameters", {})
        return _Entry("openai", item.get("name"), schema, None, item.get("description"), {})
    name, description = item.get("name"), item.get("description")
    schemas = [key for key in ("inputSchema", "input_schema", "parameters") if key in item]
    if len(schemas) > 1:
        return f"`{schemas[0]}` and `{schemas[1]}` both describe the arguments"
    match schemas:
        case ["inputSchema"]:
            hints = item.get("annotations") or {}
            if not isinstance(hints, Mapping):
                return "`annotations` is an object"
            result = item.get("outputSchema")
            meta = item.get("_meta")
            from_agent = isinstance(meta, Mapping) and meta.get(FROM_AGENT) is True
            schema = item["inputSchema"]
            return _Entry("mcp", name, schema, result, description, hints, from_agent)
        case ["input_schema"]:
            return _Entry("anthropic", name, item["input_schema"], None, description, {})
        case ["parameters"]:
            return _Entry("openai", name, item["parameters"], None, description, {})
        case _ if item.get("type") == "function" or set(item) <= {"name", "description"}:
            return _Entry("openai", name, {}, None, description, {})
        case _:
            return "nothing describes its arguments"


def _tool(
    item: object, position: int, source_name: str, span: Span | None, format: str | None
) -> tuple[Tool | None, list[Diagnostic]]:
    entry = _entry(item)
    if isinstance(entry, str):
        name = item.get("name") if isinstance(item, Mapping) else None
        shown = f"tool {shortened(name)}" if isinstance(name, str) else f"tool {position + 1}"
        return None, [Diagnostic("LIC202", f"{shown}: {entry}", span)]
    reason = _name_problem(entry.name)
    if reason is not None:
        return None, [Diagnostic("LIC202", f"tool {position + 1}: {reason}", span)]
    name = str(entry.name)
    where = f"tool {shortened(name)}"
    if format is not None and entry.form != format:
        message = f"{where}: this is written in the form of {entry.form}, not of {format}"
        return None, [Diagnostic("LIC201", message, span)]
    schema = {} if entry.schema is None else entry.schema
    params, findings = to_params(schema, where, span)
    result: Type | None = None
    if entry.result is not None:
        result, found = to_type(entry.result, f"the result of {where}", span)
        findings += found
    if has_errors(findings):
        return None, findings
    description = entry.description if isinstance(entry.description, str) else ""
    read_only = entry.hints.get("readOnlyHint") is True
    destructive = (
        entry.form == "mcp" and not read_only and entry.hints.get("destructiveHint") is not False
    )
    try:
        told = ["licet tool 1", name, schema, entry.result, description, dict(entry.hints)]
        spelled = canonical([*told, FROM_AGENT] if entry.from_agent else told)
    except ValueError as error:
        return None, [*findings, Diagnostic("LIC202", f"{where}: {error}", span)]
    tool = Tool(
        name=name,
        source=source_name,
        params=params,
        result=result,
        description=description,
        read_only=read_only,
        destructive=destructive,
        digest=hashlib.sha256(spelled).hexdigest(),
        from_agent=entry.from_agent,
    )
    return tool, findings


def _name_problem(name: object) -> str | None:
    if not isinstance(name, str) or not name:
        return "it has no name"
    if len(name) > MAX_NAME:
        return f"its name is longer than {MAX_NAME} characters"
    if escaped(name) != name:
        return f"its name {shortened(name)} has characters that cannot be seen"
    return None
