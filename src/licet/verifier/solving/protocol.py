"""What the pool and its workers say to each other: one JSON object a line, both ways.

A request names a *question* (SMT-LIB text: declarations, constraints, named Bool definitions) by
its digest; the text itself travels once per worker. Everything read back is checked here as if a
stranger had sent it: what does not fit is a `GarbageError`, and the pool makes that unknown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

#: An answer longer than this is no answer.
MAX_LINE = 16 << 20

#: What a worker says first, once it takes requests.
READY = b'"ready"\n'


@dataclass(frozen=True, slots=True)
class Check:
    """Is there a model of the question with all `assertions` (Bool terms)? Which `values`?

    Answers: `Sat` with the value of each term of `values`, `Unsat`, `Unknown`.
    """

    assertions: tuple[str, ...]
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Core:
    """Which `assumptions` make `assertions` impossible, none of them for nothing?

    The earlier an assumption stands, the sooner it is dropped. Answers: `Forced`; `Sat` (without
    values) if even all together do not; `Unknown`.
    """

    assertions: tuple[str, ...]
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Adjustable:
    """A symbol that a search may change, with its present value and how far others are.

    Of a number, the numeral says it. Otherwise `choices` are the other values, nearest first.
    """

    symbol: str
    old: str
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Nearest:
    """The model of `assertions` nearest to the old values.

    Fewest symbols changed; among these, in the order of `adjustable`, the least distance each.
    `fixed` are pairs of a symbol and its value. Answers: `Sat` with the values of what changed;
    `NearestOpen` where the least distance is not attained; `Unsat`; `Unknown`.
    """

    assertions: tuple[str, ...]
    fixed: tuple[tuple[str, str], ...]
    adjustable: tuple[Adjustable, ...]


Query = Check | Core | Nearest


@dataclass(frozen=True, slots=True)
class Sat:
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Unsat:
    pass


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, and why not (one line, for an operator)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Forced:
    """Positions of the assumptions kept. `minimal`: each is shown to be needed."""

    kept: tuple[int, ...]
    minimal: bool


@dataclass(frozen=True, slots=True)
class NearestOpen:
    """One symbol must change, to anything beyond `bound` on one side; `near` is an example."""

    symbol: str
    bound: str
    side: Literal["below", "above"]
    near: str


Answer = Sat | Unsat | Unknown | Forced | NearestOpen


class GarbageError(Exception):
    """The worker said something that is no answer to what it was asked."""


def request(
    number: int, query: Query, digest: str, text: str | None, forget: str | None, seconds: float
) -> bytes:
    """One line that asks `query` of a question; `text` where the worker has not seen it."""
    body: dict[str, object]
    match query:
        case Check(assertions, values):
            body = {"op": "check", "assert": assertions, "values": values}
        case Core(assertions, assumptions):
            body = {"op": "core", "assert": assertions, "assume": assumptions}
        case Nearest(assertions, fixed, adjustable):
            leaves = [[a.symbol, a.old, a.choices] for a in adjustable]
            body = {"op": "nearest", "assert": assertions, "fixed": fixed, "leaves": leaves}
        case _:
            assert_never(query)
    body |= {"id": number, "digest": digest, "seconds": seconds}
    if text is not None:
        body["text"] = text
    if forget is not None:
        body["forget"] = forget
    return json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n"


def answer(line: bytes, number: int, query: Query) -> Answer:
    """What a worker's line says. Raises GarbageError for anything that is no answer to `query`."""
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        raise GarbageError("not JSON") from None
    if not isinstance(body, dict) or body.get("id") != number or isinstance(body["id"], bool):
        raise GarbageError("the answer to another question")
    match body:
        case {"answer": "unknown", "reason": str(reason)}:
            return Unknown(reason)
        case {"answer": "unsat"} if not isinstance(query, Core):
            return Unsat()
        case {"answer": "sat"} if isinstance(query, Core):
            return Sat({})
        case {"answer": "sat", "values": dict(values)}:
            return Sat(_values(values, query))
        case {"answer": "forced", "kept": list(kept), "minimal": bool(minimal)}:
            if isinstance(query, Core) and _positions(kept, len(query.assumptions)):
                return Forced(tuple(kept), minimal)
        case {
            "answer": "open",
            "symbol": str(symbol),
            "bound": str(bound),
            "side": "below" | "above" as side,
            "near": str(near),
        } if isinstance(query, Nearest) and any(a.symbol == symbol for a in query.adjustable):
            return NearestOpen(symbol, bound, side, near)
    raise GarbageError("not an answer to what was asked")


def _values(values: dict[str, object], query: Query) -> dict[str, str]:
    checked = {name: value for name, value in values.items() if isinstance(value, str)}
    if isinstance(query, Check):
        complete = checked.keys() == set(query.values)
    else:
        assert isinstance(query, Nearest)
        complete = checked.keys() <= {a.symbol for a in query.adjustable}
    if not complete or len(checked) != len(values):
        raise GarbageError("values that were not asked for, or not all of them")
    return checked


def _positions(kept: list[object], count: int) -> bool:
    whole = all(isinstance(i, int) and not isinstance(i, bool) and 0 <= i < count for i in kept)
    return whole and len(set(map(str, kept))) == len(kept)
