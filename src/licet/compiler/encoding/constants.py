"""Json documents known when the policy was compiled."""

from __future__ import annotations

from typing import Protocol

from ..types import Type, Value
from .algebra import Algebra
from .documents import document_text, read_as
from .symbolic import Document, Symbolic, Text
from .terms import Term, Terms


class Maker(Protocol):
    """Makes symbolic constants; `expressions.Reader` is one."""

    t: Terms

    @property
    def algebra(self) -> Algebra: ...

    def constant(self, value: Value, type: Type) -> Symbolic: ...

    def free(self, type: Type) -> Symbolic: ...


class ConstantDocument(Document):
    """A Json value that is known."""

    def __init__(self, maker: Maker, value: Value) -> None:
        self._maker, self._value = maker, value

    def absent(self) -> Term:
        return self._maker.t.boolean(self._value is None)

    def other(self) -> Term:
        return self._maker.t.boolean(self._value is not None and not isinstance(self._value, dict))

    def step(self, name: str) -> ConstantDocument:
        inner = self._value.get(name) if isinstance(self._value, dict) else None
        return ConstantDocument(self._maker, inner)

    def content(self) -> Text:
        return self._maker.algebra.text(document_text(self._value))

    def convert(self, target: Type) -> tuple[Term, Symbolic]:
        fits, value = read_as(self._value, target)
        if not fits:
            return self._maker.t.true, self._maker.free(target)
        return self._maker.t.false, self._maker.constant(value, target)
