"""What each expression of the typed core means: the reference, without a solver.

In: a well-typed expression, a world, a clock. Out: its value, or one of two refusals: UnknownRead,
where the world lacks what is read, and WrongType, where a document holds something else than the
policy reads. Any other exception is a bug of ours. `encoding` is written apart from this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from typing import Literal, assert_never

from .. import ir
from ..builtins import BUILTINS
from ..clock import Clock
from ..regex import matcher
from ..types import DAY, EnumType, ListType, RecordType, TimeType, Type, Value
from ..world import UNKNOWN, Path, World
from .calendar import part_of_date, part_of_time
from .documents import exact, found, read_as
from .places import (
    COMPUTED,
    AbsentUnwrapped,
    Located,
    Part,
    Reader,
    UnboundVariable,
    UnknownRead,
    WrongType,
    integer_of,
    list_of,
    number_of,
    record_of,
    text_of,
    truth_of,
)


def evaluate(
    expr: ir.Expr, world: World, clock: Clock, bindings: Mapping[int, Value] | None = None
) -> Value:
    """The value of an expression, all of it read. Raises UnknownRead, WrongType."""
    found = _standing(expr, world, bindings)
    if found.__class__ in WHOLE:
        return found
    evaluation = Evaluation(world, clock, bindings)
    return evaluation.reader.whole(evaluation.part(expr))


#: What has no parts that may be unknown.
WHOLE = frozenset((str, int, bool, Fraction))


def _standing(expr: ir.Expr, world: World, bindings: Mapping[int, Value] | None) -> object:
    """What stands at the place that an expression names, which is most of them; UNKNOWN where it
    is none, or nothing is there."""
    if isinstance(expr, ir.GetField):
        found = _standing(expr.record, world, bindings)
        return found.get(expr.name, UNKNOWN) if isinstance(found, dict) else UNKNOWN
    if isinstance(expr, ir.Root):
        return getattr(world, expr.name)
    if isinstance(expr, ir.Var):
        bound = UNKNOWN if bindings is None else bindings.get(expr.slot, UNKNOWN)
        return bound.value if isinstance(bound, Located) else bound
    return expr.value if isinstance(expr, ir.Const) else UNKNOWN


def read_paths(
    expr: ir.Expr, world: World, clock: Clock, bindings: Mapping[int, Value] | None = None
) -> tuple[Path, ...]:
    """The paths of the world that `evaluate` reads, in order, each once.

    What a refusal stopped short is not among them; the path that refused is.
    """
    evaluation = Evaluation(world, clock, bindings, parts=True)
    with suppress(UnknownRead, WrongType):
        evaluation.reader.whole(evaluation.part(expr))
    return tuple(evaluation.reader.reads)


class Evaluation:
    """One evaluation: a world, what the variables stand for, and what was met on the way.

    `parts`: the reader tells of all parts of what was read whole (see `Reader`). `witnesses` are
    the elements that decided quantifiers on the way to the result, outermost first: made `any`
    true, made `all` false.
    """

    def __init__(
        self,
        world: World,
        clock: Clock,
        bindings: Mapping[int, Part] | None = None,
        *,
        parts: bool = False,
    ) -> None:
        self.reader = Reader(parts=parts)
        self.bound: dict[int, Part] = dict(bindings or {})
        self.witnesses: list[tuple[int, Part]] = []
        self._world = world
        self._clock = clock

    # --- operands, opened ----------------------------------------------------------------------

    def _scalar(self, expr: ir.Expr) -> object:
        return self.reader.look(self.part(expr))

    def truth(self, expr: ir.Expr) -> bool:
        return truth_of(self._scalar(expr))

    def _text(self, expr: ir.Expr) -> str:
        return text_of(self._scalar(expr))

    def _list(self, expr: ir.Expr) -> tuple[Part, ...]:
        return list_of(self.reader.open(self.part(expr)))

    def _map(self, expr: ir.Expr) -> Mapping[str, Part]:
        return record_of(self.reader.open(self.part(expr)))

    def _whole(self, expr: ir.Expr) -> Value:
        return self.reader.whole(self.part(expr))

    def present(self, part: Part) -> bool:
        return self.reader.look(part) is not None

    # --- expressions ---------------------------------------------------------------------------

    def part(self, expr: ir.Expr) -> Part:
        """The value of an expression; what stands in the world is not read yet, only found."""
        match expr:
            case ir.Const(value):
                return value
            case ir.Var(slot):
                if slot not in self.bound:
                    raise UnboundVariable(slot)
                return self.bound[slot]
            case ir.GetField(record, name):
                return self.reader.field(self.part(record), name)
            case ir.Root(name):
                return self._root(name)
            case ir.Param(name):
                return Located(("params", name), self._world.params.get(name, UNKNOWN))
            case ir.Fact(name, keys):
                of = tuple([self._whole(key) for key in keys])
                known = self._world.facts.get(name, {})
                return Located((name, of), known.get(of, UNKNOWN))
            # optionals
            case ir.WhenPresent(optional, var, body):
                part = self.part(optional)
                return self._with(var, part, body) if self.present(part) else part
            case ir.Present(optional):
                return self.present(self.part(optional))
            case ir.Unwrap(optional):
                part = self.part(optional)
                if not self.present(part):
                    raise AbsentUnwrapped
                return part
            case ir.Coalesce(optional, default):
                part = self.part(optional)
                return part if self.present(part) else self.part(default)
            case ir.Some(value):
                return self.part(value)
            # documents
            case ir.JsonPath(document, steps):
                return self._step_into(self.part(document), steps)
            case ir.JsonAs(document, target):
                part = self.part(document)
                path = part.path if isinstance(part, Located) else COMPUTED
                return read_as(self.reader.whole(part), target, path)
            # logic and comparison
            case ir.Not(operand):
                return not self.truth(operand)
            case ir.And(operands):
                return self._until(operands, False)
            case ir.Or(operands):
                return self._until(operands, True)
            case ir.If(condition, consequence, alternative):
                return self.part(consequence if self.truth(condition) else alternative)
            case ir.Equal(left, right):
                a, b = self.part(left), self.part(right)
                return self.reader.same(a, b)
            case ir.Less(left, right, strict):
                return self._less(left, right, strict)
            # numbers and time
            case ir.Arithmetic(op, left, right):
                return self._arithmetic(op, left, right)
            case ir.Negate(operand):
                return -number_of(self._scalar(operand))
            case ir.Pick(op, operands):
                numbers = [number_of(self._scalar(operand)) for operand in operands]
                return min(numbers) if op == "min" else max(numbers)
            case ir.ClockPart(name, operand):
                count = integer_of(self._scalar(operand))
                if isinstance(operand.type, TimeType):
                    return part_of_time(name, count, self._clock)
                return part_of_date(name, count)
            # text
            case ir.Concat(operands):
                return "".join([self._text(operand) for operand in operands])
            case ir.TextTest(op, text, part_of_text):
                return _text_test(op, self._text(text), self._text(part_of_text))
            case ir.Matches(text, pattern):
                return matcher(pattern)(self._text(text))
            case ir.Builtin(name, arguments):
                return BUILTINS[name].call(*[self._whole(argument) for argument in arguments])
            # collections
            case ir.MakeList(items):
                return tuple([self.part(item) for item in items])
            case ir.MakeRecord(fields):
                return {name: self.part(value) for name, value in fields}
            case ir.ListConcat(operands):
                return tuple([item for operand in operands for item in self._list(operand)])
            case ir.Length(operand):
                value = self._scalar(operand)
                return len(value if isinstance(value, (str, tuple)) else record_of(value))
            case ir.Contains(item, collection):
                wanted, held = self.part(item), self.reader.open(self.part(collection))
                if isinstance(held, tuple):
                    return any(self.reader.same(wanted, element) for element in held)
                return text_of(self.reader.look(wanted)) in record_of(held)
            case ir.Subset(left, right):
                a, b = self._list(left), self._list(right)
                return all(any(self.reader.same(x, y) for y in b) for x in a)
            case ir.Lookup(of, key):
                entries = self._map(of)
                return entries.get(self._text(key))
            case ir.End(op, of):
                elements = self._list(of)
                if not elements:
                    return None
                return elements[0] if op == "first" else elements[-1]
            case ir.Flatten(of):
                lists = self._list(of)
                return tuple([x for xs in lists for x in list_of(self.reader.open(xs))])
            case ir.Distinct(of):
                return self._distinct(self._list(of))
            case ir.Adjacent(of, kind):
                elements = self._list(of)
                first, second = _pair_fields(kind)
                return tuple([{first: a, second: b} for a, b in pairwise(elements)])
            case ir.Entries(of, kind):
                first, second = _pair_fields(kind)
                return tuple([{first: k, second: v} for k, v in sorted(self._map(of).items())])
            case ir.Quantifier(op, var, of, body):
                return self._quantifier(var, of, body, decisive=op == "any")
            case ir.Count(var, of, body):
                return sum([truth_of(v) for v in self._each(var, of, body)])
            case ir.Sum(var, of, body):
                return exact(sum([number_of(v) for v in self._each(var, of, body)]))
            case ir.Extremum(op, var, of, body):
                values = [number_of(v) for v in self._each(var, of, body)]
                return (min if op == "min" else max)(values, default=None)
            case ir.ListComp(var, of, condition, element):
                return self._list_comp(var, of, condition, element)
            case ir.TableRead(_, keys, rows):
                at = [self._scalar(key) for key in keys]
                return next(
                    value
                    for row, value in rows
                    if all(
                        k is None or self.reader.same(k, v) for k, v in zip(row, at, strict=True)
                    )
                )
            case _:
                assert_never(expr)

    def _root(self, name: ir.RootName) -> Part:
        world = self._world
        match name:
            case "args":
                return Located(("args",), world.args)
            case "principal":
                return Located(("principal",), world.principal)
            case "context":
                return Located(("context",), world.context)
            case "session":
                return Located(("session",), world.session)
            case "now":
                return Located(("now",), world.now)
            case "tool":
                return Located(("tool",), world.tool)
            case "approver":
                return Located(("approver",), world.approver)
            case "result":
                return Located(("result",), world.result)
            case _:
                assert_never(name)

    def _step_into(self, part: Part, steps: tuple[str, ...]) -> Part:
        at = part if isinstance(part, Located) else Located(COMPUTED, part)
        for step in steps:
            value = self.reader.look(at)
            if value is None:
                return at
            if not isinstance(value, dict):
                raise WrongType(at.path, "an object", found(value))
            at = Located((*at.path, step), value.get(step))
        return at

    def _with(self, var: ir.Var, part: Part, body: ir.Expr) -> Part:
        self.bound[var.slot] = part
        return self.part(body)

    def _until(self, operands: tuple[ir.Expr, ...], decisive: bool) -> bool:
        """Or (`decisive` True) or And: the first operand of that value decides, by itself."""
        before = len(self.witnesses)
        for operand in operands:
            mark = len(self.witnesses)
            if self.truth(operand) is decisive:
                del self.witnesses[before:mark]
                return decisive
        return not decisive

    def _quantifier(self, var: ir.Var, of: ir.Expr, body: ir.Expr, *, decisive: bool) -> bool:
        """The first element that decides is a witness, with those of the body for it."""
        for element in self._list(of):
            mark = len(self.witnesses)
            self.witnesses.append((var.slot, element))
            if truth_of(self.reader.look(self._with(var, element, body))) is decisive:
                return decisive
            del self.witnesses[mark:]
        return not decisive

    def _each(self, var: ir.Var, of: ir.Expr, body: ir.Expr) -> Iterator[object]:
        """The body for every element; no single one decides, so there are no witnesses."""
        mark = len(self.witnesses)
        for element in self._list(of):
            yield self.reader.look(self._with(var, element, body))
        del self.witnesses[mark:]

    def _list_comp(
        self, var: ir.Var, of: ir.Expr, condition: ir.Expr | None, element: ir.Expr
    ) -> Part:
        mark = len(self.witnesses)
        made = []
        for each in self._list(of):
            self.bound[var.slot] = each
            if condition is None or self.truth(condition):
                made.append(self.part(element))
        del self.witnesses[mark:]
        return tuple(made)

    def _distinct(self, elements: tuple[Part, ...]) -> Part:
        kept: list[Part] = []
        for element in elements:
            if not any(self.reader.same(element, other) for other in kept):
                kept.append(element)
        return tuple(kept)

    def _less(self, left: ir.Expr, right: ir.Expr, strict: bool) -> bool:
        a, b = self._scalar(left), self._scalar(right)
        if isinstance(left.type, EnumType):
            labels = left.type.labels
            a, b = labels.index(text_of(a)), labels.index(text_of(b))
        if isinstance(a, str):
            text = text_of(b)
            return a < text if strict else a <= text
        x, y = number_of(a), number_of(b)
        return x < y if strict else x <= y

    def _arithmetic(self, op: str, left: ir.Expr, right: ir.Expr) -> Value:
        a, b = number_of(self._scalar(left)), number_of(self._scalar(right))
        return exact(_ARITHMETIC[op](a, b))


Number = int | Fraction

_ARITHMETIC: Mapping[str, Callable[[Number, Number], Number]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: Fraction(a) / b,
    "div": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "date_difference": lambda days, other: (days - other) * DAY,
    "date_shift": lambda days, duration: days + duration // DAY,
}


def _text_test(op: Literal["contains", "startswith", "endswith"], text: str, part: str) -> bool:
    match op:
        case "contains":
            return part in text
        case "startswith":
            return text.startswith(part)
        case "endswith":
            return text.endswith(part)
        case _:
            assert_never(op)


def _pair_fields(kind: Type) -> tuple[str, str]:
    """The two names of the records that a list type holds."""
    if isinstance(kind, ListType) and isinstance(kind.element, RecordType):
        first, second = kind.element.fields
        return first.name, second.name
    raise TypeError(f"not a list of pairs: {kind}")
