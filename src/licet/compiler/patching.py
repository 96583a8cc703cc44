"""`patched(doc, patch)` and `merged(doc, patch)`: what a document becomes.

RFC 6902 (JSON Patch, with RFC 6901 pointers) and RFC 7386 (JSON Merge Patch), on run-time values.
Exact, which the libraries for it are not: in them true equals 1 and a number is a binary float.
A patch that is malformed, does not apply, or makes a document beyond the caps on values gives
nothing. Time is linear in the document and, for each operation, in what it moves.
"""

from __future__ import annotations

import re
from typing import Any, Final

from .exact_json import MAX_DEPTH
from .types import Value
from .values import MAX_ITEMS, identity

#: Values that a patched document may have; a patch may copy and compare as many again.
MAX_NODES: Final = 100_000

_ESCAPE: Final = re.compile(r"~(?![01])")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,5}")
_KEYS: Final = {
    "add": {"op", "path", "value"},
    "remove": {"op", "path"},
    "replace": {"op", "path", "value"},
    "move": {"op", "path", "from"},
    "copy": {"op", "path", "from"},
    "test": {"op", "path", "value"},
}


class _Refused(Exception):  # noqa: N818 - control flow inside this module
    pass


def patched(document: Value, patch: Value) -> Value:
    """The document after a JSON Patch; None where there is none."""
    if not isinstance(patch, tuple):
        return None
    run = _Patching(document)
    try:
        for operation in patch:
            run.apply(operation)
        return _frozen(run.root, [MAX_NODES], 0)
    except _Refused:
        return None


def merged(document: Value, patch: Value) -> Value:
    """The document after a JSON Merge Patch; None where it is null or too large."""
    try:
        return _frozen(_merge(document, patch), [MAX_NODES], 0)
    except _Refused:
        return None


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    made = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = _merge(made.get(key), value)
    return made


class _Patching:
    """A document being patched: lists and dicts of its own, changed in place."""

    def __init__(self, document: Value) -> None:
        self.left = [3 * MAX_NODES]
        self.root = _thawed(document, self.left)

    def apply(self, operation: Any) -> None:
        if not isinstance(operation, dict):
            raise _Refused
        op = operation.get("op")
        if not isinstance(op, str) or op not in _KEYS or not _KEYS[op] <= operation.keys():
            raise _Refused
        path = _pointer(operation["path"])
        match op:
            case "add":
                self._add(path, _thawed(operation["value"], self.left))
            case "remove":
                self._remove(path)
            case "replace":
                self._remove(path)
                self._add(path, _thawed(operation["value"], self.left))
            case "move":
                source = _pointer(operation["from"])
                if len(source) < len(path) and path[: len(source)] == source:
                    raise _Refused
                self._add(path, self._remove(source))
            case "copy":
                self._add(path, _thawed(self._find(_pointer(operation["from"])), self.left))
            case _:
                here = _frozen(self._find(path), self.left, 0)
                if identity(here) != identity(operation["value"]):
                    raise _Refused

    def _find(self, path: tuple[str, ...]) -> Any:
        at = self.root
        for step in path:
            at = at[_place(at, step)]
        return at

    def _add(self, path: tuple[str, ...], value: Any) -> None:
        if not path:
            self.root = value
            return
        parent = self._find(path[:-1])
        if isinstance(parent, dict):
            parent[path[-1]] = value
        elif isinstance(parent, list):
            index = len(parent) if path[-1] == "-" else _index(path[-1])
            if index > len(parent):
                raise _Refused
            parent.insert(index, value)
        else:
            raise _Refused

    def _remove(self, path: tuple[str, ...]) -> Any:
        if not path:
            value, self.root = self.root, None
            return value
        parent = self._find(path[:-1])
        place = _place(parent, path[-1])
        return parent.pop(place)


def _pointer(text: object) -> tuple[str, ...]:
    """The steps of a JSON Pointer."""
    if not isinstance(text, str) or _ESCAPE.search(text) or (text and not text.startswith("/")):
        raise _Refused
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def _index(step: str) -> int:
    if not _INDEX.fullmatch(step):
        raise _Refused
    return int(step)


def _place(at: Any, step: str) -> Any:
    """The key or index of a value that is there."""
    if isinstance(at, dict):
        if step not in at:
            raise _Refused
        return step
    if isinstance(at, list):
        index = _index(step)
        if index >= len(at):
            raise _Refused
        return index
    raise _Refused


def _thawed(value: Any, left: list[int], depth: int = 0) -> Any:
    """A copy of its own, made of lists and dicts."""
    left[0] -= 1
    if left[0] < 0 or depth > MAX_DEPTH:
        raise _Refused
    if isinstance(value, tuple | list):
        return [_thawed(item, left, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _thawed(item, left, depth + 1) for key, item in value.items()}
    return value


def _frozen(value: Any, left: list[int], depth: int) -> Value:
    """The run-time value, if it keeps to the caps of every document."""
    left[0] -= 1
    if left[0] < 0 or depth > MAX_DEPTH:
        raise _Refused
    if isinstance(value, tuple | list):
        if len(value) > MAX_ITEMS:
            raise _Refused
        return tuple([_frozen(item, left, depth + 1) for item in value])
    if isinstance(value, dict):
        if len(value) > MAX_ITEMS:
            raise _Refused
        return {key: _frozen(value[key], left, depth + 1) for key in sorted(value)}
    return value
