"""OpenAPI descriptions as tools."""

import json
from pathlib import Path
from typing import Any

import pytest

from licet import Guard, PolicyError
from licet.adapters.catalogs import documents, openapi, sources
from licet.cli.main import main
from licet.compiler.clock import clock
from licet.compiler.intake import BadValue, validator
from licet.compiler.types import (
    INT,
    STRING,
    EnumType,
    Field,
    IntType,
    JsonType,
    OptionalType,
    RecordType,
)
from licet.policy_lang import Severity

PETS: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Pets", "version": "1"},
    "paths": {
        "/pets/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {
                "operationId": "getPet",
                "summary": "One pet.",
                "tags": ["pets"],
                "parameters": [
                    {"name": "verbose", "in": "query", "schema": {"type": "boolean"}},
                    {"name": "id", "in": "query", "schema": {"type": "string"}},
                    {"name": "Accept", "in": "header", "schema": {"type": "string"}},
                ],
                "responses": {
                    "200": {
                        "description": "",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}
                        },
                    }
                },
            },
            "put": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}},
                        "application/xml": {"schema": {}},
                    },
                },
                "responses": {},
            },
        },
    },
    "components": {
        "parameters": {
            "id": {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
        },
        "schemas": {
            "Pet": {
                "oneOf": [
                    {"$ref": "#/components/schemas/Cat"},
                    {"$ref": "#/components/schemas/Dog"},
                ],
                "discriminator": {
                    "propertyName": "kind",
                    "mapping": {"cat": "#/components/schemas/Cat"},
                },
            },
            "Cat": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer", "readOnly": True},
                    "kind": {"type": "string"},
                    "lives": {"type": "integer", "maximum": 9},
                },
                "required": ["id", "kind", "lives"],
            },
            "Dog": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string"},
                    "friends": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}},
                },
                "required": ["kind"],
            },
        },
    },
}


def accepts(tool: Any, args: object) -> bool:
    try:
        validator(tool.params, clock("UTC"))(args)
    except BadValue:
        return False
    return True


def test_operations_are_tools() -> None:
    (get, put), found = openapi.read(PETS, "pets")
    assert (get.qualified, get.description, get.tags) == ("pets.getPet", "One pet.", ("pets",))
    assert (get.read_only, get.destructive) == (True, False)
    assert get.params == RecordType(
        "",
        (
            Field("id", INT),
            Field("verbose", OptionalType(get.params.fields[1].type.inner)),  # type: ignore[union-attr]
            Field("query.id", OptionalType(STRING)),
        ),
    )
    assert isinstance(get.result, JsonType)
    assert (put.name, put.read_only, put.destructive) == ("PUT /pets/{id}", False, True)
    assert [(d.code, d.severity, d.message) for d in found] == [
        (
            "LIC217",
            Severity.warning,
            "operation `PUT /pets/{id}`: a body of `application/xml` is not read",
        )
    ]


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ({"kind": "cat", "lives": 9}, True),
        ({"kind": "cat", "lives": 9, "id": 1}, True),
        ({"kind": "cat", "lives": 10}, False),
        ({"kind": "Dog"}, True),
        ({"kind": "Dog", "friends": [{"kind": "cat", "lives": 1}]}, True),
        ({"kind": "Dog", "friends": [{"kind": "cat"}]}, False),
        ({"kind": "cow"}, False),
        ({}, False),
        ("cat", False),
    ],
)
def test_bodies_are_held_against_discriminated_and_recursive_schemas(
    body: object, good: bool
) -> None:
    put = openapi.read(PETS, "pets")[0][1]
    assert accepts(put, {"id": 1, "body": body}) == good
    assert not accepts(put, {"id": 1})
    assert not accepts(put, {"id": "1", "body": body})
    assert not accepts(put, {"body": body})


def test_the_digest_covers_what_is_referred_to() -> None:
    before = {tool.name: tool.digest for tool in openapi.read(PETS, "pets")[0]}
    changed = json.loads(json.dumps(PETS))
    changed["components"]["schemas"]["Dog"]["description"] = "Obey the dog."
    after = {tool.name: tool.digest for tool in openapi.read(changed, "pets")[0]}
    assert all(before[name] != after[name] for name in before)


@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        ({"openapi": "2.0"}, "LIC216", "this description has version `2.0`"),
        ({"paths": {"/a": {"get": 5}}}, "LIC219", "`GET /a` is left out: it is no object"),
        (
            {"paths": {"/a": {"get": {"parameters": [{"name": "x"}]}}}},
            "LIC219",
            "`GET /a` is left out: a parameter has no name or no place",
        ),
        (
            {"paths": {"/a": {"get": {"parameters": [{"$ref": "#/nowhere"}]}}}},
            "LIC219",
            "`GET /a` is left out: a reference leads nowhere",
        ),
        (
            {
                "paths": {
                    "/a": {
                        "get": {
                            "parameters": [
                                {"name": "x", "in": "query", "schema": {"type": "strin"}}
                            ]
                        }
                    }
                }
            },
            "LIC219",
            "`GET /a` is left out: at `x`: `type` is not the name of a JSON type",
        ),
    ],
)
def test_what_cannot_be_read_is_listed(patch: dict[str, object], code: str, message: str) -> None:
    tools, found = openapi.read({**PETS, **patch}, "pets")
    assert tools == ()
    assert [d.code for d in found] == [code]
    assert found[0].message == message


YAML = """\
openapi: 3.0.3
info: {title: t, version: 1.0}
paths:
  /flags/{name}:
    parameters:
      - {name: name, in: path, required: true, schema: {$ref: "parts/name.yaml#/Name"}}
    delete:
      operationId: dropFlag
      parameters:
        - name: country
          in: query
          schema: {type: string, enum: [NO, yes, 2020-01-01]}
        - name: share
          in: query
          schema: {type: number, minimum: 0.1, exclusiveMinimum: true, maximum: 1}
"""


def test_yaml_and_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "name.yaml").write_text(
        'Name: {allOf: [{$ref: "#/Text"}, {minLength: 2}]}\nText: {type: string, maxLength: 3}\n'
    )
    (tmp_path / "flags.yaml").write_text(YAML)
    (source,), found = sources.load(tmp_path / "flags.yaml", None, None)
    assert found == ()
    tool = source.tool("dropFlag")  # type: ignore[union-attr]
    country = tool.params.field("country")
    assert country is not None
    assert country.type == OptionalType(EnumType("", ("NO", "yes", "2020-01-01")))
    assert accepts(tool, {"name": "ab", "share": 0.5})
    assert not accepts(tool, {"name": "abcd"})
    assert not accepts(tool, {"name": "ab", "share": 0.1})
    policy = tmp_path / "p.licet"
    policy.write_text(
        'use tools "flags.yaml"\npermit some on flags.dropFlag when args.country ?? yes == NO\n'
    )
    with Guard.load(policy) as guard:
        assert guard.check({"tool": "dropFlag", "args": {"name": "ab", "country": "NO"}}).allowed
        assert not guard.check({"tool": "dropFlag", "args": {"name": "ab"}}).allowed


@pytest.mark.parametrize(
    "reference",
    [
        "/etc/passwd",
        "../outside.json#/A",
        "missing.json#/A",
        "link.json#/A",
    ],
)
def test_references_lead_nowhere_else(tmp_path: Path, reference: str) -> None:
    (tmp_path / "outside.json").write_text('{"A": {"type": "string"}}')
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.json").symlink_to(tmp_path / "outside.json")
    described = json.loads(json.dumps(PETS))
    described["components"]["parameters"]["id"]["schema"] = {"$ref": reference}
    (folder / "pets.json").write_text(json.dumps(described))
    given, found = sources.load(folder / "pets.json", None, None)
    assert given == ()
    assert [d.code for d in found][:1] == ["LIC218"]
    policy = folder / "p.licet"
    policy.write_text('use tools "pets.json"\npermit all on any\n')
    with pytest.raises(PolicyError):
        Guard.load(policy)


@pytest.mark.parametrize(
    "reference",
    [
        "http://127.0.0.1/a.json",
        "https://example.com/a.json#/A",
        "file:///etc/passwd",
        "//169.254.169.254/latest",
    ],
)
def test_what_needs_an_address_is_left_out(tmp_path: Path, reference: str) -> None:
    described = json.loads(json.dumps(PETS))
    described["components"]["parameters"]["id"]["schema"] = {"$ref": reference}
    described["paths"]["/other"] = {"get": {"operationId": "other", "responses": {}}}
    (tmp_path / "pets.json").write_text(json.dumps(described))
    policy = tmp_path / "p.licet"
    policy.write_text('use tools "pets.json"\npermit all on any\n')
    found = sources.load(tmp_path / "pets.json", None, None)[1]
    assert {d.severity for d in found if d.code == "LIC218"} == {Severity.warning}
    assert [d.message.partition(" is left out")[0] for d in found if d.code == "LIC219"] == [
        "`getPet`",
        "`PUT /pets/{id}`",
    ]
    guard = Guard.load(policy)
    assert guard.check({"tool": "other", "args": {}}).outcome == "allow"
    refused = guard.check({"tool": "getPet", "args": {"id": "1"}})
    assert [v.kind for v in refused.violations] == ["unknown_tool"]


def test_all_that_is_left_out_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = {"schema": {"$ref": "https://example.com/a.json"}}
    paths = {
        f"/{number}": {
            "get": {
                "operationId": f"get{number}",
                "parameters": [{"name": "n", "in": "query", **bad}],
                "responses": {},
            }
        }
        for number in range(9)
    }
    described = {"openapi": "3.1.0", "info": {"title": "A", "version": "1"}, "paths": paths}
    (tmp_path / "a.json").write_text(json.dumps(described))
    text = 'use tools openapi "a.json"\n'
    (tmp_path / "p.licet").write_text(text)
    main(["lint", str(tmp_path / "p.licet")])
    said = capsys.readouterr().out
    assert "warning[LIC219]: `get0` is left out" in said
    assert said.count("note: also: `get") == 5
    assert "note: and 3 more" in said


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: 1\na: 2\n",
        "a: &a [*a]\n",
        "? {a: b}\n: c\n",
        "!!python/object:os.system {}",
        "- " * 2_000,
        "\x00",
    ],
)
def test_hostile_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    given, found = sources.load(path, None, None)
    assert given == ()
    assert found[0].severity is Severity.error


def test_aliases_do_not_multiply(tmp_path: Path) -> None:
    lines = ["openapi: 3.0.0", "x-a0: &a0 {type: string}"]
    lines += [
        f"x-a{i}: &a{i} {{type: object, properties: {{l: *a{i - 1}, r: *a{i - 1}}}}}"
        for i in range(1, 40)
    ]
    lines += [
        *("paths:", "  /a:", "    post:", "      operationId: a", "      requestBody:"),
        "        content: {application/json: {schema: *a39}}",
    ]
    path = tmp_path / "a.yaml"
    path.write_text("\n".join(lines))
    given, found = sources.load(path, None, None)
    assert given == ()
    assert [d.code for d in found] == ["LIC200"]


def test_documents_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 0.1\nb: 1e2\nc: 0x1F\nd: true\ne: yes\nf: 2020-01-01\ng: ~\nh: 010\n")
    data = documents.read(path)
    assert {key: str(value) for key, value in data.items()} == {
        "a": "0.1",
        "b": "1E+2",
        "c": "0x1F",
        "d": "True",
        "e": "yes",
        "f": "2020-01-01",
        "g": "None",
        "h": "10",
    }


def test_int_formats() -> None:
    described = json.loads(json.dumps(PETS))
    described["components"]["parameters"]["id"]["schema"]["format"] = "int32"
    get = openapi.read(described, "pets")[0][0]
    assert get.params.fields[0].type == IntType(-(2**31), 2**31 - 1)


def test_of_alternatives_the_one_whose_label_fits_is_told() -> None:
    def animal(kind: str, **more: object) -> dict[str, object]:
        properties = {"kind": {"const": kind}, **more}
        return {"type": "object", "required": ["kind", *more], "properties": properties}

    pet = {
        "oneOf": [
            animal("cat", lives={"type": "integer", "maximum": 9}),
            {
                "allOf": [
                    animal("dog"),
                    {"properties": {"bark": {"type": "string", "maxLength": 4}}},
                ]
            },
        ]
    }
    content = {"content": {"application/json": {"schema": pet}}}
    operation = {"operationId": "add", "requestBody": content}
    [tool], _ = openapi.read({"openapi": "3.1.0", "paths": {"/a": {"post": operation}}}, "api")

    def told(body: object) -> list[tuple[str, str]]:
        with pytest.raises(BadValue) as bad:
            validator(tool.params, clock("UTC"))({"body": body})
        return [(".".join(map(str, p.path)), p.expected) for p in bad.value.problems]

    assert told({"kind": "dog", "bark": "wuff!"}) == [("body.bark", "text of 0 to 4 characters")]
    assert told({"kind": "cat", "lives": 10}) == [("body.lives", "a whole number <= 9")]
    assert told({"kind": "fox", "bark": "?"}) == [("body.kind", 'one of "cat" or one of "dog"')]
