"""Mutants: a policy's text with one small change, as an author's slip would make it.

In: the syntax of a policy. Out: edits of its text, each at one place. Whether the result compiles,
means something else, or fails a test is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from licet.policy_lang import Span, ast
from licet.policy_lang.literals import UNITS

Kind = Literal["bound", "comparison", "condition", "quantifier", "effect", "value"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit: the text of `span` becomes `text`. `rule` is the rule's label as it is written.

    `rule` is None for what stands outside of rules: defines, tables, consts and params.
    """

    kind: Kind
    span: Span
    text: str
    rule: str | None

    @property
    def change(self) -> str:
        """For a reader, on one line: `args.n > 3` becomes `args.n >= 3`."""
        before = " ".join(self.span.text.split()) or "(nothing)"
        return f"`{before}` becomes `{' '.join(self.text.split()) or '(nothing)'}`"

    def applied(self) -> str:
        """The whole text of the file after the edit."""
        text = self.span.source.text
        return text[: self.span.start] + self.text + text[self.span.end :]


def mutants(tree: ast.File) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its text."""
    for declaration in tree.declarations:
        match declaration:
            case ast.RuleDecl():
                yield from _rule(declaration)
            case ast.LimitDecl():
                yield from _limit(declaration)
            case ast.DefineDecl():
                yield from _expression(declaration.body, None)
            case ast.TableDecl():
                for row in declaration.rows:
                    yield from _value(row.value)
            case ast.ValueDecl(value=value) if value is not None:
                yield from _value(value)
            case _:
                pass


# --- rules


def _rule(rule: ast.RuleDecl) -> Iterator[Mutant]:
    name = rule.name
    swapped = {"permit": "forbid", "forbid": "permit"}.get(rule.kind)
    if swapped is not None:
        word = Span(rule.span.source, rule.span.start, rule.span.start + len(rule.kind))
        yield Mutant("effect", word, swapped, name)
    yield from _clauses(rule)
    if rule.when is None and rule.unless is None:
        end = Span(rule.span.source, rule.span.end, rule.span.end)
        yield Mutant("condition", end, " when false", name)


def _limit(limit: ast.LimitDecl) -> Iterator[Mutant]:
    source, name = limit.span.source, limit.name
    at = source.text.rindex(limit.op, limit.span.start, limit.bound.span.start)
    other = "<" if limit.op == "<=" else "<="
    yield Mutant("comparison", Span(source, at, at + len(limit.op)), other, name)
    yield from _bounds(limit.bound, name)
    if limit.within is not None and limit.within.microseconds is not None:
        size, span = limit.within.microseconds, limit.within.span
        unit = next(unit for unit in ("d", "h", "min", "s") if size % UNITS[unit] == 0)
        yield Mutant("bound", span, f"{size // UNITS[unit] + 1}{unit}", name)
    yield from _clauses(limit)


def _clauses(rule: ast.RuleDecl | ast.LimitDecl) -> Iterator[Mutant]:
    """What may be changed in lets and conditions."""
    name = rule.name
    for let in rule.lets:
        yield from _expression(let.value, name)
    for clause, never in ((rule.when, "false"), (rule.unless, "true")):
        if clause is None:
            continue
        always = "true" if never == "false" else "false"
        yield Mutant("condition", clause.span, always, name)
        yield Mutant("condition", clause.span, never, name)
        yield from _expression(clause, name)


def _expression(node: ast.Expr, rule: str | None) -> Iterator[Mutant]:
    waiting: list[ast.Node] = [node]
    while waiting:
        part = waiting.pop()
        yield from _part(part, rule)
        waiting.extend(reversed(list(_children(part))))


def _part(node: ast.Node, rule: str | None) -> Iterator[Mutant]:
    match node:
        case ast.Binary(op="and" | "or") as binary:
            neutral = "true" if binary.op == "and" else "false"
            for side in (binary.left, binary.right):
                if not (isinstance(side, ast.Binary) and side.op == binary.op):
                    yield Mutant("condition", side.span, neutral, rule)
        case ast.Unary(op="not", operand=operand):
            yield Mutant("condition", node.span, f"({operand.span.text})", rule)
        case ast.Comparison(first=first, rest=rest):
            left: ast.Expr = first
            for op, right in rest:
                if (place := _operator(op, left, right)) is not None:
                    for other in _OPERATORS[op]:
                        yield Mutant("comparison", place, other, rule)
                yield from _bounds(left, rule)
                yield from _bounds(right, rule)
                left = right
        case ast.Comprehension(kind="all" | "any" as kind):
            start = node.span.start + node.span.text.index(kind)
            word = Span(node.span.source, start, start + len(kind))
            yield Mutant("quantifier", word, "any" if kind == "all" else "all", rule)
        case _:
            pass


_OPERATORS = {
    "<": ("<=",),
    "<=": ("<",),
    ">": (">=",),
    ">=": (">",),
    "==": ("!=",),
    "!=": ("==",),
}


def _operator(op: str, left: ast.Expr, right: ast.Expr) -> Span | None:
    """Where an operator stands between its operands, past what comments may hold."""
    gap = Span(left.span.source, left.span.end, right.span.start)
    blanked = re.sub(r"#[^\n]*", lambda m: " " * len(m[0]), gap.text)
    at = blanked.find(op)
    return None if at < 0 else Span(gap.source, gap.start + at, gap.start + at + len(op))


def _bounds(node: ast.Expr, rule: str | None) -> Iterator[Mutant]:
    """An operand of a comparison that is a literal, one up and one down."""
    for text in _neighbours(node):
        yield Mutant("bound", node.span, text, rule)


def _neighbours(node: ast.Expr) -> tuple[str, ...]:
    """A literal's next larger and next smaller one, as they would be written."""
    match node:
        case ast.NumberLiteral(value=value, is_int=is_int):
            written = node.span.text.strip("() ").replace("_", "")
            digits = 0 if is_int else len(written.partition(".")[2])
            count = int(value * 10**digits)
            return _number(count + 1, digits), _number(count - 1, digits)
        case ast.DurationLiteral(microseconds=size, unit=unit):
            count = size // UNITS[unit]
            return (f"{count + 1}{unit}", *([f"{count - 1}{unit}"] if count > 0 else ()))
        case _:
            return ()


def _number(count: int, digits: int) -> str:
    text = str(abs(count)).rjust(digits + 1, "0")
    number = f"{text[:-digits]}.{text[-digits:]}" if digits else text
    return f"(-{number})" if count < 0 else number


def _value(node: ast.Expr) -> Iterator[Mutant]:
    """The value of a table's row, a const or a param's default."""
    match node:
        case ast.BoolLiteral(value=value):
            yield Mutant("value", node.span, "false" if value else "true", None)
        case _:
            for text in _neighbours(node):
                yield Mutant("value", node.span, text, None)


def _children(node: ast.Node) -> Iterator[ast.Node]:
    for field in fields(node):
        if field.name != "span":
            yield from _nodes(getattr(node, field.name))


def _nodes(value: object) -> Iterator[ast.Node]:
    if isinstance(value, ast.Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)
