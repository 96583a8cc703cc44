"""How run-time values become handles of Z3, to be bound to variables."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final, Protocol

from .documents import document_text
from .failures import EncodingFault, UnsupportedText
from .library import Context
from .patterns import LAST
from .soil import Variable

#: Handles for numbers that a context keeps between calls.
CACHED_NUMBERS: Final = 4_096


class Coder(Protocol):
    """Knows the codes of texts in a world."""

    def code(self, text: str) -> int: ...


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


def codec(variable: Variable, context: Context, numerals: Numerals) -> Callable[[Any, Coder], int]:
    """How a variable's run-time value becomes a handle. Raises for values of other types."""
    match variable.codec:
        case "bool":
            true, false = context.true, context.false

            def bool_handle(value: Any, _: Coder) -> int:
                if value is True:
                    return true
                if value is False:
                    return false
                raise EncodingFault("a truth value is not a bool")

            return bool_handle
        case "int":
            find, make = numerals.find, numerals.integer

            def int_handle(value: Any, _: Coder) -> int:
                if value.__class__ is not int:
                    raise EncodingFault("an integer is not an int")
                return find(value) or make(value)

            return int_handle
        case "scaled":
            scale = variable.scale

            def scaled_handle(value: Any, _: Coder) -> int:
                if value.__class__ is not int and value.__class__ is not Fraction:
                    raise EncodingFault("a decimal is not a number")
                times, rest = divmod(scale, value.denominator)
                if rest:
                    raise EncodingFault("a decimal is not a multiple of its step")
                return numerals.integer(value.numerator * times)

            return scaled_handle
        case "real":

            def real_handle(value: Any, _: Coder) -> int:
                if value.__class__ is not int and value.__class__ is not Fraction:
                    raise EncodingFault("a decimal is not a number")
                return numerals.rational(value)

            return real_handle
        case "enum":
            labels = {label: index for index, label in enumerate(variable.labels)}

            def enum_handle(value: Any, _: Coder) -> int:
                index = labels.get(value)
                if index is None:
                    raise EncodingFault("a value is not a label of its enum")
                return numerals.integer(index)

            return enum_handle
        case "code":

            def code_handle(value: Any, coder: Coder) -> int:
                if value.__class__ is not str:
                    raise EncodingFault("a text is not a str")
                return numerals.integer(coder.code(value))

            return code_handle
        case "document":

            def document_handle(value: Any, coder: Coder) -> int:
                return numerals.integer(coder.code(document_text(value)))

            return document_handle
        case "seq":

            def seq_handle(value: Any, _: Coder) -> int:
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
