"""The text of a foreign regular expression → a tree, in which looks and anchors still stand.

One syntax for Java's, ECMA's and Python's dialects, which descriptions of APIs mix freely; where
they disagree, what Smithy and JSON Schema say (ECMA-262 in Unicode mode) wins.
"""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass

from .char_ranges import DIGIT, LAST, WORD, Ranges, common, outside, together
from .char_ranges import SPACE as ASCII_SPACE
from .regex import ANY, Chars, Concat, Empty, Regex, Repeat, Union

MAX_LENGTH = 20_000
MAX_NESTING = 50
MAX_COUNT = 1_000_000


class PatternSyntaxError(ValueError):
    """An expression that has no tree here."""


@dataclass(frozen=True, slots=True)
class Start:
    """The beginning of the text."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of the text."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """A word's edge; `negative`: no edge."""

    negative: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What has to follow, or to stand `behind`; `negative`: must not."""

    node: Node
    behind: bool
    negative: bool


#: A tree: expressions of the language, in whose parts the four above may stand.
Node = Regex | Start | End | Boundary | Look


# --- sets of characters --------------------------------------------------------------------------


def texts(ranges: Ranges) -> Ranges:
    """The same for texts, which have no surrogates: no range begins or ends with one."""
    kept = common(ranges, outside(_SURROGATES))
    ends = {code for pair in kept for code in pair}
    return together([*kept, *_SURROGATES]) if {0xD7FF, 0xE000} <= ends else kept


_SURROGATES: Ranges = ((0xD800, 0xDFFF),)
BLANK: Ranges = ((0x09, 0x09), (0x20, 0x20))
SPACE: Ranges = together(
    [
        *(*ASCII_SPACE, (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
        *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
        (0xFEFF, 0xFEFF),
    ]
)
DOT: Ranges = outside(((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)))
_LETTERS: Ranges = ((0x41, 0x5A), (0x61, 0x7A))
_GRAPH: Ranges = ((0x21, 0x7E),)
_POSIX: dict[str, Ranges] = {
    "ASCII": ((0, 0x7F),),
    "Alnum": together([*DIGIT, *_LETTERS]),
    "Alpha": _LETTERS,
    "Blank": BLANK,
    "Cntrl": ((0, 0x1F), (0x7F, 0x7F)),
    "Digit": DIGIT,
    "Graph": _GRAPH,
    "L1": ((0, 0xFF),),
    "Lower": ((0x61, 0x7A),),
    "Print": ((0x20, 0x7E),),
    "Punct": common(_GRAPH, outside(together([*DIGIT, *_LETTERS]))),
    "Space": ASCII_SPACE,
    "Upper": ((0x41, 0x5A),),
    "XDigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}
_LONG = {
    "Alphabetic": ("L", "Nl"),
    "Letter": ("L",),
    "Lowercase": ("Ll",),
    "Mark": ("M",),
    "Number": ("N",),
    "Punctuation": ("P",),
    "Separator": ("Z",),
    "Symbol": ("S",),
    "Uppercase": ("Lu",),
}
_CATEGORIES = frozenset(
    f"{major}{minor}"
    for major, minors in (
        *(("C", "cfnos"), ("L", "lmotu"), ("M", "cen"), ("N", "dlo")),
        *(("P", "cdefios"), ("S", "ckmo"), ("Z", "lps")),
    )
    for minor in minors
)


@functools.lru_cache(maxsize=1)
def _by_category() -> dict[str, Ranges]:
    """The characters of each of Unicode's general categories."""
    runs: dict[str, list[tuple[int, int]]] = {name: [] for name in _CATEGORIES}
    begun, current = 0, unicodedata.category("\0")
    for code in range(1, LAST + 2):
        category = unicodedata.category(chr(code)) if code <= LAST else ""
        if category != current:
            runs[current].append((begun, code - 1))
            begun, current = code, category
    return {name: tuple(ranges) for name, ranges in runs.items()}


@functools.lru_cache(maxsize=256)
def _property(name: str) -> Ranges:
    """The characters of `\\p{NAME}`. Raises PatternSyntaxError."""
    bare = name.removeprefix("Is")
    if bare in _POSIX and not name.startswith("Is"):
        return _POSIX[bare]
    wanted = _LONG.get(bare, (bare,))
    names = [n for n in _CATEGORIES if any(n == w or (len(w) == 1 and n[0] == w) for w in wanted)]
    if not names:
        raise PatternSyntaxError(f"there is no property {name}")
    table = _by_category()
    return together([r for category in names for r in table[category]])


# --- the parser ----------------------------------------------------------------------------------

_CONTROLS = {"n": 0x0A, "t": 0x09, "r": 0x0D, "f": 0x0C, "v": 0x0B, "a": 0x07, "e": 0x1B}
_CLASSES: dict[str, Ranges] = {"d": DIGIT, "w": WORD, "s": SPACE, "h": BLANK}


@dataclass(frozen=True, slots=True)
class _Flags:
    ignore_case: bool = False
    dot_all: bool = False


class _Parser:
    """Recursive descent over one pattern."""

    def __init__(self, text: str, java: bool) -> None:
        self.text = text
        self.java = java
        self.at = 0
        self.nesting = 0
        self.flags = _Flags()

    def peek(self, ahead: int = 0) -> str:
        return self.text[self.at + ahead : self.at + ahead + 1]

    def eat(self, text: str) -> bool:
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def union(self) -> Node:
        options = [self.concat()]
        while self.eat("|"):
            options.append(self.concat())
        flat: list[Node] = []
        for option in options:
            flat += option.options if isinstance(option, Union) else [option]
        return flat[0] if len(flat) == 1 else Union(tuple(flat))  # type: ignore[arg-type]

    def concat(self) -> Node:
        items: list[Node] = []
        while (char := self.peek()) and char not in "|)":
            item = self.repeat()
            items += item.items if isinstance(item, Concat) else [item]
        items = [item for item in items if not isinstance(item, Empty)]
        if not items:
            return Empty()
        return items[0] if len(items) == 1 else Concat(tuple(items))  # type: ignore[arg-type]

    def repeat(self) -> Node:
        item = self.atom()
        while (bounds := self.bounds()) is not None:
            low, high = bounds
            if not self.eat("?"):  # lazy: whether a text matches does not depend on it
                self.eat("+")  # possessive: only refuses what backtracking would find
            if isinstance(item, Start | End | Boundary | Look):
                item = item if low else Empty()
            elif high == 0 or isinstance(item, Empty):
                item = Empty()
            elif (low, high) != (1, 1):
                item = Repeat(item, low, high)
        return item

    def bounds(self) -> tuple[int, int | None] | None:
        for char, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.eat(char):
                return bounds
        if self.peek() != "{":
            return None
        end = self.text.find("}", self.at, self.at + 20)
        low_text, comma, high_text = self.text[self.at + 1 : max(end, self.at + 1)].partition(",")
        if end < 0 or not _digits(low_text) or (high_text and not _digits(high_text)):
            return None
        low = int(low_text)
        high = low if not comma else int(high_text) if high_text else None
        if max(low, high or 0) > MAX_COUNT or (high is not None and high < low):
            raise PatternSyntaxError("a repetition counts too far")
        self.at = end + 1
        return low, high

    def atom(self) -> Node:
        char = self.peek()
        self.at += 1
        match char:
            case "(":
                return self.group()
            case "[":
                return self.chars(self.char_class())
            case ".":
                return ANY if self.flags.dot_all else Chars(DOT)
            case "^":
                return Start()
            case "$":
                return End()
            case "\\":
                return self.escape()
            case "*" | "+" | "?":
                raise PatternSyntaxError("there is nothing to repeat")
            case _:
                return self.chars(((ord(char), ord(char)),))

    def chars(self, ranges: Ranges) -> Chars:
        if self.flags.ignore_case:
            other = [
                (low ^ 0x20, high ^ 0x20)
                for case in (((0x41, 0x5A),), ((0x61, 0x7A),))
                for low, high in common(ranges, case)
            ]
            ranges = together([*ranges, *other])
        ranges = texts(ranges)
        if not ranges:
            raise PatternSyntaxError("no character is in this class")
        return Chars(ranges)

    def group(self) -> Node:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise PatternSyntaxError("groups nest too deeply")
        flags = self.flags
        look: tuple[bool, bool] | None = None
        if self.eat("?"):
            for sign, (behind, negative) in _LOOKS.items():
                if self.eat(sign):
                    look = (behind, negative)
                    break
            else:
                if self.flagged():
                    self.nesting -= 1
                    return Empty()  # `(?i)`: for the rest of the group around it
        inner = self.union()
        if not self.eat(")"):
            raise PatternSyntaxError("a group has no end")
        self.flags = flags
        self.nesting -= 1
        return inner if look is None else Look(inner, *look)

    def flagged(self) -> bool:
        """Behind `(?`: flags, a name or `:`; whether the group ends at once."""
        if self.eat(":") or self.eat(">"):
            return False
        if self.eat("<") or self.eat("P<"):
            end = self.text.find(">", self.at)
            if end < 0:
                raise PatternSyntaxError("a group's name has no end")
            self.at = end + 1
            return False
        sets = True
        while (char := self.peek()) not in (":", ")"):
            self.at += 1
            match char:
                case "-":
                    sets = False
                case "i":
                    self.flags = _Flags(sets, self.flags.dot_all)
                case "s":
                    self.flags = _Flags(self.flags.ignore_case, sets)
                case "u" | "U":
                    pass
                case _:
                    raise PatternSyntaxError("an unknown flag or group")
        self.at += 1
        return char == ")"

    def escape(self) -> Node:
        char = self.peek()
        match char:
            case "b" | "B":
                self.at += 1
                return Boundary(char == "B")
            case "A":
                self.at += 1
                return Start()
            case "Z" | "z":
                self.at += 1
                return End()
            case "Q":
                end = self.text.find("\\E", self.at)
                quoted = self.text[self.at + 1 : end if end >= 0 else None]
                self.at = len(self.text) if end < 0 else end + 2
                if self.peek() and self.peek() in "*+?{":
                    raise PatternSyntaxError("only the last of quoted characters is repeated")
                parts = tuple(self.chars(((ord(c), ord(c)),)) for c in quoted)
                return Empty() if not parts else parts[0] if len(parts) == 1 else Concat(parts)
            case _:
                return self.chars(self.escaped())

    def escaped(self) -> Ranges:
        """The set that an escape stands for; `self.at` is behind the backslash."""
        char = self.peek()
        if not char:
            raise PatternSyntaxError("a backslash stands at the end")
        self.at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        if char.lower() in _CLASSES:
            return outside(_CLASSES[char.lower()])
        if char in _CONTROLS:
            return ((_CONTROLS[char], _CONTROLS[char]),)
        if char in "pP":
            if self.eat("{"):
                end = self.text.find("}", self.at)
                name = self.text[self.at : max(end, self.at)]
                self.at = end + 1
            else:
                name = self.peek()
                self.at += 1
            negated = name.startswith("^")
            ranges = _property(name.removeprefix("^"))
            return outside(ranges) if (char == "P") != negated else ranges
        if char in "ux":
            code = self.code_point(char)
            if code is not None:
                return ((code, code),)
        if char == "0" and not self.peek().isdigit():
            return ((0, 0),)
        if char.isascii() and char.isalnum():
            raise PatternSyntaxError("an escape without a meaning here")
        return ((ord(char), ord(char)),)

    def code_point(self, kind: str) -> int | None:
        """Behind `\\u` or `\\x`: the code point, a pair of surrogates together."""
        if self.peek() == "{":
            end = self.text.find("}", self.at, self.at + 9)
            digits, after = self.text[self.at + 1 : max(end, self.at + 1)], end + 1
        else:
            after = self.at + (4 if kind == "u" else 2)
            digits = self.text[self.at : after]
            if len(digits) != after - self.at:
                return None
        if not digits or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
            return None
        code = int(digits, 16)
        if code > LAST:
            raise PatternSyntaxError("a code point beyond the last")
        self.at = after
        if 0xD800 <= code <= 0xDBFF and self.text.startswith("\\u", self.at):
            begun = self.at
            self.at += 2
            low = self.code_point("u")
            if low is not None and 0xDC00 <= low <= 0xDFFF:
                return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
            self.at = begun
        return code

    def char_class(self) -> Ranges:
        negated = self.eat("^")
        if self.peek() == "]":
            raise PatternSyntaxError("dialects differ on a class that begins with a bracket")
        ranges: list[tuple[int, int]] = []
        limits: list[Ranges] = []
        while not self.eat("]"):
            if not self.peek():
                raise PatternSyntaxError("a character class has no end")
            if self.eat("&&["):
                if not self.java:
                    raise PatternSyntaxError("dialects differ on `&&` in a class")
                limits.append(self.char_class())
                continue
            low = self.class_item()
            if self.peek() == "-" and self.peek(1) not in ("]", ""):
                dash = self.at
                self.at += 1
                high = self.class_item()
                if _single(low) and _single(high):
                    if high[0][0] < low[0][0]:
                        if not (_surrogate(low) or _surrogate(high)):
                            raise PatternSyntaxError("a range ends below its start")
                        continue
                    ranges.append((low[0][0], high[0][0]))
                    continue
                self.at = dash + 1  # beside a class, a dash is a dash
                ranges += [*low, (0x2D, 0x2D)]
                continue
            ranges += low
        found = together(ranges)
        for limit in limits:
            found = common(found, limit)
        return outside(found) if negated else found

    def class_item(self) -> Ranges:
        if self.eat("\\"):
            if self.eat("b"):
                return ((0x08, 0x08),)
            return self.escaped()
        if self.text.startswith("[:", self.at):
            end = self.text.find(":]", self.at)
            name = self.text[self.at + 2 : max(end, self.at + 2)]
            if end > 0 and name.isalpha():
                self.at = end + 2
                return _property(name.capitalize())
        char = self.peek()
        self.at += 1
        return ((ord(char), ord(char)),)


_LOOKS = {"=": (False, False), "!": (False, True), "<=": (True, False), "<!": (True, True)}


def _digits(text: str) -> bool:
    return 0 < len(text) <= 6 and text.isascii() and text.isdigit()


def _single(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


def _surrogate(ranges: Ranges) -> bool:
    return 0xD800 <= ranges[0][0] <= 0xDFFF


def read(pattern: str, *, java: bool) -> Node:
    """The tree of a pattern; `java`: with intersections of classes. Raises PatternSyntaxError."""
    if len(pattern) > MAX_LENGTH:
        raise PatternSyntaxError("the pattern is too long")
    parser = _Parser(pattern, java)
    tree = parser.union()
    if parser.at != len(pattern):
        raise PatternSyntaxError("a parenthesis closes no group")
    return tree
