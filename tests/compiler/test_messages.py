"""Messages as they are compiled: texts are quoted where they are shown, once."""

from __future__ import annotations

import pytest

from licet.compiler import compile_sources
from licet.policy_lang import Source


@pytest.mark.parametrize(
    ("message", "texts"),
    [
        (r"the text \"{args.s}\" is", ["the text ", " is"]),
        (r"\"{args.o.x}\"", ["", ""]),
        (r"\"{args.t}\"\"{args.s}\"", ["", "", ""]),
        (r"\"{args.n}\" is", ['"', '" is']),  # a number is shown as it is
        (r"\"a\" {args.s} \"b\"", ['"a" ', ' "b"']),
        (r"\"{args.s}", ['"']),
    ],
)
def test_quotes_around_a_hole(message: str, texts: list[str]) -> None:
    text = f"""tool f(s: String, n: Int, o: Json, t: String?)
forbid no on f message "{message}"
"""
    program, found = compile_sources([Source("p.licet", text)])
    assert program is not None, found
    (rule,) = program.rules["f"].forbids
    assert [part for part in rule.message or () if isinstance(part, str)] == texts
