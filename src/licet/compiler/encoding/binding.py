"""A world's values as bindings of a Z3 model.

`Bound` is one world bound to one model of an encoding that was made ready (`prepared`).

Z3 has no way to take a value out of a model. So a model serves another world only where each of its
values is overwritten: the last world gave a value to every variable, and so does the next. Any
other world gets a fresh one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final, Self, cast

from ..builtins import BUILTINS
from ..lowering import AbstractPath
from ..regex import matcher
from ..types import (
    BoolType,
    DateType,
    DecimalType,
    DurationType,
    EnumType,
    IntType,
    JsonType,
    ListType,
    OptionalType,
    RecordType,
    StringType,
    TimeType,
    Type,
    Value,
)
from ..world import UNKNOWN, World
from .documents import document_of
from .failures import EncodingFault, EncodingLimit
from .library import held
from .openness import Openness
from .prepared import Formula, Prepared
from .sites import Site
from .soil import Place, Variable
from .symbolic import Number, Optional, Record, Sequence, Symbolic, Text
from .terms import Term

#: Facts and builtins that one decision may look up.
SITE_LIMIT: Final = 2_000

#: A fact's name and keys.
FactKey = tuple[str, tuple[Value, ...]]
_add: Final = held["add_const_interp"]
_bound_to: Final = held["model_get_const_interp"]


class ReshapeError(Exception):
    """A list was longer than its capacity (or unknown: -1); the encoding must be made again."""

    def __init__(self, path: AbstractPath, length: int) -> None:
        super().__init__()
        self.path = path
        self.length = length


class Binding:
    """A model, and what is bound in it; a `Binder`. Leaving it as a context gives the model back.

    `world_codes` are the codes of texts that the rules do not name, for this world only; `lacking`
    the facts at known keys that are read and that the world lacks, in the order in which they are;
    `long` the long lists and maps that are read a few elements at a time, by their places.
    """

    __slots__ = (
        "_bound", "_codecs", "_context", "_declarations", "_direct", "_grown",
        "_is_open", "_met", "_model", "_ref", "_used", "_waiting", "formula", "known",
        "known_values", "lacking", "long", "world", "world_codes", "world_texts",
    )  # fmt: skip

    def __init__(self, formula: Formula, world: World, is_open: Openness | None = None) -> None:
        self.formula = formula
        self._context = formula.context
        self._ref = formula.context.ref
        self._declarations = formula.declarations
        self._codecs = formula.codecs
        self.world = world
        self.world_codes: dict[str, int] = {}
        self.world_texts: list[str] = []
        self.lacking: dict[FactKey, None] = {}
        self.long: dict[object, Value] = {}
        self._is_open = is_open
        #: Values of the variables that keys read.
        self.known_values: dict[int, Value] = {}
        #: Per site, its keys as far as known (None: not known yet).
        self.known: list[tuple[Value, ...] | None] = []
        #: The searches met, those of them without a value, and whether more may have one by now.
        self._met = 0
        self._waiting: list[int] = []
        self._grown = False
        #: The variables that have values: how many of those bound directly, and which others.
        self._direct = 0
        self._bound: set[int] = set()
        self._model, self._used = formula.model()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        model, self._model = self._model, 0
        self.formula.give_back(model, self._count())

    def _count(self) -> int:
        return self._direct + len(self._bound)

    # --- binding -------------------------------------------------------------------------------

    @property
    def minds_open(self) -> bool:
        return False

    def put(self, variable: Variable, value: Value) -> None:
        index = variable.index
        handle = self._codecs[index](value, self)
        _add(self._ref, self._model, self._declarations[index], handle)
        self._bound.add(index)
        if variable.keep:
            self.known_values[index] = value

    def elements(self, place: Place, value: Value) -> None:
        self.long[place] = value

    def overflow(self, path: AbstractPath, length: int) -> None:
        raise ReshapeError(path, length)

    def open_document(self) -> None:
        """Leaves below it stay unbound, which is all there is to do."""

    def is_open(self, document: Value) -> bool:
        """Whether a document has an unknown part."""
        if self._is_open is None:
            self._is_open = Openness()
        return self._is_open(document)

    def code(self, text: str) -> int:
        """The code of a text in this world; texts that the rules do not name count down from -1."""
        code = self.formula.codes.find(text)
        if code is None:
            code = self.world_codes.get(text)
            if code is None:
                self.world_texts.append(text)
                code = self.world_codes[text] = -len(self.world_texts)
        return code

    def bind_sites(self, sites: Iterable[Site]) -> None:
        """Look up and bind what sites stand for, one after the other."""
        searches = self.formula.handles.searches
        for site in sites:
            keys = self._keys(site)
            self.known.append(keys)
            value: Value = UNKNOWN
            if keys is not None:
                value = self.look_up(site, keys)
                if value is UNKNOWN:
                    self._note_lacking(site, keys)
            site.place.bind(value, self)
            self._grown = self._grown or bool(searches)

    def _note_lacking(self, site: Site, keys: tuple[Value, ...]) -> None:
        if site.kind == "fact" and keys not in self.world.facts.get(site.name, ()):
            if len(self.lacking) >= SITE_LIMIT:
                raise EncodingLimit("too many facts to look up")
            self.lacking[site.name, keys] = None

    def look_up(self, site: Site, keys: tuple[Value, ...]) -> Value:
        """The value of a site at known keys."""
        if site.source is not None:
            return self.look_in(site, keys[0])
        return look_up(site, keys, self.world)

    def look_in(self, site: Site, key: Value) -> Value:
        """What a long map has at a key; UNKNOWN where the map is not known."""
        entries = self.long.get(site.source)
        if not isinstance(entries, dict):
            return UNKNOWN
        return key in entries if site.kind == "key" else entries.get(str(key))

    def _keys(self, site: Site) -> tuple[Value, ...] | None:
        keys: list[Value] = []
        for key, type, plain in zip(site.keys, site.key_types, site.plain, strict=True):
            value: Value
            if plain is not None:
                value = self.known_values.get(plain.index, UNKNOWN)
            elif isinstance(key, Text) and key.literal is not None:
                value = document_of(key.literal) if isinstance(type, JsonType) else key.literal
            else:
                value = self.value(key, type)
            if value is UNKNOWN:
                return None
            keys.append(value)
        return tuple(keys)

    # --- reading back --------------------------------------------------------------------------

    def evaluate(self, handle: int) -> int:
        if self._grown or self._met < len(self.formula.handles.searches):
            self._search()
        return self._context.evaluate(self._model, handle, release=self.formula.release)

    def _search(self) -> None:
        """Give each search of texts that are known by now its value, operands first."""
        searches = self.formula.handles.searches
        new = range(self._met, len(searches))
        waiting = [*self._waiting, *new] if self._grown else [*new]
        left = [] if self._grown else self._waiting
        self._grown, self._met = False, len(searches)
        for position in waiting:
            term, declaration = searches[position]
            holds = self._found(term)
            if holds is None:
                left.append(position)
                continue
            value = self._context.true if holds else self._context.false
            _add(self._ref, self._model, declaration, value)
        self._waiting = left
        self._context.forget(self._model)

    def _found(self, search: Term) -> bool | None:
        """What a search finds; None where a text is not known."""
        text = self._context.string(self._evaluated(search.args[0]))
        if text is None:
            return None
        if search.op == "in_re":
            return matcher(cast(str, search.payload))(text)
        part = self._context.string(self._evaluated(search.args[1]))
        return None if part is None else part in text

    def truth(self, term: Term) -> bool | None:
        """Whether a Bool term holds; None where the world leaves it open."""
        true, false = self._context.true, self._context.false
        result = self.formula.handles.one(term)
        if result not in (true, false):
            self._context.forget(self._model)
            result = self.evaluate(result)
        if result == true:
            return True
        return False if result == false else None

    def value(self, symbolic: Symbolic, type: Type) -> Value:
        """The run-time value of a symbolic one in this world; UNKNOWN where it is open."""
        match type:
            case OptionalType(inner):
                assert isinstance(symbolic, Optional)
                present = self.truth(symbolic.present)
                if present is None:
                    return UNKNOWN
                return self.value(symbolic.value, inner) if present else None
            case ListType(element):
                return self._list(symbolic, element)
            case RecordType():
                return self._record(symbolic, type)
            case BoolType():
                assert isinstance(symbolic, Term)
                truth = self.truth(symbolic)
                return UNKNOWN if truth is None else truth
            case StringType():
                assert isinstance(symbolic, Text)
                return self._text(symbolic)
            case JsonType():
                assert isinstance(symbolic, Text)
                text = self._text(symbolic)
                return UNKNOWN if text is UNKNOWN else document_of(cast(str, text))
            case EnumType(_, labels):
                number = self._number(symbolic)
                return UNKNOWN if number is None else labels[int(number)]
            case IntType() | DecimalType() | DateType() | TimeType() | DurationType():
                number = self._number(symbolic)
                if number is None:
                    return UNKNOWN
                return number.numerator if number.denominator == 1 else number
            case _:
                raise EncodingFault(f"a key of type {type}")

    def _evaluated(self, term: Term) -> int:
        handle = self.formula.handles.one(term)
        self._context.forget(self._model)
        return self.evaluate(handle)

    def bound_to(self, declaration: int) -> int | None:
        """What a variable is bound to: a handle that lives as long as the model."""
        return cast(int | None, _bound_to(self._ref, self._model, declaration))

    def number(self, term: Term) -> Fraction | None:
        """The number that a term comes to; None where the world leaves it open."""
        return self._context.numeral(self._evaluated(term))

    def _number(self, symbolic: Symbolic) -> Fraction | None:
        assert isinstance(symbolic, Number)
        number = self.number(symbolic.term)
        return number if number is None or not symbolic.scale else number / symbolic.scale

    def _text(self, symbolic: Text) -> Value:
        if symbolic.literal is not None:
            return symbolic.literal
        if symbolic.has_seq and not symbolic.has_code:
            text = self._context.string(self._evaluated(symbolic.seq()))
            return UNKNOWN if text is None else text
        number = self._context.numeral(self._evaluated(symbolic.code()))
        if number is None:
            return UNKNOWN
        code = int(number)
        if code < 0:
            return self.world_texts[-1 - code]
        text = self.formula.codes.text(code)
        return UNKNOWN if text is None else text

    def _list(self, symbolic: Symbolic, element: Type) -> Value:
        assert isinstance(symbolic, Sequence)
        if self.truth(symbolic.unknown) is not False:
            return UNKNOWN
        items: list[Value] = []
        for guard, item in symbolic.items:
            held_here = self.truth(guard)
            if held_here is None:
                return UNKNOWN
            if held_here:
                items.append(self.value(item, element))
        return UNKNOWN if UNKNOWN in items else tuple(items)

    def _record(self, symbolic: Symbolic, type: RecordType) -> Value:
        assert isinstance(symbolic, Record)
        made = {f.name: self.value(symbolic.field(f.name), f.type) for f in type.fields}
        return UNKNOWN if any(v is UNKNOWN for v in made.values()) else made


class Bound(Binding):
    """One world bound to a model."""

    __slots__ = ("prepared", "spent", "viewed")

    def __init__(self, prepared: Prepared, world: World, is_open: Openness | None = None) -> None:
        super().__init__(prepared, world, is_open)
        self.prepared = prepared
        #: The terms that were evaluated for elements of long lists.
        self.spent = 0
        #: Views of texts, as elements of long lists have them.
        self.viewed: dict[tuple[str, tuple[Value, ...]], Value] = {}

    def bind(self) -> Bound:
        """Bind everything that the encoding reads; raises, and gives the model back, where it
        cannot."""
        try:
            self._bind_all()
            while self._used and self._count() != len(self._declarations):
                self._renew()
                self._bind_all()
        except BaseException:
            self.close()
            raise
        return self

    def _bind_all(self) -> None:
        prepared = self.prepared
        self._bind_roots()
        for name, place in prepared.params:
            place.bind(self.world.params.get(name, UNKNOWN), self)
        self._grown = bool(prepared.handles.searches)
        if prepared.sites or prepared.folds:
            self._bind_rest(prepared)

    def _renew(self) -> None:
        """A fresh model in place of one that another world has left values in."""
        held["model_dec_ref"](self._ref, self._model)
        self._model = 0
        self._direct = 0
        self._bound.clear()
        self.known.clear()
        self._model, self._used = self.prepared.model()

    def _bind_roots(self) -> None:
        ref, model = self._ref, self._model
        bound = 0
        for name, direct, others, place in self.prepared.roots:
            value = getattr(self.world, name)
            if value.__class__ is not dict:
                place.bind(value, self)
                continue
            get = value.get
            for field, declaration, codec in direct:
                item = get(field, UNKNOWN)
                if item is not UNKNOWN:
                    _add(ref, model, declaration, codec(item, self))
                    bound += 1
            for field, inner in others:
                inner.bind(get(field, UNKNOWN), self)
        self._direct = bound

    def _bind_rest(self, prepared: Prepared) -> None:
        """Bind the sites, and the folds that come between them."""
        if len(prepared.sites) > SITE_LIMIT:
            raise EncodingLimit("too many facts and views to look up")
        done = 0
        for fold in prepared.folds:
            self.bind_sites(prepared.sites[done : fold.after])
            done = fold.after
            fold.bind(self)
            self._grown = bool(prepared.handles.searches)
        self.bind_sites(prepared.sites[done:])


def look_up(site: Site, keys: tuple[Value, ...], world: World) -> Value:
    """The value of a fact or builtin at known keys; UNKNOWN for a fact that is not supplied."""
    if site.kind == "builtin":
        return BUILTINS[site.name].call(*keys)
    entries: Mapping[tuple[Value, ...], Value] | None = world.facts.get(site.name)
    return UNKNOWN if entries is None else entries.get(keys, UNKNOWN)
