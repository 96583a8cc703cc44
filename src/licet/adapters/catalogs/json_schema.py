"""JSON Schema 2020-12 → types.

Soundness: every value that the schema allows and that is exact JSON within intake's caps is of
the type, so what is proved for the type holds for every call. The type may allow more only where a
LIC207 warning says so. One deliberate exception makes it narrower: the arguments of a tool are
closed without `additionalProperties`. A nested object is open then, as its schema says; further
fields are dropped, and no policy can read them (docs/decisions/0004).

Schemas come from strangers: depth, size and references are bounded, nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from licet.compiler.clock import clock
from licet.compiler.exact_json import is_text, shortened
from licet.compiler.intake import BadValue, validator
from licet.compiler.types import (
    BOOL,
    JSON,
    STRING,
    Choice,
    Defined,
    Definitions,
    EnumType,
    Field,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
    Value,
)
from licet.compiler.values import MAX_ITEMS
from licet.policy_lang.diagnostics import Diagnostic, Severity
from licet.policy_lang.source import Span

from .schema_parts import (
    ANNOTATIONS,
    UNCHECKED,
    are_lists,
    assertions,
    common,
    disjoint,
    is_null,
    is_number,
    joined,
    parts,
)
from .schema_scalars import Scalars, Schema

MAX_DEPTH = 32
MAX_LEVEL = 100  # of calls: references and combinations do not make a path longer
MAX_NODES = 5_000
#: A referenced schema of more parts is a document, whose shape is checked all the same.
MAX_PARTS = 1_000

_TYPES: Final = ("string", "number", "integer", "boolean", "object", "array", "null")
_LOWER: Final = ("minimum", "minLength", "minItems", "exclusiveMinimum")
_UPPER: Final = ("maximum", "maxLength", "maxItems", "exclusiveMaximum")
_CLOCK = clock("UTC")


def to_type(schema: object, where: str, span: Span | None = None) -> tuple[Type, list[Diagnostic]]:
    """The type of a schema, and what was wrong with it or left out.

    `where` names the schema in messages (`tool \\`refund\\``). References lead into `schema` only.
    After an error the type is still one, for further checking; it is not to be used.
    """
    reader = Reader(schema, where, span)
    return reader.read(schema, ()), reader.diagnostics


def to_params(
    schema: object, where: str, span: Span | None = None
) -> tuple[RecordType, list[Diagnostic]]:
    """The type of a tool's arguments: always a record, closed unless the schema opens it."""
    reader = Reader(schema, where, span)
    if isinstance(schema, Mapping) and not schema:
        return RecordType("", ()), []
    result = reader.read(schema, (), record=True)
    if not isinstance(result, RecordType):
        reader.report("LIC204", (), "the arguments of a tool are described by an object schema")
        result = RecordType("", ())
    # Whatever the schema says: an argument that nobody described is a misspelt one.
    return replace(result, open=False), reader.diagnostics


class Reader(Scalars):
    """Reads the schemas of one document; what is referenced is read once."""

    def __init__(
        self,
        root: object,
        where: str,
        span: Span | None = None,
        *,
        max_nodes: int = MAX_NODES,
        unsent: Literal["readOnly", "writeOnly"] | None = None,
    ) -> None:
        """`unsent`: properties that say so need not be there (OpenAPI's `readOnly` in requests)."""
        super().__init__(where, span)
        self.unsent = unsent
        self.root = root
        self.max_nodes = max_nodes
        self.nodes = 0
        self.level = 0
        self.references: list[str] = []
        self._known: dict[str, tuple[Type, bool]] = {}
        self._sizes: dict[int, tuple[Type, int]] = {}
        self._recursive: set[str] = set()
        self._definitions = Definitions()

    def read(self, schema: object, path: tuple[str, ...], record: bool = False) -> Type:
        """The type of a sub-schema; `record`: an object stays one even if nothing describes it."""
        self.nodes += 1
        if len(path) > MAX_DEPTH or self.level > MAX_LEVEL:
            self.report("LIC208", path, f"the schema nests deeper than {MAX_DEPTH}")
            return JSON
        if self.nodes > self.max_nodes:
            self.report("LIC208", (), f"the schema has over {self.max_nodes:,} parts")
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
        siblings = assertions(schema, "$ref")
        if siblings or record:
            if pointer in self.references:
                self.widen(path, "a schema that contains itself is read as any JSON value")
                return JSON
            self.references.append(pointer)
            whole = {"allOf": [target, siblings]} if siblings else target
            result = self.read(whole, path, record)
            self.references.pop()
        else:
            result = self.referenced(pointer, target, path)
        return OptionalType.of(result) if schema.get("nullable") is True else result

    def referenced(self, pointer: str, target: object, path: tuple[str, ...]) -> Type:
        """The type of what is referenced: read once, a document if it contains itself."""
        known = self._known.get(pointer)
        if known is None:
            if pointer in self.references:
                self._recursive.add(pointer)
                return JsonType(Defined(pointer, self._definitions))
            before = self.widened
            self.references.append(pointer)
            result = self.read(target, path)
            self.references.pop()
            if isinstance(result, JsonType) and result.shape == Defined(pointer, self._definitions):
                self.widen(path, "a reference that leads to itself is read as any JSON value")
                result = JSON
            elif pointer in self._recursive or self.size(result) > MAX_PARTS:
                self._definitions.types[pointer] = result
                result = JsonType(Defined(pointer, self._definitions))
            known = self._known[pointer] = (result, self.widened > before)
        elif known[1]:
            self.widened += 1  # said where it was read
        return known[0]

    def size(self, kind: Type) -> int:
        """The parts of a type written out."""
        known = self._sizes.get(id(kind))
        if known is None:
            size = 1 + sum(map(self.size, parts(kind)))
            known = self._sizes[id(kind)] = (kind, size)  # kept, so that its id stays its own
        return known[1]

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
                elif key not in ANNOTATIONS:
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
        while set(part) - ANNOTATIONS == {"$ref"}:
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
        rest = assertions(schema, key)
        if isinstance(rest.pop("discriminator", None), Mapping):
            options = self.discriminated(schema["discriminator"], options, path)
        present = [option for option in options if not is_null(option)]
        optional = len(present) < len(options) or schema.get("nullable") is True
        if not present:
            return self.read({"type": "null"}, path)
        if rest:
            present = [{"allOf": [option, rest]} for option in present]
        before = self.widened
        types = [self.read(option, path) for option in present]
        optional = optional or any(isinstance(kind, OptionalType) for kind in types)
        bare = [kind.inner if isinstance(kind, OptionalType) else kind for kind in types]
        # Two alternatives that were made wider may both fit a value that only one of them fits.
        exactly_one = key == "oneOf" and self.widened == before and not disjoint(bare)
        inner = None if exactly_one else joined(bare)
        if inner is None:
            inner = JsonType(Choice(tuple(bare), exactly_one))
        return OptionalType.of(inner) if optional else inner

    def discriminated(
        self, discriminator: Schema, options: list[object], path: tuple[str, ...]
    ) -> list[object]:
        """The alternatives of an OpenAPI discriminator, each with the labels that stand for it."""
        name, mapping = discriminator.get("propertyName"), discriminator.get("mapping") or {}
        if not isinstance(name, str) or not isinstance(mapping, Mapping):
            self.malformed(path, "discriminator", "an object with a `propertyName`")
            return options
        narrowed: list[object] = []
        for option in options:
            pointer = option.get("$ref") if isinstance(option, Mapping) else None
            if not isinstance(pointer, str):
                narrowed.append(option)
                continue
            bare = pointer.rpartition("/")[2]
            labels = [label for label, target in mapping.items() if target in (pointer, bare)]
            labels = labels or [bare]
            if not self.allows(pointer, name, labels):
                narrowed.append(option)  # the schema itself says otherwise: it wins
                continue
            label = {"properties": {name: {"enum": labels}}, "required": [name]}
            narrowed.append({"allOf": [option, label]})
        return narrowed

    def allows(self, pointer: str, name: str, labels: list[str]) -> bool:
        """Whether a schema's own property may have all of some labels."""
        schema = self.resolve(pointer)
        own = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
        inner = own.get(name) if isinstance(own, Mapping) else None
        if not isinstance(inner, Mapping):
            return True
        known = inner.get("enum", [inner["const"]] if "const" in inner else labels)
        return isinstance(known, list) and set(labels) <= {k for k in known if isinstance(k, str)}

    # --- one schema without combinations ---------------------------------------------------

    def plain(self, schema: Schema, path: tuple[str, ...], record: bool) -> Type:
        for key in UNCHECKED:
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
            if any(key not in ANNOTATIONS for key in schema):
                self.widen(path, "a schema without a `type` is read as any JSON value")
            return JSON
        types = [self.one(kind, schema, path, record) for kind in present]
        inner = joined(types)
        if inner is None:
            inner = JsonType(Choice(tuple(types)))
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
        low = self.count(schema, "minProperties", path) or 0
        high = self.count(schema, "maxProperties", path)
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
            if is_map or low or high is not None or "propertyNames" in schema:
                return self.map(schema, more if is_map else True, low, high, path)
            return JsonType(Choice((MapType(STRING, JSON),)))
        if low or high is not None:
            self.widen(path, "`minProperties` and `maxProperties` are not checked")
        if is_map:
            self.widen(path, "further properties are not checked against their schema")
        if "propertyNames" in schema:
            self.widen(path, "`propertyNames` is not checked")
        fields = [
            self.property(name, inner, name in required and not self.is_unsent(inner), path)
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

    def is_unsent(self, schema: object) -> bool:
        """Whether OpenAPI says that a property is not sent in this direction."""
        if self.unsent is None or not isinstance(schema, Mapping):
            return False
        if "$ref" in schema and self.unsent not in schema:
            target = self.resolve(schema["$ref"])
            return isinstance(target, Mapping) and target.get(self.unsent) is True
        return schema.get(self.unsent) is True

    def is_name(self, name: object, path: tuple[str, ...]) -> bool:
        if isinstance(name, str) and is_text(name):
            return True
        self.malformed(path, "a property's name", "text")
        return False

    def map(
        self, schema: Schema, more: object, low: int, high: int | None, path: tuple[str, ...]
    ) -> Type:
        if low > (MAX_ITEMS if high is None else min(high, MAX_ITEMS)):
            self.impossible(path, "`minProperties` is more than can be")
            low = 0
        key: Type = STRING
        if "propertyNames" in schema:
            names = schema["propertyNames"]
            found = self.read(
                {"type": "string", **names} if isinstance(names, Mapping) else names,
                (*path, "{name}"),
            )
            if isinstance(found, (StringType, EnumType)):
                key = found
        return MapType(key, self.read(more, (*path, "{}")), low, high)

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
