"""Terms and values as SMT-LIB 2.6 text, and values read back from it.

Only standard operators are written. Text literals write everything but printable ASCII (and the
backslash) as `\\u{…}`, so that nothing in a text is ever taken for an escape sequence.
"""

from __future__ import annotations

import re
from collections import ChainMap, Counter
from collections.abc import Iterable, MutableMapping
from fractions import Fraction
from typing import Final, cast

from .failures import EncodingFault
from .patterns import LAST
from .terms import Term, postorder

_NAMES: Final = {
    "not": "not", "and": "and", "or": "or", "ite": "ite", "eq": "=", "le": "<=", "add": "+",
    "mul": "*", "div": "div", "mod": "mod", "to_real": "to_real", "floor": "to_int",
    "concat": "str.++", "contains": "str.contains", "prefix": "str.prefixof",
    "suffix": "str.suffixof", "len": "str.len", "str_le": "str.<=", "in_re": "str.in_re",
    "re_text": "str.to_re", "re_union": "re.union", "re_concat": "re.++", "re_star": "re.*",
}  # fmt: skip

_ESCAPE: Final = re.compile(r"\\u(?:\{([0-9a-fA-F]{1,5})\}|([0-9a-fA-F]{4}))")


def symbol(index: int) -> str:
    """The name of a variable: never a user's text."""
    return f"v{index}"


def literal(value: bool | int | Fraction | str, sort: str) -> str:
    """A value of a sort."""
    match sort:
        case "Bool":
            return "true" if value else "false"
        case "Int":
            number = int(value)
            return str(number) if number >= 0 else f"(- {-number})"
        case "Real":
            return _real(Fraction(value))
        case "String":
            return _text(str(value))
        case _:
            raise EncodingFault(f"a literal of sort {sort}")


def _real(value: Fraction) -> str:
    size = abs(value)
    text = f"{size.numerator}.0"
    if size.denominator != 1:
        text = f"(/ {text} {size.denominator}.0)"
    return text if value >= 0 else f"(- {text})"


def _text(value: str) -> str:
    parts: list[str] = []
    for char in value:
        code = ord(char)
        if code > LAST:
            raise EncodingFault("a code point that SMT-LIB has no literal for")
        if char == '"':
            parts.append('""')
        elif 0x20 <= code <= 0x7E and char != "\\":
            parts.append(char)
        else:
            parts.append(f"\\u{{{code:x}}}")
    return '"' + "".join(parts) + '"'


def read_literal(text: str, sort: str) -> bool | int | Fraction | str:
    """A value as a solver prints it. Raises ValueError for anything else."""
    text = text.strip()
    match sort:
        case "Bool" if text in ("true", "false"):
            return text == "true"
        case "Int":
            number = _read_number(text)
            if number.denominator == 1:
                return int(number)
        case "Real":
            return _read_number(text)
        case "String" if len(text) >= 2 and text[0] == text[-1] == '"':
            inner = text[1:-1].replace('""', '"')
            return _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)), inner)
    raise ValueError(f"no value of sort {sort}")


def _read_number(text: str) -> Fraction:
    tokens = re.findall(r"[()]|[^\s()]+", text)
    value, rest = _number(tokens)
    if rest:
        raise ValueError("more than a number")
    return value


def _number(tokens: list[str]) -> tuple[Fraction, list[str]]:
    if not tokens:
        raise ValueError("no number")
    head, rest = tokens[0], tokens[1:]
    if head != "(":
        if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", head):
            raise ValueError("no number")
        return Fraction(head), rest
    if not rest or rest[0] not in ("-", "/", "+"):
        raise ValueError("no number")
    op, rest = rest[0], rest[1:]
    values: list[Fraction] = []
    while rest and rest[0] != ")":
        value, rest = _number(rest)
        values.append(value)
    if not rest:
        raise ValueError("no number")
    match op, values:
        case "-", [value]:
            return -value, rest[1:]
        case "/", [above, below] if below:
            return above / below, rest[1:]
        case _:
            raise ValueError("no number")


def _name(term: Term) -> str:
    return f"t{term.id}"


class Printer:
    """Prints terms; what is used more than once becomes a `define-fun` in `lines`.

    `before`: what it has printed or defined is taken as it stands.
    """

    def __init__(self, roots: Iterable[Term], before: Printer | None = None) -> None:
        roots = tuple(roots)
        self._texts: MutableMapping[int, str] = {}
        if before is not None:
            self._texts = ChainMap({}, before._texts)
        order = postorder(roots, self._texts)
        uses: Counter[Term] = Counter(roots)
        for term in order:
            uses.update(term.args)
        self._shared: list[tuple[Term, str]] = []
        for term in order:
            text = self._term(term)
            if term.args and uses[term] > 1 and term.sort != "RegLan":
                self._shared.append((term, text))
                text = _name(term)
            self._texts[term.id] = text

    @property
    def lines(self) -> list[str]:
        """The definitions, each before its uses."""
        return [f"(define-fun {_name(t)} () {t.sort} {text})" for t, text in self._shared]

    def text(self, root: Term) -> str:
        """One of the roots."""
        return self._texts[root.id]

    def conjunction(self, roots: Iterable[Term]) -> str:
        """All of some Bool roots, as one term that needs none of `lines`."""
        text = f"(and true {' '.join(map(self.text, roots))})"
        for term, shared in reversed(self._shared):
            text = f"(let (({_name(term)} {shared})) {text})"
        return text

    def _term(self, term: Term) -> str:
        arguments = " ".join(self._texts[a.id] for a in term.args)
        match term.op:
            case "lit":
                return literal(term.payload, term.sort)  # type: ignore[arg-type]
            case "var":
                return symbol(term.payload)  # type: ignore[arg-type]
            case "re_any":
                return "re.allchar"
            case "re_none":
                return "re.none"
            case "re_range":
                low, high = cast(tuple[str, str], term.payload)
                return f"(re.range {_text(low)} {_text(high)})"
            case "re_loop":
                least, most = cast(tuple[int, int], term.payload)
                return f"((_ re.loop {least} {most}) {arguments})"
            case op:
                return f"({_NAMES[op]} {arguments})"
