"""SMT terms as a hash-consed Python graph, with the little folding that keeps formulas small.

Terms are what everything in this package speaks; `handles` turns them into Z3's, `smtlib` into
text. Operators have their SMT-LIB meaning. `a < b` is always written `not (b <= a)`, numbers are
literals of sort Int or Real, and `div` and `mod` only take positive literal divisors, for which
SMT-LIB's floor.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterable
from fractions import Fraction
from math import floor
from typing import Final, Literal, cast

from .failures import EncodingFault, EncodingLimit

Sort = Literal["Bool", "Int", "Real", "String", "RegLan"]

Op = Literal[
    "lit", "var",
    "not", "and", "or", "ite", "eq", "le",
    "add", "mul", "div", "mod", "to_real", "floor",
    "concat", "contains", "prefix", "suffix", "len", "str_le", "in_re",
    "re_text", "re_range", "re_any", "re_none", "re_union", "re_concat", "re_star", "re_loop",
]  # fmt: skip

#: Nodes that one encoding may make before it is given up, and the seconds of its thread's
#: processor that it may take: a busy machine is no reason to refuse.
NODE_LIMIT = 200_000
SECONDS: Final = 5.0

#: Binary digits of a number that comes in, at most, and of one that is computed from such.
#: Squared a few times over, a hundred decimal digits fill the memory.
COMING_IN: Final = 1_024
MAX_BITS: Final = 20_000
#: An `and` within an `and` is taken apart up to this many operands.
WIDEST_JOINED = 64

#: Lets that double a text double this; Z3 ends the process at some 100,000.
MAX_PARTS: Final = 4_096


class Term:
    """A node; equal terms of one `Terms` are the same object."""

    __slots__ = ("args", "id", "op", "payload", "sort")

    def __init__(
        self, id: int, op: Op, args: tuple[Term, ...], sort: Sort, payload: object
    ) -> None:
        self.id = id
        self.op = op
        self.args = args
        self.sort = sort
        self.payload = payload

    def __repr__(self) -> str:
        inner = " ".join(map(repr, self.args))
        return f"({self.op}{'' if self.payload is None else f':{self.payload}'} {inner})"


class Terms:
    """Makes terms; raises `EncodingLimit` beyond `limit` nodes and past `until` (thread time)."""

    def __init__(self, limit: int = NODE_LIMIT) -> None:
        self._table: dict[tuple[object, ...], Term] = {}
        self._integers: dict[int, Term] = {}
        self._limit = limit
        self.until = time.thread_time() + SECONDS
        #: By id, the binary digits that a computed number may have, where more than `COMING_IN`.
        self._bits: dict[int, int] = {}
        self.true = self._make("lit", (), "Bool", True)
        self.false = self._make("lit", (), "Bool", False)

    def __len__(self) -> int:
        return len(self._table)

    def _make(self, op: Op, args: tuple[Term, ...], sort: Sort, payload: object = None) -> Term:
        key = (op, sort, payload, args)  # terms are compared by identity
        term = self._table.get(key)
        if term is None:
            if len(self._table) >= self._limit:
                raise EncodingLimit(f"the formula would need more than {self._limit} terms")
            if not len(self._table) & 0x3FF and time.thread_time() > self.until:
                raise EncodingLimit("the formula took too long to make")
            term = Term(len(self._table), op, args, sort, payload)
            self._table[key] = term
            if self._bits and sort in ("Int", "Real"):
                bits = max((self._bits.get(a.id, 0) for a in args), default=0)
                if bits and op != "mul":
                    self._bits[term.id] = bits
        return term

    def as_large(self, variable: Term, a: Term) -> None:
        """A variable stands for numbers that may have as many digits as `a`."""
        if a.id in self._bits:
            self._bits[variable.id] = self._bits[a.id]

    def _size(self, a: Term) -> int:
        """The binary digits that a number may have."""
        if a.op != "lit":
            return self._bits.get(a.id, COMING_IN)
        value = cast(int | Fraction, a.payload)
        return max(value.numerator.bit_length(), value.denominator.bit_length())

    # --- leaves --------------------------------------------------------------------------------

    def boolean(self, value: bool) -> Term:
        return self.true if value else self.false

    def integer(self, value: int) -> Term:
        term = self._integers.get(value)
        if term is None:
            term = self._integers[value] = self._make("lit", (), "Int", value)
        return term

    def real(self, value: Fraction | int) -> Term:
        return self._make("lit", (), "Real", Fraction(value))

    def text(self, value: str) -> Term:
        return self._make("lit", (), "String", value)

    def var(self, index: int, sort: Sort) -> Term:
        return self._make("var", (), sort, index)

    # --- logic ---------------------------------------------------------------------------------

    def not_(self, a: Term) -> Term:
        if a.op == "lit":
            return self.boolean(not a.payload)
        if a.op == "not":
            return a.args[0]
        return self._make("not", (a,), "Bool")

    def and_(self, operands: Iterable[Term]) -> Term:
        return self._junction("and", operands, self.true, self.false)

    def or_(self, operands: Iterable[Term]) -> Term:
        return self._junction("or", operands, self.false, self.true)

    def _junction(
        self, op: Literal["and", "or"], operands: Iterable[Term], unit: Term, zero: Term
    ) -> Term:
        kept: dict[Term, None] = {}
        for operand in operands:
            # What grows by one operand at a time would be copied whole each time.
            joined = operand.op == op and len(operand.args) <= WIDEST_JOINED
            for part in operand.args if joined else (operand,):
                if part is zero:
                    return zero
                if part is not unit:
                    kept[part] = None
        for part in kept:
            if part.op == "not" and part.args[0] in kept:
                return zero
        if not kept:
            return unit
        if len(kept) == 1:
            return next(iter(kept))
        return self._make(op, tuple(kept), "Bool")

    def implies(self, a: Term, b: Term) -> Term:
        return self.or_((self.not_(a), b))

    def ite(self, condition: Term, a: Term, b: Term) -> Term:
        if condition is self.true or a is b:
            return a
        if condition is self.false:
            return b
        if condition.op == "not":
            return self.ite(condition.args[0], b, a)
        if a.sort == "Bool":
            if a is self.true:
                return self.or_((condition, b))
            if a is self.false:
                return self.and_((self.not_(condition), b))
            if b is self.true:
                return self.or_((self.not_(condition), a))
            if b is self.false:
                return self.and_((condition, a))
        if a.sort != b.sort:
            raise EncodingFault(f"branches of sorts {a.sort} and {b.sort}")
        return self._make("ite", (condition, a, b), a.sort)

    def choice(self, condition: Term, a: Term, b: Term) -> Term:
        """`ite` kept as it is, which Z3's evaluator takes one branch of; `flow` builds on it."""
        if condition is self.true or a is b:
            return a
        if condition is self.false:
            return b
        return self._make("ite", (condition, a, b), a.sort)

    def eq(self, a: Term, b: Term) -> Term:
        if a is b:
            return self.true
        if a.sort != b.sort:
            raise EncodingFault(f"equality of sorts {a.sort} and {b.sort}")
        if a.op == "lit" and b.op == "lit":
            return self.boolean(a.payload == b.payload)
        if a.sort == "Bool":
            for literal, other in ((a, b), (b, a)):
                if literal.op == "lit":
                    return other if literal.payload else self.not_(other)
        return self._make("eq", (a, b) if a.id < b.id else (b, a), "Bool")

    def le(self, a: Term, b: Term) -> Term:
        if a is b:
            return self.true
        if a.op == "lit" and b.op == "lit":
            return self.boolean(a.payload <= b.payload)  # type: ignore[operator]
        if a.sort != b.sort:
            raise EncodingFault(f"comparison of sorts {a.sort} and {b.sort}")
        return self._make("le", (a, b), "Bool")

    def lt(self, a: Term, b: Term) -> Term:
        return self.not_(self.le(b, a))

    # --- numbers -------------------------------------------------------------------------------

    def number(self, value: Fraction | int, sort: Sort) -> Term:
        return self.integer(int(value)) if sort == "Int" else self.real(value)

    def add(self, operands: Iterable[Term], sort: Sort = "Int") -> Term:
        constant = Fraction(0)
        kept: list[Term] = []
        for operand in operands:
            for part in operand.args if operand.op == "add" else (operand,):
                if part.op == "lit":
                    constant += part.payload  # type: ignore[operator]
                else:
                    kept.append(part)
        if constant or not kept:
            kept.append(self.number(constant, sort))
        return kept[0] if len(kept) == 1 else self._make("add", tuple(kept), sort)

    def mul(self, a: Term, b: Term) -> Term:
        if a.op == "lit":
            a, b = b, a
        if b.op == "lit":
            if a.op == "lit":
                return self.number(a.payload * b.payload, a.sort)  # type: ignore[operator]
            if b.payload == 1:
                return a
            if b.payload == 0:
                return b
            a, b = b, a
        bits = self._size(a) + self._size(b)
        if bits > MAX_BITS:
            raise EncodingLimit(f"a number could have more than {MAX_BITS:,} binary digits")
        made = self._make("mul", (a, b), a.sort)
        if bits > COMING_IN:
            self._bits[made.id] = bits
        return made

    def scale(self, a: Term, factor: int | Fraction) -> Term:
        return self.mul(self.number(factor, a.sort), a)

    def sub(self, a: Term, b: Term) -> Term:
        return self.add((a, self.scale(b, -1)), a.sort)

    def div(self, a: Term, divisor: int) -> Term:
        if divisor <= 0:
            raise EncodingFault("division by a constant that is not positive")
        if a.op == "lit":
            return self.integer(a.payload // divisor)  # type: ignore[operator]
        return a if divisor == 1 else self._make("div", (a, self.integer(divisor)), "Int")

    def mod(self, a: Term, divisor: int) -> Term:
        if divisor <= 0:
            raise EncodingFault("division by a constant that is not positive")
        if a.op == "lit":
            return self.integer(a.payload % divisor)  # type: ignore[operator]
        return (
            self.integer(0)
            if divisor == 1
            else self._make("mod", (a, self.integer(divisor)), "Int")
        )

    def to_real(self, a: Term) -> Term:
        if a.sort == "Real":
            return a
        if a.op == "lit":
            return self.real(a.payload)  # type: ignore[arg-type]
        return self._make("to_real", (a,), "Real")

    def floor(self, a: Term) -> Term:
        if a.sort == "Int":
            return a
        if a.op == "lit":
            return self.integer(floor(a.payload))  # type: ignore[call-overload]
        return self._make("floor", (a,), "Int")

    # --- text ----------------------------------------------------------------------------------

    def concat(self, operands: Iterable[Term]) -> Term:
        kept: list[Term] = []
        for operand in operands:
            for part in operand.args if operand.op == "concat" else (operand,):
                if part.op == "lit" and kept and kept[-1].op == "lit":
                    kept[-1] = self.text(str(kept[-1].payload) + str(part.payload))
                elif part.op != "lit" or part.payload:
                    kept.append(part)
            if len(kept) > MAX_PARTS:
                raise EncodingLimit(f"a text is put together of more than {MAX_PARTS:,} parts")
        if not kept:
            return self.text("")
        return kept[0] if len(kept) == 1 else self._make("concat", tuple(kept), "String")

    def contains(self, text: Term, part: Term) -> Term:
        if text.op == "lit" and part.op == "lit":
            return self.boolean(str(part.payload) in str(text.payload))
        return self._make("contains", (text, part), "Bool")

    def prefix(self, part: Term, text: Term) -> Term:
        if text.op == "lit" and part.op == "lit":
            return self.boolean(str(text.payload).startswith(str(part.payload)))
        return self._make("prefix", (part, text), "Bool")

    def suffix(self, part: Term, text: Term) -> Term:
        if text.op == "lit" and part.op == "lit":
            return self.boolean(str(text.payload).endswith(str(part.payload)))
        return self._make("suffix", (part, text), "Bool")

    def length(self, text: Term) -> Term:
        if text.op == "lit":
            return self.integer(len(str(text.payload)))
        return self._make("len", (text,), "Int")

    def str_le(self, a: Term, b: Term) -> Term:
        if a is b:
            return self.true
        if a.op == "lit" and b.op == "lit":
            return self.boolean(str(a.payload) <= str(b.payload))
        return self._make("str_le", (a, b), "Bool")

    def in_re(self, text: Term, language: Term, pattern: str) -> Term:
        """`language` says what `pattern` does: one to search with, one to match a known text."""
        return self._make("in_re", (text, language), "Bool", pattern)

    def re(
        self,
        op: Literal["re_text", "re_any", "re_none", "re_union", "re_concat", "re_star"],
        args: tuple[Term, ...] = (),
    ) -> Term:
        return self._make(op, args, "RegLan")

    def re_range(self, low: str, high: str) -> Term:
        return self._make("re_range", (), "RegLan", (low, high))

    def re_loop(self, body: Term, low: int, high: int) -> Term:
        return self._make("re_loop", (body,), "RegLan", (low, high))


def postorder(roots: Iterable[Term], done: Container[int] = ()) -> list[Term]:
    """Every term below `roots`, operands before their users, each once; no recursion.

    Terms whose id is in `done` are left out, with what only they need.
    """
    found: dict[int, Term] = {}
    waiting = list(roots)
    while waiting:
        term = waiting.pop()
        if term.id not in found and term.id not in done:
            found[term.id] = term
            waiting += term.args
    return [found[number] for number in sorted(found)]  # operands were made before their users
