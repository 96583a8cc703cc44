"""`path(s)`: a POSIX file path that has one meaning, or absent. Grammar: docs/views.md."""

from __future__ import annotations

import re

from .types import BOOL, STRING, Field, ListType, OptionalType, RecordType, Value

PATH = RecordType(
    "Path",
    (
        Field("absolute", BOOL),
        Field("segments", ListType(STRING)),
        Field("name", OptionalType(STRING)),
        Field("extension", OptionalType(STRING)),
    ),
)

#: Controls, line separators, and characters that hide themselves or turn the text around.
HIDDEN = (
    "\\x00-\\x1f\\x7f-\\x9f\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff"
    "\\U000e0000-\\U000e0fff\ud800-\udfff"
)
_FORBIDDEN = re.compile(
    f"[{HIDDEN}\\\\]"  # what cannot be seen, and the other separator
    r"|%(?:2[eEfF5]|5[cC]|[01][0-9a-fA-F]|7[fF])"  # an encoded dot, separator, percent, control
    r"|^~"  # a shell's home
    r"|^[A-Za-z]:"  # a Windows drive
)


def path(text: str) -> dict[str, Value] | None:
    """The PATH record of a text, or None. A slash at the end is allowed and changes nothing."""
    if not text or _FORBIDDEN.search(text):
        return None
    absolute = text.startswith("/")
    body = text[1:] if absolute else text
    if body.endswith("/"):
        body = body[:-1]
        if not body:
            return None
    segments = tuple(body.split("/")) if body else ()
    return path_record(absolute, segments)


def path_record(absolute: bool, segments: tuple[str, ...]) -> dict[str, Value] | None:
    """The PATH record of segments; None if one of them is empty, `.` or `..`."""
    if any(segment in ("", ".", "..") for segment in segments):
        return None
    name = segments[-1] if segments else None
    stem, dot, extension = (name or "").rpartition(".")
    return {
        "absolute": absolute,
        "segments": segments,
        "name": name,
        "extension": extension if stem and dot and extension else None,
    }


def path_under(inner: dict[str, Value], outer: str) -> bool:
    """Whether a path is `outer` or below it, by whole segments; both absolute or both relative.

    False where `outer` is not a path.
    """
    root = path(outer)
    if root is None or root["absolute"] != inner["absolute"]:
        return False
    above, below = root["segments"], inner["segments"]
    assert isinstance(above, tuple)
    assert isinstance(below, tuple)
    return below[: len(above)] == above
