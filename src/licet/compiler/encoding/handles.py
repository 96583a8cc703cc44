"""Terms of this package as terms of Z3."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import cast

from .library import Context, held
from .terms import Term, postorder

_UNARY = {
    "not": "mk_not", "to_real": "mk_int2real", "floor": "mk_real2int", "len": "mk_seq_length",
    "re_text": "mk_seq_to_re", "re_star": "mk_re_star",
}  # fmt: skip
_BINARY = {
    "eq": "mk_eq", "le": "mk_le", "div": "mk_div", "mod": "mk_mod", "contains": "mk_seq_contains",
    "prefix": "mk_seq_prefix", "suffix": "mk_seq_suffix", "str_le": "mk_str_le",
    "in_re": "mk_seq_in_re",
}  # fmt: skip
_MANY = {
    "and": "mk_and", "or": "mk_or", "add": "mk_add", "mul": "mk_mul", "concat": "mk_seq_concat",
    "re_union": "mk_re_union", "re_concat": "mk_re_concat",
}  # fmt: skip


class Handles:
    """The Z3 terms of one encoding: those asked for are kept until `close`.

    What lies below them is not: a context with very many handles takes minutes to free.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._handles: dict[int, int] = {}
        self._declarations: dict[int, int] = {}

    def declaration(self, term: Term) -> int:
        """The declaration of a variable."""
        index = cast(int, term.payload)
        if index not in self._declarations:
            self.of((term,))
            constant = self._handles[term.id]
            declaration = held["get_app_decl"](self._context.ref, constant)
            self._declarations[index] = self._context.keep(declaration)
        return self._declarations[index]

    def of(self, roots: Iterable[Term]) -> list[int]:
        """Handles for terms; they live until `close`."""
        roots = tuple(roots)
        wanted = {root.id for root in roots}
        order = postorder(roots, self._handles)
        for term in order:
            self._handles[term.id] = self._make(term)
        for term in order:
            if term.id not in wanted:
                self._context.drop(self._handles.pop(term.id))
        self._context.check()
        return [self._handles[root.id] for root in roots]

    def _make(self, term: Term) -> int:
        c = self._context
        arguments = [self._handles[a.id] for a in term.args]
        op = term.op
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
            case "re_range":
                bounds = cast(tuple[str, str], term.payload)
                first, last = (c.keep(c.text(char)) for char in bounds)
                made = c.call("mk_re_range", first, last)
                c.drop(first)
                c.drop(last)
                return made
            case "re_any":
                return c.call("mk_re_allchar", c.re_sort)
            case "re_none":
                return c.call("mk_re_empty", c.re_sort)
            case "re_loop":
                return c.call("mk_re_loop", arguments[0], *cast(tuple[int, int], term.payload))
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
        for handle in (*self._handles.values(), *self._declarations.values()):
            self._context.drop(handle)
        self._handles.clear()
        self._declarations.clear()
