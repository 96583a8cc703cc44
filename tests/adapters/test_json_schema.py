from decimal import Decimal
from fractions import Fraction

import pytest

from licet.adapters.catalogs.json_schema import to_params, to_type
from licet.compiler.clock import clock
from licet.compiler.intake import BadValue, validator
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
            {"type": "string", "pattern": "(a)\\1"},
            "LIC207",
            "tool `t`: the pattern `(a)\\1` is not checked",
        ),
        (
            {"type": "string", "pattern": "(x(?!ab))*"},
            "LIC207",
            "tool `t`: the pattern `(x(?!ab))*` is checked in part",
        ),
        ({"type": "string", "not": {"const": "a"}}, "LIC207", "tool `t`: `not` is not checked"),
        (
            {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
            "LIC207",
            "tool `t`: a reference that leads to itself is read as any JSON value",
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
        {"allOf": [{"$ref": "#"}]},
        {"enum": [str(i) for i in range(6_000)]},
    ],
)
def test_too_large(schema: object) -> None:
    _, findings = to_type(schema, "tool `t`")
    assert {found.code for found in findings} == {"LIC208"}


def test_what_is_referenced_often_is_read_once() -> None:
    assert to_type(doubling("anyOf"), "tool `t`") == (STRING, [])


ACCEPTED: list[tuple[object, list[object], list[object]]] = [
    (
        {"oneOf": [{"type": "string"}, {"type": "number"}]},
        ["a", 1.5],
        [True, None, [], {}],
    ),
    (
        {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 5}]},
        [1, 5.5],
        [5, 1.5],
    ),
    (
        {
            "anyOf": [
                {"type": "string", "maxLength": 1},
                {"type": "array", "items": {"type": "integer"}},
            ]
        },
        ["a", [1, 2], []],
        ["ab", ["a"], 1],
    ),
    (
        {"type": "array", "items": {"$ref": "#"}},
        [[], [[], [[]]]],
        [1, [1], [[1]]],
    ),
    (
        {
            "$defs": {
                "tree": {
                    "type": "object",
                    "properties": {"n": {"type": "integer"}, "in": {"$ref": "#/$defs/tree"}},
                    "required": ["n"],
                }
            },
            "$ref": "#/$defs/tree",
        },
        [{"n": 1}, {"n": 1, "in": {"n": 2}}],
        [{}, {"n": 1, "in": {"n": "2"}}, {"n": 1, "in": {}}],
    ),
    ({"type": "object"}, [{}, {"a": 1}], [1, [], "a"]),
    ({"type": "object", "minProperties": 1, "maxProperties": 2}, [{"a": 1}], [{}, 1]),
    ({"enum": [1, 5, 9]}, [1, 9], [2, 0]),
    ({"enum": [0.5, 1]}, [0.5, 1], [0.75]),
    ({"type": "string", "pattern": "^(?!aws:)[a-z:]+$"}, ["abc"], ["aws:a", "A"]),
    (
        {"type": "string", "format": "uuid"},
        ["00000000-0000-4000-8000-000000000000"],
        ["00000000"],
    ),
    ({"type": "integer", "format": "int32"}, [2**31 - 1], [2**31]),
]


@pytest.mark.parametrize(("schema", "good", "bad"), ACCEPTED)
def test_documents_are_held_against_their_shape(
    schema: object, good: list[object], bad: list[object]
) -> None:
    kind, findings = to_type(schema, "tool `t`")
    assert findings == []
    check = validator(kind, clock("UTC"))
    for value in good:
        check(value)
    for value in bad:
        with pytest.raises(BadValue):
            check(value)


def test_alternatives_that_were_made_wider_are_no_longer_exclusive() -> None:
    either = {
        "oneOf": [{"type": "string", "not": {"const": "a"}}, {"type": "string", "const": "a"}]
    }
    kind, findings = to_type(either, "tool `t`")
    assert [found.code for found in findings] == ["LIC207"]
    assert validator(kind, clock("UTC"))("a") == "a"


def test_a_shape_that_only_refers_to_itself_ends() -> None:
    schema = {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "string"}]}}}
    kind, _ = to_type({**schema, "$ref": "#/$defs/a"}, "tool `t`")
    with pytest.raises(BadValue):
        validator(kind, clock("UTC"))(1)


def test_circles_of_references_end() -> None:
    circle = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    _, findings = to_type({**circle, "$ref": "#/$defs/a"}, "tool `t`")
    assert [found.code for found in findings] == ["LIC207"]


def test_arguments_are_a_record() -> None:
    assert to_params({"type": "object"}, "tool `t`") == (RecordType("", ()), [])
    assert to_params({}, "tool `t`") == (RecordType("", ()), [])
    _, findings = to_params({"type": "array"}, "tool `t`")
    assert [found.code for found in findings] == ["LIC204"]
