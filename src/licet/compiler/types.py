"""The types of values, with the constraints that the solver may rely on.

Values at run time, after admission (see `values`):

| type | Python value |
|---|---|
| Bool | bool |
| Int | int |
| Decimal | int or Fraction (equal numbers are equal values) |
| String, Enum | str |
| Date | int: days since 1970-01-01 |
| Time | int: microseconds since 1970-01-01T00:00Z |
| Duration | int: microseconds |
| Record | dict with every declared field; an absent optional field is None |
| List | tuple |
| Map | dict (keys str, iteration in sorted key order) |
| T? | the value, or None when absent |
| Json | JSON data: None, bool, int, Fraction, str, tuple, dict |

An optional of an optional does not exist: `OptionalType.of` flattens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from .exact_json import number_text

MICROSECOND = 1
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

MIN_DATE, MAX_DATE = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31
MIN_TIME = -2_208_988_800 * SECOND  # 1900-01-01T00:00Z
MAX_TIME = 7_258_118_400 * SECOND - 1  # the last microsecond before 2200-01-01T00:00Z
MAX_DURATION = 100 * 366 * DAY


@dataclass(frozen=True, slots=True)
class BoolType:
    def __str__(self) -> str:
        return "Bool"


@dataclass(frozen=True, slots=True)
class IntType:
    """Integers, ends included; `step` > 1 keeps multiples of it."""

    low: int | None = None
    high: int | None = None
    step: int | None = None

    def __str__(self) -> str:
        return "Int" + _range(self.low, self.high, False, False, self.step)


@dataclass(frozen=True, slots=True)
class DecimalType:
    """Exact rationals; `step` keeps multiples of it.

    `exact` says that whoever receives the number keeps it exactly, as the host does; where it is
    False, as for a tool's arguments, a decimal that binary64 would change is refused at admission.
    """

    low: Fraction | None = None
    high: Fraction | None = None
    low_open: bool = False
    high_open: bool = False
    step: Fraction | None = None
    exact: bool = False

    def __str__(self) -> str:
        return "Decimal" + _range(self.low, self.high, self.low_open, self.high_open, self.step)


@dataclass(frozen=True, slots=True)
class StringType:
    """Text. `patterns` are regular expressions of the language that the whole text matches, all of
    them; `excluded` those of which it matches none."""

    min_length: int = 0
    max_length: int | None = None
    patterns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = "String"
        if self.patterns:
            text += "".join(f" matches /{p}/" for p in self.patterns)
        if self.excluded:
            text += "".join(f" not matches /{p}/" for p in self.excluded)
        if self.min_length or self.max_length is not None:
            end = "" if self.max_length is None else str(self.max_length)
            text += f" (length {self.min_length} .. {end})"
        return text


@dataclass(frozen=True, slots=True)
class DateType:
    def __str__(self) -> str:
        return "Date"


@dataclass(frozen=True, slots=True)
class TimeType:
    """Instants. `seconds`: from outside, a number counts as seconds since 1970-01-01T00:00Z, and a
    date as its midnight on the policy's clock."""

    seconds: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return "Time"


@dataclass(frozen=True, slots=True)
class DurationType:
    def __str__(self) -> str:
        return "Duration"


#: Labels that the name of an enum without a name shows; Amazon's instance types are a thousand.
SHOWN_LABELS = 12


@dataclass(frozen=True, slots=True)
class EnumType:
    """A closed set of labels in their declared order. Two enums are one type if those agree."""

    name: str
    labels: tuple[str, ...]

    def __str__(self) -> str:
        if self.name:
            return self.name
        if len(self.labels) <= SHOWN_LABELS:
            return "{" + ", ".join(self.labels) + "}"
        return "{" + ", ".join(self.labels[:SHOWN_LABELS]) + f", … {len(self.labels):,} labels}}"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record; an optional field has an `OptionalType`.

    `default` (a run-time value, None for none) fills in when a tool's argument is left out.
    """

    name: str
    type: Type
    default: Value = None


@dataclass(frozen=True, slots=True)
class RecordType:
    """A record. `open` ones (a schema that allows further properties) accept and ignore more
    fields only where the schema says so; a policy cannot read those. Of an `exclusive` one, whose
    fields are optional, exactly one field is present."""

    name: str
    fields: tuple[Field, ...]
    open: bool = False
    exclusive: bool = False

    def field(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)

    def __str__(self) -> str:
        return self.name or "{ " + ", ".join(f"{f.name}: {f.type}" for f in self.fields) + " }"


@dataclass(frozen=True, slots=True)
class ListType:
    element: Type
    min_length: int = 0
    max_length: int | None = None
    unique: bool = False

    def __str__(self) -> str:
        return f"List<{self.element}>"


@dataclass(frozen=True, slots=True)
class MapType:
    """Keys are of a StringType or an EnumType; lengths count entries."""

    key: Type
    value: Type
    min_length: int = 0
    max_length: int | None = None

    def __str__(self) -> str:
        return f"Map<{self.key}, {self.value}>"


@dataclass(frozen=True, slots=True)
class OptionalType:
    """A value that may be absent. Build through `of`, which flattens."""

    inner: Type

    @staticmethod
    def of(inner: Type) -> OptionalType:
        return inner if isinstance(inner, OptionalType) else OptionalType(inner)

    def __str__(self) -> str:
        return f"{self.inner}?"


@dataclass(frozen=True, slots=True)
class JsonType:
    """A document whose shape is checked where it is used.

    `shape` is what admission holds it against before that. Rules do not see it: to them, and to
    the solver, documents of all shapes are of one type.
    """

    shape: Shape | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return "Json"


@dataclass(frozen=True, slots=True)
class Choice:
    """Documents of one of several types; of exactly one where `exactly_one`."""

    options: tuple[Type, ...]
    exactly_one: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Definitions:
    """Types by name, for shapes that contain themselves; filled while a source is read."""

    types: dict[str, Type] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Defined:
    """Documents of the type that `definitions` has under `name`."""

    name: str
    definitions: Definitions


Shape = Choice | Defined

Type = (
    BoolType
    | IntType
    | DecimalType
    | StringType
    | DateType
    | TimeType
    | DurationType
    | EnumType
    | RecordType
    | ListType
    | MapType
    | OptionalType
    | JsonType
)

#: What a run-time value is in Python; see the table above.
Value = object

BOOL = BoolType()
INT = IntType()
DECIMAL = DecimalType(exact=True)
STRING = StringType()
DATE = DateType()
TIME = TimeType()
DURATION = DurationType()
JSON = JsonType()
WEEKDAY = EnumType("Weekday", ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))


def rebuilt(kind: Type, change: Callable[[Type], Type]) -> Type:
    """The type with every scalar type inside it changed."""
    match kind:
        case OptionalType(inner):
            return OptionalType(rebuilt(inner, change))
        case ListType(element):
            return replace(kind, element=rebuilt(element, change))
        case MapType(key, value):
            return replace(kind, key=rebuilt(key, change), value=rebuilt(value, change))
        case RecordType(_, inside):
            return replace(
                kind, fields=tuple(replace(f, type=rebuilt(f.type, change)) for f in inside)
            )
        case _:
            return change(kind)


def has_open_parts(kind: Type) -> bool:
    """Whether values of the type may hold fields that it does not name."""
    match kind:
        case RecordType(_, inside, is_open):
            return is_open or any(has_open_parts(f.type) for f in inside)
        case OptionalType(inner) | ListType(inner):
            return has_open_parts(inner)
        case MapType(_, value):
            return has_open_parts(value)
        case _:
            return False


def is_sent_one_way(kind: Type) -> bool:
    """Whether a value of the type tells all of the JSON that it was sent as: an instant has many
    spellings, and what an open record holds besides is nobody's to know."""
    match kind:
        case RecordType(_, inside, is_open):
            return not is_open and all(is_sent_one_way(f.type) for f in inside)
        case OptionalType(inner) | ListType(inner):
            return is_sent_one_way(inner)
        case MapType(key, value):
            return is_sent_one_way(key) and is_sent_one_way(value)
        case DateType() | TimeType() | DurationType():
            return False
        case _:
            return True


def as_binary64(kind: Type) -> Type:
    """The type as a tool receives it: no decimal in it is exact."""

    def change(scalar: Type) -> Type:
        return replace(scalar, exact=False) if isinstance(scalar, DecimalType) else scalar

    return rebuilt(kind, change)


def _range(
    low: int | Fraction | None,
    high: int | Fraction | None,
    low_open: bool,
    high_open: bool,
    step: int | Fraction | None,
) -> str:
    text = ""
    if low is not None and high is not None and not low_open and not high_open:
        text = f" in {number_text(low)} .. {number_text(high)}"
    else:
        if low is not None:
            text += f" {'>' if low_open else '>='} {number_text(low)}"
        if high is not None:
            text += f" {'<' if high_open else '<='} {number_text(high)}"
    if step is not None:
        text += f" step {number_text(step)}"
    return text
