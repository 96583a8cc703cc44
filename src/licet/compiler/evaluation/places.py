"""Values that know where in the world they stand, and what it means to read one.

An evaluation carries world values as `Located` and opens them only where a node needs them. So an
unknown part refuses only what reads it, and it is known exactly what was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from ..types import Value
from ..world import UNKNOWN, Path, holds_unknown

#: A run-time value whose parts may be `Located`.
Part = object

#: The path of a document that was computed, which stands nowhere in the world: no root is called
#: so, and what is in it is not taken for a part of the root that its own first key is called like.
COMPUTED: Final[Path] = ("",)


class UnknownRead(Exception):  # noqa: N818 - not a mistake: the world is incomplete
    """A value that the host did not supply was read. `path` is the unknown part (see `world`)."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path


class WrongType(Exception):  # noqa: N818 - not a mistake of the program
    """A document holds something else than the policy reads there.

    `path` leads to it: from the world's root, or from `COMPUTED` in a document of that kind.
    `expected` and `found` are for people (`a whole number`, `the text "2"`), and quote what is
    there. Equal in all three is equal.
    """

    def __init__(self, path: Path, expected: str, found: str) -> None:
        super().__init__(path, expected, found)
        self.path = path
        self.expected = expected
        self.found = found

    def __eq__(self, other: object) -> bool:
        return self.args == other.args if isinstance(other, WrongType) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.args)

    def __str__(self) -> str:
        place = ".".join(str(step) for step in self.path if step != "") or "the document"
        return f"`{place}` must be {self.expected}, not {self.found}"


class UnboundVariable(Exception):  # noqa: N818 - what a message's hole may meet
    """A variable that stands for nothing was read. Outside of messages, a bug of ours."""

    def __init__(self, slot: int) -> None:
        super().__init__(slot)
        self.slot = slot


class AbsentUnwrapped(Exception):  # noqa: N818 - what a message's hole may meet
    """An absent value was taken for a present one. Outside of messages, a bug of ours."""


@dataclass(slots=True)
class Located:
    """A value of the world, with its path."""

    path: Path
    value: Value


class Reader:
    """Opens located values. `reads` collects the paths in the order in which they were read.

    The path of a list, a map or a document stands for its shape, that of an optional record for
    its presence; what is inside has paths of its own, which are left out, unless `parts` are
    wanted, of what was read whole: `wholes` has its path.
    """

    __slots__ = ("_parts", "reads", "wholes")

    def __init__(self, *, parts: bool = False) -> None:
        self._parts = parts
        self.reads: dict[Path, None] = {}
        self.wholes: dict[Path, None] = {}

    def look(self, part: Part) -> object:
        """A part without its place, its own parts as the world has them. Raises UnknownRead."""
        if isinstance(part, Located):
            self.reads[part.path] = None
            if part.value is UNKNOWN:
                raise UnknownRead(part.path)
            return part.value
        return part

    def open(self, part: Part) -> object:
        """A part without its place, its own parts with theirs. Raises UnknownRead."""
        value = self.look(part)
        if isinstance(part, Located):
            if isinstance(value, tuple):
                path = part.path
                return tuple([Located((*path, i), item) for i, item in enumerate(value)])
            if isinstance(value, dict):
                return {key: Located((*part.path, key), item) for key, item in value.items()}
        return value

    def field(self, part: Part, name: str) -> Part:
        """A field of a record; neither is thereby read. What is unknown has only unknown fields.

        A field that the world's record lacks was not supplied, which is the same as unknown.
        """
        if isinstance(part, Located):
            if part.value is UNKNOWN:
                return part
            return Located((*part.path, name), record_of(part.value).get(name, UNKNOWN))
        return record_of(part)[name]

    def whole(self, part: Part) -> Value:
        """A part as a plain run-time value, all of it read. Raises UnknownRead."""
        if isinstance(part, Located) and isinstance(part.value, tuple | dict):
            self.wholes[part.path] = None
            if not self._parts and not holds_unknown(part.value):
                self.reads[part.path] = None
                return part.value
        value = self.open(part)
        if isinstance(value, tuple):
            return tuple([self.whole(item) for item in value])
        if isinstance(value, dict):
            return {key: self.whole(item) for key, item in value.items()}
        return value

    def same(self, left: Part, right: Part) -> bool:
        """Equality by content. True is not 1, and absent equals absent. Raises UnknownRead.

        Parts are compared in order, and only up to the first difference.
        """
        match self.open(left), self.open(right):
            case tuple() as a, tuple() as b:
                return len(a) == len(b) and all(map(self.same, a, b))
            case dict() as a, dict() as b:
                return a.keys() == b.keys() and all(self.same(a[key], b[key]) for key in a)
            case bool() as a, b:
                return a is b
            case a, bool():
                return False
            case a, b:
                return a == b


def without_places(part: Part) -> Value:
    """A part as a run-time value, with UNKNOWN left where it stands. Reads nothing."""
    if isinstance(part, Located):
        return part.value
    if isinstance(part, tuple):
        return tuple([without_places(item) for item in part])
    if isinstance(part, dict):
        return {key: without_places(item) for key, item in part.items()}
    return part


# What follows narrows a value to what the type checker has made sure of.


def truth_of(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError(f"not a Bool: {value!r}")


def number_of(value: object) -> int | Fraction:
    if isinstance(value, (int, Fraction)) and not isinstance(value, bool):
        return value
    raise TypeError(f"not a number: {value!r}")


def integer_of(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(f"not an integer: {value!r}")


def text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"not a text: {value!r}")


def list_of(value: object) -> tuple[Part, ...]:
    if isinstance(value, tuple):
        return value
    raise TypeError(f"not a list: {value!r}")


def record_of(value: object) -> Mapping[str, Part]:
    if isinstance(value, dict):
        return value
    raise TypeError(f"not a record or map: {value!r}")
