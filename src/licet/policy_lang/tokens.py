"""The words and symbols of the language, and how each is called when it was expected.

A token's kind is a terminal of `grammar.lark`. Reserved words have a kind of their own wherever
they stand; contextual words are tokens of kind `WORD` until the parser, which knows what may come
next, reads them as a keyword or as a name.
"""

from __future__ import annotations

from typing import NamedTuple


class Token(NamedTuple):
    """A terminal: its kind, its text, and the half-open range of code points it covers.

    Where the author's text was mistaken, `text` is a harmless stand-in of the same kind.
    """

    kind: str
    text: str
    start: int
    end: int


END = "$END"
ERROR = "ERROR"

DECLARATION_WORDS = (
    "policy",
    "timezone",
    "use",
    "import",
    "enum",
    "record",
    "param",
    "table",
    "const",
    "fact",
    "group",
    "define",
    "permit",
    "forbid",
    "escalate",
    "limit",
    "prove",
    "test",
    "shown",
    "adjustable",
)
SCOPE_WORDS = ("principal", "context", "session")
CLAUSE_WORDS = ("on", "when", "unless", "let", "message")
OPERATOR_WORDS = (
    "and",
    "or",
    "not",
    "in",
    "div",
    "contains",
    "startswith",
    "endswith",
    "like",
    "matches",
    "subset",
    "under",
)
EXPRESSION_WORDS = ("if", "then", "else", "has", "calls", "true", "false")

RESERVED = frozenset(DECLARATION_WORDS + CLAUSE_WORDS + OPERATOR_WORDS + EXPRESSION_WORDS)
DECLARATION_KINDS = frozenset(word.upper() for word in DECLARATION_WORDS)

CONTEXTUAL = {
    **dict.fromkeys(SCOPE_WORDS, "SCOPE"),
    **dict.fromkeys(("read_only", "destructive", "atomic", "dispatch"), "FLAG"),
    **dict.fromkeys(("day", "week", "month", "year"), "CALENDAR"),
    **dict.fromkeys(("never", "always", "can"), "MODE"),
    **{
        word: word.upper()
        for word in (
            "to",
            "per",
            "within",
            "step",
            "needs",
            "with",
            "as",
            "before",
            "after",
            "at",
            "over",
            "allow",
            "deny",
            "by",
            "absent",
            "unknown",
            "given",
            "call",
            "now",
            "tools",
            "tags",
            "for",
            "sum",
            "count",
            "settle",
            "result",
        )
    },
    "List": "LIST",
    "Map": "MAP",
    "tool": "TOOL_DECL",
    "change": "CHANGE",
}
"""The terminal that each contextual word stands for where that terminal may come next."""

PUNCTUATION = {
    "(": "LPAR",
    ")": "RPAR",
    "[": "LSQB",
    "]": "RSQB",
    "{": "LBRACE",
    "}": "RBRACE",
    ",": "COMMA",
    ":": "COLON",
    ";": "SEMICOLON",
    ".": "DOT",
    "..": "RANGE",
    "?": "QMARK",
    "??": "COALESCE",
    "=": "ASSIGN",
    "->": "ARROW",
    "==": "EQ",
    "!=": "NE",
    "<": "LT",
    "<=": "LE",
    ">": "GT",
    ">=": "GE",
    "+": "PLUS",
    "-": "MINUS",
    "*": "STAR",
    "/": "SLASH",
    "%": "PERCENT",
}
