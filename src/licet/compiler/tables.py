"""Tables: total functions given row by row; gaps and overlaps are errors.

A key `_` stands for every value of its column. Rows may only become more general downwards: a
row that another one restricts stands below it, two rows that overlap otherwise are an error. A
row of which every combination stands above it is a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from licet.policy_lang import Note, Span

from .reporting import Reporter
from .types import BoolType, EnumType, IntType, Type, Value
from .values import show

Keys = tuple[Value | None, ...]

#: The most values of a column that are looked at one by one.
LARGEST_COLUMN = 1_000


class _Other:
    """Stands for all values of a column that no row names."""

    def __repr__(self) -> str:
        return "_"


OTHER = _Other()


@dataclass(frozen=True, slots=True)
class Row:
    """One row and where it was written (a given param table has the table's span)."""

    keys: Keys
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Table:
    """A checked table. `open_columns` are those in which any value at all finds a row; `places`
    are those of the rows."""

    name: str
    params: tuple[Type, ...]
    result: Type
    rows: tuple[tuple[Keys, Value], ...]
    open_columns: frozenset[int]
    places: tuple[Span, ...] = field(default=(), compare=False, repr=False)


def check_table(
    name: str,
    params: tuple[Type, ...],
    result: Type,
    rows: Sequence[Row],
    span: Span,
    reporter: Reporter,
) -> Table | None:
    """The table, or None and errors that show the combination that is missing or doubled."""
    if _overlaps(name, params, rows, reporter):
        return None
    domains = [_domain(place, type_, rows) for place, type_ in enumerate(params)]
    keys = [row.keys for row in rows]
    missing = _missing(keys, domains)
    if missing is not None:
        shown = ", ".join(
            "_" if key is OTHER else show(key, type_)
            for key, type_ in zip(missing, params, strict=True)
        )
        reporter.error("LIC120", f"`{name}` has no row for ({shown})", span, f"add `{shown}: …`")
        return None
    _warn_of_unreached(name, rows, domains, reporter)
    open_columns = frozenset(
        place
        for place in range(len(params))
        if _missing(keys, [*domains[:place], (OTHER,), *domains[place + 1 :]]) is None
    )
    read = tuple((row.keys, row.value) for row in rows)
    places = tuple(row.span for row in rows)
    return Table(name, params, result, read, open_columns, places)


def _domain(place: int, type_: Type, rows: Sequence[Row]) -> tuple[object, ...]:
    """The values of a column that have to be looked at: all, or the named ones and OTHER."""
    match type_:
        case BoolType():
            return (False, True)
        case EnumType(labels=labels):
            return labels
        case IntType(low=int() as low, high=int() as high) if high - low < LARGEST_COLUMN:
            return tuple(range(low, high + 1))
        case _:
            named = {row.keys[place] for row in rows if row.keys[place] is not None}
            return (*sorted(named, key=repr), OTHER)


def _missing(
    rows: Sequence[Keys], domains: Sequence[tuple[object, ...]], place: int = 0
) -> tuple[object, ...] | None:
    """The first combination that no row fits, or None."""
    if not rows:
        return tuple(domain[0] for domain in domains[place:])
    if place == len(domains):
        return None
    if all(row[place] is None for row in rows):
        rest = _missing(rows, domains, place + 1)
        return None if rest is None else (domains[place][0], *rest)
    for value in domains[place]:
        fitting = [row for row in rows if row[place] is None or row[place] == value]
        rest = _missing(fitting, domains, place + 1)
        if rest is not None:
            return (value, *rest)
    return None


def _warn_of_unreached(
    name: str, rows: Sequence[Row], domains: Sequence[tuple[object, ...]], reporter: Reporter
) -> None:
    above: list[Keys] = []
    for row in rows:
        own = [
            domain if key is None else (key,) for key, domain in zip(row.keys, domains, strict=True)
        ]
        if None in row.keys and above and _missing(above, own) is None:
            reporter.warning(
                "LIC133",
                f"this row of `{name}` is never reached",
                row.span,
                "each of its combinations has a row above: remove it, or one of those",
            )
        above.append(row.keys)


def _overlaps(name: str, params: tuple[Type, ...], rows: Sequence[Row], reporter: Reporter) -> bool:
    found = False
    exact: dict[Keys, Row] = {}
    general: list[Row] = []
    for row in rows:
        others = [exact[row.keys]] if row.keys in exact else []
        others += [other for other in general if _meet(other.keys, row.keys)]
        if None in row.keys:
            others += [other for other in exact.values() if _meet(other.keys, row.keys)]
            general.append(row)
        else:
            exact.setdefault(row.keys, row)
        for other in others:
            if _within(other.keys, row.keys) and other.keys != row.keys:
                continue  # the row above is the exception, this one the rule
            common = [
                "_" if a is None and b is None else show(b if a is None else a, type_)
                for a, b, type_ in zip(other.keys, row.keys, params, strict=True)
            ]
            hidden = _within(row.keys, other.keys)
            reporter.error(
                "LIC121",
                f"`{name}` has two rows for ({', '.join(common)})",
                row.span,
                "remove one of the two"
                if row.keys == other.keys
                else "put the more special row above the more general one"
                if hidden
                else f"add a row for ({', '.join(common)}) above, or make one of the two narrower",
                (Note("the other row is here", other.span),),
            )
            found = True
            break
    return found


def _meet(a: Keys, b: Keys) -> bool:
    return all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def _within(a: Keys, b: Keys) -> bool:
    """Whether every combination of row `a` is one of row `b` too."""
    return all(y is None or x == y for x, y in zip(a, b, strict=True))
