"""Whatever the text, the parser answers: no exception, and spans inside the source."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licet.policy_lang import Source, parse, parse_expression, render_json, render_text
from licet.policy_lang.formatting import format_tree
from licet.policy_lang.tokens import CONTEXTUAL, PUNCTUATION, RESERVED
from strategies import ast_strategies

SPELLINGS = [
    *RESERVED,
    *CONTEXTUAL,
    *PUNCTUATION,
    *(
        '"a{',
        '"{a}"',
        "1",
        "0.5",
        "30min",
        "1m",
        "2026-11-22",
        "/a/",
        "x",
        "a_*",
        "\n",
        "\n\n",
        "#",
    ),
    *("'", "“", "&&", "!", "\u202e", "\ud800", "\r", "\t", "\ufeff", "é", "_", "\\", '"'),
]
soups = st.lists(st.one_of(st.sampled_from(SPELLINGS), st.text(max_size=3))).flatmap(
    lambda pieces: st.sampled_from([" ".join(pieces), "".join(pieces), "\n".join(pieces)])
)


def check(text: str) -> None:
    source = Source("soup", text)
    for _, diagnostics in (parse(source), parse_expression(source)):
        for diagnostic in diagnostics:
            assert diagnostic.span is not None
            assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        render_text(diagnostics, color=True).encode("utf-8")
        assert len(render_json(diagnostics)) == len(diagnostics)


@given(soups)
@settings(deadline=None)
def test_any_text_is_answered(text: str) -> None:
    check(text)


@given(ast_strategies.files, st.data())
@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=50)
def test_a_policy_with_a_slip_is_answered(tree: object, data: st.DataObject) -> None:
    text = format_tree(tree)  # type: ignore[arg-type]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 5)))
    check(text[:start] + data.draw(st.sampled_from(SPELLINGS)) + text[end:])
