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
