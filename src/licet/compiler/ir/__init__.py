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

from .lists import (
    Adjacent,
    Contains,
    Count,
    Distinct,
    End,
    Entries,
    Extremum,
    Flatten,
    Length,
    ListComp,
    ListConcat,
    Lookup,
    MakeList,
    MakeRecord,
    Quantifier,
    Subset,
    Sum,
    TableRead,
)
from .operations import (
    And,
    Arithmetic,
    Builtin,
    ClockPart,
    Concat,
    Equal,
    If,
    Less,
    Matches,
    Negate,
    Not,
    Or,
    Pick,
    TextTest,
)
from .reading import (
    TIME_ROOT,
    Coalesce,
    Const,
    Fact,
    GetField,
    JsonAs,
    JsonPath,
    Param,
    Present,
    Root,
    RootName,
    Some,
    Unwrap,
    Var,
    WhenPresent,
)
from .rules import FactSignature, Let, Limit, Rule, ToolRules

#: All expressions: a closed union.
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

__all__ = [
    "TIME_ROOT",
    "Adjacent",
    "And",
    "Arithmetic",
    "Builtin",
    "ClockPart",
    "Coalesce",
    "Concat",
    "Const",
    "Contains",
    "Count",
    "Distinct",
    "End",
    "Entries",
    "Equal",
    "Expr",
    "Extremum",
    "Fact",
    "FactSignature",
    "Flatten",
    "GetField",
    "If",
    "JsonAs",
    "JsonPath",
    "Length",
    "Less",
    "Let",
    "Limit",
    "ListComp",
    "ListConcat",
    "Lookup",
    "MakeList",
    "MakeRecord",
    "Matches",
    "Negate",
    "Not",
    "Or",
    "Param",
    "Pick",
    "Present",
    "Quantifier",
    "Root",
    "RootName",
    "Rule",
    "Some",
    "Subset",
    "Sum",
    "TableRead",
    "TextTest",
    "ToolRules",
    "Unwrap",
    "Var",
    "WhenPresent",
]
