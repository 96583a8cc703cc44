"""A world's values as bindings of a Z3 model.

`Prepared` is one encoding with everything made ready: handles, declarations, and per variable a
codec that turns a run-time value into a handle. `Bound` is one world bound to one model.

Z3 has no way to take a value out of a model. So a model serves another world only where each of its
values is overwritten: the last world gave a value to every variable, and so does the next. Any
other world gets a fresh one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final, Literal, cast

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
from .codes import Codes
from .documents import document_of, document_text
from .failures import EncodingFault, EncodingLimit, UnsupportedText
from .handles import Handles
from .library import Context, held
from .openness import Openness
from .patterns import LAST
from .places import RecordPlace, ScalarPlace
from .rules import ALLOW, DENY, ESCALATE, Encoding
from .sites import Site
from .soil import Place, Variable
from .symbolic import Number, Optional, Record, Sequence, Symbolic, Text
from .terms import Term

#: Handles for numbers that a context keeps between calls.
CACHED_NUMBERS: Final = 4_096
#: Facts and builtins that one decision may look up.
SITE_LIMIT: Final = 2_000
#: Expanded terms above this are evaluated without the interpreter's lock.
LARGE: Final = 2_000

Outcome = Literal["allow", "escalate", "deny"]
#: A field of a root with one leaf: its name, its declaration, its codec.
Direct = tuple[str, int, Callable[[Any, "Bound"], int]]
_OUTCOMES: Final[tuple[Outcome, ...]] = ("deny", "allow", "escalate")
_add: Final = held["add_const_interp"]


class ReshapeError(Exception):
    """A list was longer than its capacity (or unknown: -1); the encoding must be made again."""

    def __init__(self, path: AbstractPath, length: int) -> None:
        super().__init__()
        self.path = path
        self.length = length


class Numerals:
    """Handles for numbers, kept between calls up to a bound."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._integers: dict[int, int] = {}
        self._rationals: dict[tuple[int, int], int] = {}
        self.find = self._integers.get

    def integer(self, value: int) -> int:
        """A handle that stays until `trim`."""
        handle = self._integers.get(value)
        if handle is None:
            handle = self._context.keep(self._context.integer(value))
            self._integers[value] = handle
        return handle

    def rational(self, value: Fraction | int) -> int:
        """A handle that stays until `trim`."""
        quotient = (value.numerator, value.denominator)
        handle = self._rationals.get(quotient)
        if handle is None:
            handle = self._context.keep(self._context.real(value))
            self._rationals[quotient] = handle
        return handle

    def trim(self) -> None:
        """Give back all handles if they have become too many; between decisions only."""
        if len(self._integers) > CACHED_NUMBERS or len(self._rationals) > CACHED_NUMBERS:
            self.clear()

    def clear(self) -> None:
        """Give back all handles; between decisions only."""
        for table in (self._integers, self._rationals):
            for handle in table.values():
                self._context.drop(handle)
            table.clear()


class Prepared:
    """One encoding, ready to bind worlds. `close` gives its handles back."""

    def __init__(
        self, encoding: Encoding, outcome: Term, context: Context, numerals: Numerals, codes: Codes
    ) -> None:
        self.encoding = encoding
        self.context = context
        self.numerals = numerals
        self.codes = codes
        self.handles = Handles(context)
        (self.outcome,) = self.handles.of((outcome,))
        self.uses_text = any(v.sort == "String" for v in encoding.soil.variables)
        self.release = self.uses_text or len(encoding.terms) > LARGE
        #: Z3 shares equal terms, so that a decided outcome is one of these handles.
        ends = self.handles.of(encoding.terms.integer(n) for n in (DENY, ALLOW, ESCALATE))
        self.answers: dict[int, Outcome] = dict(zip(ends, _OUTCOMES, strict=True))
        variables = encoding.soil.variables
        self.handles.of(v.term for v in variables)  # all at once
        #: By variable index: where it is bound.
        self.declarations = [self.handles.declaration(v.term) for v in variables]
        self.codecs = [_codec(v, self) for v in variables]
        self.roots = tuple((name, *self._apart(p)) for name, p in encoding.roots.items())
        #: Whether all variables stand in roots, so that a model may serve several worlds.
        self._lasting = not (encoding.sites or encoding.params)
        self._spare = 0
        self.params = tuple(encoding.params.items())

    def _apart(
        self, place: Place
    ) -> tuple[tuple[Direct, ...], tuple[tuple[str, Place], ...], Place]:
        """The fields of a root that are bound without asking their places, the other fields, and
        the root itself, for values that are no record."""
        if not isinstance(place, RecordPlace):
            return (), (), place
        direct: list[Direct] = []
        others: list[tuple[str, Place]] = []
        for name, field in place.fields.items():
            leaves = field.leaves if isinstance(field, ScalarPlace) else ()
            if len(leaves) == 1 and not leaves[0].keep:
                index = leaves[0].index
                direct.append((name, self.declarations[index], self.codecs[index]))
            else:
                others.append((name, field))
        return tuple(direct), tuple(others), place

    def model(self) -> tuple[int, bool]:
        """A model, counted for the caller, and whether it holds the values of another world."""
        if self._spare:
            spare, self._spare = self._spare, 0
            self.context.forget(spare)
            return spare, True
        model: int = held["mk_model"](self.context.ref)
        held["model_inc_ref"](self.context.ref, model)
        return model, False

    def give_back(self, model: int, bound: int) -> None:
        """Take a model in which that many variables have values."""
        # a search is a constant too, which is bound while others are evaluated
        if self._lasting and bound == len(self.declarations) and not self.handles.searches:
            model, self._spare = self._spare, model
        if model:
            held["model_dec_ref"](self.context.ref, model)

    def close(self) -> None:
        self._lasting = False
        self.give_back(self._spare, 0)
        self._spare = 0
        self.handles.close()


def _codec(variable: Variable, prepared: Prepared) -> Callable[[Any, Bound], int]:
    """How a variable's run-time value becomes a handle. Raises for values of other types."""
    context, numerals = prepared.context, prepared.numerals
    match variable.codec:
        case "bool":
            true, false = context.true, context.false

            def bool_handle(value: Any, _: Bound) -> int:
                if value is True:
                    return true
                if value is False:
                    return false
                raise EncodingFault("a truth value is not a bool")

            return bool_handle
        case "int":
            find, make = numerals.find, numerals.integer

            def int_handle(value: Any, _: Bound) -> int:
                if value.__class__ is not int:
                    raise EncodingFault("an integer is not an int")
                return find(value) or make(value)

            return int_handle
        case "scaled":
            scale = variable.scale

            def scaled_handle(value: Any, _: Bound) -> int:
                if value.__class__ is not int and value.__class__ is not Fraction:
                    raise EncodingFault("a decimal is not a number")
                times, rest = divmod(scale, value.denominator)
                if rest:
                    raise EncodingFault("a decimal is not a multiple of its step")
                return numerals.integer(value.numerator * times)

            return scaled_handle
        case "real":

            def real_handle(value: Any, _: Bound) -> int:
                if value.__class__ is not int and value.__class__ is not Fraction:
                    raise EncodingFault("a decimal is not a number")
                return numerals.rational(value)

            return real_handle
        case "enum":
            labels = {label: index for index, label in enumerate(variable.labels)}

            def enum_handle(value: Any, _: Bound) -> int:
                index = labels.get(value)
                if index is None:
                    raise EncodingFault("a value is not a label of its enum")
                return numerals.integer(index)

            return enum_handle
        case "code":

            def code_handle(value: Any, bound: Bound) -> int:
                if value.__class__ is not str:
                    raise EncodingFault("a text is not a str")
                return numerals.integer(bound.code(value))

            return code_handle
        case "document":

            def document_handle(value: Any, bound: Bound) -> int:
                return numerals.integer(bound.code(document_text(value)))

            return document_handle
        case "seq":

            def seq_handle(value: Any, _: Bound) -> int:
                if value.__class__ is not str:
                    raise EncodingFault("a text is not a str")
                return context.text(checked_text(value))

            return seq_handle


def checked_text(value: str) -> str:
    """The text, if the sequence theory has all its code points; raises `UnsupportedText`."""
    if not value.isascii():
        highest = max(value)
        if ord(highest) > LAST or any("\ud800" <= c <= "\udfff" for c in value):
            raise UnsupportedText("a text holds a code point that cannot be decided on")
    return value


class Bound:
    """One world bound to a model; a `Binder`. Leaving it as a context gives the model back.

    `world_codes` are the codes of texts that the rules do not name, for this world only.
    """

    __slots__ = (
        "_bound", "_codecs", "_context", "_declarations", "_direct", "_grown", "_is_open", "_met",
        "_model", "_ref", "_used", "_waiting", "known", "known_values", "prepared", "world",
        "world_codes",
    )  # fmt: skip

    def __init__(self, prepared: Prepared, world: World, is_open: Openness | None = None) -> None:
        self.prepared = prepared
        self._context = prepared.context
        self._ref = prepared.context.ref
        self._declarations = prepared.declarations
        self._codecs = prepared.codecs
        self.world = world
        self.world_codes: dict[str, int] = {}
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
        self._model, self._used = prepared.model()

    def bind(self) -> Bound:
        """Bind everything that the encoding reads; raises, and gives the model back, where it
        cannot."""
        prepared = self.prepared
        try:
            self._bind_roots()
            while self._used and self._count() != len(self._declarations):
                self._renew()
                self._bind_roots()
            for name, place in prepared.params:
                place.bind(self.world.params.get(name, UNKNOWN), self)
            self._grown = bool(prepared.handles.searches)
            if prepared.encoding.sites:
                self._bind_sites()
        except BaseException:
            self.close()
            raise
        return self

    def __enter__(self) -> Bound:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        model, self._model = self._model, 0
        self.prepared.give_back(model, self._count())

    def _count(self) -> int:
        return self._direct + len(self._bound)

    def _renew(self) -> None:
        """A fresh model in place of one that another world has left values in."""
        held["model_dec_ref"](self._ref, self._model)
        self._model = 0
        self._direct = 0
        self._bound.clear()
        self._model, self._used = self.prepared.model()

    # --- binding -------------------------------------------------------------------------------

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

    def put(self, variable: Variable, value: Value) -> None:
        index = variable.index
        handle = self._codecs[index](value, self)
        _add(self._ref, self._model, self._declarations[index], handle)
        self._bound.add(index)
        if variable.keep:
            self.known_values[index] = value

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
        code = self.prepared.codes.find(text)
        if code is None:
            code = self.world_codes.get(text)
            if code is None:
                code = self.world_codes[text] = -1 - len(self.world_codes)
        return code

    def _bind_sites(self) -> None:
        sites, searches = self.prepared.encoding.sites, self.prepared.handles.searches
        if len(sites) > SITE_LIMIT:
            raise EncodingLimit("too many facts and views to look up")
        for site in sites:
            keys = self._keys(site)
            self.known.append(keys)
            value = UNKNOWN if keys is None else self.look_up(site, keys)
            site.place.bind(value, self)
            self._grown = self._grown or bool(searches)

    def look_up(self, site: Site, keys: tuple[Value, ...]) -> Value:
        """The value of a site at known keys."""
        return look_up(site, keys, self.world)

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
        if self._grown or self._met < len(self.prepared.handles.searches):
            self._search()
        return self._context.evaluate(self._model, handle, release=self.prepared.release)

    def _search(self) -> None:
        """Give each search of texts that are known by now its value, operands first."""
        searches = self.prepared.handles.searches
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
        result = self.prepared.handles.one(term)
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
        handle = self.prepared.handles.one(term)
        self._context.forget(self._model)
        return self.evaluate(handle)

    def _number(self, symbolic: Symbolic) -> Fraction | None:
        assert isinstance(symbolic, Number)
        number = self._context.numeral(self._evaluated(symbolic.term))
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
            return next(t for t, c in self.world_codes.items() if c == code)
        text = self.prepared.codes.text(code)
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


def look_up(site: Site, keys: tuple[Value, ...], world: World) -> Value:
    """The value of a fact or builtin at known keys; UNKNOWN for a fact that is not supplied."""
    if site.kind == "builtin":
        return BUILTINS[site.name].call(*keys)
    entries: Mapping[tuple[Value, ...], Value] | None = world.facts.get(site.name)
    return UNKNOWN if entries is None else entries.get(keys, UNKNOWN)
