"""`version(s)`: semantic versions (semver.org 2.0.0, after an optional `v`) and their order."""

from __future__ import annotations

import re
from typing import Any, Final

from .types import STRING, Field, IntType, OptionalType, RecordType, Value

VERSION = RecordType(
    "Version",
    (
        Field("major", IntType(0)),
        Field("minor", IntType(0)),
        Field("patch", IntType(0)),
        Field("prerelease", OptionalType(STRING)),
        Field("build", OptionalType(STRING)),
    ),
)

_NUMBER = r"(0|[1-9][0-9]{0,17})"
_PRERELEASE = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_BUILD = r"[0-9A-Za-z-]+"
_VERSION: Final = re.compile(
    rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-({_PRERELEASE}(?:\.{_PRERELEASE})*))?(?:\+({_BUILD}(?:\.{_BUILD})*))?"
)
_LONGEST: Final = 256


def version(text: str) -> Value:
    """The parts of a semantic version, or None."""
    match = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    major, minor, patch, prerelease, build = match.groups()
    return {
        "major": int(major),
        "minor": int(minor),
        "patch": int(patch),
        "prerelease": prerelease,
        "build": build,
    }


def version_before(first: Any, second: Any) -> bool:
    """Whether the first of two versions has the lower precedence; builds do not count."""
    for part in ("major", "minor", "patch"):
        if first[part] != second[part]:
            return bool(first[part] < second[part])
    one, two = first["prerelease"], second["prerelease"]
    if one is None or two is None:
        return one is not None and two is None
    return [_rank(part) for part in one.split(".")] < [_rank(part) for part in two.split(".")]


def _rank(part: str) -> tuple[int, int, str]:
    """Numbers by size, below words in the order of ASCII."""
    if part.isdigit():
        return (0, len(part), part)
    return (1, 0, part)
