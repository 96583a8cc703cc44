"""Formulas made ready to be bound: handles, declarations, and per variable a codec that turns a
run-time value into a handle."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from .codecs import Coder, Numerals, codec
from .codes import Codes
from .handles import Handles
from .library import Context, held
from .places import RecordPlace, ScalarPlace
from .rules import ALLOW, DENY, ESCALATE, Encoding
from .sites import Site
from .soil import Place, Soil
from .templates import Template
from .terms import Term

if TYPE_CHECKING:
    from .binding import Bound

#: Expanded terms above this are evaluated without the interpreter's lock.
LARGE: Final = 2_000

Outcome = Literal["allow", "escalate", "deny"]
#: A field of a root with one leaf: its name, its declaration, its codec.
Direct = tuple[str, int, Callable[[Any, Coder], int]]
_OUTCOMES: Final[tuple[Outcome, ...]] = ("deny", "allow", "escalate")


class Formula:
    """Variables, and sites whose keys mention them, ready to be bound. `close` gives the handles
    back."""

    def __init__(
        self,
        soil: Soil,
        sites: tuple[Site, ...],
        context: Context,
        numerals: Numerals,
        codes: Codes,
    ) -> None:
        self.sites = sites
        self.context = context
        self.numerals = numerals
        self.codes = codes
        self.handles = Handles(context)
        #: Whether others may run while Z3 evaluates.
        self.release = False
        self.handles.of(v.term for v in soil.own)  # all at once
        #: By variable index: where it is bound, and how.
        self.declarations = {v.index: self.handles.declaration(v.term) for v in soil.own}
        self.codecs = {v.index: codec(v, context, numerals) for v in soil.own}

    def model(self) -> tuple[int, bool]:
        """A model, counted for the caller, and whether it holds the values of another world."""
        model: int = held["mk_model"](self.context.ref)
        held["model_inc_ref"](self.context.ref, model)
        return model, False

    def give_back(self, model: int, bound: int) -> None:  # noqa: ARG002 - it serves one world
        """Take a model, or none (0), in which that many variables have values."""
        if model:
            held["model_dec_ref"](self.context.ref, model)

    def close(self) -> None:
        self.handles.close()


class Fold(Protocol):
    """A template made ready (`folding`): it is bound where the first sites are, `after` of them."""

    after: int

    def bind(self, bound: Bound) -> None: ...

    def close(self) -> None: ...


class Prepared(Formula):
    """One encoding, ready to bind worlds."""

    def __init__(
        self,
        encoding: Encoding,
        outcome: Term,
        context: Context,
        numerals: Numerals,
        codes: Codes,
        folding: Callable[[Template, Formula], Fold] | None = None,
    ) -> None:
        """`folding` makes the encoding's templates ready."""
        super().__init__(encoding.soil, encoding.sites, context, numerals, codes)
        self.encoding = encoding
        (self.outcome,) = self.handles.of((outcome,))
        uses_text = any(v.sort == "String" for v in encoding.soil.own)
        self.release = uses_text or len(encoding.terms) > LARGE
        #: Z3 shares equal terms, so that a decided outcome is one of these handles.
        ends = self.handles.of(encoding.terms.integer(n) for n in (DENY, ALLOW, ESCALATE))
        self.answers: dict[int, Outcome] = dict(zip(ends, _OUTCOMES, strict=True))
        #: Whether a model may serve several worlds: no key of a look-up is worked out in it, which
        #: would find values of the world before.
        self._lasting = not (encoding.params or encoding.templates) and all(
            site.is_plain for site in encoding.sites
        )
        self._spare = 0
        self.folds: tuple[Fold, ...] = ()
        if folding is not None:
            self.folds = tuple(folding(each, self) for each in encoding.templates)
        self.roots = tuple((name, *self._apart(p)) for name, p in encoding.roots.items())
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
        if self._spare:
            spare, self._spare = self._spare, 0
            self.context.forget(spare)
            return spare, True
        return super().model()

    def give_back(self, model: int, bound: int) -> None:
        # a search is a constant too, which is bound while others are evaluated
        if self._lasting and bound == len(self.declarations) and not self.handles.searches:
            model, self._spare = self._spare, model
        super().give_back(model, bound)

    def close(self) -> None:
        self._lasting = False
        self.give_back(self._spare, 0)
        self._spare = 0
        for fold in self.folds:
            fold.close()
        super().close()
