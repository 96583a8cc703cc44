"""Texts and patches that builtins read as a solver would have it.

To the solver a builtin is a free value. Where it chose one, and its argument is a text or a patch
that nothing else says anything about, that can be chosen so that the builtin really gives what was
chosen. What comes out is a proposal, like all that is rebuilt: it counts once it has been replayed.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Final, cast

from ..builtins import BUILTINS
from ..clock import format_date, format_time
from ..exact_json import number_text
from ..types import Value
from ..world import UNKNOWN
from .constraints import recorded
from .document_places import ABSENT, OBJECT, OTHER, JsonPlace
from .failures import EncodingError
from .places import OptionalPlace, RecordPlace
from .rebuilding import Rebuilder, letters
from .rules import Encoding
from .sites import Site
from .soil import Place, Variable
from .symbolic import Symbolic, Text

#: Different texts that are tried for one builtin.
_TRIES = 40


def inverted(
    encoding: Encoding, chosen: Mapping[Variable, Value], fixed: Container[Value]
) -> dict[Variable, Value]:
    """The choices with texts and patches that are free replaced by ones that are read as chosen.

    `fixed`: texts that stand for themselves. Equal texts stay equal, different ones different.
    """
    found = dict(chosen)
    for site in encoding.sites:
        if site.kind == "builtin" and site.name in _PATCHES:
            _patch(site, encoding, found)
            continue
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


def _patch(site: Site, encoding: Encoding, chosen: dict[Variable, Value]) -> None:
    """Choose a patch that makes of the document what was chosen, if the patch is free."""
    document, patch = (_document(key, encoding) for key in site.keys)
    if patch is None or patch.steps or patch.readings or patch.kind is None or patch.whole is None:
        return
    rebuilder = Rebuilder(lambda v: chosen.get(v, UNKNOWN))
    try:
        wanted = rebuilder.build(site.place, UNKNOWN)
        before = None if document is None else rebuilder.build(document, UNKNOWN)
    except EncodingError:
        return
    made = _PATCHES[site.name](before, wanted)
    chosen[patch.whole] = made
    chosen[patch.kind] = ABSENT if made is None else OBJECT if isinstance(made, dict) else OTHER


def _document(key: Symbolic, encoding: Encoding) -> JsonPlace | None:
    """The document that a key is the content of, if it stands in the world as it is."""
    assert isinstance(key, Text)
    term = key.code()
    while term.op == "ite":  # null where the document is absent
        term = term.args[1]
    if term.op != "var":
        return None
    variable = encoding.soil.variables[cast(int, term.payload)]
    if variable.owner is None:
        place, steps = encoding.roots.get(str(variable.path[0])), variable.path[1:-1]
    else:
        place, steps = encoding.sites[variable.owner].place, variable.path[2:-1]
    for step in steps:
        if isinstance(place, OptionalPlace):
            place = place.inner
        inside: Mapping[str, Place] = {}
        if isinstance(place, JsonPlace):
            inside = place.steps
        elif isinstance(place, RecordPlace):
            inside = place.fields
        place = inside.get(str(step))
    if isinstance(place, OptionalPlace):
        place = place.inner
    return place if isinstance(place, JsonPlace) else None


def _json_patch(_before: Value, wanted: Value) -> Value:
    """A JSON Patch after which any document is `wanted`; one that is malformed for none at all."""
    return ({},) if wanted is None else ({"op": "add", "path": "", "value": _spare(wanted)},)


def _spare(document: Value) -> Value:
    """A document without its nulls, which say no more than what is missing."""
    if not isinstance(document, dict):
        return document
    return {key: _spare(value) for key, value in document.items() if value is not None}


def _merge_patch(before: Value, wanted: Value) -> Value:
    """A JSON Merge Patch from one document to another, as far as there is one: null says that a
    key is left out, so no patch makes a null."""
    if not isinstance(wanted, dict):
        return wanted
    known = before if isinstance(before, dict) else {}
    made: dict[str, Value] = {key: None for key in known if key not in wanted}
    for key, value in wanted.items():
        if value is None:
            made[key] = None
        elif key not in known or known[key] != value:
            made[key] = _merge_patch(known.get(key), value)
    return made


_PATCHES: Final = {"patched": _json_patch, "merged": _merge_patch}


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
