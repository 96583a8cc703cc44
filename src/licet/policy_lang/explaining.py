"""Why a token does not fit, in the words of a policy's author.

First the mistakes that people bring along from other languages, each with an answer of its own;
then near misses of the words that were expected; then what was expected at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .diagnostics import Diagnostic
from .expecting import expectation, is_near, words_of
from .misspelling import is_unit_word, unit_help
from .source import Source, Span
from .tokens import (
    DECLARATION_WORDS,
    END,
    RESERVED,
    SCOPE_WORDS,
    Token,
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A token that does not fit: which of which, and the terminals that would have fitted."""

    source: Source
    tokens: tuple[Token, ...]
    what: str  # `declaration` or `expression`: what was being read
    first: int  # where it starts
    index: int
    expected: frozenset[str]
    at_declaration: bool

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def token_at(self, distance: int) -> Token:
        """The token so far behind (negative) or ahead; the last one beyond the end."""
        index = self.index + distance
        if index < self.first:
            return Token("", "", 0, 0)
        return self.tokens[min(index, len(self.tokens) - 1)]

    def span(self, first: int = 0, last: int = 0) -> Span:
        """The source from one token to another, both by their distance."""
        return Span(self.source, self.token_at(first).start, self.token_at(last).end)


def explain(failure: Failure) -> Diagnostic:
    """The one diagnostic for a token that does not fit."""
    for answer in _ANSWERS:
        found = answer(failure)
        if found is not None:
            return found
    is_file = failure.what == "declaration"
    end = "the next declaration" if is_file else "the end of the expression"
    wanted = expectation(failure.expected, end)
    if failure.token.kind == END or failure.at_declaration:
        previous = failure.token_at(-1)
        span = Span(failure.source, previous.end, previous.end)
        if previous.kind == "":
            span = failure.span()
        where = "the next declaration starts"
        if failure.token.kind == END:
            where = "the file ends" if is_file else "the expression ends"
        return Diagnostic("LIC002", f"{where} where {wanted} was expected", span)
    message = f"expected {wanted}, found {_shown(failure.token)}"
    return Diagnostic("LIC001", message, failure.span(), help=_general_help(failure))


def _shown(token: Token) -> str:
    text = token.text if len(token.text) <= 40 else token.text[:40] + "…"
    match token.kind:
        case "STRING":
            return f"the text `{text}`"
        case "NUMBER":
            return f"the number `{text}`"
        case kind if kind.lower() in RESERVED and kind not in ("TRUE", "FALSE"):
            return f"the word `{text}`"
        case _:
            return f"`{text}`"


#: Words that elsewhere are functions of two values.
_BETWEEN = frozenset(
    ("CONTAINS", "STARTSWITH", "ENDSWITH", "MATCHES", "LIKE", "IN", "UNDER", "SUBSET", "DIV")
)


def _general_help(failure: Failure) -> str | None:
    token = failure.token
    if token.kind == "BINDER":
        return "a limit sums one amount per call: write `sum(sum(x in xs: …))`"
    if "REGEX" in failure.expected:
        return "`matches` takes a regular expression between slashes, as in `/[a-z]+/`"
    if "RESULT" in failure.expected or "OVER" in failure.expected:
        return "write `settle at AMOUNT over result`"
    if token.kind in _BETWEEN and failure.token_at(1).kind == "LPAR":
        return f"write it between the two: `a {token.text} b`"
    if token.text == "between" and "EQ" in failure.expected:
        return "write `low <= x <= high`"
    if token.kind == "COMMA" and failure.expected >= {"RPAR", "EQ"}:
        return "a list stands in brackets: `x in [a, b]`"
    if token.text == "?":
        return "write `if a then b else c`, or `a ?? b` for what may be absent"
    if token.kind == "LET" and "HAS" in failure.expected:
        return "`let` is a clause of the rule; for a value of each element, `define f(x) = …`"
    if token.kind == "IF":
        return "`if` stands at the start of an expression or in parentheses"
    return None


# --- mistakes with an answer of their own


def _single_equals(failure: Failure) -> Diagnostic | None:
    if failure.token.kind != "ASSIGN" or "EQ" not in failure.expected:
        return None
    return Diagnostic(
        "LIC006", "`=` does not compare", failure.span(), help="write `==` to compare two values"
    )


def _is_none(failure: Failure) -> Diagnostic | None:
    token, following = failure.token, failure.token_at(1)
    if token.kind != "WORD" or token.text not in ("is", "isnt") or "EQ" not in failure.expected:
        return None
    negated = following.kind == "NOT" or token.text == "isnt"
    help = "write `==` to compare, `has PATH` for what is there, `not has PATH` for what is not"
    if failure.token_at(2 if following.kind == "NOT" else 1).text.lower() in ("none", "null"):
        help = f"write `{'' if negated else 'not '}has PATH`"
    return Diagnostic("LIC008", "`is` is not an operator", failure.span(), help=help)


def _if_clause(failure: Failure) -> Diagnostic | None:
    if failure.token.kind != "IF" or not failure.expected & {"WHEN", "ON"}:
        return None
    if "PER" in failure.expected or "OVER" in failure.expected:
        return None
    return Diagnostic(
        "LIC009",
        "a rule's condition does not start with `if`",
        failure.span(),
        help="write `when`, or `unless` for its opposite",
    )


def _missing_on(failure: Failure) -> Diagnostic | None:
    rule = failure.tokens[failure.first]
    if failure.expected != {"ON"} or rule.kind not in ("PERMIT", "FORBID", "ESCALATE"):
        return None
    if failure.token.kind == "WORD" and is_near("on", failure.token.text):
        return None
    name = failure.token_at(-1)
    return Diagnostic(
        "LIC005",
        f"`{rule.text} {name.text}` does not say which tools it is about",
        failure.span(-1, -1),
        help=f"write `{rule.text} {name.text} on TOOL`, or `on any` for all of them",
    )


def _grouped_number(failure: Failure) -> Diagnostic | None:
    token, before, after = failure.token, failure.token_at(-1), failure.token_at(1)
    adjacent = before.end == token.start and token.end == after.start
    if token.kind != "COMMA" or not adjacent or (before.kind, after.kind) != ("NUMBER",) * 2:
        return None
    return Diagnostic(
        "LIC011",
        "a comma inside a number",
        failure.span(-1, 1),
        help=f"write `{before.text}_{after.text}`",
    )


def _spaced_unit(failure: Failure) -> Diagnostic | None:
    token, shift = failure.token, 0
    if token.kind == "NUMBER" and "DURATION" in failure.expected:
        token, shift = failure.token_at(1), 1
    number = failure.token_at(shift - 1)
    if token.kind != "WORD" or number.kind != "NUMBER" or not is_unit_word(token.text):
        return None
    return Diagnostic(
        "LIC013",
        f"`{number.text} {token.text}` is not a span of time",
        failure.span(shift - 1, shift),
        help=unit_help(token.text, number.text),
    )


def _odd_tool_name(failure: Failure) -> Diagnostic | None:
    token, before, after = failure.token, failure.token_at(-1), failure.token_at(1)
    adjacent = before.end == token.start and token.end == after.start
    if before.kind != "TOOL" or not adjacent or token.kind not in ("MINUS", "SLASH", "COLON"):
        return None
    return Diagnostic(
        "LIC032",
        f"a tool's name ends before `{token.text}`",
        failure.span(-1, 1),
        help=f'quote odd names, as in `"{before.text}{token.text}{after.text}"`',
    )


def _reserved_name(failure: Failure) -> Diagnostic | None:
    token, expected = failure.token, failure.expected
    if token.text not in RESERVED or token.text.upper() != token.kind:
        return None
    at_line_start = failure.source.position(token.start)[1] == 1
    if failure.at_declaration and at_line_start:
        return None
    if "TOOL" in expected or "NUMBER" in expected:
        is_meant = token.text in DECLARATION_WORDS
    else:
        is_meant = "WORD" in expected and token.kind != "ON"
    if not is_meant:
        return None
    if "TOOL" in expected:
        help = f'quote it if a tool is called so: `"{token.text}"`'
    else:
        help = "choose another name; after a dot, and as a field or key, every word is free"
    message = f"`{token.text}` is a word of the language and no name"
    return Diagnostic("LIC031", message, failure.span(), help=help)


def _near_miss(failure: Failure) -> Diagnostic | None:
    token = failure.token
    if token.kind not in ("WORD", "TOOL"):
        return None
    if failure.index == failure.first:
        candidates = [*DECLARATION_WORDS, *SCOPE_WORDS, "tool", "change"]
    else:
        candidates = list(words_of(failure.expected))
        if END in failure.expected and failure.source.position(token.start)[1] == 1:
            candidates += DECLARATION_WORDS
    for candidate in candidates:
        if is_near(candidate, token.text):
            message = f"`{token.text}` is not a word of the language here"
            help = f"did you mean `{candidate}`?"
            return Diagnostic("LIC003", message, failure.span(), help=help)
    return None


def _outside(failure: Failure) -> Diagnostic | None:
    if failure.index != failure.first or failure.what != "declaration":
        return None
    return Diagnostic(
        "LIC004",
        f"no declaration starts with {_shown(failure.token)}",
        failure.span(),
        help="a declaration starts with a word such as `permit`, `forbid`, `limit` or `define`",
    )


_ANSWERS: tuple[Callable[[Failure], Diagnostic | None], ...] = (
    _single_equals,
    _is_none,
    _if_clause,
    _missing_on,
    _grouped_number,
    _spaced_unit,
    _odd_tool_name,
    _near_miss,
    _reserved_name,
    _outside,
)
