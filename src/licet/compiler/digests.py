"""Digests of policy and catalog: the same on every machine, different for every other meaning.

SHA-256 over a canonical text in which every piece is preceded by its length, so that no two
different inputs read the same. Names of files take no part, their contents and order do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from .catalog import Catalog, Tool
from .tables import Table
from .types import Value

VERSION = "licet policy 1"


def policy_digest(
    texts: Sequence[str],
    params: Mapping[str, Value],
    unset: Iterable[str],
    tables: Sequence[Table],
    zone: str,
) -> str:
    """The digest of sources, params, tables and time zone."""
    return _digest(
        (
            VERSION,
            tuple(texts),
            tuple((name, params[name]) for name in sorted(params)),
            tuple(sorted(unset)),
            tuple((table.name, table.rows) for table in sorted(tables, key=lambda t: t.name)),
            zone,
        )
    )


def catalog_digest(catalog: Catalog) -> str:
    """The digest of every tool: name, schema, description and hints."""
    return _digest(
        (
            tuple(
                (*_told(tool), tool.unlocked)
                for tool in sorted(catalog.tools, key=lambda tool: tool.qualified)
            ),
            tuple(sorted((source.name, source.digest) for source in catalog.sources)),
        )
    )


def tool_digest(tool: Tool) -> str:
    """The digest of one tool: name, schema, description and hints."""
    return _digest(_told(tool))


def _told(tool: Tool) -> tuple[Value, ...]:
    return (
        tool.qualified,
        tool.digest,
        repr(tool.params),
        repr(tool.result),
        tool.description,
        (tool.read_only, tool.destructive, tool.atomic, tool.dispatch),
        tool.tags,
    )


def _digest(value: Value) -> str:
    return "sha256:" + hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def restored(text: str) -> Value:
    """The run-time value that `canonical` wrote. Raises ValueError for any other text."""
    value, end = _read(text, 0)
    if end != len(text):
        raise ValueError("not a canonical value")
    return value


def _read(text: str, at: int) -> tuple[Value, int]:
    kind, at = text[at : at + 1], at + 1
    match kind:
        case "n" | "t" | "f":
            return {"n": None, "t": True, "f": False}[kind], at + 1
        case "i" | "q":
            end = text.index(";", at)
            number = text[at:end]
            return (int(number) if kind == "i" else Fraction(number)), end + 1
        case "s":
            colon = text.index(":", at)
            end = colon + 1 + int(text[at:colon])
            return text[colon + 1 : end], end + 1
        case "l" | "m":
            colon = text.index(":", at)
            count, at = int(text[at:colon]), colon + 1
            items: list[Value] = []
            for _ in range(count * (2 if kind == "m" else 1)):
                item, at = _read(text, at)
                items.append(item)
            if kind == "l":
                return tuple(items), at + 1
            return dict(zip(items[::2], items[1::2], strict=True)), at + 1
        case _:
            raise ValueError("not a canonical value")


def canonical(value: Value) -> str:
    """A run-time value as text, one for each value."""
    match value:
        case None:
            return "n;"
        case bool():
            return "t;" if value else "f;"
        case int():
            return f"i{value};"
        case Fraction():
            return f"q{value.numerator}/{value.denominator};"
        case str():
            return f"s{len(value)}:{value};"
        case tuple():
            return f"l{len(value)}:" + "".join(map(canonical, value)) + ";"
        case dict():
            pairs = sorted(value.items())
            return f"m{len(pairs)}:" + "".join(canonical(k) + canonical(v) for k, v in pairs) + ";"
        case _:
            raise TypeError(f"no run-time value: {type(value).__name__}")
