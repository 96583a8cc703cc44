"""A name in the first column is a name, though it is a word that starts a declaration there."""

from __future__ import annotations

import pytest

from licet.policy_lang import Source, format_source, parse


@pytest.mark.parametrize("word", ["tool", "change"])
def test_a_group_of_that_name(word: str) -> None:
    text = f'group # why\n{word} = "A", b\n'
    tree, found = parse(Source("t.licet", text))
    assert found == ()
    assert tree.declarations[0].name == word  # type: ignore[union-attr]
    assert format_source(Source("t.licet", text))[0] is not None
