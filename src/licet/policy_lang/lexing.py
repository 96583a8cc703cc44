"""From text to tokens: what every character belongs to, with all mistakes of spelling at once.

Four things depend on what went before: a tool position (after `on`, `allow`, `calls(` …) reads a
whole glob as one token, `/…/` is a regular expression only after `matches`, words are free after a
dot and before a colon, and the names that a comprehension binds are tokens of their own, so that
`any(x in xs: …)` and `min(a, b)` differ from the first word on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .diagnostics import Diagnostic
from .misspelling import (
    ALREADY_REPORTED,
    Mistake,
    hidden_characters,
    literal_mistake,
    stray_mistake,
    string_mistake,
)
from .source import Source, Span
from .tokens import DECLARATION_KINDS, END, ERROR, PUNCTUATION, RESERVED, Token

MAX_DEPTH = 100
"""How deeply brackets and expressions may nest, so that whoever walks a tree may use recursion."""

_TOKEN = re.compile(
    r"""
    (?P<SPACE>[\ \t\r\n]+)
  | (?P<COMMENT>\#[^\n]*)
  | (?P<WORD>[A-Za-z_][A-Za-z0-9_]*(?!\w))
  | (?P<PUNCTUATION>->|\?\?|\.\.(?!\.)|==(?!=)|!=(?!=)|<=|>=|=(?![=>])|<(?!>)|[()\[\]{},:;?>+\-*/%]
      |\.(?![.0-9]))
  | (?P<STRING>"(?:[^"\\\n]|\\[^\n])*")
  | (?P<TIME>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?
      (?:Z|[+-][0-9]{2}:[0-9]{2})?(?!\w))
  | (?P<DATE>[0-9]{4}-[0-9]{2}-[0-9]{2}(?!\w))
  | (?P<BAD_DATE>[0-9]{4}-[0-9]{2}-[0-9]{2}\w[\w:.+]*)
  | (?P<NUMBER>[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?(?!\w|\.[^.\w]|\.\Z|\.[A-Za-z0-9_]))
  | (?P<BAD_NUMBER>\.?[0-9]\w*(?:\.(?!\.)\w*)*)
    """,
    re.VERBOSE,
)
_TOOL = re.compile(
    r"""[A-Za-z_*][A-Za-z0-9_*]*(?:\.(?:[A-Za-z0-9_*]+|"(?:[^"\\\n]|\\[^\n])*"))*""", re.ASCII
)
_REGEX = re.compile(r"/(?:[^/\\\n]|\\[^\n])*/")
_DURATION = re.compile(r"[0-9]+(?:_[0-9]+)*(?:s|min|h|d)")
_COLON = re.compile(r"(?:[ \t\r\n]|\#[^\n]*\n)*+:")
COMPREHENSIONS = frozenset(("all", "any", "count", "sum", "min", "max"))
_LITERALS = frozenset(("TIME", "DATE", "BAD_DATE", "NUMBER", "BAD_NUMBER"))
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment's text from `#` to the end of its line, and where it starts.

    `own_line` tells whether nothing but space stands before it on its line.
    """

    text: str
    start: int
    own_line: bool


@dataclass(frozen=True, slots=True)
class Lexed:
    """The tokens of a text, the last of kind `$END`; its comments; its misspelt characters."""

    tokens: tuple[Token, ...]
    comments: tuple[Comment, ...]
    diagnostics: tuple[Diagnostic, ...]


def lex(source: Source) -> Lexed:
    """Split a source into tokens."""
    lexer = _Lexer(source, source.text)
    for mistake in hidden_characters(source.text):
        lexer.report_mistake(mistake)
    lexer.run(0)
    return Lexed(tuple(lexer.tokens), tuple(lexer.comments), tuple(lexer.diagnostics))


def lex_hole(source: Source, text: str, start: int) -> tuple[Lexed, int | None]:
    """The tokens of `text` from `start` to the first `}` without its `{`, and where that stands.

    Offsets are those of `text`; None means that no closing brace was found.
    """
    lexer = _Lexer(source, text)
    end = lexer.run(start, hole=True)
    return Lexed(tuple(lexer.tokens), (), tuple(lexer.diagnostics)), end


class _Lexer:
    def __init__(self, source: Source, text: str) -> None:
        self.source = source
        self.text = text
        self.tokens: list[Token] = []
        self.comments: list[Comment] = []
        self.diagnostics: list[Diagnostic] = []
        self.declaration = ""
        self.tool_next = False
        self.in_tools = False
        self.depth = 0
        self.depth_reported = False

    def report(self, code: str, message: str, start: int, end: int, help: str | None) -> None:
        self.diagnostics.append(Diagnostic(code, message, Span(self.source, start, end), help=help))

    def report_mistake(self, mistake: Mistake, offset: int = 0) -> None:
        self.report(
            mistake.code,
            mistake.message,
            offset + mistake.start,
            offset + mistake.end,
            mistake.help,
        )

    def run(self, position: int, *, hole: bool = False) -> int | None:
        """Lex to the end of the text, or of a hole; return where the hole's `}` stands."""
        text = self.text
        size = len(text)
        match_token = _TOKEN.match
        tokens = self.tokens
        while position < size:
            match = match_token(text, position)
            if match is None:
                position = self.stray(position)
                continue
            group = match.lastgroup
            end = match.end()
            if group == "SPACE":
                position = end
                continue
            if group == "COMMENT" and not hole:
                self.comment(position, end)
                position = end
                continue
            if self.tool_next:
                self.tool_next = False
                after_tool = self.tool(position)
                if after_tool is not None:
                    position = after_tool
                    continue
            if group == "WORD":
                self.word(match.group(), position, end)
            elif group == "PUNCTUATION":
                symbol = match.group()
                if symbol == "/" and tokens and tokens[-1].kind == "MATCHES":
                    position = self.regex(position)
                    continue
                if hole and symbol == "}" and self.depth == 0:
                    tokens.append(Token(END, "", position, position))
                    return position
                self.punctuation(symbol, position, end)
            elif group == "STRING":
                self.string("STRING", match.group(), position, end)
            elif group in _LITERALS:
                self.literal(group, match.group(), position, end)
            else:
                break
            position = end
        tokens.append(Token(END, "", size, size))
        return None

    def comment(self, start: int, end: int) -> None:
        line = self.text.rfind("\n", 0, start) + 1
        own_line = not self.text[line:start].strip(" \t\r\ufeff")
        self.comments.append(Comment(self.text[start:end].rstrip(), start, own_line))

    def word(self, text: str, start: int, end: int) -> None:
        tokens = self.tokens
        previous = tokens[-1].kind if tokens else ""
        kind = "WORD"
        if text in RESERVED and previous != "DOT" and not self.is_free(text, end):
            kind = text.upper()
            if kind in DECLARATION_KINDS and previous not in ("ELSE", "THEN"):
                self.declaration = kind
                self.depth = 0 if self.at_line_start(start) else self.depth
                self.depth_reported = False
            self.tool_next = kind in ("ON", "ADJUSTABLE")
            if kind == "IN":
                self.bind()
        elif (self.declaration == "ADJUSTABLE" and not self.depth) or (
            text in ("tool", "change")
            and self.at_line_start(start)
            and previous not in DECLARATION_KINDS
        ):
            self.declaration = ""  # a declaration whose first word is not reserved
        elif text == "allow" and previous == "WORD":
            self.tool_next = tokens[-1].text in ("never", "always", "can")
        elif text == "call":
            self.tool_next = self.declaration == "TEST" and previous != "DOT"
        self.in_tools = False
        tokens.append(Token(kind, text, start, end))

    def is_free(self, word: str, end: int) -> bool:
        """Whether a reserved word is a key here: before a colon, or an argument of `adjustable`."""
        if self.declaration == "ADJUSTABLE" and self.depth:
            return True
        return word not in ("true", "false") and bool(_COLON.match(self.text, end))

    def at_line_start(self, start: int) -> bool:
        return start == 0 or self.text[start - 1] == "\n"

    def bind(self) -> None:
        """Before `in`: make `any(x` and `any(k, v` bind their names."""
        tokens = self.tokens
        count = 3 if len(tokens) > 3 and tokens[-2].kind == "COMMA" else 1
        if len(tokens) < count + 2 or any(t.kind != "WORD" for t in tokens[-count::2]):
            return
        opening, word = tokens[-count - 1], tokens[-count - 2]
        before = tokens[-count - 3].kind if len(tokens) > count + 2 else ""
        if (
            opening.kind == "LPAR"
            and word.text in COMPREHENSIONS
            and before not in ("DOT", "TABLE")
        ):
            for index in range(len(tokens) - count, len(tokens), 2):
                tokens[index] = tokens[index]._replace(kind="BINDER")

    def punctuation(self, symbol: str, start: int, end: int) -> None:
        if symbol in _OPENING:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                self.too_deep(start, end)
            self.tool_next = bool(self.tokens) and self.tokens[-1].kind == "CALLS"
            self.in_tools = False
        elif symbol in _CLOSING:
            self.depth = max(self.depth - 1, 0)
            self.in_tools = False
        elif symbol == ",":
            self.tool_next = self.in_tools or (self.declaration == "ADJUSTABLE" and self.depth == 0)
        elif symbol == "=":
            self.tool_next = self.declaration == "GROUP"
        self.tokens.append(Token(PUNCTUATION[symbol], symbol, start, end))

    def too_deep(self, start: int, end: int) -> None:
        if not self.depth_reported:
            self.depth_reported = True
            self.report(
                "LIC026",
                f"brackets nest more than {MAX_DEPTH} deep here",
                start,
                end,
                "name the inner parts with `define` or `let`",
            )
            self.tokens.append(Token(ERROR, "", start, end))

    def tool(self, start: int) -> int | None:
        """A tool's name or glob at `start`; None where there is none."""
        if self.text.startswith('"', start):
            match = _TOKEN.match(self.text, start)
            if match is None or match.lastgroup != "STRING":
                return None
            self.string("TOOL", match.group(), start, match.end())
        else:
            match = _TOOL.match(self.text, start)
            if match is None or match.group() in RESERVED:
                return None
            reach = match.group() in ("per", "within") and not self.text.startswith("*", start)
            if reach and self.tokens and self.tokens[-1].kind == "COMMA":
                return None
            self.tokens.append(Token("TOOL", match.group(), start, match.end()))
        self.in_tools = True
        return match.end()

    def string(self, kind: str, text: str, start: int, end: int) -> None:
        mistake = string_mistake(text)
        if mistake is not None:
            self.report_mistake(mistake, start)
            text = '""'
        self.tokens.append(Token(kind, text, start, end))

    def regex(self, start: int) -> int:
        match = _REGEX.match(self.text, start)
        if match is None:
            line_end = self.text.find("\n", start)
            end = len(self.text) if line_end < 0 else line_end
            self.report(
                "LIC021",
                "this regular expression has no closing `/` on its line",
                start,
                end,
                "end it with `/`; a slash inside is written `\\/`",
            )
            self.tokens.append(Token("REGEX", "//", start, end))
            return end
        self.tokens.append(Token("REGEX", match.group(), start, match.end()))
        return match.end()

    def literal(self, group: str, text: str, start: int, end: int) -> None:
        if group == "BAD_NUMBER" and _DURATION.fullmatch(text):
            group = "DURATION"
        mistake = self.grouped_number(text, start) or literal_mistake(group, text)
        if mistake is not None:
            self.report_mistake(mistake, start)
            assert mistake.stand_in is not None
            group, text = mistake.stand_in
        self.tokens.append(Token(group, text, start, end))

    def grouped_number(self, text: str, start: int) -> Mistake | None:
        """The `000` of `1,000`, where the zeros show that no list was meant."""
        tokens = self.tokens
        if len(tokens) < 2 or not (len(text) == 3 and text[0] == "0" and text.isdigit()):
            return None
        number, comma = tokens[-2:]
        if (number.kind, comma.kind, comma.end) != ("NUMBER", "COMMA", start):
            return None
        size = number.start - start
        help = f"write `{number.text}_{text}`"
        return Mistake("LIC011", "a comma inside a number", size, 3, help, ("NUMBER", "0"))

    def stray(self, start: int) -> int:
        """Something that no token begins with: explain it, stand in for it, and go on."""
        mistake = stray_mistake(self.text, start)
        if mistake.code != ALREADY_REPORTED:
            self.report_mistake(mistake)
        if mistake.stand_in is not None:
            kind, text = mistake.stand_in
            if kind == "STRING" and self.tool_next:
                kind = "TOOL"
            self.in_tools = kind == "TOOL"
            self.tool_next = False
            self.tokens.append(Token(kind, text, start, mistake.end))
        return mistake.end
