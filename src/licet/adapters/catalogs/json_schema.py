"""JSON Schema 2020-12 → types.

Soundness: every value that the schema allows and that is exact JSON within intake's caps is of
the type, so what is proved for the type holds for every call. The type may allow more only where a
LIC207 warning says so. One deliberate exception makes it narrower: the arguments of a tool are
closed without `additionalProperties`. A nested object is open then, as its schema says; further
fields are dropped, and no policy can read them (docs/decisions/0004).

Schemas come from strangers: depth, size and references are bounded, nothing is fetched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from licet.compiler.clock import clock
from licet.compiler.exact_json import is_text, shortened
from licet.compiler.intake import BadValue, validator
from licet.compiler.regex import from_schema
from licet.compiler.types import (
    BOOL,
    DATE,
    JSON,
    STRING,
    TIME,
    DateType,
    DecimalType,
    EnumType,
    Field,
    IntType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    TimeType,
    Type,
    Value,
)
from licet.compiler.values import MAX_ITEMS, MAX_TEXT, conforms
from licet.policy_lang.diagnostics import Diagnostic, Severity
from licet.policy_lang.source import Span

from .schema_parts import are_lists, common, is_kind, is_null, is_number, joined

MAX_DEPTH = 32
MAX_LEVEL = 100  # of calls: references and combinations do not make a path longer
MAX_NODES = 5_000
MAX_LABELS = 5_000

_TYPES: Final = ("string", "number", "integer", "boolean", "object", "array", "null")
_UNCHECKED: Final = (
    *("not", "if", "dependentRequired", "dependentSchemas", "dependencies", "contains"),
    *("patternProperties", "minProperties", "maxProperties", "prefixItems", "unevaluatedItems"),
)
_ANNOTATIONS: Final = frozenset(
    (
        *("title", "description", "examples", "example", "deprecated", "readOnly", "writeOnly"),
        *("$comment", "$id", "$schema", "$defs", "definitions", "default", "nullable"),
    )
)
_LOWER: Final = ("minimum", "minLength", "minItems", "exclusiveMinimum")
_UPPER: Final = ("maximum", "maxLength", "maxItems", "exclusiveMaximum")
_CLOCK = clock("UTC")
Schema = Mapping[str, Any]


def to_type(schema: object, where: str, span: Span | None = None) -> tuple[Type, list[Diagnostic]]:
    """The type of a schema, and what was wrong with it or left out.

    `where` names the schema in messages (`tool \\`refund\\``). References lead into `schema` only.
    After an error the type is still one, for further checking; it is not to be used.
    """
    reader = _Reader(schema, where, span)
    return reader.read(schema, ()), reader.diagnostics


def to_params(
    schema: object, where: str, span: Span | None = None
) -> tuple[RecordType, list[Diagnostic]]:
    """The type of a tool's arguments: always a record, closed unless the schema opens it."""
    reader = _Reader(schema, where, span)
    if isinstance(schema, Mapping) and not schema:
        return RecordType("", ()), []
    result = reader.read(schema, (), record=True)
    if not isinstance(result, RecordType):
        reader.report("LIC204", (), "the arguments of a tool are described by an object schema")
        result = RecordType("", ())
    # Whatever the schema says: an argument that nobody described is a misspelt one.
    return replace(result, open=False), reader.diagnostics


class _Reader:
    def __init__(self, root: object, where: str, span: Span | None) -> None:
        self.root = root
        self.where = where
        self.span = span
        self.diagnostics: list[Diagnostic] = []
        self.nodes = 0
        self.level = 0
        self.references: list[str] = []

    def report(
        self,
        code: str,
        path: tuple[str, ...],
        message: str,
        severity: Severity = Severity.error,
        help: str | None = None,
    ) -> None:
        at = f", at {shortened('.'.join(path), 120)}" if path else ""
        found = Diagnostic(code, f"{self.where}{at}: {message}", self.span, severity, help=help)
        if found not in self.diagnostics[-50:]:
            self.diagnostics.append(found)

    def widen(self, path: tuple[str, ...], message: str) -> None:
        self.report("LIC207", path, message, Severity.warning)

    def malformed(self, path: tuple[str, ...], key: str, expected: str) -> None:
        self.report("LIC204", path, f"{shortened(key)} is not {expected}")

    def impossible(self, path: tuple[str, ...], reason: str) -> None:
        self.report("LIC205", path, f"no value fits this schema: {reason}")

    def read(self, schema: object, path: tuple[str, ...], record: bool = False) -> Type:
        """The type of a sub-schema; `record`: an object stays one even if nothing describes it."""
        self.nodes += 1
        if len(path) > MAX_DEPTH or self.level > MAX_LEVEL:
            self.report("LIC208", path, f"the schema nests deeper than {MAX_DEPTH}")
            return JSON
        if self.nodes > MAX_NODES:
            self.report("LIC208", (), f"the schema has over {MAX_NODES:,} parts")
            return JSON
        self.level += 1
        try:
            return self.dispatch(schema, path, record)
        finally:
            self.level -= 1

    def dispatch(self, schema: object, path: tuple[str, ...], record: bool) -> Type:
        if schema is True or schema == {}:
            return JSON
        if schema is False:
            self.impossible(path, "it is `false`")
            return JSON
        if not isinstance(schema, Mapping):
            self.malformed(path, "schema", "an object or a boolean")
            return JSON
        if "$ref" in schema:
            return self.reference(schema, path, record)
        if "allOf" in schema:
            parts = schema["allOf"]
            if not isinstance(parts, list) or not all(isinstance(p, Mapping) for p in parts):
                self.malformed(path, "allOf", "a list of schemas")
                return JSON
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            return self.read(self.merged([*parts, rest], path), path, record)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self.union(schema, key, path)
        inner = self.plain(schema, path, record)
        return OptionalType.of(inner) if schema.get("nullable") is True else inner

    # --- references and combinations -------------------------------------------------------

    def reference(self, schema: Schema, path: tuple[str, ...], record: bool) -> Type:
        pointer = schema["$ref"]
        target = self.resolve(pointer)
        if target is None:
            self.report(
                "LIC204",
                path,
                f"the reference {shortened(str(pointer))} leads nowhere in this schema",
                help="only references inside the schema, `#/$defs/…`, are followed",
            )
            return JSON
        if pointer in self.references:
            self.widen(path, "a schema that contains itself is read as any JSON value")
            return JSON
        siblings = {k: v for k, v in schema.items() if k != "$ref" and k not in _ANNOTATIONS}
        self.references.append(pointer)
        whole = {"allOf": [target, siblings]} if siblings else target
        result = self.read(whole, path, record)
        self.references.pop()
        return OptionalType.of(result) if schema.get("nullable") is True else result

    def resolve(self, pointer: object) -> object:
        if not isinstance(pointer, str) or not (pointer == "#" or pointer.startswith("#/")):
            return None
        node: object = self.root
        for raw in pointer.split("/")[1:]:
            step = raw.replace("~1", "/").replace("~0", "~")
            if isinstance(node, Mapping) and step in node:
                node = node[step]
            elif isinstance(node, list) and step.isascii() and step.isdigit():
                index = int(step[:9])
                if index >= len(node):
                    return None
                node = node[index]
            else:
                return None
        return node

    def merged(self, parts: Iterable[Schema], path: tuple[str, ...]) -> Schema:
        """One schema for the conjunction of several, at most wider than it."""
        result: dict[str, Any] = {}
        for part in parts:
            opened, pointers = self.opened(part)
            if pointers is None:
                self.widen(path, "a schema that contains itself is left out of this `allOf`")
                continue
            for key, value in opened.items():
                if key not in result or result[key] == value:
                    result[key] = value
                elif key == "properties" and isinstance(value, Mapping):
                    result[key] = self.merged_properties(result[key], value)
                elif key in ("required", "allOf") and are_lists(result[key], value):
                    result[key] = [
                        *result[key],
                        *(item for item in value if item not in result[key]),
                    ]
                elif key in _LOWER and is_number(result[key]) and is_number(value):
                    result[key] = max(result[key], value)
                elif key in _UPPER and is_number(result[key]) and is_number(value):
                    result[key] = min(result[key], value)
                elif key in ("type", "enum"):
                    result[key] = common(result[key], value)
                elif key not in _ANNOTATIONS:
                    self.widen(path, f"two different {shortened(key)} in one `allOf`: one is kept")
        return result

    def merged_properties(self, left: object, right: Schema) -> Schema:
        both = dict(left) if isinstance(left, Mapping) else {}
        for name, schema in right.items():
            both[name] = {"allOf": [both[name], schema]} if name in both else schema
        return both

    def opened(self, part: Schema) -> tuple[Schema, object]:
        """A part of an `allOf` with the references at its top followed; (…, None) in a circle."""
        seen: list[object] = []
        while set(part) - _ANNOTATIONS == {"$ref"}:
            pointer = part["$ref"]
            target = self.resolve(pointer)
            if pointer in seen or pointer in self.references or not isinstance(target, Mapping):
                return part, None if isinstance(target, Mapping) else seen
            seen.append(pointer)
            part = target
        return part, seen

    def union(self, schema: Schema, key: str, path: tuple[str, ...]) -> Type:
        options = schema[key]
        if not isinstance(options, list) or not options:
            self.malformed(path, key, "a list of schemas")
            return JSON
        rest = {k: v for k, v in schema.items() if k != key and k not in _ANNOTATIONS}
        present = [option for option in options if not is_null(option)]
        optional = len(present) < len(options) or schema.get("nullable") is True
        if not present:
            return self.read({"type": "null"}, path)
        if rest:
            present = [{"allOf": [option, rest]} for option in present]
        before = len(self.diagnostics)
        types = [self.read(option, path) for option in present]
        inner = joined(types)
        if inner is None:
            if not any(d.severity is Severity.error for d in self.diagnostics[before:]):
                self.widen(path, f"a choice between {len(types)} kinds is read as any JSON value")
            inner = JSON
        return OptionalType.of(inner) if optional else inner

    # --- one schema without combinations ---------------------------------------------------

    def plain(self, schema: Schema, path: tuple[str, ...], record: bool) -> Type:
        for key in _UNCHECKED:
            if key in schema:
                self.widen(path, f"{shortened(key)} is not checked")
        kinds = self.kinds(schema, path)
        if kinds is None:
            return JSON
        if "const" in schema:
            return self.labels([schema["const"]], schema, kinds, path)
        if "enum" in schema:
            values = schema["enum"]
            if not isinstance(values, list):
                self.malformed(path, "enum", "a list")
                return JSON
            return self.labels(values, schema, kinds, path)
        present = [kind for kind in kinds if kind != "null"]
        if not present:
            if kinds:
                self.widen(path, "a value that is always null is read as any JSON value")
                return OptionalType(JSON)
            if any(key not in _ANNOTATIONS for key in schema):
                self.widen(path, "a schema without a `type` is read as any JSON value")
            return JSON
        types = [self.one(kind, schema, path, record) for kind in present]
        inner = joined(types)
        if inner is None:
            self.widen(path, f"a choice between {len(types)} kinds is read as any JSON value")
            inner = JSON
        return OptionalType.of(inner) if len(present) < len(kinds) else inner

    def kinds(self, schema: Schema, path: tuple[str, ...]) -> list[str] | None:
        """The JSON types that a schema names or implies; None if `type` is malformed."""
        if "type" not in schema:
            if "properties" in schema:
                return ["object"]
            return ["array"] if "items" in schema else []
        named = schema["type"]
        kinds = named if isinstance(named, list) else [named]
        if not all(isinstance(kind, str) and kind in _TYPES for kind in kinds):
            self.malformed(path, "type", "the name of a JSON type")
            return None
        if not kinds:
            self.impossible(path, "it has no type")
            return None
        return list(dict.fromkeys(kinds))

    def one(self, kind: str, schema: Schema, path: tuple[str, ...], record: bool) -> Type:
        match kind:
            case "string":
                return self.string(schema, path)
            case "integer":
                return self.integer(schema, path)
            case "number":
                return self.number(schema, path)
            case "boolean":
                return BOOL
            case "array":
                return self.array(schema, path)
            case _:
                return self.structure(schema, path, record)

    def labels(
        self, values: list[object], schema: Schema, kinds: list[str], path: tuple[str, ...]
    ) -> Type:
        """The type of an `enum` or `const`."""
        if len(values) > MAX_LABELS:
            self.report("LIC208", path, f"an `enum` has over {MAX_LABELS:,} values")
            return JSON
        fitting = [v for v in values if not kinds or any(is_kind(v, kind) for kind in kinds)]
        present = [v for v in fitting if v is not None]
        if not fitting:
            self.impossible(path, "no value of its `enum` is of its `type`")
            return JSON
        inner: Type = JSON
        if present and all(isinstance(v, str) for v in present):
            base = self.string({k: v for k, v in schema.items() if k != "format"}, path)
            names = tuple(dict.fromkeys(v for v in present if conforms(v, base)))
            if not names:
                self.impossible(path, "no value of its `enum` fits the rest of it")
                return JSON
            inner = EnumType("", tuple(str(name) for name in names))
        elif present and all(is_number(v) for v in present):
            inner = self.numbers(sorted({Fraction(str(v)) for v in present}), path)
        elif present and all(isinstance(v, bool) for v in present):
            inner = BOOL
            if len({*map(str, present)}) == 1:
                self.widen(path, "a boolean `const` is read as either boolean")
        else:
            self.widen(path, "an `enum` of several kinds is read as any JSON value")
        return OptionalType.of(inner) if len(present) < len(fitting) else inner

    def numbers(self, values: list[Fraction], path: tuple[str, ...]) -> Type:
        low, high = values[0], values[-1]
        if len({v.denominator for v in values} | {1}) > 1:
            if len(values) > 1:
                self.widen(path, "an `enum` of numbers is read as the range of them")
            return DecimalType(low, high)
        if len(values) != high - low + 1:
            self.widen(path, "an `enum` of numbers is read as the range of them")
        return IntType(int(low), int(high))

    def string(self, schema: Schema, path: tuple[str, ...]) -> Type:
        low = self.count(schema, "minLength", path) or 0
        high = self.count(schema, "maxLength", path)
        if low > (MAX_TEXT if high is None else min(high, MAX_TEXT)):
            self.impossible(path, "`minLength` is more than can be")
            return STRING
        patterns: tuple[str, ...] = ()
        if "pattern" in schema:
            text = schema["pattern"]
            if not isinstance(text, str):
                self.malformed(path, "pattern", "text")
            elif (pattern := from_schema(text)) is None:
                self.widen(path, f"the pattern {shortened(text)} is not checked")
            else:
                patterns = (pattern,)
        day_or_time: Mapping[str, DateType | TimeType] = {"date": DATE, "date-time": TIME}
        chosen = day_or_time.get(str(schema.get("format")))
        if chosen is not None:
            if patterns or low or high is not None:
                self.widen(path, "length and pattern of a date or time are not checked")
            return chosen
        return StringType(low, high, patterns)

    def integer(self, schema: Schema, path: tuple[str, ...]) -> Type:
        low, low_open, high, high_open, step = self.limits(schema, path)
        first = None if low is None else math.floor(low) + 1 if low_open else math.ceil(low)
        last = None if high is None else math.ceil(high) - 1 if high_open else math.floor(high)
        every = None if step is None or step.numerator == 1 else step.numerator
        if first is not None and last is not None:
            size = every or 1
            if -(-first // size) * size > last:
                self.impossible(path, "its range is empty")
                return IntType()
        return IntType(first, last, every)

    def number(self, schema: Schema, path: tuple[str, ...]) -> Type:
        low, low_open, high, high_open, step = self.limits(schema, path)
        if low is not None and high is not None:
            empty = low > high or (low == high and (low_open or high_open))
            if step is not None and not empty:
                first = -(-low // step) * step
                first += step if low_open and first == low else 0
                empty = first > high or (high_open and first == high)
            if empty:
                self.impossible(path, "its range is empty")
                return DecimalType()
        return DecimalType(low, high, low_open, high_open, step)

    def limits(
        self, schema: Schema, path: tuple[str, ...]
    ) -> tuple[Fraction | None, bool, Fraction | None, bool, Fraction | None]:
        low, low_open = self.limit(schema, "minimum", "exclusiveMinimum", max, path)
        high, high_open = self.limit(schema, "maximum", "exclusiveMaximum", min, path)
        step = self.amount(schema, "multipleOf", path)
        if step is not None and step <= 0:
            self.malformed(path, "multipleOf", "a number above 0")
            step = None
        return low, low_open, high, high_open, step

    def limit(
        self,
        schema: Schema,
        key: str,
        open_key: str,
        stricter: Callable[[Fraction, Fraction], Fraction],
        path: tuple[str, ...],
    ) -> tuple[Fraction | None, bool]:
        closed = self.amount(schema, key, path)
        if isinstance(schema.get(open_key), bool):  # draft 4 and OpenAPI 3.0
            return closed, closed is not None and schema[open_key] is True
        opened = self.amount(schema, open_key, path)
        if opened is None or closed is None:
            return (closed, False) if opened is None else (opened, True)
        if opened == closed or stricter(opened, closed) == opened:
            return opened, True
        return closed, False

    def amount(self, schema: Schema, key: str, path: tuple[str, ...]) -> Fraction | None:
        if key not in schema:
            return None
        value = schema[key]
        if not is_number(value):
            self.malformed(path, key, "a number")
            return None
        return Fraction(str(value))

    def count(self, schema: Schema, key: str, path: tuple[str, ...]) -> int | None:
        value = self.amount(schema, key, path)
        if value is None:
            return None
        if value < 0 or value.denominator != 1:
            self.malformed(path, key, "a whole number from 0")
            return None
        return int(value)

    def array(self, schema: Schema, path: tuple[str, ...]) -> Type:
        items = schema.get("items", True)
        if isinstance(items, list):
            self.widen(path, "`items` as a list is not checked")
            items = True
        element = self.read(items, (*path, "[]"))
        if "prefixItems" in schema:
            element = JSON
        low = self.count(schema, "minItems", path) or 0
        high = self.count(schema, "maxItems", path)
        if low > (MAX_ITEMS if high is None else min(high, MAX_ITEMS)):
            self.impossible(path, "`minItems` is more than can be")
        return ListType(element, low, high, schema.get("uniqueItems") is True)

    def structure(self, schema: Schema, path: tuple[str, ...], record: bool) -> Type:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        more = schema.get("additionalProperties", schema.get("unevaluatedProperties"))
        if not isinstance(properties, Mapping):
            self.malformed(path, "properties", "an object")
            return JSON
        if not isinstance(required, list) or not all(isinstance(n, str) for n in required):
            self.malformed(path, "required", "a list of names")
            return JSON
        if more is not None and not isinstance(more, (bool, Mapping)):
            self.malformed(path, "additionalProperties", "a schema")
            return JSON
        is_map = isinstance(more, Mapping) and bool(more)
        if not properties and not required and not record and more is not False:
            return self.map(schema, more, path) if is_map else JSON
        if "propertyNames" in schema:
            self.widen(path, "`propertyNames` is not checked")
        fields = [
            self.property(name, inner, name in required, path)
            for name, inner in properties.items()
            if self.is_name(name, path)
        ]
        fields += [
            Field(name, JSON)
            for name in dict.fromkeys(required)
            if name not in properties and self.is_name(name, path)
        ]
        is_open = more is True or isinstance(more, Mapping) or (more is None and not record)
        return RecordType("", tuple(fields), open=is_open)

    def is_name(self, name: object, path: tuple[str, ...]) -> bool:
        if isinstance(name, str) and is_text(name):
            return True
        self.malformed(path, "a property's name", "text")
        return False

    def map(self, schema: Schema, more: object, path: tuple[str, ...]) -> Type:
        key: Type = STRING
        if "propertyNames" in schema:
            names = schema["propertyNames"]
            found = self.read(
                {"type": "string", **names} if isinstance(names, Mapping) else names,
                (*path, "{name}"),
            )
            if isinstance(found, (StringType, EnumType)):
                key = found
        return MapType(key, self.read(more, (*path, "{}")))

    def property(self, name: str, schema: object, required: bool, path: tuple[str, ...]) -> Field:
        inner = self.read(schema, (*path, name))
        if required:
            return Field(name, inner)
        default = self.default(schema, inner, (*path, name))
        return Field(name, inner if default is not None else OptionalType.of(inner), default)

    def default(self, schema: object, type: Type, path: tuple[str, ...]) -> Value:
        """The run-time value of a default; None for none, for null and for one that is wrong."""
        if not isinstance(schema, Mapping) or schema.get("default") is None:
            return None
        try:
            return validator(type, _CLOCK)(schema["default"])
        except BadValue as bad:
            problem = bad.problems[0]
            message = f"the default is not of the type: expected {problem.expected}"
            self.report("LIC209", path, message, Severity.warning)
            return None
