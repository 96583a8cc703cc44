"""What an imported schema lets in is what the reference validator lets in.

Law: a value that is valid is taken; where no warning says that a type is wider than its schema, a
value that is taken is valid. Left out of the comparison is what this language decides otherwise:
null where something is absent, dates and times (checked here, only noted there), the caps.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licet.adapters.catalogs.json_schema import to_type
from licet.compiler.clock import clock
from licet.compiler.intake import BadValue, Problem, validator
from strategies.json_schemas import JSON, altered, values
from support.examples import examples

FOLDER = Path(__file__).parents[1] / "external" / "openapi"
ROWS = [json.loads(line) for line in (FOLDER / "schemas.jsonl").read_text("utf-8").splitlines()]
PUBLISHED = [(f"{row['from']} {row['name']}", row["schema"]) for row in ROWS]
MADE: list[tuple[str, dict[str, Any]]] = [
    ("kinds", {"oneOf": [{"type": "integer"}, {"type": "string"}, {"type": "boolean"}]}),
    ("overlap", {"oneOf": [{"type": "number", "minimum": 1}, {"type": "integer", "maximum": 3}]}),
    ("either", {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "string"}]}),
    ("labels", {"enum": ["a", "b"]}),
    ("numbers", {"enum": [1, 2.5, 7]}),
    ("steps", {"type": "number", "multipleOf": 0.5, "exclusiveMinimum": -1, "maximum": 2}),
    ("looking", {"type": "string", "pattern": "^(?!a)[a-c]{0,3}$"}),
    ("found", {"type": "string", "pattern": "b[^c]"}),
    ("map", {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1}),
    (
        "closed",
        {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "string", "maxLength": 2}},
            "required": ["a"],
            "additionalProperties": False,
        },
    ),
    ("unique", {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 1}),
    (
        "both",
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
                {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"]},
            ]
        },
    ),
]
RECURSIVE: list[tuple[str, dict[str, Any]]] = [
    (
        "tree",
        {
            "$defs": {
                "tree": {
                    "type": "object",
                    "properties": {
                        "n": {"type": "integer", "minimum": 0},
                        "in": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
                    },
                    "required": ["n"],
                    "additionalProperties": False,
                }
            },
            "$ref": "#/$defs/tree",
        },
    ),
]


def compare(schema: dict[str, Any], value: object) -> None:
    kind, findings = to_type(schema, "a schema")
    wider = [found.message for found in findings]
    valid = jsonschema.Draft202012Validator(schema).is_valid(value)
    try:
        validator(kind, clock("UTC"))(value)
        problems: tuple[Problem, ...] = ()
    except BadValue as bad:
        problems = bad.problems
    if not problems:
        assert valid or wider, "taken, though not valid, and nothing says so"
    elif not any(p.kind in ("malformed", "too_large", "not_exact") for p in problems):
        assert not valid, [(p.path, p.kind, p.expected) for p in problems]


def without_null(value: Any) -> Any:
    match value:
        case dict():
            return {k: without_null(v) for k, v in value.items() if v is not None}
        case list():
            return [without_null(v) for v in value if v is not None]
        case _:
            return value


@pytest.mark.parametrize(
    ("name", "schema"), [*PUBLISHED, *MADE, *RECURSIVE], ids=lambda each: str(each)[:60]
)
@settings(max_examples=examples(4, most=8), suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_imported_schemas_agree(name: str, schema: dict[str, Any], data: st.DataObject) -> None:
    value = without_null(data.draw(values(schema, schema)))
    compare(schema, value)
    compare(schema, altered(data, value))


@pytest.mark.parametrize(("name", "schema"), [*RECURSIVE, *MADE], ids=lambda each: str(each)[:60])
@given(value=JSON)
def test_any_value_agrees(name: str, schema: dict[str, Any], value: object) -> None:
    compare(schema, value)
