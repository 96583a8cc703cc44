"""Whoever writes a word of another language is told how a policy says it."""

from __future__ import annotations

import pytest

from licet.compiler import compile_sources
from licet.policy_lang import Source

TEXT = """principal { role: String }
tool pay(to: String, tags: List<String>, note: String?)
permit pays on pay when CONDITION
"""


@pytest.mark.parametrize(
    ("condition", "help"),
    [
        ("len(args.to) > 3", "write `length(x)`"),
        ("args.to.length > 3", "write `length(x)`"),
        ("args.tags.size > 3", "write `length(x)`"),
        ('starts_with(args.to, "a")', "write `s startswith t`"),
        ('exists(args.tags, "a")', "write `any(x in xs: …)`"),
        ("has args.note and args.note == null", "what is absent is asked for: `has a`"),
        ("args.to == None", "what is absent is asked for: `has a`"),
        ("True", "write `true`"),
        (
            "any(t in args.tags: let u = t)",
            "`let` is a clause of the rule; for a value of each element, `define f(x) = …`",
        ),
        ("count(args.tags) > 3", "write `length(xs)`, or `count(x in xs: …)` of some"),
        ('keys(args.tags) subset ["a"]', "write `[k for k, v in m]`"),
        ('args.to startswith trim_suffix(args.to, "*")', 'compare with a pattern: `s like "*a"`'),
        ('input.to == "a"', "a call's arguments are `args`, who makes it is `principal`"),
        ("today() == 2026-01-01", "write `now.date`"),
    ],
)
def test_a_familiar_word(condition: str, help: str) -> None:
    program, found = compile_sources([Source("p.licet", TEXT.replace("CONDITION", condition))])
    assert program is None
    assert [d.help for d in found] == [help]


def test_a_word_that_may_be_text() -> None:
    text = TEXT.replace("CONDITION", "principal.role == admin")
    (found,) = compile_sources([Source("p.licet", text)])[1]
    assert found.message == "unknown name `admin`"
    assert (found.help or "").endswith(', or is it text: `"admin"`?')


def test_a_declared_name_means_what_is_declared() -> None:
    text = 'define len(s) = length(s) > 3\nconst today = "monday"\n' + TEXT
    said = text.replace("CONDITION", "len(args.to) and args.to == today")
    program, found = compile_sources([Source("p.licet", said)])
    assert found == ()
    assert program is not None
