"""Two uses of one function with texts of different types: they are compared as keys, in one theory.
And a function of a document has no place in a path: documents have no hash."""

from pathlib import Path

import pytest

from support.shop import shop

TEXTS = """
session { a: String matches /[ab]*/ }
tool do(n: Int)
permit p on do when mentions("", lower(""))
forbid f on do when mentions("", session.a) and args.n > 100
"""
DOCUMENTS = """
context { a: Json }
tool do(n: Int)
permit p on do when not has patched(context.a, context.a) or args.n < 0
"""


@pytest.mark.parametrize("policy", [TEXTS, DOCUMENTS], ids=["texts", "documents"])
def test_what_is_unknown_is_settled(tmp_path: Path, policy: str) -> None:
    with shop(tmp_path, policy) as guard:
        call = {"tool": "do", "args": {"n": 1}, "session": {"id": "s"}}
        if policy is DOCUMENTS:
            call["context"] = {"a": {"b": 1}}
        verdict = guard.check(call)
        assert verdict.kind in (None, "no_permit")
