"""Which fields of an entry are redacted: paths as a deployment writes them, and those of texts.

A path begins with `args`, `principal`, `context`, `session`, `facts`, `history` or `result`;
its steps are names, `"quoted names"` or `*`, which is any one step: a name, a list's position, a
fact's key. It covers all that is below it.

    args.body                principal.email           args.items.*.note
    facts.order.*.card       facts.order               history.spent         result.token
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

ROOTS: Final = ("args", "principal", "context", "session", "facts", "history", "result")
_STEP: Final = re.compile(r'\*|[^\W\d][\w-]*|"(?:[^"\\]|\\.)*"')
#: One step of a path as verdicts write it: `.name`, `["key"]`, `[3]`, `("R1", 2)`.
_WRITTEN: Final = re.compile(
    r'\.?(?P<name>[^\W\d]\w*)|\.(?P<text>"(?:[^"\\]|\\.)*")|\[(?P<at>[0-9]+|"(?:[^"\\]|\\.)*")\]'
    r'|(?P<keys>\((?:[^"()]|"(?:[^"\\]|\\.)*")*\))'
)

Path = tuple[str, ...]


class FieldPathError(ValueError):
    """A path that names no field. The message says why."""


class FieldPaths:
    """A set of paths, asked step by step from the root."""

    __slots__ = ("_below", "_end")

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self._end = False
        self._below: dict[str, FieldPaths] = {}
        for path in paths:
            node = self
            for step in path:
                node = node._below.setdefault(step, FieldPaths())
            node._end = True

    @staticmethod
    def parse(texts: Iterable[str]) -> FieldPaths:
        """Raises FieldPathError."""
        return FieldPaths(parse_path(text) for text in texts)

    def __bool__(self) -> bool:
        return self._end or bool(self._below)

    def at(self, step: str) -> FieldPaths:
        """The rest of the paths after one more step."""
        return _union(self._below.get(step), self._below.get("*"))

    @property
    def covered(self) -> bool:
        """Whether the place that was reached is redacted, with all below it."""
        return self._end

    def touch(self, path: Path) -> bool:
        """Whether a place is redacted, or holds something that is."""
        node = self
        for step in path:
            if node._end:
                return True
            node = node.at(step)
        return bool(node)


_NOTHING: Final = FieldPaths()


def _union(a: FieldPaths | None, b: FieldPaths | None) -> FieldPaths:
    if a is None or b is None:
        return a or b or _NOTHING
    both = FieldPaths()
    both._end = a._end or b._end
    for name in {*a._below, *b._below}:
        both._below[name] = _union(a._below.get(name), b._below.get(name))
    return both


def parse_path(text: str) -> Path:
    """`facts.order.*.card` as its steps. Raises FieldPathError."""
    steps: list[str] = []
    position = 0
    while True:
        match = _STEP.match(text, position)
        if match is None:
            raise FieldPathError(f"`{text}` is no path of a field, such as `args.body`")
        step = match[0]
        steps.append(json.loads(step) if step.startswith('"') else step)
        position = match.end()
        if position == len(text):
            break
        if text[position] != ".":
            raise FieldPathError(f"`{text}` is no path of a field, such as `args.body`")
        position += 1
    if steps[0] not in ROOTS:
        raise FieldPathError(f"`{text}` begins with none of {', '.join(ROOTS)}")
    if len(steps) < 2 and steps[0] != "result":
        raise FieldPathError(f"`{text}` names no field: `{text}.*` is all of them")
    return tuple(steps)


def written_path(text: str) -> Path | None:
    """The steps of a path as a verdict writes it, with a fact's below `facts`; None if it cannot
    be read: `order("R1").card` is facts, order, *, card."""
    steps: list[str] = []
    position = 0
    while position < len(text):
        match = _WRITTEN.match(text, position)
        if match is None:
            return None
        position = match.end()
        if match["keys"] is not None:
            steps.append("*")
        elif (name := match["name"]) is not None:
            steps.append(name)
        else:
            given = match["text"] or match["at"]
            try:
                steps.append(str(json.loads(given)))
            except ValueError:
                return None
    if not steps:
        return None
    return tuple(steps) if steps[0] in ROOTS else ("facts", *steps)
