"""What is wrong with characters that make no token, and what to write instead.

Each mistake covers the range `start` to `end` and may name a token that stands in for it, so that
the parser goes on as if the author had written what was meant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from .literals import MAX_DIGITS, UNITS, bad_escape, date_days, time_value


@dataclass(frozen=True, slots=True)
class Mistake:
    """A code, what is wrong, where, the way out, and the (kind, text) that stands in."""

    code: str
    message: str
    start: int
    end: int
    help: str | None = None
    stand_in: tuple[str, str] | None = None


ALREADY_REPORTED = "already reported"
"""The code of a mistake that `hidden_characters` has named before."""

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufff9-\ufffb\ud800-\udfff]+|\r(?!\n)|(?<!^)\ufeff"
)
_QUOTES = {
    "'": "'",
    "`": "`",
    "\u2018": "\u2019'",
    "\u2019": "\u2019",
    "\u201c": '\u201d"',
    "\u201d": "\u201d",
    "\u201e": "\u201c\u201d",
    "\u00ab": "\u00bb",
}
"""What opens a quotation elsewhere, and what may close it."""
_FOREIGN = {
    "&&": ("AND", "and", "write `and`"),
    "||": ("OR", "or", "write `or`"),
    "&": ("AND", "and", "write `and`"),
    "|": ("OR", "or", "write `or`"),
    "===": ("EQ", "==", "write `==`"),
    "!==": ("NE", "!=", "write `!=`"),
    "<>": ("NE", "!=", "write `!=`"),
    "=>": ("GE", ">=", "write `>=` for `at least`; a result type follows `->`"),
    "!": ("NOT", "not", "write `not`"),
}
_FOREIGN_PATTERN = re.compile(r"===|!==|&&|\|\||<>|=>|[!&|]")
_WORD = re.compile(r"\w+")


def hidden_characters(text: str) -> Iterator[Mistake]:
    """Characters that a reviewer would not see, or that change how the text around them looks."""
    for match in _HIDDEN.finditer(text):
        name = _character_name(match[0][0])
        if "\ud800" <= match[0][0] <= "\udfff":
            message, help = f"{name} is not a character", "save the file as UTF-8"
        elif match[0][0] == "\r":
            message, help = "a carriage return without a line feed", "end lines with a line feed"
        else:
            escape = f"\\u{{{ord(match[0][0]):x}}}"
            message = f"the invisible character {name}"
            help = f"remove it, or write `{escape}` in a string"
        yield Mistake("LIC020", message, match.start(), match.end(), help)


def is_hidden(char: str) -> bool:
    """Whether a character may stand in a policy only as an escape."""
    return char in "\r\ufeff" or _HIDDEN.fullmatch(char) is not None


def string_mistake(token: str) -> Mistake | None:
    """What is wrong inside a double-quoted string, offsets counted from its opening quote."""
    if "\t" in token:
        at = token.index("\t")
        return Mistake("LIC017", "a tab inside a string", at, at + 1, "write it as `\\t`")
    escape = bad_escape(token[1:-1]) if "\\" in token else None
    if escape is None:
        return None
    start, end, why = escape
    start, end = start + 1, end + 1
    shown = token[start:end]
    match why:
        case "range":
            message = f"`{shown}` is beyond the last character, `\\u{{10ffff}}`"
        case "surrogate":
            message = f"`{shown}` is half of a surrogate pair and no character"
        case _:
            message = f"the escape `{shown}` does not exist"
    help = 'a string knows `\\"`, `\\\\`, `\\n`, `\\t` and `\\u{1f600}`'
    return Mistake("LIC017", message, start, end, help)


def literal_mistake(kind: str, text: str) -> Mistake | None:
    """What is wrong with a number, duration, date or time."""
    digits = sum(char.isdigit() for char in text)
    match kind:
        case "DATE" | "TIME" | "BAD_DATE":
            if kind == "DATE" and date_days(text) is not None:
                return None
            if kind == "TIME" and time_value(text) is not None:
                return None
            what = "date" if kind == "DATE" else "time"
            message = f"`{text}` is not a {what}"
            help = "write `2026-11-22`, or `2026-11-22T15:00Z` with `Z`, `+01:00` or no offset"
            return Mistake("LIC015", message, 0, len(text), help, ("DATE", "1970-01-01"))
        case "NUMBER" | "DURATION" if digits > MAX_DIGITS:
            message = f"a number of {digits} digits; {MAX_DIGITS} are allowed"
            return Mistake("LIC014", message, 0, len(text), None, ("NUMBER", "0"))
        case "NUMBER" | "DURATION" if not (text[0] == "0" and text[1:2].isdigit()):
            return None
        case "NUMBER" | "DURATION":
            message = f"`{text}` starts with a zero"
            help = "leave out the zeros in front; a thousand is `1_000`, never `1,000`"
            return Mistake("LIC010", message, 0, len(text), help, ("NUMBER", "0"))
        case _:
            return _bad_number(text)


def _bad_number(text: str) -> Mistake:
    match = re.fullmatch(r"([0-9_]+)(\.[0-9_]+)?([A-Za-z]\w*)", text)
    size = len(text)
    if len(text) > 60:
        text = text[:60] + "…"
    if match is None:
        if text.startswith(".") or text.endswith("."):
            message, help = f"`{text}` lacks digits", "write digits on both sides of the point"
        elif "_" in text and re.fullmatch(r"[0-9_.]+", text):
            message = f"an underscore in `{text}` is not between two digits"
            help = "separate thousands as in `2_000`"
        else:
            message = f"`{text}` is not a number"
            help = "quote text and odd names; numbers are written `2_000` or `0.05`"
        return Mistake("LIC010", message, 0, size, help, ("NUMBER", "0"))
    count, decimals, unit = match[1], match[2], match[3]
    stand_in = ("DURATION", "0s")
    if unit == "m" and not decimals:
        message = f"`{text}` could be minutes or months"
        help = f"write `{count}min`; months are calendar windows, `within month`"
        return Mistake("LIC012", message, 0, size, help, stand_in)
    if unit in UNITS:
        message = f"`{text}` has decimals, and durations are whole numbers"
        help = "take the next smaller unit, as in `90min` for one and a half hours"
        return Mistake("LIC013", message, 0, size, help, stand_in)
    if re.fullmatch(r"[eE][0-9]*", unit):
        message, help = f"`{text}` has an exponent", "write the number out, as in `1_000_000`"
        return Mistake("LIC010", message, 0, size, help, ("NUMBER", "0"))
    message = f"`{unit}` is not a unit of time"
    return Mistake("LIC013", message, 0, size, unit_help(unit, count), stand_in)


_UNIT_NAMES = {
    "s": ("sec", "secs", "second", "seconds"),
    "min": ("mins", "minute", "minutes", "m"),
    "h": ("hr", "hrs", "hour", "hours"),
    "d": ("day", "days"),
}
_LONG_UNITS = {"w": 7, "week": 7, "weeks": 7}


def unit_help(word: str, count: str) -> str | None:
    """How to write a span of time whose unit was written as `word`."""
    for unit, names in _UNIT_NAMES.items():
        if word.lower() == unit or word.lower() in names:
            calendar = "; a calendar day is `within day`" if unit == "d" else ""
            return f"write `{count}{unit}`{calendar}"
    if word.lower() in _LONG_UNITS:
        return "write days, as in `7d`, or the calendar window `within week`"
    if word.lower() in ("month", "months", "mo", "y", "year", "years"):
        return "write days, as in `30d`, or a calendar window, `within month` or `within year`"
    return "the units are `s`, `min`, `h` and `d`"


def is_unit_word(word: str) -> bool:
    """Whether a word names a span of time in some spelling."""
    return unit_help(word, "1") != unit_help("", "1")


def stray_mistake(text: str, start: int) -> Mistake:
    """What is wrong at a place where no token begins."""
    char = text[start]
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    if char == '"':
        message = "this string has no closing quote on its line"
        help = 'end it with `"`; a line break inside is written `\\n`'
        return Mistake("LIC016", message, start, line_end, help, ("STRING", '""'))
    if char in _QUOTES:
        closing = [i for i in range(start + 1, line_end) if text[i] in _QUOTES[char]]
        end = closing[0] + 1 if closing else start + 1
        message = f"`{char}` does not quote text here"
        help = 'write strings between straight double quotes, `"…"`'
        return Mistake("LIC018", message, start, end, help, ("STRING", '""') if closing else None)
    foreign = _FOREIGN_PATTERN.match(text, start)
    if foreign is not None:
        kind, stand_in, help = _FOREIGN[foreign[0]]
        message = f"`{foreign[0]}` is not an operator"
        return Mistake("LIC007", message, start, foreign.end(), help, (kind, stand_in))
    hidden = _HIDDEN.match(text, start)
    if hidden is not None:
        return Mistake(ALREADY_REPORTED, "", start, hidden.end())
    if char == "\ufeff":
        return Mistake(ALREADY_REPORTED, "", start, start + 1)
    if char.isspace():
        message, help = f"a {_character_name(char)} between words", "use an ordinary space"
        return Mistake("LIC019", message, start, start + 1, help)
    word = _WORD.match(text, start)
    if word is not None:
        message = f"the name `{word[0]}` has letters outside a to z"
        help = "names have the letters a to z, digits and `_`; quote the names of tools and fields"
        return Mistake("LIC019", message, start, word.end(), help, ("WORD", "_"))
    end = start + 1
    while end < line_end and text[end] == char:
        end += 1
    message = f"`{text[start : min(end, start + 10)]}` has no meaning here"
    help = "remove it, or quote it if it is part of a name"
    return Mistake("LIC019", message, start, end, help)


def _character_name(char: str) -> str:
    name = unicodedata.name(char, "").lower()
    return f"U+{ord(char):04X} {name}".rstrip()
