"""The language's regular expressions: text → syntax tree → a matcher that takes linear time.

A pattern matches whole texts, which are sequences of Unicode scalar values. `.` is any character,
newline included; `\\d \\w \\s` are ASCII. What true regular expressions cannot say (look-around,
back-references), what a whole-text match does not need (anchors, lazy quantifiers), and flags are
refused with a reason and the offset of it.

`parse` reads the dialect, `show` writes it, `matcher` runs it (on RE2), `from_glob` translates into
it. The grammar is in docs/views.md.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import re2

from .char_ranges import DIGIT, LAST, SPACE, WORD, Ranges, outside, together

MAX_REPEAT = 1_000
MAX_ATOMS = 10_000
MAX_LENGTH = 20_000
MAX_NESTING = 50


class RegexError(ValueError):
    """A pattern that is not of the dialect. `offset` counts code points of the pattern."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set: sorted, disjoint, not adjacent ranges of code points, ends included.

    The set is never empty. It may include surrogates, which no text has.
    """

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Empty:
    """The empty text."""


@dataclass(frozen=True, slots=True)
class Concat:
    """Two or more expressions in a row; none of them is itself a Concat or Empty."""

    items: tuple[Regex, ...]


@dataclass(frozen=True, slots=True)
class Union:
    """Any one of two or more expressions; none of them is itself a Union."""

    options: tuple[Regex, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`low` to `high` times in a row; without an end where `high` is None."""

    item: Regex
    low: int
    high: int | None


Regex = Chars | Empty | Concat | Union | Repeat


ANY = Chars(((0, LAST),))
_CONTROLS = {"n": 0x0A, "t": 0x09, "r": 0x0D, "f": 0x0C, "v": 0x0B}
_META = frozenset("\\/.[](){}*+?|^$")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ")
_REFUSED_ESCAPES = {
    "b": "word boundaries are not part of the language",
    "B": "word boundaries are not part of the language",
    "A": "anchors are not needed: a match is always of the whole text",
    "Z": "anchors are not needed: a match is always of the whole text",
    "z": "anchors are not needed: a match is always of the whole text",
    "p": "unicode properties are not part of the language",
    "P": "unicode properties are not part of the language",
    "k": "back-references are not part of the language",
    "x": "a code point is written `\\u{41}`",
    "u": "a code point is written `\\u{41}`",
}
_REFUSED_GROUPS = {
    "=": "look-ahead is not part of the language",
    "!": "look-ahead is not part of the language",
    "<=": "look-behind is not part of the language",
    "<!": "look-behind is not part of the language",
    ">": "atomic groups are not part of the language",
    "#": "comments are not part of a regular expression",
    "P": "groups have no names: write `(…)`",
    "<": "groups have no names: write `(…)`",
    "(": "conditions are not part of the language",
}


class _Parser:
    """Recursive descent over one pattern."""

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0
        self.nesting = 0

    def fail(self, message: str, offset: int | None = None) -> RegexError:
        return RegexError(message, self.at if offset is None else offset)

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def union(self) -> Regex:
        options: list[Regex] = []
        while True:
            option = self.concat()
            options += option.options if isinstance(option, Union) else (option,)
            if self.peek() != "|":
                break
            self.at += 1
        return options[0] if len(options) == 1 else Union(tuple(options))

    def concat(self) -> Regex:
        items: list[Regex] = []
        while (char := self.peek()) and char not in "|)":
            item = self.repeat()
            items += item.items if isinstance(item, Concat) else (item,)
        items = [item for item in items if not isinstance(item, Empty)]
        if not items:
            return Empty()
        return items[0] if len(items) == 1 else Concat(tuple(items))

    def repeat(self) -> Regex:
        item = self.atom()
        bounds = self.bounds()
        if bounds is None:
            return item
        follow = self.peek()
        if follow == "?":
            raise self.fail("lazy quantifiers are not part of the language")
        if follow == "+":
            raise self.fail("possessive quantifiers are not part of the language")
        if follow == "*" or (follow == "{" and self.bounds() is not None):
            raise self.fail("there is nothing to repeat: put the expression in parentheses")
        low, high = bounds
        if high == 0 or isinstance(item, Empty):
            return Empty()
        return item if (low, high) == (1, 1) else Repeat(item, low, high)

    def bounds(self) -> tuple[int, int | None] | None:
        start = self.at
        char = self.peek()
        if char and char in "*+?":
            self.at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        if char != "{":
            return None
        end = self.text.find("}", start, start + 16)
        low_text, comma, high_text = self.text[start + 1 : max(end, start + 1)].partition(",")
        valid = end > 0 and _digits(low_text) and (not high_text or _digits(high_text))
        if not valid:
            raise self.fail("a repetition is `{m}`, `{m,}` or `{m,n}`; write `\\{` for a brace")
        low = int(low_text)
        high = low if not comma else int(high_text) if high_text else None
        if max(low, high or 0) > MAX_REPEAT:
            raise self.fail(f"a repetition counts to at most {MAX_REPEAT:,}")
        if high is not None and high < low:
            raise self.fail("a repetition ends below its start")
        self.at = end + 1
        return low, high

    def atom(self) -> Regex:
        start = self.at
        char = self.peek()
        self.at += 1
        match char:
            case "(":
                return self.group(start)
            case "[":
                return self.char_class(start)
            case ".":
                return ANY
            case "\\":
                return Chars(self.escape(start))
            case "^" | "$":
                raise self.fail(
                    "anchors are not needed: a match is always of the whole text", start
                )
            case "*" | "+" | "?":
                raise self.fail("there is nothing to repeat", start)
            case "{" | "}" | "]":
                raise self.fail(f"write `\\{char}` for this character", start)
            case _:
                return Chars(((ord(char), ord(char)),))

    def group(self, start: int) -> Regex:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise self.fail(f"groups nest deeper than {MAX_NESTING}", start)
        if self.peek() == "?":
            rest = self.text[self.at + 1 : self.at + 3]
            if rest.startswith(":"):
                self.at += 2
            else:
                reason = _REFUSED_GROUPS.get(rest) or _REFUSED_GROUPS.get(rest[:1])
                raise self.fail(reason or "flags are not part of the language", start)
        inner = self.union()
        if self.peek() != ")":
            raise self.fail("this group has no end", start)
        self.at += 1
        self.nesting -= 1
        return inner

    def escape(self, start: int) -> Ranges:
        """The set that an escape stands for; `self.at` is behind the backslash."""
        char = self.peek()
        if not char:
            raise self.fail("a backslash stands at the end", start)
        self.at += 1
        sets = {"d": DIGIT, "w": WORD, "s": SPACE}
        if char in sets:
            return sets[char]
        if char.lower() in sets:
            return outside(sets[char.lower()])
        if char in _CONTROLS:
            return ((_CONTROLS[char], _CONTROLS[char]),)
        if char in _PUNCTUATION:
            return ((ord(char), ord(char)),)
        if char == "u":
            code = self.code_point()
            if code is not None:
                return ((code, code),)
        if char in _REFUSED_ESCAPES:
            raise self.fail(_REFUSED_ESCAPES[char], start)
        if char.isdigit():
            raise self.fail("back-references are not part of the language", start)
        raise self.fail(f"`\\{char}` has no meaning here", start)

    def code_point(self) -> int | None:
        """Behind `\\u`: the code point, or None where it is not written as one."""
        if self.peek() != "{":
            return None
        end = self.text.find("}", self.at, self.at + 8)
        digits = self.text[self.at + 1 : max(end, self.at + 1)]
        if not digits or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
            return None
        code = int(digits, 16)
        if code > LAST or 0xD800 <= code <= 0xDFFF:
            raise self.fail("this is not a character of any text", self.at)
        self.at = end + 1
        return code

    def char_class(self, start: int) -> Regex:
        negated = self.peek() == "^"
        if negated:
            self.at += 1
        ranges: list[tuple[int, int]] = []
        first = True
        while (char := self.peek()) != "]" or first:
            if not char:
                raise self.fail("this character class has no end", start)
            if char == "]":
                raise self.fail("a character class is not empty; write `\\]` for a bracket")
            first = False
            low = self.class_item(start)
            dash = self.at
            if self.peek() != "-" or self.text[dash + 1 : dash + 2] in ("]", ""):
                ranges.extend(low)
                continue
            self.at += 1
            high = self.class_item(start)
            if any(len(end) != 1 or end[0][0] != end[0][1] for end in (low, high)):
                raise self.fail("a range goes from one character to one character", dash)
            if high[0][0] < low[0][0]:
                raise self.fail("this range ends below its start", dash)
            ranges.append((low[0][0], high[0][0]))
        self.at += 1
        result = outside(together(ranges)) if negated else together(ranges)
        if not result:
            raise self.fail("no character is in this class", start)
        return Chars(result)

    def class_item(self, start: int) -> Ranges:
        char = self.peek()
        at = self.at
        self.at += 1
        if not char:
            raise self.fail("this character class has no end", start)
        if char == "\\":
            return self.escape(at)
        if char == "[":
            raise self.fail("write `\\[` for a bracket inside a class", at)
        return ((ord(char), ord(char)),)

    def read(self) -> Regex:
        if len(self.text) > MAX_LENGTH:
            raise self.fail(f"a pattern has at most {MAX_LENGTH:,} characters", MAX_LENGTH)
        for offset, char in enumerate(self.text):
            if 0xD800 <= ord(char) <= 0xDFFF:
                raise self.fail("this is not a character of any text", offset)
        tree = self.union()
        if self.peek() == ")":
            raise self.fail("this parenthesis closes no group")
        return tree


def _digits(text: str) -> bool:
    return 0 < len(text) <= 6 and text.isascii() and text.isdigit()


def _size(regex: Regex) -> tuple[int, int]:
    """The number of character sets once bounded repetitions are written out, and the product of
    the bounds of repetitions nested in one another."""
    match regex:
        case Chars() | Empty():
            return 1, 1
        case Concat(items) | Union(items):
            sizes = [_size(item) for item in items]
            return sum(size for size, _ in sizes), max(product for _, product in sizes)
        case Repeat(item, low, high):
            size, product = _size(item)
            times = max(low, 1) if high is None else high
            return size * times, product * times


def _checked(regex: Regex) -> Regex:
    size, product = _size(regex)
    if product > MAX_REPEAT:
        raise RegexError(
            f"repetitions inside one another count to at most {MAX_REPEAT:,} together", 0
        )
    if size > MAX_ATOMS:
        raise RegexError(f"written out, this has over {MAX_ATOMS:,} characters", 0)
    try:
        re2.compile(_re2_text(regex), _options())
    except re2.error:
        raise RegexError("this expression is too large", 0) from None
    return regex


@functools.lru_cache(maxsize=1024)
def parse(pattern: str) -> Regex:
    """The syntax tree of a pattern (the text between the slashes). Raises `RegexError`.

    A pattern that parses also has a matcher.
    """
    tree = _Parser(pattern).read()
    return _checked(tree)


@functools.lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a whole text matches a pattern, in time linear in the text. Raises `RegexError`.

    A text with lone surrogates matches nothing.
    """
    compiled = re2.compile(_re2_text(parse(pattern)), _options())
    fullmatch = compiled.fullmatch

    def matches(text: str) -> bool:
        try:
            return fullmatch(text) is not None
        except UnicodeEncodeError:
            return False

    return matches


def _options() -> re2.Options:
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    options.never_capture = True
    return options


def _re2_text(regex: Regex) -> str:
    match regex:
        case Chars(((low, high),)) if low == high:
            return f"\\x{{{low:X}}}"
        case Chars(ranges):
            return "[" + "".join(f"\\x{{{a:X}}}-\\x{{{b:X}}}" for a, b in ranges) + "]"
        case Empty():
            return "(?:)"
        case Concat(items):
            return "".join(map(_re2_text, items))
        case Union(options):
            return "(?:" + "|".join(map(_re2_text, options)) + ")"
        case Repeat(item, low, high):
            return f"(?:{_re2_text(item)}){_show_bounds(low, high)}"


# --- writing and translating -------------------------------------------------------------------


def show(regex: Regex) -> str:
    """A pattern of the dialect that parses to the same language."""
    return _show(regex, 0)


def _show(regex: Regex, level: int) -> str:
    """`level`: 0 inside a union, 1 inside a concatenation, 2 under a quantifier."""
    match regex:
        case Chars(ranges):
            return _show_chars(ranges)
        case Empty():
            return "()" if level else ""
        case Concat(items):
            text = "".join(_show(item, 1) for item in items)
            return f"({text})" if level == 2 else text
        case Union(options):
            text = "|".join(_show(option, 0) for option in options)
            return f"({text})" if level else text
        case Repeat(item, low, high):
            text = _show(item, 2)
            if isinstance(item, Repeat):
                text = f"({text})"
            return text + _show_bounds(low, high)


def _show_bounds(low: int, high: int | None) -> str:
    match low, high:
        case 0, None:
            return "*"
        case 1, None:
            return "+"
        case 0, 1:
            return "?"
        case _, None:
            return f"{{{low},}}"
        case _:
            return f"{{{low}}}" if low == high else f"{{{low},{high}}}"


def _show_chars(ranges: Ranges) -> str:
    named = {ANY.ranges: ".", DIGIT: r"\d", WORD: r"\w", SPACE: r"\s"}
    named |= {outside(DIGIT): r"\D", outside(WORD): r"\W", outside(SPACE): r"\S"}
    if ranges in named:
        return named[ranges]
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _show_char(ranges[0][0], _META)
    others = outside(ranges)
    negated = ranges[-1][1] == LAST and len(others) > 0
    parts = []
    for low, high in others if negated else ranges:
        parts.append(_show_char(low, _CLASS_META))
        if high > low:
            parts.append(("-" if high > low + 1 else "") + _show_char(high, _CLASS_META))
    return ("[^" if negated else "[") + "".join(parts) + "]"


_CLASS_META = frozenset("\\/[]^-")


def _show_char(code: int, meta: frozenset[str]) -> str:
    char = chr(code)
    if char in meta:
        return "\\" + char
    if 0x20 <= code < 0x7F or (code >= 0xA1 and char.isprintable()):
        return char
    return f"\\u{{{code:x}}}"


def from_glob(glob: str) -> str:
    """The pattern of `like`: `*` is any text, everything else is itself."""
    return "".join(".*" if char == "*" else _show_char(ord(char), _META) for char in glob)
