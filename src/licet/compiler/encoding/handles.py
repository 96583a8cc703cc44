"""Terms of this package as terms of Z3, to be evaluated.

A search of a text (a match of a pattern, a text in another) becomes a constant of its own, which
binding gives its value (see `binding`): on known texts Z3 matches by derivatives and compares at
every position, deaf to interrupts, and takes minutes for what linear matchers do in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final, cast

from .library import Context, held
from .terms import Term, postorder

_UNARY = {
    "not": "mk_not", "to_real": "mk_int2real", "floor": "mk_real2int", "len": "mk_seq_length",
}  # fmt: skip
_BINARY = {
    "eq": "mk_eq", "le": "mk_le", "div": "mk_div", "mod": "mk_mod",
    "prefix": "mk_seq_prefix", "suffix": "mk_seq_suffix", "str_le": "mk_str_le",
}  # fmt: skip
_MANY = {
    "and": "mk_and", "or": "mk_or", "add": "mk_add", "mul": "mk_mul", "concat": "mk_seq_concat",
}  # fmt: skip


#: Symbols from here on are those of searches; an encoding has far fewer variables.
_SEARCHES: Final = 1 << 29


class Handles:
    """The Z3 terms of one encoding: those asked for are kept until `close`.

    What lies below them is not: a context with very many handles takes minutes to free.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._handles: dict[int, int] = {}
        self._declarations: dict[int, int] = {}
        #: The searches met so far, operands first, with the declarations of their constants.
        self.searches: list[tuple[Term, int]] = []
        self._searched: dict[int, int] = {}

    def declaration(self, term: Term) -> int:
        """The declaration of a variable."""
        index = cast(int, term.payload)
        if index not in self._declarations:
            declaration = held["get_app_decl"](self._context.ref, self.one(term))
            self._declarations[index] = self._context.keep(declaration)
        return self._declarations[index]

    def one(self, term: Term) -> int:
        """The handle for a term."""
        return self._handles.get(term.id) or self.of((term,))[0]

    def of(self, roots: Iterable[Term]) -> list[int]:
        """Handles for terms; they live until `close`."""
        roots = tuple(roots)
        wanted = {root.id for root in roots}
        order = [t for t in postorder(roots, self._handles) if t.sort != "RegLan"]
        for term in order:
            self._handles[term.id] = self._make(term)
        for term in order:
            if term.id not in wanted:
                self._context.drop(self._handles.pop(term.id))
        self._context.check()
        return [self._handles[root.id] for root in roots]

    def _make(self, term: Term) -> int:
        c = self._context
        op = term.op
        if op in ("in_re", "contains"):
            return self._search(term)
        arguments = [self._handles[a.id] for a in term.args]
        if op in _UNARY:
            return c.call(_UNARY[op], *arguments)
        if op in _BINARY:
            return c.call(_BINARY[op], *arguments)
        if op in _MANY:
            return c.call_list(_MANY[op], arguments)
        match op:
            case "ite":
                return c.call("mk_ite", *arguments)
            case "var":
                return self._variable(term)
            case "lit":
                return c.keep(self._literal(term))
            case _:
                raise AssertionError(op)

    def _variable(self, term: Term) -> int:
        c = self._context
        sort = {
            "Bool": c.bool_sort,
            "Int": c.int_sort,
            "Real": c.real_sort,
            "String": c.string_sort,
        }[term.sort]
        return c.call("mk_const", held["mk_int_symbol"](c.ref, term.payload), sort)

    def _search(self, term: Term) -> int:
        c = self._context
        constant = self._searched.get(term.id)
        if constant is None:
            number = held["mk_int_symbol"](c.ref, _SEARCHES + len(self.searches))
            constant = self._searched[term.id] = c.call("mk_const", number, c.bool_sort)
            self.searches.append((term, c.keep(held["get_app_decl"](c.ref, constant))))
        return c.keep(constant)

    def _literal(self, term: Term) -> int:
        c = self._context
        match term.payload:
            case bool(value):
                return c.true if value else c.false
            case int(value):
                return c.integer(value)
            case Fraction() as value:
                return c.real(value)
            case str(value):
                return c.text(value)
            case _:
                raise AssertionError(term)

    def close(self) -> None:
        """Give back every handle."""
        kept = (*self._handles.values(), *self._declarations.values(), *self._searched.values())
        for handle in (*kept, *(declaration for _, declaration in self.searches)):
            self._context.drop(handle)
        self._handles.clear()
        self._declarations.clear()
        self._searched.clear()
        self.searches.clear()
