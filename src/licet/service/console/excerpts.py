"""A policy's text for a page: numbered lines, words marked for what they are, one rule marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape

from licet.compiler.loading import SUFFIX
from licet.compiler.program import Program
from licet.policy_lang import Source, ast, parse
from licet.policy_lang.lexing import lex
from licet.policy_lang.rendering import visible
from licet.policy_lang.tokens import CONTEXTUAL, RESERVED

from ..bundles.bundle import Bundle

#: Lines around a rule that are shown with it.
_AROUND = 2
_MOST_LINES = 120
_span = Markup('<span class="s-{}">{}</span>')


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a policy. `marked`: it is of the rule; `pointed`: the rule begins there."""

    number: int
    html: Markup
    marked: bool = False
    pointed: bool = False


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A rule where it stands. `before` and `after`: there is more of the file."""

    rule: str
    file: str
    line: int
    lines: tuple[Line, ...]


#: The files of a policy by name.
Trees = Mapping[str, ast.File]


def sources_of(program: Program) -> Mapping[str, str]:
    """The text of each file of a policy, by its name."""
    return {name: tree.span.source.text for name, tree in program.files.items()}


def trees_of(bundle: Bundle) -> Trees:
    """The files of a policy that is kept, each read by itself."""
    texts = {name: text_of(data) for name, data in bundle.files.items() if name.endswith(SUFFIX)}
    return {name: parse(Source(name, text))[0] for name, text in texts.items() if text is not None}


def text_of(data: bytes) -> str | None:
    """A file's text; None of one that is none."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def excerpt_of(files: Trees, rule: str, where: str | None = None) -> Excerpt | None:
    """A rule or a limit as it was written, by its name and, where it is known, its place
    (`file:line:column`); None where there is none."""
    for name, tree in files.items():
        for declaration in tree.declarations:
            if not isinstance(declaration, ast.RuleDecl | ast.LimitDecl):
                continue
            if declaration.name != rule or where not in (None, str(declaration.span)):
                continue
            source = declaration.span.source
            first, _ = source.position(declaration.span.start)
            last, _ = source.position(max(declaration.span.start, declaration.span.end - 1))
            return Excerpt(rule, name, first, _around(source.text, first, last))
    return None


def _around(text: str, first: int, last: int) -> tuple[Line, ...]:
    lines = highlighted(text)
    start = max(1, first - _AROUND)
    end = min(len(lines), last + _AROUND, start + _MOST_LINES)
    return tuple(
        Line(number, lines[number - 1], first <= number <= last, number == first)
        for number in range(start, end + 1)
    )


def numbered(text: str) -> tuple[Line, ...]:
    """A whole file."""
    return tuple(Line(number, html) for number, html in enumerate(highlighted(text), 1))


@lru_cache(maxsize=64)
def highlighted(text: str) -> tuple[Markup, ...]:
    """The lines of a policy's text as HTML; of what is no policy, too."""
    found = lex(Source("<policy>", text))
    marks = [(token.start, token.end, _kind(token.kind, token.text)) for token in found.tokens]
    marks += [(note.start, note.start + len(note.text), "comment") for note in found.comments]
    parts: list[Markup] = []
    at = 0
    for start, end, kind in sorted(marks):
        if kind is None or start < at or end <= start:
            continue
        parts.append(_plain(text[at:start]))
        lines = text[start:end].split("\n")
        parts.append(Markup("\n").join(_span.format(kind, visible(line)) for line in lines))
        at = end
    parts.append(_plain(text[at:]))
    return tuple(Markup(line) for line in Markup().join(parts).split("\n"))


def _plain(text: str) -> Markup:
    return Markup("\n").join(escape(visible(line)) for line in text.split("\n"))


def _kind(kind: str, text: str) -> str | None:
    match kind:
        case "STRING" | "REGEX":
            return "text"
        case "NUMBER" | "DATE" | "TIME" | "DURATION":
            return "number"
    if text in RESERVED or kind.lower() in RESERVED:
        return "word"
    return "name" if kind == "WORD" and text in CONTEXTUAL else None
