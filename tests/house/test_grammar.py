"""The TextMate grammar colours what the lexer reads: the same words, literals and comments."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from licet.policy_lang import Source
from licet.policy_lang.lexing import lex
from licet.policy_lang.tokens import DECLARATION_WORDS, RESERVED

textmate = pytest.importorskip("textmate_grammar.parsers.base")

ROOT = Path(__file__).parents[2]
GRAMMAR = json.loads((ROOT / "editors" / "licet.tmLanguage.json").read_text("utf-8"))
BLOCK = re.compile(r"^```licet\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TEXTS = [
    pytest.param(
        (ROOT / "examples" / "airline" / "airline.licet").read_text("utf-8"), id="airline"
    ),
    pytest.param(
        "\n".join(
            (ROOT / "examples/airline/airline_tests.licet").read_text("utf-8").split("\n")[:200]
        ),
        id="airline tests",
    ),
    *(
        pytest.param(match[1], id=f"{page.name}:{number}")
        for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
        for number, match in enumerate(BLOCK.finditer(page.read_text("utf-8")))
    ),
]
#: The scope that a token must have, by the kind that the lexer gives it.
SCOPES = {
    "STRING": "string.quoted",
    "PATTERN": "string.regexp",
    "NUMBER": "constant.numeric",
    "DATE": "constant.other.date",
    "TIME": "constant.other.date",
    "DURATION": "constant.numeric",
    "TRUE": "constant.language",
    "FALSE": "constant.language",
}


@pytest.fixture(scope="module")
def parser():
    logging.getLogger("textmate_grammar").setLevel(logging.CRITICAL)
    return textmate.LanguageParser(GRAMMAR)


def scopes(parser, text: str) -> dict[tuple[int, int], str]:
    """The innermost scopes by line and column, of every character that has any."""
    element = parser.parse_string(text.rstrip("\n") + "\n")
    found: dict[tuple[int, int], str] = {}
    for (line, column), content, names in element.flatten():
        for place in range(len(content)):
            found[line, column + place] = " ".join(names)
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_every_word_and_literal_has_its_colour(parser, text: str) -> None:
    source = Source("x.licet", text)
    lexed = lex(source)
    found = scopes(parser, text)

    def at(offset: int) -> str:
        line, column = source.position(offset)
        return found.get((line - 1, column - 1), "")

    wrong = []
    for token in lexed.tokens:
        wanted = SCOPES.get(token.kind)
        if token.text in RESERVED and token.kind == token.text.upper():
            wanted = wanted or "keyword"
        if wanted is not None and wanted not in at(token.start):
            wrong.append(
                (str(source.position(token.start)), token.kind, token.text, at(token.start))
            )
    wrong += [
        (str(source.position(comment.start)), "comment", comment.text, at(comment.start))
        for comment in lexed.comments
        if "comment" not in at(comment.start)
    ]
    assert wrong == []


def test_it_knows_every_reserved_word() -> None:
    patterns = json.dumps(GRAMMAR)
    words = set(re.findall(r"[a-z_]+", patterns))
    assert RESERVED - words == set()
    declaring = GRAMMAR["repository"]["declaration"]["patterns"][-1]["match"]
    assert set(re.findall(r"[a-z]{3,}", declaring)) == set(DECLARATION_WORDS)


def test_what_is_in_a_string_a_comment_or_behind_a_dot_is_no_keyword(parser) -> None:
    text = 'permit on_it on t when args.when == "when # {x.when}" # when\n'
    found = scopes(parser, text)
    start = text.index("when ==")
    assert "variable.other.member" in found[0, start]
    assert "string" in found[0, text.index('"when') + 1]
    assert "constant.other.placeholder" in found[0, text.index("{x")]
    assert "comment" in found[0, text.rindex("when")]
    assert "entity.name.function" in found[0, text.index("on_it")]
