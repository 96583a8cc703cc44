"""The typed core of a policy: what each rule means, name by name and type by type.

Every node is total: for operands of the stated types it has exactly one value. `evaluation` states
that value without a solver; `encoding` states it again as SMT terms, written apart from it.
Both take a *world*: values for the roots, and for facts by key.

Conventions
- Every expression has `.type`. An expression whose type is `OptionalType` may be absent (None).
- Nothing but the nodes in "optionals" accepts an optional operand. The type checker has made sure.
- Variables are numbered per rule (`Var.slot`); each binder introduces a fresh slot.
- `Int` and `Decimal` operands mix freely in comparisons and arithmetic: numbers are rationals.
- Evaluation is left to right; `And`, `Or`, `If`, `Coalesce` and quantifiers stop early. That is
  observable only through `JsonAs`, the one node that can refuse (wrong type), see there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from licet.policy_lang import Span

from .types import BOOL, INT, TIME, OptionalType, RecordType, Type, Value

RootName = Literal["args", "principal", "context", "session", "now", "tool", "approver", "result"]


@dataclass(frozen=True, slots=True)
class Const:
    """A value known when the policy was compiled (literals, params, consts)."""

    value: Value
    type: Type


@dataclass(frozen=True, slots=True)
class Param:
    """A param without a value yet: free in proofs; a guard refuses to load with one."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Root:
    """`args`, `principal`, `context`, `session` (records) or `now` (a Time)."""

    name: RootName
    type: Type


@dataclass(frozen=True, slots=True)
class Var:
    """A variable bound by `Let`, `WhenPresent` or a comprehension."""

    slot: int
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class GetField:
    """A field of a record. Its type is the field's (optional for an optional field)."""

    record: Expr
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Fact:
    """`reservation(key, …)`: equal keys have equal values; of optional type if declared `?`."""

    name: str
    keys: tuple[Expr, ...]
    type: Type


# --- optionals ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WhenPresent:
    """Absent if `optional` is; else `body` with `var` bound to the value. `type` is optional.

    `a.b.c` over an optional `a` is WhenPresent(a, v, v.b.c). An optional body does not nest.
    """

    optional: Expr
    var: Var
    body: Expr
    type: OptionalType


@dataclass(frozen=True, slots=True)
class Present:
    """`has optional`."""

    optional: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Unwrap:
    """The value of an optional that the flow of the rule has shown to be present.

    It is evaluated only where presence holds; asking it of an absent value is a bug of ours.
    """

    optional: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Coalesce:
    """`optional ?? default`. Where `default` is optional too, so is the result."""

    optional: Expr
    default: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Some:
    """A value where an optional is wanted."""

    value: Expr
    type: OptionalType


# --- Json --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JsonPath:
    """`a.b.c` into a document: absent if a step is missing or null (or its parent is).

    A step into something that is neither an object nor null is a *wrong type*: see JsonAs.
    The result is a `Json?`.
    """

    document: Expr  # of type Json or Json?
    steps: tuple[str, ...]
    type: OptionalType


@dataclass(frozen=True, slots=True)
class JsonAs:
    """A `Json?` read as `target`: absent stays absent; a value that is not of the target type
    refuses the whole call (kind `bad_argument`, naming the path). Type: target?"""

    document: Expr
    type: OptionalType


# --- logic and comparison ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple[Expr, ...]
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple[Expr, ...]
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class If:
    condition: Expr
    consequence: Expr
    alternative: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Equal:
    """Equality of two values of one type, structural for records, lists and maps.

    Inside structures, absent equals absent. Numbers compare as rationals, text by code points.
    """

    left: Expr
    right: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Less:
    """`left < right`, or `<=` if not `strict`.

    Numbers, Date, Time, Duration by size; String by code points; Enum by declared order.
    """

    left: Expr
    right: Expr
    strict: bool
    type: Type = BOOL


# --- numbers and time --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+ - * /` on rationals; `div` and `%` floored, on Int by a positive constant.

    `/` is exact and typed so that the divisor is a constant other than zero. The same node
    serves Time ± Duration, Time − Time, Date − Date (a Duration), Date ± whole-day Duration
    (`date_shift`), Duration ± Duration and Duration * Int: run-time values are integers of
    microseconds, except that Dates count days, for which the two `date_*` ops convert.
    """

    op: Literal["+", "-", "*", "/", "div", "%", "date_difference", "date_shift"]
    left: Expr
    right: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Negate:
    operand: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Pick:
    """`min(a, b, …)` or `max(a, b, …)` of at least one number, Date, Time or Duration."""

    op: Literal["min", "max"]
    operands: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class ClockPart:
    """`.hour` (Int 0..23), `.weekday` (WEEKDAY), `.date` (Date) of a Time in the policy's zone;
    of a Date (`.weekday` alone), and `.year .month .day` (Int) of a Date."""

    part: Literal["hour", "weekday", "date", "year", "month", "day"]
    operand: Expr
    type: Type


# --- text --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Concat:
    """`+` on strings, flattened."""

    operands: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class TextTest:
    """`text contains part`, `startswith`, `endswith`. The empty part is in every text."""

    op: Literal["contains", "startswith", "endswith"]
    text: Expr
    part: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Matches:
    """Whole-text match of a constant regular expression of the language (see `regex`).

    `like "a*b"` is compiled to a regular expression too: `*` is any text, all else itself.
    """

    text: Expr
    pattern: str
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Builtin:
    """A pure function of the host, the same Python code (`builtins`) for both engines.

    To the solver it is an uninterpreted function: known where its arguments are, else any value
    of its type. `name` is a key of `builtins.BUILTINS`; the safe views, `lower`, `mentions`.
    """

    name: str
    arguments: tuple[Expr, ...]
    type: Type


# --- collections -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MakeList:
    """`[a, b]`."""

    items: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class MakeRecord:
    """A record value; every field of the type, in its order."""

    fields: tuple[tuple[str, Expr], ...]
    type: RecordType


@dataclass(frozen=True, slots=True)
class ListConcat:
    operands: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Length:
    """Of text (code points), a list or a map."""

    operand: Expr
    type: Type = INT


@dataclass(frozen=True, slots=True)
class Contains:
    """`item in collection`: an element of a list, or a key of a map."""

    item: Expr
    collection: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Subset:
    """Every element of the one list is in the other."""

    left: Expr
    right: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Lookup:
    """`map[key]`: absent if there is no such key. Lists are not indexed."""

    map: Expr
    key: Expr
    type: OptionalType


@dataclass(frozen=True, slots=True)
class End:
    """`first(xs)`, `last(xs)`: absent for the empty list."""

    op: Literal["first", "last"]
    list: Expr
    type: OptionalType


@dataclass(frozen=True, slots=True)
class Flatten:
    """`flatten(xss)`: the elements of the lists in a list, in order."""

    list: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Distinct:
    """The list with later repetitions left out; the order of first occurrence stays."""

    list: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Adjacent:
    """Pairs of neighbours: a list of records `{ first, second }`, one shorter than the list."""

    list: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Entries:
    """A map as a list of records `{ key, value }` in the order of keys by code point."""

    map: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Quantifier:
    """`all(var in list: body)` / `any(…)`; true / false for the empty list.

    `id` is unique in the rule; a message's holes name the variables of quantifiers, which then
    stand for the first element that decided (made `any` true, made `all` false).
    """

    op: Literal["all", "any"]
    var: Var
    list: Expr
    body: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Count:
    """The number of elements for which `body` holds."""

    var: Var
    list: Expr
    body: Expr
    type: Type = INT


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of a number (or Duration) per element; 0 for the empty list."""

    var: Var
    list: Expr
    body: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Extremum:
    """The least or greatest `body` over a list; absent for the empty list."""

    op: Literal["min", "max"]
    var: Var
    list: Expr
    body: Expr
    type: OptionalType


@dataclass(frozen=True, slots=True)
class ListComp:
    """`[element for var in list if condition]`."""

    var: Var
    list: Expr
    condition: Expr | None
    element: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class TableRead:
    """A total table: `rows` maps every combination of keys to a value; the first row that fits.

    A row's keys are constants, or None for "every value". Rows are complete over the keys' types
    (checked), so that one always fits.
    """

    name: str
    keys: tuple[Expr, ...]
    rows: tuple[tuple[tuple[Value | None, ...], Value], ...]
    type: Type
    places: tuple[Span, ...] = field(default=(), compare=False, repr=False)  # of the rows


Expr = (
    Const
    | Param
    | Root
    | Var
    | GetField
    | Fact
    | WhenPresent
    | Present
    | Unwrap
    | Coalesce
    | Some
    | JsonPath
    | JsonAs
    | Not
    | And
    | Or
    | If
    | Equal
    | Less
    | Arithmetic
    | Negate
    | Pick
    | ClockPart
    | Concat
    | TextTest
    | Matches
    | Builtin
    | MakeList
    | MakeRecord
    | ListConcat
    | Length
    | Contains
    | Subset
    | Lookup
    | End
    | Flatten
    | Distinct
    | Adjacent
    | Entries
    | Quantifier
    | Count
    | Sum
    | Extremum
    | ListComp
    | TableRead
)


@dataclass(frozen=True, slots=True)
class Let:
    """`let name = value` of a rule. If `value` is optional, `var` has the inner type, and where the
    value is absent the rule is *absent*: a forbid or escalate refuses, a permit does not apply."""

    var: Var
    value: Expr
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it reads for one tool.

    `lets` are bound in order, before the condition. `message` holes may use lets and the variables
    of the condition's quantifiers (by `Var.slot`). `written` are the Bool expressions inside lets
    and condition, each with the text that it came from; whoever looks for one does so by identity.
    """

    kind: Literal["permit", "forbid", "escalate"]
    name: str
    lets: tuple[Let, ...]
    condition: Expr
    message: tuple[str | Expr, ...] | None
    span: Span = field(compare=False, repr=False)
    approver: Expr | None = None  # escalate: the condition on `approver`
    needs: int = 1
    limit: Limit | None = None  # of a rule that was made from a `limit`
    written: tuple[tuple[Span, Expr], ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a rule that was made from a `limit` bounds: `spent + amount` by `bound`.

    `spent` is what earlier calls came to: a `Fact` whose first key, if any, is the value of `per`.
    `amount` is of optional type if it may be absent, which refuses. `counts` says which calls are
    counted, and held by it.
    """

    spent: Fact
    amount: Expr
    bound: Expr
    strict: bool
    counts: Expr


@dataclass(frozen=True, slots=True)
class ToolRules:
    """All rules that stand on one tool, each in the order written."""

    tool: str
    permits: tuple[Rule, ...]
    forbids: tuple[Rule, ...]
    escalations: tuple[Rule, ...]
    #: All of them, in this order.
    rules: tuple[Rule, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", self.permits + self.forbids + self.escalations)


@dataclass(frozen=True, slots=True)
class FactSignature:
    name: str
    params: tuple[tuple[str, Type], ...]
    result: Type  # optional if it may be known not to exist
    shown: bool = False
    #: Not the host's word: what earlier calls come to.
    history: bool = False


TIME_ROOT = Root("now", TIME)
