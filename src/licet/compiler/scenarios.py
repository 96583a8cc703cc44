"""Pass 8: `test` blocks as values that are ready to run; typos in them are errors at load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from licet.policy_lang import ast

from . import ir
from .declarations import SCOPES, Declarations
from .gathering import Entry, Unit
from .names import suggestion
from .program import GivenValues, TestCase, TestStep
from .types import TIME, EnumType, ListType, MapType, OptionalType, RecordType, Type, Value
from .typing_rules.agreement import is_poisoned
from .values import render
from .world import UNKNOWN


class _Wrong(Exception):  # noqa: N818 - control flow inside this module
    """An error was reported."""


def resolve_tests(declared: Declarations) -> tuple[TestCase, ...]:
    """Every test of the policy that could be resolved."""
    cases: list[TestCase] = []
    for entry in declared.index.entries("test"):
        assert isinstance(entry.declaration, ast.TestDecl)
        steps = _steps(declared, entry, entry.declaration)
        cases.append(TestCase(entry.name, entry.declaration, entry.span, steps))
    return tuple(cases)


def _steps(declared: Declarations, entry: Entry, test: ast.TestDecl) -> tuple[TestStep, ...]:
    """The calls with what must come of them; the grammar puts one `then` after each call.

    Givens without a call between them are one.
    """
    given = _given(declared, (), entry.unit)
    items: list[ast.GivenItem] = []
    found: list[TestStep] = []
    ready: tuple[str, dict[str, object]] | None = None
    for step in test.steps:
        match step:
            case ast.Given():
                items += step.items
            case ast.CallStep():
                if items:
                    given, items = _given(declared, items, entry.unit), []
                ready = _call(declared, step, entry.unit)
                span = step.span
            case ast.Then():
                rules = _rules(declared, step, entry.unit)
                if ready is not None:
                    tool, args = ready
                    ending, result = _ending(declared, step, tool, entry.unit)
                    found.append(
                        TestStep(given, tool, args, step.outcome, rules, ending, result, span)
                    )
    return tuple(found)


_ENDINGS: Final = {"error": "error", "pending": "pending", "cancelled": "cancelled"}


def _ending(declared: Declarations, then: ast.Then, tool: str, unit: Unit) -> tuple[Any, object]:
    """How an allowed call ends, and what its tool answers."""
    match then.result:
        case None:
            return "ok", None
        case ast.Name(name=name) if name in _ENDINGS:
            ending = _ENDINGS[name]
        case node:
            result = declared.tool_sets.catalog.qualified[tool].result
            try:
                return _allowed(declared, then, "ok", _data(declared, node, result, unit))
            except _Wrong:
                return "ok", None
    return _allowed(declared, then, ending, None)


def _allowed(
    declared: Declarations, then: ast.Then, ending: str, result: object
) -> tuple[str, object]:
    if then.outcome != "allow":
        declared.reporter.error(
            "LIC176",
            "a call that is not allowed has no result",
            then.span,
            "leave `result` out, or expect `allow`",
        )
    return ending, result


def _rules(declared: Declarations, then: ast.Then, unit: Unit) -> tuple[str, ...] | None:
    if then.by is None:
        return None
    labels: list[str] = []
    for name in then.by:
        entry = declared.index.find("rule", name, unit, then.span)
        if entry is None:
            known = declared.index.names("rule", unit)
            declared.reporter.error(
                "LIC101",
                f"unknown rule `{name}`",
                then.span,
                suggestion(name, known, "name rules of this policy"),
            )
        else:
            labels.append(declared.index.label("rule", entry))
    return tuple(labels)


def _call(
    declared: Declarations, call: ast.CallStep, unit: Unit
) -> tuple[str, dict[str, object]] | None:
    tools = declared.tool_sets.resolve((call.tool,), unit)
    if len(tools) != 1:
        if tools:
            declared.reporter.error(
                "LIC106",
                f"`{call.tool.text}` is not one tool",
                call.tool.span,
                f"call one of them, such as `{tools[0].qualified}`",
            )
        return None
    try:
        args = _data(declared, call.args, tools[0].params, unit)
    except _Wrong:
        return None
    assert isinstance(args, dict)
    return tools[0].qualified, args


def _data(declared: Declarations, node: ast.Expr, type_: Type | None, unit: Unit) -> object:
    """What a model would send: any JSON data, also such as the tool will not take."""
    inner = type_.inner if isinstance(type_, OptionalType) else type_
    match node:
        case ast.RecordLiteral(fields=fields):
            return {
                name: _data(declared, value, _part(inner, name), unit) for name, value in fields
            }
        case ast.ListLiteral(items=items):
            element = inner.element if isinstance(inner, ListType) else None
            return [_data(declared, item, element, unit) for item in items]
        case ast.StringLiteral(value=text):
            return text
        case _:
            wanted = inner if isinstance(inner, EnumType) else None
            const = declared.constant(node, unit, wanted)
            if const is None:
                raise _Wrong
            return render(const.value, const.type)


def _part(type_: Type | None, name: str) -> Type | None:
    if isinstance(type_, RecordType):
        field = type_.field(name)
        return None if field is None else field.type
    return type_.value if isinstance(type_, MapType) else None


def _given(declared: Declarations, items: Sequence[ast.GivenItem], unit: Unit) -> GivenValues:
    found = GivenValues(
        **{name: _unknown(declared.scope_record(name)) for name in SCOPES}  # type: ignore[arg-type]
    )
    now: Value = UNKNOWN
    seen: set[str] = set()
    for item in items:
        if not isinstance(item, ast.GivenFact):
            name = item.scope if isinstance(item, ast.GivenScope) else "now"
            if name in seen:
                declared.reporter.error(
                    "LIC102", f"`{name}` is given twice", item.span, "keep one of the two"
                )
            seen.add(name)
        try:
            match item:
                case ast.GivenScope(scope=scope, value=value):
                    if scope not in declared.index.scopes:
                        declared.reporter.error(
                            "LIC101",
                            f"no `{scope}` is declared",
                            item.span,
                            f"declare what the host knows: `{scope} {{ field: Type }}`",
                        )
                        continue
                    read = _value(declared, value, declared.scope_record(scope), unit)
                    assert isinstance(read, dict)
                    getattr(found, scope).update(read)
                case ast.GivenFact():
                    _fact(declared, item, unit, found)
                case ast.GivenNow(value=value):
                    now = _value(declared, value, TIME, unit)
        except _Wrong:
            continue
    return GivenValues(
        found.principal,
        found.context,
        found.session,
        found.facts,
        now if isinstance(now, int) else UNKNOWN,
    )


def _unknown(record: RecordType) -> dict[str, Value]:
    return {field.name: UNKNOWN for field in record.fields}


def _fact(declared: Declarations, item: ast.GivenFact, unit: Unit, found: GivenValues) -> None:
    entry = declared.index.find("value", item.name, unit, item.span)
    if entry is None or not isinstance(entry.declaration, ast.FactDecl):
        facts = [
            e.name
            for e in declared.index.entries("value")
            if isinstance(e.declaration, ast.FactDecl)
        ]
        declared.reporter.error(
            "LIC101",
            f"unknown fact `{item.name}`",
            item.span,
            suggestion(item.name, facts, "declare it: `fact NAME(key: Type) -> Type`"),
        )
        return
    signature = declared.fact(entry)
    if signature is None:
        return
    keys = _fact_keys(declared, item, signature, unit)
    if item.state == "unknown":
        value: Value = UNKNOWN
    elif item.state == "absent" or item.value is None:
        if not isinstance(signature.result, OptionalType):
            declared.reporter.error(
                "LIC112",
                f"`{item.name}` is declared to exist for every key",
                item.span,
                "declare its result with `?`, or give a value",
            )
            return
        value = None
    else:
        value = _value(declared, item.value, signature.result, unit)
    known = found.facts.setdefault(signature.name, {})
    if keys in known:
        declared.reporter.error(
            "LIC102",
            f"`{item.name}` is given twice for one key",
            item.span,
            "equal keys have equal values: keep one of the two",
        )
    known[keys] = value


def _fact_keys(
    declared: Declarations, item: ast.GivenFact, signature: ir.FactSignature, unit: Unit
) -> tuple[Value, ...]:
    if len(item.keys) != len(signature.params):
        many = f"{len(signature.params)} key{'' if len(signature.params) == 1 else 's'}"
        declared.reporter.error(
            "LIC114",
            f"`{item.name}` takes {many}, not {len(item.keys)}",
            item.span,
            f"write `{item.name}({', '.join(name for name, _ in signature.params)})`",
        )
        raise _Wrong
    return tuple(
        _value(declared, key, type_, unit)
        for key, (_, type_) in zip(item.keys, signature.params, strict=True)
    )


def _value(declared: Declarations, node: ast.Expr, type_: Type, unit: Unit) -> Value:
    """A given value; a required field that is left out is unknown. Raises `_Wrong`."""
    if is_poisoned(type_):
        raise _Wrong
    inner = type_.inner if isinstance(type_, OptionalType) else type_
    match node, inner:
        case ast.RecordLiteral(fields=fields), RecordType() as record:
            given: dict[str, Value] = {}
            wrong = False
            for name, value in fields:
                field = record.field(name)
                if field is None:
                    declared.reporter.error(
                        "LIC109",
                        f"unknown field of `{record}`: `{name}`",
                        value.span,
                        suggestion(name, (f.name for f in record.fields), "it has no fields"),
                    )
                    wrong = True
                    continue
                try:
                    given[name] = _value(declared, value, field.type, unit)
                except _Wrong:
                    wrong = True
            if wrong:
                raise _Wrong
            absent = {
                f.name: None if isinstance(f.type, OptionalType) else UNKNOWN for f in record.fields
            }
            return {**absent, **given}
        case ast.RecordLiteral(fields=fields), MapType(key=key, value=element):
            for name, value in fields:
                if isinstance(key, EnumType) and name not in key.labels:
                    declared.reporter.error(
                        "LIC110",
                        f"unknown label of `{key}` `{name}`",
                        value.span,
                        suggestion(name, key.labels, "use one of the declared labels"),
                    )
                    raise _Wrong
            return {
                name: _value(declared, value, element, unit)
                for name, value in sorted(fields, key=lambda pair: pair[0])
            }
        case ast.ListLiteral(items=items), ListType(element=element):
            return tuple(_value(declared, item, element, unit) for item in items)
        case _:
            const = declared.typed_constant(node, unit, type_, "this")
            if const is None:
                raise _Wrong
            return const.value
