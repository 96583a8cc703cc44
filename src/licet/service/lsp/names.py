"""Every name in a policy file: what kind of thing it names, and where exactly it stands.

In: syntax trees. Out: occurrences, each of a *symbol*: the kind and name of something declared at
the top of a file, or a variable with the declaration that binds it. Two occurrences of one symbol
are renamed together. Fields and labels of types are found, and are not symbols to rename.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Literal

from licet.policy_lang import Source, Span, ast
from licet.policy_lang.lexing import lex
from licet.policy_lang.tokens import Token

Kind = Literal["value", "type", "group", "rule", "test", "tool", "local"]


@dataclass(frozen=True, slots=True)
class Symbol:
    """`owner` is empty, or says which declaration of which file binds a local variable."""

    kind: Kind
    name: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A name where it stands. `declares`: this is where it is declared."""

    symbol: Symbol
    span: Span
    declares: bool = False


def occurrences(tree: ast.File) -> tuple[Occurrence, ...]:
    """Every occurrence of a file, in the order of its text."""
    found = _Walk(tree.span.source)
    for declaration in tree.declarations:
        found.declaration(declaration)
    unique = {(o.span.start, o.span.end): o for o in reversed(found.found)}
    return tuple(sorted(unique.values(), key=lambda o: o.span.start))


Env = Mapping[str, Symbol]


class _Walk:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Occurrence] = []
        self._tokens: tuple[Token, ...] = lex(source).tokens
        self._owner = ""
        self._generators: dict[str, Symbol] = {}

    # --- where a name stands

    def _name(self, symbol: Symbol, text: str, within: Span, *, declares: bool = False) -> None:
        """Note the first place of a name inside a span."""
        place = self._place(text, within)
        if place is not None:
            self.found.append(Occurrence(symbol, place, declares))

    def _place(self, text: str, within: Span) -> Span | None:
        for token in self._tokens:
            if token.start >= within.end:
                break
            if token.start >= within.start and token.text.strip('"') == text:
                return Span(self.source, token.start, token.end)
        inside = within.text.find(text)  # in the hole of a message, which is one token
        if inside < 0:
            return None
        start = within.start + inside
        return Span(self.source, start, start + len(text))

    # --- declarations

    def declaration(self, node: ast.Declaration) -> None:
        self._owner = f"{self.source.name}:{node.span.start}"
        self._generators = {}
        named: tuple[Kind, str] | None = None
        match node:
            case ast.EnumDecl(name=name) | ast.RecordDecl(name=name):
                named = ("type", name)
            case (
                ast.ValueDecl(name=name)
                | ast.TableDecl(name=name)
                | ast.FactDecl(name=name)
                | ast.DefineDecl(name=name)
            ):
                named = ("value", name)
            case ast.GroupDecl(name=name):
                named = ("group", name)
            case ast.RuleDecl(name=name) | ast.LimitDecl(name=name) | ast.ProveDecl(name=name):
                named = ("rule", name)
            case ast.ToolDecl(name=name):
                named = ("tool", name)
            case ast.TestDecl(name=name):
                named = ("test", name)
            case _:
                pass
        if named is not None:
            self._name(Symbol(*named), named[1], _behind_word(node.span), declares=True)
        env: dict[str, Symbol] = {}
        match node:
            case ast.DefineDecl(params=params) if params:
                head = Span(self.source, node.span.start, node.body.span.start)
                for name in params:
                    env[name] = self._local(name, head)
                self._walk(node.body, env)
            case ast.RuleDecl() | ast.LimitDecl():
                self._rule(node, env)
            case ast.TestDecl(steps=steps):
                for step in steps:
                    self._step(step)
            case _:
                self._children(node, env)

    def _rule(self, node: ast.RuleDecl | ast.LimitDecl, env: dict[str, Symbol]) -> None:
        for let in node.lets:
            self._walk(let.value, env)
            env[let.name] = self._local(let.name, let.span)
        for field in fields(node):
            if field.name not in ("span", "lets", "message"):
                self._each(getattr(node, field.name), env)
        if node.message is not None:
            # A hole may name the element that decided a comprehension of the condition.
            self._children(node.message, {**self._generators, **env})

    def _step(self, step: ast.Given | ast.CallStep | ast.Then) -> None:
        match step:
            case ast.Then(by=by) if by is not None:
                for name in by:
                    self._name(Symbol("rule", name.rpartition(".")[2]), name, step.span)
            case ast.Given(items=items):
                for item in items:
                    if isinstance(item, ast.GivenFact):
                        self._name(Symbol("value", item.name), item.name, item.span)
                    self._children(item, {})
            case _:
                self._children(step, {})

    def _local(self, name: str, within: Span) -> Symbol:
        place = self._place(name, within)
        at = within.start if place is None else place.start
        symbol = Symbol("local", name, f"{self._owner}:{at}")
        if place is not None:
            self.found.append(Occurrence(symbol, place, declares=True))
        return symbol

    # --- expressions

    def _each(self, value: object, env: Env) -> None:
        if isinstance(value, ast.Node):
            self._walk(value, env)
        elif isinstance(value, tuple):
            for item in value:
                self._each(item, env)

    def _children(self, node: ast.Node, env: Env) -> None:
        for field in fields(node):
            if field.name != "span":
                self._each(getattr(node, field.name), env)

    def _walk(self, node: ast.Node, env: Env) -> None:
        match node:
            case ast.Name(name=name):
                self._name(env.get(name) or Symbol("value", name), name, node.span)
            case ast.Call(name=name):
                self._name(Symbol("value", name), name, node.span)
                self._children(node, env)
            case ast.NamedType(name=name):
                self._name(Symbol("type", name), name, node.span)
                self._children(node, env)
            case ast.ToolPattern(text=text):
                self.found.append(Occurrence(Symbol("tool", text), node.span))
            case ast.Comprehension(generator=generator, body=body):
                self._walk(body, self._bound(generator, env))
            case ast.ListComprehension(generator=generator):
                inner = self._bound(generator, env)
                self._walk(node.element, inner)
                if node.condition is not None:
                    self._walk(node.condition, inner)
            case _:
                self._children(node, env)

    def _bound(self, generator: ast.Generator, env: Env) -> Env:
        self._walk(generator.source, env)
        names = {name: self._local(name, generator.span) for name in generator.names}
        for name, symbol in names.items():
            self._generators.setdefault(name, symbol)
        return {**env, **names}


def _behind_word(span: Span) -> Span:
    """A declaration's span without the word that it begins with, which a name may equal."""
    word = len(span.text.split(maxsplit=1)[0])
    return Span(span.source, span.start + word, span.end)


def at(found: Iterator[Occurrence] | tuple[Occurrence, ...], offset: int) -> Occurrence | None:
    """The occurrence that an offset stands in or right behind."""
    return next((o for o in found if o.span.start <= offset <= o.span.end), None)
