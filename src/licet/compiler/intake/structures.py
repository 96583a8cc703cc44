"""Checks of optional values, records, lists and maps."""

from __future__ import annotations

from typing import Any

from ..exact_json import shortened
from ..types import (
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
    Value,
)
from ..values import (
    MAX_ITEMS,
    identity,
)
from ..world import UNKNOWN, holds_unknown
from .problems import (
    MAX_PROBLEMS,
    MISSING,
    REQUIRED,
    Check,
    Options,
    Problem,
    Refused,
    class_of,
    found_phrase,
    is_mark,
    nearest,
    refusal,
    spend,
    under,
)


def optional_check(check: Check) -> Check:
    def check_optional(value: Any, budget: list[int]) -> Value:
        return None if value is None else check(value, budget)

    return check_optional


def record_check(type: RecordType, options: Options, depth: int) -> Check:
    absent = UNKNOWN if options.allow_unknown else REQUIRED
    entries = tuple(
        (
            field.name,
            options.compile(field.type, options, depth + 1),
            field.default
            if field.default is not None
            else None
            if isinstance(field.type, OptionalType)
            else absent,
            f"a value of type {field.type}",
        )
        for field in type.fields
    )
    names = frozenset(field.name for field in type.fields)
    open_record, exclusive = type.open, type.exclusive

    def check(value: Any, budget: list[int]) -> Value:
        if class_of(value) is not dict:
            raise refusal("an object", value, "wrong_type")
        given: dict[Any, object] = value
        get = given.get
        result: dict[str, Value] = {}
        problems: list[Problem] = []
        seen = 0
        for name, check_field, fallback, expected in entries:
            item = get(name, MISSING)
            if item is MISSING:
                if fallback is REQUIRED:
                    problems.append(Problem((name,), expected, "nothing", "missing"))
                result[name] = fallback
                continue
            seen += 1
            try:
                result[name] = check_field(item, budget)
            except Refused as refused:
                problems += under(refused, name)
        if seen != len(given) and not open_record:
            problems += _unknown_fields(given, names)
        if exclusive and not problems:
            _check_one(result, type)
        if problems:
            raise Refused(problems[:MAX_PROBLEMS])
        return result

    return check


def _check_one(record: dict[str, Value], type: RecordType) -> None:
    """Of an exclusive record exactly one field is present, as far as that is known."""
    there = [name for name, value in record.items() if value is not None]
    if len(there) == 1 or any(record[name] is UNKNOWN for name in there):
        return
    names = [shortened(field.name) for field in type.fields]
    expected = f"exactly one of {', '.join(names[:12])}" + (" …" if len(names) > 12 else "")
    found = ", ".join(map(shortened, there[:12])) or "none of them"
    raise Refused([Problem((), expected, found, "wrong_length")])


def _unknown_fields(given: dict[Any, object], names: frozenset[str]) -> list[Problem]:
    problems: list[Problem] = []
    free = sorted(names.difference(key for key in given if isinstance(key, str)))
    for key in given:
        if class_of(key) is not str:
            problems.append(Problem((), "keys that are text", found_phrase(key), "wrong_type"))
        elif key not in names:
            suggestion = nearest(key, free) or nearest(key, names)
            problems.append(
                Problem((key,), "no such field", shortened(key), "unknown_field", suggestion)
            )
        if len(problems) == MAX_PROBLEMS:
            break
    return problems


def list_check(type: ListType, options: Options, depth: int) -> Check:
    check_item = options.compile(type.element, options, depth + 1)
    low = type.min_length
    high = MAX_ITEMS if type.max_length is None else min(type.max_length, MAX_ITEMS)
    unique = type.unique
    weight = _weight(type.element)

    def check(value: Any, budget: list[int]) -> Value:
        if class_of(value) is not list and class_of(value) is not tuple:
            raise refusal("a list", value, "wrong_type")
        items: list[object] = value
        if not low <= len(items) <= high:
            expected = f"a list of {low} to {high} items"
            raise Refused([Problem((), expected, f"{len(items)} items", "wrong_length")])
        spend(budget, len(items) * weight, value)
        result: list[Value] = []
        problems: list[Problem] = []
        for index, item in enumerate(items):
            try:
                result.append(check_item(item, budget))
            except Refused as refused:
                problems += under(refused, index)
                if len(problems) >= MAX_PROBLEMS:
                    break
        if problems:
            raise Refused(problems)
        if unique:
            known = [identity(item) for item in result if not holds_unknown(item)]
            if len(set(known)) != len(known):
                raise refusal("a list without repetitions", value, "not_unique")
        return tuple(result)

    return check


def _weight(type: Type) -> int:
    """How many nodes a value of a type has at least, lists and maps counted where they stand."""
    match type:
        case RecordType(_, fields):
            return 1 + sum(_weight(field.type) for field in fields)
        case OptionalType(inner):
            return _weight(inner)
        case _:
            return 1


def map_check(type: MapType, options: Options, depth: int) -> Check:
    check_key = options.compile_known(type.key, options, depth + 1)
    check_item = options.compile(type.value, options, depth + 1)
    weight = _weight(type.value)
    low = type.min_length
    high = MAX_ITEMS if type.max_length is None else min(type.max_length, MAX_ITEMS)

    def check(value: Any, budget: list[int]) -> Value:
        if class_of(value) is not dict:
            raise refusal("an object", value, "wrong_type")
        given: dict[Any, object] = value
        if not low <= len(given) <= high:
            expected = f"{low:,} to {high:,} entries" if low else f"at most {high:,} entries"
            raise Refused([Problem((), expected, f"{len(given)} entries", "wrong_length")])
        if is_mark(value):
            raise refusal("a known value", "$unknown", "unknown")
        spend(budget, len(given) * weight, value)
        result: dict[str, Value] = {}
        problems: list[Problem] = []
        for key, item in given.items():
            step = key if isinstance(key, str) else "(key)"
            try:
                check_key(key, budget)
                result[key] = check_item(item, budget)
            except Refused as refused:
                problems += under(refused, step)
                if len(problems) >= MAX_PROBLEMS:
                    break
        if problems:
            raise Refused(problems)
        return {key: result[key] for key in sorted(result)}

    return check
