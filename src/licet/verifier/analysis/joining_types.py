"""One type for a value that two policies declare differently, and what each of them takes of it.

The joined type holds every value that either type holds: fields of both (what one of them lacks or
lets be absent is optional), the wider range, the labels of both enums. What it holds too much is
excluded again by `fits`, a condition in the typed core that says that a value is one of the type
that a policy declares.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from math import gcd, lcm

from licet.compiler import ir
from licet.compiler.types import (
    BOOL,
    DECIMAL,
    INT,
    DecimalType,
    EnumType,
    Field,
    IntType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
    rebuilt,
)


class UnjoinableError(Exception):
    """Two declarations have no values in common, or none that can be compared; says why."""


@dataclass
class Enums:
    """Which enums stand for one another, and the labels of each class."""

    _parent: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)

    def meet(self, a: Type, b: Type) -> None:
        """Two types stand at one place."""
        match a, b:
            case EnumType(_, x), EnumType(_, y):
                x, y = self._root(x), self._root(y)
                if x != y:
                    self._parent[y] = x
            case OptionalType(x), _:
                self.meet(x, b)
            case _, OptionalType(y):
                self.meet(a, y)
            case ListType(x), ListType(y):
                self.meet(x, y)
            case MapType(k, x), MapType(j, y):
                self.meet(k, j)
                self.meet(x, y)
            case RecordType(), RecordType():
                for one in a.fields:
                    other = b.field(one.name)
                    if other is not None:
                        self.meet(one.type, other.type)
            case _:
                pass

    def changed(self, type: Type) -> Type:
        """The type with every enum in it as its class has it."""
        return rebuilt(type, self._enum)

    def _enum(self, scalar: Type) -> Type:
        if not isinstance(scalar, EnumType):
            return scalar
        root = self._root(scalar.labels)
        members = [m for m in (*self._parent, root) if self._root(m) == root]
        labels = root
        for member in dict.fromkeys(members):
            labels = _merged(labels, member)
        return EnumType(scalar.name, labels)

    def _root(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        while labels in self._parent:
            labels = self._parent[labels]
        return labels


def _merged(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    """The labels of both; those of `b` alone right after the one before them in `b`."""
    labels = list(a)
    for position, label in enumerate(b):
        if label not in labels:
            before = b[position - 1] if position else None
            at = labels.index(before) + 1 if before in labels else 0
            labels.insert(at, label)
    return tuple(labels)


def joined(a: Type, b: Type, where: str, *, closed: bool) -> Type:
    """The joined type; enums are already those of their classes. Raises UnjoinableError.

    `closed`: what a record does not declare is not there (arguments), so that a field of one of
    the two may be absent; else the host says what either policy declares.
    """
    if a == b:
        return a
    match a, b:
        case (OptionalType() as x, y) | (y, OptionalType() as x):
            inner = y.inner if isinstance(y, OptionalType) else y
            return OptionalType.of(joined(x.inner, inner, where, closed=closed))
        case IntType(), IntType():
            step = None if a.step is None or b.step is None else gcd(a.step, b.step)
            return IntType(*_hull(a, b), step)  # type: ignore[arg-type]
        case IntType() | DecimalType(), IntType() | DecimalType():
            return _decimals(_decimal(a), _decimal(b))
        case StringType(), StringType():
            high = (
                None
                if a.max_length is None or b.max_length is None
                else max(a.max_length, b.max_length)
            )
            patterns = a.patterns if a.patterns == b.patterns else ()
            return StringType(min(a.min_length, b.min_length), high, patterns)
        case ListType(), ListType():
            most = (
                None
                if a.max_length is None or b.max_length is None
                else max(a.max_length, b.max_length)
            )
            element = joined(a.element, b.element, f"{where}[]", closed=closed)
            low = min(a.min_length, b.min_length)
            return ListType(element, low, most, a.unique and b.unique)
        case MapType(), MapType():
            key = joined(a.key, b.key, where, closed=closed)
            return MapType(key, joined(a.value, b.value, f"{where}[]", closed=closed))
        case RecordType(), RecordType():
            return _records(a, b, where, closed)
        case EnumType(), EnumType():
            return a  # of one class: they differ by name alone
        case _:
            raise UnjoinableError(f"`{where}` is `{a}` in the old policy and `{b}` in the new one")


def _records(a: RecordType, b: RecordType, where: str, closed: bool) -> RecordType:
    fields: list[Field] = []
    for name in dict.fromkeys((*(f.name for f in a.fields), *(f.name for f in b.fields))):
        one, other = a.field(name), b.field(name)
        if one is None or other is None:
            only = one or other
            assert only is not None
            fields.append(Field(name, OptionalType.of(only.type) if closed else only.type))
            continue
        both = joined(one.type, other.type, f"{where}.{name}", closed=closed)
        if one.default != other.default:
            both = OptionalType.of(both)  # left out, it is not the same in both
        fields.append(Field(name, both))
    return RecordType(a.name, tuple(fields), a.open and b.open)


def _hull(
    a: IntType | DecimalType, b: IntType | DecimalType
) -> tuple[int | Fraction | None, int | Fraction | None]:
    low = None if a.low is None or b.low is None else min(a.low, b.low)
    high = None if a.high is None or b.high is None else max(a.high, b.high)
    return low, high


def _decimal(kind: IntType | DecimalType) -> DecimalType:
    if isinstance(kind, DecimalType):
        return kind
    low = None if kind.low is None else Fraction(kind.low)
    high = None if kind.high is None else Fraction(kind.high)
    return DecimalType(low, high, step=Fraction(kind.step or 1), exact=True)


def _decimals(a: DecimalType, b: DecimalType) -> DecimalType:
    low, high = _hull(a, b)
    step = None
    if a.step is not None and b.step is not None:
        below = lcm(a.step.denominator, b.step.denominator)
        step = Fraction(gcd(int(a.step * below), int(b.step * below)), below)
    return DecimalType(
        None if low is None else Fraction(low),
        None if high is None else Fraction(high),
        step=step,
        exact=a.exact and b.exact,
    )


# --- what a policy takes -----------------------------------------------------------------------


@dataclass
class Fitting:
    """Conditions that a value of a joined type is one of a declared type.

    `closed`: fields that the declared record lacks must be absent (arguments), rather than be
    ignored (what the host says, of which each policy is told what it declares).
    """

    closed: bool
    slots: count[int]

    def fits(self, value: ir.Expr, is_: Type, wanted: Type) -> ir.Expr:
        """Whether `value`, of type `is_`, is of the type `wanted` too."""
        if is_ == wanted:
            return _TRUE
        match is_, wanted:
            case OptionalType(inner), OptionalType(want):
                return _any(ir.Not(ir.Present(value)), self._within(value, inner, want))
            case OptionalType(inner), _:
                return _all(ir.Present(value), self._within(value, inner, wanted))
            case _, OptionalType(want):
                return self.fits(value, is_, want)
            case IntType() | DecimalType(), IntType() | DecimalType():
                return _number(value, wanted)
            case StringType(), StringType():
                return _text(value, is_, wanted)
            case EnumType(), EnumType():
                if set(is_.labels) <= set(wanted.labels):
                    return _TRUE
                return _any(*(ir.Equal(value, ir.Const(label, is_)) for label in wanted.labels))
            case ListType(), ListType():
                return self._list(value, is_, wanted)
            case MapType(), MapType():
                return self._map(value, is_, wanted)
            case RecordType(), RecordType():
                return _all(*(self._field(value, f, wanted) for f in is_.fields))
            case _:
                return _TRUE

    def _within(self, value: ir.Expr, inner: Type, wanted: Type) -> ir.Expr:
        return self.fits(ir.Unwrap(value, inner), inner, wanted)

    def _field(self, value: ir.Expr, field: Field, wanted: RecordType) -> ir.Expr:
        here = ir.GetField(value, field.name, field.type)
        declared = wanted.field(field.name)
        if declared is None:
            if self.closed and not wanted.open:
                return ir.Not(ir.Present(here))
            return _TRUE
        if declared.default is not None and isinstance(field.type, OptionalType):
            inside = self._within(here, field.type.inner, declared.type)
            return _any(ir.Not(ir.Present(here)), inside)
        return self.fits(here, field.type, declared.type)

    def _list(self, value: ir.Expr, is_: ListType, wanted: ListType) -> ir.Expr:
        parts: list[ir.Expr] = []
        size = ir.Length(value)
        if wanted.min_length > is_.min_length:
            parts.append(ir.Less(ir.Const(wanted.min_length, INT), size, False))
        if wanted.max_length is not None and wanted.max_length != is_.max_length:
            parts.append(ir.Less(size, ir.Const(wanted.max_length, INT), False))
        if wanted.unique and not is_.unique:
            parts.append(ir.Equal(ir.Distinct(value, is_), value))
        parts.append(self._each(value, is_.element, wanted.element))
        return _all(*parts)

    def _each(self, value: ir.Expr, is_: Type, wanted: Type) -> ir.Expr:
        var = ir.Var(next(self.slots), "each", is_)
        body = self.fits(var, is_, wanted)
        return _TRUE if body == _TRUE else ir.Quantifier("all", var, value, body)

    def _map(self, value: ir.Expr, is_: MapType, wanted: MapType) -> ir.Expr:
        entry = RecordType("", (Field("key", is_.key), Field("value", is_.value)))
        var = ir.Var(next(self.slots), "entry", entry)
        body = _all(
            self.fits(ir.GetField(var, "key", is_.key), is_.key, wanted.key),
            self.fits(ir.GetField(var, "value", is_.value), is_.value, wanted.value),
        )
        if body == _TRUE:
            return _TRUE
        return ir.Quantifier("all", var, ir.Entries(value, ListType(entry)), body)


_TRUE = ir.Const(True, BOOL)
_FALSE = ir.Const(False, BOOL)


def _all(*parts: ir.Expr) -> ir.Expr:
    kept = tuple(part for part in parts if part != _TRUE)
    if _FALSE in kept:
        return _FALSE
    return ir.And(kept) if len(kept) > 1 else (kept[0] if kept else _TRUE)


def _any(*parts: ir.Expr) -> ir.Expr:
    if _TRUE in parts:
        return _TRUE
    kept = tuple(part for part in parts if part != _FALSE)
    return ir.Or(kept) if len(kept) > 1 else (kept[0] if kept else _FALSE)


def _number(value: ir.Expr, wanted: Type) -> ir.Expr:
    assert isinstance(wanted, IntType | DecimalType)
    parts: list[ir.Expr] = []
    low_open = isinstance(wanted, DecimalType) and wanted.low_open
    high_open = isinstance(wanted, DecimalType) and wanted.high_open
    if wanted.low is not None:
        parts.append(ir.Less(ir.Const(wanted.low, DECIMAL), value, low_open))
    if wanted.high is not None:
        parts.append(ir.Less(value, ir.Const(wanted.high, DECIMAL), high_open))
    step = wanted.step or (1 if isinstance(wanted, IntType) else None)
    if step is not None and step != getattr(value.type, "step", None):
        times = ir.Arithmetic("/", value, ir.Const(Fraction(step), DECIMAL), DECIMAL)
        rest = ir.Arithmetic("%", times, ir.Const(1, INT), DECIMAL)
        parts.append(ir.Equal(rest, ir.Const(0, INT)))
    return _all(*parts)


def _text(value: ir.Expr, is_: StringType, wanted: StringType) -> ir.Expr:
    parts: list[ir.Expr] = []
    if wanted.min_length > is_.min_length:
        parts.append(ir.Less(ir.Const(wanted.min_length, INT), ir.Length(value), False))
    if wanted.max_length is not None and wanted.max_length != is_.max_length:
        parts.append(ir.Less(ir.Length(value), ir.Const(wanted.max_length, INT), False))
    parts.extend(ir.Matches(value, p) for p in wanted.patterns if p not in is_.patterns)
    return _all(*parts)
