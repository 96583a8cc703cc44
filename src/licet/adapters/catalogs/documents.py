"""Descriptions on disk: JSON or YAML, read without loss, with what they refer to beside them.

YAML is read as its version 1.2 has it (`yes` is text, dates are text); numbers stay exact; a key
that is written twice is refused. References lead into the same file or into files beside it, in
its folder or below; nothing is fetched, and no address of another kind is followed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urlsplit

from licet.compiler.exact_json import MAX_DIGITS, JsonError, decode, shortened
from licet.policy_lang.diagnostics import Diagnostic, Severity
from licet.policy_lang.source import Span

from .extras import needed

MAX_FILE: Final = 32_000_000
MAX_FILES: Final = 1_000
MAX_DEPTH: Final = 200
MAX_VALUES: Final = 5_000_000
#: Where what other files say is put.
BESIDE: Final = "x-licet-beside"


class DocumentError(ValueError):
    """A file that is no description; the text is one line."""


def read(path: Path) -> Any:
    """The data of a JSON or YAML file. Raises DocumentError, MissingExtraError and OSError."""
    if path.stat().st_size > MAX_FILE:
        raise DocumentError(f"`{path.name}` is larger than {MAX_FILE:,} bytes")
    data = path.read_bytes()
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            return decode(data, max_size=MAX_FILE, max_depth=MAX_DEPTH)
        except JsonError as error:
            if path.suffix == ".json":
                raise DocumentError(f"`{path.name}` is not exact JSON: {error.message}") from None
    return _yaml(data, path.name)


def _yaml(data: bytes, name: str) -> Any:
    yaml = needed("yaml", "openapi")
    try:
        found = yaml.load(data, Loader=_loader())
        if _expanded(found, {}, 0) > MAX_VALUES:
            raise ValueError("its aliases stand for too much")
        return found
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise DocumentError(f"`{name}` is neither JSON nor YAML{where}") from None


def read_all(text: str) -> list[Any]:
    """The documents of a text of JSON or YAML. Raises DocumentError and MissingExtraError."""
    if len(text) > MAX_FILE:
        raise DocumentError(f"the text is longer than {MAX_FILE:,} characters")
    if text.lstrip()[:1] in ("{", "["):
        try:
            return [decode(text, max_size=MAX_FILE, max_depth=MAX_DEPTH)]
        except JsonError:
            pass
    yaml = needed("yaml", "openapi")
    try:
        found = list(yaml.load_all(text, Loader=_loader()))
        if sum(_expanded(each, {}, 0) for each in found) > MAX_VALUES:
            raise ValueError("its aliases stand for too much")
        return found
    except (yaml.YAMLError, ValueError, RecursionError):
        raise DocumentError("the text is neither JSON nor YAML") from None


def _expanded(node: object, known: dict[int, int], depth: int) -> int:
    """How many values there are once aliases are written out; one inside itself is a ValueError."""
    if not isinstance(node, dict | list):
        return 1
    if depth > MAX_DEPTH:
        raise ValueError("it nests too deeply")
    size = known.get(id(node))
    if size is None:
        known[id(node)] = -1
        items = node.values() if isinstance(node, dict) else node
        size = known[id(node)] = 1 + sum(_expanded(item, known, depth + 1) for item in items)
    if size < 0:
        raise ValueError("an alias stands inside itself")
    return size


@functools.lru_cache(maxsize=1)
def _loader() -> Any:
    """YAML 1.2's core schema, as JSON data."""
    yaml = needed("yaml", "openapi")
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Exact(base):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            self.flatten_mapping(node)
            found: dict[Any, Any] = {}
            for key_node, value_node in node.value:
                key = self.construct_object(key_node, deep=True)
                key = key if isinstance(key, str) else str(key_node.value)
                if key in found:
                    raise ValueError(f"the key {shortened(key)} stands twice")
                found[key] = self.construct_object(value_node, deep=deep)
            return found

        def number(self, node: Any) -> int | Decimal:
            text = self.construct_scalar(node)
            if len(text) > MAX_DIGITS:
                raise ValueError("a number has too many digits")
            return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else Decimal(text)

    Exact.add_constructor("tag:yaml.org,2002:int", Exact.number)
    Exact.add_constructor("tag:yaml.org,2002:float", Exact.number)
    for tag, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("int", r"[-+]?[0-9]+", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
        ("merge", r"<<", "<"),
    ):
        expression = re.compile(f"(?:{pattern})\\Z")
        Exact.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", expression, list(first))
    return Exact


# --- files beside it -----------------------------------------------------------------------------


def bundled(path: Path, span: Span | None = None) -> tuple[Any, list[Diagnostic]]:
    """A description with the files beside it that it refers to, all references inside it.

    Raises as `read` does, for the description itself; what is wrong with a reference is a finding.
    """
    return _Bundle(path, span).read()


def files(path: Path) -> tuple[Path, ...]:
    """The file of a description, and those beside it that it refers to. Raises as `read` does."""
    bundle = _Bundle(path, None)
    bundle.read()
    return (bundle.path, *bundle.names)


class _Bundle:
    def __init__(self, path: Path, span: Span | None) -> None:
        self.path = path.resolve()
        self.folder = self.path.parent
        self.span = span
        self.names: dict[Path, str] = {}
        self.waiting: list[Path] = []
        self.findings: list[Diagnostic] = []

    def read(self) -> tuple[Any, list[Diagnostic]]:
        root = read(self.path)
        if not isinstance(root, dict):
            return root, []
        self.rewrite(root, self.path, "#")
        beside: dict[str, Any] = {}
        while self.waiting:
            path = self.waiting.pop()
            try:
                data = read(path)
            except (DocumentError, OSError):
                self.report(f"`{path.name}`, which is referred to, cannot be read")
                continue
            self.rewrite(data, path, f"#/{BESIDE}/{self.names[path]}")
            beside[self.names[path]] = data
        if beside:
            root[BESIDE] = beside
        return root, self.findings

    def report(self, message: str, severity: Severity = Severity.error) -> None:
        help = "only files in the description's folder are read; put what is needed there"
        found = Diagnostic("LIC218", message, self.span, severity, help=help)
        if found not in self.findings[-20:]:
            self.findings.append(found)

    def rewrite(self, data: Any, path: Path, prefix: str) -> None:
        """Let every reference lead into the bundle."""
        for holder in _references(data):
            reference = holder["$ref"]
            if reference.startswith("#"):
                holder["$ref"] = prefix + reference[1:]
                continue
            target = self.target(reference, path)
            if target is not None:
                file, fragment = target
                holder["$ref"] = (
                    f"#{fragment}"
                    if file == self.path
                    else f"#/{BESIDE}/{self.name(file)}{fragment}"
                )

    def target(self, reference: str, path: Path) -> tuple[Path, str] | None:
        """The file and the place in it that a reference to another file means."""
        parts = urlsplit(reference)
        if parts.scheme or parts.netloc:
            # What needs it is left out: a description is not lost for one address in it.
            message = f"the reference {shortened(reference)} leads out of the description"
            self.report(message, Severity.warning)
            return None
        named = PurePosixPath(unquote(parts.path))
        file = (path.parent / named).resolve()
        if named.is_absolute() or not file.is_relative_to(self.folder) or not file.is_file():
            self.report(f"the reference {shortened(reference)} leads to no file beside it")
            return None
        return file, parts.fragment

    def name(self, file: Path) -> str:
        if file not in self.names:
            if len(self.names) >= MAX_FILES:
                raise DocumentError(f"the description refers to over {MAX_FILES:,} files")
            self.names[file] = f"f{len(self.names)}"
            self.waiting.append(file)
        return self.names[file]


def _references(data: Any) -> Iterator[dict[str, Any]]:
    """Every object with a `$ref`; where YAML's aliases share one, once."""
    seen: set[int] = set()
    waiting = [data]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict | list):
            if id(node) in seen:
                continue
            seen.add(id(node))
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
