"""A world as a `test` block: what a policy's author can keep of a call that was found.

In: a complete world. Out: the syntax of a test in which everything is given that the rules of its
tool read there, and nothing else; what is left out is unknown in the test, and does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import count
from typing import assert_never

from licet.compiler.clock import Clock, clock
from licet.compiler.evaluation import UnknownRead, judge_rule
from licet.compiler.evaluation.expressions import Evaluation
from licet.compiler.exact_json import decimal_places
from licet.compiler.program import Program
from licet.compiler.types import (
    TIME,
    BoolType,
    DateType,
    DecimalType,
    DurationType,
    EnumType,
    IntType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    TimeType,
    Type,
    Value,
)
from licet.compiler.world import UNKNOWN, Path, World
from licet.policy_lang import Source, Span, ast
from licet.policy_lang.formatting import format_tree
from licet.policy_lang.literals import UNITS
from licet.policy_lang.tokens import RESERVED

from .verdict import Outcome

_NOWHERE = Span(Source("", ""), 0, 0)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: What is looked up of earlier calls where there are none.
NOTHING_BEFORE: tuple[Value, ...] = (0, False, None, ())


class UnsayableError(ValueError):
    """A value that no literal of the language stands for, such as a third or a null in a list."""


def blocks_text(blocks: Iterable[ast.TestDecl]) -> str:
    """Tests as the formatter lays them out, a blank line between two; empty for none."""
    return "\n".join(format_tree(ast.File((block,), span=_NOWHERE)) for block in blocks)


def renamed(block: ast.TestDecl, taken: set[str]) -> ast.TestDecl:
    """The test under a name that is not taken yet; takes it."""
    names = (block.name if n == 1 else f"{block.name} ({n})" for n in count(1))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return replace(block, name=name)


def as_block(
    name: str,
    program: Program,
    world: World,
    outcome: Outcome,
    rules: tuple[str, ...] | None,
) -> ast.TestDecl:
    """A test of one call with its expected verdict. Raises UnsayableError.

    `rules` are those that must have fired; None or none are not mentioned.
    """
    given = _given(program, world)
    tool = program.catalog.qualified[world.tool]
    short = tool.name if len(program.catalog.find(tool.name)) == 1 else tool.qualified
    args = _record(world.args, tool.params)
    steps: list[ast.Given | ast.CallStep | ast.Then] = []
    if given.items:
        steps.append(given)
    pattern = ast.ToolPattern(short, _is_odd(short), span=_NOWHERE)
    steps.append(ast.CallStep(pattern, args, span=_NOWHERE))
    steps.append(ast.Then(outcome, rules or None, span=_NOWHERE))
    return ast.TestDecl(name, tuple(steps), span=_NOWHERE)


def _is_odd(tool: str) -> bool:
    return not all(part.isidentifier() and part.isascii() for part in tool.split("."))


# --- what is given


def _given(program: Program, world: World) -> ast.Given:
    read = _read(program, world, clock(program.zone))
    items: list[ast.GivenItem] = []
    for scope in ("principal", "context", "session"):
        kind: RecordType = getattr(program, scope)
        names = {str(path[1]) for path in read if path[0] == scope and len(path) > 1}
        values = {name: getattr(world, scope).get(name, UNKNOWN) for name in names}
        if names:
            record = _record(values, kind)
            items.append(ast.GivenScope(scope, record, span=_NOWHERE))
    for name, entries in world.facts.items():
        signature = program.facts.get(name)
        for keys, value in entries.items():
            paths = [path for path in read if path[:2] == (name, keys)]
            if signature is None:  # not the host's to say: no `given` can
                if paths and value not in NOTHING_BEFORE:
                    raise UnsayableError(f"`{name}`")
            elif paths and value is not UNKNOWN:
                said = tuple(
                    _literal(key, kind)
                    for key, (_, kind) in zip(keys, signature.params, strict=True)
                )
                items.append(_fact(name, said, value, signature.result, paths))
    if ("now",) in read and world.now is not UNKNOWN:
        items.append(ast.GivenNow(_literal(world.now, TIME), span=_NOWHERE))
    return ast.Given(tuple(items), span=_NOWHERE)


def _fact(
    name: str, keys: tuple[ast.Expr, ...], value: Value, kind: Type, paths: list[Path]
) -> ast.GivenFact:
    if value is None:
        return ast.GivenFact(name, keys, None, "absent", span=_NOWHERE)
    inner = kind.inner if isinstance(kind, OptionalType) else kind
    if isinstance(inner, RecordType) and isinstance(value, dict):
        fields = {str(path[2]) for path in paths if len(path) > 2}
        said: ast.Expr = _record({n: v for n, v in value.items() if n in fields}, inner)
    else:
        said = _literal(value, inner)
    return ast.GivenFact(name, keys, said, "value", span=_NOWHERE)


def _read(program: Program, world: World, at: Clock) -> frozenset[Path]:
    """All paths that the rules of the tool read in a world, to decide whether they apply."""
    found: set[Path] = set()
    for rule in program.rules[world.tool].rules:
        evaluation = Evaluation(world, at, parts=True)
        with suppress(UnknownRead):
            judge_rule(rule, world, at, evaluation)
        found.update(evaluation.reader.reads)
    return frozenset(found)


# --- values


def _record(values: dict[str, Value], kind: RecordType) -> ast.RecordLiteral:
    """What is known and present of a record, in the order of its type."""
    fields = tuple(
        (field.name, _literal(values[field.name], field.type))
        for field in kind.fields
        if values.get(field.name) is not None and values[field.name] is not UNKNOWN
    )
    return ast.RecordLiteral(fields, span=_NOWHERE)


def _literal(value: Value, kind: Type) -> ast.Expr:
    match kind:
        case OptionalType(inner):
            if value is None:
                raise UnsayableError("an absent value")
            return _literal(value, inner)
        case BoolType():
            return ast.BoolLiteral(bool(value), span=_NOWHERE)
        case IntType() | DecimalType():
            return _number(value)
        case StringType():
            return _text(value)
        case EnumType():
            return _label(str(value))
        case DateType():
            assert isinstance(value, int)
            return ast.DateLiteral(value, span=_NOWHERE)
        case TimeType():
            assert isinstance(value, int)
            return ast.TimeLiteral(value, 0, span=_NOWHERE)
        case DurationType():
            return _duration(value)
        case RecordType():
            assert isinstance(value, dict)
            return _record(value, kind)
        case ListType(element):
            assert isinstance(value, tuple)
            items = tuple(_literal(item, element) for item in value)
            return ast.ListLiteral(items, span=_NOWHERE)
        case MapType(_, inner):
            assert isinstance(value, dict)
            entries = tuple((key, _literal(item, inner)) for key, item in value.items())
            return ast.RecordLiteral(entries, span=_NOWHERE)
        case JsonType():
            return _document(value)
        case _:
            assert_never(kind)


def _document(value: Value) -> ast.Expr:
    match value:
        case bool():
            return ast.BoolLiteral(value, span=_NOWHERE)
        case int() | Fraction():
            return _number(value)
        case str():
            return _text(value)
        case tuple():
            return ast.ListLiteral(tuple(map(_document, value)), span=_NOWHERE)
        case dict():
            # A field that is null reads as one that is missing.
            fields = tuple((n, _document(item)) for n, item in value.items() if item is not None)
            return ast.RecordLiteral(fields, span=_NOWHERE)
        case _:
            raise UnsayableError("a null")


def _number(value: Value) -> ast.Expr:
    assert isinstance(value, int | Fraction)
    number = Fraction(value)
    if decimal_places(number.denominator) is None:
        raise UnsayableError(f"{number}")
    whole = number.denominator == 1
    literal = ast.NumberLiteral(abs(number), whole, span=_NOWHERE)
    return literal if number >= 0 else ast.Unary("-", literal, span=_NOWHERE)


def _text(value: Value) -> ast.Expr:
    assert isinstance(value, str)
    return ast.StringLiteral(value, span=_NOWHERE)


def _label(label: str) -> ast.Expr:
    plain = _NAME.fullmatch(label) and label not in RESERVED
    return ast.Name(label, span=_NOWHERE) if plain else _text(label)


def _duration(value: Value) -> ast.Expr:
    assert isinstance(value, int)
    size = abs(value)
    longest_first = sorted(UNITS.items(), key=lambda unit: -unit[1])
    unit = next((name for name, length in longest_first if size % length == 0), None)
    if unit is None:
        raise UnsayableError("a part of a second")
    literal = ast.DurationLiteral(size, unit, span=_NOWHERE)  # type: ignore[arg-type]
    return literal if value >= 0 else ast.Unary("-", literal, span=_NOWHERE)
