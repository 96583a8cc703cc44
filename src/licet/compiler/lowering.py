"""Which theory each text of a tool's rules is encoded in.

Texts that are only compared for equality, looked up, or used as keys need no text theory: they are
*interned*, numbered so that equal texts have equal numbers. Texts that are ordered, measured,
joined or searched need *sequences*. Texts that can meet must be in one theory, so texts fall into
classes: two texts are in one class if some rule compares them, chooses between them, or uses them
as the same key.

Trusted: if a class misses a meeting, `encoding` raises when it meets both theories; it never
compares a number with a text.

An *abstract path* names a text without positions: ("args", "bags", "*", "tag"); see
`encoding.soil`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from . import ir
from .types import (
    STRING,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
    rebuilt,
)

AbstractPath = tuple[object, ...]

#: The step to the keys of a map.
KEY = "key of map"


@dataclass(eq=False, slots=True)
class _Class:
    """A set of texts in a union-find forest."""

    parent: _Class | None = None
    sequence: bool = False

    def root(self) -> _Class:
        node = self
        while node.parent is not None:
            node = node.parent
        if node is not self:
            self.parent = node
        return node


@dataclass(eq=False, slots=True)
class _Fields:
    fields: dict[str, _Shape]


@dataclass(eq=False, slots=True)
class _Items:
    """The elements of a list, or the keys and values of a map."""

    element: _Shape
    key: _Shape = None


@dataclass(eq=False, slots=True)
class _Json:
    """Documents that may stand here, by abstract path."""

    paths: tuple[AbstractPath, ...]


#: What texts a value holds. Optionals do not show; None: no texts.
_Shape = _Class | _Fields | _Items | _Json | None


@dataclass(frozen=True)
class Theories:
    """`is_sequence(path)`: whether the texts at an abstract path are encoded as sequences."""

    _classes: Mapping[AbstractPath, _Class]

    def is_sequence(self, path: AbstractPath) -> bool:
        """Paths that no rule reads count as interned."""
        found = self._classes.get(path)
        return found is not None and found.root().sequence


def _unbounded(scalar: Type) -> Type:
    return STRING if isinstance(scalar, StringType) else scalar


def choose_theories(
    rules: ir.ToolRules,
    facts: Mapping[str, ir.FactSignature],
    roots: Mapping[str, Type],
    *,
    constrained: bool,
) -> Theories:
    """The theories of all texts that a tool's rules read.

    `constrained`: texts whose type has patterns are sequences too, so that a solver which picks
    values can be held to them.
    """
    choice = _Choice(facts, roots, constrained)
    for rule in rules.rules:
        choice.rule(rule)
    return Theories(choice.classes)


@dataclass(eq=False)
class _Choice:
    facts: Mapping[str, ir.FactSignature]
    roots: Mapping[str, Type]
    constrained: bool
    classes: dict[AbstractPath, _Class] = field(default_factory=dict)
    shapes: dict[AbstractPath, _Shape] = field(default_factory=dict)
    variables: dict[int, _Shape] = field(default_factory=dict)

    # --- classes -------------------------------------------------------------------------------

    def shape(self, type: Type, path: AbstractPath) -> _Shape:
        """The shape at a path, made once."""
        if path not in self.shapes:
            self.shapes[path] = self._shape(type, path)
        return self.shapes[path]

    def _shape(self, type: Type, path: AbstractPath) -> _Shape:
        match type:
            case StringType():
                text = _Class(sequence=self.constrained and bool(type.patterns or type.excluded))
                self.classes[path] = text
                return text
            case OptionalType(inner):
                return self._shape(inner, path)
            case RecordType():
                return _Fields({f.name: self.shape(f.type, (*path, f.name)) for f in type.fields})
            case ListType():
                return _Items(self.shape(type.element, (*path, "*")))
            case MapType():
                key = self.shape(type.key, (*path, KEY))
                return _Items(self.shape(type.value, (*path, "*")), key)
            case JsonType():
                return _Json((path,))
            case _:
                return None

    def meet(self, a: _Shape, b: _Shape) -> _Shape:
        """Put the texts of two values that stand in one place into one class."""
        if a is None or b is None:
            return b if a is None else a
        if isinstance(a, _Class) and isinstance(b, _Class):
            x, y = a.root(), b.root()
            if x is not y:
                y.parent = x
                x.sequence = x.sequence or y.sequence
        elif isinstance(a, _Fields) and isinstance(b, _Fields):
            for name, inner in b.fields.items():
                a.fields[name] = self.meet(a.fields.get(name), inner)
        elif isinstance(a, _Items) and isinstance(b, _Items):
            a.element = self.meet(a.element, b.element)
            a.key = self.meet(a.key, b.key)
        elif isinstance(a, _Json) and isinstance(b, _Json):
            return _Json(tuple(dict.fromkeys(a.paths + b.paths)))
        return a

    def sequence(self, shape: _Shape) -> None:
        """Make the texts of a value sequences."""
        if isinstance(shape, _Class):
            shape.root().sequence = True

    # --- rules ---------------------------------------------------------------------------------

    def rule(self, rule: ir.Rule) -> None:
        self.variables = {}
        for let in rule.lets:
            self.variables[let.var.slot] = self.read(let.value)
        self.read(rule.condition)

    def over(self, var: ir.Var, collection: ir.Expr) -> _Shape:
        """Bind a comprehension's variable."""
        shape = self.read(collection)
        self.variables[var.slot] = shape.element if isinstance(shape, _Items) else None
        return shape

    def read(self, e: ir.Expr) -> _Shape:
        """The texts of an expression's value, after noting all meetings within it."""
        match e:
            case ir.Const():
                return self._constant(e.type)
            case ir.Param(name, type):
                return self.shape(type, ("params", name))
            case ir.Root(name, type):
                return self.shape(self.roots.get(name, type), (name,))
            case ir.Var(slot):
                return self.variables.get(slot)
            case ir.GetField(record, name):
                shape = self.read(record)
                return shape.fields.get(name) if isinstance(shape, _Fields) else None
            case ir.Fact(name, keys):
                for i, key in enumerate(keys):
                    kind = self.facts[name].params[i][1]
                    self.meet(self.shape(kind, ("key", name, i)), self.read(key))
                return self.shape(self.facts[name].result, ("fact", name))
            case ir.Builtin(name, arguments, type):
                for i, argument in enumerate(arguments):
                    # Two uses of one name may differ in type: each type has its own class. But
                    # texts with and without a pattern are compared, as keys of one name.
                    alike = rebuilt(argument.type, _unbounded)
                    path: AbstractPath = ("argument", name, i, alike)
                    self.meet(self.shape(argument.type, path), self.read(argument))
                return self.shape(type, ("builtin", name, type))
            case ir.WhenPresent(optional, var, body):
                self.variables[var.slot] = self.read(optional)
                return self.read(body)
            case ir.Present(operand) | ir.Not(operand) | ir.Negate(operand):
                self.read(operand)
                return None
            case ir.Unwrap(operand) | ir.Some(operand):
                return self.read(operand)
            case ir.Coalesce(optional, default):
                return self.meet(self.read(optional), self.read(default))
            case ir.JsonPath(document, steps):
                shape = self.read(document)
                if not isinstance(shape, _Json):
                    return _Json(())
                walked = tuple(("step", s) for s in steps)
                return _Json(tuple((*path, *walked) for path in shape.paths))
            case ir.JsonAs(document, type):
                shape = self.read(document)
                found: _Shape = self._constant(type.inner)
                for path in shape.paths if isinstance(shape, _Json) else ():
                    read = self.shape(type.inner, (*path, ("as", type.inner)))
                    found = self.meet(found, read)
                return found
            case ir.And(operands) | ir.Or(operands) | ir.Pick(_, operands):
                for operand in operands:
                    self.read(operand)
                return None
            case ir.If(condition, consequence, alternative):
                self.read(condition)
                return self.meet(self.read(consequence), self.read(alternative))
            case ir.Equal(left, right) | ir.Subset(left, right):
                self.meet(self.read(left), self.read(right))
                return None
            case ir.Less(left, right):
                self.sequence(self.meet(self.read(left), self.read(right)))
                return None
            case ir.Arithmetic(_, left, right):
                self.read(left)
                self.read(right)
                return None
            case ir.ClockPart(_, operand):
                self.read(operand)
                return None
            case ir.Concat(operands):
                for operand in operands:
                    self.sequence(self.read(operand))
                return _Class(sequence=True)
            case ir.TextTest(_, text, part):
                self.sequence(self.read(text))
                self.sequence(self.read(part))
                return None
            case ir.Matches(text) | ir.Length(text):
                self.sequence(self.read(text))
                return None
            case ir.MakeList(items):
                element = self._constant(e.type.element) if isinstance(e.type, ListType) else None
                for item in items:
                    element = self.meet(element, self.read(item))
                return _Items(element)
            case ir.MakeRecord(fields):
                return _Fields({name: self.read(value) for name, value in fields})
            case ir.ListConcat(operands):
                shape = _Items(None)
                for operand in operands:
                    self.meet(shape, self.read(operand))
                return shape
            case ir.Contains(item, collection):
                found, inside = self.read(item), self.read(collection)
                if isinstance(inside, _Items):
                    self.meet(found, inside.key if _is_map(collection.type) else inside.element)
                return None
            case ir.Lookup(collection, key):
                inside, found = self.read(collection), self.read(key)
                if isinstance(inside, _Items):
                    self.meet(found, inside.key)
                    return inside.element
                return None
            case ir.End(_, collection):
                inside = self.read(collection)
                return inside.element if isinstance(inside, _Items) else None
            case ir.Distinct(collection):
                return self.read(collection)
            case ir.Flatten(lists):
                outer = self.read(lists)
                return outer.element if isinstance(outer, _Items) else None
            case ir.Adjacent(collection):
                inside = self.read(collection)
                element = inside.element if isinstance(inside, _Items) else None
                return _Items(_Fields({"first": element, "second": element}))
            case ir.Entries(collection):
                inside = self.read(collection)
                if not isinstance(inside, _Items):
                    return None
                if self.constrained:
                    # A solver that picks the keys must pick them in order.
                    self.sequence(inside.key)
                return _Items(_Fields({"key": inside.key, "value": inside.element}))
            case ir.Quantifier(_, var, collection, body):
                self.over(var, collection)
                self.read(body)
                return None
            case ir.Count(var, collection, body) | ir.Sum(var, collection, body):
                self.over(var, collection)
                self.read(body)
                return None
            case ir.Extremum(_, var, collection, body):
                self.over(var, collection)
                self.sequence(self.read(body))
                return None
            case ir.ListComp(var, collection, condition, element_of):
                self.over(var, collection)
                if condition is not None:
                    self.read(condition)
                return _Items(self.read(element_of))
            case ir.TableRead(_, keys):
                for key in keys:
                    self.read(key)
                return self._constant(e.type)
            case _:
                assert_never(e)

    def _constant(self, type: Type) -> _Shape:
        """A fresh shape, of a value that no place holds."""
        match type:
            case StringType():
                return _Class()
            case OptionalType(inner):
                return self._constant(inner)
            case RecordType():
                return _Fields({f.name: self._constant(f.type) for f in type.fields})
            case ListType():
                return _Items(self._constant(type.element))
            case MapType():
                return _Items(self._constant(type.value), self._constant(type.key))
            case _:
                return None


def _is_map(type: Type) -> bool:
    inner = type.inner if isinstance(type, OptionalType) else type
    return isinstance(inner, MapType)
