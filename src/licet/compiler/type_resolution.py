"""Written types → types: names resolved, ranges, steps and patterns checked."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from licet.policy_lang import Note, Span, ast

from . import ir
from .gathering import Entry, Unit
from .names import suggestion
from .regex import RegexError, parse
from .reporting import Reporter
from .resolution import BUILT_IN_TYPES, Index
from .types import (
    BOOL,
    DATE,
    DURATION,
    JSON,
    TIME,
    WEEKDAY,
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
)
from .typing_rules.agreement import POISON, is_poisoned

SIMPLE: dict[str, Type] = {
    "Bool": BOOL,
    "Date": DATE,
    "Time": TIME,
    "Duration": DURATION,
    "Json": JSON,
    "Weekday": WEEKDAY,
}

#: Works out a constant expression; None (and an error) where it is none.
Constant = Callable[[ast.Expr, Unit], "ir.Const | None"]


class Types:
    """The types that a policy declares, each worked out when it is first asked for."""

    def __init__(self, index: Index, constant: Constant, reporter: Reporter) -> None:
        self._index = index
        self._constant = constant
        self._reporter = reporter
        self._named: dict[Entry, Type | None] = {}

    def resolve(self, node: ast.TypeExpr, unit: Unit) -> Type:
        """The type that was written; `POISON` (and an error) where it is wrong."""
        match node:
            case ast.NamedType():
                return self._name(node, unit)
            case ast.RecordType(fields=fields):
                return self.record("", fields, unit)
            case ast.ListType(element=element):
                inner = self.resolve(element, unit)
                return POISON if is_poisoned(inner) else ListType(inner)
            case ast.OptionalType(inner=optional):
                return OptionalType.of(self.resolve(optional, unit))
            case ast.MapType(key=key_node, value=value_node):
                key, value = self.resolve(key_node, unit), self.resolve(value_node, unit)
                if is_poisoned(key) or is_poisoned(value):
                    return POISON
                if not isinstance(key, StringType | EnumType):
                    self._reporter.error(
                        "LIC111",
                        f"a map's keys are text or labels, not `{key}`",
                        key_node.span,
                        "write `Map<String, …>`, or a list of records",
                    )
                    return POISON
                return MapType(key, value)

    def record(self, name: str, fields: tuple[ast.FieldDecl, ...], unit: Unit) -> RecordType:
        """A record; a field that is declared wrongly is poisoned."""
        found: dict[str, Field] = {}
        spans: dict[str, Span] = {}
        for field in fields:
            if field.name in found:
                self._reporter.error(
                    "LIC102",
                    f"the field `{field.name}` is declared twice",
                    field.span,
                    "keep one of the two",
                    (Note("first declared here", spans[field.name]),),
                )
                continue
            spans[field.name] = field.span
            found[field.name] = Field(field.name, self.resolve(field.type, unit))
        return RecordType(name, tuple(found.values()))

    def named(self, entry: Entry) -> Type:
        """A declared enum or record."""
        if entry in self._named:
            known = self._named[entry]
            if known is not None:
                return known
            self._reporter.error(
                "LIC105",
                f"the record `{entry.name}` contains itself",
                entry.span,
                "refer to the other record by its id, and read it through a fact",
            )
            return POISON
        self._named[entry] = None
        declaration = entry.declaration
        if isinstance(declaration, ast.EnumDecl):
            type_: Type = self._enum(declaration)
        else:
            assert isinstance(declaration, ast.RecordDecl)
            type_ = self.record(entry.name, declaration.fields, entry.unit)
        self._named[entry] = type_
        return type_

    def _enum(self, declaration: ast.EnumDecl) -> EnumType:
        labels = tuple(dict.fromkeys(declaration.labels))
        if len(labels) < len(declaration.labels):
            twice = next(label for label in labels if declaration.labels.count(label) > 1)
            self._reporter.error(
                "LIC102",
                f"the label `{twice}` is declared twice",
                declaration.span,
                "keep one of the two",
            )
        return EnumType(declaration.name, labels)

    def _name(self, node: ast.NamedType, unit: Unit) -> Type:
        plain = node.bounds is None and node.step is None
        if node.name in SIMPLE:
            found = SIMPLE[node.name]
        elif node.name in ("Int", "Decimal"):
            found = self._number(node, unit)
            plain = True
        elif node.name == "String":
            found = self._string(node)
        else:
            entry = self._index.find("type", node.name, unit, node.span)
            if entry is None:
                known = (*BUILT_IN_TYPES, *self._index.names("type", unit))
                self._reporter.error(
                    "LIC101",
                    f"unknown type `{node.name}`",
                    node.span,
                    suggestion(node.name, known, "declare it with `enum` or `record`"),
                )
                return POISON
            if len(self._index.candidates("type", node.name, unit)) > 1:
                return POISON
            found = self.named(entry)
        if not plain:
            self._reporter.error(
                "LIC116",
                f"a `{node.name}` has no range or step",
                node.span,
                "ranges and steps are for Int and Decimal; compare in a rule instead",
            )
        if node.pattern is not None and node.name != "String":
            self._reporter.error(
                "LIC117",
                f"a `{node.name}` has no pattern",
                node.span,
                "patterns are for String",
            )
        return found

    def _string(self, node: ast.NamedType) -> Type:
        if node.pattern is None:
            return StringType()
        try:
            parse(node.pattern)
        except RegexError as problem:
            self._reporter.error(
                "LIC117",
                f"bad pattern: {problem.message} (at character {problem.offset + 1})",
                node.span,
                "patterns match the whole text; `.` is any character; no anchors, look-around, "
                "back-references or flags",
            )
            return POISON
        return StringType(patterns=(node.pattern,))

    def _number(self, node: ast.NamedType, unit: Unit) -> Type:
        whole = node.name == "Int"
        bounds = node.bounds
        low = self._bound(bounds.low if bounds else None, unit, whole)
        high = self._bound(bounds.high if bounds else None, unit, whole)
        step = self._bound(node.step, unit, whole)
        if isinstance(low, bool) or isinstance(high, bool) or isinstance(step, bool):
            return POISON
        low_open, high_open = (bounds.low_open, bounds.high_open) if bounds else (False, False)
        if step is not None and step <= 0:
            self._reporter.error(
                "LIC116", "a step is greater than zero", node.span, "write `step 1` or `step 0.01`"
            )
            return POISON
        number = DecimalType(low, high, low_open, high_open, step, exact=True)
        if whole:
            first = None if low is None else int(low) + (1 if low_open else 0)
            last = None if high is None else int(high) - (1 if high_open else 0)
            found: Type = IntType(
                first, last, int(step) if step is not None and step != 1 else None
            )
            low = None if first is None else Fraction(first)
            high = None if last is None else Fraction(last)
            number = DecimalType(low, high, step=step, exact=True)
        else:
            found = number
        if _is_empty(number):
            self._reporter.error(
                "LIC116",
                f"no number is in `{found}`",
                node.bounds.span if node.bounds else node.span,
                "write the smaller end first: `in 0 .. 10`; a step keeps multiples of it",
            )
            return POISON
        return found

    def _bound(self, node: ast.Expr | None, unit: Unit, whole: bool) -> Fraction | bool | None:
        """A bound, None for none, False (and an error) for what is no number."""
        if node is None:
            return None
        const = self._constant(node, unit)
        if const is None:
            return False
        value = const.value
        fits = isinstance(const.type, IntType) or (
            isinstance(const.type, DecimalType) and not whole
        )
        if not fits or not isinstance(value, int | Fraction):
            self._reporter.error(
                "LIC116",
                f"a {'whole ' if whole else ''}number is wanted here, not `{const.type}`",
                node.span,
                "the ends and the step of a range are numbers of its type",
            )
            return False
        return Fraction(value)


def _is_empty(number: DecimalType) -> bool:
    if number.low is None or number.high is None:
        return False
    low, high = number.low, number.high
    if low > high or (low == high and (number.low_open or number.high_open)):
        return True
    if number.step is None:
        return False
    first = -(-low // number.step) * number.step
    if number.low_open and first == low:
        first += number.step
    return first > high or (first == high and number.high_open)
