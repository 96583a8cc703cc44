import json
from pathlib import Path

import pytest

from licet.adapters.catalogs.tool_lists import load, read
from licet.compiler.types import BOOL, INT, EnumType, Field, OptionalType, RecordType

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
PARAMS = RecordType("", (Field("n", INT),))


@pytest.mark.parametrize(
    "data",
    [
        [{"type": "function", "function": {"name": "get", "parameters": SCHEMA}}],
        [{"type": "function", "name": "get", "parameters": SCHEMA}],
        [{"name": "get", "input_schema": SCHEMA}],
        {"tools": [{"name": "get", "inputSchema": SCHEMA}]},
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "get", "inputSchema": SCHEMA}]}},
        [{"name": "get", "inputSchema": SCHEMA}],
        {"name": "get", "input_schema": SCHEMA},
        {"get": SCHEMA},
    ],
)
def test_every_form_reads_alike(data: object) -> None:
    tools, findings = read(data, "desk")
    assert findings == ()
    assert [(tool.qualified, tool.params, tool.result) for tool in tools] == [
        ("desk.get", PARAMS, None)
    ]


def test_mcp_hints_and_result() -> None:
    item = {
        "name": "get",
        "description": "Gets.",
        "inputSchema": SCHEMA,
        "outputSchema": {"type": "integer"},
        "annotations": {"readOnlyHint": True},
    }
    (tool,), _ = read({"tools": [item]})
    assert (tool.read_only, tool.destructive, tool.result, tool.description) == (
        *(True, False),
        *(INT, "Gets."),
    )
    (tool,), _ = read({"tools": [{"name": "get", "inputSchema": SCHEMA}]})
    assert (tool.read_only, tool.destructive) == (False, True)


def test_the_digest_covers_everything_a_source_says() -> None:
    item = {"name": "get", "description": "a", "inputSchema": SCHEMA}
    changes: list[dict[str, object]] = [
        {},
        {"name": "put"},
        {"description": "b"},
        {"inputSchema": {**SCHEMA, "title": "x"}},
        {"outputSchema": True},
        {"annotations": {"readOnlyHint": True}},
    ]
    digests = [read({"tools": [{**item, **change}]})[0][0].digest for change in changes]
    assert len(set(digests)) == len(changes)
    assert all(len(digest) == 64 for digest in digests)


@pytest.mark.parametrize(
    ("data", "format", "code", "message"),
    [
        (5, None, "LIC201", "this is no list of tools"),
        ({"a": 1}, None, "LIC201", "this is no list of tools"),
        ([], "yaml", "LIC201", "there is no format `yaml` of tool lists"),
        (
            [{"name": "a", "input_schema": SCHEMA}],
            "mcp",
            "LIC201",
            "tool `a`: this is written in the form of anthropic, not of mcp",
        ),
        ([5], None, "LIC202", "tool 1: a tool is described by an object"),
        ([{"name": 3, "parameters": SCHEMA}], None, "LIC202", "tool 1: it has no name"),
        ([{"name": "", "parameters": SCHEMA}], None, "LIC202", "tool 1: it has no name"),
        ([{"type": "web_search"}], None, "LIC202", "tool 1: nothing describes its arguments"),
        (
            [{"name": "a\u202eb", "parameters": SCHEMA}],
            None,
            "LIC202",
            "tool 1: its name `a\\u{202e}b` has characters that cannot be seen",
        ),
        (
            [{"name": "a", "parameters": SCHEMA, "inputSchema": SCHEMA}],
            None,
            "LIC202",
            "tool `a`: `inputSchema` and `parameters` both describe the arguments",
        ),
        (
            [{"name": "a", "parameters": {"type": "array"}}],
            None,
            "LIC204",
            "tool `a`: the arguments of a tool are described by an object schema",
        ),
    ],
)
def test_findings(data: object, format: str | None, code: str, message: str) -> None:
    tools, findings = read(data, "desk", None, format)
    assert tools == ()
    assert [(found.code, found.message) for found in findings] == [(code, message)]


def test_a_name_listed_twice() -> None:
    item = {"name": "a", "inputSchema": SCHEMA}
    tools, findings = read([item, item])
    assert [tool.name for tool in tools] == ["a"]
    assert [(found.code, found.message) for found in findings] == [
        ("LIC203", "the tool `a` is listed twice")
    ]


def test_ten_thousand_tools() -> None:
    tools, findings = read([{"name": f"t{i}", "inputSchema": SCHEMA} for i in range(10_000)])
    assert (len(tools), findings) == (10_000, ())
    _, findings = read([{"name": f"t{i}", "inputSchema": SCHEMA} for i in range(20_001)])
    assert [found.code for found in findings] == ["LIC208"]


def test_load(tmp_path: Path) -> None:
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([{"name": "get", "input_schema": SCHEMA}]))
    tools, findings = load(path, None, "desk")
    assert ([tool.qualified for tool in tools], findings) == (["desk.get"], ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            b'{"a":1,"a":2}',
            "`tools.json` is not exact JSON: the key `a` stands twice in one object",
        ),
        (b"[NaN]", "`tools.json` is not exact JSON: `NaN` is not a number of JSON, at `0`"),
        (b"[" * 99_999, "`tools.json` is not exact JSON: the value nests deeper than 64"),
        (b"\xff", "`tools.json` is not exact JSON: byte 0 is not UTF-8"),
        (None, "`tools.json` cannot be read: no such file or directory"),
    ],
)
def test_unreadable(tmp_path: Path, text: bytes | None, message: str) -> None:
    path = tmp_path / "tools.json"
    if text is not None:
        path.write_bytes(text)
    tools, findings = load(path)
    assert (tools, [(found.code, found.message) for found in findings]) == (
        (),
        [("LIC200", message)],
    )


def test_gemini_declarations() -> None:
    declared = {
        "name": "book",
        "description": "Books.",
        "parameters": {
            "type": "OBJECT",
            "properties": {
                "type": {"type": "STRING", "enum": ["A", "B"]},
                "n": {"type": "INTEGER", "nullable": True},
            },
            "required": ["type"],
        },
        "response": {"type": "BOOLEAN"},
    }
    forms: list[object] = [
        {"tools": [{"functionDeclarations": [declared]}]},
        [{"function_declarations": [declared]}],
        {"functionDeclarations": [declared]},
    ]
    for data in forms:
        (tool,), findings = read(data, "desk", format="gemini")
        assert findings == ()
        assert tool.params == RecordType(
            "", (Field("type", EnumType("", ("A", "B"))), Field("n", OptionalType(INT)))
        )
        assert tool.result == BOOL
        assert (tool.read_only, tool.destructive) == (False, False)
    plain = {"name": "get", "parametersJsonSchema": SCHEMA}
    (tool,), _ = read([{"functionDeclarations": [plain]}])
    assert tool.params == PARAMS
