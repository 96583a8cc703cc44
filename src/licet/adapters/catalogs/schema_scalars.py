"""The scalar parts of JSON Schema → types, and how findings about a schema are told.

See `json_schema` for what holds of the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from licet.compiler.exact_json import shortened
from licet.compiler.foreign_patterns import anywhere
from licet.compiler.types import (
    BOOL,
    DATE,
    JSON,
    STRING,
    TIME,
    Choice,
    DateType,
    DecimalType,
    EnumType,
    IntType,
    JsonType,
    OptionalType,
    StringType,
    TimeType,
    Type,
)
from licet.compiler.values import MAX_TEXT, conforms
from licet.policy_lang.diagnostics import Diagnostic, Severity
from licet.policy_lang.source import Span

from .schema_parts import is_kind, is_number

MAX_LABELS = 5_000
MAX_NUMBERS = 100
Schema = Mapping[str, Any]
Path = tuple[str, ...]

_HEX = "[0-9a-fA-F]"
#: Formats that are checked; all others are notes for people.
_FORMATS: Mapping[str, tuple[str, ...]] = {
    "uuid": (f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}",),
}
_INTEGERS: Mapping[str, tuple[int, int]] = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
}


class Findings:
    """What is found wrong or left out while one schema is read."""

    def __init__(self, where: str, span: Span | None) -> None:
        self.where = where
        self.span = span
        self.diagnostics: list[Diagnostic] = []
        #: How often a type was made wider than its schema.
        self.widened = 0

    def report(
        self,
        code: str,
        path: tuple[str, ...],
        message: str,
        severity: Severity = Severity.error,
        help: str | None = None,
    ) -> None:
        at = f", at {shortened('.'.join(path), 120)}" if path else ""
        found = Diagnostic(code, f"{self.where}{at}: {message}", self.span, severity, help=help)
        if found not in self.diagnostics[-50:]:
            self.diagnostics.append(found)

    def widen(self, path: tuple[str, ...], message: str) -> None:
        self.widened += 1
        self.report("LIC207", path, message, Severity.warning)

    def malformed(self, path: tuple[str, ...], key: str, expected: str) -> None:
        self.report("LIC204", path, f"{shortened(key)} is not {expected}")

    def impossible(self, path: Path, reason: str) -> None:
        self.report("LIC205", path, f"no value fits this schema: {reason}")


class Scalars(Findings):
    """Reads schemas of text, numbers and labels."""

    def labels(
        self, values: list[object], schema: Schema, kinds: list[str], path: tuple[str, ...]
    ) -> Type:
        """The type of an `enum` or `const`."""
        if len(values) > MAX_LABELS:
            self.report("LIC208", path, f"an `enum` has over {MAX_LABELS:,} values")
            return JSON
        fitting = [v for v in values if not kinds or any(is_kind(v, kind) for kind in kinds)]
        present = [v for v in fitting if v is not None]
        if not fitting:
            self.impossible(path, "no value of its `enum` is of its `type`")
            return JSON
        inner: Type = JSON
        if present and all(isinstance(v, str) for v in present):
            base = self.string({k: v for k, v in schema.items() if k != "format"}, path)
            names = tuple(dict.fromkeys(v for v in present if conforms(v, base)))
            if not names:
                self.impossible(path, "no value of its `enum` fits the rest of it")
                return JSON
            inner = EnumType("", tuple(str(name) for name in names))
        elif present and all(is_number(v) for v in present):
            inner = self.numbers(sorted({Fraction(str(v)) for v in present}), path)
        elif present and all(isinstance(v, bool) for v in present):
            inner = BOOL
            if len({*map(str, present)}) == 1:
                self.widen(path, "a boolean `const` is read as either boolean")
        else:
            self.widen(path, "an `enum` of several kinds is read as any JSON value")
        return OptionalType.of(inner) if len(present) < len(fitting) else inner

    def numbers(self, values: list[Fraction], path: tuple[str, ...]) -> Type:
        low, high = values[0], values[-1]
        whole = all(v.denominator == 1 for v in values)
        if whole and len(values) == high - low + 1:
            return IntType(int(low), int(high))
        if len(values) == 1:
            return DecimalType(low, high)
        if len(values) <= MAX_NUMBERS:
            each = tuple(IntType(int(v), int(v)) if whole else DecimalType(v, v) for v in values)
            return JsonType(Choice(each))
        self.widen(path, "a long `enum` of numbers is read as the range of them")
        return IntType(int(low), int(high)) if whole else DecimalType(low, high)

    def string(self, schema: Schema, path: tuple[str, ...]) -> Type:
        low = self.count(schema, "minLength", path) or 0
        high = self.count(schema, "maxLength", path)
        if low > (MAX_TEXT if high is None else min(high, MAX_TEXT)):
            self.impossible(path, "`minLength` is more than can be")
            return STRING
        format = str(schema.get("format"))
        patterns: tuple[str, ...] = _FORMATS.get(format, ())
        excluded: tuple[str, ...] = ()
        if "pattern" in schema:
            text = schema["pattern"]
            if not isinstance(text, str):
                self.malformed(path, "pattern", "text")
            elif (found := anywhere(text)) is None:
                self.widen(path, f"the pattern {shortened(text)} is not checked")
            else:
                if not found.exact:
                    self.widen(path, f"the pattern {shortened(text)} is checked in part")
                patterns, excluded = (*patterns, *found.patterns), found.excluded
                low = max(low, found.min_length)
                ends = [end for end in (high, found.max_length) if end is not None]
                high = min(ends) if ends else None
        day_or_time: Mapping[str, DateType | TimeType] = {"date": DATE, "date-time": TIME}
        chosen = day_or_time.get(format)
        if chosen is not None:
            if patterns or low or high is not None:
                self.widen(path, "length and pattern of a date or time are not checked")
            return chosen
        if format not in _FORMATS and "format" in schema:
            self.widened += 1  # a note for people, but two alternatives may differ in it alone
        return StringType(low, high, patterns, excluded)

    def integer(self, schema: Schema, path: tuple[str, ...]) -> Type:
        low, low_open, high, high_open, step = self.limits(schema, path)
        if (ends := _INTEGERS.get(str(schema.get("format")))) is not None:
            low = Fraction(ends[0]) if low is None else max(low, Fraction(ends[0]))
            high = Fraction(ends[1]) if high is None else min(high, Fraction(ends[1]))
        first = None if low is None else math.floor(low) + 1 if low_open else math.ceil(low)
        last = None if high is None else math.ceil(high) - 1 if high_open else math.floor(high)
        every = None if step is None or step.numerator == 1 else step.numerator
        if first is not None and last is not None:
            size = every or 1
            if -(-first // size) * size > last:
                self.impossible(path, "its range is empty")
                return IntType()
        return IntType(first, last, every)

    def number(self, schema: Schema, path: tuple[str, ...]) -> Type:
        low, low_open, high, high_open, step = self.limits(schema, path)
        if low is not None and high is not None:
            empty = low > high or (low == high and (low_open or high_open))
            if step is not None and not empty:
                first = -(-low // step) * step
                first += step if low_open and first == low else 0
                empty = first > high or (high_open and first == high)
            if empty:
                self.impossible(path, "its range is empty")
                return DecimalType()
        return DecimalType(low, high, low_open, high_open, step)

    def limits(
        self, schema: Schema, path: tuple[str, ...]
    ) -> tuple[Fraction | None, bool, Fraction | None, bool, Fraction | None]:
        low, low_open = self.limit(schema, "minimum", "exclusiveMinimum", max, path)
        high, high_open = self.limit(schema, "maximum", "exclusiveMaximum", min, path)
        step = self.amount(schema, "multipleOf", path)
        if step is not None and step <= 0:
            self.malformed(path, "multipleOf", "a number above 0")
            step = None
        return low, low_open, high, high_open, step

    def limit(
        self,
        schema: Schema,
        key: str,
        open_key: str,
        stricter: Callable[[Fraction, Fraction], Fraction],
        path: tuple[str, ...],
    ) -> tuple[Fraction | None, bool]:
        closed = self.amount(schema, key, path)
        if isinstance(schema.get(open_key), bool):  # draft 4 and OpenAPI 3.0
            return closed, closed is not None and schema[open_key] is True
        opened = self.amount(schema, open_key, path)
        if opened is None or closed is None:
            return (closed, False) if opened is None else (opened, True)
        if opened == closed or stricter(opened, closed) == opened:
            return opened, True
        return closed, False

    def amount(self, schema: Schema, key: str, path: tuple[str, ...]) -> Fraction | None:
        if key not in schema:
            return None
        value = schema[key]
        if not is_number(value):
            self.malformed(path, key, "a number")
            return None
        return Fraction(str(value))

    def count(self, schema: Schema, key: str, path: tuple[str, ...]) -> int | None:
        value = self.amount(schema, key, path)
        if value is None:
            return None
        if value < 0 or value.denominator != 1:
            self.malformed(path, key, "a whole number from 0")
            return None
        return int(value)
