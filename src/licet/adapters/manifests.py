"""Manifests in YAML → the documents that they are, as JSON data.

What two readers of YAML would read differently is refused and never guessed: `on` and `no`, octal
numbers, dates, merge keys, tags, keys that are no text, keys that stand twice. Numbers are exact.
Aliases are followed, counted as if they were written out; one that refers to itself, and a text
that grows or nests beyond the caps on values, is refused in time linear in the text.

Needs PyYAML: `pip install 'licet[yaml]'`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from licet.compiler.exact_json import MAX_DEPTH, MAX_DIGITS, MAX_SIZE, is_text, shortened
from licet.compiler.intake import MAX_NODES

_CORE: Final = "tag:yaml.org,2002:"
_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_TRUTH: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)")
#: Plain words that YAML 1.1, YAML 1.2 and the readers of either take for different things.
_UNCLEAR: Final = re.compile(
    r"(?i:y|n|yes|no|on|off)|=|<<"
    r"|[-+]?(?:0[0-9_]+|0[box][0-9a-fA-F_]+|[0-9][0-9_]*_[0-9_.]*)"  # octal, hexadecimal, 1_000
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"  # base 60: 12:30
    r"|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+"  # 1e3
    r"|[-+]?\.(?i:inf)|\.(?i:nan)"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?"
)


class ManifestError(ValueError):
    """A text that is no manifest; the message says where (`line 3, column 5: …`) and what to do."""


@dataclass(slots=True)
class _Open:
    """A mapping or sequence that is not finished. `nodes` and `depth` are of all that is in it."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    nodes: int = 1
    depth: int = 1
    key: str | None = None


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    nodes: int
    depth: int


def documents(text: str | bytes) -> tuple[object, ...]:
    """The documents of a YAML text (JSON is one too), those that are empty left out.

    Numbers are int or Decimal. Raises ManifestError, and ImportError where PyYAML is missing.
    """
    try:
        import yaml
    except ImportError:
        raise ImportError("YAML needs PyYAML: pip install 'licet[yaml]'") from None
    if len(text) > MAX_SIZE:
        raise ManifestError(f"the text is longer than {MAX_SIZE:,} characters")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return tuple(_Stream().read(yaml.parse(text, Loader=loader)))
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        raise ManifestError(_at(where) + (error.problem or "this is no YAML")) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise ManifestError(shortened(str(error).splitlines()[0], 200)) from None


def _at(mark: Any) -> str:
    return "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "


class _Stream:
    """Reads one stream of events. `left`: how many more values it may have, aliases written out."""

    def __init__(self) -> None:
        self.left = MAX_NODES
        self.stack: list[_Open] = []
        self.anchors: dict[str, _Anchored] = {}
        self.mark: Any = None

    def read(self, events: Any) -> list[object]:
        """The values of all documents."""
        import yaml

        found: list[object] = []
        for event in events:
            self.mark = event.start_mark
            done: _Anchored | None = None
            match event:
                case yaml.DocumentStartEvent():
                    self.anchors.clear()
                case yaml.AliasEvent():
                    done = self.alias(str(event.anchor))
                case yaml.ScalarEvent():
                    done = self.scalar(event)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self.start(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    finished = self.stack.pop()
                    done = _Anchored(finished.value, finished.nodes, finished.depth)
                    self.keep(finished.anchor, done)
                case _:
                    pass
            if done is not None and not self.stack:
                if done.value is not None:
                    found.append(done.value)
            elif done is not None:
                self.put(done)
        return found

    def refuse(self, message: str) -> ManifestError:
        return ManifestError(_at(self.mark) + message)

    def start(self, event: Any, value: dict[str, Any] | list[Any]) -> None:
        kind = "map" if isinstance(value, dict) else "seq"
        if event.tag not in (None, _CORE + kind):
            raise self.refuse(f"the tag {shortened(event.tag)} is not read; leave it out")
        if self.awaits_key():
            raise self.refuse("a key is text")
        if len(self.stack) >= MAX_DEPTH:
            raise self.refuse(f"this nests deeper than {MAX_DEPTH}")
        self.spend(1)
        self.stack.append(_Open(value, event.anchor))

    def spend(self, nodes: int) -> None:
        self.left -= nodes
        if self.left < 0:
            raise self.refuse(f"written out, this has more than {MAX_NODES:,} values")

    def keep(self, anchor: str | None, value: _Anchored) -> None:
        if anchor is not None:
            self.anchors[anchor] = value

    def awaits_key(self) -> bool:
        return bool(self.stack) and (
            isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None
        )

    def alias(self, name: str) -> _Anchored:
        if name not in self.anchors:
            inside = any(part.anchor == name for part in self.stack)
            what = "refers to what it is part of" if inside else "refers to nothing above it"
            raise self.refuse(f"*{shortened(name)} {what}")
        value = self.anchors[name]
        self.spend(value.nodes)
        if len(self.stack) + value.depth > MAX_DEPTH:
            raise self.refuse(f"written out, this nests deeper than {MAX_DEPTH}")
        return value

    def put(self, done: _Anchored) -> None:
        """A finished value into the mapping or sequence that is open."""
        top = self.stack[-1]
        top.nodes += done.nodes
        top.depth = max(top.depth, 1 + done.depth)
        if isinstance(top.value, list):
            top.value.append(done.value)
        elif top.key is not None:
            top.value[top.key] = done.value
            top.key = None
        elif not isinstance(done.value, str):
            raise self.refuse("a key is text; put it in quotes")
        elif done.value in top.value:
            raise self.refuse(f"the key {shortened(done.value)} stands twice here")
        else:
            top.key = done.value

    def scalar(self, event: Any) -> _Anchored:
        self.spend(1)
        plain, quoted = event.implicit
        if event.tag not in (None, "!", _CORE + "str"):
            raise self.refuse(f"the tag {shortened(event.tag)} is not read; leave it out")
        if not is_text(event.value):
            raise self.refuse("this text has half of a surrogate pair")
        is_plain = plain and not quoted and event.tag is None
        value = _Anchored(self.resolved(event.value) if is_plain else event.value, 1, 0)
        self.keep(event.anchor, value)
        return value

    def resolved(self, text: str) -> object:
        """What a plain word is: null, a truth value, a number, else text."""
        if text in _NULL:
            return None
        if text in _TRUTH:
            return _TRUTH[text]
        if _UNCLEAR.fullmatch(text):
            way = (
                "write the keys out"
                if text == "<<"
                else "write it in quotes, or as the number or truth value it is"
            )
            raise self.refuse(f"{shortened(text)} is read differently by different readers; {way}")
        whole = _NUMBER.fullmatch(text)
        if whole or _DECIMAL.fullmatch(text):
            if sum(map(str.isdigit, text)) > MAX_DIGITS:
                raise self.refuse(f"a number has over {MAX_DIGITS} digits")
            return int(text) if whole else Decimal(text)
        return text
