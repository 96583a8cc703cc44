"""Well-typed expressions of every node, drawn from the outside in: what kind of value is wanted?

A place asks for a *kind* (a type without constraints); what fills it may be of any type of that
kind. `fuel` bounds the number of nodes: without it only constants and paths are left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from licet.compiler import ir
from licet.compiler.builtins import BUILTINS
from licet.compiler.types import (
    BOOL,
    DATE,
    DECIMAL,
    DURATION,
    INT,
    JSON,
    STRING,
    TIME,
    WEEKDAY,
    BoolType,
    DateType,
    DecimalType,
    DurationType,
    EnumType,
    Field,
    IntType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    TimeType,
    Type,
)

from .choosing import Choose
from .ir_types import NAMES, draw_value, inner, is_comparable, kind_of, optional, scalar_kinds
from .ir_vocabulary import Vocabulary

#: A path that can be read here, with its kind.
Source = tuple[Type, ir.Expr]
Scope = tuple[Source, ...]
Make = Callable[[], ir.Expr]

ORDERED = (IntType, DecimalType, StringType, EnumType, TimeType, DateType, DurationType)
PATTERNS = ("", "a*", "[ab]*", ".", ".*b", r"\w+", "(a|b)(a|b)?", "[^a]+", r"\d+", "é|😀")


def reachable(expr: ir.Expr) -> Scope:
    """What can be read from a path through the fields of records, itself included."""
    sources: list[Source] = [(kind_of(expr.type), expr)]
    if isinstance(expr.type, RecordType):
        for field in expr.type.fields:
            sources += reachable(ir.GetField(expr, field.name, field.type))
    return tuple(sources)


@cache
def root_scope(vocabulary: Vocabulary) -> Scope:
    """What can be read before any variable is bound."""
    sources: list[Source] = []
    for name in ("args", "principal", "context", "session"):
        root = ir.Root(name, getattr(vocabulary, name))
        sources += reachable(root)[1:]
    sources += [(kind_of(t), ir.Param(name, t)) for name, t in vocabulary.params]
    return (*sources, (TIME, ir.TIME_ROOT))


@cache
def _results(result: Type) -> tuple[tuple[Type, tuple[str, ...]], ...]:
    """What a fact can give: the kinds along the fields of its result."""
    value = inner(result)
    found: list[tuple[Type, tuple[str, ...]]] = [(kind_of(result), ())]
    if isinstance(value, RecordType):
        for field in value.fields:
            whole = field.type if not isinstance(result, OptionalType) else optional(field.type)
            found.append((kind_of(whole), (field.name,)))
    return tuple(found)


@dataclass
class Slots:
    """The slots of one rule, each given out once."""

    last: int = -1

    def fresh(self, type_: Type) -> ir.Var:
        self.last += 1
        return ir.Var(self.last, f"v{self.last}", type_)


class Maker:
    """Makes the expressions of one rule."""

    def __init__(self, choose: Choose, vocabulary: Vocabulary, slots: Slots, fuel: int) -> None:
        self.choose = choose
        self.vocabulary = vocabulary
        self.slots = slots
        self.fuel = fuel

    def expr(self, kind: Type, scope: Scope) -> ir.Expr:
        """An expression whose value may stand where `kind` is wanted."""
        makes = self._leaves(kind, scope)
        if self.fuel > 0:
            self.fuel -= 1
            makes += self._compounds(kind, scope)
        return self.choose.one(makes)()

    def fact(self, name: str, scope: Scope) -> ir.Expr:
        """A fact's value, looked up by keys that may be facts again."""
        signature = self.vocabulary.fact(name)
        self.fuel -= 1
        keys = tuple(self.expr(kind_of(t), scope) for _, t in signature.params)
        return ir.Fact(name, keys, signature.result)

    # --- leaves --------------------------------------------------------------------------------

    def _leaves(self, kind: Type, scope: Scope) -> list[Make]:
        makes: list[Make] = [lambda: self._constant(kind)]
        paths = [expr for of, expr in scope if of == kind]
        if paths:
            makes += [lambda: self.choose.one(paths)] * 4
        if isinstance(kind, OptionalType):
            return makes
        maybe = [expr for of, expr in scope if isinstance(of, OptionalType) and of.inner == kind]
        if maybe:
            makes.append(lambda: ir.Coalesce(self.choose.one(maybe), self._constant(kind), kind))
        return makes

    def _constant(self, kind: Type) -> ir.Expr:
        if isinstance(kind, ListType) and self.choose.chance(2):
            items = tuple(self._constant(kind.element) for _ in range(self.choose.number(2)))
            return ir.MakeList(items, kind)
        return ir.Const(draw_value(self.choose, kind), kind)

    # --- compounds -----------------------------------------------------------------------------

    def _compounds(self, kind: Type, scope: Scope) -> list[Make]:
        makes: list[Make] = []
        match kind:
            case BoolType():
                makes += self._truths(scope)
            case IntType() | DecimalType():
                makes += self._numbers(kind, scope)
            case StringType():
                makes += [lambda: self._concat(scope)] * 2
            case EnumType() if kind == WEEKDAY:
                makes.append(lambda: self._clock_part("weekday", scope, WEEKDAY))
            case DateType():
                makes += [
                    lambda: self._clock_part("date", scope, DATE),
                    lambda: self._arithmetic("date_shift", DATE, DURATION, kind, scope),
                    lambda: self._pick(kind, scope),
                ]
            case TimeType():
                makes += [
                    lambda: self._arithmetic(self._plus_minus(), TIME, DURATION, kind, scope),
                    lambda: self._pick(kind, scope),
                ]
            case DurationType():
                makes += self._durations(scope)
            case RecordType():
                makes += [lambda: self._record(kind, scope)] * 2
            case ListType():
                makes += self._lists(kind, scope)
            case OptionalType():
                makes += self._optionals(kind, scope)
            case MapType() | JsonType() | EnumType():
                pass
        makes.append(lambda: self._any_kind(kind, scope))
        if kind != narrower(kind):
            makes.append(lambda: self.expr(narrower(kind), scope))
        for signature in self.vocabulary.facts:
            for result, steps in _results(signature.result):
                if result == kind:
                    makes += [self._fact_make(signature.name, steps, scope)] * 4
        for table in self.vocabulary.tables:
            if table.result == kind:
                makes += [lambda table=table: self._table(table.name, scope)] * 2  # type: ignore[misc]
        for name in _builtins_of(kind):
            makes.append(lambda name=name: self._builtin(name, scope))  # type: ignore[misc]
        return makes

    def _any_kind(self, kind: Type, scope: Scope) -> ir.Expr:
        forms = [self._if]
        if not isinstance(kind, OptionalType):
            forms += (
                [self._guarded] if isinstance(kind, JsonType) else [self._guarded, self._coalesce]
            )
        return self.choose.one(forms)(kind, scope)

    def _truths(self, scope: Scope) -> list[Make]:
        return [
            lambda: ir.Not(self.expr(BOOL, scope)),
            lambda: self._joined(ir.And, scope),
            lambda: self._joined(ir.Or, scope),
            lambda: self._equal(scope),
            lambda: self._equal(scope),
            lambda: self._less(scope),
            lambda: self._less(scope),
            lambda: self._quantifier(scope),
            lambda: self._quantifier(scope),
            lambda: self._quantifier(scope),
            lambda: self._contains(scope),
            lambda: self._subset(scope),
            lambda: self._text_test(scope),
            lambda: ir.Matches(self.expr(STRING, scope), self.choose.one(PATTERNS)),
            lambda: ir.Present(self.optional(scope)),
            lambda: self._guarded_truth(scope),
        ]

    def _joined(self, node: type[ir.And] | type[ir.Or], scope: Scope) -> ir.Expr:
        count = 2 + self.choose.number(1)
        return node(tuple(self.expr(BOOL, scope) for _ in range(count)))

    def _comparable(self, scope: Scope) -> Type:
        """A kind to compare: as a rule, one of what can be read here."""
        kinds = [kind for kind, _ in scope if is_comparable(kind)]
        kinds += [kind for kind in self._fact_kinds() if is_comparable(kind)]
        return self.choose.one(scalar_kinds() if self.choose.chance(4) else kinds)

    def _equal(self, scope: Scope) -> ir.Expr:
        kind = self._comparable(scope)
        left, right = self.expr(kind, scope), self.expr(kind, scope)
        return ir.Equal(right, left) if self.choose.chance(2) else ir.Equal(left, right)

    def _less(self, scope: Scope) -> ir.Expr:
        kinds = [kind for kind, _ in scope if isinstance(kind, ORDERED)]
        kind = self.choose.one(scalar_kinds()[1:] if self.choose.chance(4) else kinds)
        return ir.Less(self.expr(kind, scope), self.expr(kind, scope), self.choose.chance(2))

    def _fact_kinds(self) -> list[Type]:
        return [kind for f in self.vocabulary.facts for kind, _ in _results(f.result)]

    def _source(self, scope: Scope) -> tuple[ir.Expr, Type]:
        """A list to walk through and its element type; lists of the world are met most."""
        at_hand = [kind for kind, _ in scope if isinstance(kind, ListType)]
        at_hand += [kind for kind in self._fact_kinds() if isinstance(kind, ListType)]
        maps = [kind for kind, _ in scope if isinstance(kind, MapType)]
        if maps and self.choose.chance(4):
            listed: ir.Expr = self._entries(self.choose.one(maps), scope)
        elif at_hand and not self.choose.chance(4):
            listed = self.expr(self.choose.one(at_hand), scope)
        else:
            listed = self.expr(ListType(self.choose.one(scalar_kinds())), scope)
        assert isinstance(listed.type, ListType)
        return listed, listed.type.element

    def _bind(self, type_: Type, scope: Scope) -> tuple[ir.Var, Scope]:
        var = self.slots.fresh(type_)
        sources = reachable(var)
        return var, (*sources, *sources, *scope)

    def _quantifier(self, scope: Scope) -> ir.Expr:
        listed, element = self._source(scope)
        var, inside = self._bind(element, scope)
        return ir.Quantifier(self.choose.one(("any", "all")), var, listed, self.expr(BOOL, inside))

    def _contains(self, scope: Scope) -> ir.Expr:
        held = [k for k, _ in scope if isinstance(k, (ListType, MapType)) and is_comparable(k)]
        held += [ListType(kind) for kind in scalar_kinds()[:4]]
        kind = self.choose.one(held)
        of = kind.element if isinstance(kind, ListType) else kind.key
        return ir.Contains(self.expr(of, scope), self.expr(kind, scope))

    def _subset(self, scope: Scope) -> ir.Expr:
        kind = self._list_kind(scope)
        return ir.Subset(self.expr(kind, scope), self.expr(kind, scope))

    def _list_kind(self, scope: Scope) -> ListType:
        kinds = [k for k, _ in scope if isinstance(k, ListType) and is_comparable(k)]
        return self.choose.one((*kinds, *(ListType(kind) for kind in scalar_kinds())))

    def _text_test(self, scope: Scope) -> ir.Expr:
        op = self.choose.one(("contains", "startswith", "endswith"))
        return ir.TextTest(op, self.expr(STRING, scope), self.expr(STRING, scope))

    def optional(self, scope: Scope) -> ir.Expr:
        """Something that may be absent; what can be read here first."""
        kinds = [kind for kind, _ in scope if isinstance(kind, OptionalType)]
        kinds += [kind for kind in self._fact_kinds() if isinstance(kind, OptionalType)]
        kinds += [optional(kind.value) for kind, _ in scope if isinstance(kind, MapType)]
        if any(inner(kind) == JSON for kind, _ in scope):
            kinds += [optional(MapType(STRING, JSON)), optional(ListType(JSON))]
        return self.expr(self.choose.one((*kinds, optional(INT), optional(STRING))), scope)

    def _known_present(self, scope: Scope) -> tuple[ir.Expr, Scope]:
        path = self.optional(scope)
        assert isinstance(path.type, OptionalType)
        sources = reachable(ir.Unwrap(path, path.type.inner))
        return path, (*sources, *sources, *scope)

    def _guarded_truth(self, scope: Scope) -> ir.Expr:
        path, inside = self._known_present(scope)
        body = self.expr(BOOL, inside)
        if self.choose.chance(2):
            return ir.Or((ir.Not(ir.Present(path)), body))
        return ir.And((ir.Present(path), body))

    def _guarded(self, kind: Type, scope: Scope) -> ir.Expr:
        path, inside = self._known_present(scope)
        return ir.If(ir.Present(path), self.expr(kind, inside), self.expr(kind, scope), kind)

    def _if(self, kind: Type, scope: Scope) -> ir.Expr:
        condition = self.expr(BOOL, scope)
        return ir.If(condition, self.expr(kind, scope), self.expr(kind, scope), kind)

    def _coalesce(self, kind: Type, scope: Scope) -> ir.Expr:
        return ir.Coalesce(self.expr(optional(kind), scope), self.expr(kind, scope), kind)

    # --- numbers and time

    def _numbers(self, kind: Type, scope: Scope) -> list[Make]:
        makes: list[Make] = [
            lambda: self._arithmetic(self.choose.one("+-"), kind, kind, kind, scope),
            lambda: self._arithmetic("*", kind, kind, kind, scope),
            lambda: ir.Negate(self.expr(kind, scope), kind),
            lambda: self._pick(kind, scope),
            lambda: self._sum(kind, scope),
            lambda: self._sum(kind, scope),
        ]
        if kind == DECIMAL:
            return [*makes, lambda: self._divide("/", (2, 3, -4), kind, scope)]
        return [
            *makes,
            *[lambda: self._divide(self.choose.one(("div", "%")), (2, 3, 7), kind, scope)] * 3,
            lambda: self._length(scope),
            *[lambda: self._count(scope)] * 2,
            lambda: self._clock_part(self.choose.one(("hour", "year", "month", "day")), scope, INT),
        ]

    def _plus_minus(self) -> Literal["+", "-"]:
        return self.choose.one(("+", "-"))

    def _arithmetic(self, op: str, left: Type, right: Type, kind: Type, scope: Scope) -> ir.Expr:
        return ir.Arithmetic(op, self.expr(left, scope), self.expr(right, scope), kind)  # type: ignore[arg-type]

    def _divide(self, op: str, by: tuple[int, ...], kind: Type, scope: Scope) -> ir.Expr:
        divisor = ir.Const(self.choose.one(by), INT)
        return ir.Arithmetic(op, self.expr(kind, scope), divisor, kind)  # type: ignore[arg-type]

    def _durations(self, scope: Scope) -> list[Make]:
        return [
            lambda: self._arithmetic("-", TIME, TIME, DURATION, scope),
            lambda: self._arithmetic("date_difference", DATE, DATE, DURATION, scope),
            lambda: self._arithmetic(self._plus_minus(), DURATION, DURATION, DURATION, scope),
            lambda: self._arithmetic("*", DURATION, INT, DURATION, scope),
            lambda: ir.Negate(self.expr(DURATION, scope), DURATION),
            lambda: self._pick(DURATION, scope),
            lambda: self._sum(DURATION, scope),
        ]

    def _pick(self, kind: Type, scope: Scope) -> ir.Expr:
        operands = tuple(self.expr(kind, scope) for _ in range(2 + self.choose.number(1)))
        return ir.Pick(self.choose.one(("min", "max")), operands, kind)

    def _clock_part(self, part: str, scope: Scope, kind: Type) -> ir.Expr:
        of_time: tuple[Type, ...] = (TIME,) if part in ("hour", "date") else (DATE,)
        of = self.choose.one((TIME, DATE) if part == "weekday" else of_time)
        return ir.ClockPart(part, self.expr(of, scope), kind)  # type: ignore[arg-type]

    def _length(self, scope: Scope) -> ir.Expr:
        kinds = [kind for kind, _ in scope if isinstance(kind, (ListType, MapType, StringType))]
        return ir.Length(self.expr(self.choose.one((STRING, *kinds)), scope))

    def _count(self, scope: Scope) -> ir.Expr:
        listed, element = self._source(scope)
        var, inside = self._bind(element, scope)
        return ir.Count(var, listed, self.expr(BOOL, inside))

    def _sum(self, kind: Type, scope: Scope) -> ir.Expr:
        listed, element = self._source(scope)
        var, inside = self._bind(element, scope)
        return ir.Sum(var, listed, self.expr(kind, inside), kind)

    # --- text, tables, facts

    def _concat(self, scope: Scope) -> ir.Expr:
        count = 2 + self.choose.number(1)
        return ir.Concat(tuple(self.expr(STRING, scope) for _ in range(count)), STRING)

    def _builtin(self, name: str, scope: Scope) -> ir.Expr:
        function = BUILTINS[name]
        arguments = tuple(self.expr(kind_of(t), scope) for t in function.params)
        return ir.Builtin(name, arguments, function.result)

    def _table(self, name: str, scope: Scope) -> ir.Expr:
        table = next(t for t in self.vocabulary.tables if t.name == name)
        keys = tuple(self.expr(t, scope) for t in table.params)
        return ir.TableRead(name, keys, table.rows, table.result)

    def _fact_make(self, name: str, steps: tuple[str, ...], scope: Scope) -> Make:
        return lambda: self._step(self.fact(name, scope), steps)

    def _step(self, record: ir.Expr, steps: tuple[str, ...]) -> ir.Expr:
        if not steps:
            return record
        of = inner(record.type)
        assert isinstance(of, RecordType)
        field = of.field(steps[0])
        assert field is not None
        if not isinstance(record.type, OptionalType):
            return self._step(ir.GetField(record, field.name, field.type), steps[1:])
        var = self.slots.fresh(of)
        body = self._step(ir.GetField(var, field.name, field.type), steps[1:])
        return ir.WhenPresent(record, var, body, optional(body.type))

    # --- optionals

    def _optionals(self, kind: OptionalType, scope: Scope) -> list[Make]:
        of = kind.inner
        if isinstance(of, JsonType):
            return [lambda: self._json_path(scope)] * 3
        makes: list[Make] = [
            lambda: ir.Some(self.expr(of, scope), kind),
            lambda: self._when_present(kind, scope),
            lambda: ir.Coalesce(self.expr(kind, scope), self.expr(kind, scope), kind),
            lambda: self._end(kind, scope),
        ]
        makes += [
            lambda k=k: self._lookup(k, kind, scope)  # type: ignore[misc]
            for k, _ in scope
            if isinstance(k, MapType) and k.value == of
        ] * 3
        if of in (INT, DECIMAL, DATE, TIME, DURATION):
            makes.append(lambda: self._extremum(kind, scope))
        if _readable(of) and any(kind_of(inner(k)) == JSON for k, _ in scope):
            makes += [lambda: ir.JsonAs(self._json_path(scope), kind)] * 3
        return makes

    def _when_present(self, kind: OptionalType, scope: Scope) -> ir.Expr:
        path = self.optional(scope)
        assert isinstance(path.type, OptionalType)
        var, inside = self._bind(path.type.inner, scope)
        body = self.expr(kind if self.choose.chance(3) else kind.inner, inside)
        return ir.WhenPresent(path, var, body, kind)

    def _end(self, kind: OptionalType, scope: Scope) -> ir.Expr:
        listed = self.expr(ListType(kind.inner), scope)
        return ir.End(self.choose.one(("first", "last")), listed, kind)

    def _lookup(self, of: MapType, kind: OptionalType, scope: Scope) -> ir.Expr:
        return ir.Lookup(self.expr(of, scope), self.expr(of.key, scope), kind)

    def _extremum(self, kind: OptionalType, scope: Scope) -> ir.Expr:
        listed, element = self._source(scope)
        var, inside = self._bind(element, scope)
        op = self.choose.one(("min", "max"))
        return ir.Extremum(op, var, listed, self.expr(kind.inner, inside), kind)

    def _json_path(self, scope: Scope) -> ir.Expr:
        documents = [expr for kind, expr in scope if inner(kind) == JSON]
        if not documents:
            return ir.Const(None, optional(JSON))
        steps = tuple(self.choose.one(NAMES[:2]) for _ in range(self.choose.number(2)))
        return ir.JsonPath(self.choose.one(documents), steps, optional(JSON))

    # --- collections

    def _record(self, kind: RecordType, scope: Scope) -> ir.Expr:
        return ir.MakeRecord(tuple((f.name, self.expr(f.type, scope)) for f in kind.fields), kind)

    def _lists(self, kind: ListType, scope: Scope) -> list[Make]:
        makes: list[Make] = [
            lambda: self._list(kind, scope),
            lambda: self._list_concat(kind, scope),
            lambda: ir.Flatten(self.expr(ListType(kind), scope), kind),
            lambda: self._list_comp(kind, scope),
            lambda: self._list_comp(kind, scope),
        ]
        if is_comparable(kind):
            makes.append(lambda: ir.Distinct(self.expr(kind, scope), kind))
        of = kind.element
        if isinstance(of, RecordType) and [f.name for f in of.fields] == ["first", "second"]:
            makes.append(lambda: ir.Adjacent(self.expr(ListType(of.fields[0].type), scope), kind))
        else:
            makes.append(lambda: self._from_adjacent(kind, scope))
        return makes

    def _list(self, kind: ListType, scope: Scope) -> ir.Expr:
        count = 1 + self.choose.number(1)
        return ir.MakeList(tuple(self.expr(kind.element, scope) for _ in range(count)), kind)

    def _list_concat(self, kind: ListType, scope: Scope) -> ir.Expr:
        return ir.ListConcat((self.expr(kind, scope), self.expr(kind, scope)), kind)

    def _list_comp(self, kind: ListType, scope: Scope) -> ir.Expr:
        listed, element = self._source(scope)
        var, inside = self._bind(element, scope)
        condition = self.expr(BOOL, inside) if self.choose.chance(2) else None
        return ir.ListComp(var, listed, condition, self.expr(kind.element, inside), kind)

    def _from_adjacent(self, kind: ListType, scope: Scope) -> ir.Expr:
        of = self._list_kind(scope).element
        pair = RecordType("", (Field("first", of), Field("second", of)))
        pairs = ir.Adjacent(self.expr(ListType(of), scope), ListType(pair))
        var, inside = self._bind(pair, scope)
        return ir.ListComp(var, pairs, None, self.expr(kind.element, inside), kind)

    def _entries(self, kind: MapType, scope: Scope) -> ir.Expr:
        of = self.expr(kind, scope)
        assert isinstance(of.type, MapType)
        pair = RecordType("", (Field("key", of.type.key), Field("value", of.type.value)))
        return ir.Entries(of, ListType(pair))


def narrower(kind: Type) -> Type:
    """A kind whose values are among those of `kind`: integers are decimals."""
    match kind:
        case DecimalType():
            return INT
        case ListType():
            return ListType(narrower(kind.element))
        case OptionalType():
            return OptionalType(narrower(kind.inner))
        case _:
            return kind


def _readable(kind: Type) -> bool:
    """Whether documents are read as this kind."""
    if isinstance(kind, ListType):
        return isinstance(kind.element, JsonType) or _readable(kind.element)
    if isinstance(kind, MapType):
        return isinstance(kind.value, JsonType) or _readable(kind.value)
    return isinstance(kind, (BoolType, IntType, DecimalType, StringType, EnumType))


@cache
def _builtins_of(kind: Type) -> tuple[str, ...]:
    return tuple(
        name
        for name, function in BUILTINS.items()
        if kind_of(function.result) == kind and _makeable(function.params)
    )


def _makeable(params: tuple[Type, ...]) -> bool:
    plain = (StringType, IntType, DecimalType, BoolType, JsonType)
    return all(isinstance(p, plain) for p in params)
