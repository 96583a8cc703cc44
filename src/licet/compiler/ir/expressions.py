"""All expressions: a closed union."""

from __future__ import annotations

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
    Coalesce,
    Const,
    Fact,
    GetField,
    JsonAs,
    JsonPath,
    Param,
    Present,
    Root,
    Some,
    Unwrap,
    Var,
    WhenPresent,
)

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
