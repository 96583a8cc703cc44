"""What may be absent: optionals, and the steps into documents and readings of their parts.

Part of `expressions`, with its contract.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol, cast

from .. import ir
from ..types import JsonType
from .algebra import Algebra
from .constants import ConstantDocument, Maker
from .failures import EncodingFault
from .symbolic import Document, Optional, Symbolic
from .terms import Term


class Reading(Maker, Protocol):
    """What reading optionals needs of `expressions.Reader`."""

    variables: dict[int, Symbolic]

    def read(self, e: ir.Expr) -> Symbolic: ...

    def under(self, condition: Term) -> AbstractContextManager[None]: ...

    def refuse(self, condition: Term) -> None: ...


class Optionals:
    """Reads the expressions over optionals and documents."""

    def __init__(self, reader: Reading, algebra: Algebra) -> None:
        self._reader = reader
        self._algebra = algebra
        self._t = algebra.t

    def _optional(self, e: ir.Expr) -> Optional:
        return cast(Optional, self._reader.read(e))

    def read(self, e: ir.Expr) -> Symbolic:
        """The value of an expression over optionals or documents."""
        match e:
            case ir.WhenPresent(operand, var, body):
                o = self._optional(operand)
                if o.empty:
                    return Optional(self._t.false, None)
                self._reader.variables[var.slot] = o.value
                with self._reader.under(o.present):
                    value = self._reader.read(body)
                return self._algebra.flat(o.present, lambda: value, body.type)
            case ir.Present(operand):
                return self._optional(operand).present
            case ir.Unwrap(operand, type):
                o = self._optional(operand)
                # Never evaluated where absent, so that any value will do there.
                return self._reader.free(type) if o.empty else o.value
            case ir.Coalesce(operand, default):
                o = self._optional(operand)
                with self._reader.under(self._t.not_(o.present)):
                    other = self._reader.read(default)
                return self._coalesce(o, other)
            case ir.Some(operand):
                value = self._reader.read(operand)
                return self._algebra.flat(self._t.true, lambda: value, operand.type)
            case ir.JsonPath(document, steps):
                present, at = self._document(document)
                for step in steps:
                    self._reader.refuse(self._t.and_((present, at.other())))
                    at = at.step(step)
                    present = self._t.and_((present, self._t.not_(at.absent())))
                return Optional(present, lambda: at)
            case ir.JsonAs(document, type):
                present, at = self._document(document)
                if isinstance(type.inner, JsonType):
                    return Optional(present, lambda: at)
                wrong, value = at.convert(type.inner)
                self._reader.refuse(self._t.and_((present, wrong)))
                return Optional(present, lambda: value)
            case _:
                raise EncodingFault("not an optional")

    def _coalesce(self, o: Optional, other: Symbolic) -> Symbolic:
        if o.empty:
            return other
        if not isinstance(other, Optional):
            return self._algebra.ite(o.present, o.value, other)
        present = self._t.or_((o.present, other.present))
        if other.empty:
            return Optional(present, lambda: o.value)
        return Optional(present, lambda: self._algebra.ite(o.present, o.value, other.value))

    def _document(self, e: ir.Expr) -> tuple[Term, Document]:
        value = self._reader.read(e)
        if isinstance(value, Optional):
            if value.empty:
                return self._t.false, ConstantDocument(self._reader, None)
            at = cast(Document, value.value)
            return self._t.and_((value.present, self._t.not_(at.absent()))), at
        at = cast(Document, value)
        return self._t.not_(at.absent()), at
