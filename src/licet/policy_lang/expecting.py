"""What may come next, in the words of a policy's author, and near misses of it."""

from __future__ import annotations

from collections.abc import Iterator

from .tokens import CONTEXTUAL, END, PUNCTUATION, RESERVED


def words_of(kinds: frozenset[str]) -> Iterator[str]:
    """The words that expected terminals are written as."""
    for word in sorted(RESERVED):
        if word.upper() in kinds:
            yield word
    for word, kind in CONTEXTUAL.items():
        if kind in kinds:
            yield word


def is_near(word: str, typed: str) -> bool:
    """Whether one slip of the fingers turns `word` into `typed` (two in a long word)."""
    if word == typed.lower():
        return word != typed
    from rapidfuzz.distance import OSA

    slips = 2 if len(word) > 5 else 1 if len(word) > 2 else 0
    return OSA.distance(word, typed.lower(), score_cutoff=slips) <= slips


_SYMBOLS = {kind: symbol for symbol, kind in PUNCTUATION.items()}
_OPERATORS = frozenset(
    (
        *("OR", "AND", "NOT", "IN", "CONTAINS", "STARTSWITH", "ENDSWITH", "LIKE", "SUBSET"),
        *("UNDER", "MATCHES", "EQ", "NE", "LT", "LE", "GT", "GE", "COALESCE"),
        *("PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "DIV"),
    )
)
_VALUES = frozenset(
    (
        *("NUMBER", "STRING", "TRUE", "FALSE", "WORD", "LPAR", "LSQB", "LBRACE", "CALLS", "HAS"),
        *("MINUS", "NOT", "IF", "DURATION", "DATE", "TIME", "BINDER"),
    )
)
_GROUPS: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (
        frozenset(("NUMBER", "STRING", "TRUE")),
        _VALUES,
        "a value",
    ),
    (
        frozenset(("EQ", "AND", "PLUS")),
        _OPERATORS | {"DOT", "LSQB", "LPAR"},
        "an operator",
    ),
    (frozenset(("DOT", "LSQB")), frozenset(("DOT", "LSQB", "LPAR")), "more of the path"),
    (
        frozenset(("NUMBER", "DURATION")),
        frozenset(["NUMBER", "DURATION", "DATE", "TIME", "WORD", "MINUS"]),
        "a number, date, time or duration",
    ),
    (frozenset(("LIST", "MAP")), frozenset(("LIST", "MAP", "WORD", "LBRACE")), "a type"),
    (
        frozenset(("WHEN", "UNLESS", "MESSAGE")),
        frozenset(["WHEN", "UNLESS", "MESSAGE", "LET", "TO", "SETTLE", "ELSE"]),
        "a clause",
    ),
    (
        frozenset(("PER", "WITHIN", "LE")),
        frozenset(["PER", "WITHIN", "LE", "LT", "ON"]),
        "`on`, `per`, `within` or the bound (`<= AMOUNT`)",
    ),
    (
        frozenset(("DURATION", "CALENDAR")),
        frozenset(("DURATION", "CALENDAR")),
        "a window (`30min`, `24h`, `day`, `month`)",
    ),
    (
        frozenset(("GIVEN", "CALL", "NOW")),
        frozenset(["GIVEN", "CALL", "NOW", "SCOPE", "WORD"]),
        "a given value, `given` or `call`",
    ),
    (
        frozenset(("STEP", "IN")),
        frozenset(["STEP", "IN", "GE", "LE", "GT", "LT", "MATCHES"]),
        "a range, `step` or pattern",
    ),
)
"""Where all terminals of the first set are expected, those of the second go by one phrase."""
_NAMES = {
    "WORD": "a name",
    "STRING": 'a text in `"…"`',
    "NUMBER": "a number",
    "REGEX": "a pattern between slashes",
    "TOOL": "a tool, a glob, a group or `any`",
    "BINDER": "a name",
    "SCOPE": "`principal`, `context` or `session`",
    "FLAG": "`read_only`, `destructive`, `atomic` or `dispatch`",
    "CALENDAR": "`day`, `week`, `month` or `year`",
    "MODE": "`never`, `always` or `can`",
    "DURATION": "a duration",
    "LIST": "`List`",
    "MAP": "`Map`",
    "TOOL_DECL": "`tool`",
}


def expectation(kinds: frozenset[str], end: str) -> str:
    """What was expected, as a phrase: `an operator, a clause or the next declaration`.

    `end` is how the end of what was read is called.
    """
    left = set(kinds) - {END}
    phrases: list[str] = []
    for needed, covered, phrase in _GROUPS:
        if needed <= left:
            left -= covered
            phrases.append(phrase)
    order = ["WORD", "TOOL", "STRING", "NUMBER"]
    rest = sorted(left, key=lambda kind: (order.index(kind) if kind in order else 9, kind))
    phrases += [_phrase(kind) for kind in rest]
    if END in kinds:
        phrases.append(end)
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} or {phrases[-1]}"


def _phrase(kind: str) -> str:
    if kind in _NAMES:
        return _NAMES[kind]
    return f"`{_SYMBOLS.get(kind, kind.lower())}`"
