"""Values for JSON Schemas: mostly valid ones, which a reference validator has to confirm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

DEEPEST = 5
TEXTS = ["", "a", "b", "ab", "abc", "a b", "A1", "x" * 12, "2020-01-01", "bd", "é"]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, 2.5, *TEXTS[:5]]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "n", "in", "type"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def values(schema: Any, root: Mapping[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that go a long way with a schema; `root` is where its references lead."""
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return JSON
    if "$ref" in schema:
        node: Any = root
        for step in schema["$ref"].split("/")[1:]:
            node = node[step.replace("~1", "/").replace("~0", "~")]
        return st.deferred(lambda: values(node, root, depth + 1))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return st.one_of([values(option, root, depth + 1) for option in schema[key]])
    if "allOf" in schema:
        each = [values(part, root, depth + 1) for part in schema["allOf"]]
        return st.tuples(*each).map(_together)
    kinds = schema.get("type", "object" if "properties" in schema else None)
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return st.one_of([_of_kind(kind, schema, root, depth) for kind in kinds])


def _together(parts: tuple[Any, ...]) -> Any:
    if all(isinstance(part, dict) for part in parts):
        return {key: item for part in parts for key, item in part.items()}
    return parts[-1]


def _of_kind(
    kind: object, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int
) -> st.SearchStrategy[Any]:
    match kind:
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "integer":
            return st.integers(_whole(schema, "minimum", -3), _whole(schema, "maximum", 9))
        case "number":
            edges = [float(schema[k]) for k in ("minimum", "maximum") if k in schema]
            return st.sampled_from([0, 1, 1.5, -0.5, 2, *edges])
        case "string":
            low = schema.get("minLength", 0)
            return st.sampled_from(TEXTS) | st.text("ab1-", min_size=low, max_size=low + 3)
        case "array":
            low = schema.get("minItems", 0)
            items = values(schema.get("items", {}), root, depth + 1)
            return st.lists(items, min_size=low, max_size=low + 2)
        case "object":
            return _object(schema, root, depth)
        case _:
            return JSON


def _whole(schema: Mapping[str, Any], key: str, otherwise: int) -> int | None:
    """A bound near the schema's own; None where that would leave nothing."""
    if key in schema:
        return int(schema[key])
    other = schema.get("maximum" if key == "minimum" else "minimum")
    if other is None:
        return otherwise
    return min(otherwise, int(other)) if key == "minimum" else max(otherwise, int(other))


def _object(
    schema: Mapping[str, Any], root: Mapping[str, Any], depth: int
) -> st.SearchStrategy[Any]:
    needed = schema.get("required", [])
    inside = {
        name: values(inner, root, depth + 1) for name, inner in schema.get("properties", {}).items()
    }
    required = {name: inside.get(name, JSON) for name in needed}
    optional = {name: inner for name, inner in inside.items() if name not in required}
    if depth > 2:
        optional = {}
    known = st.fixed_dictionaries(required, optional=optional)
    more = schema.get("additionalProperties")
    if not isinstance(more, Mapping):
        return known
    rest = st.dictionaries(st.sampled_from(TEXTS), values(more, root, depth + 1), max_size=2)
    return st.tuples(rest, known).map(_together)


def altered(data: st.DataObject, value: Any) -> Any:
    """The value with one part replaced, taken away or added."""
    match value:
        case dict() if value and data.draw(st.booleans()):
            name = data.draw(st.sampled_from(sorted(value)))
            fate = data.draw(st.sampled_from(["inside", "gone", "more"]))
            if fate == "inside":
                return {**value, name: altered(data, value[name])}
            if fate == "gone":
                return {key: item for key, item in value.items() if key != name}
            return {**value, "zz": data.draw(JSON)}
        case list() if value and data.draw(st.booleans()):
            place = data.draw(st.integers(0, len(value) - 1))
            return [altered(data, each) if i == place else each for i, each in enumerate(value)]
        case _:
            return data.draw(JSON)
