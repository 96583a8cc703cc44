"""What differs between two catalogs, in the words of whoever has to mend a policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from licet.compiler.catalog import Catalog, Tool
from licet.compiler.digests import tool_digest
from licet.compiler.types import (
    DecimalType,
    EnumType,
    Field,
    IntType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
)

from .hints import HINTS

What = Literal["added", "removed", "tightened", "loosened", "changed"]


@dataclass(frozen=True, slots=True)
class Difference:
    """`path` is empty for the tool as a whole, else leads into its arguments (`args.bags[].kg`)."""

    what: What
    tool: str
    path: str = ""
    detail: str = ""

    def __str__(self) -> str:
        where = f"{self.tool} {self.path}" if self.path else self.tool
        return f"{self.what:<9} {where}" + (f": {self.detail}" if self.detail else "")


def differences(old: Catalog, new: Catalog) -> Iterator[Difference]:
    """Every difference, by tool; sources of equal digests are not read."""
    same = {(s.name, s.digest) for s in old.sources} & {(s.name, s.digest) for s in new.sources}
    skipped = {name for name, _ in same}

    def known(catalog: Catalog) -> list[str]:
        return [n for n in catalog.qualified if not _source(catalog, n) & skipped]

    before, after = known(old), known(new)
    gone, fresh = set(before) - set(after), set(after) - set(before)
    for name in sorted({*before, *after}):
        if name in gone:
            yield Difference("removed", name)
        elif name in fresh:
            yield Difference("added", name)
        else:
            yield from _tool(old.qualified[name], new.qualified[name])


def drift(known: Tool, now: Tool) -> list[Difference]:
    """What one tool has become since its catalog was made; hints aside, which a project sets."""
    hints = {hint: getattr(known, hint) for hint in HINTS}
    return list(_tool(known, replace(now, **hints)))


def _source(catalog: Catalog, qualified: str) -> set[str]:
    short = catalog.short_name(qualified) or ""
    return {qualified[: -len(short) - 1]} if len(short) < len(qualified) else set()


def _tool(old: Tool, new: Tool) -> Iterator[Difference]:
    name = new.qualified
    found = list(_record(name, "args", old.params, new.params))
    yield from found
    for hint in HINTS:
        before, after = getattr(old, hint), getattr(new, hint)
        if before != after:
            yield Difference("changed", name, "", f"{hint}: {_yes(before)} → {_yes(after)}")
            found.append(Difference("changed", name))
    if old.description != new.description:
        yield Difference("changed", name, "", "its description")
    elif not found and tool_digest(old) != tool_digest(new):
        yield Difference("changed", name, "", "what it says beyond its arguments' types")


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _record(tool: str, path: str, old: RecordType, new: RecordType) -> Iterator[Difference]:
    for field in old.fields:
        if new.field(field.name) is None:
            yield Difference("removed", tool, f"{path}.{field.name}")
    for field in new.fields:
        at = f"{path}.{field.name}"
        before = old.field(field.name)
        if before is None:
            yield Difference("added", tool, at, "required" if _needed(field) else "")
        elif _needed(field) and not _needed(before):
            yield Difference("tightened", tool, at, "now required")
        elif _needed(before) and not _needed(field):
            yield Difference("loosened", tool, at, "no longer required")
        if before is not None:
            yield from _type(tool, at, _bare(before.type), _bare(field.type))
    if new.exclusive and not old.exclusive:
        yield Difference("tightened", tool, path, "exactly one field")


def _type(tool: str, path: str, old: Type, new: Type) -> Iterator[Difference]:
    match old, new:
        case RecordType(), RecordType():
            yield from _record(tool, path, old, new)
            return
        case ListType(), ListType():
            yield from _type(tool, f"{path}[]", _bare(old.element), _bare(new.element))
        case MapType(), MapType():
            yield from _type(tool, f"{path}{{}}", _bare(old.value), _bare(new.value))
        case _:
            pass
    if old == new and not isinstance(old, ListType | MapType):
        return
    narrower, wider = not covers(new, old), not covers(old, new)
    if narrower or wider:
        what: What = "tightened" if narrower and not wider else "loosened"
        yield Difference("changed" if narrower and wider else what, tool, path, f"{old} → {new}")


def covers(wide: Type, narrow: Type) -> bool:
    """Whether every value of one type is surely of the other, parts of lists and maps aside."""
    match wide, narrow:
        case JsonType(), _:
            return True
        case IntType(), IntType():
            return _within(wide, narrow) and (wide.step or 1) in (1, narrow.step)
        case DecimalType(), IntType() | DecimalType():
            return _within(wide, narrow) and wide.step in (None, narrow.step)
        case StringType(), StringType():
            return (
                wide.min_length <= narrow.min_length
                and _below(narrow.max_length, wide.max_length)
                and set(wide.patterns) <= set(narrow.patterns)
                and set(wide.excluded) <= set(narrow.excluded)
            )
        case StringType(0, None, (), ()), EnumType():
            return True
        case EnumType(), EnumType():
            return set(narrow.labels) <= set(wide.labels)
        case ListType(), ListType():
            return (
                wide.min_length <= narrow.min_length
                and _below(narrow.max_length, wide.max_length)
                and (narrow.unique or not wide.unique)
            )
        case MapType(), MapType():
            return wide.min_length <= narrow.min_length and _below(
                narrow.max_length, wide.max_length
            )
        case _:
            return wide == narrow


def _within(wide: IntType | DecimalType, narrow: IntType | DecimalType) -> bool:
    low = wide.low is None or (narrow.low is not None and narrow.low >= wide.low)
    high = wide.high is None or (narrow.high is not None and narrow.high <= wide.high)
    return low and high and _open(wide) <= _open(narrow)


def _open(kind: IntType | DecimalType) -> set[tuple[str, Fraction | int | None]]:
    """The ends that a range leaves out."""
    if isinstance(kind, IntType):
        return set()
    ends = (("low", kind.low, kind.low_open), ("high", kind.high, kind.high_open))
    return {(name, end) for name, end, is_open in ends if is_open}


def _below(narrow: int | None, wide: int | None) -> bool:
    return wide is None or (narrow is not None and narrow <= wide)


def _needed(field: Field) -> bool:
    return not isinstance(field.type, OptionalType) and field.default is None


def _bare(kind: Type) -> Type:
    return kind.inner if isinstance(kind, OptionalType) else kind
