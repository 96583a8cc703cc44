"""Texts that safe views read as something, made from the texts that the rules name.

To the solver a view is a free value: it cannot make up the text behind it. So where its answers do
not stand up to the evaluator, these texts are tried in place of the arguments that views read.
They only help to find witnesses; nothing is ever proved with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from licet.compiler import ir
from licet.compiler.walking import walk
from licet.compiler.world import World

from .subject import Subject

#: Worlds tried for one question.
_MOST: Final = 24

_USUAL: Final = {
    "url": ("https://example.org/", "http://example.net/a"),
    "email": ("a@example.org", "a@example.net"),
    "path": ("/a", "a/b"),
    "ip": ("192.0.2.1", "10.0.0.1", "2001:db8::1"),
    "cidr": ("192.0.2.0/24", "10.0.0.0/8"),
    "date": ("2026-01-01", "2026-07-01"),
    "time": ("2026-01-01T12:00:00Z",),
    "int": ("0", "1", "-1", "1000000"),
    "decimal": ("0", "1", "0.5", "1000000"),
    "json": ("{}", "[]", "1"),
    "lower": ("a", "A"),
    "mentions": ("a", "a b"),
}


def sampled_worlds(subject: Subject) -> Iterator[World]:
    """Worlds in which nothing is known but texts of arguments that views read."""
    candidates = _candidates(subject)
    if not candidates:
        return
    rounds = max(map(len, candidates.values()))
    for number in range(min(rounds, _MOST)):
        args = {name: texts[number % len(texts)] for name, texts in candidates.items()}
        yield World(subject.tool, dict(args))


def _candidates(subject: Subject) -> dict[str, tuple[str, ...]]:
    """By argument, what may be tried for it."""
    nodes = [
        node
        for rule in subject.rules
        for body in (*(let.value for let in rule.lets), rule.condition)
        for node in walk(body)
    ]
    named = tuple(
        dict.fromkeys(
            text
            for node in nodes
            if isinstance(node, ir.Const)
            for text in _texts(node.value)
            if len(text) <= 200
        )
    )
    found: dict[str, dict[str, None]] = {}
    for node in nodes:
        if not isinstance(node, ir.Builtin):
            continue
        for argument in node.arguments[:1]:
            for name in _arguments(argument):
                texts = found.setdefault(name, {})
                for text in islice(named, _MOST):
                    texts.update(dict.fromkeys(_fitting(node.name, text)))
                texts.update(dict.fromkeys(_USUAL.get(node.name, ())))
    return {name: tuple(texts) for name, texts in found.items() if texts}


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case tuple():
            for item in value:
                yield from _texts(item)


def _arguments(expr: ir.Expr) -> set[str]:
    """The top arguments that an expression reads."""
    return {
        node.name
        for node in walk(expr)
        if isinstance(node, ir.GetField)
        and isinstance(node.record, ir.Root)
        and node.record.name == "args"
    }


def _fitting(view: str, text: str) -> tuple[str, ...]:
    """A text as something that a view reads."""
    match view:
        case "url":
            return (text,) if "://" in text else (f"https://{text}/", f"https://a.{text}/")
        case "email":
            return (text,) if "@" in text else (f"a@{text}",)
        case "path":
            return (text, f"{text.rstrip('/')}/a")
        case "ip":
            return (text.partition("/")[0],)
        case _:
            return (text, f"{text} a")
