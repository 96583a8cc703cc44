"""Syntax trees that a policy file can say, for properties of the parser and the formatter.

Every tree drawn here is one that `parse` could return: names are not reserved, chains of
comparisons have one direction, a `>` bound does not stand inside `List<…>`, and so on.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, get_args

from hypothesis import strategies as st

from licet.policy_lang import Source, Span, ast
from licet.policy_lang.literals import UNITS
from licet.policy_lang.tokens import CONTEXTUAL, RESERVED

SPAN = Span(Source("<generated>", ""), 0, 0)

plain_words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
words = st.one_of(plain_words, st.sampled_from(sorted(CONTEXTUAL))).filter(
    lambda word: word not in RESERVED
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
field_names = st.one_of(words, st.sampled_from(sorted(RESERVED)), texts)
_type_words = words.filter(lambda word: word not in ("List", "Map"))
type_names = st.one_of(_type_words, st.builds(lambda a, b: f"{a}.{b}", _type_words, words))
rule_names = st.one_of(words, st.builds(lambda a, b: f"{a}.{b}", words, words))
call_names = rule_names
fact_names = words.filter(
    lambda word: word not in ("as", "call", "given", "now", "principal", "context", "session")
)
_pattern_pieces = st.one_of(st.sampled_from(["\\d", "\\\\", "/", "[a-z]+", ".", "(a|b)?", "é"]))
patterns = st.lists(_pattern_pieces, max_size=4).map("".join)


def _node(cls: Any, *args: Any, **kwargs: Any) -> Any:
    return st.builds(cls, *args, span=st.just(SPAN), **kwargs)


def _tuples(items: st.SearchStrategy[Any], *, low: int = 0, high: int = 3) -> Any:
    return st.lists(items, min_size=low, max_size=high).map(tuple)


# --- literals

_integers = st.integers(0, 10**12).map(Fraction)
numbers = st.one_of(
    _node(ast.NumberLiteral, _integers, st.just(True)),
    _node(
        ast.NumberLiteral,
        st.builds(lambda n, k: Fraction(n, 10**k), st.integers(0, 10**6), st.integers(0, 6)),
        st.just(False),
    ),
)
dates = _node(ast.DateLiteral, st.integers(-719162, 2932896))
times = _node(
    ast.TimeLiteral,
    st.integers(-719162 * 86_400_000_000, 2932896 * 86_400_000_000),
    st.one_of(st.none(), st.integers(-23 * 60, 23 * 60).map(lambda minutes: minutes * 60)),
)
durations = st.builds(
    lambda count, unit: ast.DurationLiteral(count * UNITS[unit], unit, span=SPAN),
    st.integers(0, 10**6),
    st.sampled_from(sorted(UNITS)),
)
names = _node(ast.Name, words)
windows = st.one_of(
    st.builds(
        lambda count, unit: ast.Window(count * UNITS[unit], None, span=SPAN),
        st.integers(0, 10**4),
        st.sampled_from(sorted(UNITS)),
    ),
    _node(ast.Window, st.none(), st.sampled_from(["day", "week", "month", "year"])),
)
_tool_texts = st.from_regex(r"[A-Za-z_*][A-Za-z0-9_*]{0,5}(\.[A-Za-z0-9_*]{1,5})?", fullmatch=True)
tools = st.one_of(
    _node(
        ast.ToolPattern,
        _tool_texts.filter(lambda text: text not in RESERVED and text not in ("per", "within")),
    ),
    _node(ast.ToolPattern, texts.filter(bool), st.just(True)),
)
tool_lists = _tuples(tools, low=1)


# --- expressions

leaves = st.one_of(
    _node(ast.BoolLiteral, st.booleans()),
    numbers,
    _node(ast.StringLiteral, texts),
    dates,
    times,
    durations,
    names,
)


def _chain(first: ast.Expr, ops: list[str], operands: list[ast.Expr]) -> ast.Comparison:
    return ast.Comparison(first, tuple(zip(ops, operands, strict=False)), span=SPAN)  # type: ignore[arg-type]


def _dictionary(values: st.SearchStrategy[Any]) -> Any:
    return st.dictionaries(field_names, values, max_size=3).map(lambda d: tuple(d.items()))


def records(inner: st.SearchStrategy[Any]) -> Any:
    return _node(ast.RecordLiteral, _dictionary(inner))


_read_names = plain_words.filter(lambda word: word not in RESERVED)
_read_types = st.one_of(
    _node(ast.NamedType, _read_names),
    _node(ast.ListType, _node(ast.NamedType, _read_names)),
    _node(ast.MapType, _node(ast.NamedType, _read_names), _node(ast.NamedType, _read_names)),
)


def paths_over(inner: st.SearchStrategy[Any]) -> Any:
    return st.one_of(
        names,
        _node(ast.Member, inner, field_names),
        _node(ast.Index, inner, inner),
        _node(ast.ReadAs, inner, _read_types),
        _node(ast.Call, call_names, _tuples(inner)),
    )


def _extend(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    generators = _node(ast.Generator, _tuples(words, low=1, high=2), inner)
    directions = st.sampled_from([["<", "<=", "=="], [">", ">=", "=="]])
    chains = directions.flatmap(
        lambda ops: st.builds(
            _chain,
            inner,
            st.lists(st.sampled_from(ops), min_size=1, max_size=3),
            st.lists(inner, min_size=3, max_size=3),
        )
    )
    unequal = st.builds(_chain, inner, st.just(["!="]), st.lists(inner, min_size=1, max_size=1))
    return st.one_of(
        paths_over(inner),
        _node(ast.Unary, st.sampled_from(["not", "-"]), inner),
        _node(ast.Binary, st.sampled_from(get_args(ast.BinaryOp)), inner, inner),
        chains,
        unequal,
        _node(ast.WordComparison, st.sampled_from(get_args(ast.WordOp)), inner, inner),
        _node(ast.Matches, inner, patterns, pattern_span=st.just(SPAN)),
        _node(ast.Has, paths_over(inner)),
        _node(ast.Conditional, inner, inner, inner),
        _node(ast.ListLiteral, _tuples(inner)),
        records(inner),
        _node(
            ast.Comprehension, st.sampled_from(get_args(ast.ComprehensionKind)), generators, inner
        ),
        _node(ast.ListComprehension, inner, generators, st.one_of(st.none(), inner)),
        _node(
            ast.HistoryCalls,
            tool_lists,
            st.one_of(st.none(), paths_over(inner)),
            st.one_of(st.none(), windows),
        ),
    )


expressions = st.recursive(leaves, _extend, max_leaves=6)
paths = paths_over(st.one_of(names, paths_over(names)))


@st.composite
def messages(draw: st.DrawFn) -> ast.Message:
    """Texts and holes, no text empty or beside another."""
    parts: list[str | ast.Expr] = []
    for part in draw(st.lists(st.one_of(texts.filter(bool), expressions), max_size=4)):
        if not (isinstance(part, str) and parts and isinstance(parts[-1], str)):
            parts.append(part)
    return ast.Message(tuple(parts), span=SPAN)


# --- types

_simple_edges = st.one_of(numbers, durations, dates, times, names)
edges = st.one_of(_simple_edges, _node(ast.Unary, st.just("-"), _simple_edges))


def _bounds(*, may_open_low: bool) -> Any:
    low = _node(ast.Bounds, edges, st.none(), st.booleans() if may_open_low else st.just(False))
    high = _node(ast.Bounds, st.none(), edges, st.just(False), st.booleans())
    return st.one_of(st.none(), low, high, _node(ast.Bounds, edges, edges))


def _named(*, may_open_low: bool) -> Any:
    return _node(
        ast.NamedType,
        type_names,
        _bounds(may_open_low=may_open_low),
        st.one_of(st.none(), edges),
        st.one_of(st.none(), patterns),
    )


def _maybe(types: st.SearchStrategy[Any]) -> Any:
    return st.one_of(types, _node(ast.OptionalType, types))


_elements = st.recursive(
    _maybe(_named(may_open_low=False)),
    lambda inner: _maybe(st.one_of(_node(ast.ListType, inner), _node(ast.MapType, inner, inner))),
    max_leaves=3,
)
_flat_types = st.one_of(
    _named(may_open_low=True),
    _node(ast.ListType, _elements),
    _node(ast.MapType, _elements, _elements),
)
_fields = _tuples(_node(ast.FieldDecl, field_names, _maybe(_flat_types)))
record_types = _node(ast.RecordType, _fields)
types = _maybe(st.one_of(_flat_types, record_types, _node(ast.ListType, record_types)))
fields = _tuples(_node(ast.FieldDecl, field_names, types))


# --- declarations

approvals = _node(ast.Approval, expressions, st.integers(1, 12))
lets = _tuples(_node(ast.Let, words, expressions), high=2)
optional_expressions = st.one_of(st.none(), expressions)
scopes = st.sampled_from(["principal", "context", "session"])
aggregates = st.one_of(
    _node(ast.Aggregate, tool_lists, st.just("count"), st.none()),
    _node(ast.Aggregate, tool_lists, st.just("sum"), expressions),
)
values = records(expressions)
given_facts = st.one_of(
    _node(ast.GivenFact, fact_names, _tuples(expressions), expressions, st.just("value")),
    _node(
        ast.GivenFact,
        fact_names,
        _tuples(expressions),
        st.none(),
        st.sampled_from(["absent", "unknown"]),
    ),
)
givens = _node(
    ast.Given,
    _tuples(
        st.one_of(
            _node(ast.GivenScope, scopes, values), _node(ast.GivenNow, expressions), given_facts
        ),
        low=1,
    ),
)
_blocks = st.tuples(
    st.lists(givens, max_size=2),
    _node(ast.CallStep, tools, values),
    _node(
        ast.Then,
        st.sampled_from(["allow", "deny", "escalate"]),
        st.one_of(st.none(), _tuples(rule_names, low=1)),
    ),
)
steps = st.lists(_blocks, min_size=1, max_size=2).map(
    lambda blocks: tuple(step for given, call, then in blocks for step in (*given, call, then))
)
_flags = st.lists(
    st.sampled_from(["read_only", "destructive", "atomic", "dispatch"]), unique=True, max_size=3
).map(tuple)
_argument_paths = _tuples(_tuples(field_names, low=1, high=2))


def _rules(kind: str) -> Any:
    return _node(
        ast.RuleDecl,
        st.just(kind),
        words,
        tool_lists,
        lets,
        optional_expressions,
        optional_expressions,
        st.one_of(st.none(), messages()),
        approvals if kind == "escalate" else st.none(),
    )


declarations = st.one_of(
    _node(ast.PolicyDecl, texts),
    _node(ast.TimezoneDecl, texts),
    _node(
        ast.UseTools,
        st.one_of(st.none(), words),
        _tuples(_node(ast.StringLiteral, texts), low=1),
        st.one_of(st.none(), words),
    ),
    _node(ast.Import, texts, _dictionary(expressions)),
    _node(ast.ToolDecl, field_names, fields, st.one_of(st.none(), types), _flags, _tuples(texts)),
    _node(ast.EnumDecl, words, _tuples(field_names, low=1)),
    _node(ast.RecordDecl, words, fields),
    _node(ast.ValueDecl, words, types, optional_expressions, st.just(True)),
    _node(ast.ValueDecl, words, st.one_of(st.none(), types), expressions, st.just(False)),
    _node(
        ast.TableDecl,
        words,
        _tuples(types, low=1),
        types,
        _tuples(_node(ast.TableRow, _tuples(expressions, low=1), expressions)),
        st.booleans(),
    ),
    _node(ast.ScopeDecl, scopes, fields),
    _node(ast.FactDecl, words, fields, types),
    _node(ast.GroupDecl, words, tool_lists),
    _node(ast.DefineDecl, words, st.one_of(st.none(), _tuples(words)), expressions),
    _node(ast.ChangeDecl, tool_lists, expressions, expressions),
    _node(ast.ShownDecl, _tuples(paths, low=1)),
    _node(ast.AdjustableDecl, _tuples(_node(ast.Adjustable, tools, _argument_paths), low=1)),
    _rules("permit"),
    _rules("forbid"),
    _rules("escalate"),
    _node(
        ast.LimitDecl,
        words,
        _tuples(aggregates, low=1, high=2),
        st.one_of(st.none(), paths),
        st.one_of(st.none(), windows),
        st.sampled_from(["<=", "<"]),
        expressions,
        lets,
        optional_expressions,
        optional_expressions,
        optional_expressions,
        st.one_of(st.none(), approvals),
        st.one_of(st.none(), messages()),
    ),
    _node(
        ast.ProveDecl,
        words,
        st.sampled_from(["never", "always", "can"]),
        tool_lists,
        optional_expressions,
    ),
    _node(ast.TestDecl, texts, steps),
)
files = _node(ast.File, _tuples(declarations))
