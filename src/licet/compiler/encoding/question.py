"""What a solver in another process is asked about one world.

`text` declares a constant per leaf, asserts what every world keeps to, and defines `allowed`,
`pending` and, per rule in order, `r0_applies`, `r0_absent`, `r0_wrong`. It asserts nothing of this
world but what its builtins answer: known leaves are fixed by who asks.

Soundness here: with the known leaves fixed, every world that agrees with the given one gives a
model of the text, with these definitions as the evaluator has them. If the question is `exact`,
every model gives such a world too. A question that is `bounded` only speaks of worlds whose
unknown lists are at most that long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import cast

from ..builtins import BUILTINS
from ..lowering import Theories
from ..types import StringType, Type, Value
from ..world import UNKNOWN, Path, World
from .binding import Bound, Codes, Numerals, Prepared, ReshapeError, checked_text
from .constraints import Constraints, mirror, recorded
from .documents import document_of, document_text, text_fits
from .failures import EncodingFault, EncodingLimit
from .library import Context
from .places import Aspect, Capacity, Variable
from .rebuilding import Rebuilder, letters
from .rules import Encoding, Surroundings, encode
from .shapes import bucket, capacity, may_be_open
from .sites import Site
from .smtlib import Printer, literal, read_literal, symbol
from .symbolic import Document, Symbolic
from .terms import Sort, Term

#: Pairs of places that a question may say are equal.
PAIR_LIMIT = 5_000


@dataclass(frozen=True, slots=True)
class Leaf:
    """One constant of a question.

    `path` is where it stands in a world, ending in an `Aspect` where it is not the value itself
    but its presence or length. `known`: this world has it, as `literal`. What builtins return is
    never known: it follows from their arguments, in the text. `type` is None for aspects.
    """

    symbol: str
    path: Path
    sort: Sort
    type: Type | None
    known: bool
    literal: str | None


class Question:
    """See the module. `world` needs the encoder's thread, and the encoder to be open."""

    def __init__(
        self,
        roots: Mapping[str, Type],
        encoding: Encoding,
        context: Context,
        codes: Codes,
        world: World,
        text: str,
        leaves: tuple[Leaf, ...],
        texts: dict[str, int],
        exact: bool,
    ) -> None:
        self.text = text
        self.leaves = leaves
        self.exact = exact
        self._roots = roots
        self._encoding = encoding
        self._context = context
        self._codes = codes
        self._world = world
        self._texts = texts
        self._by_code = {code: text for text, code in texts.items()}

    def literal(self, leaf: Leaf, value: Value) -> str:
        """The SMT-LIB text of a run-time value of a leaf. Raises EncodingError."""
        variable = self._variable(leaf)
        return literal(_encoded(variable, value, self._code), variable.sort)

    def value(self, leaf: Leaf, text: str) -> Value:
        """The run-time value that a solver's text says. Raises ValueError or EncodingError.

        A number that stands for no text of the question becomes a text of the leaf's type that
        occurs nowhere else; the same one each time.
        """
        variable = self._variable(leaf)
        raw = read_literal(text, variable.sort)
        match variable.codec:
            case "bool" | "int" | "real":
                return _whole(raw)
            case "scaled":
                return _whole(Fraction(cast(int, raw), variable.scale))
            case "enum":
                index = cast(int, raw)
                if not 0 <= index < len(variable.labels):
                    raise EncodingFault("no label of an enum")
                return variable.labels[index]
            case "seq":
                return checked_text(cast(str, raw))
            case "code":
                return self._text(cast(int, raw), variable.type)
            case "document":
                return self._document(cast(int, raw))

    def world(self, assignments: Mapping[Path, Value]) -> World:
        """A complete world: leaves as assigned, others as known, the rest plain.

        Raises EncodingError where the assignments describe no world.
        """
        chosen: dict[Variable, Value] = {}
        for leaf, variable in zip(self.leaves, self._encoding.soil.variables, strict=True):
            if leaf.path in assignments:
                chosen[variable] = assignments[leaf.path]
        return _Rebuilding(self, Rebuilder(lambda v: chosen.get(v, UNKNOWN))).world()

    # --- inside --------------------------------------------------------------------------------

    def _variable(self, leaf: Leaf) -> Variable:
        return self._encoding.soil.variables[int(leaf.symbol[1:])]

    def _code(self, text: str) -> int:
        code = self._texts.get(text)
        if code is None:
            code = -1 - len(self._texts)
            while code in self._by_code:
                code -= 1
            self._texts[text] = code
            self._by_code[code] = text
        return code

    def _document(self, code: int) -> Value:
        """The document of a code; for one that stands for none, a text that stands nowhere else."""
        number = 1
        while code not in self._by_code:
            text = document_text(letters(number))
            if text not in self._texts:
                self._texts[text] = code
                self._by_code[code] = text
            number += 1
        return document_of(self._by_code[code])

    def _text(self, code: int, type: Type | None) -> str:
        found = self._by_code.get(code)
        if found is not None:
            return found
        kind = type if isinstance(type, StringType) else StringType()
        for number in range(1, 100_000):
            text = letters(number)
            text = "x" * (kind.min_length - len(text)) + text
            if text not in self._texts and text_fits(text, kind):
                self._texts[text] = code
                self._by_code[code] = text
                return text
        raise EncodingFault("no further text of a type was found")


class _Rebuilding:
    """Rebuilds a world: roots first, then each site at the keys that this gives it."""

    def __init__(self, question: Question, rebuilder: Rebuilder) -> None:
        self._q = question
        self._rebuilder = rebuilder
        before = question._world
        self._made = World(before.tool, {})
        encoding = question._encoding
        for name, kind in question._roots.items():
            known = getattr(before, name)
            place = encoding.roots.get(name)
            value = (
                rebuilder.complete(known, kind) if place is None else rebuilder.build(place, known)
            )
            setattr(self._made, name, value)
        self._made.params = dict(before.params)
        for name, place in encoding.params.items():
            self._made.params[name] = rebuilder.build(place, before.params.get(name, UNKNOWN))
        self._made.facts = {name: dict(entries) for name, entries in before.facts.items()}

    def world(self) -> World:
        q = self._q
        if not q._encoding.sites:
            return self._made
        prepared = Prepared(
            q._encoding, q._encoding.terms.true, q._context, Numerals(q._context), q._codes
        )
        try:
            with _Replayed(prepared, self._made, self._fact).bind():
                return self._made
        except ReshapeError:
            raise EncodingLimit("a view of a solver's text is too long") from None
        finally:
            prepared.close()

    def _fact(self, site: Site, keys: tuple[Value, ...]) -> Value:
        """The value of a site; of a fact, put into the world."""
        if site.kind == "builtin":
            return BUILTINS[site.name].call(*keys)
        facts = cast(dict[str, dict[tuple[Value, ...], Value]], self._made.facts)
        entries = facts.setdefault(site.name, {})
        base = entries.get(keys, UNKNOWN)
        entries[keys] = self._rebuilder.build(site.place, base)
        return entries[keys]


class _Replayed(Bound):
    """Binds a rebuilt world, making up each fact when its keys are known."""

    __slots__ = ("_fact",)

    def __init__(self, prepared: Prepared, world: World, fact: object) -> None:
        super().__init__(prepared, world)
        self._fact = fact

    def look_up(self, site: Site, keys: tuple[Value, ...]) -> Value:
        return self._fact(site, keys)  # type: ignore[operator]

    def overflow(self, path: object, length: int) -> None:
        """Lists beyond what the question unrolled are the evaluator's to read."""


class _Known(Bound):
    """Binds a world as far as it is known and notes what went where."""

    __slots__ = ("exact", "values")

    def __init__(self, prepared: Prepared, world: World) -> None:
        super().__init__(prepared, world)
        self.values: dict[Variable, Value] = {}
        self.exact = True

    def put(self, variable: Variable, value: Value) -> None:
        super().put(variable, value)
        self.values[variable] = value

    def overflow(self, path: tuple[object, ...], length: int) -> None:
        if length >= 0:
            super().overflow(path, length)
        self.exact = False

    def open_document(self) -> None:
        self.exact = False


def ask(
    around: Surroundings,
    theories: Theories,
    context: Context,
    world: World,
    bounded: int | None,
) -> Question:
    """The question about a world. Raises EncodingError."""
    grown: dict[tuple[object, ...], int] = {}
    while True:
        try:
            return _asked(around, theories, context, world, bounded, grown)
        except ReshapeError as reshape:
            if reshape.length <= grown.get(reshape.path, -1):
                raise EncodingFault("a list does not fit its capacity") from None
            grown[reshape.path] = bucket(reshape.length)


def _asked(
    around: Surroundings,
    theories: Theories,
    context: Context,
    world: World,
    bounded: int | None,
    grown: Mapping[tuple[object, ...], int],
) -> Question:
    def look(path: tuple[object, ...]) -> Capacity:
        if path[0] is Aspect.free:
            return Capacity(0)
        found = capacity(path, world)
        elements = max(found.elements or 0, grown.get(path, 0))
        if bounded is not None and may_be_open(path, found):
            elements = max(elements, bounded)
        return Capacity(elements)

    # Codes are the question's own: nothing that it names stays with the encoder.
    codes = Codes()
    own = replace(around, code_of=codes.fixed)
    encoding = encode(own, theories.is_sequence, look, long_is_unknown=bounded is None)
    for a, b in _pairs(encoding.sites):
        mirror(a.place, b.place)
        mirror(b.place, a.place)
    prepared = Prepared(encoding, encoding.terms.true, context, Numerals(context), codes)
    try:
        bound = _Known(prepared, world)
        with bound.bind():
            return _Writing(
                around.roots, encoding, context, codes, world, bounded, bound
            ).question()
    finally:
        prepared.close()
        prepared.numerals.clear()


def _pairs(sites: tuple[Site, ...]) -> list[tuple[Site, Site]]:
    """Pairs of sites that have equal values if they have equal keys."""
    found = [
        (a, b)
        for a, b in combinations(sites, 2)
        if (a.kind, a.name, a.place.spot.type) == (b.kind, b.name, b.place.spot.type)
    ]
    if len(found) > PAIR_LIMIT:
        raise EncodingLimit("too many facts of one name for a question")
    return found


class _Writing:
    """Writes one question, with the known part of its world bound."""

    def __init__(
        self,
        roots: Mapping[str, Type],
        encoding: Encoding,
        context: Context,
        codes: Codes,
        world: World,
        bounded: int | None,
        bound: _Known,
    ) -> None:
        self._roots = roots
        self._e = encoding
        self._context = context
        self._codes = codes
        self._world = world
        self._bounded = bounded
        self._bound = bound

    def question(self) -> Question:
        values = dict(self._bound.values)
        for variable, value in values.items():
            if variable.codec == "code":
                self._codes.fixed(cast(str, value))
            elif variable.codec == "document":
                self._codes.fixed(document_text(value))
        asserted = self._asserted()
        e = self._e
        named: dict[str, Term] = {"allowed": e.allowed, "pending": e.pending}
        for i, rule in enumerate(e.rules):
            named[f"r{i}_applies"] = rule.applies
            named[f"r{i}_absent"] = rule.absent
            named[f"r{i}_wrong"] = rule.wrong
        # Constraints may have grown further leaves (the kinds of documents).
        variables = e.soil.variables
        printer = Printer((*asserted, *named.values()))
        lines = [f"(declare-const {symbol(v.index)} {v.sort})" for v in variables]
        lines += printer.lines
        lines += [f"(assert {printer.text(term)})" for term in asserted]
        lines += [
            f"(define-fun {name} () Bool {printer.text(term)})" for name, term in named.items()
        ]
        texts = self._codes.all()
        leaves = tuple(self._leaf(v, texts) for v in variables)
        return Question(
            self._roots,
            e,
            self._context,
            self._codes,
            self._world,
            "\n".join(lines) + "\n",
            leaves,
            texts,
            self._exact(),
        )

    def _leaf(self, variable: Variable, texts: dict[str, int]) -> Leaf:
        value = self._bound.values.get(variable, UNKNOWN)
        derived = variable.owner is not None and self._e.sites[variable.owner].kind == "builtin"
        known = value is not UNKNOWN and not derived
        text = None
        if known:
            text = literal(_encoded(variable, value, texts.__getitem__), variable.sort)
        return Leaf(
            symbol(variable.index),
            self._path(variable),
            variable.sort,
            variable.type,
            known,
            text,
        )

    def _path(self, variable: Variable) -> Path:
        """The variable's path, with its site's keys where they are known and no other site's."""
        if variable.owner is None:
            return variable.path
        site = self._e.sites[variable.owner]
        keys = self._bound.known[site.index]
        if keys is None or any(
            other.name == site.name and self._bound.known[other.index] == keys
            for other in self._e.sites[: site.index]
        ):
            return variable.path
        return (site.name, keys, *variable.path[2:])

    def _exact(self) -> bool:
        """Whether no list, document or view is open. Free values then stand behind lists that
        are too long, which no known one is."""
        if not self._bound.exact:
            return False
        return all(
            self._bound.known[site.index] is not None
            for site in self._e.sites
            if site.kind == "builtin"
        )

    # --- assertions ----------------------------------------------------------------------------

    def _asserted(self) -> tuple[Term, ...]:
        e, t = self._e, self._e.terms
        constraints = Constraints(e.soil, self._bounded is not None, self._codes.all)
        # First what names texts, so that the types can exclude those that do not fit.
        found: list[Term] = []
        for site in e.sites:
            found.extend(self._entries(site))
        for a, b in _pairs(e.sites):
            equal = self._keys_equal(a, b)
            found.extend(t.implies(equal, part) for part in constraints.same(a.place, b.place))
        for place in (*e.roots.values(), *e.params.values(), *(s.place for s in e.sites)):
            found.extend(constraints.types(place, t.true))
        for place in e.free_places:
            found.extend(constraints.types(place, t.true))
        return tuple(dict.fromkeys(term for term in found if term is not t.true))

    def _keys_equal(self, a: Site, b: Site) -> Term:
        equal = self._e.soil.algebra.equal
        return self._e.terms.and_(equal(x, y) for x, y in zip(a.keys, b.keys, strict=True))

    def _entries(self, site: Site) -> list[Term]:
        """What is known of a name at known keys, as far as the site's own keys do not tell."""
        t, e = self._e.terms, self._e
        known = self._bound.known[site.index]
        entries: Iterable[tuple[tuple[Value, ...], Value]]
        if site.kind == "builtin":
            if known is None:
                return []
            entries = ((known, BUILTINS[site.name].call(*known)),)
        elif known is not None:
            return []
        else:
            entries = self._world.facts.get(site.name, {}).items()
        found: list[Term] = []
        for keys, value in entries:
            here = t.and_(
                e.soil.algebra.equal(key, _key_constant(e, wanted, type))
                for key, wanted, type in zip(site.keys, keys, site.key_types, strict=True)
            )
            for variable, chosen in recorded(site.place, value).values.items():
                raw = _encoded(variable, chosen, self._codes.fixed)
                term = _term(e, variable, raw)
                found.append(t.implies(here, t.eq(variable.term, term)))
        return found


def _key_constant(e: Encoding, wanted: Value, type: Type) -> Symbolic:
    value = e.constant(wanted, type)
    return value.content() if isinstance(value, Document) else value


def _term(e: Encoding, variable: Variable, raw: bool | int | Fraction | str) -> Term:
    match variable.sort:
        case "Bool":
            return e.terms.boolean(bool(raw))
        case "String":
            return e.terms.text(str(raw))
        case sort:
            return e.terms.number(cast(Fraction, raw), sort)


def _encoded(variable: Variable, value: Value, code_of: object) -> bool | int | Fraction | str:
    """A run-time value as one of the variable's sort. Raises EncodingError."""
    match variable.codec:
        case "bool" if isinstance(value, bool):
            return value
        case "int" if isinstance(value, int) and not isinstance(value, bool):
            return value
        case "scaled" | "real" if isinstance(value, int | Fraction):
            scaled = Fraction(value) * (variable.scale or 1)
            if variable.codec == "real":
                return Fraction(value)
            if scaled.denominator == 1:
                return scaled.numerator
        case "enum" if value in variable.labels:
            return variable.labels.index(value)
        case "code" if isinstance(value, str):
            return cast(int, code_of(value))  # type: ignore[operator]
        case "seq" if isinstance(value, str):
            return checked_text(value)
        case "document":
            return cast(int, code_of(document_text(value)))  # type: ignore[operator]
    raise EncodingFault(f"a value that is none of {variable.type}")


def _whole(raw: object) -> Value:
    if isinstance(raw, Fraction) and raw.denominator == 1:
        return raw.numerator
    return raw
