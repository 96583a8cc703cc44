"""The meaning of IR expressions as symbolic values.

In: an expression, with its variables bound. Out: its symbolic value; and, gathered on the way, the
conditions under which evaluation meets a wrong type (`refusals`). Soundness here: for every world
of the declared types, binding the leaves of the result gives the value that `ir` states, where all
lists that are read are known and within capacity; where a list is unknown, the result of folding
it is a free value of its type.

Evaluation is left to right and stops early, which only wrong types can tell: refusals stand under
the conditions under which evaluation comes to them, each condition once for all below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import reduce
from typing import assert_never, cast

from .. import ir
from ..types import (
    BOOL,
    BoolType,
    EnumType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
    Value,
)
from ..walking import walk
from .arithmetic import Numbers
from .constants import ConstantDocument
from .failures import EncodingFault
from .listing import Again, Listing
from .optionals import Optionals
from .patterns import language
from .places import grow
from .sites import Sites
from .soil import Aspect, Place, Soil, Spot
from .symbolic import (
    Document,
    Entries,
    Number,
    Optional,
    Record,
    Sequence,
    Symbolic,
    Text,
)
from .templates import Templates
from .terms import Term


@dataclass(eq=False)
class Reader:
    """Reads the expressions of one tool's rules; `variables` and `refusals` are per rule."""

    soil: Soil
    sites: Sites
    root_types: Mapping[str, Type]
    facts: Mapping[str, ir.FactSignature]
    transitions: tuple[tuple[int, int], ...]
    roots: dict[str, Place] = field(default_factory=dict)
    params: dict[str, Place] = field(default_factory=dict)
    free_places: list[Place] = field(default_factory=list)
    variables: dict[int, Symbolic] = field(default_factory=dict)
    refusals: list[Term] = field(default_factory=list)
    #: Whether the rule at hand may meet a wrong type at all.
    tracking: bool = False
    #: Whether what is read now is read over a template's places.
    templating: bool = False

    def __post_init__(self) -> None:
        self.t = self.soil.terms
        self.algebra = self.soil.algebra
        self._may_refuse: dict[int, bool] = {}
        self.numbers = Numbers(self.algebra, self.transitions)
        self.templates = Templates(self)
        self.listing = Listing(self, self.algebra)
        self.optionals = Optionals(self, self.algebra)
        self._languages: dict[str, Term] = {}
        self._clocks = {self.transitions: self.numbers}
        #: Where equal folds share a value: what each came to and refused, and what its key names.
        self.folds: dict[object, tuple[Symbolic, list[Term], object]] | None = None

    def set_clock(self, transitions: tuple[tuple[int, int], ...]) -> None:
        """Read clock parts in another zone from here on."""
        if transitions not in self._clocks:
            self._clocks[transitions] = Numbers(self.algebra, transitions)
        self.transitions = transitions
        self.numbers = self._clocks[transitions]

    # --- refusals and free values --------------------------------------------------------------

    def refuses(self, e: ir.Expr) -> bool:
        """Whether a wrong type may be met in an expression."""
        known = self._may_refuse.get(id(e))
        if known is None:
            known = isinstance(e, ir.JsonPath | ir.JsonAs) or any(map(self.refuses, operands(e)))
            self._may_refuse[id(e)] = known
        return known

    @contextmanager
    def apart(self) -> Iterator[list[Term]]:
        """Collect the refusals met inside apart from the others."""
        before, self.refusals = self.refusals, []
        try:
            yield self.refusals
        finally:
            self.refusals = before

    @contextmanager
    def under(self, condition: Term) -> Iterator[None]:
        """Evaluate only where `condition` holds too."""
        if not self.tracking:
            yield
            return
        with self.apart() as inside:
            yield
        if inside:
            self.refuse(self.t.and_((condition, self.t.or_(inside))))

    def again(self, *, with_sites: bool = False) -> Again:
        """What reads something later as it would be read now, and refuses nothing. `with_sites`:
        also where a template is made meanwhile, of which it is no part."""
        variables, sites = dict(self.variables), self.sites

        def read(make: Callable[[Sequence], Sequence], xs: Sequence) -> Sequence:
            before, here = self.variables, self.sites
            self.variables = dict(variables)
            self.sites = sites if with_sites else here
            try:
                with self.apart():
                    return make(xs)
            finally:
                self.variables, self.sites = before, here

        return read

    def in_turn(self, steps: list[tuple[list[Term], Term]]) -> None:
        """Evaluate steps, each only where those before it went on: the refusals met in each, and
        whether it goes on. Every step stands in the term once, and no deeper than it has to."""
        if any(inside for inside, _ in steps):
            self.refuse(self._in_turn(steps, last=True)[0])

    def _in_turn(self, steps: list[tuple[list[Term], Term]], *, last: bool) -> tuple[Term, Term]:
        """Whether some step refuses, and, unless they are the last ones, whether all go on."""
        t = self.t
        if len(steps) == 1:
            [(inside, goes_on)] = steps
            return t.or_(inside), goes_on
        half = len(steps) // 2
        wrong, goes_on = self._in_turn(steps[:half], last=False)
        later, ends = self._in_turn(steps[half:], last=last)
        wrong = t.or_((wrong, t.and_((goes_on, later))))
        return wrong, t.true if last else t.and_((goes_on, ends))

    def refuse(self, condition: Term) -> None:
        """Evaluation meets a wrong type where it comes here and `condition` holds."""
        self.refusals.append(condition)

    def free(self, type: Type) -> Symbolic:
        """Any value of a type; it stands for what is not known."""
        index = len(self.free_places)
        spot = Spot(type, (Aspect.free, index), (Aspect.free, index), None)
        self.free_places.append(grow(self.soil, spot))
        return self.free_places[-1].value()

    def unless_unknown(
        self, unknown: Term, type: Type, refusing: bool, known: Symbolic
    ) -> Symbolic:
        """`known`, but a free value where the collection that was folded is unknown."""
        if unknown is self.t.false:
            return known
        if refusing:
            self.refuse(self.t.and_((unknown, cast(Term, self.free(BOOL)))))
        return self.algebra.ite(unknown, self.free(type), known)

    # --- expressions by kind of value ----------------------------------------------------------

    def truth(self, e: ir.Expr) -> Term:
        return cast(Term, self.read(e))

    def number(self, e: ir.Expr) -> Number:
        return cast(Number, self.read(e))

    def text(self, e: ir.Expr) -> Text:
        return cast(Text, self.read(e))

    def optional(self, e: ir.Expr) -> Optional:
        return cast(Optional, self.read(e))

    def read(self, e: ir.Expr) -> Symbolic:
        """The symbolic value of an expression."""
        match e:
            case ir.Const(value, type):
                return self.constant(value, type)
            case ir.Param(name, type):
                if name not in self.params:
                    spot = Spot(type, ("params", name), ("params", name), None)
                    self.params[name] = grow(self.soil, spot)
                return self.params[name].value()
            case ir.Root(name):
                return self._root(name)
            case ir.Var(slot):
                return self.variables[slot]
            case ir.GetField(record, name):
                return cast(Record, self.read(record)).field(name)
            case ir.Fact(name, keys):
                signature = self.facts[name]
                kinds = tuple(kind for _, kind in signature.params)
                values = tuple(self._key(k) for k in keys)
                return self.sites.at("fact", name, values, kinds, signature.result).place.value()
            case ir.Builtin(name, arguments, type):
                values = tuple(self._key(a) for a in arguments)
                kinds = tuple(a.type for a in arguments)
                return self.sites.at("builtin", name, values, kinds, type).place.value()
            case (
                ir.WhenPresent()
                | ir.Present()
                | ir.Unwrap()
                | ir.Coalesce()
                | ir.Some()
                | ir.JsonPath()
                | ir.JsonAs()
            ):
                return self.optionals.read(e)
            case ir.Not(operand):
                return self.t.not_(self.truth(operand))
            case ir.And(parts):
                return self.t.and_(self._stopping(parts, lambda held: held))
            case ir.Or(parts):
                return self.t.or_(self._stopping(parts, self.t.not_))
            case ir.If(condition, consequence, alternative):
                c = self.truth(condition)
                with self.under(c):
                    a = self.read(consequence)
                with self.under(self.t.not_(c)):
                    b = self.read(alternative)
                return self.algebra.ite(c, a, b)
            case ir.Equal(left, right):
                return self.algebra.equal(self.read(left), self.read(right))
            case ir.Less(left, right, strict):
                return self.less(self.read(left), self.read(right), strict)
            case ir.Negate(operand):
                return self.numbers.negate(self.number(operand))
            case ir.Pick(op, parts):
                numbers = [self.number(p) for p in parts]
                return reduce(lambda a, b: self.numbers.better(op == "min", a, b), numbers)
            case ir.ClockPart(part, operand):
                return self.numbers.clock_part(part, self.number(operand).term, operand.type)
            case ir.Arithmetic(op, left, right):
                return self.numbers.apply(op, self.number(left), self.number(right))
            case ir.Concat(parts):
                terms = [self.text(p).seq() for p in parts]
                joined = self.t.concat(terms)
                return Text(None, lambda: joined)
            case ir.TextTest(test, text, inner):
                a, b = self.text(text).seq(), self.text(inner).seq()
                if test == "contains":
                    return self.t.contains(a, b)
                return self.t.prefix(b, a) if test == "startswith" else self.t.suffix(b, a)
            case ir.Matches(text, pattern):
                if pattern not in self._languages:
                    self._languages[pattern] = language(self.t, pattern)
                return self.t.in_re(self.text(text).seq(), self._languages[pattern], pattern)
            case ir.TableRead(_, keys, rows):
                return self._table(tuple(self.read(k) for k in keys), keys, rows, e.type)
            case (
                ir.MakeList()
                | ir.MakeRecord()
                | ir.ListConcat()
                | ir.Length()
                | ir.Contains()
                | ir.Subset()
                | ir.Lookup()
                | ir.End()
                | ir.Flatten()
                | ir.Distinct()
                | ir.Adjacent()
                | ir.Entries()
                | ir.Quantifier()
                | ir.Count()
                | ir.Sum()
                | ir.Extremum()
                | ir.ListComp()
            ):
                if self.folds is None or self.templating:
                    return self.listing.read(e)
                return self._shared(e)
            case _:
                assert_never(e)

    def _shared(self, e: ir.Expr) -> Symbolic:
        """What a fold comes to; the same object for an equal one over the same values. Each rule
        that it stands in refuses what it refuses."""
        assert self.folds is not None
        outer = [self.variables[slot] for slot in free_slots(e)]
        # As text: a constant document has no hash.
        key = (repr(e), self.transitions, self.tracking, *map(id, outer))
        known = self.folds.get(key)
        if known is None:
            with self.apart() as refused:
                value = self.listing.read(e)
            known = self.folds[key] = (value, refused, outer)
        for condition in known[1]:
            self.refuse(condition)
        return known[0]

    def _key(self, e: ir.Expr) -> Symbolic:
        """What a fact or a function is given; of a document its content."""
        value = self.read(e)
        return value.content() if isinstance(value, Document) else value

    def _stopping(self, parts: tuple[ir.Expr, ...], goes_on: Callable[[Term], Term]) -> list[Term]:
        """The operands of `and` / `or`, each evaluated only where the ones before let it."""
        if not any(map(self.refuses, parts)):
            return [self.truth(p) for p in parts]
        terms: list[Term] = []
        steps: list[tuple[list[Term], Term]] = []
        for part in parts:
            with self.apart() as inside:
                terms.append(self.truth(part))
            steps.append((inside, goes_on(terms[-1])))
        self.in_turn(steps)
        return terms

    def _root(self, name: str) -> Symbolic:
        if name not in self.roots:
            if name not in self.root_types:
                raise EncodingFault(f"a rule reads the root {name}")
            spot = Spot(self.root_types[name], (name,), (name,), None)
            self.roots[name] = grow(self.soil, spot)
        return self.roots[name].value()

    # --- constants -----------------------------------------------------------------------------

    def constant(self, value: Value, type: Type) -> Symbolic:
        """A run-time value as a symbolic one."""
        match type:
            case OptionalType(inner):
                if value is None:
                    return Optional(self.t.false, None)
                return Optional(self.t.true, lambda: self.constant(value, inner))
            case BoolType():
                return self.t.boolean(cast(bool, value))
            case StringType():
                return self.algebra.text(cast(str, value))
            case EnumType(_, labels):
                return Number(self.t.integer(labels.index(cast(str, value))))
            case RecordType():
                record = cast(dict[str, Value], value)
                return Record(
                    {
                        f.name: lambda f=f: self.constant(record[f.name], f.type)  # type: ignore[misc]
                        for f in type.fields
                    }
                )
            case ListType(element):
                items = [
                    (self.t.true, self.constant(v, element)) for v in cast(tuple[Value], value)
                ]
                return Sequence(lambda: items, self.t.false, True, self.t.integer(len(items)))
            case MapType(key, inner):
                record = cast(dict[str, Value], value)
                pairs = [
                    (self.t.true, self.constant(k, key), self.constant(record[k], inner))
                    for k in sorted(record)
                ]
                return Entries(lambda: pairs, self.t.false, self.t.integer(len(pairs)))
            case JsonType():
                return ConstantDocument(self, value)
            case _:
                number = Fraction(cast(int, value))
                return Number(self.t.integer(number.numerator), number.denominator)

    # --- comparison ----------------------------------------------------------------------------

    def less(self, a: Symbolic, b: Symbolic, strict: bool) -> Term:
        if isinstance(a, Text) and isinstance(b, Text):
            if strict:
                return self.t.not_(self._text_le(b.seq(), a.seq()))
            return self._text_le(a.seq(), b.seq())
        return self.algebra.compare(cast(Number, a), cast(Number, b), strict)

    def _text_le(self, a: Term, b: Term) -> Term:
        """Z3 5.4 evaluates `str.<=` with an empty side only to an equation; so say it apart."""
        t = self.t
        empty = t.text("")
        less = t.and_((t.not_(t.eq(b, empty)), t.str_le(a, b)))
        return t.or_((t.eq(a, empty), less))

    # --- tables --------------------------------------------------------------------------------

    def _table(
        self,
        keys: tuple[Symbolic, ...],
        sources: tuple[ir.Expr, ...],
        rows: tuple[tuple[tuple[Value | None, ...], Value], ...],
        type: Type,
    ) -> Symbolic:
        values = [self.constant(value, type) for _, value in rows]
        if all(isinstance(v, Number) for v in values):
            terms, scale = self.algebra.level(cast(list[Number], values))
            values = [Number(term, scale) for term in terms]
        kind = sources[0].type
        if isinstance(kind, EnumType) and [k for k, _ in rows] == [(n,) for n in kind.labels]:
            return self._by_code(cast(Number, keys[0]).term, values, 0)
        # Rows are complete over the keys' types: where no other row fits, the last one does.
        result = values[-1]
        for (pattern, _), value in zip(reversed(rows[:-1]), reversed(values[:-1]), strict=True):
            fits = [
                self.algebra.equal(key, self.constant(wanted, source.type))
                for key, source, wanted in zip(keys, sources, pattern, strict=True)
                if wanted is not None
            ]
            result = self.algebra.ite(self.t.and_(fits), value, result)
        return result

    def _by_code(self, code: Term, values: list[Symbolic], first: int) -> Symbolic:
        """The value of a label's code, `first` being that of the first value: found by halves, so
        that a thousand labels are ten steps deep."""
        if len(values) == 1:
            return values[0]
        half = len(values) // 2
        below = self.t.lt(code, self.t.integer(first + half))
        return self.algebra.ite(
            below,
            self._by_code(code, values[:half], first),
            self._by_code(code, values[half:], first + half),
        )


def free_slots(e: ir.Expr) -> list[int]:
    """The variables that an expression reads and does not bind, in the order of their slots."""
    nodes = list(walk(e))
    bound = {node.var.slot for node in nodes if hasattr(node, "var")}
    return sorted({node.slot for node in nodes if isinstance(node, ir.Var)} - bound)


def operands(e: object) -> Iterator[ir.Expr]:
    """The expressions directly within an expression."""
    for f in fields(e):  # type: ignore[arg-type]
        yield from _expressions(getattr(e, f.name))


def _expressions(value: object) -> Iterator[ir.Expr]:
    if isinstance(value, ir.Expr):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _expressions(item)
