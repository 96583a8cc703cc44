"""What a solver in another process is asked about one world.

`text` declares a constant per leaf, asserts what every world keeps to, and defines `allowed`,
`pending` and, per rule in order, `r0_applies`, `r0_absent`, `r0_wrong`. It asserts nothing of this
world but what its builtins answer: known leaves are fixed by who asks. Of it, `stem` is the same
for all worlds of a shape, and `given` are the Bool terms that this world adds: who asks a worker
sends them apart, so that the worker need not parse the stem again.

Soundness here: with the known leaves fixed, every world that agrees with the given one gives a
model of the text, with these definitions as the evaluator has them. If the question is `exact`,
every model gives such a world too. A question that is `bounded` only speaks of worlds whose
unknown lists are at most that long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import cast

from ..builtins import BUILTINS
from ..lowering import Theories
from ..types import StringType, Type, Value
from ..world import UNKNOWN, Path, World
from .binding import Bound, ReshapeError
from .codecs import Numerals, checked_text
from .constraints import recorded
from .documents import document_of, document_text, text_fits
from .failures import EncodingFault, EncodingLimit
from .inverting import inverted
from .prepared import Prepared
from .rebuilding import Rebuilder, complete, letters
from .rules import Encoding
from .shapes import bucket
from .sites import Site
from .smtlib import Printer, literal, read_literal, symbol
from .soil import Variable
from .stem import Stem, Stems
from .symbolic import Document, Symbolic, Text
from .terms import Sort, Term

#: Texts of the rules of which a question says what builtins give for them.
NAMED_LIMIT = 60


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
        stem: Stem,
        world: World,
        text: str,
        given: tuple[str, ...],
        leaves: tuple[Leaf, ...],
        texts: dict[str, int],
        exact: bool,
    ) -> None:
        self.stem = text
        self.given = given
        self.leaves = leaves
        self.exact = exact
        self._roots = stem.roots
        self._encoding = stem.encoding
        self._context = stem.prepared.context
        self._codes = stem.codes
        self._world = world
        self._texts = texts
        self._by_code = {code: text for text, code in texts.items()}
        self._documents: dict[int, Value] = {}

    @property
    def text(self) -> str:
        """The whole question."""
        return self.stem + "".join(f"(assert {term})\n" for term in self.given)

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
        chosen = inverted(self._encoding, chosen, self._codes.all())
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
        """The document of a code; for one that stands for none, a text that stands nowhere else.

        Texts have their codes in the same space, and most of them are no documents.
        """
        if code not in self._documents:
            self._documents[code] = self._known_document(code)
        return self._documents[code]

    def _known_document(self, code: int) -> Value:
        known = self._by_code.get(code)
        if known is not None:
            with suppress(ValueError, RecursionError):
                return document_of(known)
        texts = (document_text(letters(number)) for number in count(1))
        text = next(text for text in texts if text not in self._texts)
        self._texts[text] = code
        self._by_code.setdefault(code, text)
        return document_of(text)

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
            value = complete(known, kind) if place is None else rebuilder.build(place, known)
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

    @property
    def minds_open(self) -> bool:
        return True

    def overflow(self, path: object, length: int) -> None:
        """Lists beyond what the question unrolled are the evaluator's to read."""


class _Known(Bound):
    """Binds a world as far as it is known and notes what went where."""

    __slots__ = ("exact", "values")

    def __init__(self, prepared: Prepared, world: World) -> None:
        super().__init__(prepared, world)
        self.values: dict[Variable, Value] = {}
        self.exact = True

    def _bind_roots(self) -> None:
        for name, *_, place in self.prepared.roots:
            place.bind(getattr(self.world, name), self)  # all through `put`

    def put(self, variable: Variable, value: Value) -> None:
        super().put(variable, value)
        self.values[variable] = value

    @property
    def minds_open(self) -> bool:
        return True

    def overflow(self, path: tuple[object, ...], length: int) -> None:
        if length >= 0:
            super().overflow(path, length)
        self.exact = False

    def open_document(self) -> None:
        self.exact = False


def ask(stems: Stems, theories: Theories, world: World, bounded: int | None) -> Question:
    """The question about a world. Raises EncodingError."""
    grown: dict[tuple[object, ...], int] = {}
    while True:
        stem = stems.of(world, theories, bounded, grown)
        bound = _Known(stem.prepared, world)
        try:
            with bound.bind():
                return _Writing(stem, world, bound).question()
        except ReshapeError as reshape:
            if reshape.length <= grown.get(reshape.path, -1):
                raise EncodingFault("a list does not fit its capacity") from None
            grown[reshape.path] = bucket(reshape.length)


class _Writing:
    """Writes one question, with the known part of its world bound."""

    def __init__(self, stem: Stem, world: World, bound: _Known) -> None:
        self._stem = stem
        self._e = stem.encoding
        self._codes = stem.codes
        self._world = world
        self._bound = bound
        #: Texts of which builtins are told; those of the rules, where worlds are to be made up.
        self._named = stem.named

    def question(self) -> Question:
        shared = self._codes.all()
        for variable, value in self._bound.values.items():
            if variable.codec == "code":
                self._codes.fixed(cast(str, value))
            elif variable.codec == "document":
                self._codes.fixed(document_text(value))
        given = self._given(shared)
        stem, more = self._stem.text, ""
        printer = Printer(given, self._stem.printer)
        new = self._e.soil.variables[self._stem.variables :]
        if new:  # a key was compared with a list that may be unknown; the stem is used up
            lines = [f"(declare-const {symbol(v.index)} {v.sort})" for v in new]
            stem += "\n".join((*lines, f"(assert {printer.conjunction(given)})")) + "\n"
        elif given:
            more = printer.conjunction(given)
        texts = self._codes.all()
        leaves = tuple(self._leaf(v, texts) for v in self._e.soil.variables)
        return Question(
            self._stem, self._world, stem, (more,) if more else (), leaves, texts, self._exact()
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
        if site.kind == "builtin" and keys is not None and not _hashable(keys):
            return variable.path  # a function of a document: its value is worked out, not chosen
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

    def _given(self, shared: Mapping[str, int]) -> tuple[Term, ...]:
        """What this world's facts and views say, and of which types its texts are."""
        t = self._e.terms
        found = [term for site in self._e.sites for term in self._entries(site)]
        own = {text: code for text, code in self._codes.all().items() if text not in shared}
        found.extend(self._stem.constraints.fitting(own))
        return tuple(dict.fromkeys(term for term in found if term is not t.true))

    def _entries(self, site: Site) -> list[Term]:
        """What is known of a name at known keys, as far as the site's own keys do not tell."""
        t, e = self._e.terms, self._e
        known = self._bound.known[site.index]
        entries: Iterable[tuple[tuple[Value, ...], Value]]
        if site.kind == "builtin":
            if known is None:
                return self._of_constants(site) if self._named else []
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

    def _of_constants(self, site: Site) -> list[Term]:
        """What a builtin gives for each text that the rules name."""
        others = [key.literal if isinstance(key, Text) else None for key in site.keys[1:]]
        if None in others or not isinstance(site.keys[0], Text):
            return []
        t, e = self._e.terms, self._e
        found: list[Term] = []
        for text in sorted(self._named)[:NAMED_LIMIT]:
            here = e.soil.algebra.equal(site.keys[0], e.constant(text, site.key_types[0]))
            value = BUILTINS[site.name].call(text, *others)
            for variable, chosen in recorded(site.place, value).values.items():
                raw = _encoded(variable, chosen, self._codes.fixed)
                found.append(t.implies(here, t.eq(variable.term, _term(e, variable, raw))))
        return found


def _hashable(keys: tuple[Value, ...]) -> bool:
    try:
        hash(keys)
    except TypeError:
        return False
    return True


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
