"""Laws of the formatter: it keeps the meaning, keeps the comments, and has nothing left to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licet.policy_lang import Source, ast, format_source, parse
from licet.policy_lang.formatting import format_tree
from licet.policy_lang.lexing import lex
from strategies import ast_strategies
from support.examples import examples

EXAMPLES = sorted((Path(__file__).parent.parent / "policy_lang" / "examples").glob("*.licet"))
SLOW = settings(max_examples=examples(50), suppress_health_check=list(HealthCheck))


def formatted(text: str) -> str:
    result, diagnostics = format_source(Source("generated.licet", text))
    assert diagnostics == ()
    assert result is not None
    return result


@SLOW
@given(ast_strategies.files)
def test_parse_reads_back_what_format_prints(tree: ast.File) -> None:
    text = format_tree(tree)
    assert parse(Source("generated.licet", text)) == (tree, ())


@SLOW
@given(ast_strategies.files)
def test_format_is_idempotent(tree: ast.File) -> None:
    text = formatted(format_tree(tree))
    assert formatted(text) == text


@SLOW
@given(ast_strategies.files, st.data())
def test_comments_survive_in_order_wherever_they_stand(tree: ast.File, data: st.DataObject) -> None:
    """A comment may stand between any two tokens; none is lost, doubled or moved past another."""
    text = format_tree(tree)
    tokens = lex(Source("generated.licet", text)).tokens
    places = data.draw(st.sets(st.sampled_from([token.start for token in tokens]), max_size=4))
    written = ""
    last = 0
    for number, place in enumerate(sorted(places)):
        before = data.draw(st.sampled_from([" ", "\n", "\n\n"]))
        # A name that comes to stand in the first column might start a declaration there.
        indent = "" if text[place - 1 : place] in ("", "\n") else "  "
        written += f"{text[last:place]}{before}# note {number}\n{indent}"
        last = place
    written += text[last:]
    result = formatted(written)
    comments = [comment.text for comment in lex(Source("formatted.licet", result)).comments]
    assert comments == [f"# note {number}" for number in range(len(places))]
    assert parse(Source("formatted.licet", result))[0] == tree
    assert formatted(result) == result


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_whole_policies_keep_meaning_and_comments(path: Path) -> None:
    source = Source(path.name, path.read_text("utf-8"))
    result = formatted(source.text)
    again = Source(path.name, result)
    assert parse(again) == (parse(source)[0], ())
    assert [c.text for c in lex(again).comments] == [c.text for c in lex(source).comments]
    assert formatted(result) == result
    assert (
        max(
            len(line.partition("  #")[0]) for line in result.splitlines() if line.strip()[:1] != "#"
        )
        <= 100
    )
