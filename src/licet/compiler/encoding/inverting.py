"""Texts that builtins read as a solver would have it.

To the solver a builtin is a free value. Where it chose one, and its argument is a text that nothing
else says anything about, that text can be chosen so that the builtin really gives what was chosen.
What comes out is a proposal, like all that is rebuilt: it counts once it has been replayed.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import cast

from ..builtins import BUILTINS
from ..clock import format_date, format_time
from ..exact_json import number_text
from ..types import Value
from ..world import UNKNOWN
from .constraints import recorded
from .failures import EncodingError
from .places import Variable
from .rebuilding import Rebuilder, letters
from .rules import Encoding
from .sites import Site
from .symbolic import Text

#: Different texts that are tried for one builtin.
_TRIES = 40


def inverted(
    encoding: Encoding, chosen: Mapping[Variable, Value], fixed: Container[Value]
) -> dict[Variable, Value]:
    """The choices with texts that are free replaced by ones that builtins read as chosen.

    `fixed`: texts that stand for themselves. Equal texts stay equal, different ones different.
    """
    found = dict(chosen)
    for site in encoding.sites:
        variable = site.plain[0] if site.plain else None
        if site.kind != "builtin" or variable is None or variable.codec != "code":
            continue
        before = found.get(variable, UNKNOWN)
        if before is UNKNOWN or before in fixed:
            continue
        others = _constants(site)
        if others is None:
            continue
        taken = {value for value in found.values() if isinstance(value, str)}
        text = _text(site, others, found, taken)
        if text is not None:
            for other, value in found.items():
                if other.codec == "code" and value == before:
                    found[other] = text
    return found


def _constants(site: Site) -> tuple[Value, ...] | None:
    """The arguments after the first, where they are texts of the rules."""
    literals = [key.literal if isinstance(key, Text) else None for key in site.keys[1:]]
    return None if None in literals else tuple(literals)


def _text(
    site: Site,
    others: tuple[Value, ...],
    chosen: Mapping[Variable, Value],
    taken: Container[str],
) -> str | None:
    """A new text of which the builtin gives what was chosen; None if none is found."""
    try:
        value = Rebuilder(lambda v: chosen.get(v, UNKNOWN)).build(site.place, UNKNOWN)
    except EncodingError:
        return None
    for tried, text in enumerate(_candidates(site.name, value)):
        if tried > _TRIES:
            return None
        if text not in taken and _agrees(site, BUILTINS[site.name].call(text, *others), chosen):
            return text
    return None


def _agrees(site: Site, value: Value, chosen: Mapping[Variable, Value]) -> bool:
    return all(
        chosen.get(leaf, UNKNOWN) in (UNKNOWN, actual)
        for leaf, actual in recorded(site.place, value).values.items()
    )


def _candidates(name: str, value: Value) -> Iterator[str]:
    """Texts that a builtin may read as a value."""
    if value is None or isinstance(value, bool):
        yield from map(letters, range(1, 200))
        return
    match name:
        case "date":
            yield format_date(cast(int, value))
        case "time":
            yield format_time(cast(int, value))
        case "int" | "decimal":
            yield number_text(cast(int, value))
        case "lower":
            yield str(value)
            yield str(value).upper()
        case "email":
            parts = cast(dict[str, str], value)
            for local in (parts["local"], *map(letters, range(1, 20))):
                yield f"{local}@{parts['domain'] or 'example.org'}"
        case "url":
            parts = cast(dict[str, str], value)
            for scheme in dict.fromkeys((parts["scheme"] or "https", "https")):
                for path in map(letters, range(20)):
                    yield f"{scheme}://{parts['host'] or 'example.org'}/{path}"
        case "path":
            record = cast(dict[str, object], value)
            segments = cast(tuple[str, ...], record["segments"])
            for last in map(letters, range(20)):
                steps = [s or "a" for s in segments] + ([last] if last else [])
                yield ("/" if record["absolute"] else "") + "/".join(steps)
        case "ip" | "cidr":
            parts = cast(dict[str, str], value)
            yield parts["text"]
            tail = "/24" if name == "cidr" else ""
            for number in range(1, 20):
                yield f"192.0.2.{0 if tail else number}{tail}"
                yield f"10.0.{number}.0{tail}"
        case "json":
            yield from ("{}", "[]", "1")
