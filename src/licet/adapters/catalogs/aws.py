"""Amazon's services, from the models that botocore brings along.

Every operation of a service is a tool, named and qualified as AWS does (`ec2.RunInstances`). A
model is read when its service is first asked for, an operation's types when it is. Only
botocore's own data is read: models in a user's folder could say anything.

Soundness: as in `json_schema`. What AWS checks beyond its models is not known here; where a
pattern cannot be said exactly, the type is wider and `notes` says so.
"""

from __future__ import annotations

import functools
import hashlib
import html
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any, Final

from licet.compiler.catalog import Alias, Tool
from licet.compiler.foreign_patterns import whole
from licet.compiler.types import (
    BOOL,
    JSON,
    DecimalType,
    Defined,
    Definitions,
    EnumType,
    Field,
    IntType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    TimeType,
    Type,
)
from licet.compiler.values import MAX_ITEMS, MAX_TEXT

from .extras import needed

#: A nested structure of more parts is a document, whose shape is checked all the same.
MAX_PARTS = 1_000
MAX_DESCRIPTION = 300
_INT32: Final = (-(2**31), 2**31 - 1)
_INT64: Final = (-(2**63), 2**63 - 1)
_READS: Final = re.compile(r"(Describe|List|Get|Head|BatchGet|Lookup|Search|Query|Scan)(?![a-z])")

Model = Mapping[str, Any]


def services() -> tuple[str, ...]:
    """Every service that the installed botocore knows. Raises MissingExtraError."""
    return tuple(_loader().list_available_services("service-2"))


def version() -> str:
    """What the models are from: `botocore 1.44.8`."""
    return f"botocore {needed('botocore', 'aws').__version__}"


@functools.lru_cache(maxsize=1)
def _loader() -> Any:
    needed("botocore", "aws")
    from botocore.loaders import Loader

    return Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)


@functools.cache
def service(name: str) -> AwsService:
    """One service's tools. Raises KeyError for a service that botocore does not know."""
    if name not in services():
        raise KeyError(name)
    loader = _loader()
    latest = loader.determine_latest_version(name, "service-2")
    _, path = loader.load_data_with_path(f"{name}/{latest}/service-2")
    files = hashlib.sha256(f"licet aws 1 {name} {version()}".encode())
    for file in sorted(Path(path).parent.glob("service-2.*")):  # the model, and additions to it
        files.update(hashlib.sha256(file.read_bytes()).digest())
    return AwsService(name, loader.load_service_model(name, "service-2"), files.hexdigest())


@functools.lru_cache(maxsize=1)
def _iam_actions() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The actions of IAM policies that are named unlike the operations that they allow."""
    text = resources.files(__package__).joinpath("iam_actions.json").read_text("utf-8")
    found: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(text)
    return found


class AwsService:
    """The operations of one service as tools; a `ToolSource`."""

    def __init__(self, name: str, model: Model, digest: str) -> None:
        self._name = name
        self._digest = digest
        self._operations: Mapping[str, Model] = model.get("operations", {})
        self._shapes: Mapping[str, Model] = model.get("shapes", {})
        self._types = _Types(self._shapes)
        self._tools: dict[str, Tool] = {}
        self._turn = threading.Lock()
        self.title = str(model.get("metadata", {}).get("serviceFullName", name))

    @property
    def name(self) -> str:
        return self._name

    @property
    def digest(self) -> str:
        return self._digest

    def names(self) -> Sequence[str]:
        return tuple(self._operations)

    def tool(self, name: str) -> Tool:
        found = self._tools.get(name)
        if found is None:
            with self._turn:
                found = self._tools.setdefault(name, self._read(name, self._operations[name]))
        return found

    def aliases(self) -> Mapping[str, Alias]:
        known = _iam_actions().get(self._name, {})
        return {
            action: Alias("the name of an IAM action", kept)
            for action, operations in known.items()
            if action not in self._operations
            and (kept := tuple(name for name in operations if name in self._operations))
        }

    def notes(self) -> Iterator[str]:
        """What the types of the operations read so far let in beyond their models."""
        yield from self._types.notes

    def _read(self, name: str, operation: Model) -> Tool:
        given = operation.get("input")
        result = operation.get("output")
        read_only = operation.get("readonly") is True or bool(_READS.match(name))
        documentation = str(operation.get("documentation", ""))
        return Tool(
            name=name,
            source=self._name,
            params=RecordType("", ()) if given is None else self._types.arguments(given["shape"]),
            result=None if result is None else self._types.named(result["shape"]),
            description=_first_sentence(documentation),
            read_only=read_only,
            destructive=not read_only,
            digest=self._tool_digest(operation),
        )

    def _tool_digest(self, operation: Model) -> str:
        """Over the operation and every shape that it reaches, descriptions included."""
        reached: dict[str, Model] = {}
        wanted = [operation[key]["shape"] for key in ("input", "output") if key in operation]
        while wanted:
            shape = wanted.pop()
            if shape not in reached:
                reached[shape] = self._shapes[shape]
                wanted += [inner["shape"] for inner in _parts(self._shapes[shape])]
        text = json.dumps([operation, reached], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(b"licet aws 1 " + text.encode()).hexdigest()


def _parts(shape: Model) -> list[Model]:
    match shape["type"]:
        case "structure":
            return list(shape.get("members", {}).values())
        case "list":
            return [shape["member"]]
        case "map":
            return [shape["key"], shape["value"]]
        case _:
            return []


class _Types:
    """The types of one service's shapes, each made once."""

    def __init__(self, shapes: Mapping[str, Model]) -> None:
        self._shapes = shapes
        self._made: dict[str, Type] = {}
        self._sizes: dict[str, float] = {}
        self._definitions = Definitions()
        self.notes: list[str] = []

    def arguments(self, name: str) -> RecordType:
        """The type of an operation's input: always a record, however large."""
        made = self._structure(self._shapes[name])
        return made if isinstance(made, RecordType) else RecordType("", ())

    def named(self, name: str) -> Type:
        """The type of a shape; a document where it contains itself or is very large."""
        made = self._made.get(name)
        if made is None:
            shape = self._shapes[name]
            if shape["type"] == "structure" and self._size(name, frozenset()) > MAX_PARTS:
                made = self._made[name] = JsonType(Defined(name, self._definitions))
                self._definitions.types[name] = self._structure(shape)
            else:
                made = self._made[name] = self._type(name, shape)
        return made

    def _size(self, name: str, around: frozenset[str]) -> float:
        """The parts of a shape written out; infinite if a structure contains itself."""
        if name in around:
            return float("inf")
        known = self._sizes.get(name)
        if known is None:
            inside = around | {name}
            parts = _parts(self._shapes[name])
            known = self._sizes[name] = 1 + sum(self._size(p["shape"], inside) for p in parts)
        return known

    def _type(self, name: str, shape: Model) -> Type:
        match shape["type"]:
            case "structure":
                return self._structure(shape)
            case "list":
                return ListType(self.named(shape["member"]["shape"]), *_lengths(shape, MAX_ITEMS))
            case "map":
                key = self.named(shape["key"]["shape"])
                if not isinstance(key, StringType | EnumType):
                    key = StringType()
                value = self.named(shape["value"]["shape"])
                return MapType(key, value, *_lengths(shape, MAX_ITEMS))
            case "string":
                return self._string(name, shape)
            case "blob":
                return StringType(*_lengths(shape, MAX_TEXT))
            case "boolean":
                return BOOL
            case "integer":
                return _integer(shape, *_INT32)
            case "long":
                return _integer(shape, *_INT64)
            case "float" | "double":
                low, high = (None if end is None else Fraction(str(end)) for end in _ends(shape))
                return DecimalType(low, high)
            case "timestamp":
                return TimeType(seconds=True)
            case _:
                self.notes.append(f"{name}: `{shape['type']}` is read as any JSON value")
                return JSON

    def _structure(self, shape: Model) -> Type:
        if shape.get("document") or shape.get("eventstream"):
            return JSON
        required = frozenset(shape.get("required", ()))
        fields = [
            Field(name, self._member(member, name in required))
            for name, member in shape.get("members", {}).items()
        ]
        return RecordType("", tuple(fields), exclusive=shape.get("union") is True and bool(fields))

    def _member(self, member: Model, required: bool) -> Type:
        # `jsonvalue`: botocore itself writes the document as text.
        inner = JSON if member.get("jsonvalue") else self.named(member["shape"])
        return inner if required else OptionalType.of(inner)

    def _string(self, name: str, shape: Model) -> Type:
        if shape.get("enum"):
            return EnumType("", tuple(dict.fromkeys(shape["enum"])))
        low, high = _lengths(shape, MAX_TEXT)
        if "pattern" not in shape:
            return StringType(low, high)
        found = whole(shape["pattern"])
        if found is None or not found.exact:
            self.notes.append(f"{name}: the pattern {shape['pattern']} is not checked exactly")
        if found is None:
            return StringType(low, high)
        low = max(low, found.min_length)
        ends = [end for end in (high, found.max_length) if end is not None]
        return StringType(low, min(ends) if ends else None, found.patterns, found.excluded)


def _ends(shape: Model) -> tuple[Any, Any]:
    return shape.get("min"), shape.get("max")


def _lengths(shape: Model, most: int) -> tuple[int, int | None]:
    """Least and greatest length; beyond what is admitted at all, a limit says nothing."""
    low, high = _ends(shape)
    return min(int(low or 0), most), None if high is None or high > most else int(high)


def _integer(shape: Model, least: int, greatest: int) -> IntType:
    low, high = _ends(shape)
    return IntType(
        least if low is None else max(int(low), least),
        greatest if high is None else min(int(high), greatest),
    )


def _first_sentence(documentation: str) -> str:
    text = html.unescape(re.sub(r"<[^>]*>", " ", documentation[:4_000]))
    text = " ".join(text.split())
    end = re.search(r"[.!?](\s|$)", text)
    text = text[: end.start() + 1] if end else text
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 1] + "…"
