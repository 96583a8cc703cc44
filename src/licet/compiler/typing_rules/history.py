"""`calls(…)`: earlier calls, which only a fold reads, and how a fold becomes an index.

In: a fold over `calls(…)`, typed like one over any list of records. Out: a look-up of its value
(`ir.Fact`), and the `Index` that says what earlier calls add to it. What the fold reads of the call
at hand is read before it goes through the calls, and becomes the look-up's keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from licet.policy_lang import ast
from licet.policy_lang.formatting import expression_text

from .. import ir
from ..bounds import interval
from ..catalog import Tool
from ..folding import both, negation
from ..history import Index, Join, Operation, Plan, Window, digest_of
from ..meaning import meaning
from ..names import alternatives
from ..types import (
    BOOL,
    DECIMAL,
    JSON,
    STRING,
    TIME,
    BoolType,
    DateType,
    DecimalType,
    DurationType,
    EnumType,
    Field,
    IntType,
    ListType,
    OptionalType,
    RecordType,
    StringType,
    TimeType,
    Type,
)
from ..walking import rewritten, walk
from .agreement import join
from .context import Context, Scope, Typed
from .optionals import required

OUTCOME = EnumType("Outcome", ("pending", "ok", "error"))

Fold = ir.Quantifier | ir.Count | ir.Sum | ir.Extremum

#: What a key may be: single values that compare by content.
SCALARS = (
    BoolType, IntType, DecimalType, StringType, EnumType, DateType, TimeType, DurationType,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """What a variable that stands for `calls(…)` goes through."""

    node: ast.HistoryCalls
    tools: tuple[Tool, ...]
    per: ir.Expr | None
    window: Window
    record: RecordType


def infer_calls(context: Context, node: ast.HistoryCalls, scope: Scope) -> Typed | None:
    """A list of `{ tool, args, result, outcome, at, principal, by }`, one for each call."""
    if not context.roots:
        context.error(
            "LIC132",
            "the history cannot be read here",
            node.span,
            scope,
            "it is read in rules, and in defines that rules use",
        )
        return None
    tools = context.declared.tool_sets.resolve(node.tools, scope.unit)
    per = None
    if node.per is not None:
        typed = required(context, node.per, scope)
        if typed is None or not _is_scope(context, typed, node.per, scope):
            return None
        per = typed.expr
    if not tools:
        return None
    if not context.in_fold:
        only_folds(context, node, scope)
        return None
    record = _record(context, tools)
    source = context.variable("calls", ListType(record))
    context.sources[source.slot] = Source(node, tools, per, window_of(node.within), record)
    return Typed(source)


def window_of(node: ast.Window | None) -> Window:
    return Window() if node is None else Window(node.microseconds, node.calendar)


def only_folds(context: Context, node: ast.Expr, scope: Scope) -> None:
    context.error(
        "LIC170",
        "earlier calls are only gone through by `any`, `all`, `count`, `sum`, `min`, `max`",
        node.span,
        scope,
        "write `any(c in calls(…): …)`, `count(c in calls(…): …)`",
    )


def _is_scope(context: Context, typed: Typed, node: ast.Expr, scope: Scope) -> bool:
    """Whether `per` names one value that every call has in the same place."""
    roots = {n.name for n in walk(typed.expr) if isinstance(n, ir.Root)}
    others = any(isinstance(n, ir.Fact | ir.Var) for n in walk(typed.expr))
    if not roots <= {"principal", "context", "session"} or not roots or others:
        context.error(
            "LIC171",
            "`per` names a value that the host gives with every call",
            node.span,
            scope,
            "name a field of `principal`, `context` or `session`; compare arguments in the fold",
        )
        return False
    return is_single(context, typed, node, scope)


def is_single(context: Context, typed: Typed, node: ast.Expr, scope: Scope) -> bool:
    """Whether `per` has a type by which calls can be told apart; else an error."""
    if isinstance(typed.type, StringType | EnumType | IntType | BoolType | DateType):
        return True
    context.mismatch(
        "text, a label, a whole number, a Bool or a Date",
        typed.type,
        node.span,
        scope,
        "calls are counted apart for each value of one plain path",
    )
    return False


def _record(context: Context, tools: tuple[Tool, ...]) -> RecordType:
    index = context.declared.index
    labels = tuple(index.label("rule", entry) for entry in index.entries("rule"))
    return RecordType(
        "call",
        (
            Field("tool", STRING),
            Field("args", _common(tools)),
            Field("result", OptionalType.of(_result(tools))),
            Field("outcome", OUTCOME),
            Field("at", TIME),
            Field("principal", context.declared.scope_record("principal")),
            Field("by", ListType(EnumType("rule names", labels))),
        ),
    )


def _common(tools: tuple[Tool, ...]) -> RecordType:
    """The arguments that all of the tools have, with one type."""
    first, *others = (tool.params for tool in tools)
    fields: list[Field] = []
    for field in first.fields:
        type_: Type | None = field.type
        for other in others:
            theirs = other.field(field.name)
            type_ = None if theirs is None or type_ is None else join(type_, theirs.type)
        if type_ is not None:
            fields.append(Field(field.name, type_))
    name = "args of " + alternatives(tool.qualified for tool in tools)
    return RecordType(name.replace("`", ""), tuple(fields))


def _result(tools: tuple[Tool, ...]) -> Type:
    joined: Type | None = tools[0].result
    for tool in tools:
        joined = None if joined is None or tool.result is None else join(joined, tool.result)
    return JSON if joined is None else joined


# --- folds ---------------------------------------------------------------------------------------


def look_up_fold(
    context: Context, node: ast.Comprehension, fold: Fold, scope: Scope
) -> Typed | None:
    """The fold's value as a look-up by what it reads of the call at hand."""
    source_var = cast(ir.Var, fold.list)
    source = context.sources[source_var.slot]
    parts = _Splitting(context, node, fold, scope)
    body = parts.hoisted(fold.body)
    if parts.failed:
        return None
    fold = cast(Fold, rewritten(fold, lambda e: body if e is fold.body else None))
    index = _index(context, node, fold, source, source_var, parts)
    index = context.declared.remember(index)
    per = () if source.per is None else (source.per,)
    return Typed(ir.Fact(index.name, (*per, *parts.values), index.type))


class _Splitting:
    """Takes a fold's body apart: what is of the earlier call, and what is of the call at hand."""

    def __init__(self, context: Context, node: ast.Comprehension, fold: Fold, scope: Scope) -> None:
        self._context, self._node, self._scope = context, node, scope
        self.call = fold.var
        #: Slots bound by the fold and inside its body.
        self.inner = {fold.var.slot} | {
            part.var.slot
            for part in walk(fold.body)
            if isinstance(
                part,
                ir.Quantifier | ir.Count | ir.Sum | ir.Extremum | ir.ListComp | ir.WhenPresent,
            )
        }
        #: What is read of the call at hand, and the variables that stand for it.
        self.values: list[ir.Expr] = []
        self.keys: list[ir.Var] = []
        self.failed = False

    # --- what an expression reads

    def own(self, expr: ir.Expr) -> bool:
        """It reads the earlier call, or variables bound in the fold."""
        return any(isinstance(n, ir.Var) and n.slot in self.inner for n in walk(expr))

    def others(self, expr: ir.Expr) -> bool:
        """It reads something that is not of the earlier call."""
        return any(
            isinstance(n, ir.Root | ir.Fact | ir.Param)
            or (isinstance(n, ir.Var) and n.slot not in self.inner)
            for n in walk(expr)
        )

    def reads_keys(self, expr: ir.Expr) -> bool:
        slots = {key.slot for key in self.keys}
        return any(isinstance(n, ir.Var) and n.slot in slots for n in walk(expr))

    # --- keys

    def hoisted(self, body: ir.Expr) -> ir.Expr:
        """The body with all that it reads of the call at hand replaced by keys."""

        def change(expr: ir.Expr) -> ir.Expr | None:
            if self.own(expr) or not self.others(expr):
                if isinstance(expr, ir.Fact) and self.own(expr):
                    self._error(
                        "LIC172",
                        f"`{expr.name}` cannot be looked up for an earlier call",
                        "let a rule look it up when that call is made, and ask whether the rule "
                        "is in `c.by`",
                    )
                    return expr
                return None
            # An unwrapped value stays under the condition that shows it to be present.
            if not any(isinstance(n, ir.Unwrap) for n in walk(expr)) and _is_key(expr):
                return self._key(expr)
            if isinstance(expr, ir.Root | ir.Var) or not _has_parts(expr):
                self._error(
                    "LIC173",
                    f"a value of type `{expr.type}` cannot be compared with earlier calls",
                    "compare single values: texts, numbers, labels, dates, or lists of them",
                )
                return expr
            return None

        return rewritten(body, change)

    def _key(self, expr: ir.Expr) -> ir.Var:
        for value, key in zip(self.values, self.keys, strict=True):
            if value == expr:
                return key
        key = self._context.variable(f"key {len(self.keys)}", expr.type)
        self.values.append(expr)
        self.keys.append(key)
        return key

    def _error(self, code: str, message: str, help: str) -> None:
        if not self.failed:
            self._context.error(code, message, self._node.span, self._scope, help)
        self.failed = True

    # --- conditions

    def sorted_out(self, conditions: Sequence[ir.Expr]) -> _Conditions:
        """Conditions on earlier calls by how a store can keep them."""
        found = _Conditions([], [], [], [])
        for condition in conditions:
            if not self.reads_keys(condition):
                found.own.append(condition)
            elif not self.own(condition):
                found.gates.append(condition)
            elif (made := self._join(condition)) is not None:
                found.joins.append(made)
            else:
                found.rest.append(condition)
        return found

    def _join(self, condition: ir.Expr) -> Join | None:
        match condition:
            case ir.Equal(a, b):
                for own, wanted in ((a, b), (b, a)):
                    if self._parted(own, wanted) and isinstance(own.type, SCALARS):
                        return Join(own, wanted)
            case ir.Contains(item, collection) if isinstance(collection.type, ListType):
                if self._parted(collection, item) and isinstance(item.type, SCALARS):
                    return Join(collection, item, many=True)
            case ir.Quantifier("any", var, of, body) if not self.reads_keys(of):
                inner = self.sorted_out(_conjuncts(body))
                if len(inner.joins) == 1 and not (inner.gates or inner.rest):
                    [made] = inner.joins
                    test = both(inner.own) if inner.own else None
                    listed = ir.ListComp(var, of, test, made.own, ListType(made.own.type))
                    return None if made.many else Join(listed, made.wanted, many=True)
            case _:
                pass
        return None

    def _parted(self, own: ir.Expr, wanted: ir.Expr) -> bool:
        """One side reads the earlier call alone, the other keys alone."""
        return not self.reads_keys(own) and self.reads_keys(wanted) and not self.own(wanted)

    def kept(self, expr: ir.Expr, record: ir.Var, values: list[ir.Expr]) -> ir.Expr:
        """The expression over a record of what it needs of the earlier call (`values`)."""

        def change(part: ir.Expr) -> ir.Expr | None:
            slots = {n.slot for n in walk(part) if isinstance(n, ir.Var)}
            if slots != {self.call.slot} or isinstance(part, ir.Var):
                return None
            if any(isinstance(n, ir.Unwrap) for n in walk(part)):
                return None
            if part not in values:
                values.append(part)
            return ir.GetField(record, f"v{values.index(part)}", part.type)

        return rewritten(expr, change)


@dataclass(frozen=True, slots=True)
class _Conditions:
    own: list[ir.Expr]
    gates: list[ir.Expr]
    joins: list[Join]
    rest: list[ir.Expr]


def _index(
    context: Context,
    node: ast.Comprehension,
    fold: Fold,
    source: Source,
    source_var: ir.Var,
    parts: _Splitting,
) -> Index:
    operation, conditions, value = _reading(fold)
    split = parts.sorted_out(conditions)
    record = context.variable("kept", RecordType("kept", ()))
    scan: ir.Expr | None = None
    kept: list[ir.Expr] = []
    if split.rest or (value is not None and parts.reads_keys(value)):
        test = parts.kept(both(split.rest), record, kept)
        amount = None if value is None else parts.kept(value, record, kept)
        scan = _scan(operation, record, source_var, test, amount)
        value = None
    result = _result_type(operation, fold)
    keys = tuple((f"key {i}", v.type) for i, v in enumerate(parts.values))
    per = () if source.per is None else (("per", source.per.type),)
    tools = tuple(tool.qualified for tool in source.tools)
    plan = Plan((), both(split.own), source.per, value)
    calendar = source.window.calendar
    slots: dict[int, int] = {parts.call.slot: 0, source_var.slot: 1, record.slot: 2}
    for key in parts.keys:
        slots[key.slot] = len(slots)
    digest = digest_of(
        operation,
        tools,
        source.window,
        context.declared.zone if calendar else "",
        *(
            None if e is None else meaning(e, slots)
            for e in (plan.condition, plan.per, value, scan, *kept)
        ),
        *((meaning(j.own, slots), meaning(j.wanted, slots), j.many) for j in split.joins),
        *(meaning(gate, slots) for gate in split.gates),
    )
    name = expression_text(node)
    return Index(
        name=name,
        digest=digest,
        operation=operation,
        tools=tools,
        reach="session" if source.per is None else "key",
        window=source.window,
        signature=ir.FactSignature(name, (*per, *keys), result, history=True),
        plans=dict.fromkeys(tools, plan),
        call=parts.call,
        keys=tuple(parts.keys),
        joins=tuple(split.joins),
        gate=both(split.gates) if split.gates else None,
        kept=tuple(kept),
        scan=scan,
        source=source_var,
        reference=fold,
        record=source.record,
    )


def _reading(fold: Fold) -> tuple[Operation, list[ir.Expr], ir.Expr | None]:
    """The operation, the conditions under which a call counts, and what it then adds."""
    match fold:
        case ir.Quantifier("any", _, _, body):
            return "any", _conjuncts(body), None
        case ir.Quantifier("all", _, _, body):
            return "all", _conjuncts(_negated(body)), None
        case ir.Count(_, _, body):
            return "count", _conjuncts(body), None
        case ir.Sum(_, _, ir.If(condition, consequence, ir.Const(0))):
            return "sum", _conjuncts(condition), consequence
        case ir.Sum(_, _, body):
            return "sum", [], body
        case ir.Extremum(op, _, _, body):
            return op, [], body
        case _:
            raise AssertionError("not a fold")


def _conjuncts(expr: ir.Expr) -> list[ir.Expr]:
    if isinstance(expr, ir.And):
        return [part for operand in expr.operands for part in _conjuncts(operand)]
    return [expr]


def _negated(expr: ir.Expr) -> ir.Expr:
    if isinstance(expr, ir.Or):
        return both([_negated(operand) for operand in expr.operands])
    return negation(expr)


def _scan(
    operation: Operation, var: ir.Var, over: ir.Expr, test: ir.Expr, value: ir.Expr | None
) -> ir.Expr:
    """The fold over the records of what was kept: the calls that `test` fits."""
    match operation:
        case "any" | "all" | "count":
            return ir.Count(var, over, test)
        case _ if value is None:
            raise AssertionError("a fold without a value")
        case "sum":
            zero = ir.Const(0, value.type)
            return ir.Sum(var, over, ir.If(test, value, zero, value.type), value.type)
        case "min" | "max":
            return ir.Extremum(operation, var, over, value, OptionalType.of(value.type))


def _result_type(operation: Operation, fold: Fold) -> Type:
    match operation:
        case "any" | "all":
            return BOOL
        case "count":
            return IntType(low=0)
        case "sum":
            assert isinstance(fold, ir.Sum)
            negative = (low := interval(fold.body).low) is None or low < 0
            if isinstance(fold.type, IntType):
                return IntType() if negative else IntType(low=0)
            if isinstance(fold.type, DecimalType):
                return DECIMAL if negative else DecimalType(low=Fraction(0), exact=True)
            return fold.type
        case "min" | "max":
            return fold.type


def _is_key(expr: ir.Expr) -> bool:
    def fits(kind: Type) -> bool:
        match kind:
            case OptionalType(inner):
                return fits(inner)
            case ListType(element):
                return fits(element)
            case _:
                return isinstance(kind, SCALARS)

    return fits(expr.type) and not (isinstance(expr, ir.Root) and expr.name != "now")


def _has_parts(expr: ir.Expr) -> bool:
    return sum(1 for _ in walk(expr)) > 1
