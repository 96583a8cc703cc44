"""What is wrong with a value, in words; and what all checks of values share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Literal

from rapidfuzz import fuzz, process

from ..clock import Clock
from ..exact_json import shortened
from ..types import Type, Value
from ..values import DIGITS_BOUND, quoted
from ..world import Path

MAX_NODES = 100_000
MAX_PROBLEMS = 20
#: The built-in, under a name that parameters called `type` do not hide. `value.__class__` may lie.
class_of: Final = type
_PLAIN: Final = frozenset({type(None), bool, int, float, Decimal, str, list, tuple, dict})

Kind = Literal[
    "missing",
    "unknown_field",
    "wrong_type",
    "out_of_range",
    "not_a_label",
    "no_match",
    "wrong_length",
    "not_unique",
    "not_exact",
    "malformed",
    "unknown",
    "too_large",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a value was refused: `expected` and `found` are phrases without a full stop
    (`a number`, `the text "700"`); `suggestion` is the nearest valid name or label."""

    path: Path
    expected: str
    found: str
    kind: Kind
    suggestion: str | None = None


class BadValue(Exception):  # noqa: N818 - a value is bad; nothing went wrong here
    """A value that is not of the type: one to MAX_PROBLEMS problems, in the order of the type."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{p.path}: expected {p.expected}" for p in problems))
        self.problems = problems


class Refused(Exception):  # noqa: N818 - control flow inside this module
    """Problems with paths relative to the value that was checked."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems


#: A compiled type. The list holds one number: how many more nodes the value may have.
Check = Callable[[Any, list[int]], Value]
MISSING: Final = object()
REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Options:
    """How a type's check is made; `compile` makes those of its parts, at a depth, `compile_known`
    those that the host may not leave unknown."""

    clock: Clock
    allow_unknown: bool
    compile: Callable[[Type, Options, int], Check]
    compile_known: Callable[[Type, Options, int], Check]
    #: The checks of shapes that have names, by (id of their definitions, name).
    defined: dict[tuple[int, str], Check] = field(default_factory=dict)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant; None where none is near."""
    found = process.extractOne(name[:100], list(names), scorer=fuzz.ratio, score_cutoff=60)
    return found[0] if found else None


def problem(expected: str, value: object, kind: Kind) -> Problem:
    return Problem((), expected, found_phrase(value), kind)


def refusal(expected: str, value: object, kind: Kind) -> Refused:
    return Refused([problem(expected, value, kind)])


def found_phrase(value: object) -> str:
    """What a value is, in a phrase."""
    if class_of(value) not in _PLAIN:
        return f"a value of type {shortened(class_of(value).__name__)}"
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) < DIGITS_BOUND else "a number of over 100 digits"
        case float():
            return (
                repr(value) if math.isfinite(value) else "NaN" if math.isnan(value) else "infinity"
            )
        case Decimal():
            return shortened(str(value)) if len(value.as_tuple().digits) < 200 else "a long number"
        case str():
            return f"the text {quoted(value, 40)}"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return "an object"


def under(refused: Refused, step: object) -> list[Problem]:
    """The problems of a part, said of the whole."""
    return [replace(p, path=(step, *p.path)) for p in refused.problems]


def spend(budget: list[int], nodes: int, value: object) -> None:
    """Count nodes of a value; raises `Refused` when there are too many."""
    budget[0] -= nodes
    if budget[0] < 0:
        raise refusal(f"at most {MAX_NODES:,} values in one", value, "too_large")


def is_mark(value: Any) -> bool:
    """Whether a host says that it does not know: `{"$unknown": true}`."""
    return class_of(value) is dict and len(value) == 1 and value.get("$unknown") is True
