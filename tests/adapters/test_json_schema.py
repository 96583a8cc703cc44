import time
from decimal import Decimal
from fractions import Fraction

import pytest

from licet.adapters.catalogs.json_schema import to_params, to_type
from licet.compiler.types import (
    BOOL,
    DATE,
    INT,
    JSON,
    STRING,
    TIME,
    DecimalType,
    EnumType,
    Field,
    IntType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
)
from licet.policy_lang.diagnostics import has_errors


@pytest.mark.parametrize(
    ("schema", "type"),
    [
        (True, JSON),
        ({}, JSON),
        ({"type": "boolean"}, BOOL),
        ({"type": "string"}, STRING),
        ({"type": "string", "minLength": 1, "maxLength": 3}, StringType(1, 3)),
        ({"type": "string", "pattern": "^a+$"}, StringType(patterns=("a+",))),
        ({"type": "string", "format": "date"}, DATE),
        ({"type": "string", "format": "date-time"}, TIME),
        ({"type": "string", "format": "email"}, STRING),
        ({"type": "integer"}, INT),
        ({"type": "integer", "minimum": 1.5, "exclusiveMaximum": 10}, IntType(2, 9)),
        ({"type": "integer", "multipleOf": Decimal("2.5")}, IntType(step=5)),
        ({"type": "integer", "multipleOf": 0.5}, INT),
        ({"type": "number"}, DecimalType()),
        (
            {"type": "number", "minimum": 0, "exclusiveMinimum": True, "multipleOf": 0.01},
            DecimalType(Fraction(0), low_open=True, step=Fraction(1, 100)),
        ),
        (
            {"type": "number", "minimum": 0, "exclusiveMinimum": 0},
            DecimalType(Fraction(0), low_open=True),
        ),
        ({"enum": ["b", "a", "b"]}, EnumType("", ("b", "a"))),
        ({"enum": ["a", None]}, OptionalType(EnumType("", ("a",)))),
        ({"enum": [3, 1, 2]}, IntType(1, 3)),
        ({"const": "a"}, EnumType("", ("a",))),
        ({"const": 1.5}, DecimalType(Fraction(3, 2), Fraction(3, 2))),
        ({"type": "string", "enum": ["a", "bb"], "maxLength": 1}, EnumType("", ("a",))),
        ({"type": ["string", "null"]}, OptionalType(STRING)),
        ({"type": "string", "nullable": True}, OptionalType(STRING)),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, OptionalType(INT)),
        ({"anyOf": [{"const": "a"}, {"const": "b"}]}, EnumType("", ("a", "b"))),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, DecimalType()),
        ({"allOf": [{"type": "integer", "minimum": 1}, {"maximum": 3}]}, IntType(1, 3)),
        (
            {"type": "array", "items": {"type": "string"}, "maxItems": 2, "uniqueItems": True},
            ListType(STRING, 0, 2, True),
        ),
        ({"type": "array"}, ListType(JSON)),
        ({"type": "object"}, JSON),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, MapType(STRING, INT)),
        ({"type": "object", "additionalProperties": False}, RecordType("", ())),
        (
            {
                "type": "object",
                "properties": {
                    "a": {"type": "integer"},
                    "b": {"type": "boolean", "default": True},
                    "c": {"$ref": "#/$defs/c~1d"},
                },
                "required": ["a"],
                "$defs": {"c/d": {"type": "string"}},
            },
            RecordType(
                "",
                (Field("a", INT), Field("b", BOOL, True), Field("c", OptionalType(STRING))),
                open=True,
            ),
        ),
        (
            {"properties": {"a": {"type": "integer"}}, "additionalProperties": True},
            RecordType("", (Field("a", OptionalType(INT)),), open=True),
        ),
    ],
)
def test_read_without_a_finding(schema: object, type: Type) -> None:
    assert to_type(schema, "tool `t`") == (type, [])


@pytest.mark.parametrize(
    ("schema", "code", "message"),
    [
        (5, "LIC204", "tool `t`: `schema` is not an object or a boolean"),
        ({"type": "strin"}, "LIC204", "tool `t`: `type` is not the name of a JSON type"),
        ({"type": "integer", "minimum": "0"}, "LIC204", "tool `t`: `minimum` is not a number"),
        (
            {"type": "number", "multipleOf": 0},
            "LIC204",
            "tool `t`: `multipleOf` is not a number above 0",
        ),
        (
            {"$ref": "http://evil.test/schema"},
            "LIC204",
            "tool `t`: the reference `http://evil.test/schema` leads nowhere in this schema",
        ),
        (False, "LIC205", "tool `t`: no value fits this schema: it is `false`"),
        (
            {"type": "number", "minimum": 600, "maximum": 500},
            "LIC205",
            "tool `t`: no value fits this schema: its range is empty",
        ),
        (
            {"type": "integer", "minimum": 1, "maximum": 4, "multipleOf": 5},
            "LIC205",
            "tool `t`: no value fits this schema: its range is empty",
        ),
        (
            {"type": "integer", "enum": ["a"]},
            "LIC205",
            "tool `t`: no value fits this schema: no value of its `enum` is of its `type`",
        ),
        (
            {"allOf": [{"type": "string"}, {"type": "integer"}]},
            "LIC205",
            "tool `t`: no value fits this schema: it has no type",
        ),
        (
            {"type": "string", "pattern": "(?=a)b"},
            "LIC207",
            "tool `t`: the pattern `(?=a)b` is not checked",
        ),
        ({"type": "string", "not": {"const": "a"}}, "LIC207", "tool `t`: `not` is not checked"),
        (
            {"oneOf": [{"type": "string"}, {"type": "number"}]},
            "LIC207",
            "tool `t`: a choice between 2 kinds is read as any JSON value",
        ),
        (
            {"type": "array", "items": {"$ref": "#"}},
            "LIC207",
            "tool `t`, at `[].[]`: a schema that contains itself is read as any JSON value",
        ),
        (
            {"properties": {"a": {"type": "integer", "default": "x"}}},
            "LIC209",
            "tool `t`, at `a`: the default is not of the type: expected a whole number",
        ),
    ],
)
def test_findings(schema: object, code: str, message: str) -> None:
    _, findings = to_type(schema, "tool `t`")
    assert [(found.code, found.message) for found in findings] == [(code, message)]
    assert has_errors(findings) == (code not in ("LIC207", "LIC209"))


def nested(depth: int) -> object:
    schema: object = {"type": "integer"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


def doubling(shape: str) -> object:
    definitions: dict[str, object] = {"d40": {"type": "string"}}
    for i in range(40):
        both = [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]
        named = {"x": both[0], "y": both[1]}
        definitions[f"d{i}"] = {"properties": named} if shape == "properties" else {shape: both}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


@pytest.mark.parametrize(
    "schema",
    [
        nested(60),
        doubling("properties"),
        doubling("anyOf"),
        {"allOf": [{"$ref": "#"}]},
        {"enum": [str(i) for i in range(6_000)]},
    ],
)
def test_too_large(schema: object) -> None:
    start = time.perf_counter()
    _, findings = to_type(schema, "tool `t`")
    assert {found.code for found in findings} == {"LIC208"}
    assert time.perf_counter() - start < 2


def test_circles_of_references_end() -> None:
    circle = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    _, findings = to_type({**circle, "$ref": "#/$defs/a"}, "tool `t`")
    assert [found.code for found in findings] == ["LIC207"]


def test_arguments_are_a_record() -> None:
    assert to_params({"type": "object"}, "tool `t`") == (RecordType("", ()), [])
    assert to_params({}, "tool `t`") == (RecordType("", ()), [])
    _, findings = to_params({"type": "array"}, "tool `t`")
    assert [found.code for found in findings] == ["LIC204"]
