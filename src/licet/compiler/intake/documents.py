"""Checks of JSON documents, with a shape or without."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ..exact_json import MAX_DEPTH, shortened
from ..types import (
    Choice,
    Shape,
    StringType,
    Value,
)
from ..values import MAX_TEXT, survives_binary64
from ..world import UNKNOWN, Path
from .problems import (
    Check,
    Options,
    Problem,
    Refused,
    class_of,
    is_mark,
    refusal,
    spend,
    under,
)
from .scalars import number_of, string_check


def json_check(options: Options, depth: int) -> Check:
    deepest = MAX_DEPTH - depth

    def check(value: Any, budget: list[int]) -> Value:
        return convert(value, budget, 0)

    def convert(value: Any, budget: list[int], level: int) -> Value:
        kind = class_of(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return check_text(value, budget)
        if kind is int or kind is float or kind is Decimal or kind is Fraction:
            number = number_of(value, "a number")
            if class_of(number) is not int and kind is not float and not survives_binary64(number):
                raise refusal("a number that binary floating point keeps", value, "not_exact")
            return number
        if kind is not dict and kind is not list and kind is not tuple:
            if value is UNKNOWN and options.allow_unknown:
                return UNKNOWN
            raise refusal("a JSON value", value, "wrong_type")
        if level >= deepest:
            raise refusal(f"nesting of at most {MAX_DEPTH}", value, "too_large")
        if is_mark(value):
            if options.allow_unknown:
                return UNKNOWN
            raise refusal("a known value", "$unknown", "unknown")
        spend(budget, len(value), value)
        if kind is dict:
            return convert_object(value, budget, level + 1)
        return convert_list(value, budget, level + 1)

    # Most of what stands in a document are short texts of ASCII, which need no further look.
    def convert_object(given: dict[Any, Any], budget: list[int], level: int) -> Value:
        found: dict[str, Value] = {}
        for key, item in given.items():
            try:
                if class_of(key) is not str or not key.isascii() or len(key) > MAX_TEXT:
                    check_text(key, budget)
                if class_of(item) is str and item.isascii() and len(item) <= MAX_TEXT:
                    found[key] = item
                else:
                    found[key] = convert(item, budget, level)
            except Refused as refused:
                raise Refused(under(refused, key)) from None
        keys = sorted(found)
        return found if keys == list(found) else {key: found[key] for key in keys}

    def convert_list(given: Iterable[Any], budget: list[int], level: int) -> Value:
        found: list[Value] = []
        for item in given:
            try:
                if class_of(item) is str and item.isascii() and len(item) <= MAX_TEXT:
                    found.append(item)
                else:
                    found.append(convert(item, budget, level))
            except Refused as refused:
                raise Refused(under(refused, len(found))) from None
        return tuple(found)

    check_text = string_check(StringType())
    return check


def shaped(shape: Shape, document: Check, options: Options, depth: int) -> Check:
    """The check of a document that has a shape: its value is the document, as rules read it."""
    fits = _shape_check(shape, options, depth)

    def check(value: Any, budget: list[int]) -> Value:
        found = document(value, budget)
        if found is not UNKNOWN:
            fits(value, budget)
        return found

    return check


def _shape_check(shape: Shape, options: Options, depth: int) -> Check:
    if isinstance(shape, Choice):
        return _choice_check(shape, options, depth)
    name, definitions = shape.name, shape.definitions

    def check(value: Any, budget: list[int]) -> Value:
        # Compiled where it is first needed: a definition may contain itself.
        key = (id(definitions), name)
        known = options.defined.get(key)
        if known is None:
            kind = definitions.types[name]
            known = options.defined[key] = options.compile_known(kind, options, depth)
        spend(budget, 1, value)
        return known(value, budget)

    return check


def _choice_check(shape: Choice, options: Options, depth: int) -> Check:
    checks = tuple(options.compile_known(option, options, depth) for option in shape.options)
    names = ", ".join(dict.fromkeys(str(option) for option in shape.options))
    expected = f"one of {shortened(names, 200)}"

    def check(value: Any, budget: list[int]) -> Value:
        fitting = 0
        misses: list[list[Problem]] = []
        for check_option in checks:
            try:
                check_option(value, budget)
            except Refused as refused:
                misses.append(refused.problems)
                continue
            fitting += 1
            if not shape.exactly_one:
                return value
        if fitting == 1:
            return value
        if fitting:
            several = f"exactly {expected}"
            raise Refused([Problem((), several, f"a value of {fitting} of them", "wrong_type")])
        meant = _meant(misses)
        raise Refused(meant) if meant else refusal(expected, value, "wrong_type")

    return check


def _meant(misses: list[list[Problem]]) -> list[Problem]:
    """What is wrong with a value as the alternative that it was most likely meant as; nothing where
    it resembles none.

    Its labels tell first: a `kind` that only one alternative has. Then what came furthest into one.
    """
    inside = [problems for problems in misses if any(problem.path for problem in problems)]
    if not inside:
        return []
    tagged = [problems for problems in inside if not _odd_labels(problems)]
    if not tagged:
        places = set.intersection(*(set(_odd_labels(problems)) for problems in inside))
        for path in sorted(places, key=str):
            each = [_odd_labels(problems)[path] for problems in inside]
            labels = " or ".join(dict.fromkeys(problem.expected for problem in each))
            return [replace(each[0], expected=labels, suggestion=None)]
    return max(tagged or inside, key=lambda problems: max(len(p.path) for p in problems))


def _odd_labels(problems: list[Problem]) -> dict[Path, Problem]:
    """By their places, the fields that have none of the labels they may have."""
    return {p.path: p for p in problems if p.kind == "not_a_label" and len(p.path) == 1}
