"""Compiled catalogs on disk: `.lcat`, a zip of JSON, read source by source.

The index says which sources there are, the names of their tools, and the SHA-256 of each source's
part, which is read when one of its tools is first asked for and refused when it is not what the
index says. The catalog's digest is that of the index, so it covers everything. Equal catalogs are
equal files: no times, one order. Nothing is unpickled; sizes are bounded before anything is
unpacked.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from licet.compiler.catalog import Alias, Tool, ToolSource
from licet.compiler.exact_json import canonical
from licet.compiler.type_codec import CodecError, TypeReader, TypeWriter
from licet.compiler.types import RecordType

SUFFIX: Final = ".lcat"
FORMAT: Final = "licet catalog"
VERSION: Final = 1
MAX_PART = 128_000_000
_INDEX: Final = "index.json"
_FLAGS: Final = ("read_only", "destructive", "atomic", "dispatch", "from_agent")
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)


class CatalogFileError(ValueError):
    """A file that is no compiled catalog, or not the one that its index describes."""


# --- writing -------------------------------------------------------------------------------------


def write(sources: Sequence[tuple[ToolSource, str]], path: Path) -> str:
    """Write a catalog of sources, each with a text that says where it is from; its digest.

    Two sources of one name, or one tool's name twice, are a ValueError. The file appears whole or
    not at all.
    """
    ordered = sorted(sources, key=lambda pair: pair[0].name)
    names = [source.name for source, _ in ordered]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two sources are named `{twice}`: give one of them another name")
    parts = [_part(source) for source, _ in ordered]
    index = {
        "format": FORMAT,
        "version": VERSION,
        "sources": [
            {
                "name": source.name,
                "origin": origin,
                "tools": sorted(source.names()),
                "aliases": {
                    name: [alias.what, list(alias.tools)]
                    for name, alias in sorted(source.aliases().items())
                },
                "sha256": hashlib.sha256(part).hexdigest(),
            }
            for (source, origin), part in zip(ordered, parts, strict=True)
        ],
    }
    spelled = canonical(index)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for member, data in [(_INDEX, spelled), *_members(parts)]:
                entry = zipfile.ZipInfo(member, _LONG_AGO)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return _digest(spelled)


def _members(parts: Sequence[bytes]) -> list[tuple[str, bytes]]:
    return [(_member(place), part) for place, part in enumerate(parts)]


def _member(place: int) -> str:
    return f"sources/{place:05}.json"


def _part(source: ToolSource) -> bytes:
    """One source's types and tools."""
    writer = TypeWriter()
    tools = []
    for name in sorted(source.names()):
        tool = source.tool(name)
        tools.append(
            [
                tool.name,
                writer.write(tool.params),
                None if tool.result is None else writer.write(tool.result),
                tool.description,
                [flag for flag in _FLAGS if getattr(tool, flag)],
                list(tool.tags),
                tool.digest,
            ]
        )
    scopes = writer.scopes()
    return json.dumps(
        {"types": writer.nodes, "scopes": scopes, "tools": tools},
        ensure_ascii=True,
        separators=(",", ":"),
        allow_nan=False,
    ).encode()


def _digest(index: bytes) -> str:
    return "sha256:" + hashlib.sha256(index).hexdigest()


# --- reading -------------------------------------------------------------------------------------


class CatalogFile:
    """An open catalog. `digest` covers all of it."""

    def __init__(self, path: Path) -> None:
        """Raises CatalogFileError for what is no catalog, and OSError."""
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                index = _read(archive, _INDEX)
            described = json.loads(index)
            self.digest = _digest(index)
            self.sources: tuple[CompiledSource, ...] = tuple(
                CompiledSource(path, place, each) for place, each in enumerate(_sources(described))
            )
        except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, TypeError) as error:
            if isinstance(error, CatalogFileError):
                raise
            raise CatalogFileError(f"`{path.name}` is no compiled catalog") from error
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise CatalogFileError(f"`{path.name}` has two sources of one name")


def _sources(described: Any) -> list[Mapping[str, Any]]:
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise CatalogFileError("this is no compiled catalog")
    version = described.get("version")
    if version != VERSION:
        raise CatalogFileError(
            f"this catalog is of version {version!r}, and version {VERSION} is read here: "
            "build it again"
        )
    found: list[Mapping[str, Any]] = described["sources"]
    return found


def _read(archive: zipfile.ZipFile, member: str) -> bytes:
    """A member, never more of it than its header says and than is allowed."""
    entry = archive.getinfo(member)
    if entry.file_size > MAX_PART:
        raise CatalogFileError(f"a part of this catalog is larger than {MAX_PART:,} bytes")
    with archive.open(entry) as file:
        return file.read(MAX_PART + 1)


class CompiledSource:
    """One source of a compiled catalog; a `ToolSource`."""

    def __init__(self, path: Path, place: int, described: Mapping[str, Any]) -> None:
        self._path = path
        self._place = place
        self._name = str(described["name"])
        self.origin = str(described["origin"])
        self._sha256 = str(described["sha256"])
        self._names = tuple(map(str, described["tools"]))
        self._aliases = {
            str(name): Alias(str(what), tuple(map(str, tools)))
            for name, (what, tools) in described["aliases"].items()
        }
        self._tools: dict[str, Tool] = {}
        self._turn = threading.RLock()
        self._loaded: tuple[TypeReader, dict[str, Sequence[Any]]] | None = None
        if len(set(self._names)) < len(self._names) or not self._name:
            raise CatalogFileError(f"`{path.name}` lists a tool twice")

    @property
    def name(self) -> str:
        return self._name

    @property
    def digest(self) -> str:
        return self._sha256

    def names(self) -> Sequence[str]:
        return self._names

    def aliases(self) -> Mapping[str, Alias]:
        return self._aliases

    def tool(self, name: str) -> Tool:
        """Raises KeyError for a name that is not listed, CatalogFileError where the file is not
        what it was when it was opened."""
        found = self._tools.get(name)
        if found is None:
            with self._turn:
                if self._loaded is None:
                    self._loaded = self._load()
                reader, entries = self._loaded
                found = self._tools.setdefault(name, self._tool(reader, entries[name]))
        return found

    def _load(self) -> tuple[TypeReader, dict[str, Sequence[Any]]]:
        try:
            with zipfile.ZipFile(self._path) as archive:
                data = _read(archive, _member(self._place))
        except (OSError, zipfile.BadZipFile, zlib.error, KeyError) as error:
            raise CatalogFileError(f"`{self._path.name}` can no longer be read") from error
        if hashlib.sha256(data).hexdigest() != self._sha256:
            raise CatalogFileError(f"`{self._path.name}` is not the file that was opened")
        try:
            part = json.loads(data)
            entries = {str(entry[0]): entry for entry in part["tools"]}
            reader = TypeReader(part["types"], part["scopes"])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise CatalogFileError(f"`{self._path.name}` is malformed") from error
        if set(entries) != set(self._names):
            raise CatalogFileError(f"`{self._path.name}` has other tools than it lists")
        return reader, entries

    def _tool(self, reader: TypeReader, entry: Sequence[Any]) -> Tool:
        try:
            name, params, result, description, flags, tags, digest = entry
            record = reader.read(params)
            if not isinstance(record, RecordType):
                raise CodecError("arguments that are no record")
            return Tool(
                name=name,
                source=self._name,
                params=record,
                result=None if result is None else reader.read(result),
                description=str(description),
                tags=tuple(map(str, tags)),
                digest=str(digest),
                **{flag: flag in flags for flag in _FLAGS},
            )
        except (CodecError, ValueError, TypeError, RecursionError) as error:
            raise CatalogFileError(f"`{self._path.name}` is malformed") from error
