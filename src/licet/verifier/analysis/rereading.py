"""One policy's rules, read over joined types: the same meaning, other types underneath.

In: typed rules of one program, and the types of roots and facts that they are to be read over
(`joining_types`). Out: rules that come to the same in every world of the joined types that fits the
program's own. What a rule takes whole (compares, collects) is projected to the fields that its
own program declares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import count
from typing import Any

from licet.compiler import ir
from licet.compiler.types import (
    INT,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
)
from licet.compiler.walking import NODES

from .joining_types import Enums, UnjoinableError


@dataclass
class Rereader:
    """Rereads expressions; `roots` and `facts` give joined types, `renamed` the new names of facts
    and params that are not shared."""

    enums: Enums
    roots: Mapping[str, Type]
    facts: Mapping[str, Type]
    renamed: Mapping[str, str]
    slots: count[int]

    def rule(self, rule: ir.Rule) -> ir.Rule:
        """The rule over joined types, without its message."""
        known: dict[int, Type] = {}
        lets: list[ir.Let] = []
        for let in rule.lets:
            value, is_ = self.read(let.value, known)
            inner = is_.inner if isinstance(is_, OptionalType) else is_
            known[let.var.slot] = inner
            lets.append(replace(let, var=replace(let.var, type=inner), value=value))
        condition = self.whole(rule.condition, known)
        return replace(rule, lets=tuple(lets), condition=condition, message=None)

    def whole(self, e: ir.Expr, known: dict[int, Type]) -> ir.Expr:
        """The expression with a value of its own type."""
        value, is_ = self.read(e, known)
        return self.projected(value, is_, self.enums.changed(e.type))

    def read(self, e: ir.Expr, known: dict[int, Type]) -> tuple[ir.Expr, Type]:
        """The expression, and the type that its value has now: its own, or one with more in it."""
        match e:
            case ir.Root(name):
                kind = self.roots.get(name, e.type)
                return ir.Root(name, kind), kind
            case ir.Param(name):
                kind = self.enums.changed(e.type)
                return ir.Param(self.renamed.get(name, name), kind), kind
            case ir.Const(value, type):
                kind = self.enums.changed(type)
                return ir.Const(value, kind), kind
            case ir.Var(slot):
                kind = known[slot]
                return replace(e, type=kind), kind
            case ir.GetField(record, name, type):
                return self._field(record, name, type, known)
            case ir.Fact(name, keys, type):
                new = self.renamed.get(name, name)
                kind = self.facts[new]
                read = ir.Fact(new, tuple(self.whole(k, known) for k in keys), kind)
                return self._there(read, kind, type)
            case ir.WhenPresent(optional, var, body):
                value, is_ = self.read(optional, known)
                inner = _inner(is_)
                known[var.slot] = inner
                made, kind = self.read(body, known)
                result = OptionalType.of(kind)
                return ir.WhenPresent(value, replace(var, type=inner), made, result), result
            case ir.Present(optional):
                return ir.Present(self.read(optional, known)[0]), e.type
            case ir.Unwrap(optional):
                value, is_ = self.read(optional, known)
                return ir.Unwrap(value, _inner(is_)), _inner(is_)
            case ir.Less(left, right, strict):
                return self._less(left, right, strict, known), e.type
            case ir.Quantifier() | ir.Count() | ir.Sum() | ir.Extremum() | ir.ListComp():
                return self._over(e, known)
            case ir.Length(operand):
                return ir.Length(self.read(operand, known)[0]), e.type
            case ir.End(op, collection):
                value, is_ = self.read(collection, known)
                kind = OptionalType.of(_element(is_))
                return ir.End(op, value, kind), kind
            case ir.Adjacent(collection):
                value, is_ = self.read(collection, known)
                pair = (Field("first", _element(is_)), Field("second", _element(is_)))
                adjacent = ListType(RecordType("", pair))
                return ir.Adjacent(value, adjacent), adjacent
            case ir.Entries(map):
                value, is_ = self.read(map, known)
                assert isinstance(is_, MapType)
                entries = ListType(
                    RecordType("", (Field("key", is_.key), Field("value", is_.value)))
                )
                return ir.Entries(value, entries), entries
            case ir.Lookup(map, key):
                value, is_ = self.read(map, known)
                assert isinstance(is_, MapType)
                kind = OptionalType.of(is_.value)
                return ir.Lookup(value, self.whole(key, known), kind), kind
            case ir.TableRead(_, keys):
                read_keys = tuple(self.whole(k, known) for k in keys)
                kind = self.enums.changed(e.type)
                # Labels of the other policy find some row too; no call with one fits.
                rows = (*e.rows, (tuple(None for _ in keys), e.rows[-1][1]))
                return replace(e, keys=read_keys, rows=rows, type=kind), kind
            case ir.JsonAs(_, type) if self.enums.changed(type) != type:
                raise UnjoinableError(f"a document is read as `{type}`, whose labels have changed")
            case _:
                return self._other(e, known)

    def _other(self, e: ir.Expr, known: dict[int, Type]) -> tuple[ir.Expr, Type]:
        """A node that takes its operands whole."""
        changes: dict[str, Any] = {}
        for each in fields(e):
            changes[each.name] = self._part(getattr(e, each.name), known)
        made: ir.Expr = replace(e, **changes)
        return made, made.type

    def _part(self, part: Any, known: dict[int, Type]) -> Any:
        if isinstance(part, NODES):
            return self.whole(part, known)  # type: ignore[arg-type]
        if isinstance(part, tuple):
            return tuple(self._part(each, known) for each in part)
        if is_dataclass(part) and not isinstance(part, type):
            return self.enums.changed(part)  # type: ignore[arg-type]
        return part

    def _field(
        self, record: ir.Expr, name: str, type: Type, known: dict[int, Type]
    ) -> tuple[ir.Expr, Type]:
        value, is_ = self.read(record, known)
        assert isinstance(is_, RecordType)
        found = is_.field(name)
        if found is None:
            raise UnjoinableError(f"a rule reads `{name}`, which a policy does not declare")
        read = ir.GetField(value, name, found.type)
        declared = record.type.field(name) if isinstance(record.type, RecordType) else None
        default = None if declared is None else declared.default
        if default is not None and isinstance(found.type, OptionalType):
            inner = found.type.inner
            own = self.enums.changed(type)
            plain = self.projected(ir.Unwrap(read, inner), inner, own)
            return ir.If(ir.Present(read), plain, ir.Const(default, own), own), own
        return self._there(read, found.type, type)

    def _there(self, read: ir.Expr, is_: Type, type: Type) -> tuple[ir.Expr, Type]:
        """What the program declares to be there is taken to be; what fits it has it."""
        if isinstance(is_, OptionalType) and not isinstance(type, OptionalType):
            return ir.Unwrap(read, is_.inner), is_.inner
        return read, is_

    def _less(self, left: ir.Expr, right: ir.Expr, strict: bool, known: dict[int, Type]) -> ir.Expr:
        a, b = self.whole(left, known), self.whole(right, known)
        own = left.type
        if isinstance(own, EnumType):
            shared = self.enums.changed(own)
            assert isinstance(shared, EnumType)
            if tuple(x for x in shared.labels if x in own.labels) != own.labels:
                return ir.Less(_rank(a, own), _rank(b, own), strict)
        return ir.Less(a, b, strict)

    def _over(
        self,
        e: ir.Quantifier | ir.Count | ir.Sum | ir.Extremum | ir.ListComp,
        known: dict[int, Type],
    ) -> tuple[ir.Expr, Type]:
        value, is_ = self.read(e.list, known)
        known[e.var.slot] = _element(is_)
        var = replace(e.var, type=_element(is_))
        if isinstance(e, ir.ListComp):
            condition = None if e.condition is None else self.whole(e.condition, known)
            element, kind = self.read(e.element, known)
            made = ListType(kind)
            return ir.ListComp(var, value, condition, element, made), made
        return replace(e, var=var, list=value, body=self.whole(e.body, known)), e.type

    # --- taking less

    def projected(self, value: ir.Expr, is_: Type, wanted: Type) -> ir.Expr:
        """The value with the fields that `wanted` has alone."""
        if same_shape(is_, wanted):
            return value
        match is_, wanted:
            case RecordType(), RecordType():
                return ir.MakeRecord(
                    tuple((f.name, self._member(value, is_, f)) for f in wanted.fields), wanted
                )
            case OptionalType(inner), OptionalType(want):
                var = ir.Var(next(self.slots), "it", inner)
                return ir.WhenPresent(value, var, self.projected(var, inner, want), wanted)
            case ListType(element), ListType(want):
                var = ir.Var(next(self.slots), "it", element)
                return ir.ListComp(var, value, None, self.projected(var, element, want), wanted)
            case _:
                raise UnjoinableError(f"a rule takes a whole `{wanted}`, whose parts have changed")

    def _member(self, value: ir.Expr, is_: RecordType, wanted: Field) -> ir.Expr:
        found = is_.field(wanted.name)
        assert found is not None
        read, kind = self._there(
            ir.GetField(value, wanted.name, found.type), found.type, wanted.type
        )
        return self.projected(read, kind, wanted.type)


def same_shape(a: Type, b: Type) -> bool:
    """Whether values of the one have the parts of the other; ranges and names aside."""
    match a, b:
        case RecordType(), RecordType():
            return [f.name for f in a.fields] == [f.name for f in b.fields] and all(
                same_shape(x.type, y.type) for x, y in zip(a.fields, b.fields, strict=True)
            )
        case OptionalType(x), OptionalType(y):
            return same_shape(x, y)
        case ListType(x), ListType(y):
            return same_shape(x, y)
        case MapType(_, x), MapType(_, y):
            return same_shape(x, y)
        case RecordType() | OptionalType() | ListType() | MapType(), _:
            return False
        case _, RecordType() | OptionalType() | ListType() | MapType():
            return False
        case _:
            return True


def _inner(type: Type) -> Type:
    return type.inner if isinstance(type, OptionalType) else type


def _element(type: Type) -> Type:
    assert isinstance(type, ListType)
    return type.element


def _rank(value: ir.Expr, own: EnumType) -> ir.Expr:
    """A label's place in the order that its own policy declares."""
    rows: list[tuple[tuple[str | None, ...], int]] = [
        ((label,), place) for place, label in enumerate(own.labels)
    ]
    rows.append(((None,), len(rows)))
    return ir.TableRead("order of labels", (value,), tuple(rows), INT)
